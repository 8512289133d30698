#include <gtest/gtest.h>

#include <thread>

#include "adapters/admin_api/api_fixture.h"
#include "controlplane/api_token.h"

namespace gatehouse::adapters::admin_api::test {
namespace {

using storage::Role;

class PolicyTestsTest : public ApiTest {
 protected:
  PolicyTestsTest() {
    sign_in("ada@example.com", "Wiki", "Ada");
    sign_in("bob@elsewhere.example");
  }
  json::value run(const json::array& policies) {
    const auto started = send("POST", "access/policy-tests", json::object{{"policies", policies}});
    EXPECT_EQ(started.status, 200) << started.text;
    EXPECT_EQ(started.result().at("status"), "success");
    const std::string path =
        "access/policy-tests/" + std::string(started.result().at("id").as_string());
    while (true) {
      const auto answer = get(path);
      EXPECT_EQ(answer.status, 200);
      if (answer.result().at("status") != "processing") return answer.result();
      std::this_thread::yield();
    }
  }
  static json::object policy(std::string_view decision, const json::array& include,
                             std::string_view name = "asked") {
    return {{"name", name}, {"decision", decision}, {"include", include}};
  }
};

const json::object kStaff{{"email_domain", json::object{{"domain", "example.com"}}}};

TEST_F(PolicyTestsTest, JudgesEverybody) {
  const auto test = run({policy("allow", {kStaff})}).as_object();
  EXPECT_EQ(test.at("status"), "complete");
  EXPECT_EQ(test.at("total_users"), 2);
  EXPECT_EQ(test.at("users_approved"), 1);
  EXPECT_EQ(test.at("users_blocked"), 1);
  EXPECT_EQ(test.at("users_errored"), 0);
  EXPECT_EQ(test.at("percent_approved"), 50);
  EXPECT_EQ(test.at("percent_users_processed"), 100);

  const std::string path =
      "access/policy-tests/" + std::string(test.at("id").as_string()) + "/users";
  const auto all = get(path + "?per_page=1&page=2");
  EXPECT_EQ(all.result().as_array().size(), 1U);
  EXPECT_EQ(all.document.at("result_info").at("total_count"), 2);
  EXPECT_TRUE(get(path + "?page=2").result().as_array().empty());
  EXPECT_EQ(get(path + "?status=success").result(),
            (json::value{json::object{{"id", user_id("ada@example.com")},
                                      {"status", "approved"},
                                      {"name", "Ada"},
                                      {"email", "ada@example.com"}}}));
  EXPECT_EQ(get(path + "?status=fail").result().at(0).at("email"), "bob@elsewhere.example");
  EXPECT_TRUE(get(path + "?status=error").result().as_array().empty());
  EXPECT_EQ(get(path + "?status=approved").status, 400);
}

TEST_F(PolicyTestsTest, TakesPoliciesOfApplicationsById) {
  const auto& wiki = gateway_.application("Wiki");
  const auto test = run({std::string_view(wiki.policies.front().id)});
  EXPECT_EQ(test.at("users_approved"), 1);
}

TEST_F(PolicyTestsTest, WrongPoliciesAreNamedAndNothingIsStored) {
  const auto before = gateway_.store->load_resources().value().sequence;
  struct Case {
    json::value policies;
    const char* field;
  };
  const Case cases[] = {
      {json::array{}, "policies"},
      {nullptr, "policies"},
      {"all", "policies"},
      {json::array{"f1a8b3c9d4e5f6789a0b1c2d3e4f5678"}, "policies[0]"},
      {json::array{7}, "policies[0]"},
      {json::array{policy("allow", {kStaff}), policy("maybe", {kStaff}, "other")},
       "policies[1].decision"},
      {json::array{policy("allow", {json::object{{"emial", json::object{}}}})},
       "policies[0].include[0]"},
      {json::array{policy("allow", {json::object{{"group", json::object{{"id", "none"}}}}})},
       "policies[0].include[0]"},
  };
  for (const auto& test : cases) {
    const auto answer =
        send("POST", "access/policy-tests", json::object{{"policies", test.policies}});
    EXPECT_EQ(answer.status, 400) << json::serialize(test.policies) << answer.text;
    EXPECT_NE(answer.message().find(test.field), std::string::npos) << answer.text;
  }
  EXPECT_EQ(get("access/policy-tests/f1a8b3c9").status, 404);
  EXPECT_EQ(get("access/policy-tests/f1a8b3c9/users").status, 404);
  run({policy("allow", {kStaff})});
  EXPECT_EQ(gateway_.store->load_resources().value().sequence, before);
  EXPECT_EQ(
      send("POST", "access/policy-tests", json::object{{"policies", json::array{}}}, Role::HelpDesk)
          .status,
      403);
}

TEST_F(PolicyTestsTest, ChecksOneUserForOneApplication) {
  const auto path = [&](std::string_view application) {
    return "access/apps/" + gateway_.application(application).id + "/user_policy_checks";
  };
  const auto check = get(path("Wiki") + "?email=ADA@example.com");
  ASSERT_EQ(check.status, 200) << check.text;
  const auto& state = check.result().at("app_state").as_object();
  EXPECT_EQ(state.at("status"), "Success");
  EXPECT_EQ(state.at("hostname"), "wiki.example.com");
  EXPECT_EQ(state.at("policies").at(0).at("decision"), "allow");
  EXPECT_EQ(state.at("policies").at(0).at("status"), "Success");
  EXPECT_EQ(check.result().at("user_identity").at("email"), "ada@example.com");
  EXPECT_EQ(get(path("Wiki")).result(), check.result()) << "who made the token";

  const auto blocked = get(path("Wiki") + "?user_id=" + user_id("bob@elsewhere.example"));
  EXPECT_EQ(blocked.result().at("app_state").at("status"), "Fail");
  EXPECT_EQ(blocked.result().at("app_state").at("reason"), "identity_not_permitted");
  EXPECT_EQ(get(path("Payroll") + "?email=ada@example.com").result().at("app_state").at("status"),
            "Error")
      << "nothing is known of the device";
  gateway_.now += std::chrono::seconds{1};
  check_device(sign_in("ada@example.com"), "device-1");
  EXPECT_EQ(get(path("Payroll") + "?email=ada@example.com").result().at("app_state").at("status"),
            "Success");

  EXPECT_EQ(get(path("Wiki") + "?email=nobody@example.com").status, 400);
  EXPECT_EQ(get(path("Wiki") + "?user_id=nobody").status, 400);
  EXPECT_EQ(get("access/apps/nothing/user_policy_checks?email=ada@example.com").code(), 11021);
  const auto nobodys =
      controlplane::issue_api_token(*gateway_.store, {"ci", Role::ReadOnly, {}, {}},
                                    "gatehouse init", gateway_.now)
          .value()
          .secret;
  const auto unknown = send_with(nobodys, "GET", path("Wiki"));
  EXPECT_EQ(unknown.status, 400);
  EXPECT_NE(unknown.message().find("`user_id`"), std::string::npos);
}

}  // namespace
}  // namespace gatehouse::adapters::admin_api::test
