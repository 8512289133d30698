#include <gtest/gtest.h>

#include <sstream>

#include "adapters/admin_api/api_fixture.h"

namespace gatehouse::adapters::admin_api::test {
namespace {

using controlplane::test::kStart;
using std::chrono::hours;
using std::chrono::seconds;
using storage::Role;

TEST_F(ApiTest, IngressIsOneList) {
  const auto read = get("gatehouse/ingress");
  ASSERT_EQ(read.result().as_array().size(), 2U) << read.text;
  const json::array wanted{
      json::object{{"hostname", "*.example.com"}, {"service", "http://127.0.0.1:9000"}},
      json::object{{"service", "http_status:404"}}};
  EXPECT_EQ(
      send("PUT", "gatehouse/ingress", wanted, Role::Administrator, {{"If-Match", "\"other\""}})
          .status,
      412);
  const auto changed = send("PUT", "gatehouse/ingress", wanted, Role::Administrator,
                            {{"If-Match", read.header("ETag")}});
  ASSERT_EQ(changed.status, 200) << changed.text;
  EXPECT_EQ(gateway_.gateway->resources()->ingress.front().service, "http://127.0.0.1:9000");
  EXPECT_EQ(get("gatehouse/ingress").result(), changed.result());

  const struct {
    json::value body;
    const char* field;
  } wrong[] = {
      {json::object{{"rules", wanted}}, "list"},
      {json::array{json::object{{"service", "nowhere"}}}, "0.service"},
      {json::array{7}, "0"},
  };
  for (const auto& test : wrong) {
    const auto answer = send("PUT", "gatehouse/ingress", test.body);
    EXPECT_EQ(answer.status, 400) << answer.text;
    EXPECT_NE(answer.message().find(test.field), std::string::npos) << answer.text;
  }
  EXPECT_EQ(get("gatehouse/ingress").result(), changed.result());
  EXPECT_EQ(send("PUT", "gatehouse/ingress", wanted, Role::ReadOnly).status, 403);
}

TEST_F(ApiTest, ExplainAndHealthAreAsked) {
  const json::object question{{"app", "Wiki"}};
  EXPECT_EQ(send("POST", "gatehouse/explain", question, Role::HelpDesk).result().at("asked"),
            question);
  EXPECT_EQ(send("POST", "gatehouse/explain", 7).status, 400);
  EXPECT_EQ(get("gatehouse/health").result().at("status"), "ok");
}

TEST_F(ApiTest, SessionsAreListedAndEnded) {
  const auto ada = sign_in("ada@example.com");
  gateway_.now += seconds{1};
  const auto bob = sign_in("bob@example.com");
  const auto nonces = [&](std::string_view query) {
    std::vector<std::string> found;
    const auto answer = get("gatehouse/sessions" + std::string(query), Role::HelpDesk);
    for (const auto& session : answer.result().as_array())
      found.emplace_back(session.at("nonce").as_string());
    return found;
  };
  using Found = std::vector<std::string>;
  EXPECT_EQ(nonces(""), (Found{bob, ada}));
  EXPECT_EQ(nonces("?user=ada@example.com"), Found{ada});
  EXPECT_EQ(nonces("?user=nobody@example.com"), Found{});
  EXPECT_EQ(nonces("?per_page=1&page=2"), Found{ada});
  EXPECT_EQ(nonces("?per_page=1&page=3"), Found{});

  EXPECT_EQ(send("DELETE", "gatehouse/sessions/" + ada, nullptr, Role::ReadOnly).status, 403);
  const auto ended = send("DELETE", "gatehouse/sessions/" + ada, nullptr, Role::HelpDesk);
  EXPECT_EQ(ended.status, 200) << ended.text;
  EXPECT_EQ(send("DELETE", "gatehouse/sessions/" + ada).status, 404);
  EXPECT_EQ(nonces(""), Found{bob});
  const auto event = gateway_.audit("revocation").front();
  EXPECT_EQ(event.actor, "help");
  EXPECT_EQ(event.ip, "192.0.2.9");
}

TEST_F(ApiTest, RevocationsOfEveryKind) {
  const auto ada = sign_in("ada@example.com");
  check_device(ada, "device/1");
  const auto revoke = [&](const json::value& body) {
    return send("POST", "gatehouse/revocations", body, Role::HelpDesk);
  };
  const auto device = revoke(json::object{{"device", "device/1"}});
  ASSERT_EQ(device.status, 200) << device.text;
  EXPECT_EQ(
      device.result(),
      (json::value{{"what", "device"}, {"name", "device/1"}, {"sessions", 1}, {"enforced", true}}));
  EXPECT_EQ(get("gatehouse/revocations/devices").result(),
            (json::value{json::object{{"device_id", "device/1"}}}));
  EXPECT_EQ(send("DELETE", "gatehouse/revocations/devices/device%2F1").status, 200);
  EXPECT_EQ(send("DELETE", "gatehouse/revocations/devices/device%2F1").status, 404);

  sign_in("ada@example.com");
  EXPECT_EQ(revoke(json::object{{"user", "ada@example.com"}}).result().at("sessions"), 1);
  EXPECT_EQ(revoke(json::object{{"session", sign_in("ada@example.com")}}).status, 200);
  EXPECT_EQ(revoke(json::object{{"application", "Wiki"}}).result().at("name"), "Wiki");
  EXPECT_EQ(revoke(json::object{{"token", "AAAAAAAAAAAAAAAAAAAAAA"}}).status, 200);

  const struct {
    json::value body;
    const char* field;
  } wrong[] = {
      {json::object{}, "exactly one"},
      {json::object{{"user", "a@example.com"}, {"device", "x"}}, "exactly one"},
      {json::object{{"group", "x"}}, "exactly one"},
      {json::object{{"user", 7}}, "user"},
      {json::object{{"user", ""}}, "user"},
      {json::object{{"user", "nobody@example.com"}}, "user"},
      {json::object{{"session", "nothing"}}, "session"},
      {json::object{{"application", "nothing"}}, "application"},
      {json::object{{"token", "nothing"}}, "token"},
      {json::array{}, "object"},
  };
  for (const auto& test : wrong) {
    const auto answer = revoke(test.body);
    EXPECT_EQ(answer.status, 400) << json::serialize(test.body);
    EXPECT_NE(answer.message().find(test.field), std::string::npos) << answer.text;
  }
}

TEST_F(ApiTest, AuditShowsChangesWithoutSecrets) {
  auto document = controlplane::test::sample_document();
  document["organization"].as_object()["name"] = "Another name";
  document["service_tokens"].as_array().erase(document["service_tokens"].as_array().begin() + 1);
  gateway_.apply(document);
  const auto audit = get("gatehouse/audit?event=resource_changed");
  ASSERT_EQ(audit.status, 200) << audit.text;
  EXPECT_EQ(audit.text.find("client_secret_hash"), std::string::npos);
  bool found = false;
  for (const auto& event : audit.result().as_array()) {
    const auto& details = event.at("details").as_object();
    if (details.at("kind") != "organization" || details.at("what") != "changed") continue;
    found = true;
    EXPECT_EQ(details.at("before").at("name"), "Example Works");
    EXPECT_EQ(details.at("after").at("name"), "Another name");
  }
  EXPECT_TRUE(found);
  EXPECT_EQ(get("gatehouse/audit", Role::HelpDesk).status, 403);
}

TEST_F(ApiTest, AuditIsFilteredAndPaged) {
  enter(sign_in("ada@example.com"), "Wiki");
  gateway_.now += hours{1};
  sign_in("bob@example.com");
  const auto count = [&](const std::string& query) {
    return get("gatehouse/audit" + query).result().as_array().size();
  };
  EXPECT_EQ(count("?event=sign_in"), 2U);
  EXPECT_EQ(count("?event=sign_in&event=admission"), 3U);
  EXPECT_EQ(count("?event=sign_in&actor=ada@example.com"), 1U);
  EXPECT_EQ(count("?event=sign_in&actor=ada@example.com&actorOp=neq"), 1U);
  EXPECT_EQ(count("?event=sign_in&actor=example&actorOp=contains"), 2U);
  EXPECT_EQ(count("?event=admission&application=" + gateway_.application("Wiki").id), 1U);
  EXPECT_EQ(count("?ip=198.51.100.7"), 3U);
  EXPECT_EQ(count("?ip=198.51.100.7&since=2027-01-15T09:00:00Z"), 1U);
  EXPECT_EQ(count("?ip=198.51.100.7&until=2027-01-15T09:00:00Z"), 2U) << "before it";
  EXPECT_EQ(count("?ip=198.51.100.7&per_page=2&page=2"), 1U);
  EXPECT_EQ(count("?ip=198.51.100.7&per_page=2&page=3"), 0U);
  EXPECT_EQ(get("gatehouse/audit?direction=asc&event=sign_in").result().at(0).at("actor"),
            "ada@example.com");
  for (const auto* query : {"?since=x", "?direction=x", "?actorOp=x", "?per_page=1001"})
    EXPECT_EQ(get(std::string("gatehouse/audit") + query).status, 400) << query;
}

TEST_F(ApiTest, ApiTokensAreIssuedOnceAndRevoked) {
  const auto issued = send("POST", "gatehouse/api_tokens",
                           json::object{{"name", "ci"},
                                        {"role", "administrator"},
                                        {"scopes", json::array{"access/users"}},
                                        {"expires_at", "2027-01-16T08:00:00Z"}});
  ASSERT_EQ(issued.status, 201) << issued.text;
  const std::string secret(issued.result().at("token").as_string());
  EXPECT_EQ(issued.result().at("created_by"), "administrator");
  EXPECT_EQ(send_with(secret, "GET", "access/users").status, 200);
  EXPECT_EQ(send_with(secret, "GET", "gatehouse/audit").status, 403);
  const auto listed = get("gatehouse/api_tokens");
  EXPECT_EQ(listed.text.find(secret), std::string::npos);
  EXPECT_EQ(listed.text.find("secret_hash"), std::string::npos);
  EXPECT_EQ(listed.result().as_array().size(), 4U);
  const auto event = gateway_.audit("api_token_issued").front();
  EXPECT_EQ(event.details.at("name"), "ci");
  EXPECT_FALSE(event.details.contains("token"));

  gateway_.now = kStart + hours{24} - seconds{1};
  EXPECT_EQ(send_with(secret, "GET", "access/users").status, 200);
  gateway_.now = kStart + hours{24};
  EXPECT_EQ(send_with(secret, "GET", "access/users").status, 403);
  gateway_.now = kStart;
  const std::string path =
      "gatehouse/api_tokens/" + std::string(issued.result().at("id").as_string());
  EXPECT_EQ(send("DELETE", path, nullptr, Role::ReadOnly).status, 403);
  EXPECT_EQ(send("DELETE", path).status, 200);
  EXPECT_EQ(send("DELETE", path).status, 404);
  EXPECT_EQ(send_with(secret, "GET", "access/users").code(), 10000);
  EXPECT_EQ(gateway_.audit("api_token_revoked").size(), 1U);
}

TEST_F(ApiTest, ATokenGivesNoMoreThanItHas) {
  const auto limited =
      issue("limited", Role::Administrator, {"gatehouse/api_tokens", "access/users"});
  const auto short_lived = issue("short", Role::Administrator, {}, kStart + hours{1});
  const auto mint = [&](const std::string& by, const json::object& wanted) {
    return send_with(by, "POST", "gatehouse/api_tokens", wanted).status;
  };
  EXPECT_EQ(mint(limited, {{"name", "a"}, {"role", "administrator"}}), 403);
  EXPECT_EQ(mint(limited, {{"name", "b"}, {"scopes", json::array{"access/apps"}}}), 403);
  EXPECT_EQ(mint(limited, {{"name", "c"}, {"scopes", json::array{"access/users"}}}), 201);
  EXPECT_EQ(mint(short_lived, {{"name", "d"}}), 403);
  EXPECT_EQ(mint(short_lived, {{"name", "e"}, {"expires_at", "2027-01-15T09:00:01Z"}}), 403);
  EXPECT_EQ(mint(short_lived, {{"name", "f"}, {"expires_at", "2027-01-15T09:00:00Z"}}), 201);
  const auto tokens = gateway_.store->api_tokens().value();
  EXPECT_EQ(send_with(limited, "DELETE", "gatehouse/api_tokens/" + tokens.front().id).status, 403)
      << "an administrator's of everything";

  const struct {
    json::object body;
    const char* field;
  } wrong[] = {
      {{}, "name"},
      {{{"name", 7}}, "name"},
      {{{"name", "reader"}}, "name"},
      {{{"name", "x"}, {"role", "king"}}, "role"},
      {{{"name", "x"}, {"scopes", "all"}}, "scopes"},
      {{{"name", "x"}, {"scopes", json::array{"access/nothing"}}}, "scopes"},
      {{{"name", "x"}, {"expires_at", "2027-01-15T08:00:00Z"}}, "expires_at"},
      {{{"name", "x"}, {"expires_at", 7}}, "expires_at"},
      {{{"name", "x"}, {"expiry", "never"}}, "expiry"},
  };
  const auto before = tokens.size();
  for (const auto& test : wrong) {
    const auto answer = send("POST", "gatehouse/api_tokens", test.body);
    EXPECT_EQ(answer.status, 400) << answer.text;
    EXPECT_NE(answer.message().find(test.field), std::string::npos) << answer.text;
  }
  EXPECT_EQ(gateway_.store->api_tokens().value().size(), before);
}

TEST_F(ApiTest, ABackupIsForAdministrators) {
  EXPECT_EQ(get("gatehouse/store/backup", Role::ReadOnly).status, 403);
  EXPECT_EQ(get("gatehouse/store/backup", Role::HelpDesk).status, 403);
  EXPECT_TRUE(gateway_.audit("backup").empty());
  const auto backup = get("gatehouse/store/backup");
  ASSERT_EQ(backup.status, 200);
  EXPECT_EQ(backup.text.find(controlplane::test::kClientSecret), std::string::npos);
  EXPECT_EQ(gateway_.audit("backup").size(), 1U);
  controlplane::test::TestGateway other;
  std::istringstream in(backup.text);
  const auto loaded = other.store->load(in);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(other.store->api_tokens().value().size(), 3U);
}

}  // namespace
}  // namespace gatehouse::adapters::admin_api::test
