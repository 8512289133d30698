#include "decision/snapshot.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/check.h"
#include "base/encoding.h"
#include "crypto/digest.h"
#include "decision/readings.h"
#include "model/limits.h"

namespace gatehouse::decision {
namespace {

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

// The host as the maps have it, in the caller's buffer; empty when it can be no host of ours.
using HostBuffer = std::array<char, model::kMaxHostBytes>;
std::string_view normalized_host(std::string_view host, HostBuffer& buffer) {
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.size() > buffer.size()) return {};
  std::ranges::transform(host, buffer.begin(),
                         [](char c) { return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c; });
  return {buffer.data(), host.size()};
}

// `/admin.json` -> `/admin`: frameworks that take the extension for the wanted format open the
// same page. Empty when the last segment has none.
std::string_view without_extension(std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  const auto slash = path.rfind('/');
  const auto dot = path.rfind('.');
  if (dot == std::string_view::npos || slash == std::string_view::npos || dot <= slash + 1)
    return {};
  return path.substr(0, dot);
}

// As browsers send it: the path percent-encode set of the URL standard.
std::string browser_encoded(std::string_view path) {
  constexpr std::string_view kEncoded = " \"#<>?^`{}";
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x1f || byte >= 0x7f || kEncoded.contains(c)) {
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 0x0f];
    } else {
      out += c;
    }
  }
  return out;
}

constexpr std::pair<std::string_view, Comparison> kComparisons[] = {
    {"<", Comparison::Less},    {"<=", Comparison::LessOrEqual},
    {"==", Comparison::Equal},  {">=", Comparison::GreaterOrEqual},
    {">", Comparison::Greater},
};

}  // namespace

std::optional<Comparison> parse_comparison(std::string_view text) {
  for (const auto& [name, comparison] : kComparisons)
    if (name == text) return comparison;
  return std::nullopt;
}

std::string_view to_string(Comparison comparison) {
  for (const auto& [name, known] : kComparisons)
    if (known == comparison) return name;
  return "==";
}

// What is not a number compares as false, whatever the comparison.
bool holds(double value, Comparison comparison, double limit) {
  switch (comparison) {
    case Comparison::Less:
      return value < limit;
    case Comparison::LessOrEqual:
      return value <= limit;
    case Comparison::Equal:
      return value == limit;
    case Comparison::GreaterOrEqual:
      return value >= limit;
    case Comparison::Greater:
      return value > limit;
  }
  return false;
}

std::string evaluation_key(std::string_view evaluate_url, std::string_view keys_url) {
  return hex_encode(crypto::sha256(std::string(evaluate_url).append("\n").append(keys_url)));
}

std::optional<PathIndex::Hit> Snapshot::Host::find(PathIndex HostPaths::* index,
                                                   std::string_view path) const {
  for (const HostPaths* paths : {own, wildcard})
    if (paths != nullptr)
      if (const auto hit = (paths->*index).find(path)) return hit;
  return std::nullopt;
}

std::optional<std::uint32_t> Snapshot::Host::sole_application() const {
  // A host with an application at its root never falls back to the wildcard.
  return (own != nullptr ? own : wildcard)->exact.sole_application();
}

bool Snapshot::Host::mixed_case() const {
  return (own != nullptr && own->mixed_case) || (wildcard != nullptr && wildcard->mixed_case);
}

const crypto::ClientCertificates* Snapshot::client_certificates(std::string_view host) const {
  const auto& all = foundation_->client_certificates;
  if (all.empty()) return nullptr;
  HostBuffer buffer;
  const std::string_view name = normalized_host(host, buffer);
  if (const auto own = all.find(name); own != all.end()) return own->second.get();
  const auto dot = name.find('.');
  if (dot == std::string_view::npos || dot == 0) return nullptr;
  const auto above = all.find("*" + std::string(name.substr(dot)));
  return above == all.end() ? nullptr : above->second.get();
}

Snapshot::Host Snapshot::host_of(std::string_view host) const {
  HostBuffer buffer;
  const std::string_view name = normalized_host(host, buffer);
  Host found;
  if (const auto* own = exact_hosts_.find(name)) found.own = own->get();
  if (wildcard_hosts_.empty()) return found;
  const auto dot = name.find('.');
  if (dot == std::string_view::npos || dot == 0) return found;
  if (const auto* above = wildcard_hosts_.find(name.substr(dot + 1))) found.wildcard = above->get();
  return found;
}

const CompiledApplication* Snapshot::sole_application(std::string_view host) const {
  const Host known = host_of(host);
  const auto sole = known.known() ? known.sole_application() : std::nullopt;
  return sole ? applications_[*sole] : nullptr;
}

bool Snapshot::knows_host(std::string_view host) const { return host_of(host).known(); }

const CompiledApplication* Snapshot::find_application(std::string_view host,
                                                      std::string_view path) const {
  const auto hit = host_of(host).find(&HostPaths::exact, path);
  if (!hit || hit->application == PathIndex::kContested) return nullptr;
  return applications_[hit->application];
}

// Whether everything that was asked led to one application (or everything to none).
class Snapshot::Agreement {
 public:
  explicit Agreement(const Host& host) : host_(host), mixed_case_(host.mixed_case()) {}

  // False once two answers differ.
  bool consider(std::string_view path) {
    const auto hit = host_.find(&HostPaths::exact, path);
    if (!agree(hit) || !consider_folded(path)) return false;
    // A pattern that names the very file is more than a guess about extensions.
    if (hit && hit->whole_path) return true;
    const std::string_view bare = without_extension(path);
    return bare.empty() || (agree(host_.find(&HostPaths::exact, bare)) && consider_folded(bare));
  }
  [[nodiscard]] std::optional<std::uint32_t> answer() const { return *answer_; }

 private:
  bool consider_folded(std::string_view path) {
    if (std::ranges::any_of(path, is_upper))
      return agree(host_.find(&HostPaths::folded, ascii_lower(path)));
    return !mixed_case_ || agree(host_.find(&HostPaths::folded, path));
  }
  bool agree(const std::optional<PathIndex::Hit>& hit) {
    const auto application = hit ? std::optional(hit->application) : std::nullopt;
    if (application == PathIndex::kContested) return false;
    if (!answer_) answer_ = application;
    return *answer_ == application;
  }

  const Host& host_;
  bool mixed_case_;
  std::optional<std::optional<std::uint32_t>> answer_;
};

Snapshot::Located Snapshot::locate(std::string_view host, std::string_view raw_path) const {
  constexpr Located kAmbiguous{nullptr, true};
  const Host known = host_of(host);
  if (!known.known()) return {};
  if (!raw_path.starts_with('/') || raw_path.size() > model::kMaxUrlBytes) return kAmbiguous;
  if (const auto sole = known.sole_application()) return {applications_[*sole], false};

  // INVARIANT: an application is returned only when no reading of the path leads to another one.
  Agreement agreement(known);
  const bool agreed =
      is_plain_path(raw_path)
          ? agreement.consider(raw_path)
          : all_readings(raw_path, [&](std::string_view reading) {
              return !has_compatibility_characters(reading) && agreement.consider(reading);
            });
  if (!agreed) return kAmbiguous;
  const auto answer = agreement.answer();
  return {answer ? applications_[*answer] : nullptr, false};
}

const CompiledApplication* Snapshot::application_by_audience(std::string_view aud) const {
  const auto* found = by_audience_.find(aud);
  return found == nullptr ? nullptr : applications_[*found];
}

const CompiledServiceToken* Snapshot::service_token_by_client_id(std::string_view id) const {
  const auto* found = by_client_id_.find(id);
  return found == nullptr ? nullptr : found->get();
}

const CompiledApplication* Snapshot::application_by_id(std::string_view id) const {
  const auto* found = by_id_.find(id);
  return found == nullptr ? nullptr : applications_[*found];
}

const CompiledServiceToken* Snapshot::service_token_by_id(std::string_view id) const {
  const auto* found = service_tokens_by_id_.find(id);
  return found == nullptr ? nullptr : *found;
}

std::optional<std::uint32_t> Snapshot::group_index(std::string_view id) const {
  return groups_.place_of(id);
}

std::optional<std::uint32_t> Snapshot::list_index(std::string_view id) const {
  const auto found = foundation_->list_indexes.find(id);
  return found == foundation_->list_indexes.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::uint32_t> Snapshot::posture_rule_index(std::string_view id) const {
  return posture_rules_.place_of(id);
}

bool Snapshot::has_login_method(std::string_view id) const {
  return login_methods_.find(id) != nullptr;
}

const CompiledPage* Snapshot::page(std::string_view id) const {
  const auto found = foundation_->pages.find(id);
  return found == foundation_->pages.end() ? nullptr : &found->second;
}

SnapshotBuilder::SnapshotBuilder()
    : snapshot_(std::make_unique<Snapshot>()),
      foundation_(std::make_shared<Snapshot::Foundation>()) {
  snapshot_->foundation_ = foundation_;
}

SnapshotBuilder::SnapshotBuilder(const Snapshot& before)
    : snapshot_(std::make_unique<Snapshot>(before)) {}

Snapshot::Foundation& SnapshotBuilder::foundation() {
  GATEHOUSE_CHECK(foundation_, "what snapshots share is not changed");
  return *foundation_;
}

void SnapshotBuilder::set_organization(std::string name, std::string auth_domain,
                                       std::string issuer,
                                       std::chrono::seconds node_state_max_age) {
  Snapshot::Foundation& into = foundation();
  into.auth_domain = std::move(auth_domain);
  into.issuer = std::move(issuer);
  set_organization(std::move(name), node_state_max_age);
}

void SnapshotBuilder::set_organization(std::string name, std::chrono::seconds node_state_max_age) {
  snapshot_->organization_name_ = std::move(name);
  snapshot_->node_state_max_age_ = node_state_max_age;
}

void SnapshotBuilder::set_login_design(model::LoginDesign design) {
  snapshot_->login_design_ = std::make_shared<const model::LoginDesign>(std::move(design));
}

void SnapshotBuilder::set_keys(jose::JwkSet keys) { foundation().keys = std::move(keys); }

void SnapshotBuilder::set_sequence(std::uint64_t sequence) { snapshot_->sequence_ = sequence; }

void SnapshotBuilder::add_login_method(std::string id) {
  auto shared = std::make_shared<const std::string>(std::move(id));
  const std::string_view text = *shared;
  snapshot_->login_methods_.try_emplace(text, std::move(shared));
}

void SnapshotBuilder::remove_login_method(std::string_view id) {
  snapshot_->login_methods_.erase(id);
}

void SnapshotBuilder::add_page(std::string id, CompiledPage page) {
  foundation().pages.try_emplace(std::move(id), std::move(page));
}

void SnapshotBuilder::set_forbidden_page(CompiledPage page) {
  foundation().forbidden_page = std::move(page);
}

void SnapshotBuilder::set_identity_denied_page(CompiledPage page) {
  foundation().identity_denied_page = std::move(page);
}

std::uint32_t SnapshotBuilder::add_group(CompiledGroup group) {
  groups_differ_ = true;
  return snapshot_->groups_.put(std::move(group));
}

void SnapshotBuilder::remove_group(std::string_view id) {
  groups_differ_ = true;
  snapshot_->groups_.remove(id);
}

std::uint32_t SnapshotBuilder::add_list(CompiledList list) {
  const auto index = static_cast<std::uint32_t>(snapshot_->lists_.size());
  foundation().list_indexes.try_emplace(list.id, index);
  snapshot_->lists_.push_back(std::make_shared<const CompiledList>(std::move(list)));
  return index;
}

void SnapshotBuilder::replace_list(std::uint32_t index, CompiledList list) {
  auto& known = snapshot_->lists_.at(index);
  GATEHOUSE_CHECK(known->id == list.id && known->type == list.type,
                  "a list is replaced by itself with other items");
  known = std::make_shared<const CompiledList>(std::move(list));
}

void SnapshotBuilder::add_client_certificates(
    std::string_view host, std::shared_ptr<const crypto::ClientCertificates> authorities) {
  foundation().client_certificates.insert_or_assign(std::string(host), std::move(authorities));
}

std::uint32_t SnapshotBuilder::add_posture_rule(CompiledPostureRule rule) {
  return snapshot_->posture_rules_.put(std::move(rule));
}

void SnapshotBuilder::remove_posture_rule(std::string_view id) {
  snapshot_->posture_rules_.remove(id);
}

void SnapshotBuilder::add_service_token(CompiledServiceToken token) {
  const auto shared = std::make_shared<const CompiledServiceToken>(std::move(token));
  GATEHOUSE_CHECK(snapshot_->by_client_id_.try_emplace(shared->client_id, shared),
                  "client ids are unique");
  snapshot_->service_tokens_by_id_.try_emplace(shared->id, shared.get());
}

void SnapshotBuilder::remove_service_token(std::string_view id) {
  const auto* known = snapshot_->service_token_by_id(id);
  GATEHOUSE_CHECK(known != nullptr, "only known ones are removed");
  const std::string client_id = known->client_id;
  snapshot_->service_tokens_by_id_.erase(id);  // before the text that is its key goes
  snapshot_->by_client_id_.erase(client_id);
}

namespace {

// `*.example.com/a` -> wildcard, `example.com`, `/a`.
struct Place {
  bool is_wildcard = false;
  std::string host;
  std::string path;
};
Place place_of(std::string_view domain) {
  const auto slash = std::min(domain.find('/'), domain.size());
  HostBuffer buffer;
  std::string_view host = normalized_host(domain.substr(0, slash), buffer);
  const bool is_wildcard = host.starts_with("*.");
  if (is_wildcard) host.remove_prefix(2);
  GATEHOUSE_CHECK(!host.empty() && !host.contains('*'), "host patterns are validated");
  return {is_wildcard, std::string(host), std::string(domain.substr(slash))};
}

}  // namespace

std::uint32_t SnapshotBuilder::free_place() {
  auto& places = snapshot_->applications_;
  std::size_t place = 0;
  if (snapshot_->application_count_ == places.size()) {
    place = places.size();
    places.push_back(nullptr);
  } else {
    while (places[place] != nullptr) ++place;
  }
  return static_cast<std::uint32_t>(place);
}

std::vector<Snapshot::Claim>& SnapshotBuilder::claims_on(std::string_view host, bool is_wildcard) {
  const Snapshot::Hosts& hosts = is_wildcard ? snapshot_->wildcard_hosts_ : snapshot_->exact_hosts_;
  const auto [entry, is_new] =
      (is_wildcard ? wildcard_claims_ : exact_claims_).try_emplace(std::string(host));
  if (is_new)
    if (const auto* known = hosts.find(host)) entry->second = (*known)->claims;
  return entry->second;
}

void SnapshotBuilder::add_application(CompiledApplication application,
                                      const std::vector<std::string>& domains) {
  std::vector<CompiledPolicy> ordered;
  for (const bool first : {true, false})
    for (CompiledPolicy& policy : application.policies) {
      const bool comes_first =
          policy.action == model::Action::Bypass || policy.action == model::Action::ServiceAuth;
      if (comes_first == first) ordered.push_back(std::move(policy));
    }
  application.policies = std::move(ordered);
  application.domains = domains;

  const std::uint32_t index = free_place();
  const auto shared = std::make_shared<const CompiledApplication>(std::move(application));
  snapshot_->applications_.set(index, shared);
  ++snapshot_->application_count_;
  if (!shared->audience.empty())
    GATEHOUSE_CHECK(snapshot_->by_audience_.try_emplace(shared->audience, index),
                    "audiences are unique");
  snapshot_->by_id_.try_emplace(shared->id, index);
  for (const std::string& domain : domains) {
    auto [is_wildcard, host, path] = place_of(domain);
    claims_on(host, is_wildcard).push_back({index, std::move(path)});
  }
}

void SnapshotBuilder::remove_application(std::string_view id) {
  const auto* found = snapshot_->by_id_.find(id);
  GATEHOUSE_CHECK(found != nullptr, "only known ones are removed");
  const std::uint32_t index = *found;
  const CompiledApplication& application = *snapshot_->applications_[index];
  for (const std::string& domain : application.domains) {
    const auto [is_wildcard, host, path] = place_of(domain);
    std::erase_if(claims_on(host, is_wildcard),
                  [index](const auto& claim) { return claim.application == index; });
  }
  // Before the texts that are their keys go.
  snapshot_->by_audience_.erase(application.audience);
  snapshot_->by_id_.erase(id);
  snapshot_->applications_.set(index, nullptr);
  --snapshot_->application_count_;
}

// Puts paths made of the claims in the place of what stood there.
void SnapshotBuilder::place_hosts(Snapshot::Hosts& hosts, Claims& claims) {
  for (auto& [host, of_host] : claims) {
    hosts.erase(host);
    if (of_host.empty()) continue;
    auto paths = std::make_shared<Snapshot::HostPaths>();
    for (const auto& [index, path] : of_host) {
      // Those who read the path as it was sent and those who decode it must find the same pattern.
      const std::string decoded = percent_decode(path).value_or(path);
      for (const std::string& spelling : {path, decoded, browser_encoded(decoded)}) {
        if (std::ranges::count(spelling, '*') != std::ranges::count(path, '*')) continue;
        paths->exact.add(spelling, index);
        paths->folded.add(ascii_lower(spelling), index);
        paths->mixed_case = paths->mixed_case || std::ranges::any_of(spelling, is_upper);
      }
    }
    paths->exact.finish();
    paths->folded.finish();
    paths->host = host;
    paths->claims = std::move(of_host);
    hosts.try_emplace(paths->host, paths);
  }
}

namespace {

constexpr std::size_t kTooDeep = model::kMaxGroupDepth + 1;

// How many groups deep the one at `place` asks; kTooDeep beyond the limit, so also in a cycle, and
// where one is missing.
std::size_t group_height(const SharedPlaces<CompiledGroup>& groups, std::uint32_t place,
                         std::vector<std::size_t>& known, std::size_t level) {
  if (level > model::kMaxGroupDepth || place >= groups.next_place() ||
      groups.find(place) == nullptr) {
    return kTooDeep;
  }
  if (known[place] != 0) return known[place];
  std::size_t below = 0;
  const CompiledRules& rules = groups[place].rules;
  for (const MatcherList* list : {&rules.include, &rules.exclude, &rules.require})
    for (const auto& matcher : *list)
      for (const std::uint32_t inner : matcher->groups())
        below = std::max(below, group_height(groups, inner, known, level + 1));
  return known[place] = std::min(below + 1, kTooDeep);
}

}  // namespace

const CompiledGroup* SnapshotBuilder::badly_nested_group() const {
  const auto& groups = snapshot_->groups_;
  std::vector<std::size_t> heights(groups.next_place());
  for (std::uint32_t place = 0; place < heights.size(); ++place)
    if (groups.find(place) != nullptr && group_height(groups, place, heights, 1) == kTooDeep)
      return groups.find(place);
  return nullptr;
}

std::shared_ptr<const Snapshot> SnapshotBuilder::finish() {
  place_hosts(snapshot_->exact_hosts_, exact_claims_);
  place_hosts(snapshot_->wildcard_hosts_, wildcard_claims_);
  if (groups_differ_)
    GATEHOUSE_CHECK(badly_nested_group() == nullptr, "groups are not nested too deep");
  return std::move(snapshot_);
}

}  // namespace gatehouse::decision
