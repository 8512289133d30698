#include "identity/oidc/config_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "identity/oidc/protocol.h"

namespace gatehouse::identity {

void ConfigFields::problem(std::string_view field, std::string message) {
  problems_.push_back({std::string(field), std::move(message)});
}

bool ConfigFields::has(std::string_view field) const {
  return json::find(config_, field) != nullptr;
}

std::string ConfigFields::text(std::string_view field) {
  const auto* value = json::find(config_, field);
  if (value == nullptr) return {};
  if (value->is_string() &&
      std::ranges::all_of(value->get_string(), [](char c) { return c > 0x20 && c < 0x7f; }))
    return std::string(value->get_string());
  problem(field, "must be a text without spaces");
  return {};
}

std::string ConfigFields::required_text(std::string_view field, std::string_view what) {
  const auto before = problems_.size();
  std::string value = text(field);
  if (value.empty() && problems_.size() == before)
    problem(field, fmt::format("is required: {}", what));
  return value;
}

bool ConfigFields::flag(std::string_view field, bool otherwise) {
  const auto* value = json::find(config_, field);
  if (value == nullptr) return otherwise;
  if (value->is_bool()) return value->get_bool();
  problem(field, "must be true or false");
  return otherwise;
}

std::vector<std::string> ConfigFields::texts(std::string_view field) {
  std::vector<std::string> list;
  const auto* value = json::find(config_, field);
  if (value == nullptr) return list;
  if (value->is_array()) {
    for (const auto& member : value->get_array()) {
      if (member.is_string() && !member.get_string().empty())
        list.emplace_back(member.get_string());
    }
  }
  if (!value->is_array() || list.size() != value->get_array().size())
    problem(field, "must be a list of texts");
  return list;
}

std::string ConfigFields::base_url(std::string_view field, std::string_view otherwise) {
  std::string value = text(field);
  while (value.ends_with('/')) value.pop_back();
  if (value.empty()) return std::string(otherwise);
  if (is_provider_url(value) && value.find('?') == std::string::npos) return value;
  problem(field, "must be an https URL without a query, or http on a loopback host");
  return std::string(otherwise);
}

std::string ConfigFields::required_base_url(std::string_view field, std::string_view what) {
  const auto before = problems_.size();
  std::string value = base_url(field, "");
  if (value.empty() && problems_.size() == before)
    problem(field, fmt::format("is required: {}", what));
  return value;
}

void ConfigFields::only(std::initializer_list<std::string_view> known, std::string_view type) {
  for (const auto& member : config_) {
    const std::string_view key = member.key();
    if (key != "client_secret" && std::ranges::find(known, key) == known.end())
      problem(key, fmt::format("is not a field of a login method of type {}", type));
  }
}

IdentityError ConfigFields::first_problem() const {
  GATEHOUSE_CHECK(!problems_.empty(), "asked for a problem where there is none");
  return {IdentityFailure::ProviderMisbehaved, "configuration_invalid",
          fmt::format("`{}` {}", problems_.front().field, problems_.front().message)};
}

}  // namespace gatehouse::identity
