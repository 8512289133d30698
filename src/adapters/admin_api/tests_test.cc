#include "adapters/admin_api/api_fixture.h"
#include "controlplane/trial.h"

namespace gatehouse::adapters::admin_api::test {
namespace {

using storage::Role;

TEST_F(ApiTest, TestsAreForWhoeverStartedThem) {
  const auto started = send("POST", "gatehouse/tests",
                            json::object{{"kind", "login"}, {"identity_provider_id", "Code"}});
  ASSERT_EQ(started.status, 201) << started.text;
  const std::string id(started.result().at("id").as_string());
  const auto url = std::string_view(started.result().at("url").as_string());
  EXPECT_TRUE(url.starts_with("https://auth.example.com/cdn-cgi/access/test?ticket=")) << url;
  const auto shown = get("gatehouse/tests/" + id);
  ASSERT_EQ(shown.status, 200) << shown.text;
  EXPECT_EQ(shown.result().at("state"), "waiting");
  EXPECT_EQ(shown.result().at("kind"), "login");
  EXPECT_EQ(shown.result().at("started_at"), nullptr);
  EXPECT_EQ(get("gatehouse/tests/" + id, Role::ReadOnly).status, 404);
  EXPECT_EQ(send_with(issue("another", Role::Administrator), "GET", "gatehouse/tests/" + id).status,
            404);
  EXPECT_EQ(get("gatehouse/tests/" + id, Role::HelpDesk).status, 403);
  EXPECT_EQ(get("gatehouse/tests/00000000000000000000000000000000").status, 404);
  const json::object device{{"kind", "device"}, {"integration_id", "Tanium"}};
  EXPECT_EQ(send("POST", "gatehouse/tests", device, Role::ReadOnly).status, 403);
  EXPECT_EQ(send("POST", "gatehouse/tests", device).status, 201);
}

TEST_F(ApiTest, TestsOfNothingAreRefused) {
  const struct {
    json::object body;
    const char* field;
  } cases[] = {
      {{}, "kind"},
      {{{"kind", "other"}}, "kind"},
      {{{"kind", "login"}}, "identity_provider_id"},
      {{{"kind", "login"}, {"identity_provider_id", 7}}, "identity_provider_id"},
      {{{"kind", "login"}, {"identity_provider_id", "nothing"}}, "identity_provider_id"},
      {{{"kind", "device"}, {"integration_id", "nothing"}}, "integration_id"},
      {{{"kind", "device"}, {"integration_id", "Tanium"}, {"identity_provider_id", "x"}},
       "identity_provider_id"},
  };
  for (const auto& test : cases) {
    const auto answer = send("POST", "gatehouse/tests", test.body);
    EXPECT_EQ(answer.status, 400) << json::serialize(test.body);
    EXPECT_NE(answer.message().find(test.field), std::string::npos) << answer.text;
  }
}

TEST_F(ApiTest, TooManyTestsAtATime) {
  const json::object body{{"kind", "device"}, {"integration_id", "Tanium"}};
  for (std::size_t i = 0; i < controlplane::kMaxTrials; ++i)
    ASSERT_EQ(send("POST", "gatehouse/tests", body).status, 201) << i;
  const auto refused = send("POST", "gatehouse/tests", body);
  EXPECT_EQ(refused.status, 429) << refused.text;
  EXPECT_EQ(refused.header("Retry-After"), "300");
  gateway_.now += controlplane::kTrialLifetime;
  EXPECT_EQ(send("POST", "gatehouse/tests", body).status, 201);
}

TEST_F(ApiTest, UnknownMembersOfSmallBodiesAreNamed) {
  const auto token = get("access/service_tokens").result().as_array().front();
  const std::string id(token.at("id").as_string());
  const struct {
    const char* method;
    std::string path;
    json::object body;
  } cases[] = {
      {"POST", "access/users", {{"email", "x@example.com"}}},
      {"PUT", "access/keys", {{"key_rotation_interval_days", 30}}},
      {"POST", "access/service_tokens/" + id + "/rotate", {}},
      {"POST", "access/organizations/revoke_user", {{"email", "x@example.com"}}},
      {"PUT", "access/certificates/settings", {{"settings", json::array{}}}},
      {"POST", "access/policy-tests", {{"policies", json::array{}}}},
  };
  for (const auto& test : cases) {
    auto body = test.body;
    body["misspelt"] = 1;
    const auto answer = send(test.method, test.path, body);
    EXPECT_EQ(answer.status, 400) << test.path << answer.text;
    EXPECT_NE(answer.message().find("misspelt"), std::string::npos) << answer.text;
  }
}

}  // namespace
}  // namespace gatehouse::adapters::admin_api::test
