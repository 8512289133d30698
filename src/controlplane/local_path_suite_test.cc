// The URL tests of the web platform, read where the test kit keeps them: what we take for a path on
// a host, browsers resolve to that host.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "base/json.h"
#include "controlplane/journey.h"

namespace gatehouse::controlplane {
namespace {

// `http://user@example.org/foo` -> `http://example.org`.
std::string origin_of_base(std::string_view base) {
  const auto start = base.find("://") + 3;
  const std::string_view authority = base.substr(start, base.find('/', start) - start);
  return std::string(base.substr(0, start)).append(authority.substr(authority.find('@') + 1));
}

TEST(LocalPath, BrowsersStayOnTheHostForWhatIsTaken) {
  std::ifstream in(GATEHOUSE_SHARED_TESTKIT "/hostile/urls.json");
  if (!in) GTEST_SKIP() << "no test kit";
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  const auto document = json::parse(text, {.max_bytes = 8 << 20}).value();
  int tests = 0;
  int taken = 0;
  for (const json::value& item : document.get_array()) {
    const json::object* test = item.if_object();  // the others are comments
    if (test == nullptr) continue;
    ++tests;
    const std::string_view input = *json::find_string(*test, "input");
    if (!is_local_path(input)) continue;
    // Only those of a page on the web have a host to stay on.
    const auto base = json::find_string(*test, "base");
    if (!base || !base->starts_with("http")) continue;
    ++taken;
    EXPECT_FALSE(test->contains("failure")) << input;
    const auto origin = json::find_string(*test, "origin");
    ASSERT_TRUE(origin) << input;
    EXPECT_EQ(*origin, origin_of_base(*base)) << input;
  }
  EXPECT_GT(tests, 800);
  EXPECT_GT(taken, 5);
}

}  // namespace
}  // namespace gatehouse::controlplane
