#include "decision/readings.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace gatehouse::decision {
namespace {

using namespace std::string_view_literals;

TEST(PlainPath, HasOneReading) {
  for (const auto path :
       {"/", "/admin", "/admin/", "/a/b.c", "/A/~b/c-d_e", "/a:b,c", "/a=b&c", "/@x"}) {
    EXPECT_TRUE(is_plain_path(path)) << path;
    int readings = 0;
    EXPECT_TRUE(all_readings(path, [&](std::string_view) { return ++readings > 0; }));
    EXPECT_EQ(readings, 1) << path;
  }
}

TEST(PlainPath, IsNeverAHostileOne) {
  for (const auto path : {"/a%20b"sv, "/a\\b"sv, "/a;b"sv, "//a"sv, "/a//b"sv, "/./a"sv, "/a/.."sv,
                          "/.git"sv, "/a./b"sv, "/a."sv, "/a b"sv, "/a\0"sv, "/a\x7f"sv,
                          "/\xd0\xb0"sv, "/a?b"sv, "/a#b"sv, "/a:$i30"sv, "/a\tb"sv})
    EXPECT_FALSE(is_plain_path(path)) << path;
}

struct ReadingCase {
  std::string_view name;
  std::string_view path;
  std::string_view reading;
};

constexpr ReadingCase kReadings[] = {
    {"as it is", "/%61", "/%61"},
    {"decoded", "/%61", "/a"},
    {"decoded twice", "/%2561", "/a"},
    {"decoded three times", "/%252561", "/a"},
    {"nibble by nibble", "/%%36%31", "/a"},
    {"dots", "/x/../a", "/a"},
    {"above the root", "/../../a", "/a"},
    {"encoded dots", "/x/%2e%2E/a", "/a"},
    {"dots but not slashes decoded", "/x%2fy/%2e%2e/a", "/a"},
    {"dots with empty segments", "/x//../a", "/x/a"},
    {"dots without empty segments", "/x//../a", "/a"},
    {"encoded slash", "/x/..%2fa", "/a"},
    {"backslash", "/x\\..\\a", "/a"},
    {"encoded backslash", "/x%5c..%5ca", "/a"},
    {"double slash", "//a", "/a"},
    {"host", "//x/a", "/a"},
    {"host with backslashes", "/\\x/a", "/a"},
    {"parameters", "/a;b=c/d;e", "/a/d"},
    {"parameter at the dots", "/x/..;y/a", "/a"},
    {"cut at a parameter", "/a;/b", "/a"},
    {"cut at NUL", "/a%00.html", "/a"},
    {"NUL dropped", "/x/.%00./a", "/a"},
    {"cut at LF", "/a%0ab", "/a"},
    {"cut at CR", "/a%0d%0aX: y", "/a"},
    {"tab dropped", "/x/.%09./a", "/a"},
    {"cut at ?", "/a%3fb", "/a"},
    {"cut at #", "/a%23b", "/a"},
    {"space", "/a%20", "/a"},
    {"no-break space", "/a%c2%a0", "/a"},
    {"final dot", "/a./b", "/a/b"},
    {"dots and spaces", "/a.%20./b", "/a/b"},
    {"stream", "/a:$i30:$INDEX_ALLOCATION/b", "/a/b"},
    {"overlong dots", "/x/%c0%ae%c0%ae/a", "/a"},
    {"overlong in three bytes", "/x/%e0%80%ae%e0%80%ae/a", "/a"},
    {"overlong with a wrong continuation", "/x/..%c0%2fa", "/a"},
    {"overlong in six bytes", "/x/..%fc%80%80%80%80%afa", "/a"},
    {"wide escape", "/x/%u002e%u002e/a", "/a"},
    {"wide fullwidth escape", "/x/%uff0e%uff0e%uff0fa", "/a"},
    {"fullwidth", "/\uff41", "/a"},
    {"fraction slash", "/x/..\u2044a", "/a"},
    {"two dot leader", "/x/\u2025/a", "/a"},
    {"zero width", "/a\u200b", "/a"},
    {"long s", "/\u017f", "/s"},
    {"broken escape", "/a%zz", "/a"},
    {"cut escape", "/a%2", "/a"},
    {"lone percent", "/a%", "/a"},
    {"percent dropped", "/%a/b", "/a/b"},
};

TEST(Readings, CoverWhatApplicationsDo) {
  for (const auto& test : kReadings) {
    std::set<std::string> readings;
    EXPECT_TRUE(all_readings(test.path, [&](std::string_view reading) {
      EXPECT_TRUE(reading.starts_with('/')) << test.name;
      return readings.emplace(reading).second;
    })) << test.name;
    EXPECT_TRUE(readings.contains(std::string(test.reading))) << test.name;
    EXPECT_TRUE(readings.contains(std::string(test.path))) << test.name;
  }
}

TEST(Readings, StopWhenTold) {
  int calls = 0;
  EXPECT_FALSE(all_readings("/%2561", [&](std::string_view) { return ++calls < 2; }));
  EXPECT_EQ(calls, 2);
}

TEST(Readings, AreBounded) {
  std::size_t count = 0;
  std::size_t bytes = 0;
  const auto tally = [&](std::string_view reading) {
    ++count;
    bytes += reading.size();
    return true;
  };
  std::string nested = "/a";
  for (int i = 0; i < 200; ++i) nested += "%25";
  EXPECT_FALSE(all_readings(nested + "2e;x/..\\%3f%23%00//b%zz.", tally));
  EXPECT_LE(count, kMaxReadings);
  count = bytes = 0;
  EXPECT_FALSE(all_readings("/" + std::string(8000, 'a') + "%2561;%20//%c0%af..%5c..", tally));
  EXPECT_LE(bytes, kMaxReadingBytes);
}

TEST(Readings, OrdinaryPathsHaveFew) {
  for (const auto path : {"/docs/My%20File%20(1).pdf", "/wiki/%D0%9F%D1%80%D0%B8", "/a%2Fb%2Fc",
                          "/api/v1/x;v=1;w=2/y", "/proxy/https://example.com/a", "/100%25/x"}) {
    int readings = 0;
    EXPECT_TRUE(all_readings(path, [&](std::string_view) { return ++readings > 0; })) << path;
    EXPECT_LE(readings, 12) << path;
  }
}

TEST(CompatibilityCharacters, AreFound) {
  for (const auto path :
       {"/\u24d0dmin", "/\U0001d41admin", "/\u00aadmin", "/admi\u207f", "/\ufb01le"})
    EXPECT_TRUE(has_compatibility_characters(path)) << path;
  for (const auto path :
       {"/admin", "/\u0430dmin", "/\u65e5\u672c\u8a9e", "/caf\u00e9", "/\xff\xfe\xc0"})
    EXPECT_FALSE(has_compatibility_characters(path)) << path;
}

}  // namespace
}  // namespace gatehouse::decision
