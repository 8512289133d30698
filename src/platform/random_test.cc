#include "platform/random.h"

#include <gtest/gtest.h>

#include <array>
#include <set>

#include "base/check.h"
#include "base/encoding.h"

namespace gatehouse {
namespace {

TEST(Random, HasTheLengthAskedFor) {
  EXPECT_EQ(random_bytes(0), "");
  EXPECT_EQ(random_bytes(17).size(), 17U);
  EXPECT_EQ(hex_decode(random_hex(16))->size(), 16U);
  EXPECT_EQ(base64url_decode(random_base64url(32))->size(), 32U);
  EXPECT_TRUE(is_uuid(random_uuid()));
}

TEST(Random, DoesNotRepeat) {
  std::set<std::string> seen;
  for (int i = 0; i < 1'000; ++i) seen.insert(random_uuid());
  EXPECT_EQ(seen.size(), 1'000U);
}

TEST(Random, IsUniformBelowTheBound) {
  EXPECT_EQ(random_below(1), 0U);
  std::array<int, 3> counts{};
  for (int i = 0; i < 3'000; ++i) ++counts.at(random_below(3));
  // Fourteen standard deviations either side of 1,000.
  for (const int count : counts) EXPECT_NEAR(count, 1'000, 365);
  for (int i = 0; i < 100; ++i) EXPECT_LT(random_below(0xffffffffU), 0xffffffffU);
  EXPECT_THROW(static_cast<void>(random_below(0)), InvariantViolation);
}

}  // namespace
}  // namespace gatehouse
