// GATEHOUSE_TRY: the value of an expected, or return its error from the enclosing function.
//   const auto claims = GATEHOUSE_TRY(verify_jwt(...));
// g++ 12 has std::expected but not its monadic operations. Uses a GNU statement expression.
#pragma once

#include <expected>
#include <utility>

#define GATEHOUSE_TRY(...)                                              \
  __extension__({                                                       \
    auto gatehouse_try_result = (__VA_ARGS__);                          \
    if (!gatehouse_try_result)                                          \
      return std::unexpected(std::move(gatehouse_try_result).error());  \
    std::move(*gatehouse_try_result);                                   \
  })

// The same for std::expected<void, E>: a statement.
#define GATEHOUSE_TRY_VOID(...)                                         \
  do {                                                                  \
    if (auto gatehouse_try_result = (__VA_ARGS__); !gatehouse_try_result) \
      return std::unexpected(std::move(gatehouse_try_result).error());  \
  } while (false)
