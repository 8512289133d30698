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
  if (client_certificates_.empty()) return nullptr;
  HostBuffer buffer;
  const std::string_view name = normalized_host(host, buffer);
  if (const auto own = client_certificates_.find(name); own != client_certificates_.end())
    return own->second.get();
  const auto dot = name.find('.');
  if (dot == std::string_view::npos || dot == 0) return nullptr;
  const auto above = client_certificates_.find("*" + std::string(name.substr(dot)));
  return above == client_certificates_.end() ? nullptr : above->second.get();
}

Snapshot::Host Snapshot::host_of(std::string_view host) const {
  HostBuffer buffer;
  const std::string_view name = normalized_host(host, buffer);
  Host found;
  if (const auto own = exact_hosts_.find(name); own != exact_hosts_.end()) found.own = &own->second;
  if (wildcard_hosts_.empty()) return found;
  const auto dot = name.find('.');
  if (dot == std::string_view::npos || dot == 0) return found;
  if (const auto above = wildcard_hosts_.find(name.substr(dot + 1)); above != wildcard_hosts_.end())
    found.wildcard = &above->second;
  return found;
}

const CompiledApplication* Snapshot::sole_application(std::string_view host) const {
  const Host known = host_of(host);
  const auto sole = known.known() ? known.sole_application() : std::nullopt;
  return sole ? &applications_[*sole] : nullptr;
}

bool Snapshot::knows_host(std::string_view host) const { return host_of(host).known(); }

const CompiledApplication* Snapshot::find_application(std::string_view host,
                                                      std::string_view path) const {
  const auto hit = host_of(host).find(&HostPaths::exact, path);
  if (!hit || hit->application == PathIndex::kContested) return nullptr;
  return &applications_[hit->application];
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
  if (const auto sole = known.sole_application()) return {&applications_[*sole], false};

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
  return {answer ? &applications_[*answer] : nullptr, false};
}

const CompiledApplication* Snapshot::application_by_audience(std::string_view aud) const {
  const auto found = by_audience_.find(aud);
  return found == by_audience_.end() ? nullptr : &applications_[found->second];
}

const CompiledServiceToken* Snapshot::service_token_by_client_id(std::string_view id) const {
  const auto found = by_client_id_.find(id);
  return found == by_client_id_.end() ? nullptr : &service_tokens_[found->second];
}

void SnapshotBuilder::set_organization(std::string name, std::string auth_domain,
                                       std::string issuer,
                                       std::chrono::seconds node_state_max_age) {
  snapshot_->organization_name_ = std::move(name);
  snapshot_->auth_domain_ = std::move(auth_domain);
  snapshot_->issuer_ = std::move(issuer);
  snapshot_->node_state_max_age_ = node_state_max_age;
}

void SnapshotBuilder::set_keys(jose::JwkSet keys) { snapshot_->keys_ = std::move(keys); }

void SnapshotBuilder::set_sequence(std::uint64_t sequence) { snapshot_->sequence_ = sequence; }

std::uint32_t SnapshotBuilder::add_group(CompiledGroup group) {
  snapshot_->groups_.push_back(std::move(group));
  return static_cast<std::uint32_t>(snapshot_->groups_.size() - 1);
}

std::uint32_t SnapshotBuilder::add_list(CompiledList list) {
  snapshot_->lists_.push_back(std::move(list));
  return static_cast<std::uint32_t>(snapshot_->lists_.size() - 1);
}

void SnapshotBuilder::add_client_certificates(
    std::string_view host, std::shared_ptr<const crypto::ClientCertificates> authorities) {
  snapshot_->client_certificates_.insert_or_assign(std::string(host), std::move(authorities));
}

std::uint32_t SnapshotBuilder::add_posture_rule(CompiledPostureRule rule) {
  snapshot_->posture_rules_.push_back(std::move(rule));
  return static_cast<std::uint32_t>(snapshot_->posture_rules_.size() - 1);
}

void SnapshotBuilder::add_service_token(CompiledServiceToken token) {
  const auto index = static_cast<std::uint32_t>(snapshot_->service_tokens_.size());
  GATEHOUSE_CHECK(snapshot_->by_client_id_.try_emplace(token.client_id, index).second,
                  "client ids are unique");
  snapshot_->service_tokens_.push_back(std::move(token));
}

void SnapshotBuilder::add_application(CompiledApplication application,
                                      const std::vector<std::string>& domains) {
  const auto index = static_cast<std::uint32_t>(snapshot_->applications_.size());
  if (!application.audience.empty())
    GATEHOUSE_CHECK(snapshot_->by_audience_.try_emplace(application.audience, index).second,
                    "audiences are unique");
  std::vector<CompiledPolicy> ordered;
  for (const bool first : {true, false})
    for (CompiledPolicy& policy : application.policies) {
      const bool comes_first =
          policy.action == model::Action::Bypass || policy.action == model::Action::ServiceAuth;
      if (comes_first == first) ordered.push_back(std::move(policy));
    }
  application.policies = std::move(ordered);
  for (const std::string& domain : domains) {
    const std::string_view text(domain);
    const auto slash = std::min(text.find('/'), text.size());
    HostBuffer buffer;
    std::string_view host = normalized_host(text.substr(0, slash), buffer);
    const bool wildcard = host.starts_with("*.");
    if (wildcard) host.remove_prefix(2);
    GATEHOUSE_CHECK(!host.empty() && !host.contains('*'), "host patterns are validated");
    auto& hosts = wildcard ? snapshot_->wildcard_hosts_ : snapshot_->exact_hosts_;
    Snapshot::HostPaths& paths = hosts[std::string(host)];

    const std::string path(text.substr(slash));
    // Those who read the path as it was sent and those who decode it must find the same pattern.
    const std::string decoded = percent_decode(path).value_or(path);
    for (const std::string& spelling : {path, decoded, browser_encoded(decoded)}) {
      if (std::ranges::count(spelling, '*') != std::ranges::count(path, '*')) continue;
      paths.exact.add(spelling, index);
      paths.folded.add(ascii_lower(spelling), index);
      paths.mixed_case = paths.mixed_case || std::ranges::any_of(spelling, is_upper);
    }
  }
  snapshot_->applications_.push_back(std::move(application));
}

namespace {

// How many groups deep `group` asks; throws beyond the limit, so also in a cycle.
std::size_t group_height(const std::vector<CompiledGroup>& groups, std::uint32_t group,
                         std::vector<std::size_t>& known, std::size_t level) {
  GATEHOUSE_CHECK(level <= model::kMaxGroupDepth, "groups are nested too deep");
  GATEHOUSE_CHECK(group < groups.size(), "groups that are referred to exist");
  if (known[group] != 0) return known[group];
  std::size_t below = 0;
  const CompiledRules& rules = groups[group].rules;
  for (const MatcherList* list : {&rules.include, &rules.exclude, &rules.require})
    for (const auto& matcher : *list)
      for (const std::uint32_t inner : matcher->groups())
        below = std::max(below, group_height(groups, inner, known, level + 1));
  return known[group] = below + 1;
}

}  // namespace

std::shared_ptr<const Snapshot> SnapshotBuilder::finish() {
  for (auto* hosts : {&snapshot_->exact_hosts_, &snapshot_->wildcard_hosts_})
    for (auto& [host, paths] : *hosts) {
      paths.exact.finish();
      paths.folded.finish();
    }
  std::vector<std::size_t> heights(snapshot_->groups_.size());
  for (std::uint32_t group = 0; group < heights.size(); ++group)
    GATEHOUSE_CHECK(group_height(snapshot_->groups_, group, heights, 1) <= model::kMaxGroupDepth,
                    "groups are nested too deep");
  return std::move(snapshot_);
}

}  // namespace gatehouse::decision
