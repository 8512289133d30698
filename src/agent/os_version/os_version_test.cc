#include "agent/os_version/os_version.h"

#include <gtest/gtest.h>

namespace gatehouse::agent {
namespace {

struct Case {
  std::string_view name;
  std::string_view text;
  std::string_view id;
  std::string_view version_id;
};
constexpr Case kCases[] = {
    {"Debian", "PRETTY_NAME=\"Debian GNU/Linux 12\"\nVERSION_ID=\"12\"\nID=debian\n", "debian",
     "12"},
    {"single quotes", "ID='fedora'\nVERSION_ID='41'", "fedora", "41"},
    {"escapes", "ID=\"a\\\"b\"\nVERSION_ID='a\\b'", "a\"b", "a\\b"},
    {"rolling release without version", "ID=arch\n", "arch", ""},
    {"comments and blank lines", "# ID=no\n\nID=x\nnonsense\n", "x", ""},
    {"other names that end alike", "BUILD_ID=7\nX_VERSION_ID=8\n", "", ""},
    {"last one counts", "ID=a\nID=b\n", "b", ""},
    {"one quote only", "ID=\"\nVERSION_ID=\"12\n", "\"", "\"12"},
    {"backslash at the end", "ID=a\\", "a\\", ""},
    {"not UTF-8", "ID=\xff\nVERSION_ID=1\n", "", "1"},
    {"empty", "", "", ""},
};

TEST(OsVersion, ParsesOsRelease) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    const OsRelease release = parse_os_release(c.text);
    EXPECT_EQ(release.id, c.id);
    EXPECT_EQ(release.version_id, c.version_id);
  }
}

TEST(OsVersion, SaysLinux) {
  json::object device;
  collect_os_version(device);
  EXPECT_EQ(device["os"], "linux");
}

}  // namespace
}  // namespace gatehouse::agent
