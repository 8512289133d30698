// The compiled configuration: immutable once built, shared, swapped whole. Thread-safe. One that is
// built upon another shares with it everything that has not changed.
#pragma once

#include <chrono>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ip_ranges.h"
#include "base/time.h"
#include "crypto/client_certificates.h"
#include "decision/matcher.h"
#include "decision/path_index.h"
#include "decision/shared_containers.h"
#include "jose/jwk.h"
#include "model/login_design.h"
#include "model/resources.h"

namespace gatehouse::decision {

using MatcherList = std::vector<std::unique_ptr<const Matcher>>;

struct CompiledRules {
  MatcherList include;  // OR
  MatcherList exclude;  // none may hold
  MatcherList require;  // AND
};

struct CompiledPolicy {
  std::string id;
  std::string name;
  model::Action action = model::Action::Block;
  CompiledRules rules;
  std::optional<std::chrono::seconds> session_duration;
  bool purpose_justification_required = false;
  std::string purpose_justification_prompt;
  std::optional<model::DashboardRole> dashboard_role{};
};

// An external evaluator that some policy looks at. docs/reference/external-evaluation.md
struct Evaluator {
  std::string key;  // evaluation_key()
  std::string evaluate_url;
  std::string keys_url;
  std::chrono::seconds max_age{3600};
  bool operator==(const Evaluator&) const = default;
};
// What names an evaluator's answers in a session: the hex digest of both URLs.
[[nodiscard]] std::string evaluation_key(std::string_view evaluate_url, std::string_view keys_url);

// What decisions need from outside the request.
struct Needs {
  std::vector<std::string> posture_integrations;  // that some policy of it looks at
  std::vector<Evaluator> evaluators;              // likewise
  bool uses_country = false;                      // some policy of it looks at the country
  bool operator==(const Needs&) const = default;
};

struct CompiledGroup {
  std::string id;
  std::string name;
  CompiledRules rules;  // cycles are refused by compile()
  Needs needs{};        // of these rules, and of the groups that they ask
};

struct CompiledList {
  std::string id;
  std::string name;
  model::ListType type = model::ListType::Email;
  TextMap<std::monostate> emails;  // canonical
  IpRanges networks;
};

enum class Comparison : std::uint8_t { Less, LessOrEqual, Equal, GreaterOrEqual, Greater };
[[nodiscard]] std::optional<Comparison> parse_comparison(std::string_view text);  // `<=`
[[nodiscard]] std::string_view to_string(Comparison comparison);
[[nodiscard]] bool holds(double value, Comparison comparison, double limit);

struct CompiledPostureRule {
  std::string id;
  std::string name;
  std::string type;
  std::string integration_id;  // empty: nothing brings evidence for it
  bool require_managed = true;
  std::chrono::seconds max_checkin_age{7 * 24 * 3600};
  std::chrono::seconds max_evidence_age{3600};
  bool require_patched = false;  // patch_status: compliant
  struct Limit {
    Comparison comparison = Comparison::LessOrEqual;
    double value = 0;
  };
  std::optional<Limit> vulnerability_score;
};

struct CompiledServiceToken {
  std::string id;
  std::string name;
  std::string client_id;
  std::string secret_sha256;  // 32 raw bytes
  std::optional<Instant> expires_at;
  bool enabled = true;
  // Of the secret before the last rotation: good as well before that instant. Empty: none.
  std::string previous_secret_sha256;
  Instant previous_expires_at{};
};

// One of the administrator's own pages.
struct CompiledPage {
  model::CustomPageType type = model::CustomPageType::Forbidden;
  std::shared_ptr<const std::string> html;
};

struct CompiledApplication : model::ApplicationSettings, Needs {
  std::string id;
  std::string audience;
  std::string name;
  std::string hostname;                  // of the primary domain, for links
  std::vector<CompiledPolicy> policies;  // Bypass and ServiceAuth first, each part in order
  std::vector<std::string> domains;      // set by the builder
  // HTML of the administrator's own pages; null: ours.
  std::shared_ptr<const std::string> forbidden_page;
  std::shared_ptr<const std::string> identity_denied_page;
};

class Applications;

class Snapshot {
 public:
  // The application whose host and path are the most specific match; nullptr when none is. An exact
  // host comes before `*.` and the rest of it, which stands for exactly one label; then
  // path_index.h. `host` without port, any case, a final dot ignored. `path` is a plain decoded
  // path.
  [[nodiscard]] const CompiledApplication* find_application(std::string_view host,
                                                            std::string_view path) const;
  // Like find_application on the raw request target's path (no query) as it is forwarded:
  // every way an application may read it (readings.h; letter case; with and without the file name
  // extension) must lead to the same application. A path that does not begin with `/` or is longer
  // than kMaxUrlBytes is ambiguous. Allocates nothing for a plain path in lower case.
  struct Located {
    const CompiledApplication* application = nullptr;
    bool ambiguous = false;  // the readings differ: refuse with AmbiguousPath
  };
  [[nodiscard]] Located locate(std::string_view host, std::string_view raw_path) const;
  // The application that has every path of this host, when there is such a one: locate() need not
  // look at the path then. nullptr otherwise.
  [[nodiscard]] const CompiledApplication* sole_application(std::string_view host) const;
  [[nodiscard]] bool knows_host(std::string_view host) const;

  [[nodiscard]] const CompiledApplication* application_by_audience(std::string_view aud) const;
  [[nodiscard]] const CompiledServiceToken* service_token_by_client_id(std::string_view id) const;
  [[nodiscard]] const CompiledGroup& group(std::uint32_t index) const { return groups_[index]; }
  [[nodiscard]] const CompiledList& list(std::uint32_t index) const { return *lists_[index]; }
  // The authorities whose client certificates count on this host: an exact host's own, else those
  // of the wildcard above it; nullptr when it has none.
  [[nodiscard]] const crypto::ClientCertificates* client_certificates(std::string_view host) const;
  [[nodiscard]] const CompiledPostureRule& posture_rule(std::uint32_t index) const {
    return posture_rules_[index];
  }
  [[nodiscard]] Applications applications() const;   // in no order that means anything
  [[nodiscard]] const std::string& issuer() const {  // https://auth[:port]
    return foundation_->issuer;
  }
  [[nodiscard]] const std::string& auth_domain() const {  // host, no port
    return foundation_->auth_domain;
  }
  [[nodiscard]] const std::string& organization_name() const { return organization_name_; }
  // How the gateway's own pages look.
  [[nodiscard]] const model::LoginDesign& login_design() const { return *login_design_; }
  [[nodiscard]] const jose::JwkSet& keys() const { return foundation_->keys; }
  [[nodiscard]] std::uint64_t sequence() const { return sequence_; }
  [[nodiscard]] std::chrono::seconds node_state_max_age() const { return node_state_max_age_; }

  // By id, for compiling what is built upon this snapshot.
  [[nodiscard]] const CompiledApplication* application_by_id(std::string_view id) const;
  [[nodiscard]] const CompiledServiceToken* service_token_by_id(std::string_view id) const;
  [[nodiscard]] std::optional<std::uint32_t> group_index(std::string_view id) const;
  // The places that the next new ones will have, one after the other.
  [[nodiscard]] std::uint32_t next_group() const { return groups_.next_place(); }
  [[nodiscard]] std::uint32_t next_posture_rule() const { return posture_rules_.next_place(); }
  [[nodiscard]] std::optional<std::uint32_t> list_index(std::string_view id) const;
  [[nodiscard]] std::optional<std::uint32_t> posture_rule_index(std::string_view id) const;
  [[nodiscard]] bool has_login_method(std::string_view id) const;
  [[nodiscard]] const CompiledPage* page(std::string_view id) const;
  // Those of applications that have none of their own; null html: ours.
  [[nodiscard]] const CompiledPage& forbidden_page() const { return foundation_->forbidden_page; }
  [[nodiscard]] const CompiledPage& identity_denied_page() const {
    return foundation_->identity_denied_page;
  }

 private:
  friend class SnapshotBuilder;
  // What an application says of a host: one of its paths there, as it was written.
  struct Claim {
    std::uint32_t application = 0;
    std::string path;
  };
  // The paths of one host pattern, as written and with ASCII letters folded.
  struct HostPaths {
    PathIndex exact;
    PathIndex folded;
    bool mixed_case = false;  // some pattern has an upper case letter
    std::string host;
    std::vector<Claim> claims;
  };
  // What is known of one host: its own entry, and that of the wildcard above it.
  struct Host {
    const HostPaths* own = nullptr;
    const HostPaths* wildcard = nullptr;
    [[nodiscard]] bool known() const { return own != nullptr || wildcard != nullptr; }
    [[nodiscard]] std::optional<PathIndex::Hit> find(PathIndex HostPaths::* index,
                                                     std::string_view path) const;
    [[nodiscard]] std::optional<std::uint32_t> sole_application() const;
    [[nodiscard]] bool mixed_case() const;
  };
  class Agreement;
  [[nodiscard]] Host host_of(std::string_view host) const;

  // What stays the same in all snapshots that are built upon one another.
  struct Foundation {
    TextMap<std::shared_ptr<const crypto::ClientCertificates>>
        client_certificates;  // by host pattern
    TextMap<std::uint32_t> list_indexes;
    TextMap<CompiledPage> pages;
    CompiledPage forbidden_page;
    CompiledPage identity_denied_page;
    jose::JwkSet keys;
    std::string issuer;
    std::string auth_domain;
  };
  using Hosts = SharedMap<std::shared_ptr<const HostPaths>>;

  std::shared_ptr<const Foundation> foundation_ = std::make_shared<const Foundation>();
  // Matchers, paths and the maps below name places in these. A removed application leaves an empty
  // one, which the next new one takes.
  SharedSlots<CompiledApplication> applications_;
  std::vector<std::shared_ptr<const CompiledList>> lists_;
  SharedPlaces<CompiledGroup> groups_;
  SharedPlaces<CompiledPostureRule> posture_rules_;
  Hosts exact_hosts_;
  Hosts wildcard_hosts_;  // key: what follows `*.`
  SharedMap<std::uint32_t> by_audience_;
  SharedMap<std::uint32_t> by_id_;
  SharedMap<std::shared_ptr<const CompiledServiceToken>> by_client_id_;
  SharedMap<const CompiledServiceToken*> service_tokens_by_id_;
  SharedMap<std::shared_ptr<const std::string>> login_methods_;
  std::string organization_name_;
  std::shared_ptr<const model::LoginDesign> login_design_ =
      std::make_shared<const model::LoginDesign>();
  std::chrono::seconds node_state_max_age_{};
  std::size_t application_count_ = 0;
  std::uint64_t sequence_ = 0;
};

// A forward range of the applications that are there. Borrowed from the snapshot.
class Applications {
 public:
  using Slots = SharedSlots<CompiledApplication>;
  using value_type = CompiledApplication;

  class iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = CompiledApplication;
    using difference_type = std::ptrdiff_t;
    using pointer = const CompiledApplication*;
    using reference = const CompiledApplication&;

    iterator() = default;
    iterator(const Slots* slots, std::size_t at) : slots_(slots), at_(at) { skip(); }
    reference operator*() const { return *(*slots_)[at_]; }
    pointer operator->() const { return (*slots_)[at_]; }
    iterator& operator++() {
      ++at_;
      skip();
      return *this;
    }
    iterator operator++(int) {
      const iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const iterator&) const = default;

   private:
    void skip() {
      while (at_ < slots_->size() && (*slots_)[at_] == nullptr) ++at_;
    }
    const Slots* slots_ = nullptr;
    std::size_t at_ = 0;
  };

  Applications(const Slots& slots, std::size_t size) : slots_(slots), size_(size) {}
  [[nodiscard]] iterator begin() const { return {&slots_, 0}; }
  [[nodiscard]] iterator end() const { return {&slots_, slots_.size()}; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] const CompiledApplication& front() const { return *begin(); }
  // Counts from the first one.
  [[nodiscard]] const CompiledApplication& operator[](std::size_t n) const {
    return *std::next(begin(), static_cast<std::ptrdiff_t>(n));
  }

 private:
  const Slots& slots_;
  std::size_t size_;
};

inline Applications Snapshot::applications() const { return {applications_, application_count_}; }

// The only way to fill a Snapshot; used by policy/ and by tests of the engine.
class SnapshotBuilder {
 public:
  // An empty one.
  SnapshotBuilder();
  // Everything that `before` has, to be changed. What all that are built upon one another share
  // cannot be: the auth domain, keys, pages, client certificates, and which lists there are.
  explicit SnapshotBuilder(const Snapshot& before);

  void set_organization(std::string name, std::string auth_domain, std::string issuer,
                        std::chrono::seconds node_state_max_age);
  void set_organization(std::string name, std::chrono::seconds node_state_max_age);
  void set_login_design(model::LoginDesign design);
  void set_keys(jose::JwkSet keys);
  void set_sequence(std::uint64_t sequence);
  void add_login_method(std::string id);  // or one that is there
  void remove_login_method(std::string_view id);
  void add_page(std::string id, CompiledPage page);
  void set_forbidden_page(CompiledPage page);
  void set_identity_denied_page(CompiledPage page);
  // In the place of the one with its id, else in Snapshot::next_group(). INVARIANT: what names a
  // removed one is removed or replaced as well; else it fails whenever it is asked.
  std::uint32_t add_group(CompiledGroup group);
  void remove_group(std::string_view id);  // one that is there
  std::uint32_t add_list(CompiledList list);
  // Every rule that asks the list at `index` asks this one.
  void replace_list(std::uint32_t index, CompiledList list);
  // `host` exact or `*.example.com`.
  void add_client_certificates(std::string_view host,
                               std::shared_ptr<const crypto::ClientCertificates> authorities);
  // As groups.
  std::uint32_t add_posture_rule(CompiledPostureRule rule);
  void remove_posture_rule(std::string_view id);  // one that is there
  void add_service_token(CompiledServiceToken token);
  void remove_service_token(std::string_view id);  // one that is there
  // `domains` are host[/path] patterns, already validated: `*` in the host only as its first label.
  // A path may be written decoded or as browsers encode it. Sorts the policies' classes.
  void add_application(CompiledApplication application, const std::vector<std::string>& domains);
  void remove_application(std::string_view id);  // one that is there
  // What is there so far. It finds no application by host before finish().
  [[nodiscard]] const Snapshot& so_far() const { return *snapshot_; }
  // A group that asks others more than kMaxGroupDepth deep, so also in a cycle, or one that has
  // been removed; nullptr: none does.
  [[nodiscard]] const CompiledGroup* badly_nested_group() const;
  // Checks that there is no such group.
  [[nodiscard]] std::shared_ptr<const Snapshot> finish();

 private:
  // The claims on the hosts that are not as they were.
  using Claims = std::unordered_map<std::string, std::vector<Snapshot::Claim>>;
  [[nodiscard]] Snapshot::Foundation& foundation();
  [[nodiscard]] std::uint32_t free_place();
  [[nodiscard]] std::vector<Snapshot::Claim>& claims_on(std::string_view host, bool is_wildcard);
  static void place_hosts(Snapshot::Hosts& hosts, Claims& claims);

  std::unique_ptr<Snapshot> snapshot_;
  std::shared_ptr<Snapshot::Foundation> foundation_;  // of snapshot_; null when it is another's
  bool groups_differ_ = false;                        // from those that were checked before
  Claims exact_claims_;
  Claims wildcard_claims_;
};

}  // namespace gatehouse::decision
