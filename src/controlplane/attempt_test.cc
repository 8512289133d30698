#include "controlplane/attempt.h"

#include <gtest/gtest.h>

#include "controlplane/test_support.h"

namespace gatehouse::controlplane {
namespace {

using std::chrono::seconds;
using test::kStart;

TEST(AttemptTest, NeverCameBackFromAQuarterOfAMinuteToTenMinutes) {
  const auto attempt = after_start({}, "m1", kStart);
  struct Case {
    std::string_view name;
    std::string_view method;
    seconds later;
    bool away;
  };
  const Case cases[] = {
      {"another tab", "m1", seconds{14}, false},    {"away", "m1", seconds{15}, true},
      {"still", "m1", seconds{599}, true},          {"long ago", "m1", seconds{600}, false},
      {"another method", "m2", seconds{60}, false}, {"no method", "", seconds{60}, false},
  };
  for (const auto& c : cases)
    EXPECT_EQ(never_came_back(attempt, c.method, kStart + c.later), c.away) << c.name;
  // A second tab does not begin the wait anew.
  EXPECT_TRUE(never_came_back(after_start(attempt, "m1", kStart + seconds{14}), "m1",
                              kStart + seconds{15}));
}

TEST(AttemptTest, TooManyStartsWithinAMinute) {
  Attempt attempt;
  for (int i = 0; i < kMaxStartsPerWindow; ++i) {
    EXPECT_FALSE(goes_in_circles(attempt, kStart)) << i;
    attempt = after_start(attempt, "m1", kStart);
  }
  EXPECT_TRUE(goes_in_circles(attempt, kStart));
  EXPECT_TRUE(goes_in_circles(attempt, kStart + seconds{59}));
  EXPECT_FALSE(goes_in_circles(attempt, kStart + seconds{60}));
  EXPECT_EQ(after_start(attempt, "m1", kStart + seconds{60}).starts, 1);
}

TEST(AttemptTest, IsOfItsBrowser) {
  test::TestGateway gateway;
  Browser browser;
  browser.secret = "one";
  browser.attempt = seal_attempt(gateway.context(), browser, after_start({}, "m1", kStart));
  EXPECT_LT(browser.attempt.size(), 400U);
  EXPECT_EQ(open_attempt(gateway.context(), browser).method, "m1");
  EXPECT_EQ(open_attempt(gateway.context(), browser).starts, 1);
  auto returned = browser;
  returned.attempt = attempt_after_return(gateway.context(), browser);
  EXPECT_EQ(open_attempt(gateway.context(), returned).method, "");
  EXPECT_EQ(open_attempt(gateway.context(), returned).starts, 1);
  auto other = browser;
  other.secret = "two";
  EXPECT_EQ(open_attempt(gateway.context(), other).starts, 0);
  for (const auto* text : {"", "x", "eyJ9"}) {
    other.attempt = text;
    EXPECT_EQ(open_attempt(gateway.context(), other).starts, 0) << text;
  }
}

}  // namespace
}  // namespace gatehouse::controlplane
