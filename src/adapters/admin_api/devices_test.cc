#include "adapters/admin_api/api_fixture.h"
#include "controlplane/revocation.h"

namespace gatehouse::adapters::admin_api::test {
namespace {

using namespace std::chrono_literals;
using storage::Role;

TEST_F(ApiTest, DevicesOfLiveSessionsAndRevokedOnes) {
  EXPECT_EQ(get("gatehouse/devices").result(), json::array{});
  const auto first = sign_in("ada@example.com");
  check_device(first, "device/1");
  gateway_.now += 60s;
  const auto second = sign_in("ada@example.com");
  check_device(second, "device/1", false);
  check_device(sign_in("bob@example.com"), "device/2");
  ASSERT_TRUE(controlplane::revoke_device(context(), "device/9", {"test", "", ""}));
  gateway_.now += 30s;

  const auto answer = get("gatehouse/devices", Role::HelpDesk);
  ASSERT_EQ(answer.status, 200) << answer.text;
  const auto& devices = answer.result().as_array();
  ASSERT_EQ(devices.size(), 3U) << answer.text;
  EXPECT_EQ(answer.document.at("result_info").at("total_count"), 3);
  const auto& one = devices[0].as_object();
  EXPECT_EQ(one.at("id"), "device/1");
  EXPECT_EQ(one.at("user").at("email"), "ada@example.com");
  EXPECT_EQ(one.at("sessions"), 2);
  EXPECT_EQ(one.at("revoked"), false);
  const auto& evidence = one.at("evidence").as_array().front().as_object();
  EXPECT_EQ(evidence.at("age_seconds"), 30);
  EXPECT_EQ(evidence.at("integration").at("name"), "Tanium");
  EXPECT_EQ(evidence.at("signals").at("managed"), false);
  EXPECT_EQ(evidence.at("signals").at("vulnerability_score"), nullptr);
  ASSERT_FALSE(evidence.at("checks").as_array().empty());
  EXPECT_EQ(evidence.at("checks").as_array().front().at("outcome"), "fail");
  EXPECT_NE(evidence.at("checks").as_array().front().at("reason"), "");
  EXPECT_EQ(
      devices[1].at("evidence").as_array().front().at("checks").as_array().front().at("outcome"),
      "pass");
  EXPECT_EQ(devices[2].at("id"), "device/9");
  EXPECT_EQ(devices[2].at("revoked"), true);
  EXPECT_EQ(devices[2].at("user"), nullptr);
  EXPECT_EQ(devices[2].at("evidence"), json::array{});

  const struct {
    const char* query;
    std::size_t count;
  } cases[] = {{"?search=BOB@", 1},       {"?search=device/", 3}, {"?search=nothing", 0},
               {"?page=2&per_page=2", 1}, {"?page=9", 0},         {"?search=%25", 0}};
  for (const auto& test : cases)
    EXPECT_EQ(get(std::string("gatehouse/devices") + test.query).result().as_array().size(),
              test.count)
        << test.query;
  EXPECT_EQ(get("gatehouse/devices?per_page=1001").status, 400);
}

TEST_F(ApiTest, SessionsAreSearchedAndPaged) {
  const auto ada = sign_in("ada@example.com", "Wiki", "Ada Lovelace");
  check_device(ada, "device/1");
  sign_in("bob@example.com");
  const auto answer = get("gatehouse/sessions?search=lovelace");
  ASSERT_EQ(answer.result().as_array().size(), 1U) << answer.text;
  const auto& session = answer.result().as_array().front();
  EXPECT_EQ(session.at("nonce"), json::value(ada));
  EXPECT_EQ(session.at("name"), "Ada Lovelace");
  EXPECT_EQ(session.at("devices").as_array().front().at("signals").at("managed"), true);
  EXPECT_EQ(get("gatehouse/sessions?search=nobody").result(), json::array{});
  const auto page = get("gatehouse/sessions?page=2&per_page=1");
  EXPECT_EQ(page.result().as_array().size(), 1U);
  EXPECT_EQ(page.document.at("result_info").at("total_count"), 2);
}

TEST_F(ApiTest, UsersTellHowManySessionsTheyHave) {
  sign_in("ada@example.com");
  ASSERT_EQ(send("POST", "access/users", json::object{{"email", "bob@example.com"}}).status, 201);
  const auto answer = get("access/users");
  ASSERT_EQ(answer.result().as_array().size(), 2U) << answer.text;
  EXPECT_EQ(answer.result().as_array()[0].at("active_session_count"), 1);
  EXPECT_EQ(answer.result().as_array()[1].at("active_session_count"), 0);
}

}  // namespace
}  // namespace gatehouse::adapters::admin_api::test
