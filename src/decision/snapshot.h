// The compiled configuration: immutable after compile(), shared, swapped whole. Thread-safe.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_ranges.h"
#include "base/time.h"
#include "crypto/client_certificates.h"
#include "decision/matcher.h"
#include "decision/path_index.h"
#include "jose/jwk.h"
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
};

struct CompiledGroup {
  std::string id;
  std::string name;
  CompiledRules rules;  // cycles are refused by compile()
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
  std::string integration_id;
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
};

// An external evaluator that some policy looks at. docs/reference/external-evaluation.md
struct Evaluator {
  std::string key;  // evaluation_key()
  std::string evaluate_url;
  std::string keys_url;
  std::chrono::seconds max_age{3600};
};
// What names an evaluator's answers in a session: the hex digest of both URLs.
[[nodiscard]] std::string evaluation_key(std::string_view evaluate_url, std::string_view keys_url);

struct CompiledApplication : model::ApplicationSettings {
  std::string id;
  std::string audience;
  std::string name;
  std::string hostname;                  // of the primary domain, for links
  std::vector<CompiledPolicy> policies;  // Bypass and ServiceAuth first, each part in order
  std::vector<std::string> posture_integrations;  // that some policy of it looks at
  std::vector<Evaluator> evaluators;              // likewise
  bool uses_country = false;                      // some policy of it looks at the country
  // HTML of the administrator's own pages; null: ours.
  std::shared_ptr<const std::string> forbidden_page;
  std::shared_ptr<const std::string> identity_denied_page;
};

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
  [[nodiscard]] const CompiledList& list(std::uint32_t index) const { return lists_[index]; }
  // The authorities whose client certificates count on this host: an exact host's own, else those
  // of the wildcard above it; nullptr when it has none.
  [[nodiscard]] const crypto::ClientCertificates* client_certificates(std::string_view host) const;
  [[nodiscard]] const CompiledPostureRule& posture_rule(std::uint32_t index) const {
    return posture_rules_[index];
  }
  [[nodiscard]] const std::vector<CompiledApplication>& applications() const {
    return applications_;
  }
  [[nodiscard]] const std::string& issuer() const { return issuer_; }  // https://auth[:port]
  [[nodiscard]] const std::string& auth_domain() const { return auth_domain_; }  // host, no port
  [[nodiscard]] const std::string& organization_name() const { return organization_name_; }
  [[nodiscard]] const jose::JwkSet& keys() const { return keys_; }
  [[nodiscard]] std::uint64_t sequence() const { return sequence_; }
  [[nodiscard]] std::chrono::seconds node_state_max_age() const { return node_state_max_age_; }

 private:
  friend class SnapshotBuilder;
  // The paths of one host pattern, as written and with ASCII letters folded.
  struct HostPaths {
    PathIndex exact;
    PathIndex folded;
    bool mixed_case = false;  // some pattern has an upper case letter
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

  std::vector<CompiledApplication> applications_;
  std::vector<CompiledGroup> groups_;
  std::vector<CompiledList> lists_;
  TextMap<std::shared_ptr<const crypto::ClientCertificates>>
      client_certificates_;  // by host pattern
  std::vector<CompiledPostureRule> posture_rules_;
  std::vector<CompiledServiceToken> service_tokens_;
  TextMap<HostPaths> exact_hosts_;
  TextMap<HostPaths> wildcard_hosts_;  // key: what follows `*.`
  TextMap<std::uint32_t> by_audience_;
  TextMap<std::uint32_t> by_client_id_;
  jose::JwkSet keys_;
  std::string issuer_;
  std::string auth_domain_;
  std::string organization_name_;
  std::uint64_t sequence_ = 0;
  std::chrono::seconds node_state_max_age_{};
};

// The only way to fill a Snapshot; used by policy/compile.cc and by tests of the engine.
class SnapshotBuilder {
 public:
  SnapshotBuilder() : snapshot_(std::make_unique<Snapshot>()) {}
  void set_organization(std::string name, std::string auth_domain, std::string issuer,
                        std::chrono::seconds node_state_max_age);
  void set_keys(jose::JwkSet keys);
  void set_sequence(std::uint64_t sequence);
  std::uint32_t add_group(CompiledGroup group);
  std::uint32_t add_list(CompiledList list);
  // `host` exact or `*.example.com`.
  void add_client_certificates(std::string_view host,
                               std::shared_ptr<const crypto::ClientCertificates> authorities);
  std::uint32_t add_posture_rule(CompiledPostureRule rule);
  void add_service_token(CompiledServiceToken token);
  // `domains` are host[/path] patterns, already validated: `*` in the host only as its first label.
  // A path may be written decoded or as browsers encode it. Sorts the policies' classes.
  void add_application(CompiledApplication application, const std::vector<std::string>& domains);
  // Checks that groups are nested at most kMaxGroupDepth deep, which excludes cycles.
  [[nodiscard]] std::shared_ptr<const Snapshot> finish();

 private:
  std::unique_ptr<Snapshot> snapshot_;
};

}  // namespace gatehouse::decision
