// The dashboard's host as nginx passes requests on: who counts as whom, and which requests count.
#include "adapters/dashboard/dashboard.h"

#include <gtest/gtest.h>

#include "adapters/admin_api/api_fixture.h"
#include "controlplane/api_token.h"
#include "controlplane/revocation.h"
#include "controlplane/session.h"
#include "selectors/registry.h"

namespace gatehouse::adapters {
namespace {

using admin_api::test::Answer;
using std::chrono::hours;
using std::chrono::seconds;

constexpr std::string_view kHost = "dash.example.com";

json::object allow(std::string_view name, std::string_view email, const char* role = nullptr) {
  json::object policy{
      {"name", name},
      {"decision", "allow"},
      {"include", json::array{json::object{{"email", json::object{{"email", email}}}}}}};
  if (role != nullptr) policy["dashboard_role"] = role;
  return policy;
}

class DashboardTest : public admin_api::test::ApiTest {
 protected:
  DashboardTest() {
    document_ = controlplane::test::sample_document();
    document_["applications"].as_array().emplace_back(json::object{
        {"name", "Dashboard"},
        {"type", "dash_sso"},
        {"domain", kHost},
        {"allowed_idps", json::array{"Code"}},
        {"policies", json::array{allow("Administrators", "ada@example.com", "administrator"),
                                 allow("Help desk", "hal@example.com", "help_desk"),
                                 allow("Readers", "rea@example.com", "read_only"),
                                 allow("Others", "oda@example.com")}}});
    apply();
    start(0);
  }
  void start(int requests) {
    router_ = make_dashboard_router(
        {.services = {.gateway = *gateway_.gateway,
                      .explain = {},
                      .health = [] { return json::object{{"status", "ok"}}; },
                      .decisions = {},
                      .review = {},
                      .version = "1.2.3"},
         .point = {.open_node_state = [this] { return gateway_.node_state->make_reader(); },
                   .selectors = selectors::registry(),
                   .log = [](const std::string& line) { ADD_FAILURE() << line; },
                   .country_of = {}},
         .clock = [this] { return gateway_.now; },
         .files = nullptr,
         .requests = requests});
  }
  json::object& dashboard() { return document_["applications"].as_array().back().as_object(); }
  void apply() {
    gateway_.apply(document_);
    gateway_.gateway->tick();
  }

  // The token of a session at an application.
  std::string token_of(const std::string& nonce, std::string_view application = "Dashboard") {
    const auto where = journey(application);
    const auto session = context().sessions.load(nonce, gateway_.now).value().value();
    const auto code = controlplane::issue_code(context(), where, session, hours{1});
    return controlplane::redeem_code(context(), browser(), where.host, code,
                                     "the-application's-cookie")
        .value()
        .token;
  }
  std::string token_for(const std::string& email, std::string_view application = "Dashboard") {
    return token_of(sign_in(email, application), application);
  }

  // What nginx and a page of the dashboard say; an empty value leaves a header out.
  Answer ask(const std::string& token, std::string_view path = "gatehouse/me",
             const net::Headers& headers = {}, std::string_view method = "GET",
             const json::value& body = nullptr) {
    net::HttpRequest request;
    request.method = method;
    request.target = path.starts_with('/')
                         ? std::string(path)
                         : "/client/v4/accounts/" + account_ + "/" + std::string(path);
    request.path = request.target.substr(0, request.target.find('?'));
    request.headers = {{"Host", std::string(kHost)},
                       {"Gatehouse-Client-Ip", "198.51.100.7"},
                       {"Gatehouse-Request-Id", "0123456789abcdef0123456789abcdef"},
                       {"X-Requested-With", "gatehouse-dashboard"}};
    if (!token.empty()) request.headers.emplace_back("Cf-Access-Jwt-Assertion", token);
    for (const auto& [name, value] : headers) {
      std::erase_if(request.headers, [&](const auto& header) { return header.first == name; });
      if (!value.empty()) request.headers.emplace_back(name, value);
    }
    if (!body.is_null()) {
      request.headers.emplace_back("Content-Type", "application/json");
      request.body = json::serialize(body);
    }
    auto response = router_(request).handler(request);
    Answer answer{response.status, std::move(response.headers), std::move(response.body), {}};
    if (auto parsed = json::parse(answer.text); parsed && parsed->is_object())
      answer.document = std::move(parsed->get_object());
    return answer;
  }

  json::object document_;
};

TEST_F(DashboardTest, APersonIsWhatTheirPolicySays) {
  const struct {
    const char* email;
    const char* role;
  } cases[] = {{"ada@example.com", "administrator"},
               {"hal@example.com", "help_desk"},
               {"rea@example.com", "read_only"},
               {"oda@example.com", "read_only"}};
  for (const auto& test : cases) {
    const auto answer = ask(token_for(test.email));
    ASSERT_EQ(answer.status, 200) << answer.text;
    EXPECT_EQ(answer.result(),
              (json::value{{"email", test.email},
                           {"name", test.email},
                           {"kind", "person"},
                           {"role", test.role},
                           {"scopes", json::array{}},
                           {"account", {{"id", account_}, {"name", "Example Works"}}},
                           {"auth_domain", "auth.example.com"},
                           {"sign_out_url", "https://auth.example.com/cdn-cgi/access/logout"},
                           {"version", "1.2.3"}}))
        << answer.text;
    EXPECT_EQ(answer.header("Cross-Origin-Resource-Policy"), "same-origin");
    EXPECT_EQ(answer.header("Cache-Control"), "no-store");
  }
}

TEST_F(DashboardTest, ARoleReachesAsFarAsThatOfAToken) {
  const json::object tag{{"name", "t"}};
  const struct {
    const char* email;
    const char* method;
    const char* path;
    json::value body;
    int status;
  } cases[] = {
      {"ada@example.com", "POST", "access/tags", tag, 201},
      {"ada@example.com", "GET", "gatehouse/audit", nullptr, 200},
      {"ada@example.com", "GET", "gatehouse/store/backup", nullptr, 200},
      {"rea@example.com", "POST", "access/tags", tag, 403},
      {"rea@example.com", "GET", "gatehouse/audit", nullptr, 200},
      {"rea@example.com", "GET", "gatehouse/store/backup", nullptr, 403},
      {"rea@example.com", "POST", "gatehouse/api_tokens",
       json::object{{"name", "x"}, {"role", "read_only"}}, 403},
      {"hal@example.com", "GET", "gatehouse/audit", nullptr, 403},
      {"hal@example.com", "GET", "gatehouse/sessions", nullptr, 200},
      {"hal@example.com", "POST", "gatehouse/api_tokens",
       json::object{{"name", "x"}, {"role", "help_desk"}}, 403},
  };
  for (const auto& test : cases) {
    const auto answer = ask(token_for(test.email), test.path, {}, test.method, test.body);
    EXPECT_EQ(answer.status, test.status) << test.email << " " << test.path << answer.text;
  }
  const auto issued = ask(token_for("ada@example.com"), "gatehouse/api_tokens", {}, "POST",
                          json::object{{"name", "ci"}, {"role", "administrator"}});
  ASSERT_EQ(issued.status, 201) << issued.text;
  EXPECT_EQ(issued.result().at("created_by"), "ada@example.com");
  const auto event = gateway_.audit("api_token_issued").front();
  EXPECT_EQ(event.actor, "ada@example.com");
  EXPECT_EQ(event.ip, "198.51.100.7");
}

TEST_F(DashboardTest, WhatAPolicySaysNowCounts) {
  const auto token = token_for("ada@example.com");
  EXPECT_EQ(ask(token).result().at("role"), "administrator");
  auto& policy = dashboard()["policies"].as_array()[0].as_object();
  policy["dashboard_role"] = "read_only";
  apply();
  EXPECT_EQ(ask(token).result().at("role"), "read_only");
  policy["include"] = json::array{json::object{{"email", {{"email", "eve@example.com"}}}}};
  apply();
  EXPECT_EQ(ask(token).status, 403);
}

TEST_F(DashboardTest, NobodyElseCounts) {
  const auto expired = token_for("ada@example.com");
  gateway_.now += hours{1};
  gateway_.gateway->tick();
  const auto revoked_session = sign_in("ada@example.com", "Dashboard");
  const auto revoked = token_of(revoked_session);
  EXPECT_EQ(ask(revoked).status, 200);
  ASSERT_TRUE(controlplane::revoke_session(context(), revoked_session,
                                           {.name = "x", .ip = "", .reference = ""}));
  const struct {
    const char* name;
    std::string token;
    int status;
    const char* reason;
  } cases[] = {
      {"no token", "", 401, "not_signed_in"},
      {"not a token", "x.y.z", 401, "token_invalid"},
      {"expired", expired, 401, "session_expired"},
      {"revoked", revoked, 401, "session_revoked"},
      {"of another application", token_for("ada@example.com", "Wiki"), 401, "token_invalid"},
      {"not permitted", token_for("eve@example.com"), 403, "identity_not_permitted"},
  };
  for (const auto& test : cases) {
    const auto answer = ask(test.token);
    EXPECT_EQ(answer.status, test.status) << test.name << answer.text;
    EXPECT_EQ(answer.document.at("success"), false);
    EXPECT_EQ(answer.document.at("result"), nullptr);
    EXPECT_FALSE(answer.message().empty());
    EXPECT_EQ(answer.document.at("reason"), test.reason) << test.name;
    EXPECT_EQ(answer.document.contains("login_url"), test.status == 401) << test.name;
  }
  EXPECT_EQ(ask("").document.at("login_url"), "https://dash.example.com/");
}

TEST_F(DashboardTest, OnlyPeopleWhomAnAllowPolicyLetsIn) {
  dashboard()["policies"].as_array() = {
      json::object{{"name", "open"},
                   {"decision", "bypass"},
                   {"include", json::array{json::object{{"everyone", json::object{}}}}}}};
  apply();
  EXPECT_EQ(ask("").status, 403);
  EXPECT_EQ(ask(token_for("ada@example.com")).status, 403);
  dashboard()["policies"].as_array() = {
      json::object{{"name", "machines"},
                   {"decision", "non_identity"},
                   {"include", json::array{json::object{{"group", {{"id", "machines"}}}}}}}};
  apply();
  EXPECT_EQ(ask("").status, 403);
}

// nginx may still pass requests on by a configuration that is no longer in force.
TEST_F(DashboardTest, AHostThatIsNoLongerTheDashboards) {
  const auto token = token_for("ada@example.com");
  dashboard()["type"] = "self_hosted";
  for (auto& policy : dashboard()["policies"].as_array())
    policy.as_object().erase("dashboard_role");
  apply();
  EXPECT_EQ(ask(token).status, 403);
  EXPECT_EQ(
      ask(token_for("ada@example.com", "Wiki"), "gatehouse/me", {{"Host", "wiki.example.com"}})
          .status,
      403);
  EXPECT_EQ(ask(token, "gatehouse/me", {{"Host", "nowhere.example.com"}}).status, 403);
}

TEST_F(DashboardTest, OnlyItsOwnPagesMayAsk) {
  const auto token = token_for("ada@example.com");
  const struct {
    const char* name;
    net::Headers headers;
    int status;
  } cases[] = {
      {"all that a browser says",
       {{"Sec-Fetch-Site", "same-origin"}, {"Origin", "https://dash.example.com"}},
       200},
      {"an old browser", {}, 200},
      {"a form of another site", {{"X-Requested-With", ""}}, 403},
      {"another value", {{"X-Requested-With", "XMLHttpRequest"}}, 403},
      {"cross-site", {{"Sec-Fetch-Site", "cross-site"}}, 403},
      {"same-site", {{"Sec-Fetch-Site", "same-site"}}, 403},
      {"typed", {{"Sec-Fetch-Site", "none"}}, 403},
      {"another origin", {{"Origin", "https://wiki.example.com"}}, 403},
      {"no origin at all", {{"Origin", "null"}}, 403},
      {"another port", {{"Origin", "https://dash.example.com:8443"}}, 403},
      {"another scheme", {{"Origin", "http://dash.example.com"}}, 403},
      {"a token beside it",
       {{"Authorization", "Bearer " + secrets_[storage::Role::ReadOnly]}},
       400},
      {"a key beside it", {{"X-Auth-Key", "x"}}, 400},
      {"an address beside it", {{"X-Auth-Email", "x@example.com"}}, 400},
  };
  for (const auto& test : cases) {
    for (const auto* method : {"GET", "OPTIONS", "DELETE"}) {
      const auto answer = ask(token, "gatehouse/me", test.headers, method);
      if (test.status != 200) {
        EXPECT_EQ(answer.status, test.status) << test.name << " " << method << answer.text;
        EXPECT_EQ(answer.document.at("success"), false);
      } else if (std::string_view(method) == "GET") {
        EXPECT_EQ(answer.status, 200) << test.name << answer.text;
      }
      EXPECT_EQ(answer.header("Access-Control-Allow-Origin"), "") << test.name;
    }
  }
}

TEST_F(DashboardTest, ASessionMayAskOftenButNotWithoutEnd) {
  start(2);
  const auto ada = token_for("ada@example.com");
  EXPECT_EQ(ask(ada).status, 200);
  EXPECT_EQ(ask(ada).status, 200);
  EXPECT_EQ(ask(ada).status, 429);
  EXPECT_EQ(ask(token_for("rea@example.com")).status, 200) << "another session";
  gateway_.now += kDashboardWindow;
  gateway_.gateway->tick();
  EXPECT_EQ(ask(ada).status, 200);
}

TEST_F(DashboardTest, WithoutFilesItSaysHowToBuildThem) {
  const auto answer = ask("", "/access/apps");
  EXPECT_EQ(answer.status, 503);
  EXPECT_NE(answer.text.find("tools/web"), std::string::npos);
  EXPECT_NE(answer.header("Content-Security-Policy"), "");
}

TEST_F(DashboardTest, WhoATokenIs) {
  const auto router =
      make_admin_api_router({.services = {.gateway = *gateway_.gateway,
                                          .explain = {},
                                          .health = {},
                                          .decisions = {},
                                          .review = {},
                                          .version = "1.2.3"},
                             .allowed_networks = {},
                             .trusted = storage::ApiToken{.id = "",
                                                          .name = "administration socket",
                                                          .secret_hash = "",
                                                          .role = storage::Role::Administrator,
                                                          .scopes = {},
                                                          .created_by = "",
                                                          .created_at = {},
                                                          .expires_at = {},
                                                          .last_used_at = {}},
                             .person = {}});
  net::HttpRequest request;
  request.method = "GET";
  request.target = request.path = "/client/v4/accounts/" + account_ + "/gatehouse/me";
  const auto socket = json::parse(router(request).handler(request).body).value().at("result");
  EXPECT_EQ(socket.at("kind"), "socket");
  EXPECT_EQ(socket.at("email"), nullptr);
  EXPECT_FALSE(socket.as_object().contains("sign_out_url"));
}

}  // namespace
}  // namespace gatehouse::adapters
