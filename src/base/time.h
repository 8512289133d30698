// Instants and durations. Pure: the present moment is always an argument.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse {

using Instant = std::chrono::sys_seconds;  // UTC, whole seconds, as in RFC 7519 NumericDate

[[nodiscard]] constexpr std::int64_t to_epoch_seconds(Instant instant) {
  return instant.time_since_epoch().count();
}
[[nodiscard]] constexpr Instant from_epoch_seconds(std::int64_t seconds) {
  return Instant{std::chrono::seconds{seconds}};
}

// Go's duration syntax as the Access API uses it: `24h`, `1h30m`, `90s`, `500ms`. Units ns us ms s
// m h. Refuses a missing unit, a negative value, and more than 10 years.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
// The shortest such text: `24h`, `1h30m`, `1.5s` is written `1500ms`, zero is `0s`.
[[nodiscard]] std::string format_duration(std::chrono::milliseconds duration);

// RFC 3339 in UTC, `2026-01-02T03:04:05Z`. Parsing takes offsets and fractions (cut off);
// instants outside the years 0 to 9999 are written as the nearest one inside.
[[nodiscard]] std::string format_rfc3339(Instant instant);
[[nodiscard]] std::optional<Instant> parse_rfc3339(std::string_view text);

}  // namespace gatehouse
