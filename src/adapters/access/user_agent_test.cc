#include "adapters/access/user_agent.h"

#include <gtest/gtest.h>

namespace gatehouse::adapters {
namespace {

TEST(BrowserName, IsWhatPeopleCallIt) {
  struct Row {
    std::string_view user_agent;
    std::string_view name;
  };
  constexpr Row kRows[] = {
      {"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:153.0) Gecko/20100101 Firefox/153.0",
       "Firefox · Windows"},
      {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 "
       "Safari/537.36",
       "Chrome · Linux"},
      {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
       "Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0",
       "Edge · Windows"},
      {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
       "Version/27.2 Safari/605.1.15",
       "Safari · macOS"},
      {"Mozilla/5.0 (iPhone; CPU iPhone OS 27_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
       "Gecko) CriOS/156.0 Mobile/15E148 Safari/604.1",
       "Chrome · iPhone"},
      {"Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 "
       "Mobile Safari/537.36",
       "Chrome · Android"},
      {"curl/8.9.1", "curl"},
      {"(Windows NT 10.0)", "Windows"},
      {"something else", ""},
      {"", ""},
  };
  for (const auto& row : kRows) EXPECT_EQ(browser_name(row.user_agent), row.name);
}

}  // namespace
}  // namespace gatehouse::adapters
