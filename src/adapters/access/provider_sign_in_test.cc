#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "adapters/access/sign_in_fixture.h"
#include "controlplane/attempt.h"
#include "model/limits.h"

namespace gatehouse::adapters {
namespace {

using controlplane::test::sample_document;
using controlplane::test::TestGateway;
using test::Browser;
using test::contains;
using test::header;
using test::hidden_field;
using test::kAuth;

class ProviderSignInTest : public test::SignInTest {};

TEST_F(ProviderSignInTest, ByIdentityProvider) {
  const auto arrived = browser_.sign_in_with_provider("Admin", "/console/users");
  ASSERT_EQ(arrived.status, 302) << arrived.body;
  EXPECT_EQ(header(arrived, "Location"), "/console/users");
  const auto claims = token_claims(browser_.cookie("admin.example.com", "CF_Authorization"));
  EXPECT_EQ(claims.at("email"), "ada@example.com");
}

TEST_F(ProviderSignInTest, StateWorksOnceInTimeAndInItsBrowser) {
  const auto begin = [&] {
    const auto away = browser_.follow(browser_.get(browser_.login_url("Admin", "/console")));
    return std::string(kAuth) + "/cdn-cgi/access/callback?" +
           gateway_.provider.authorize(header(away, "Location"));
  };
  auto url = begin();
  Browser victim(site_);
  victim.get(victim.login_url("Wiki"));
  EXPECT_EQ(victim.get(url).status, 400) << "log-in CSRF";
  EXPECT_EQ(victim.cookie("auth.example.com", "CF_Authorization"), "");
  EXPECT_EQ(browser_.get(url).status, 302);
  const auto again = browser_.get(url);
  EXPECT_EQ(again.status, 400);
  EXPECT_TRUE(contains(again, "Try again"));
  EXPECT_TRUE(contains(again, "https://admin.example.com/console"));

  browser_.get("https://auth.example.com/cdn-cgi/access/logout");
  url = begin();
  gateway_.now += model::kSignInLifetime;
  gateway_.provider.now = gateway_.now;
  EXPECT_EQ(browser_.get(url).status, 400);
  for (const std::string_view query : {"", "code=x", "state=x&code=x", "error=access_denied"})
    EXPECT_EQ(
        browser_.get(std::string(kAuth) + "/cdn-cgi/access/callback?" + std::string(query)).status,
        400)
        << query;
}

TEST_F(ProviderSignInTest, ProviderFailuresEndInAPageWithAWayOn) {
  struct Case {
    std::string_view name;
    std::function<void(TestGateway&)> spoil;
    int status;
  };
  const std::array cases{
      Case{"unreachable", [](TestGateway& g) { g.provider.reachable = false; }, 502},
      Case{"token for somebody else", [](TestGateway& g) { g.provider.refuses_token = true; }, 502},
      Case{"no address", [](TestGateway& g) { g.provider.email = ""; }, 403},
  };
  for (const auto& c : cases) {
    Browser browser(site_);
    const auto away = browser.follow(browser.get(browser.login_url("Admin", "/console")));
    const auto query = gateway_.provider.authorize(header(away, "Location"));
    const auto before = gateway_.provider;
    c.spoil(gateway_);
    const auto answer = browser.get(std::string(kAuth) + "/cdn-cgi/access/callback?" + query);
    EXPECT_EQ(answer.status, c.status) << c.name;
    EXPECT_TRUE(contains(answer, "https://admin.example.com/console")) << c.name;
    EXPECT_TRUE(contains(answer, "Reference")) << c.name;
    EXPECT_EQ(browser.cookie("auth.example.com", "CF_Authorization"), "") << c.name;
    gateway_.provider.reachable = true;
    gateway_.provider.refuses_token = false;
    gateway_.provider.email = before.email;
  }
  EXPECT_EQ(gateway_.audit("sign_in_failed").size(), cases.size());

  Browser browser(site_);
  const auto away = browser.follow(browser.get(browser.login_url("Admin", "/console")));
  const auto query = gateway_.provider.authorize(header(away, "Location"));
  const auto refused = browser.get(std::string(kAuth) + "/cdn-cgi/access/callback?" +
                                   query.substr(query.find("state=")) + "&error=access_denied");
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(gateway_.audit("sign_in_failed").front().reason, "access_denied");
}

TEST_F(ProviderSignInTest, ProviderThatIsDownAtTheStart) {
  gateway_.provider.reachable = false;
  const auto page = browser_.follow(browser_.get(browser_.login_url("Admin", "/console")));
  EXPECT_EQ(page.status, 502);
  EXPECT_TRUE(contains(page, "Try again"));
}

TEST_F(ProviderSignInTest, SlowProvidersCannotStarveTheStore) {
  const auto pool = [&](std::string method, std::string path) {
    net::HttpRequest request;
    request.method = std::move(method);
    request.path = std::move(path);
    return site_.router(request).pool;
  };
  EXPECT_EQ(pool("GET", "/cdn-cgi/access/start"), net::Pool::IdentityProvider);
  EXPECT_EQ(pool("GET", "/cdn-cgi/access/callback"), net::Pool::IdentityProvider);
  EXPECT_EQ(pool("GET", "/cdn-cgi/access/login/a.example.com"), net::Pool::Store);
  EXPECT_EQ(pool("POST", "/cdn-cgi/access/posture/result"), net::Pool::Store);
  EXPECT_EQ(pool("GET", "/cdn-cgi/access/certs"), net::Pool::Inline);
  EXPECT_EQ(pool("GET", "/cdn-cgi/access/status"), net::Pool::Inline);
  // And the log-in of an application with such a provider does not ask it.
  gateway_.provider.reachable = false;
  EXPECT_EQ(browser_.get(browser_.login_url("Admin", "/console")).status, 302);
}

TEST_F(ProviderSignInTest, OneBrowserMayBeSignedInByDifferentMethods) {
  browser_.sign_in_with_code("Wiki");
  const auto arrived = browser_.sign_in_with_provider("Admin", "/console");
  EXPECT_EQ(header(arrived, "Location"), "/console");

  // Both stay signed in, silently, and log-out ends both.
  EXPECT_EQ(header(browser_.follow(browser_.get(browser_.login_url("Wiki", "/w"))), "Location"),
            "/w");
  EXPECT_EQ(
      header(browser_.follow(browser_.get(browser_.login_url("Admin", "/console"))), "Location"),
      "/console");
  EXPECT_EQ(gateway_.store->live_sessions(gateway_.now).value().size(), 2U);
  browser_.get("https://auth.example.com/cdn-cgi/access/logout");
  EXPECT_TRUE(gateway_.store->live_sessions(gateway_.now).value().empty());
}

TEST_F(ProviderSignInTest, WrongMethodLeadsToTheChooserNeverInCircles) {
  auto document = sample_document();
  auto& wiki = document["applications"].as_array()[0].as_object();
  wiki.erase("allowed_idps");
  auto& policies = wiki["policies"].as_array();
  policies.push_back(policies[0]);  // by way of another network: so codes are sent at all
  policies[0].as_object()["require"] = json::parse(R"([{"login_method":{"id":"Corp"}}])").value();
  policies[1].as_object()["require"] = json::parse(R"([{"ip":{"ip":"203.0.113.0/24"}}])").value();
  policies[1].as_object()["name"] = "from the office";
  gateway_.apply(document);
  browser_.sign_in_with_code("Payroll");
  for (int round = 0; round < 2; ++round) {
    const auto chooser = browser_.follow(browser_.get(browser_.login_url("Wiki")));
    ASSERT_EQ(chooser.status, 200);
    EXPECT_TRUE(contains(chooser, "another way to sign in"));
    // Whoever takes the same one again is asked again.
    const auto page =
        browser_.post_form("/cdn-cgi/access/login/wiki.example.com",
                           {{"transaction", hidden_field(chooser, "transaction")},
                            {"method", gateway_.gateway->resources()->identity_providers[0].id}});
    const auto entry = browser_.post_form(
        "/cdn-cgi/access/pin/request",
        {{"transaction", hidden_field(page, "transaction")}, {"email", "ada@example.com"}});
    const auto again = give_code(browser_, entry, gateway_.last_code());
    EXPECT_EQ(again.status, 200);
    EXPECT_TRUE(contains(again, "another way to sign in"));
  }
  EXPECT_EQ(gateway_.store->live_sessions(gateway_.now).value().size(), 3U);
}

TEST_F(ProviderSignInTest, WhoUsedAnotherMethodIsToldWhyItIsAskedAgain) {
  browser_.sign_in_with_code("Wiki");
  const auto page = browser_.follow(browser_.get(browser_.login_url("Admin", "/console")));
  EXPECT_EQ(page.status, 200);
  EXPECT_TRUE(contains(page, "another way to sign in"));
  EXPECT_TRUE(contains(page, "Corp"));
  EXPECT_FALSE(contains(page, "Code</"));
  // Unless the application wants to go there without a word.
  auto document = sample_document();
  document["applications"].as_array()[3].as_object()["auto_redirect_to_identity"] = true;
  gateway_.apply(document);
  const auto away = browser_.follow(browser_.get(browser_.login_url("Admin", "/console")));
  EXPECT_TRUE(header(away, "Location").starts_with("https://idp.example.com/auth"));
}

TEST_F(ProviderSignInTest, WhoNeverCameBackIsToldSo) {
  const auto begin = [&] {
    return browser_.follow(browser_.get(browser_.login_url("Admin", "/console")));
  };
  const auto away = begin();
  ASSERT_EQ(away.status, 302);
  gateway_.now += std::chrono::seconds{14};
  EXPECT_EQ(begin().status, 302) << "another tab";
  gateway_.now += std::chrono::seconds{1};
  const auto page = begin();
  EXPECT_EQ(page.status, 200);
  EXPECT_TRUE(contains(page, "have not come back")) << page.body;
  EXPECT_TRUE(contains(page, "Corp"));
  EXPECT_EQ(Browser(site_).get(browser_.login_url("Admin", "/console")).status, 302);
  // The sign-in that was begun still works, and then nothing is said any more.
  gateway_.provider.now = gateway_.now;
  const auto query = gateway_.provider.authorize(header(away, "Location"));
  EXPECT_EQ(browser_.get(std::string(kAuth) + "/cdn-cgi/access/callback?" + query).status, 302);
  browser_.get("https://auth.example.com/cdn-cgi/access/logout");
  EXPECT_EQ(begin().status, 302);
}

TEST_F(ProviderSignInTest, IsStoppedWhenItGoesInCircles) {
  const auto begin = [&] {
    return browser_.follow(browser_.get(browser_.login_url("Admin", "/console")));
  };
  for (int i = 0; i < controlplane::kMaxStartsPerWindow; ++i) EXPECT_EQ(begin().status, 302) << i;
  const auto page = begin();
  EXPECT_EQ(page.status, 200);
  EXPECT_TRUE(contains(page, "we have stopped")) << page.body;
}

TEST_F(ProviderSignInTest, AnApplicationThatSendsBackAgainAndAgainIsStopped) {
  browser_.sign_in_with_provider("Admin", "/console");
  const auto again = [&] {
    return browser_.follow(browser_.get(browser_.login_url("Admin", "/console")));
  };
  for (int i = 1; i < 5; ++i) EXPECT_EQ(header(again(), "Location"), "/console") << i;
  const auto stopped = again();
  EXPECT_EQ(stopped.status, 403);
  EXPECT_TRUE(contains(stopped, "sign_in_loop")) << stopped.body;
  EXPECT_EQ(header(browser_.follow(browser_.get(browser_.login_url("Admin", "/console/other"))),
                   "Location"),
            "/console/other");
  gateway_.now += std::chrono::seconds{10};
  EXPECT_EQ(header(again(), "Location"), "/console");
}

TEST_F(ProviderSignInTest, AStrongerSignInIsAskedForOnce) {
  auto document = sample_document();
  document["applications"]
      .as_array()[3]
      .as_object()["policies"]
      .as_array()[0]
      .as_object()["require"] =
      json::parse(
          R"([{"auth_context": {"id": "x", "ac_id": "c1", "identity_provider_id": "Corp"}},
          {"auth_context": {"id": "y", "ac_id": "c2", "identity_provider_id": "Corp"}}])")
          .value();
  gateway_.apply(document);
  const auto at_provider = [&](const net::HttpResponse& away) {
    EXPECT_TRUE(header(away, "Location").starts_with("https://idp.example.com/auth"))
        << away.status << away.body;
    const auto query = gateway_.provider.authorize(header(away, "Location"));
    return browser_.follow(browser_.get(std::string(kAuth) + "/cdn-cgi/access/callback?" + query));
  };
  // Not confirmed: each is asked for, and then it is said.
  auto at = browser_.follow(browser_.get(browser_.login_url("Admin", "/console")));
  for (int i = 0; i < 3; ++i) at = at_provider(at);
  EXPECT_EQ(at.status, 403);
  EXPECT_TRUE(contains(at, "auth_context_refused")) << at.body;

  // Confirmed one after the other, they are all held at the end.
  at = browser_.follow(browser_.get(browser_.login_url("Admin", "/console")));
  EXPECT_NE(header(at, "Location").find("login_hint=ada%40example.com"), std::string::npos);
  gateway_.provider.more_claims["acrs"] = "c1";
  at = at_provider(at);
  gateway_.now += std::chrono::seconds{60};
  gateway_.provider.more_claims["acrs"] = json::array{"c2"};
  at = at_provider(at);
  EXPECT_EQ(header(at, "Location"), "/console") << at.body;

  // The first of them ends when it would have ended without the second.
  std::set<Instant> ends;
  bool are_together = false;
  const auto visited =
      gateway_.store->visit_live_sessions(gateway_.now, [&](const model::Session& session) {
        const auto& contexts = session.identity.auth_contexts;
        if (std::ranges::find(contexts, "c1") == contexts.end()) return;
        ends.insert(session.expires_at);
        are_together = are_together || contexts.size() == 2;
      });
  ASSERT_TRUE(visited);
  EXPECT_TRUE(are_together);
  EXPECT_EQ(ends,
            std::set<Instant>{gateway_.now - std::chrono::seconds{60} + std::chrono::hours{24}});
}

TEST_F(ProviderSignInTest, AClaimsChallengeIsTakenToTheProviderOnce) {
  gateway_.provider.token_error = json::object{
      {"error", "invalid_grant"}, {"claims", R"({"access_token":{"x":{"essential":true}}})"}};
  auto away = browser_.follow(browser_.get(browser_.login_url("Admin", "/console")));
  auto query = gateway_.provider.authorize(header(away, "Location"));
  away = browser_.follow(browser_.get(std::string(kAuth) + "/cdn-cgi/access/callback?" + query));
  ASSERT_EQ(away.status, 302) << away.body;
  EXPECT_NE(header(away, "Location").find("&claims=%7B%22access_token%22"), std::string::npos);
  query = gateway_.provider.authorize(header(away, "Location"));
  const auto refused =
      browser_.follow(browser_.get(std::string(kAuth) + "/cdn-cgi/access/callback?" + query));
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(gateway_.audit("sign_in_failed").size(), 1U);
}

TEST_F(ProviderSignInTest, AProviderThatMustAskIsLetAskOnce) {
  for (const std::string_view error : {"login_required", "interaction_required"}) {
    Browser browser(site_);
    auto away = browser.follow(browser.get(browser.login_url("Admin", "/console")));
    const auto state_of = [](const net::HttpResponse& response) {
      const auto url = header(response, "Location");
      const auto at = url.find("&state=") + 1;
      return url.substr(at, url.find('&', at) - at);
    };
    const auto callback = [&] {
      return std::string(kAuth) + "/cdn-cgi/access/callback?error=" + std::string(error) + "&" +
             state_of(away);
    };
    away = browser.follow(browser.get(callback()));
    ASSERT_EQ(away.status, 302) << away.body;
    EXPECT_NE(header(away, "Location").find("&prompt=select_account"), std::string::npos);
    EXPECT_EQ(browser.follow(browser.get(callback())).status, 403) << error;
  }
}

TEST_F(ProviderSignInTest, AnotherPersonInTheSameBrowserEndsTheFirstOnesSession) {
  browser_.sign_in_with_code("Wiki", "bob@example.com");
  const auto first = token_claims(browser_.cookie("wiki.example.com", "CF_Authorization"));
  browser_.sign_in_with_provider("Admin", "/console");
  const auto sessions = gateway_.store->live_sessions(gateway_.now).value();
  ASSERT_EQ(sessions.size(), 1U);
  EXPECT_EQ(sessions.front().identity.email, "ada@example.com");
  EXPECT_FALSE(gateway_.reader()->session(first.at("identity_nonce").as_string()).value());
}

TEST_F(ProviderSignInTest, WhoIsNotPermittedSeesWhy) {
  gateway_.provider.email = "mallory@example.com";
  const auto refused = browser_.sign_in_with_provider("Admin", "/console");
  EXPECT_EQ(refused.status, 403);
  EXPECT_TRUE(contains(refused, "identity_not_permitted")) << refused.body;
  EXPECT_TRUE(contains(refused, "mallory@example.com"));
  EXPECT_TRUE(contains(refused, "Admin"));
  EXPECT_TRUE(contains(refused, "/cdn-cgi/access/logout"));
  const auto events = gateway_.audit("refusal");
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events.front().reason, "identity_not_permitted");
  const auto reference = json::find_string(events.front().details, "reference");
  ASSERT_TRUE(reference);
  EXPECT_TRUE(contains(refused, *reference));
  EXPECT_EQ(browser_.cookie("admin.example.com", "CF_Authorization"), "");
  // The page is the browser's own.
  Browser other(site_);
  EXPECT_EQ(other.get(browser_.url()).status, 400);
}

}  // namespace
}  // namespace gatehouse::adapters
