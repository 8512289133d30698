#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <fstream>
#include <sstream>

#include "adapters/access/sign_in_fixture.h"
#include "base/encoding.h"
#include "crypto/digest.h"
#include "model/limits.h"

namespace gatehouse::adapters {
namespace {

using controlplane::test::kStart;
using controlplane::test::sample_document;
using controlplane::test::TestGateway;
using std::chrono::hours;
using std::chrono::seconds;
using test::Browser;
using test::contains;
using test::header;
using test::hidden_field;
using test::kAuth;
using test::SignInTest;

TEST_F(SignInTest, ByCodeFromTheFirstPageToTheApplication) {
  const auto page = browser_.get(browser_.login_url("Wiki", "/page?x=1&y=2"));
  EXPECT_EQ(page.status, 200) << "one login method is used at once";
  const auto session_cookie = header(page, "Set-Cookie");
  EXPECT_TRUE(session_cookie.starts_with("CF_Session=")) << session_cookie;
  EXPECT_TRUE(session_cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=14400"));

  const auto entry = browser_.post_form(
      "/cdn-cgi/access/pin/request",
      {{"transaction", hidden_field(page, "transaction")}, {"email", " Ada@Example.com "}});
  EXPECT_EQ(entry.status, 200);
  const auto code = gateway_.last_code();
  ASSERT_EQ(code.size(), 6U);
  EXPECT_FALSE(contains(entry, code));

  const auto signed_in = give_code(browser_, entry, code.substr(0, 3) + " " + code.substr(3));
  ASSERT_EQ(signed_in.status, 303);
  const auto global = header(signed_in, "Set-Cookie");
  EXPECT_TRUE(global.starts_with("CF_Authorization="));
  EXPECT_TRUE(global.ends_with("; Path=/; Secure; HttpOnly; SameSite=None; Max-Age=86400"));
  EXPECT_TRUE(header(signed_in, "Location")
                  .starts_with("https://wiki.example.com/cdn-cgi/access/authorized?nonce="));

  const auto arrived = browser_.get(header(signed_in, "Location"));
  ASSERT_EQ(arrived.status, 302) << arrived.body;
  EXPECT_EQ(header(arrived, "Location"), "/page?x=1&y=2");
  EXPECT_TRUE(header(arrived, "Set-Cookie")
                  .ends_with("; Path=/; Secure; HttpOnly; SameSite=None; Max-Age=7200"))
      << header(arrived, "Set-Cookie");

  const auto claims = token_claims(browser_.cookie("wiki.example.com", "CF_Authorization"));
  EXPECT_EQ(claims.at("aud"), (json::array{json::value(gateway_.application("Wiki").audience)}));
  EXPECT_EQ(claims.at("email"), "ada@example.com");
  EXPECT_EQ(claims.at("type"), "app");
  EXPECT_EQ(claims.at("iss").as_string(), kAuth);
  EXPECT_EQ(claims.at("iat").as_int64(), to_epoch_seconds(kStart));
  EXPECT_EQ(claims.at("nbf"), claims.at("iat"));
  EXPECT_EQ(claims.at("exp").as_int64(), to_epoch_seconds(kStart + hours{2})) << "the policy's";
  EXPECT_EQ(claims.at("country"), "");
  EXPECT_TRUE(is_uuid(claims.at("sub").as_string()));
  const std::string nonce(claims.at("identity_nonce").as_string());
  const auto session = gateway_.reader()->session(nonce).value();
  ASSERT_TRUE(session) << "published before the code was given out";
  EXPECT_EQ(session->identity.user_id, claims.at("sub").as_string());

  const auto global_claims = token_claims(browser_.cookie("auth.example.com", "CF_Authorization"));
  EXPECT_EQ(global_claims.at("type"), "org");
  EXPECT_EQ(global_claims.at("identity_nonce").as_string(), nonce);

  const auto events = gateway_.audit("sign_in");
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events.front().actor, "ada@example.com");
  EXPECT_EQ(events.front().ip, "192.0.2.1");
  EXPECT_EQ(events.front().application, gateway_.application("Wiki").id);
}

TEST_F(SignInTest, TheNextApplicationIsSilent) {
  browser_.sign_in_with_code("Wiki");
  const auto again = browser_.get(browser_.login_url("Wiki", "/other"));
  ASSERT_EQ(again.status, 302);
  EXPECT_TRUE(header(again, "Location")
                  .starts_with("https://wiki.example.com/cdn-cgi/access/authorized?nonce="));
  EXPECT_EQ(header(browser_.get(header(again, "Location")), "Location"), "/other");
  EXPECT_EQ(gateway_.audit("sign_in").size(), 1U);
}

TEST_F(SignInTest, GlobalSessionEndsInTime) {
  browser_.sign_in_with_code("Wiki");
  gateway_.now = kStart + hours{24} - seconds{1};
  EXPECT_EQ(browser_.get(browser_.login_url("Wiki")).status, 302);
  gateway_.now = kStart + hours{24};
  EXPECT_EQ(browser_.get(browser_.login_url("Wiki")).status, 200);
}

TEST_F(SignInTest, TokenNeverOutlivesTheSession) {
  browser_.sign_in_with_code("Wiki");
  gateway_.now = kStart + hours{23};
  browser_.follow(browser_.get(browser_.login_url("Wiki")));
  const auto claims = token_claims(browser_.cookie("wiki.example.com", "CF_Authorization"));
  EXPECT_EQ(claims.at("exp").as_int64(), to_epoch_seconds(kStart + hours{24}));
}

TEST_F(SignInTest, OneTimeCodeWorksOnceInTimeAndInItsBrowser) {
  const auto refused = [&](Browser& browser, const std::string& url) {
    const auto response = browser.get(url);
    EXPECT_EQ(header(response, "Set-Cookie"), "");
    return response.status == 400 && contains(response, "Invalid login session");
  };
  auto url = authorized_url(browser_);
  Browser thief(site_);
  EXPECT_TRUE(refused(thief, url)) << "without any CF_AppSession";
  thief.cookie("wiki.example.com", "CF_AppSession") = "n00112233445566778899aabbccddeeff";
  EXPECT_TRUE(refused(thief, url)) << "with another";
  EXPECT_TRUE(refused(browser_, url + "A"));
  EXPECT_TRUE(refused(browser_, "https://wiki.example.com/cdn-cgi/access/authorized"));
  auto elsewhere = url;
  elsewhere.replace(8, 4, "payroll");
  browser_.cookie("payroll.example.com", "CF_AppSession") =
      browser_.cookie("wiki.example.com", "CF_AppSession");
  EXPECT_TRUE(refused(browser_, elsewhere)) << "on another host";
  EXPECT_EQ(browser_.get(url).status, 302);
  EXPECT_TRUE(refused(browser_, url)) << "twice";

  url = authorized_url(browser_);
  gateway_.now += model::kCodeLifetime - seconds{1};
  EXPECT_EQ(browser_.get(url).status, 302);
  url = authorized_url(browser_);
  gateway_.now += model::kCodeLifetime;
  EXPECT_TRUE(refused(browser_, url)) << "a second too late";
}

TEST_F(SignInTest, CodeOfAnEndedSessionIsWorthless) {
  const auto url = authorized_url(browser_);
  browser_.get("https://auth.example.com/cdn-cgi/access/logout");
  EXPECT_EQ(browser_.get(url).status, 400);
}

TEST_F(SignInTest, PinIsSingleUse) {
  const auto entry = ask_for_code(browser_);
  const auto code = gateway_.last_code();
  EXPECT_EQ(give_code(browser_, entry, code).status, 303);
  EXPECT_EQ(give_code(browser_, entry, code).status, 400);
}

TEST_F(SignInTest, PinHasFiveTries) {
  const auto entry = ask_for_code(browser_);
  const auto code = gateway_.last_code();
  const std::string wrong = code == "000000" ? "000001" : "000000";
  EXPECT_TRUE(contains(give_code(browser_, entry, "12345"), "six digits")) << "costs no try";
  for (int i = 0; i < 4; ++i) {
    const auto answer = give_code(browser_, entry, wrong);
    EXPECT_EQ(answer.status, 400);
    EXPECT_TRUE(contains(answer, "not the code"));
  }
  EXPECT_TRUE(contains(give_code(browser_, entry, wrong), "Too many tries"));
  EXPECT_TRUE(contains(give_code(browser_, entry, code), "Too many tries"));
  EXPECT_EQ(gateway_.audit("sign_in_failed").size(), 6U);
  EXPECT_TRUE(gateway_.audit("sign_in").empty());
}

TEST_F(SignInTest, FourthTryMayBeRight) {
  const auto entry = ask_for_code(browser_);
  const auto code = gateway_.last_code();
  for (int i = 0; i < 4; ++i) give_code(browser_, entry, code == "000000" ? "000001" : "000000");
  EXPECT_EQ(give_code(browser_, entry, code).status, 303);
}

TEST_F(SignInTest, PinExpires) {
  auto entry = ask_for_code(browser_);
  gateway_.now = kStart + model::kPinLifetime - seconds{1};
  EXPECT_EQ(give_code(browser_, entry, gateway_.last_code()).status, 303);
  browser_.get("https://auth.example.com/cdn-cgi/access/logout");
  entry = ask_for_code(browser_);
  const auto code = gateway_.last_code();
  gateway_.now += model::kPinLifetime;
  EXPECT_EQ(give_code(browser_, entry, code).status, 400);
  EXPECT_EQ(gateway_.audit("sign_in").size(), 1U);
}

TEST_F(SignInTest, PinBelongsToItsBrowser) {
  const auto entry = ask_for_code(browser_);
  const auto code = gateway_.last_code();
  Browser other(site_);
  other.get(other.login_url("Wiki"));
  const auto answer = give_code(other, entry, code);
  EXPECT_EQ(answer.status, 400);
  EXPECT_TRUE(contains(answer, "no longer valid"));
  EXPECT_EQ(give_code(browser_, entry, code).status, 303);
}

TEST_F(SignInTest, AnswerDoesNotTellWhoIsKnown) {
  const auto masked = [](net::HttpResponse response, std::string_view email) {
    const auto transaction = hidden_field(response, "transaction");
    std::size_t at = 0;
    while ((at = response.body.find(transaction)) != std::string::npos)
      response.body.erase(at, transaction.size());
    while ((at = response.body.find(email)) != std::string::npos)
      response.body.erase(at, email.size());
    return response.body;
  };
  Browser stranger(site_);
  const auto known = ask_for_code(browser_, "bob@example.com");
  EXPECT_EQ(gateway_.codes_sent(), 1U);
  const auto unknown = ask_for_code(stranger, "bob@example.net");
  EXPECT_EQ(gateway_.codes_sent(), 1U) << "no policy could admit this one";
  EXPECT_EQ(known.status, unknown.status);
  EXPECT_EQ(masked(known, "bob@example.com"), masked(unknown, "bob@example.net"));
  // Nor do the answers to wrong codes, nor their number.
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(masked(give_code(browser_, known, "000000"), "bob@example.com"),
              masked(give_code(stranger, unknown, "000000"), "bob@example.net"))
        << i;
}

TEST_F(SignInTest, CodesAreLimited) {
  for (int i = 0; i < 5; ++i) {
    Browser browser(site_, "192.0.2." + std::to_string(10 + i));
    EXPECT_EQ(ask_for_code(browser, "ada@example.com").status, 200) << "says nothing of it";
  }
  EXPECT_EQ(gateway_.codes_sent(), 3U) << "an address";
  gateway_.now += model::kPinLifetime + seconds{1};
  ask_for_code(browser_);
  EXPECT_EQ(gateway_.codes_sent(), 4U);

  int admitted = 0;
  for (int i = 0; i < 30; ++i) {
    Browser browser(site_, "198.51.100.7");
    const auto answer = ask_for_code(browser, "person" + std::to_string(i) + "@example.com");
    EXPECT_TRUE(answer.status == 200 || answer.status == 429) << answer.status;
    admitted += answer.status == 200 ? 1 : 0;
  }
  EXPECT_EQ(admitted, 20) << "a network address";
  Browser busy(site_, "203.0.113.1");
  admitted = 0;
  for (int i = 0; i < 15; ++i)
    admitted += ask_for_code(busy, "p" + std::to_string(i) + "@example.com").status == 200 ? 1 : 0;
  EXPECT_EQ(admitted, 10) << "a browser";
}

TEST_F(SignInTest, NewCodeFromThePageThatAsksForOne) {
  const auto entry = ask_for_code(browser_);
  const auto first = gateway_.last_code();
  const auto next = browser_.post_form(
      "/cdn-cgi/access/pin/request",
      {{"transaction", hidden_field(entry, "transaction")}, {"email", "ada@example.com"}});
  EXPECT_EQ(next.status, 200);
  EXPECT_EQ(gateway_.codes_sent(), 2U);
  EXPECT_EQ(give_code(browser_, next, gateway_.last_code()).status, 303);
}

TEST_F(SignInTest, MalformedAddressIsSaidBesideTheField) {
  for (const std::string_view address : {"", "ada", "ada@", "@example.com", "a@b@example.com",
                                         "ada@example.com\r\nBcc: x@y.z", "\"ada\"@example.com"}) {
    const auto page = ask_for_code(browser_, address);
    EXPECT_EQ(page.status, 400) << address;
    EXPECT_TRUE(contains(page, "not an e-mail address")) << address;
    EXPECT_TRUE(contains(page, "/cdn-cgi/access/pin/request")) << address;
  }
  EXPECT_EQ(gateway_.codes_sent(), 0U);
}

TEST_F(SignInTest, PinThatIsNotSetUpSaysSo) {
  auto& dependencies = gateway_.context().dependencies;
  auto gateway = controlplane::Gateway::make(
      {dependencies.store, dependencies.vault, dependencies.node_state, dependencies.http_client,
       dependencies.selectors, dependencies.clock, controlplane::PinDelivery(), 443});
  ASSERT_TRUE(gateway->restore().value());
  auto original = std::move(gateway_.gateway);
  gateway_.gateway = std::move(gateway);
  test::Site site(gateway_);
  Browser browser(site);
  const auto page = browser.get(browser.login_url("Wiki"));
  EXPECT_EQ(page.status, 503);
  EXPECT_TRUE(contains(page, "not set up"));
  gateway_.gateway = std::move(original);
}

TEST_F(SignInTest, LoginUrlsAreChecked) {
  const auto& wiki = gateway_.application("Wiki").audience;
  const auto session = base64url_encode(crypto::sha256("n1"));
  struct Case {
    std::string_view name;
    std::string url;
    int status;
  };
  const std::string base = "/cdn-cgi/access/login/";
  const std::array cases{
      Case{"no kid", base + "wiki.example.com?redirect_url=/&app_session=" + session, 400},
      Case{"another kid", base + "wiki.example.com?kid=00&redirect_url=/&app_session=" + session,
           400},
      Case{"kid twice", base + "wiki.example.com?kid=" + wiki + "&kid=" + wiki, 400},
      Case{"another host", base + "payroll.example.com?kid=" + wiki, 400},
      Case{"foreign host", base + "evil.example?kid=" + wiki, 400},
      Case{"no host", base + "?kid=" + wiki, 404},
      Case{"bad app_session", base + "wiki.example.com?kid=" + wiki + "&app_session=x", 400},
      Case{"to elsewhere",
           base + "wiki.example.com?kid=" + wiki + "&redirect_url=%2f%2fevil.example", 400},
  };
  for (const auto& c : cases)
    EXPECT_EQ(browser_.get(std::string(kAuth) + c.url).status, c.status) << c.name;
  const auto begun = browser_.get(std::string(kAuth) + base + "wiki.example.com?kid=" + wiki +
                                  "&redirect_url=%2Fpage%3Fa%3Db");
  EXPECT_EQ(begun.status, 302) << "the application begins";
  EXPECT_EQ(header(begun, "Location"), "https://wiki.example.com/page?a=b");
}

TEST_F(SignInTest, NeverRedirectsElsewhere) {
  std::ifstream file(std::string(GATEHOUSE_SHARED_TESTKIT) + "/hostile/open-redirect.txt");
  if (!file) GTEST_SKIP() << "no test kit";
  browser_.sign_in_with_code("Wiki");
  std::string line;
  while (std::getline(file, line)) {
    const auto answer = browser_.get(browser_.login_url("Wiki", line));
    if (answer.status == 400) continue;
    ASSERT_EQ(answer.status, 302) << line;
    const auto location = header(answer, "Location");
    ASSERT_TRUE(location.starts_with("https://wiki.example.com/cdn-cgi/access/authorized?nonce="))
        << line;
    const auto arrived = header(browser_.get(location), "Location");
    EXPECT_TRUE(arrived.starts_with('/') && !arrived.starts_with("//") &&
                arrived.find('\\') == std::string::npos)
        << line;
  }
}

TEST_F(SignInTest, PostsOfOtherSitesAreRefused) {
  struct Case {
    std::string_view name;
    net::Headers headers;
    bool allowed;
  };
  const std::array cases{
      Case{"nothing said", {}, true},
      Case{"our origin", {{"Origin", "https://auth.example.com"}}, true},
      Case{"our origin and site",
           {{"Origin", "https://auth.example.com"}, {"Sec-Fetch-Site", "same-origin"}},
           true},
      Case{"origin withheld by ourselves",
           {{"Origin", "null"}, {"Sec-Fetch-Site", "same-origin"}},
           true},
      Case{"another origin", {{"Origin", "https://evil.example"}}, false},
      Case{"an application", {{"Origin", "https://wiki.example.com"}}, false},
      Case{"another port", {{"Origin", "https://auth.example.com:8443"}}, false},
      Case{"plain http", {{"Origin", "http://auth.example.com"}}, false},
      Case{"no origin", {{"Origin", "null"}}, false},
      Case{"two origins",
           {{"Origin", "https://auth.example.com"}, {"Origin", "https://evil.example"}},
           false},
      Case{"cross-site", {{"Sec-Fetch-Site", "cross-site"}}, false},
      Case{"same-site", {{"Sec-Fetch-Site", "same-site"}}, false},
      Case{"navigation", {{"Sec-Fetch-Site", "none"}}, false},
      Case{"contradiction",
           {{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "same-origin"}},
           false},
  };
  for (const auto& c : cases) {
    const auto page = browser_.get(browser_.login_url("Wiki"));
    const auto transaction = hidden_field(page, "transaction");
    const auto answer = browser_.post_form(
        "/cdn-cgi/access/pin/request", {{"transaction", transaction}, {"email", "x"}}, c.headers);
    EXPECT_EQ(answer.status, c.allowed ? 400 : 403) << c.name;
    EXPECT_EQ(contains(answer, "not an e-mail address"), c.allowed) << c.name;
  }
}

TEST_F(SignInTest, PostsWithoutTheBrowsersCookieAreRefused) {
  const auto page = browser_.get(browser_.login_url("Wiki"));
  const auto transaction = hidden_field(page, "transaction");
  Browser other(site_);
  for (const std::string_view path :
       {"/cdn-cgi/access/login/wiki.example.com", "/cdn-cgi/access/pin/request",
        "/cdn-cgi/access/pin/verify"}) {
    const auto answer =
        other.post_form(std::string(kAuth) + std::string(path), {{"transaction", transaction},
                                                                 {"email", "ada@example.com"},
                                                                 {"code", "123456"},
                                                                 {"method", "x"}});
    EXPECT_EQ(answer.status, 400) << path;
    EXPECT_TRUE(contains(answer, "no longer valid")) << path;
    EXPECT_EQ(header(answer, "Set-Cookie"), "") << path;
  }
  EXPECT_EQ(gateway_.codes_sent(), 0U);
}

TEST_F(SignInTest, BodiesOfAnotherFormAreRefused) {
  const auto answer = browser_.send("POST", std::string(kAuth) + "/cdn-cgi/access/pin/request",
                                    {{"Content-Type", "text/plain"}}, "transaction=x");
  EXPECT_EQ(answer.status, 415);
  EXPECT_EQ(browser_
                .post_form("/cdn-cgi/access/pin/request",
                           {{"transaction", std::string(model::kMaxFormBytes, 'x')}})
                .status,
            413);
}

TEST_F(SignInTest, TheChooserAppearsWhereSeveralMethodsArePossible) {
  auto document = sample_document();
  document["applications"].as_array()[0].as_object().erase("allowed_idps");
  gateway_.apply(document);
  const auto chooser = browser_.get(browser_.login_url("Wiki"));
  EXPECT_EQ(chooser.status, 200);
  EXPECT_TRUE(contains(chooser, "Corp") && contains(chooser, "Code"));
  const auto& providers = gateway_.gateway->resources()->identity_providers;
  const auto transaction = hidden_field(chooser, "transaction");
  const std::string url = "/cdn-cgi/access/login/wiki.example.com";
  EXPECT_TRUE(
      contains(browser_.post_form(url, {{"transaction", transaction}, {"method", providers[0].id}}),
               "/cdn-cgi/access/pin/request"));
  const auto away = browser_.follow(
      browser_.post_form(url, {{"transaction", transaction}, {"method", providers[1].id}}));
  EXPECT_EQ(away.status, 302);
  EXPECT_TRUE(header(away, "Location").starts_with("https://idp.example.com/auth?"));
  EXPECT_EQ(browser_.post_form(url, {{"transaction", transaction}, {"method", "other"}}).status,
            400);
}

TEST_F(SignInTest, MethodsOfOtherApplicationsAreNotAvailable) {
  auto document = sample_document();
  document["applications"].as_array()[0].as_object().erase("allowed_idps");
  gateway_.apply(document);
  const auto transaction = hidden_field(browser_.get(browser_.login_url("Wiki")), "transaction");
  gateway_.apply(sample_document());  // only Code from now on
  const auto corp = gateway_.gateway->resources()->identity_providers[1].id;
  EXPECT_EQ(browser_
                .post_form("/cdn-cgi/access/login/wiki.example.com",
                           {{"transaction", transaction}, {"method", corp}})
                .status,
            400);
}

TEST_F(SignInTest, StrictCookiesAreSetByAPageOfTheApplication) {
  auto document = sample_document();
  auto& wiki = document["applications"].as_array()[0].as_object();
  wiki["same_site_cookie_attribute"] = "strict";
  wiki["http_only_cookie_attribute"] = false;
  gateway_.apply(document);
  const auto arrived = browser_.sign_in_with_code("Wiki", "ada@example.com", "/page");
  EXPECT_EQ(arrived.status, 200);
  EXPECT_EQ(header(arrived, "Refresh"), "0;url=/page");
  EXPECT_TRUE(
      header(arrived, "Set-Cookie").ends_with("; Path=/; Secure; SameSite=Strict; Max-Age=7200"));
}

// Everything that is logged while it lives.
class LogCapture {
 public:
  LogCapture() : before_(spdlog::default_logger()) {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(stream_)));
    spdlog::set_level(spdlog::level::trace);
  }
  ~LogCapture() { spdlog::set_default_logger(before_); }
  [[nodiscard]] std::string text() const { return stream_.str(); }

 private:
  std::ostringstream stream_;
  std::shared_ptr<spdlog::logger> before_;
};

TEST_F(SignInTest, NothingSecretIsLogged) {
  const LogCapture log;
  browser_.sign_in_with_code("Wiki");
  const auto url = authorized_url(browser_);
  browser_.get(url);
  browser_.get(url);
  Browser other(site_);
  other.sign_in_with_provider("Admin", "/console");
  gateway_.provider.refuses_token = true;
  Browser third(site_);
  third.sign_in_with_provider("Admin", "/console");
  browser_.get("https://auth.example.com/cdn-cgi/access/logout");
  const auto text = log.text();
  EXPECT_NE(text.find("sign_in user="), std::string::npos);
  EXPECT_NE(text.find("sign_in_failed"), std::string::npos);
  EXPECT_NE(text.find("code_refused"), std::string::npos);
  for (const auto& secret :
       {std::string("ada@example.com"), gateway_.last_code(), std::string("the-code"),
        std::string("eyJ"), browser_.cookie("auth.example.com", "CF_Session"),
        browser_.cookie("wiki.example.com", "CF_AppSession"),
        url.substr(url.find("nonce=") + 6, 40)})
    EXPECT_EQ(text.find(secret), std::string::npos) << secret;
}

TEST_F(SignInTest, SecretsAreInNoResponse) {
  browser_.sign_in_with_code("Wiki");
  browser_.get("https://auth.example.com/");
  browser_.get("https://wiki.example.com/cdn-cgi/access/get-identity");
  browser_.get("https://auth.example.com/cdn-cgi/access/certs");
  browser_.get("https://auth.example.com/cdn-cgi/access/status");
  Browser second(site_);
  second.sign_in_with_provider("Admin", "/console");
  const auto& context = gateway_.context();
  for (const auto& response : site_.answered) {
    std::string all = response.body;
    for (const auto& [name, value] : response.headers) all += name + ": " + value + "\n";
    EXPECT_EQ(all.find(controlplane::test::kClientSecret), std::string::npos);
    EXPECT_EQ(all.find("PRIVATE KEY"), std::string::npos);
    EXPECT_EQ(all.find("an-access-token"), std::string::npos);
    EXPECT_EQ(all.find(gateway_.last_code()), std::string::npos);
  }
  EXPECT_EQ(context.audit_failures, 0U);
}

}  // namespace
}  // namespace gatehouse::adapters
