// Kleene's three-valued logic. Indeterminate: the evidence is missing, stale or unreadable.
#pragma once

#include <cstdint>

namespace gatehouse::decision {

enum class Truth : std::uint8_t { False = 0, Indeterminate = 1, True = 2 };

[[nodiscard]] constexpr Truth kleene_and(Truth a, Truth b) { return a < b ? a : b; }
[[nodiscard]] constexpr Truth kleene_or(Truth a, Truth b) { return a < b ? b : a; }
[[nodiscard]] constexpr Truth kleene_not(Truth a) {
  return static_cast<Truth>(2 - static_cast<int>(a));
}

}  // namespace gatehouse::decision
