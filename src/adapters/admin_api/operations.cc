#include "adapters/admin_api/operations.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/encoding.h"

namespace gatehouse::adapters::admin_api {
namespace {

std::vector<std::string_view> words_of(std::string_view path) {
  std::vector<std::string_view> words;
  while (true) {
    const auto slash = path.find('/');
    words.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return words;
    path.remove_prefix(slash + 1);
  }
}

bool is_argument(std::string_view word) { return word.starts_with('{'); }

bool matches(const std::vector<std::string_view>& pattern,
             const std::vector<std::string_view>& words) {
  return std::ranges::equal(pattern, words, [](std::string_view expected, std::string_view word) {
    return is_argument(expected) ? !word.empty() : expected == word;
  });
}

// The first word in which they differ is a word of `left`.
bool is_more_literal(const std::vector<std::string_view>& left,
                     const std::vector<std::string_view>& right) {
  for (std::size_t i = 0; i < left.size(); ++i)
    if (is_argument(left[i]) != is_argument(right[i])) return is_argument(right[i]);
  return false;
}

struct NotServed {
  std::string_view pattern;  // `*` is any word; what lies below is meant too
  std::string_view reason;
  std::string_view except{};  // what begins with this is served
};
constexpr std::string_view kNoSsh = "Gatehouse issues no certificates for SSH";
constexpr std::string_view kNoSaml = "Gatehouse has no SAML encryption certificates";
constexpr std::string_view kNoScim = "Gatehouse takes no users and groups by SCIM";
constexpr std::string_view kNoDeviceClient = "Gatehouse has no device client to configure";
constexpr std::array kNotServed = std::to_array<NotServed>({
    {"access/ai-controls", "Gatehouse has no MCP portals"},
    {"access/apps/ca", kNoSsh},
    {"access/apps/*/ca", kNoSsh},
    {"access/gateway_ca", kNoSsh},
    {"access/seats", "Gatehouse counts no seats"},
    {"access/saml_certificates", kNoSaml},
    {"access/identity_providers/*/saml_certificate", kNoSaml},
    {"access/identity_providers/*/scim", kNoScim},
    {"access/idp_federation_grants", "Gatehouse has one account, so nothing to federate with"},
    {"access/organizations/doh", "Gatehouse resolves no names"},
    {"access/authenticator_device_aaguids", "Gatehouse registers no authenticators of its own"},
    {"access/users/*/mfa_authenticators", "Gatehouse registers no authenticators of its own"},
    {"devices", kNoDeviceClient, "devices/posture"},
    {"gateway", "Gatehouse filters no traffic", "gateway/lists"},
});

}  // namespace

OperationTable::OperationTable() {
  add_applications(operations_);
  add_policies(operations_);
  add_groups(operations_);
  add_identity_providers(operations_);
  add_service_tokens(operations_);
  add_certificates(operations_);
  add_organization(operations_);
  add_tags(operations_);
  add_custom_pages(operations_);
  add_bookmarks(operations_);
  add_device_posture(operations_);
  add_lists(operations_);
  add_keys(operations_);
  add_users(operations_);
  add_access_logs(operations_);
  add_policy_tests(operations_);
  add_gatehouse(operations_);
  add_decisions(operations_);
  add_devices(operations_);
  add_statistics(operations_);
  add_tests(operations_);
  patterns_.reserve(operations_.size());
  for (const Operation& operation : operations_) patterns_.push_back(words_of(operation.pattern));
}

OperationTable::Match OperationTable::find(std::string_view path, Prefix prefix) const {
  Match match;
  const auto words = words_of(path);
  const std::vector<std::string_view>* best = nullptr;
  for (std::size_t i = 0; i < operations_.size(); ++i) {
    if (prefix == Prefix::Zone && !operations_[i].in_zones) continue;
    if (!matches(patterns_[i], words)) continue;
    if (best == nullptr || is_more_literal(patterns_[i], *best)) {
      best = &patterns_[i];
      match.methods.clear();
    } else if (is_more_literal(*best, patterns_[i])) {
      continue;
    }
    match.methods.push_back(&operations_[i]);
  }
  if (best == nullptr) return match;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!is_argument((*best)[i])) continue;
    auto argument = percent_decode(words[i]);
    if (!argument || !is_valid_utf8(*argument)) return {};
    match.arguments.push_back(std::move(*argument));
  }
  return match;
}

const Operation* OperationTable::Match::method(std::string_view name) const {
  if (name == "HEAD") name = "GET";
  const auto found = std::ranges::find(methods, name, &Operation::method);
  return found == methods.end() ? nullptr : *found;
}

std::string OperationTable::Match::allowed() const {
  std::vector<std::string_view> names{"OPTIONS"};
  for (const Operation* operation : methods) names.push_back(operation->method);
  if (method("GET") != nullptr) names.emplace_back("HEAD");
  std::ranges::sort(names);
  std::string text;
  for (const std::string_view name : names) {
    if (!text.empty()) text += ", ";
    text += name;
  }
  return text;
}

std::optional<std::string_view> why_not_served(std::string_view path) {
  const auto words = words_of(path);
  for (const NotServed& entry : kNotServed) {
    const auto pattern = words_of(entry.pattern);
    if (pattern.size() > words.size()) continue;
    const bool is_meant = std::equal(pattern.begin(), pattern.end(), words.begin(),
                                     [](std::string_view expected, std::string_view word) {
                                       return expected == "*" ? !word.empty() : expected == word;
                                     });
    const bool is_served = !entry.except.empty() && path.starts_with(entry.except);
    if (is_meant && !is_served) return entry.reason;
  }
  return std::nullopt;
}

}  // namespace gatehouse::adapters::admin_api
