#include "adapters/admin_api/application_policies.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "adapters/admin_api/resources.h"
#include "base/time.h"
#include "base/try.h"
#include "platform/random.h"

namespace gatehouse::adapters::admin_api {
namespace {

using controlplane::ChangeError;
using controlplane::ChangeErrorKind;
using policy::Document;
using policy::Documents;
using policy::Kind;

constexpr std::int64_t kMaxPrecedence = std::numeric_limits<std::int32_t>::max();

// Of a member of a document's `policies`.
std::string_view id_of(const json::value& entry) {
  if (const auto* text = entry.if_string()) return *text;
  const auto* object = entry.if_object();
  return object == nullptr ? std::string_view() : json::find_string(*object, "id").value_or("");
}

bool is_only_link(const json::object& policy) {
  return std::ranges::all_of(policy, [](const auto& member) {
    return member.key() == "id" || member.key() == "precedence" || member.key() == "account_id";
  });
}

std::unexpected<ChangeError> wrong(std::size_t index, std::string_view key, std::string message) {
  return change_error(ChangeErrorKind::Invalid, std::move(message),
                      fmt::format("/policies/{}{}{}", index, key.empty() ? "" : "/", key));
}

// A policy that is written again without its id is the one that had its name, so that writing the
// same twice changes nothing; otherwise it is a new one.
std::string id_by_name(const json::object& body, const std::vector<ApplicationPolicy>& known,
                       const std::set<std::string, std::less<>>& seen,
                       const std::set<std::string, std::less<>>& named) {
  const auto name = json::find_string(body, "name");
  for (const auto& policy : known)
    if (name && !policy.is_link && !seen.contains(policy.id) && !named.contains(policy.id) &&
        json::find_string(policy.body, "name") == name)
      return policy.id;
  return random_uuid();
}

void sort(std::vector<ApplicationPolicy>& policies) {
  std::ranges::stable_sort(policies, {}, &ApplicationPolicy::precedence);
}

}  // namespace

std::vector<ApplicationPolicy> policies_of(const json::object& application,
                                           const Documents& documents) {
  std::vector<ApplicationPolicy> policies;
  const auto* entries = json::find_array(application, "policies");
  if (entries == nullptr) return policies;
  std::int64_t last = 0;
  for (const json::value& entry : *entries) {
    ApplicationPolicy policy;
    if (const auto* object = entry.if_object()) policy.body = *object;
    policy.id = id_of(entry);
    policy.is_link = documents.find(Kind::Policy, policy.id) != nullptr;
    policy.precedence = json::find_int(policy.body, "precedence").value_or(last + 1);
    last = policy.precedence;
    policies.push_back(std::move(policy));
  }
  sort(policies);
  return policies;
}

json::array policies_value(std::vector<ApplicationPolicy> policies) {
  sort(policies);
  json::array value;
  for (ApplicationPolicy& policy : policies) {
    json::object body = policy.is_link ? json::object{} : std::move(policy.body);
    body["id"] = policy.id;
    body["precedence"] = policy.precedence;
    value.emplace_back(std::move(body));
  }
  return value;
}

std::expected<std::vector<ApplicationPolicy>, ChangeError> read_policies(
    const json::value& written, const json::object* before, const Documents& documents) {
  const auto* entries = written.if_array();
  if (entries == nullptr)
    return change_error(ChangeErrorKind::Invalid, "must be a list", "/policies");
  std::set<std::string, std::less<>> own;
  std::vector<ApplicationPolicy> known;
  if (before != nullptr) known = policies_of(*before, documents);
  for (const auto& policy : known)
    if (!policy.is_link) own.insert(policy.id);
  std::vector<ApplicationPolicy> policies;
  std::set<std::int64_t> taken;
  std::set<std::string, std::less<>> seen;
  std::set<std::string, std::less<>> named;  // by their ids
  for (const json::value& entry : *entries) named.emplace(id_of(entry));
  std::vector<std::size_t> unordered;  // without a precedence
  for (std::size_t i = 0; i < entries->size(); ++i) {
    const json::value& entry = (*entries)[i];
    ApplicationPolicy policy;
    if (const auto* object = entry.if_object()) {
      policy.body = *object;
      const json::value* id = json::find(*object, "id");
      if (id != nullptr && !id->is_null() && !id->is_string())
        return wrong(i, "id", "must be text");
    } else if (!entry.is_string()) {
      return wrong(i, "", "must be an id or an object");
    }
    policy.id = id_of(entry);
    const Document* linked = policy.id.empty() ? nullptr : documents.find(Kind::Policy, policy.id);
    policy.is_link = linked != nullptr;
    if (linked != nullptr) {
      if (const auto key = changed_key(policy.body, *linked))
        return wrong(i, *key, std::string(kChangedElsewhere));
    }
    if (!policy.is_link && !policy.id.empty() && !own.contains(policy.id))
      return wrong(i, entry.is_string() ? "" : "id", "there is no reusable policy with this id");
    if (!policy.is_link && !policy.id.empty() && is_only_link(policy.body)) {
      // One of its own, named by its id alone, stays as it is.
      for (const auto& mine : known) {
        if (mine.id != policy.id) continue;
        const json::value* precedence = json::find(policy.body, "precedence");
        const json::value given = precedence == nullptr ? json::value(nullptr) : *precedence;
        policy.body = mine.body;
        policy.body["precedence"] = given;
      }
    }
    if (policy.id.empty()) policy.id = id_by_name(policy.body, known, seen, named);
    if (!seen.insert(policy.id).second)
      return wrong(i, entry.is_string() ? "" : "id", "is in the list twice");
    if (const json::value* precedence = json::find(policy.body, "precedence");
        precedence != nullptr && !precedence->is_null()) {
      const auto number = json::find_int(policy.body, "precedence");
      if (!number || *number < 0 || *number > kMaxPrecedence)
        return wrong(i, "precedence", fmt::format("must be a number from 0 to {}", kMaxPrecedence));
      if (!taken.insert(*number).second)
        return wrong(i, "precedence", "policy precedences must be unique");
      policy.precedence = *number;
    } else {
      unordered.push_back(i);
    }
    take_out_shown(policy.body);
    policies.push_back(std::move(policy));
  }
  // After the one before it.
  for (const std::size_t i : unordered) {
    std::int64_t next = i == 0 ? 1 : policies[i - 1].precedence + 1;
    while (!taken.insert(next).second) ++next;
    policies[i].precedence = next;
  }
  return policies;
}

std::optional<std::string> changed_key(const json::object& written, const Document& reusable) {
  static constexpr std::array<std::string_view, 7> kOfTheLink{
      "id", "precedence", "account_id", "app_count", "reusable", "created_at", "updated_at"};
  for (const auto& [key, value] : written) {
    if (std::ranges::find(kOfTheLink, std::string_view(key)) != kOfTheLink.end()) continue;
    const json::value* known = reusable.body.if_contains(key);
    const bool is_nothing =
        value.is_null() || value == false || value == json::array{} || value == json::object{};
    if (known == nullptr ? is_nothing : *known == value || value.is_null()) continue;
    return std::string(key);
  }
  return std::nullopt;
}

json::object show_policy(const ApplicationPolicy& policy, const Document& application,
                         const Documents& documents) {
  const Document* linked = documents.find(Kind::Policy, policy.id);
  const Document& source = linked == nullptr ? application : *linked;
  json::object shown = linked == nullptr ? policy.body : linked->body;
  for (const std::string_view rules : {"include", "exclude", "require"})
    if (!shown.contains(rules)) shown[rules] = json::array{};
  shown["id"] = policy.id;
  shown["precedence"] = policy.precedence;
  shown["reusable"] = linked != nullptr;
  shown["created_at"] = format_rfc3339(source.created_at);
  shown["updated_at"] = format_rfc3339(source.updated_at);
  return shown;
}

Counts count_in_applications(const Documents& documents, std::string_view field) {
  Counts counts;
  for (const auto& application : documents.of(Kind::Application)) {
    const auto* entries = json::find_array(application->body, field);
    if (entries == nullptr) continue;
    for (const json::value& entry : *entries) {
      const auto id = id_of(entry);
      const auto found = counts.find(id);
      if (found == counts.end()) {
        counts.emplace(id, 1);
      } else {
        ++found->second;
      }
    }
  }
  return counts;
}

void take_out_shown(json::object& policy) {
  take_out(policy, {"account_id", "app_count", "reusable", "created_at", "updated_at"});
}

}  // namespace gatehouse::adapters::admin_api
