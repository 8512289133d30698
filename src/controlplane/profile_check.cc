#include "controlplane/profile_check.h"

#include <fmt/format.h>

#include "identity/registry.h"
#include "posture/tanium/tanium.h"

namespace gatehouse::controlplane {
namespace {

// `exchange.method`, `public_certificate[1]` below `parent`, as RFC 6901 has it.
std::string pointer_to(const std::string& parent, std::string_view field) {
  std::string pointer = parent;
  if (!field.empty()) pointer += '/';
  for (const char c : field) {
    switch (c) {
      case '.':
      case '[':
        pointer += '/';
        break;
      case ']':
        break;
      case '~':
        pointer += "~0";
        break;
      case '/':
        pointer += "~1";
        break;
      default:
        pointer += c;
    }
  }
  return pointer;
}

}  // namespace

std::vector<policy::Problem> check_profiles(const model::Resources& resources) {
  std::vector<policy::Problem> problems;
  const auto add = [&](const std::string& parent, const auto& found) {
    for (const auto& problem : found) {
      problems.push_back({pointer_to(parent, problem.field), problem.message});
    }
  };
  for (std::size_t i = 0; i < resources.posture_integrations.size(); ++i) {
    if (!model::can_check_devices(resources.posture_integrations[i])) continue;
    const auto profile = posture::read_tanium_profile(resources.posture_integrations[i]);
    if (!profile) add(fmt::format("/device_posture_integrations/{}/config", i), profile.error());
  }
  for (std::size_t i = 0; i < resources.identity_providers.size(); ++i) {
    const auto& provider = resources.identity_providers[i];
    if (const auto* kind = identity::find_kind(provider.type))
      add(fmt::format("/identity_providers/{}/config", i), kind->validate_config(provider.config));
  }
  return problems;
}

}  // namespace gatehouse::controlplane
