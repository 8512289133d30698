// The start page of the auth domain, in its languages and its design, and what can be ended there.
#include <gtest/gtest.h>

#include "adapters/access/sign_in_fixture.h"
#include "base/encoding.h"
#include "controlplane/launcher.h"
#include "pages/pages.h"

namespace gatehouse::adapters {
namespace {

using controlplane::test::agent_token;
using controlplane::test::sample_document;
using std::chrono::hours;
using std::chrono::seconds;
using test::Browser;
using test::challenge;
using test::contains;
using test::header;
using test::hidden_field;
using test::instructions;

constexpr std::string_view kHome = "https://auth.example.com/";
constexpr std::string_view kEnd = "/cdn-cgi/access/sessions/end";
constexpr std::string_view kEndAll = "/cdn-cgi/access/sessions/end-all";

class LauncherTest : public test::SignInTest {
 protected:
  json::object document_ = sample_document();

  json::object& organization() { return document_["organization"].as_object(); }
  json::object& application(std::size_t index) {
    return document_["applications"].as_array()[index].as_object();
  }
  std::size_t live() { return gateway_.store->live_sessions(gateway_.now).value().size(); }
  // The handle of the first session in the list that is not this browser's; empty: none.
  static std::string other_handle(const net::HttpResponse& page) {
    std::string_view rest = page.body;
    constexpr std::string_view kStart = "name=\"session\" value=\"";
    while (true) {
      const auto row = rest.find("<li><div class=\"about\">");
      if (row == std::string_view::npos) return "";
      rest.remove_prefix(row + 1);
      const auto here = rest.substr(0, rest.find("</li>"));
      const auto at = here.find(kStart);
      if (at == std::string_view::npos || here.contains("This browser")) continue;
      return std::string(here.substr(at + kStart.size(), 32));
    }
  }
};

TEST_F(LauncherTest, ShowsLogosAndDomainsHidesWhatIsNotForTheLauncherAndOffersBookmarks) {
  application(0)["logo_url"] = "https://cdn.example.com/wiki.png";
  application(1)["app_launcher_visible"] = false;
  document_["applications"].as_array().push_back(
      {{"type", "bookmark"}, {"name", "Handbook"}, {"domain", "https://handbook.example.net/x/"}});
  document_["applications"].as_array().push_back(
      {{"type", "bookmark"},
       {"name", "Secret handbook"},
       {"domain", "secret.example.net"},
       {"policies",
        json::array{{{"name", "x"},
                     {"decision", "allow"},
                     {"include", json::array{{{"email", {{"email", "bob@example.com"}}}}}}}}}});
  document_["bookmarks"] = json::array{
      {{"name", "Plan"}, {"domain", "plan.example.net"}},
      {{"name", "Hidden"}, {"domain", "hidden.example.net"}, {"app_launcher_visible", false}}};
  gateway_.apply(document_);
  browser_.sign_in_with_code("Wiki");
  const auto page = browser_.get(kHome);
  EXPECT_EQ(page.status, 200);
  EXPECT_TRUE(contains(page, R"(src="https://cdn.example.com/wiki.png")"));
  EXPECT_TRUE(contains(page, "<small>wiki.example.com</small>"));
  EXPECT_TRUE(header(page, "Content-Security-Policy")
                  .contains("img-src 'self' data: https://cdn.example.com/wiki.png;"));
  EXPECT_FALSE(contains(page, "Payroll"));
  EXPECT_TRUE(contains(page, R"(href="https://handbook.example.net/x/")"));
  EXPECT_TRUE(contains(page, "<small>handbook.example.net/x</small>"));
  EXPECT_TRUE(contains(page, R"(href="https://plan.example.net")"));
  EXPECT_FALSE(contains(page, "Hidden"));
  EXPECT_FALSE(contains(page, "Secret")) << "its policies may be meant to hide it";
  // By name.
  EXPECT_LT(page.body.find("Handbook"), page.body.find("Plan"));
  EXPECT_LT(page.body.find("Plan"), page.body.find("Wiki"));
}

TEST_F(LauncherTest, SearchesInNamesAndDomains) {
  for (int i = 0; i < 8; ++i)
    document_["applications"].as_array().push_back(
        {{"type", "bookmark"},
         {"name", "Link " + std::to_string(i)},
         {"domain", "site" + std::to_string(i) + ".example.net"}});
  gateway_.apply(document_);
  browser_.sign_in_with_code("Wiki");
  EXPECT_TRUE(contains(browser_.get(kHome), "data-filter"));
  const auto found = browser_.get("https://auth.example.com/?q=SITE3+link");
  EXPECT_TRUE(contains(found, "Link 3"));
  EXPECT_FALSE(contains(found, "Link 4"));
  EXPECT_TRUE(contains(found, R"(value="SITE3 link")"));
  EXPECT_TRUE(contains(browser_.get("https://auth.example.com/?q=%3Cb%3E"), "No application has"));
}

TEST_F(LauncherTest, SaysWhereSomebodyIsSignedIn) {
  browser_.sign_in_with_code("Wiki");
  gateway_.now += hours{2};
  Browser other{site_, "198.51.100.7"};
  other.sign_in_with_code("Wiki");
  Browser stranger{site_, "203.0.113.9"};
  stranger.sign_in_with_code("Wiki", "bob@example.com");
  const auto page = browser_.get(kHome);
  EXPECT_TRUE(contains(page, "Signed in 2 hours ago</time> with Code · 192.0.2.1"));
  EXPECT_TRUE(contains(page, "Signed in just now</time> with Code · 198.51.100.7"));
  EXPECT_TRUE(contains(page, "Ends by itself in 22 hours"));
  EXPECT_FALSE(contains(page, "203.0.113.9"));
  const auto sessions = gateway_.store->live_sessions(gateway_.now).value();
  for (const auto& session : sessions) EXPECT_FALSE(contains(page, session.nonce));
}

TEST_F(LauncherTest, SaysWhatIsKnownOfTheDevices) {
  const auto given = instructions(browser_.sign_in_with_code("Payroll"));
  EXPECT_TRUE(contains(browser_.get(kHome), "No device has been checked yet."));
  browser_.post_json("https://auth.example.com/cdn-cgi/access/posture/result",
                     {{"transaction", given.at("transaction")},
                      {"token", agent_token(challenge(given), gateway_.now)}});
  auto page = browser_.get(kHome);
  EXPECT_TRUE(contains(page, "Tanium, checked just now"));
  EXPECT_TRUE(contains(page, ">Managed</span>"));
  EXPECT_TRUE(contains(page, "All checks passed"));
  gateway_.now += hours{1} + seconds{1};
  page = browser_.get(kHome);
  EXPECT_TRUE(contains(page, "managed: The last check of your device is too old"));
  EXPECT_FALSE(contains(page, "All checks passed"));
}

TEST_F(LauncherTest, EndsOneSessionOfThePersonAndNoOther) {
  browser_.sign_in_with_code("Wiki");
  Browser other{site_};
  other.sign_in_with_code("Wiki");
  Browser stranger{site_};
  stranger.sign_in_with_code("Wiki", "bob@example.com");
  auto page = browser_.get(kHome);
  const auto transaction = hidden_field(page, "transaction");
  const auto handle = other_handle(page);
  ASSERT_FALSE(handle.empty());
  // A handle of somebody else's is nobody's.
  const auto foreign = other_handle(other.get(kHome));
  EXPECT_EQ(stranger
                .post_form("https://auth.example.com" + std::string(kEnd),
                           {{"transaction", hidden_field(stranger.get(kHome), "transaction")},
                            {"session", foreign}})
                .status,
            303);
  EXPECT_EQ(live(), 3U);
  const auto ended = browser_.post_form(kEnd, {{"transaction", transaction}, {"session", handle}});
  EXPECT_EQ(ended.status, 303);
  EXPECT_EQ(header(ended, "Location"), "/");
  EXPECT_EQ(live(), 2U);
  EXPECT_EQ(other_handle(browser_.get(kHome)), "");
  EXPECT_TRUE(contains(other.get(kHome), "not signed in"));
  // Again: nothing is left to do.
  EXPECT_EQ(browser_.post_form(kEnd, {{"transaction", transaction}, {"session", handle}}).status,
            303);
}

TEST_F(LauncherTest, EndingThisSessionSignsThisBrowserOut) {
  browser_.sign_in_with_code("Wiki");
  const auto page = browser_.get(kHome);
  constexpr std::string_view kStart = "name=\"session\" value=\"";
  const auto handle = page.body.substr(page.body.find(kStart) + kStart.size(), 32);
  const auto ended = browser_.post_form(
      kEnd, {{"transaction", hidden_field(page, "transaction")}, {"session", handle}});
  EXPECT_EQ(ended.status, 200);
  EXPECT_TRUE(contains(ended, "You are signed out"));
  EXPECT_EQ(browser_.cookie("auth.example.com", "CF_Authorization"), "");
  EXPECT_EQ(live(), 0U);
}

TEST_F(LauncherTest, SignsOutEverywhere) {
  browser_.sign_in_with_code("Wiki");
  Browser other{site_};
  other.sign_in_with_code("Wiki");
  Browser stranger{site_};
  stranger.sign_in_with_code("Wiki", "bob@example.com");
  const auto page = browser_.get(kHome);
  const auto ended =
      browser_.post_form(kEndAll, {{"transaction", hidden_field(page, "transaction")}});
  EXPECT_EQ(ended.status, 200);
  EXPECT_TRUE(contains(ended, "You are signed out everywhere"));
  EXPECT_EQ(browser_.cookie("auth.example.com", "CF_Authorization"), "");
  EXPECT_EQ(live(), 1U) << "the stranger's";
  EXPECT_TRUE(contains(other.get(kHome), "not signed in"));
  EXPECT_EQ(gateway_.audit("session_ended").size(), 2U);
}

TEST_F(LauncherTest, FormsCountOnlyWhereTheyWereMade) {
  browser_.sign_in_with_code("Wiki");
  Browser other{site_};
  other.sign_in_with_code("Wiki");
  const auto transaction = hidden_field(browser_.get(kHome), "transaction");
  const auto refused = [&](Browser& browser, const std::string& sealed, net::Headers headers = {}) {
    browser.get(kHome);
    return browser.post_form(kEndAll, {{"transaction", sealed}}, std::move(headers)).status;
  };
  EXPECT_EQ(refused(other, transaction), 400) << "another browser of the same person";
  EXPECT_EQ(refused(browser_, ""), 400);
  EXPECT_EQ(refused(browser_, transaction + "A"), 400);
  EXPECT_EQ(refused(browser_, transaction, {{"Sec-Fetch-Site", "cross-site"}}), 403);
  EXPECT_EQ(refused(browser_, transaction, {{"Origin", "https://evil.example"}}), 403);
  Browser nobody{site_};
  EXPECT_EQ(refused(nobody, transaction), 400);
  EXPECT_EQ(browser_.get("https://auth.example.com" + std::string(kEndAll)).status, 405);
  gateway_.now += controlplane::kFormLifetime;
  EXPECT_EQ(refused(browser_, transaction), 400) << "too old";
  EXPECT_EQ(live(), 2U);
  const auto fresh = hidden_field(browser_.get(kHome), "transaction");
  gateway_.now += controlplane::kFormLifetime - seconds{1};
  EXPECT_EQ(browser_.post_form(kEndAll, {{"transaction", fresh}}).status, 200);
}

TEST_F(LauncherTest, PagesSpeakTheBrowsersLanguage) {
  struct Row {
    std::string_view header;
    std::string_view language;
    std::string_view text;
  };
  for (const auto& row :
       {Row{"de-DE,de;q=0.9,en;q=0.5", "de", "Sie sind nicht angemeldet."},
        Row{"en-US", "en", "You are not signed in."}, Row{"fr", "en", "You are not signed in."}}) {
    const auto page =
        browser_.send("GET", kHome, {{"Accept-Language", std::string(row.header)}}, "");
    EXPECT_EQ(header(page, "Content-Language"), row.language);
    EXPECT_EQ(header(page, "Vary"), "Accept-Language");
    EXPECT_TRUE(contains(page, "<html lang=\"" + std::string(row.language) + "\">"));
    EXPECT_TRUE(contains(page, row.text));
  }
  const auto missing = browser_.send("GET", "https://auth.example.com/cdn-cgi/access/nothing",
                                     {{"Accept-Language", "de"}}, "");
  EXPECT_EQ(missing.status, 404);
  EXPECT_TRUE(contains(missing, "Unter dieser Adresse gibt es nichts."));
}

TEST_F(LauncherTest, PagesWearTheOrganizationsDesign) {
  EXPECT_EQ(browser_.get("https://auth.example.com/cdn-cgi/access/static/theme.css").body, "");
  organization()["login_design"] = {{"background_color", "#1a237e"},
                                    {"text_color", "#1a237f"},
                                    {"logo_path", "https://cdn.example.com/logo.svg"},
                                    {"header_text", "Welcome & hello"},
                                    {"footer_text", "Call 1234"}};
  gateway_.apply(document_);
  const auto page = browser_.get(browser_.login_url("Wiki"));
  EXPECT_TRUE(contains(page, "theme.css?v="));
  EXPECT_TRUE(contains(page, R"(src="https://cdn.example.com/logo.svg")"));
  EXPECT_TRUE(contains(page, "Welcome &amp; hello"));
  EXPECT_TRUE(contains(page, "Call 1234"));
  EXPECT_TRUE(header(page, "Content-Security-Policy")
                  .contains("img-src 'self' data: https://cdn.example.com/logo.svg;"));
  for (const std::string_view host : {"auth", "wiki"}) {
    const auto css = browser_.get("https://" + std::string(host) +
                                  ".example.com/cdn-cgi/access/static/theme.css?v=1");
    EXPECT_EQ(header(css, "Content-Type"), "text/css; charset=utf-8");
    EXPECT_TRUE(css.body.contains("light){:root{--page:#1a237e;--on-page:#ffffff"))
        << "the text could not be read";
  }
}

TEST(FailureTexts, AreThereForEveryKind) {
  for (int kind = 0; kind <= static_cast<int>(controlplane::FailureKind::NotSignedIn); ++kind) {
    const auto key =
        "failure." +
        std::string(controlplane::to_string(static_cast<controlplane::FailureKind>(kind)));
    EXPECT_TRUE(pages::has_text(pages::Language::English, key + ".title")) << key;
    EXPECT_TRUE(pages::has_text(pages::Language::English, key + ".text")) << key;
  }
}

}  // namespace
}  // namespace gatehouse::adapters
