#include "model/resources.h"

#include <algorithm>
#include <array>
#include <utility>

#include "model/sign_in_types.h"

namespace gatehouse::model {
namespace {

constexpr std::array<std::pair<Action, std::string_view>, 4> kActionNames{{
    {Action::Allow, "allow"},
    {Action::Block, "deny"},
    {Action::Bypass, "bypass"},
    {Action::ServiceAuth, "non_identity"},
}};

}  // namespace

std::string_view to_string(Action action) {
  for (const auto& [value, name] : kActionNames)
    if (value == action) return name;
  return "deny";
}

std::optional<Action> parse_action(std::string_view text) {
  for (const auto& [value, name] : kActionNames)
    if (name == text) return value;
  return std::nullopt;
}

std::string_view to_string(DashboardRole role) {
  switch (role) {
    case DashboardRole::Administrator:
      return "administrator";
    case DashboardRole::ReadOnly:
      return "read_only";
    case DashboardRole::HelpDesk:
      return "help_desk";
  }
  return "read_only";
}

Secret secret_of(const ConfigSecrets& secrets, std::string_view key) {
  const auto found = secrets.find(key);
  return found == secrets.end() ? Secret() : found->second;
}

bool can_sign_in(const IdentityProvider& provider) {
  return provider.type == "onetimepin" ||
         std::ranges::find(kProviderTypes, provider.type) != kProviderTypes.end();
}

bool can_check_devices(const PostureIntegration& integration) {
  return integration.type == "tanium";
}

bool can_be_checked(const PostureRule& rule) { return rule.type == "tanium"; }

}  // namespace gatehouse::model
