#include <gtest/gtest.h>

#include "adapters/admin_api/api_fixture.h"

namespace gatehouse::adapters::admin_api::test {
namespace {

using controlplane::test::kStart;
using std::chrono::hours;
using std::chrono::seconds;
using storage::Role;

std::vector<std::string> emails_of(const Answer& answer) {
  std::vector<std::string> emails;
  for (const auto& user : answer.result().as_array())
    emails.emplace_back(user.at("email").as_string());
  return emails;
}
using Emails = std::vector<std::string>;

TEST_F(ApiTest, UsersAreMadeReadChangedAndRemoved) {
  const auto made =
      send("POST", "access/users", json::object{{"email", "Jdoe@Example.com"}, {"name", "Jane"}});
  ASSERT_EQ(made.status, 201) << made.text;
  const auto& user = made.result().as_object();
  EXPECT_EQ(user.at("email"), "jdoe@example.com");
  EXPECT_EQ(user.at("uid"), user.at("id"));
  EXPECT_EQ(user.at("gateway_seat"), false);
  EXPECT_EQ(user.at("active_device_count"), 0);
  EXPECT_FALSE(user.contains("last_successful_login"));
  const std::string path = "access/users/" + std::string(user.at("id").as_string());

  const auto read = get(path);
  EXPECT_EQ(read.result(), made.result());
  const json::object wanted{{"email", "jane@example.com"}, {"name", "Jane Doe"}};
  EXPECT_EQ(send("PUT", path, wanted, Role::Administrator, {{"If-Match", "\"other\""}}).status,
            412);
  const auto changed =
      send("PUT", path, wanted, Role::Administrator, {{"If-Match", read.header("ETag")}});
  ASSERT_EQ(changed.status, 200) << changed.text;
  EXPECT_EQ(changed.result().at("name"), "Jane Doe");
  EXPECT_EQ(get(path).result().at("email"), "jane@example.com");

  const auto removed = send("DELETE", path);
  EXPECT_EQ(removed.status, 202);
  EXPECT_TRUE(removed.result().is_null());
  EXPECT_EQ(get(path).status, 404);
  EXPECT_EQ(get(path).code(), 12135);
  EXPECT_EQ(send("DELETE", path).status, 404);

  const auto events = gateway_.audit("resource_changed");
  std::vector<std::string> whats;
  for (const auto& event : events)
    if (event.details.at("kind") == "user") {
      whats.emplace_back(event.details.at("what").as_string());
      EXPECT_EQ(event.actor, "administrator");
      EXPECT_EQ(event.ip, "192.0.2.9");
      EXPECT_EQ(event.details.at("reference").as_string().size(), 32U);
    }
  EXPECT_EQ(whats, (Emails{"removed", "changed", "added"}));
}

TEST_F(ApiTest, UsersThatCannotBe) {
  const auto made = send("POST", "access/users", json::object{{"email", "one@example.com"}});
  const std::string path = "access/users/" + std::string(made.result().at("id").as_string());
  ASSERT_EQ(send("POST", "access/users", json::object{{"email", "two@example.com"}}).status, 201);
  struct Case {
    const char* name;
    const char* method;
    json::value body;
    int status;
    const char* field;
  };
  const Case cases[] = {
      {"no body", "POST", nullptr, 400, ""},
      {"no address", "POST", json::object{{"name", "x"}}, 400, "email"},
      {"wrong type", "POST", json::object{{"email", 7}}, 400, "email"},
      {"no address in it", "POST", json::object{{"email", "nobody"}}, 400, "email"},
      {"taken", "POST", json::object{{"email", "ONE@example.com"}}, 400, "email"},
      {"name of wrong type", "POST", json::object{{"email", "x@example.com"}, {"name", 7}}, 400,
       "name"},
      {"name too long", "POST",
       json::object{{"email", "x@example.com"}, {"name", std::string(256, 'x')}}, 400, "name"},
      {"control character", "POST", json::object{{"email", "x@example.com"}, {"name", "a\nb"}}, 400,
       "name"},
      {"change without a name", "PUT", json::object{{"email", "one@example.com"}}, 400, "name"},
      {"change to a taken address", "PUT", json::object{{"email", "two@example.com"}, {"name", ""}},
       400, "email"},
  };
  for (const auto& test : cases) {
    const auto answer = send(
        test.method, test.method == std::string_view("POST") ? "access/users" : path, test.body);
    EXPECT_EQ(answer.status, test.status) << test.name << answer.text;
    EXPECT_EQ(answer.code(), 12130) << test.name;
    EXPECT_NE(answer.message().find(test.field), std::string::npos) << test.name << answer.text;
  }
  EXPECT_EQ(emails_of(get("access/users")), (Emails{"one@example.com", "two@example.com"}));
  for (const auto* unknown :
       {"access/users/f174e90a-fafe-4643-bbbc-4a0ed4fc8415", "access/users/one@example.com",
        "access/users/nobody/active_sessions", "access/users/nobody/active_sessions/x",
        "access/users/nobody/failed_logins", "access/users/nobody/last_seen_identity"})
    EXPECT_EQ(get(unknown).status, 404) << unknown;
}

TEST_F(ApiTest, UsersAreFoundAndPaged) {
  for (const auto* name : {"Ada", "Bob", "Cleo"})
    ASSERT_EQ(send("POST", "access/users",
                   json::object{{"email", std::string(name) + "@example.com"}, {"name", name}})
                  .status,
              201);
  const struct {
    const char* query;
    Emails expected;
  } cases[] = {
      {"", {"ada@example.com", "bob@example.com", "cleo@example.com"}},
      {"?email=BOB@example.com", {"bob@example.com"}},
      {"?email=email", {}},
      {"?name=Cleo", {"cleo@example.com"}},
      {"?name=Cle", {}},
      {"?search=LEO", {"cleo@example.com"}},
      {"?per_page=2", {"ada@example.com", "bob@example.com"}},
      {"?per_page=2&page=2", {"cleo@example.com"}},
      {"?per_page=2&page=3", {}},
      {"?page=0", {"ada@example.com", "bob@example.com", "cleo@example.com"}},
  };
  for (const auto& test : cases) {
    const auto answer = get(std::string("access/users") + test.query);
    EXPECT_EQ(answer.status, 200) << test.query;
    EXPECT_EQ(emails_of(answer), test.expected) << test.query;
  }
  EXPECT_EQ(get("access/users?per_page=2").document.at("result_info").at("total_count"), 3);
  EXPECT_EQ(get("access/users?per_page=1001").status, 400);
  EXPECT_EQ(get("access/users?page=x").status, 400);
}

TEST_F(ApiTest, SessionsOfAUser) {
  const auto nonce = sign_in("ada@example.com", "Wiki", "Ada");
  enter(nonce, "Wiki");
  enter(nonce, "Wiki");
  enter(nonce, "Payroll");
  check_device(nonce, "device-1");
  sign_in("bob@example.com");
  const auto path = "access/users/" + user_id("ada@example.com");
  EXPECT_EQ(get(path).result().at("active_device_count"), 1);
  EXPECT_EQ(get(path).result().at("last_successful_login"), "2027-01-15T08:00:00Z");

  const auto sessions = get(path + "/active_sessions").result().as_array();
  ASSERT_EQ(sessions.size(), 1U);
  const auto& metadata = sessions[0].at("metadata").as_object();
  EXPECT_EQ(metadata.at("nonce").as_string(), nonce);
  EXPECT_EQ(metadata.at("ttl"), 24 * 3600);
  EXPECT_EQ(metadata.at("expires"), sessions[0].at("expiration"));
  EXPECT_EQ(metadata.at("apps").as_object().size(), 2U);
  const auto& wiki = gateway_.application("Wiki");
  const auto& app = metadata.at("apps").at(wiki.audience);
  EXPECT_EQ(app.at("uid").as_string(), wiki.id);
  EXPECT_EQ(app.at("hostname"), "wiki.example.com");

  const auto one = get(path + "/active_sessions/" + nonce);
  EXPECT_EQ(one.result().at("isActive"), true);
  EXPECT_EQ(one.result().at("email"), "ada@example.com");
  EXPECT_EQ(one.result().at("ip"), "198.51.100.7");
  EXPECT_EQ(one.result().at("account_id").as_string(), account_);
  EXPECT_EQ(one.result().at("device_id"), "device-1");
  EXPECT_EQ(one.result().at("idp").at("type"), "onetimepin");
  EXPECT_EQ(get("access/users/" + user_id("bob@example.com") + "/active_sessions/" + nonce).status,
            404)
      << "somebody else's";

  const auto seen = get(path + "/last_seen_identity");
  EXPECT_EQ(seen.result().at("user_uuid").as_string(), user_id("ada@example.com"));
  EXPECT_EQ(seen.result().at("iat"), to_epoch_seconds(kStart));
  EXPECT_EQ(seen.text.find(nonce), std::string::npos);
  for (const auto& check : seen.result().at("devicePosture").as_object())
    EXPECT_FALSE(check.value().as_object().contains("timestamp")) << "nothing was checked then";

  gateway_.now = kStart + hours{24} - seconds{1};
  EXPECT_EQ(get(path + "/active_sessions").result().as_array().size(), 1U);
  gateway_.now = kStart + hours{24};
  EXPECT_TRUE(get(path + "/active_sessions").result().as_array().empty());
  EXPECT_EQ(get(path + "/active_sessions/" + nonce).status, 404);
  EXPECT_EQ(get(path + "/last_seen_identity").status, 200);
}

TEST_F(ApiTest, WhoIsRemovedOrRenamedIsSignedOut) {
  const auto ada = sign_in("ada@example.com");
  const auto bob = sign_in("bob@example.com");
  const auto lives = [&](const std::string& nonce) {
    return context().sessions.load(nonce, gateway_.now).value().has_value() &&
           gateway_.reader()->session(nonce).value().has_value();
  };
  const auto path = "access/users/" + user_id("ada@example.com");
  EXPECT_EQ(send("PUT", path, json::object{{"email", "ada@example.com"}, {"name", "Ada"}}).status,
            200);
  EXPECT_TRUE(lives(ada)) << "another name ends nothing";
  EXPECT_EQ(send("PUT", path, json::object{{"email", "a@example.com"}, {"name", "Ada"}}).status,
            200);
  EXPECT_FALSE(lives(ada));
  EXPECT_TRUE(lives(bob));
  EXPECT_EQ(send("DELETE", "access/users/" + user_id("bob@example.com")).status, 202);
  EXPECT_FALSE(lives(bob));
}

TEST_F(ApiTest, FailedLoginsOfAUser) {
  const auto nonce = sign_in("ada@example.com");
  refuse(nonce, "Payroll", decision::Reason::PostureNotManaged);
  const auto path = "access/users/" + user_id("ada@example.com") + "/failed_logins";
  const auto failed = get(path).result().as_array();
  ASSERT_EQ(failed.size(), 1U);
  const auto& metadata = failed[0].at("metadata").as_object();
  EXPECT_EQ(metadata.at("reason"), "posture_not_managed");
  EXPECT_EQ(metadata.at("app_name"), "Payroll");
  EXPECT_EQ(metadata.at("user_email"), "ada@example.com");
  EXPECT_EQ(metadata.at("ray_id"), "0123456789abcdef");
  EXPECT_EQ(metadata.at("datetime"), "2027-01-15T08:00:00Z");
  EXPECT_EQ(failed[0].at("expiration"), to_epoch_seconds(kStart + hours{7 * 24}));
  gateway_.now = kStart + hours{7 * 24};
  EXPECT_EQ(get(path).result().as_array().size(), 1U);
  gateway_.now += seconds{1};
  EXPECT_TRUE(get(path).result().as_array().empty());
}

TEST_F(ApiTest, TheHelpDeskReadsUsersAndChangesNone) {
  sign_in("ada@example.com");
  const auto path = "access/users/" + user_id("ada@example.com");
  for (const auto* below : {"", "/active_sessions", "/failed_logins", "/last_seen_identity"})
    EXPECT_EQ(get(path + below, Role::HelpDesk).status, 200) << below;
  for (const auto role : {Role::HelpDesk, Role::ReadOnly}) {
    EXPECT_EQ(send("DELETE", path, nullptr, role).code(), 10001);
    EXPECT_EQ(send("POST", "access/users", json::object{{"email", "x@example.com"}}, role).status,
              403);
  }
  EXPECT_EQ(get(path).status, 200);
  EXPECT_EQ(send("DELETE", path + "/mfa_authenticators/1").status, 404);
}

}  // namespace
}  // namespace gatehouse::adapters::admin_api::test
