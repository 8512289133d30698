#include <gtest/gtest.h>

#include "adapters/admin_api/api_fixture.h"

namespace gatehouse::adapters::admin_api::test {
namespace {

using storage::Role;

TEST_F(ApiTest, KeysAreConfiguredAndRotated) {
  const auto read = get("access/keys");
  ASSERT_EQ(read.status, 200) << read.text;
  EXPECT_EQ(read.result().at("key_rotation_interval_days"), 42);
  const auto changed = send("PUT", "access/keys", json::object{{"key_rotation_interval_days", 21}});
  EXPECT_EQ(changed.result().at("key_rotation_interval_days"), 21);
  EXPECT_EQ(get("access/keys").result(), changed.result());

  const auto before = gateway_.vault->jwks();
  gateway_.now += std::chrono::hours{24};
  const auto rotated = send("POST", "access/keys/rotate");
  ASSERT_EQ(rotated.status, 200) << rotated.text;
  EXPECT_EQ(rotated.result().at("days_until_next_rotation"), 21);
  EXPECT_EQ(rotated.result().at("last_key_rotation_at"), "2027-01-16T08:00:00Z");
  EXPECT_NE(gateway_.vault->jwks(), before);
  EXPECT_EQ(gateway_.vault->jwks().size(), before.size() + 1) << "the old one still verifies";
}

TEST_F(ApiTest, KeysThatCannotBe) {
  const auto before = get("access/keys").result();
  for (const json::value& days : {json::value(20), json::value(366), json::value("30"),
                                  json::value(nullptr), json::value(30.5), json::value(-1)}) {
    const auto answer =
        send("PUT", "access/keys", json::object{{"key_rotation_interval_days", days}});
    EXPECT_EQ(answer.status, 400) << json::serialize(days);
    EXPECT_NE(answer.message().find("key_rotation_interval_days"), std::string::npos);
  }
  for (const auto role : {Role::ReadOnly, Role::HelpDesk})
    EXPECT_EQ(send("POST", "access/keys/rotate", nullptr, role).status, 403);
  EXPECT_EQ(get("access/keys").result(), before);
  EXPECT_EQ(get("access/keys", Role::HelpDesk).status, 403);
}

}  // namespace
}  // namespace gatehouse::adapters::admin_api::test
