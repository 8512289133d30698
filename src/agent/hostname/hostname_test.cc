#include "agent/hostname/hostname.h"

#include <gtest/gtest.h>

namespace gatehouse::agent {
namespace {

TEST(Hostname, IsThisMachines) {
  json::object device;
  collect_hostname(device);
  const auto name = json::find_string(device, "hostname");
  ASSERT_TRUE(name);
  EXPECT_FALSE(name->empty());
}

}  // namespace
}  // namespace gatehouse::agent
