#include "base/time.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/check.h"

namespace gatehouse {
namespace {

using std::chrono::milliseconds;

struct Unit {
  std::string_view name;
  std::int64_t nanoseconds;
};
// Longer names first, so that `ms` is not read as `m`.
constexpr std::array kUnits = {
    Unit{"ns", 1},
    Unit{"us", 1'000},
    Unit{"\xc2\xb5s", 1'000},
    Unit{"ms", 1'000'000},
    Unit{"s", 1'000'000'000},
    Unit{"m", 60'000'000'000},
    Unit{"h", 3'600'000'000'000},
};
constexpr std::int64_t kMaxDurationNanoseconds = 10LL * 365 * 24 * 3'600'000'000'000;

bool is_digit(char character) { return character >= '0' && character <= '9'; }

// Exactly `count` digits at the front, removed from it.
std::optional<int> take_number(std::string_view& text, std::size_t count) {
  if (text.size() < count) return std::nullopt;
  int number = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (!is_digit(text[i])) return std::nullopt;
    number = number * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return number;
}

bool take_one_of(std::string_view& text, std::string_view characters) {
  if (text.empty() || !characters.contains(text.front())) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::optional<milliseconds> parse_duration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  std::int64_t total = 0;
  while (!text.empty()) {
    std::int64_t whole = 0;
    std::size_t digits = 0;
    for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1), ++digits) {
      whole = whole * 10 + (text.front() - '0');
      if (whole > kMaxDurationNanoseconds) return std::nullopt;
    }
    __int128 fraction = 0;
    __int128 scale = 1;
    if (take_one_of(text, ".")) {
      for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1), ++digits) {
        if (scale >= 1'000'000'000'000'000) continue;  // below a nanosecond of any unit
        fraction = fraction * 10 + (text.front() - '0');
        scale *= 10;
      }
    }
    if (digits == 0) return std::nullopt;
    const auto unit = std::ranges::find_if(
        kUnits, [&](const Unit& candidate) { return text.starts_with(candidate.name); });
    if (unit == kUnits.end()) return std::nullopt;
    text.remove_prefix(unit->name.size());
    const __int128 sum = static_cast<__int128>(whole) * unit->nanoseconds +
                         fraction * unit->nanoseconds / scale + total;
    if (sum > kMaxDurationNanoseconds) return std::nullopt;
    total = static_cast<std::int64_t>(sum);
  }
  return milliseconds{total / 1'000'000};
}

std::string format_duration(milliseconds duration) {
  GATEHOUSE_CHECK(duration >= milliseconds::zero(), "durations are not negative");
  const auto count = duration.count();
  const auto hours = count / 3'600'000;
  const auto minutes = count / 60'000 % 60;
  const auto rest = count % 60'000;
  std::string text;
  if (hours > 0) text += fmt::format("{}h", hours);
  if (minutes > 0) text += fmt::format("{}m", minutes);
  if (rest % 1'000 != 0) {
    text += fmt::format("{}ms", rest);
  } else if (rest > 0 || text.empty()) {
    text += fmt::format("{}s", rest / 1'000);
  }
  return text;
}

std::string format_rfc3339(Instant instant) {
  constexpr Instant kFirst = std::chrono::sys_days{std::chrono::year{0} / 1 / 1};
  constexpr Instant kLast =
      std::chrono::sys_days{std::chrono::year{10'000} / 1 / 1} - std::chrono::seconds{1};
  instant = std::clamp(instant, kFirst, kLast);
  const auto days = std::chrono::floor<std::chrono::days>(instant);
  const std::chrono::year_month_day date{days};
  const std::chrono::hh_mm_ss time{instant - days};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count());
}

std::optional<Instant> parse_rfc3339(std::string_view text) {
  const auto year = take_number(text, 4);
  if (!year || !take_one_of(text, "-")) return std::nullopt;
  const auto month = take_number(text, 2);
  if (!month || !take_one_of(text, "-")) return std::nullopt;
  const auto day = take_number(text, 2);
  if (!day || !take_one_of(text, "Tt")) return std::nullopt;
  const auto hour = take_number(text, 2);
  if (!hour || !take_one_of(text, ":")) return std::nullopt;
  const auto minute = take_number(text, 2);
  if (!minute || !take_one_of(text, ":")) return std::nullopt;
  const auto second = take_number(text, 2);
  if (!second) return std::nullopt;
  if (take_one_of(text, ".")) {
    if (text.empty() || !is_digit(text.front())) return std::nullopt;
    while (!text.empty() && is_digit(text.front())) text.remove_prefix(1);
  }
  std::chrono::minutes offset{0};
  if (!take_one_of(text, "Zz")) {
    if (text.empty()) return std::nullopt;
    const bool west = text.front() == '-';
    if (!take_one_of(text, "+-")) return std::nullopt;
    const auto offset_hours = take_number(text, 2);
    if (!offset_hours || !take_one_of(text, ":")) return std::nullopt;
    const auto offset_minutes = take_number(text, 2);
    if (!offset_minutes || *offset_hours > 23 || *offset_minutes > 59) return std::nullopt;
    offset = std::chrono::hours{*offset_hours} + std::chrono::minutes{*offset_minutes};
    if (west) offset = -offset;
  }
  const std::chrono::year_month_day date{std::chrono::year{*year},
                                         std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  // Leap seconds do not exist in sys_seconds: `:60` is refused rather than moved.
  if (!text.empty() || !date.ok() || *hour > 23 || *minute > 59 || *second > 59)
    return std::nullopt;
  return std::chrono::sys_days{date} + std::chrono::hours{*hour} + std::chrono::minutes{*minute} +
         std::chrono::seconds{*second} - offset;
}

}  // namespace gatehouse
