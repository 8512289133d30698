// How the authored form writes the types of lists, pages and applications.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "model/resources.h"

namespace gatehouse::policy {

// In the order of the enumerators.
inline constexpr std::array<std::string_view, 2> kListTypes{"EMAIL", "IP"};
inline constexpr std::array<std::string_view, 4> kCustomPageTypes{"forbidden", "identity_denied",
                                                                  "login", "interstitial"};
inline constexpr std::array<std::string_view, 3> kApplicationTypes{"self_hosted", "bookmark",
                                                                   "dash_sso"};
inline constexpr std::array<std::string_view, 3> kDashboardRoles{"administrator", "read_only",
                                                                 "help_desk"};

template <typename Type, std::size_t N>
[[nodiscard]] constexpr std::string_view name_of(const std::array<std::string_view, N>& names,
                                                 Type type) {
  return names[static_cast<std::size_t>(type)];
}

}  // namespace gatehouse::policy
