#include <gtest/gtest.h>

#include "adapters/access/test_browser.h"
#include "base/encoding.h"
#include "jose/jwt.h"

namespace gatehouse::adapters {
namespace {

using controlplane::test::agent_token;
using controlplane::test::kStart;
using controlplane::test::sample_document;
using controlplane::test::TestGateway;
using std::chrono::hours;
using std::chrono::seconds;
using test::Browser;
using test::challenge;
using test::contains;
using test::header;
using test::instructions;

class SessionTest : public testing::Test {
 protected:
  SessionTest() { gateway_.apply(sample_document()); }
  json::object identity(std::string_view host) {
    const auto response =
        browser_.get("https://" + std::string(host) + "/cdn-cgi/access/get-identity");
    return response.status == 200 ? json::parse(response.body).value().as_object()
                                  : json::object{{"status", response.status}};
  }
  TestGateway gateway_;
  test::Site site_{gateway_};
  Browser browser_{site_};
};

TEST_F(SessionTest, IdentityOfTheHostsToken) {
  EXPECT_EQ(identity("wiki.example.com"), (json::object{{"status", 401}}));
  EXPECT_EQ(identity("auth.example.com"), (json::object{{"status", 401}}));
  browser_.sign_in_with_code("Wiki");
  for (const std::string_view host : {"wiki.example.com", "auth.example.com"}) {
    const auto got = identity(host);
    ASSERT_TRUE(got.contains("email")) << host;
    EXPECT_EQ(got.at("email"), "ada@example.com");
    EXPECT_EQ(got.at("idp").at("type"), "onetimepin");
    EXPECT_EQ(got.at("ip"), "192.0.2.1");
    EXPECT_TRUE(is_uuid(got.at("user_uuid").as_string()));
    EXPECT_EQ(got.at("devicePosture").as_object().size(), 2U);
  }
  EXPECT_EQ(identity("payroll.example.com"), (json::object{{"status", 401}}));
  // A token of one application says nothing on the host of another.
  browser_.cookie("payroll.example.com", "CF_Authorization") =
      browser_.cookie("wiki.example.com", "CF_Authorization");
  EXPECT_EQ(identity("payroll.example.com"), (json::object{{"status", 401}}));
  browser_.cookie("wiki.example.com", "CF_Authorization") =
      browser_.cookie("auth.example.com", "CF_Authorization");
  EXPECT_EQ(identity("wiki.example.com"), (json::object{{"status", 401}})) << "another type";
}

TEST_F(SessionTest, AuthDomainTellsTheIdentityOfAnApplicationsToken) {
  browser_.sign_in_with_code("Wiki");
  auto& presented = browser_.cookie("auth.example.com", "CF_Authorization");
  presented = browser_.cookie("wiki.example.com", "CF_Authorization");
  EXPECT_EQ(identity("auth.example.com").at("email"), "ada@example.com");
  EXPECT_EQ(browser_.get(browser_.login_url("Wiki")).status, 200) << "it signs nobody in";
  presented += "x";
  EXPECT_EQ(identity("auth.example.com"), (json::object{{"status", 401}})) << "changed";
  presented.pop_back();
  const auto token = presented;
  browser_.get("https://wiki.example.com/cdn-cgi/access/logout");
  browser_.cookie("auth.example.com", "CF_Authorization") = token;
  EXPECT_EQ(identity("auth.example.com"), (json::object{{"status", 401}})) << "logged out";
}

TEST_F(SessionTest, IdentityShowsDevicePostureByRule) {
  const auto given = instructions(browser_.sign_in_with_code("Payroll"));
  browser_.post_json("/cdn-cgi/access/posture/result",
                     {{"transaction", given.at("transaction")},
                      {"token", agent_token(challenge(given), gateway_.now)}});
  const auto& rules = gateway_.gateway->resources()->posture_rules;
  const auto checks = identity("auth.example.com").at("devicePosture").as_object();
  const auto& managed = checks.at(rules[0].id);
  EXPECT_EQ(managed.at("success"), true);
  EXPECT_EQ(managed.at("rule_name"), "managed");
  EXPECT_EQ(managed.at("type"), "tanium");
  EXPECT_EQ(managed.at("timestamp").as_string(), format_rfc3339(kStart));
  EXPECT_EQ(managed.at("data").at("device_id"), "device-1");
  const auto& second = checks.at(rules[1].id);
  EXPECT_EQ(second.at("success"), false);
  EXPECT_EQ(second.at("error"), "posture_missing");
  gateway_.now += hours{1} + seconds{1};
  EXPECT_EQ(identity("auth.example.com").at("devicePosture").at(rules[0].id).at("error"),
            "posture_stale");
}

TEST_F(SessionTest, TokenEndsAtItsSecond) {
  browser_.sign_in_with_code("Wiki");
  gateway_.now = kStart + hours{2} - seconds{1};
  EXPECT_TRUE(identity("wiki.example.com").contains("email"));
  gateway_.now = kStart + hours{2};
  EXPECT_FALSE(identity("wiki.example.com").contains("email"));
}

TEST_F(SessionTest, LogoutOfAnApplicationEndsItsTokensOnly) {
  browser_.sign_in_with_code("Wiki");
  const auto token = browser_.cookie("wiki.example.com", "CF_Authorization");
  const auto page = browser_.get("https://wiki.example.com/cdn-cgi/access/logout");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(browser_.cookie("wiki.example.com", "CF_Authorization"), "");
  EXPECT_TRUE(contains(page, "https://auth.example.com/cdn-cgi/access/logout"));
  browser_.cookie("wiki.example.com", "CF_Authorization") = token;
  EXPECT_EQ(identity("wiki.example.com"), (json::object{{"status", 401}})) << "a copy is dead";
  EXPECT_TRUE(identity("auth.example.com").contains("email"));
  const auto sessions = gateway_.store->live_sessions(gateway_.now).value();
  ASSERT_EQ(sessions.size(), 1U);
  ASSERT_EQ(sessions.front().revocations.size(), 1U);
  EXPECT_EQ(sessions.front().revocations.front().audience, gateway_.application("Wiki").audience);
  EXPECT_EQ(sessions.front().revocations.front().issued_before, kStart + seconds{1});
  EXPECT_EQ(gateway_.reader()->session(sessions.front().nonce).value()->revocations.size(), 1U);

  // Back within the same second: the new token counts.
  browser_.follow(browser_.get(browser_.login_url("Wiki")));
  EXPECT_NE(browser_.cookie("wiki.example.com", "CF_Authorization"), token);
  EXPECT_TRUE(identity("wiki.example.com").contains("email"));
  // Twice does not pile up.
  browser_.get("https://wiki.example.com/cdn-cgi/access/logout");
  EXPECT_EQ(gateway_.store->live_sessions(gateway_.now).value().front().revocations.size(), 1U);
  EXPECT_EQ(gateway_.audit("session_ended").size(), 2U);
}

TEST_F(SessionTest, GlobalLogoutEndsEverything) {
  browser_.sign_in_with_code("Wiki");
  const auto nonce = gateway_.store->live_sessions(gateway_.now).value().front().nonce;
  const auto global = browser_.cookie("auth.example.com", "CF_Authorization");
  const auto page = browser_.get("https://auth.example.com/cdn-cgi/access/logout");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(header(page, "Set-Cookie"),
            "CF_Authorization=; Path=/; Secure; HttpOnly; SameSite=None; Max-Age=0");
  EXPECT_TRUE(gateway_.store->live_sessions(gateway_.now).value().empty());
  EXPECT_FALSE(gateway_.reader()->session(nonce).value());
  EXPECT_EQ(identity("wiki.example.com"), (json::object{{"status", 401}}));
  browser_.cookie("auth.example.com", "CF_Authorization") = global;
  EXPECT_EQ(browser_.get(browser_.login_url("Wiki")).status, 200) << "the cookie is worth nothing";
  EXPECT_EQ(gateway_.audit("session_ended").size(), 1U);
}

TEST_F(SessionTest, WhoeverIsRefusedAndSignsOutIsLedBack) {
  gateway_.provider.email = "mallory@example.com";
  ASSERT_EQ(browser_.sign_in_with_provider("Admin", "/console").status, 403);
  const auto sign_out = "https://auth.example.com/cdn-cgi/access/logout" +
                        browser_.url().substr(browser_.url().find("?transaction="));
  EXPECT_FALSE(contains(Browser(site_).get(sign_out), "Admin")) << "in another browser";
  const auto page = browser_.get(sign_out);
  EXPECT_EQ(page.status, 200);
  EXPECT_TRUE(contains(page, "Sign in to Admin"));
  EXPECT_TRUE(contains(page, "href=\"https://admin.example.com/console\""));
  EXPECT_TRUE(gateway_.store->live_sessions(gateway_.now).value().empty());
}

TEST_F(SessionTest, LogoutIsNotForForeignPages) {
  browser_.sign_in_with_code("Wiki");
  for (const std::string_view host : {"auth.example.com", "wiki.example.com"}) {
    const std::string url = "https://" + std::string(host) + "/cdn-cgi/access/logout";
    for (const std::string_view destination : {"image", "iframe", "empty", "script"})
      EXPECT_EQ(
          browser_.send("GET", url, {{"Sec-Fetch-Dest", std::string(destination)}}, "").status, 403)
          << host << destination;
  }
  EXPECT_TRUE(identity("wiki.example.com").contains("email"));
  EXPECT_EQ(browser_
                .send("GET", "https://auth.example.com/cdn-cgi/access/logout",
                      {{"Sec-Fetch-Dest", "document"}}, "")
                .status,
            200);
}

TEST_F(SessionTest, HomeListsWhatThePersonMayOpen) {
  auto page = browser_.get("https://auth.example.com/");
  EXPECT_EQ(page.status, 200);
  EXPECT_TRUE(contains(page, "Example Works"));
  EXPECT_TRUE(contains(page, "not signed in"));
  EXPECT_FALSE(contains(page, "Wiki"));
  browser_.sign_in_with_code("Wiki", "bob@example.com");
  page = browser_.get("https://auth.example.com/");
  EXPECT_TRUE(contains(page, "bob@example.com"));
  EXPECT_TRUE(contains(page, "href=\"https://wiki.example.com/\""));
  EXPECT_TRUE(contains(page, "Payroll")) << "could be opened with a device";
  EXPECT_FALSE(contains(page, "Admin")) << "is for somebody else";

  EXPECT_FALSE(contains(page, "Robots")) << "is for no person";
  EXPECT_TRUE(contains(page, "/cdn-cgi/access/logout"));
}

TEST_F(SessionTest, HomeLinksToTheApplicationsPath) {
  browser_.sign_in_with_provider("Admin", "/console");
  EXPECT_TRUE(contains(browser_.get("https://auth.example.com/"),
                       "href=\"https://admin.example.com/console\""));
}

TEST_F(SessionTest, HomeEscapesNames) {
  auto document = sample_document();
  document["applications"].as_array()[0].as_object()["name"] = "<b>\"Wiki\" & 'co'</b>";
  document["organization"].as_object()["name"] = "<i>Works</i>";
  gateway_.apply(document);
  browser_.sign_in_with_code("<b>\"Wiki\" & 'co'</b>");
  const auto page = browser_.get("https://auth.example.com/");
  EXPECT_TRUE(contains(page, "&lt;b&gt;"));
  EXPECT_FALSE(contains(page, "<b>"));
  EXPECT_FALSE(contains(page, "<i>"));
}

TEST_F(SessionTest, CertsAreForEveryone) {
  for (const std::string_view host : {"auth.example.com", "wiki.example.com"}) {
    const auto response = browser_.get("https://" + std::string(host) + "/cdn-cgi/access/certs");
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(header(response, "Access-Control-Allow-Origin"), "*");
    const auto document = json::parse(response.body).value().as_object();
    EXPECT_EQ(document.at("keys").as_array().size(), 2U);
    EXPECT_TRUE(document.contains("public_cert") && document.contains("public_certs"));
  }
}

TEST_F(SessionTest, StatusSaysWhetherThereIsAConfiguration) {
  const auto ready = browser_.get("https://auth.example.com/cdn-cgi/access/status");
  EXPECT_EQ(ready.status, 200);
  EXPECT_EQ(json::parse(ready.body).value().at("status"), "ok");
  TestGateway empty;
  test::Site site(empty);
  Browser browser(site);
  const auto starting = browser.get("https://auth.example.com/cdn-cgi/access/status");
  EXPECT_EQ(starting.status, 503);
  EXPECT_EQ(browser.get("https://auth.example.com/").status, 503);
  EXPECT_EQ(browser.get("https://auth.example.com/cdn-cgi/access/certs").status, 200);
}

TEST_F(SessionTest, PathsMethodsAndHosts) {
  struct Case {
    std::string_view method;
    std::string_view url;
    int status;
    std::string_view allow;
  };
  constexpr std::array kCases{
      Case{"GET", "https://auth.example.com/cdn-cgi/access/nothing", 404, ""},
      Case{"GET", "https://auth.example.com/cdn-cgi/access/", 404, ""},
      Case{"GET", "https://auth.example.com/cdn-cgi/access/login", 404, ""},
      Case{"GET", "https://auth.example.com/cdn-cgi/access/login/a/b", 404, ""},
      Case{"GET", "https://auth.example.com/favicon.ico", 404, ""},
      Case{"GET", "https://auth.example.com/cdn-cgi/access/authorized", 404, ""},
      Case{"GET", "https://wiki.example.com/cdn-cgi/access/callback", 404, ""},
      Case{"GET", "https://wiki.example.com/cdn-cgi/access/login/wiki.example.com", 404, ""},
      Case{"GET", "https://wiki.example.com/", 404, ""},
      Case{"GET", "https://unknown.example/cdn-cgi/access/logout", 404, ""},
      Case{"PUT", "https://auth.example.com/", 405, "GET, HEAD"},
      Case{"DELETE", "https://auth.example.com/cdn-cgi/access/login/wiki.example.com", 405,
           "GET, HEAD, POST"},
      Case{"GET", "https://auth.example.com/cdn-cgi/access/pin/request", 405, "POST"},
      Case{"GET", "https://auth.example.com/cdn-cgi/access/posture/result", 405, "POST"},
      Case{"HEAD", "https://auth.example.com/cdn-cgi/access/callback", 405, "GET"},
      Case{"HEAD", "https://wiki.example.com/cdn-cgi/access/authorized", 405, "GET"},
      Case{"POST", "https://wiki.example.com/cdn-cgi/access/logout", 405, "GET"},
      Case{"POST", "https://wiki.example.com/cdn-cgi/access/certs", 405, "GET, HEAD"},
      Case{"HEAD", "https://auth.example.com/", 200, ""},
      Case{"HEAD", "https://auth.example.com/cdn-cgi/access/status", 200, ""},
      Case{"GET", "https://AUTH.example.com:8443/cdn-cgi/access/status", 200, ""},
  };
  for (const auto& c : kCases) {
    const auto response = browser_.send(std::string(c.method), c.url, {}, "");
    EXPECT_EQ(response.status, c.status) << c.method << " " << c.url;
    EXPECT_EQ(header(response, "Allow"), c.allow) << c.method << " " << c.url;
  }
}

TEST_F(SessionTest, EveryDynamicResponseIsHardened) {
  browser_.sign_in_with_code("Wiki");
  browser_.get("https://auth.example.com/");
  browser_.get("https://auth.example.com/cdn-cgi/access/nothing");
  browser_.get("https://auth.example.com/cdn-cgi/access/status");
  browser_.get("https://wiki.example.com/cdn-cgi/access/get-identity");
  for (const auto& response : site_.answered) {
    EXPECT_EQ(header(response, "Cache-Control"), "no-store");
    EXPECT_EQ(header(response, "X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(header(response, "X-Frame-Options"), "DENY");
    EXPECT_EQ(header(response, "Permissions-Policy"),
              "loopback-network=(), local-network=(), local-network-access=()");
    const auto referrer = header(response, "Referrer-Policy");
    EXPECT_TRUE(referrer == "no-referrer" ||
                (referrer == "same-origin" && contains(response, "<form")))
        << referrer;
    if (!header(response, "Content-Type").starts_with("text/html")) continue;
    EXPECT_NE(header(response, "Content-Security-Policy").find("default-src 'none'"),
              std::string::npos);
    EXPECT_NE(header(response, "Content-Security-Policy").find("frame-ancestors 'none'"),
              std::string::npos);
  }
}

TEST_F(SessionTest, StaticFilesAreImmutableByVersion) {
  const auto plain = browser_.get("https://auth.example.com/cdn-cgi/access/static/gatehouse.css");
  EXPECT_EQ(plain.status, 200);
  EXPECT_EQ(header(plain, "Content-Type"), "text/css; charset=utf-8");
  EXPECT_EQ(header(plain, "Cache-Control"), "public, max-age=300");
  const auto versioned =
      browser_.get("https://wiki.example.com/cdn-cgi/access/static/posture.js?v=abc");
  EXPECT_EQ(header(versioned, "Content-Type"), "text/javascript; charset=utf-8");
  EXPECT_EQ(header(versioned, "Cache-Control"), "public, max-age=31536000, immutable");
}

TEST_F(SessionTest, OnlyTheProxyMayAsk) {
  net::HttpRequest request;
  request.method = "GET";
  request.path = "/cdn-cgi/access/login/wiki.example.com";
  request.headers = {{"Host", "auth.example.com"}};
  EXPECT_EQ(site_.router(request).handler(request).status, 400);
  request.headers.emplace_back("Gatehouse-Client-Ip", "not an address");
  EXPECT_EQ(site_.router(request).handler(request).status, 400);
}

}  // namespace
}  // namespace gatehouse::adapters
