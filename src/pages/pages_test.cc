#include "pages/pages.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/json.h"
#include "pages/assets.h"

namespace gatehouse::pages {
namespace {

const Branding kBranding{"Example Ltd"};
constexpr std::string_view kHostile = R"("><script>alert(1)</script>&'{{code}}{{{x}}})";

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

Refusal refusal() {
  return {.reason = decision::Reason::PostureStale,
          .application = "Wiki",
          .email = "alice@corp.example",
          .reference = "0123456789abcdef0123456789abcdef",
          .retry_url = "https://wiki.example/",
          .sign_out_url = "/cdn-cgi/access/logout",
          .detail = "The last check is 9 days old."};
}

struct Rendered {
  std::string_view name;
  std::string html;
};

// Every page with `text` in every free field and `url` in every link and form target.
std::vector<Rendered> every_page(std::string_view text, std::string_view url,
                                 Language language = Language::English) {
  const std::string t(text);
  const std::string u(url);
  const Branding branding{t, language, {"#123456", "#fff", u, t, t}};
  Home home{t, {{t, u, decision::Reason::PostureMissing, t, u}}, u, t};
  home.applications.push_back({t, u, decision::Reason::IdentityNotPermitted, t, u});
  home.is_searchable = true;
  home.sessions = {{t, t, t, t, Instant{}, Instant{}, true}, {t, "", "", "", {}, {}, false}};
  home.devices = {{t, t, Instant{}, false, {{t, decision::Reason::PostureNotPatched}}, true}};
  home.transaction = t;
  home.end_action = u;
  home.everywhere_action = u;
  return {
      {"refusal", refusal_page(branding, {decision::Reason::PostureStale, t, t, t, u, u, t})},
      {"chooser", chooser_page(branding, {t, u, t, {{t, t, "oidc"}, {t, t, "onetimepin"}}, t})},
      {"pin_request", pin_request_page(branding, {t, u, t, t, t})},
      {"pin_entry", pin_entry_page(branding, {t, u, t, t, t, u})},
      {"purpose", purpose_page(branding, {t, u, t, t, t, t})},
      {"transfer", transfer_page(branding, {t, t, t, t, u, t})},
      {"posture", posture_page(branding, {t, t})},
      {"message", message_page(branding, {t, t, u, t, t, {{u, t}}})},
      {"home", home_page(branding, home)},
  };
}

TEST(Pages, EscapeEveryValue) {
  for (const auto& page : every_page(kHostile, "/go?a=\"><script>alert(1)</script>")) {
    SCOPED_TRACE(page.name);
    EXPECT_FALSE(contains(page.html, "<script>"));
    EXPECT_FALSE(contains(page.html, "\"><script"));
    EXPECT_TRUE(contains(page.html, "&lt;script&gt;"));
    EXPECT_TRUE(contains(page.html, "{{code}}{{{x}}}"));  // values are not templates
  }
}

TEST(Pages, LinksLeadToPathsAndWebAddressesOnly) {
  for (const std::string_view url :
       {"javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "//evil.example/",
        "/\\evil.example", " https://evil.example", "https://a.example/\nx", "relative", ""}) {
    for (const auto& page : every_page("text", url)) {
      SCOPED_TRACE(std::string(page.name) + " " + std::string(url));
      EXPECT_FALSE(contains(page.html, "class=\"button primary\" href"));
      if (url.empty()) continue;
      EXPECT_FALSE(contains(page.html, "\"" + std::string(url) + "\""));
    }
  }
  const std::string html = refusal_page(kBranding, refusal());
  EXPECT_TRUE(contains(html, R"(href="https://wiki.example/">Check again</a>)"));
  EXPECT_TRUE(contains(html, R"(href="/cdn-cgi/access/logout">Use another account</a>)"));
}

TEST(Pages, SpeakTheLanguageOfTheBranding) {
  for (const auto& page : every_page("text", "/go", Language::German)) {
    SCOPED_TRACE(page.name);
    EXPECT_TRUE(page.html.starts_with("<!doctype html>\n<html lang=\"de\">"));
    EXPECT_TRUE(contains(page.html, "Den Zugang prüft Gatehouse."));
    EXPECT_FALSE(contains(page.html, "[["));
  }
  Refusal r = refusal();
  const auto html = refusal_page({"Beispiel GmbH", Language::German}, r);
  EXPECT_TRUE(contains(html, "<h1>Die letzte Prüfung Ihres Geräts ist zu alt</h1>"));
  EXPECT_TRUE(contains(html, ">Erneut prüfen</a>"));
  // Programs are told in English.
  EXPECT_TRUE(contains(refusal_json(r, ""), "The last check of your device is too old"));
}

TEST(Pages, WearTheOrganizationsDesign) {
  Branding branding{"Example Ltd"};
  EXPECT_FALSE(contains(refusal_page(branding, refusal()), "theme.css"));
  branding.design = {"#1a237e", "#fff", "https://example.com/logo.png?v=1", "Hello\nyou", "Bye"};
  const auto html = refusal_page(branding, refusal());
  EXPECT_TRUE(contains(html, "theme.css?v=" + theme_version(branding.design)));
  EXPECT_TRUE(contains(html, R"(src="https://example.com/logo.png?v=1" alt="")"));
  EXPECT_TRUE(contains(html, "Hello\nyou"));
  EXPECT_TRUE(contains(html, "Bye"));
  EXPECT_FALSE(contains(html, " style="));
  branding.design.logo_path = "http://example.com/logo.png";
  EXPECT_FALSE(contains(refusal_page(branding, refusal()), "logo.png"));
}

TEST(Pages, AreCompleteAndWithoutInlineCode) {
  for (const auto& page : every_page("text", "/go")) {
    SCOPED_TRACE(page.name);
    EXPECT_TRUE(page.html.starts_with("<!doctype html>\n<html lang=\"en\">"));
    EXPECT_TRUE(contains(page.html, "</body>\n</html>\n"));
    EXPECT_TRUE(contains(page.html, "name=\"viewport\""));
    EXPECT_TRUE(contains(page.html, "gatehouse.css?v=" + std::string(kStylesheetVersion)));
    for (const std::string_view inline_code : {"<style", " style=", " onclick", " onload", "{{"})
      EXPECT_FALSE(contains(page.html, inline_code)) << inline_code;
    // A script only by address.
    for (auto at = page.html.find("<script"); at != std::string::npos;
         at = page.html.find("<script", at + 1))
      EXPECT_EQ(page.html.substr(at, 13), "<script src=\"");
    // Every visible field has its label, every error is announced.
    for (const std::string_view field : {"email", "code", "purpose"})
      EXPECT_EQ(contains(page.html, "id=\"" + std::string(field) + "\""),
                contains(page.html, "<label for=\"" + std::string(field) + "\">"));
    for (auto at = page.html.find("class=\"error\""); at != std::string::npos;
         at = page.html.find("class=\"error\"", at + 1))
      EXPECT_TRUE(contains(page.html.substr(at, page.html.find('>', at) - at), "role=\"alert\""));
  }
}

TEST(Pages, TemplatesHaveNoUnescapedTags) {
  for (const std::string_view page :
       {kHeadTemplate, kFootTemplate, kRefusalTemplate, kChooserTemplate, kPinRequestTemplate,
        kPinEntryTemplate, kPurposeTemplate, kTransferTemplate, kPostureTemplate, kMessageTemplate,
        kHomeTemplate}) {
    EXPECT_FALSE(page.empty());
    EXPECT_FALSE(contains(page, "{{{"));
    EXPECT_FALSE(contains(page, "{{&"));
    EXPECT_FALSE(contains(page, "{{="));
  }
}

TEST(Pages, AreSmall) {
  for (const Language language : kLanguages)
    for (const auto& page : every_page("some usual text", "https://wiki.example/", language)) {
      std::size_t total = page.html.size() + stylesheet().size();
      if (contains(page.html, "posture.js")) total += posture_script().size();
      if (contains(page.html, "launcher.js")) total += launcher_script().size();
      EXPECT_LT(total, 30U * 1024) << page.name;
    }
  // The start page of somebody with many applications.
  Home home{"ada@example.com", {}, "/out"};
  home.is_searchable = true;
  for (int i = 0; i < 12; ++i)
    home.applications.push_back({"Application", "https://application.example.com/",
                                 decision::Reason::PostureNotManaged, "application.example.com",
                                 "https://cdn.example.com/logo.png"});
  EXPECT_LT(home_page(kBranding, home).size() + stylesheet().size() + launcher_script().size(),
            30U * 1024);
}

TEST(RefusalPage, SaysWhatHappenedAndWhatToDoForEveryReason) {
  for (std::size_t i = 0; i < decision::kReasonCount; ++i) {
    Refusal r = refusal();
    r.reason = static_cast<decision::Reason>(i);
    const auto& info = decision::info(r.reason);
    SCOPED_TRACE(info.code);
    std::string html = refusal_page(kBranding, r);
    for (std::size_t at; (at = html.find("&apos;")) != std::string::npos;) html.replace(at, 6, "'");
    EXPECT_TRUE(contains(html, "<h1>" + std::string(info.title) + "</h1>"));
    EXPECT_TRUE(contains(html, info.advice));
    EXPECT_TRUE(contains(html, "<code>" + std::string(info.code) + "</code>"));
    EXPECT_TRUE(contains(html, "<code>" + r.reference + "</code>"));
    EXPECT_TRUE(contains(html, "<dd>Wiki</dd>"));
    EXPECT_TRUE(contains(html, "<dd>alice@corp.example</dd>"));
    EXPECT_TRUE(contains(html, "The last check is 9 days old."));
    EXPECT_TRUE(contains(html, "role=\"alert\""));
  }
}

TEST(RefusalPage, LeavesOutWhatIsNotKnown) {
  Refusal bare;
  bare.reason = decision::Reason::UnknownApplication;
  const std::string html = refusal_page({}, bare);
  for (const std::string_view absent :
       {"Application</dt>", "Signed in as", "Reference", "class=\"actions\"", "eyebrow"})
    EXPECT_FALSE(contains(html, absent)) << absent;
  EXPECT_TRUE(contains(html, "<span>Gatehouse</span>"));
}

TEST(RefusalPage, NamesTheWayOut) {
  struct Row {
    decision::Reason reason;
    std::string_view label;
  };
  constexpr Row kRows[] = {
      {decision::Reason::NotSignedIn, "Sign in"},
      {decision::Reason::LoginMethodNotAllowed, "Choose another login method"},
      {decision::Reason::PostureNotManaged, "Check again"},
      {decision::Reason::BrowserUnsupported, "Check again"},
      {decision::Reason::PurposeRequired, "Say why"},
      {decision::Reason::EvaluationStale, "Check again"},
      {decision::Reason::CertificateRequired, "Try again"},
      {decision::Reason::InternalError, "Try again"},
      {decision::Reason::NoPolicyMatched, "Try again"},
  };
  for (const auto& row : kRows) {
    Refusal r = refusal();
    r.reason = row.reason;
    EXPECT_TRUE(contains(refusal_page(kBranding, r),
                         R"(href="https://wiki.example/">)" + std::string(row.label) + "</a>"));
  }
  // Where the account is what stands in the way, another one is the first thing to try.
  Refusal r = refusal();
  r.reason = decision::Reason::IdentityNotPermitted;
  EXPECT_TRUE(contains(refusal_page(kBranding, r),
                       R"(<a class="button primary" href="/cdn-cgi/access/logout">)"));
}

TEST(RefusalJson, HasTheFieldsOfTheWireReference) {
  const auto body = json::parse(refusal_json(refusal(), "https://auth.example/login"));
  ASSERT_TRUE(body);
  const auto& object = body->as_object();
  EXPECT_EQ(object.size(), 6U);
  EXPECT_EQ(json::find_string(object, "error"), "access_denied");
  EXPECT_EQ(json::find_string(object, "reason"), "posture_stale");
  EXPECT_EQ(json::find_string(object, "remedy"), "check_device");
  EXPECT_EQ(json::find_string(object, "reference"), "0123456789abcdef0123456789abcdef");
  EXPECT_EQ(json::find_string(object, "login_url"), "https://auth.example/login");
  EXPECT_TRUE(contains(*json::find_string(object, "message"), "9 days old"));

  const auto without = json::parse(refusal_json({}, ""));
  ASSERT_TRUE(without);
  EXPECT_EQ(json::find(without->as_object(), "login_url"), nullptr);

  Refusal hostile = refusal();
  hostile.reference = kHostile;
  const auto quoted = json::parse(refusal_json(hostile, kHostile));
  ASSERT_TRUE(quoted);
  EXPECT_EQ(json::find_string(quoted->as_object(), "login_url"), kHostile);
}

TEST(ChooserPage, OffersEachMethodAsOneButton) {
  const Chooser chooser{"Wiki",
                        "/cdn-cgi/access/login/wiki.example",
                        "sealed",
                        {{"id-1", "Entra ID", "oidc"}, {"id-2", "E-mail", "onetimepin"}},
                        "Your session has ended."};
  const std::string html = chooser_page(kBranding, chooser);
  EXPECT_TRUE(contains(html, R"(name="method" value="id-1"><span>Entra ID</span></button>)"));
  EXPECT_TRUE(contains(
      html, R"(value="id-2"><span>E-mail</span><small>A code by e-mail</small></button>)"));
  EXPECT_TRUE(contains(html, R"(name="transaction" value="sealed")"));
  EXPECT_TRUE(contains(html, "Your session has ended."));
  EXPECT_FALSE(contains(html, "no login method"));
  EXPECT_TRUE(
      contains(chooser_page(kBranding, {"Wiki", "/go", "sealed", {}, ""}), "no login method"));
}

TEST(PinPages, AskForOneThing) {
  const std::string request = pin_request_page(kBranding, {"Wiki", "/a", "sealed", "", "a@b.c"});
  EXPECT_TRUE(contains(request, R"(type="email" value="a@b.c" autocomplete="email")"));
  EXPECT_FALSE(contains(request, "aria-invalid"));
  const std::string entry =
      pin_entry_page(kBranding, {"Wiki", "/a", "sealed", "a@b.c", "That code is wrong.", "/b"});
  EXPECT_TRUE(contains(entry, R"(inputmode="numeric" autocomplete="one-time-code")"));
  EXPECT_TRUE(contains(entry, R"(id="code-error" role="alert">That code is wrong.</p>)"));
  EXPECT_TRUE(contains(entry, R"(action="/b")"));
  EXPECT_FALSE(
      contains(pin_entry_page(kBranding, {"", "/a", "s", "a@b.c", "", ""}), "Send a new code"));
}

TEST(PurposePage, AsksThePolicysQuestionAndSaysWhoReadsTheAnswer) {
  const std::string html =
      purpose_page(kBranding, {"Wiki", "/a", "sealed", "Which ticket?", "<b>", ""});
  EXPECT_TRUE(contains(html, "Which ticket?"));
  EXPECT_TRUE(contains(html, ">&lt;b&gt;</textarea>"));
  EXPECT_TRUE(contains(html, "administrators of Example Ltd can read it"));
  EXPECT_TRUE(contains(html, R"(aria-describedby="purpose-note")"));
  EXPECT_FALSE(contains(html, "aria-invalid"));
  const std::string wrong = purpose_page(kBranding, {"", "/a", "s", "", "", "Too long."});
  EXPECT_TRUE(contains(wrong, "asks everybody for a reason"));
  EXPECT_TRUE(contains(wrong, R"(aria-describedby="purpose-error purpose-note")"));
  EXPECT_TRUE(contains(wrong, R"(id="purpose-error" role="alert">Too long.</p>)"));
}

TEST(RefusalKinds, TellWhoMayNotFromWhatMayNot) {
  using decision::Reason;
  for (const Reason reason : {Reason::IdentityNotPermitted, Reason::EvaluationRefused,
                              Reason::NoPolicyMatched, Reason::BlockedByPolicy})
    EXPECT_EQ(refusal_kind(reason), RefusalKind::Identity);
  for (const Reason reason :
       {Reason::PostureNotManaged, Reason::NetworkNotPermitted, Reason::CountryUnknown,
        Reason::CertificateInvalid, Reason::ServiceTokenNotPermitted, Reason::AgentUnreachable})
    EXPECT_EQ(refusal_kind(reason), RefusalKind::NonIdentity);
  // Nothing of these is a refusal that an administrator's page could explain.
  for (const Reason reason : {Reason::NodeStateTooOld, Reason::AmbiguousPath, Reason::InternalError,
                              Reason::NotSignedIn, Reason::PurposeRequired})
    EXPECT_EQ(refusal_kind(reason), RefusalKind::Other);
  // Where signing in, or checking the device, may help, ours says so.
  for (std::size_t i = 0; i < decision::kReasonCount; ++i) {
    const auto reason = static_cast<Reason>(i);
    const auto remedy = decision::info(reason).remedy;
    if (remedy == decision::Remedy::SignIn || remedy == decision::Remedy::RetryLater) {
      EXPECT_EQ(refusal_kind(reason), RefusalKind::Other) << decision::info(reason).code;
    }
  }
}

TEST(PosturePage, CarriesItsInstructionsAndWorksWithoutScriptAsFarAsItCan) {
  const std::string instructions = R"({"candidates":["http://127.0.0.1:17472"],"path":"/a?b&c"})";
  const std::string html = posture_page(kBranding, {"Wiki", instructions});
  EXPECT_TRUE(contains(html, "data-instructions=\"" + html_escape(instructions) + "\""));
  EXPECT_TRUE(contains(html, "<noscript>"));
  EXPECT_TRUE(contains(html, "posture.js?v=" + std::string(kPostureScriptVersion) + "\" defer"));
}

TEST(HomePage, ListsWhatCanBeOpenedAndWhatStandsInTheWay) {
  Home home{"a@b.c",
            {{"Wiki", "https://wiki.example/", decision::Reason::None, "wiki.example"},
             {"Payroll", "https://payroll.example/", decision::Reason::PostureStale},
             {"Ops", "https://ops.example/", decision::Reason::PostureNotManaged},
             {"Any", "", decision::Reason::None}},
            "/cdn-cgi/access/logout"};
  const std::string html = home_page(kBranding, home);
  EXPECT_TRUE(contains(html, "<strong>a@b.c</strong>"));
  EXPECT_TRUE(contains(html, R"(<a class="app" href="https://wiki.example/">)"));
  EXPECT_TRUE(contains(html, R"(<span class="tile" aria-hidden="true">W</span>)"));
  EXPECT_TRUE(contains(html, "<small>wiki.example</small>"));
  EXPECT_TRUE(contains(html, R"(<a class="app" href="https://payroll.example/">)"));
  EXPECT_TRUE(contains(html, "Your device is checked first."));
  EXPECT_FALSE(contains(html, R"(<a class="app" href="https://ops.example/">)"));
  EXPECT_TRUE(contains(html, "This device is not managed by your organization"));
  EXPECT_TRUE(contains(html, R"(aria-label="Check again: Ops")"));
  EXPECT_TRUE(contains(html, R"(<div class="app"><span class="tile" aria-hidden="true">A)"));
  EXPECT_TRUE(contains(html, R"(href="/cdn-cgi/access/logout")"));
  EXPECT_FALSE(contains(html, "type=\"search\""));
  const std::string nobody = home_page(kBranding, {"", {}, "/out"});
  EXPECT_TRUE(contains(nobody, "not signed in"));
  EXPECT_FALSE(contains(nobody, "/out"));
}

TEST(HomePage, SearchesWithAndWithoutTheScript) {
  Home home{"a@b.c", {{"Wiki", "https://wiki.example/"}}, "/out"};
  home.is_searchable = true;
  EXPECT_TRUE(contains(home_page(kBranding, home), "data-filter=\"\""));
  EXPECT_TRUE(contains(home_page(kBranding, home), "launcher.js"));
  home.is_truncated = true;
  const auto truncated = home_page(kBranding, home);
  EXPECT_TRUE(contains(truncated, "These are the first 1."));
  EXPECT_FALSE(contains(truncated, "launcher.js")) << "only the gateway has the rest";
  home.is_truncated = false;
  home.search = "nothing";
  home.applications.clear();
  const auto searched = home_page(kBranding, home);
  EXPECT_TRUE(contains(searched, "value=\"nothing\""));
  EXPECT_TRUE(contains(searched, "<p>No application has this"));
  EXPECT_FALSE(contains(searched, "launcher.js"));
}

TEST(HomePage, ShowsSessionsAndDevicesInWords) {
  using std::chrono::hours;
  using std::chrono::seconds;
  const Instant now = from_epoch_seconds(1'800'000'000);
  Home home{"a@b.c", {}, "/out"};
  home.now = now;
  home.transaction = "sealed";
  home.end_action = "/end";
  home.everywhere_action = "/all";
  home.sessions = {{"h1", "Firefox · Windows", "192.0.2.1 (DE)", "Entra", now - seconds{59},
                    now + hours{24}, true},
                   {"h2", "", "", "", now - hours{48}, now + seconds{3600}, false}};
  home.devices = {{"laptop-1", "Tanium", now - hours{1}, true, {}, true},
                  {"laptop-2",
                   "Tanium",
                   now - hours{3},
                   false,
                   {{"Managed device", decision::Reason::PostureNotManaged}},
                   true},
                  {"laptop-3", "Agent", now, std::nullopt, {}, false}};
  const auto html = home_page(kBranding, home);
  for (const std::string_view part :
       {"Firefox · Windows <span class=\"mark\">This browser</span>",
        "Signed in just now</time> with Entra · 192.0.2.1 (DE)", "Ends by itself in 1 day",
        "Signed in 2 days ago</time></small>", "Ends by itself in 1 hour",
        "name=\"session\" value=\"h2\" aria-label=\"End the session: A browser, signed in 2 days "
        "ago\"",
        "action=\"/end\"", "action=\"/all\"", "name=\"transaction\" value=\"sealed\"",
        "laptop-1 <span class=\"mark\">Managed</span>", "Tanium, checked 1 hour ago",
        "All checks passed", "laptop-2 <span class=\"mark bad\">Not managed</span>",
        "Managed device: This device is not managed by your organization",
        "laptop-3 <span class=\"mark bad\">Management unknown</span>"})
    EXPECT_TRUE(contains(html, part)) << part;
  const auto first = html.find("All checks passed");
  EXPECT_EQ(html.find("All checks passed", first + 1), std::string::npos);
}

TEST(ContentSecurityPolicy, AllowsTheAgentWhereItIsAskedAndNothingElse) {
  constexpr std::string_view kBase =
      "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
      "base-uri 'none'; frame-ancestors 'none'; connect-src 'self'";
  EXPECT_EQ(content_security_policy(), kBase);
  EXPECT_TRUE(contains(
      content_security_policy({}, {"https://a.example/l.png?x", "data:image/png;base64,AA==",
                                   "https://a.example/l.png", "https://b.example/;", ""}),
      "img-src 'self' data: https://a.example/l.png; base-uri"));
  EXPECT_FALSE(contains(custom_page_policy(), "script-src"));
  EXPECT_TRUE(contains(custom_page_policy(), "default-src 'none'"));
  EXPECT_EQ(
      content_security_policy({"http://127.0.0.1:17472", "https://agent.example:17472/base/"}),
      std::string(kBase) + " http://127.0.0.1:17472 https://agent.example:17472");
  EXPECT_EQ(content_security_policy({"http://[::1]:17472", "http://a;script-src *", "ftp://a", "*",
                                     "http://", "http://a b", "http://u@a"}),
            kBase);
}

}  // namespace
}  // namespace gatehouse::pages
