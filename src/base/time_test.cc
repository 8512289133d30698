#include "base/time.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/check.h"

namespace gatehouse {
namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;
using std::chrono::milliseconds;

TEST(Duration, ParsesAndFormats) {
  struct Case {
    std::string_view text;
    milliseconds duration;
    std::string_view canonical;
  };
  constexpr Case kCases[] = {
      {"0s", 0ms, "0s"},
      {"0h0m0s", 0ms, "0s"},
      {"24h", 24h, "24h"},
      {"24h0m0s", 24h, "24h"},
      {"1h30m", 90min, "1h30m"},
      {"90m", 90min, "1h30m"},
      {"90s", 90s, "1m30s"},
      {"500ms", 500ms, "500ms"},
      {"1.5s", 1500ms, "1500ms"},
      {"1.5h", 90min, "1h30m"},
      {".5h", 30min, "30m"},
      {"1.h", 1h, "1h"},
      {"0.3333333333333333333333h", 1199999ms, "19m59999ms"},
      {"1999us", 1ms, "1ms"},
      {"1500\xc2\xb5s", 1ms, "1ms"},
      {"999999ns", 0ms, "0s"},
      {"999999ns1ns", 1ms, "1ms"},
      {"1s1h", 3601s, "1h1s"},
      {"730h", 730h, "730h"},
      {"87600h", 87600h, "87600h"},
  };
  for (const auto& [text, duration, canonical] : kCases) {
    EXPECT_EQ(parse_duration(text), duration) << text;
    EXPECT_EQ(format_duration(duration), canonical);
    EXPECT_EQ(parse_duration(canonical), duration) << canonical;
  }
}

TEST(Duration, RefusesEverythingElse) {
  for (const auto text : {""sv,
                          "0"sv,
                          "24"sv,
                          "h"sv,
                          "."sv,
                          ".s"sv,
                          "-1h"sv,
                          "+1h"sv,
                          "1 h"sv,
                          " 1h"sv,
                          "1h "sv,
                          "1d"sv,
                          "1H"sv,
                          "1h30"sv,
                          "1e3s"sv,
                          "1..5s"sv,
                          "1,5s"sv,
                          "87600h1ns"sv,
                          "87601h"sv,
                          "99999999999999999999999h"sv,
                          "9223372036854775807ns"sv,
                          "1h\0"sv,
                          "1\xb5s"sv})
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  EXPECT_THROW(static_cast<void>(format_duration(-1ms)), InvariantViolation);
}

TEST(Rfc3339, ParsesAndFormats) {
  struct Case {
    std::string_view text;
    std::int64_t seconds;
    std::string_view canonical;
  };
  constexpr Case kCases[] = {
      {"1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z"},
      {"1969-12-31T23:59:59Z", -1, "1969-12-31T23:59:59Z"},
      {"2026-01-02T03:04:05Z", 1767323045, "2026-01-02T03:04:05Z"},
      {"2026-01-02t03:04:05z", 1767323045, "2026-01-02T03:04:05Z"},
      {"2026-01-02T03:04:05.999999999Z", 1767323045, "2026-01-02T03:04:05Z"},
      {"2026-01-02T05:04:05+02:00", 1767323045, "2026-01-02T03:04:05Z"},
      {"2026-01-01T21:34:05.5-05:30", 1767323045, "2026-01-02T03:04:05Z"},
      {"2024-02-29T00:00:00Z", 1709164800, "2024-02-29T00:00:00Z"},
      {"9999-12-31T23:59:59Z", 253402300799, "9999-12-31T23:59:59Z"},
      {"0000-01-01T00:00:00Z", -62167219200, "0000-01-01T00:00:00Z"},
  };
  for (const auto& [text, seconds, canonical] : kCases) {
    EXPECT_EQ(parse_rfc3339(text), from_epoch_seconds(seconds)) << text;
    EXPECT_EQ(format_rfc3339(from_epoch_seconds(seconds)), canonical);
  }
}

TEST(Rfc3339, RefusesEverythingElse) {
  for (const auto text : {""sv,
                          "2026-01-02"sv,
                          "2026-01-02T03:04:05"sv,
                          "2026-01-02 03:04:05Z"sv,
                          "2026-1-2T03:04:05Z"sv,
                          "2026-13-02T03:04:05Z"sv,
                          "2026-00-02T03:04:05Z"sv,
                          "2026-02-29T00:00:00Z"sv,
                          "2026-04-31T00:00:00Z"sv,
                          "2026-01-02T24:00:00Z"sv,
                          "2026-01-02T03:60:05Z"sv,
                          "2026-01-02T03:04:60Z"sv,
                          "2026-01-02T03:04:05.Z"sv,
                          "2026-01-02T03:04:05,5Z"sv,
                          "2026-01-02T03:04:05+0200"sv,
                          "2026-01-02T03:04:05+24:00"sv,
                          "2026-01-02T03:04:05+02:60"sv,
                          "2026-01-02T03:04:05ZZ"sv,
                          " 2026-01-02T03:04:05Z"sv,
                          "+026-01-02T03:04:05Z"sv,
                          "2026-01-02T-3:04:05Z"sv})
    EXPECT_EQ(parse_rfc3339(text), std::nullopt) << text;
}

TEST(Rfc3339, FormatsInstantsOutsideTheCalendarAsTheNearest) {
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(format_rfc3339(from_epoch_seconds(kMax)), "9999-12-31T23:59:59Z");
  EXPECT_EQ(format_rfc3339(from_epoch_seconds(kMin)), "0000-01-01T00:00:00Z");
}

}  // namespace
}  // namespace gatehouse
