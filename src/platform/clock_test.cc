#include "platform/clock.h"

#include <gtest/gtest.h>

#include <ctime>

namespace gatehouse {
namespace {

TEST(Clock, AgreesWithTheSystem) {
  const std::int64_t before = std::time(nullptr);
  const std::int64_t now = to_epoch_seconds(system_now());
  // time() may lag the precise clock by a tick.
  EXPECT_GE(now, before);
  EXPECT_LE(now, std::time(nullptr) + 1);
}

}  // namespace
}  // namespace gatehouse
