#include "controlplane/limiter.h"

#include <gtest/gtest.h>

namespace gatehouse::controlplane {
namespace {

constexpr Instant kNow = from_epoch_seconds(1'800'000'000);
constexpr std::chrono::seconds kWindow{600};
using std::chrono::seconds;

TEST(Limiter, AdmitsUpToTheLimitInAWindow) {
  Limiter limiter(2, kWindow);
  EXPECT_TRUE(limiter.admit("a", kNow));
  EXPECT_TRUE(limiter.admit("a", kNow + seconds{599}));
  EXPECT_FALSE(limiter.admit("a", kNow + seconds{599}));
  EXPECT_TRUE(limiter.admit("b", kNow + seconds{599}));
  EXPECT_TRUE(limiter.admit("a", kNow + seconds{600}));
}

TEST(Limiter, ForgetsTheOldestWhenItIsFull) {
  Limiter limiter(1, kWindow, 2);
  EXPECT_TRUE(limiter.admit("a", kNow));
  EXPECT_TRUE(limiter.admit("b", kNow + seconds{1}));
  EXPECT_TRUE(limiter.admit("c", kNow + seconds{2}));
  EXPECT_FALSE(limiter.admit("b", kNow + seconds{2}));
  EXPECT_TRUE(limiter.admit("a", kNow + seconds{2}));
}

TEST(Limiter, CountsAnIpv6NetworkAsOneClient) {
  const auto key = [](std::string_view text) { return limiter_key(*IpAddress::parse(text)); };
  EXPECT_EQ(key("2001:db8::1"), key("2001:db8::ffff:1"));
  EXPECT_NE(key("2001:db8::1"), key("2001:db8:0:1::1"));
  EXPECT_NE(key("192.0.2.1"), key("192.0.2.2"));
}

}  // namespace
}  // namespace gatehouse::controlplane
