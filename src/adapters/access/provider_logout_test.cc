// Log-out at the identity provider and from it, through the endpoints of the control plane.
#include "controlplane/provider_logout.h"

#include "adapters/access/sign_in_fixture.h"

namespace gatehouse::adapters {
namespace {

using std::chrono::seconds;
using test::Browser;
using test::contains;
using test::header;
using test::kAuth;

class ProviderLogoutTest : public test::SignInTest {
 protected:
  std::string method(std::string_view name) {
    for (const auto& provider : gateway_.gateway->resources()->identity_providers)
      if (provider.name == name) return provider.id;
    return "";
  }
  // The provider's server posts the token.
  net::HttpResponse tell(const std::string& token, std::string_view name = "Corp") {
    return tell_at(method(name), token);
  }
  net::HttpResponse tell_at(const std::string& id, const std::string& token) {
    return server_.post_form(std::string(kAuth) + "/cdn-cgi/access/backchannel-logout/" + id,
                             {{"logout_token", token}});
  }
  static json::object body(const net::HttpResponse& response) {
    return json::parse(response.body).value().as_object();
  }
  std::size_t sessions() { return gateway_.store->live_sessions(gateway_.now).value().size(); }

  Browser server_{site_, "192.0.2.200"};
};

TEST_F(ProviderLogoutTest, EndsEverySessionOfThePersonByThatMethod) {
  Browser second(site_);
  Browser by_code(site_);
  Browser somebody(site_);
  browser_.sign_in_with_provider("Admin", "/console");
  second.sign_in_with_provider("Admin", "/console");
  by_code.sign_in_with_code("Wiki");
  gateway_.provider.more_claims["sub"] = "corp-2";
  somebody.sign_in_with_provider("Admin", "/console");
  ASSERT_EQ(sessions(), 4U);
  const auto nonce = token_claims(browser_.cookie("admin.example.com", "CF_Authorization"))
                         .at("identity_nonce")
                         .as_string();
  ASSERT_TRUE(gateway_.reader()->session(nonce).value());

  const auto response = tell(gateway_.provider.logout_token());
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(header(response, "Cache-Control"), "no-store");
  EXPECT_FALSE(gateway_.reader()->session(nonce).value()) << "at once, for every worker";
  const auto left = gateway_.store->live_sessions(gateway_.now).value();
  ASSERT_EQ(left.size(), 2U);
  for (const auto& session : left)
    EXPECT_TRUE(session.identity.login_method == method("Code") ||
                session.identity.subject == "corp-2");
  const auto records = gateway_.audit("session_ended");
  ASSERT_EQ(records.size(), 2U);
  for (const auto& record : records) {
    EXPECT_EQ(record.actor, "ada@example.com");
    EXPECT_EQ(record.ip, "192.0.2.200");
    EXPECT_EQ(record.details.at("why"), "provider_logout");
    EXPECT_EQ(record.details.at("method").as_string(), method("Corp"));
  }
}

TEST_F(ProviderLogoutTest, ATokenWorksOnce) {
  const auto token = gateway_.provider.logout_token();
  EXPECT_EQ(tell(token).status, 200) << "nobody signed in is no failure";
  browser_.sign_in_with_provider("Admin", "/console");
  gateway_.now += seconds{180};
  const auto again = tell(token);
  EXPECT_EQ(again.status, 400);
  EXPECT_EQ(body(again).at("error"), "invalid_request");
  EXPECT_EQ(sessions(), 1U);
  gateway_.now += seconds{1};
  EXPECT_EQ(body(tell(token)).at("error_description"),
            "the logout token is refused: the token has expired");
  EXPECT_EQ(sessions(), 1U);
}

TEST_F(ProviderLogoutTest, WhatIsRefusedEndsNothing) {
  browser_.sign_in_with_provider("Admin", "/console");
  const auto good = gateway_.provider.logout_token();
  struct Case {
    std::string_view name;
    net::HttpResponse response;
    int status;
  };
  const std::string at =
      std::string(kAuth) + "/cdn-cgi/access/backchannel-logout/" + method("Corp");
  const Case cases[] = {
      {"no token", tell(""), 400},
      {"junk", tell("a.b.c"), 400},
      {"of another client", tell(gateway_.provider.logout_token({{"aud", "else"}})), 400},
      {"a session only", tell(gateway_.provider.logout_token({{"sub", nullptr}, {"sid", "s"}})),
       400},
      {"a method without such tokens", tell(good, "Code"), 400},
      {"an unknown method", tell_at("no-such-method", good), 400},
      {"twice the parameter",
       server_.post_form(at, {{"logout_token", good}, {"logout_token", good}}), 400},
      {"in the query", server_.post_form(at + "?logout_token=" + good, {}), 400},
      {"as JSON", server_.post_json(at, {{"logout_token", good}}), 415},
      {"by GET", server_.get(at), 405},
      {"on an application's host",
       server_.post_form(
           "https://admin.example.com/cdn-cgi/access/backchannel-logout/" + method("Corp"),
           {{"logout_token", good}}),
       404},
      {"from a page",
       server_.post_form(at, {{"logout_token", good}}, {{"Origin", "https://evil.example"}}), 403},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(c.response.status, c.status) << c.name << ' ' << c.response.body;
    EXPECT_EQ(header(c.response, "Cache-Control"), "no-store") << c.name;
    EXPECT_FALSE(contains(c.response, "eyJ")) << c.name;
    if (c.status != 400) continue;
    EXPECT_EQ(body(c.response).at("error"), "invalid_request") << c.name;
  }
  EXPECT_EQ(sessions(), 1U);
  EXPECT_EQ(tell(good).status, 200) << "it was not used up";
  EXPECT_EQ(sessions(), 0U);
}

TEST_F(ProviderLogoutTest, WithoutTheProvidersKeysItIsToComeAgain) {
  browser_.sign_in_with_provider("Admin", "/console");
  gateway_.restart();
  ASSERT_TRUE(gateway_.gateway->restore().value());
  test::Site site(gateway_);
  Browser server(site, "192.0.2.200");
  const auto url = std::string(kAuth) + "/cdn-cgi/access/backchannel-logout/" + method("Corp");
  const auto token = gateway_.provider.logout_token();
  gateway_.provider.reachable = false;
  const auto response = server.post_form(url, {{"logout_token", token}});
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(body(response).at("error"), "temporarily_unavailable");
  EXPECT_EQ(sessions(), 1U);
  gateway_.provider.reachable = true;
  EXPECT_EQ(server.post_form(url, {{"logout_token", token}}).status, 200);
  EXPECT_EQ(sessions(), 0U);
}

TEST_F(ProviderLogoutTest, RefusedTokensAreLimitedAndGoodOnesAreNot) {
  for (int i = 0; i < 40; ++i) EXPECT_EQ(tell(gateway_.provider.logout_token()).status, 200) << i;
  for (int i = 0; i < 30; ++i) EXPECT_EQ(tell("a.b.c").status, 400) << i;
  EXPECT_EQ(tell("a.b.c").status, 429);
  Browser other(site_, "192.0.2.201");
  EXPECT_EQ(
      other
          .post_form(std::string(kAuth) + "/cdn-cgi/access/backchannel-logout/" + method("Corp"),
                     {{"logout_token", gateway_.provider.logout_token()}})
          .status,
      200)
      << "from elsewhere";
  gateway_.now += seconds{60};
  gateway_.provider.now = gateway_.now;
  EXPECT_EQ(tell(gateway_.provider.logout_token()).status, 200);
}

TEST_F(ProviderLogoutTest, WhoSignsOutIsOfferedToDoSoAtTheProvider) {
  const auto link = "/cdn-cgi/access/logout/" + method("Corp");
  const auto out = std::string(kAuth) + "/cdn-cgi/access/logout";
  EXPECT_FALSE(contains(browser_.get(out), "Also sign out at")) << "nobody was signed in";
  browser_.sign_in_with_code("Wiki");
  EXPECT_FALSE(contains(browser_.get(out), "Also sign out at")) << "a code has no such place";

  browser_.sign_in_with_provider("Admin", "/console");
  EXPECT_FALSE(
      contains(browser_.get("https://admin.example.com/cdn-cgi/access/logout"), "Also sign out at"))
      << "of an application";
  const auto page = browser_.get(out);
  EXPECT_EQ(page.status, 200);
  EXPECT_TRUE(contains(page, "href=\"" + link + "\">Also sign out at Corp</a>"));
  EXPECT_EQ(header(page, "Refresh"), "");
  EXPECT_EQ(sessions(), 0U);

  const auto away = browser_.get(std::string(kAuth) + link);
  EXPECT_EQ(away.status, 302);
  const auto location = header(away, "Location");
  EXPECT_TRUE(location.starts_with(
      "https://idp.example.com/end?client_id=gatehouse&post_logout_redirect_uri="
      "https%3A%2F%2Fauth.example.com%2F&state="))
      << location;
  EXPECT_EQ(location.find("id_token_hint"), std::string::npos);
  EXPECT_NE(header(browser_.get(std::string(kAuth) + link), "Location"), location)
      << "a state of its own";

  browser_.sign_in_with_provider("Admin", "/console");
  const auto home = browser_.get(std::string(kAuth) + "/");
  EXPECT_TRUE(
      contains(browser_.post_form("/cdn-cgi/access/sessions/end-all",
                                  {{"transaction", test::hidden_field(home, "transaction")}}),
               link));
}

TEST_F(ProviderLogoutTest, WhereThereIsNoPlaceToSignOutAPageSaysSo) {
  const auto at = [&](const std::string& id) {
    return browser_.get(std::string(kAuth) + "/cdn-cgi/access/logout/" + id);
  };
  EXPECT_EQ(at(method("Code")).status, 404);
  EXPECT_EQ(at("no-such-method").status, 404);
  gateway_.provider.reachable = false;
  EXPECT_EQ(at(method("Corp")).status, 502);
  EXPECT_EQ(browser_
                .send("GET", std::string(kAuth) + "/cdn-cgi/access/logout/" + method("Corp"),
                      {{"Sec-Fetch-Dest", "image"}}, "")
                .status,
            403);
}

}  // namespace
}  // namespace gatehouse::adapters
