#include "enforcement/respond.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/json.h"
#include "crypto/digest.h"

namespace gatehouse::enforcement {
namespace {

using decision::Challenge;
using decision::Effect;
using decision::Reason;

gh_text text(std::string_view value) { return {value.data(), value.size()}; }

class Respond : public testing::Test {
 protected:
  Respond() {
    configure({});
    request_.host = text("wiki.team.example");
    request_.target = text("/page?x=1&y=%2F");
    particulars_.method = text("GET");
    particulars_.request_id = text("0123456789abcdef0123456789abcdef");
  }
  void configure(decision::CompiledApplication application) {
    decision::SnapshotBuilder builder;
    builder.set_organization("Team", "auth.team.example", "https://auth.team.example:8443",
                             std::chrono::hours(24));
    application.id = "app";
    application.name = "Wiki";
    application.audience = std::string(64, 'a');
    builder.add_application(std::move(application), {"wiki.team.example"});
    snapshot_ = builder.finish();
    outcome_.application = &snapshot_->applications().front();
  }
  void decide(Effect effect, Reason reason, Challenge challenge = Challenge::None) {
    outcome_.decision.effect = effect;
    outcome_.decision.reason = reason;
    outcome_.decision.challenge = challenge;
  }
  Response answer() {
    return respond(outcome_, snapshot_.get(), request_, particulars_, std::string(16, '\x5a'));
  }

  std::shared_ptr<const decision::Snapshot> snapshot_;
  EnforcementPoint::Outcome outcome_;
  gh_request request_{};
  gh_particulars particulars_{};
};

struct Kind {
  const char* name;
  const char* method;
  const char* sec_fetch_mode;
  const char* accept;
  const char* requested_with;
  const char* upgrade;
  const char* content_type;
  int expected;
};
constexpr Kind kKinds[] = {
    {"navigation", "GET", "navigate", "text/html", "", "", "", 302},
    {"head navigation", "HEAD", "navigate", "", "", "", "", 302},
    {"old browser", "GET", "", "text/html,application/xhtml+xml", "", "", "", 302},
    {"fetch", "GET", "cors", "*/*", "", "", "", 401},
    {"fetch that asks for html", "GET", "same-origin", "text/html", "", "", "", 401},
    {"no-cors image", "GET", "no-cors", "image/*", "", "", "", 401},
    {"xhr", "GET", "", "text/html", "XMLHttpRequest", "", "", 401},
    {"curl", "GET", "", "*/*", "", "", "", 401},
    {"websocket", "GET", "websocket", "", "", "websocket", "", 401},
    {"old websocket", "GET", "", "text/html", "", "websocket", "", 401},
    {"grpc", "POST", "", "", "", "", "application/grpc+proto", 401},
    {"form post", "POST", "navigate", "text/html", "", "", "application/x-www-form-urlencoded",
     401},
};

TEST_F(Respond, OnlyNavigationsAreSentToTheSignIn) {
  decide(Effect::Challenge, Reason::NotSignedIn, Challenge::SignIn);
  for (const Kind& kind : kKinds) {
    particulars_.method = text(kind.method);
    particulars_.sec_fetch_mode = text(kind.sec_fetch_mode);
    particulars_.accept = text(kind.accept);
    particulars_.x_requested_with = text(kind.requested_with);
    particulars_.upgrade = text(kind.upgrade);
    particulars_.content_type = text(kind.content_type);
    const Response response = answer();
    EXPECT_EQ(response.status, kind.expected) << kind.name;
    EXPECT_EQ(response.location.empty(), kind.expected != 302) << kind.name;
  }
}

TEST_F(Respond, TheLoginUrlCarriesWhereToComeBackAndTheBrowser) {
  decide(Effect::Challenge, Reason::NotSignedIn, Challenge::SignIn);
  particulars_.accept = text("text/html");
  const Response response = answer();
  const std::string session = "n" + hex_encode(std::string(16, '\x5a'));
  EXPECT_EQ(response.location,
            "https://auth.team.example:8443/cdn-cgi/access/login/wiki.team.example?kid=" +
                std::string(64, 'a') + "&redirect_url=%2Fpage%3Fx%3D1%26y%3D%252F&app_session=" +
                base64url_encode(crypto::sha256(session)));
  EXPECT_EQ(response.header("Set-Cookie"),
            "CF_AppSession=" + session + "; Path=/; Max-Age=86400; Secure; HttpOnly; SameSite=Lax");
}

TEST_F(Respond, ABrowserKeepsItsAppSession) {
  decide(Effect::Challenge, Reason::NotSignedIn, Challenge::SignIn);
  particulars_.accept = text("text/html");
  const std::string session = "n" + std::string(32, '7');
  particulars_.app_session = text(session);
  Response response = answer();
  EXPECT_TRUE(response.header("Set-Cookie").empty());
  EXPECT_NE(response.location.find(base64url_encode(crypto::sha256(session))), std::string::npos);
  for (const char* odd :
       {"", "n", "n12345678901234567890123456789012X", "x2345678901234567890123456789012",
        "n1234567890123456789012345678901;"}) {
    particulars_.app_session = text(odd);
    EXPECT_FALSE(answer().header("Set-Cookie").empty()) << odd;
  }
}

TEST_F(Respond, NothingOddIsComeBackTo) {
  decide(Effect::Challenge, Reason::NotSignedIn, Challenge::SignIn);
  particulars_.accept = text("text/html");
  for (const char* odd : {"//evil.example", "/\\evil.example", "", "*", "evil"}) {
    request_.target = text(odd);
    EXPECT_NE(answer().location.find("redirect_url=%2F&"), std::string::npos) << odd;
  }
}

TEST_F(Respond, DeviceChallengesGoToTheDeviceCheck) {
  particulars_.accept = text("text/html");
  decide(Effect::Challenge, Reason::PostureStale, Challenge::Posture);
  EXPECT_NE(answer().location.find("/cdn-cgi/access/posture/wiki.team.example?"),
            std::string::npos);
  decide(Effect::Deny, Reason::PostureNotManaged);
  EXPECT_NE(answer().location.find("/cdn-cgi/access/posture/wiki.team.example?"),
            std::string::npos);
  particulars_.accept = text("application/json");
  const Response response = answer();
  EXPECT_EQ(response.status, 403);
  EXPECT_NE(response.body.find("posture_not_managed"), std::string::npos);
}

TEST_F(Respond, RefusalsSayWhyAndCarryAReference) {
  decide(Effect::Deny, Reason::NoPolicyMatched);
  Response response = answer();
  EXPECT_EQ(response.status, 403);
  EXPECT_EQ(response.content_type, "application/json");
  const auto document = json::parse(response.body);
  ASSERT_TRUE(document);
  EXPECT_EQ(json::find_string(document->get_object(), "reason"), "no_policy_matched");
  EXPECT_EQ(json::find_string(document->get_object(), "reference"),
            "0123456789abcdef0123456789abcdef");
  EXPECT_EQ(json::find(document->get_object(), "login_url"), nullptr);
  EXPECT_EQ(response.header("CF-Access-Aud"), std::string(64, 'a'));
  particulars_.accept = text("text/html");
  response = answer();
  EXPECT_EQ(response.status, 403);
  EXPECT_TRUE(response.location.empty());
  EXPECT_NE(response.body.find("0123456789abcdef0123456789abcdef"), std::string::npos);
}

struct Status {
  Reason reason;
  int expected;
};
constexpr Status kStatuses[] = {
    {Reason::NodeStateUnavailable, 503}, {Reason::NodeStateTooOld, 503},
    {Reason::InternalError, 503},        {Reason::AmbiguousPath, 400},
    {Reason::UnknownApplication, 403},   {Reason::ServiceTokenInvalid, 401},
    {Reason::ServiceTokenExpired, 401},  {Reason::BlockedByPolicy, 403},
};

TEST_F(Respond, StatusOfEachKindOfRefusal) {
  for (const Status& test : kStatuses) {
    decide(Effect::Deny, test.reason);
    EXPECT_EQ(answer().status, test.expected) << decision::info(test.reason).code;
  }
}

TEST_F(Respond, APreflightIsRefusedNotChallenged) {
  decide(Effect::Challenge, Reason::NotSignedIn, Challenge::SignIn);
  particulars_.method = text("OPTIONS");
  particulars_.sec_fetch_mode = text("cors");
  particulars_.access_control_request_method = text("GET");
  EXPECT_EQ(answer().status, 403);
}

TEST_F(Respond, AReasonIsAskedForOnTheAuthDomain) {
  decide(Effect::Challenge, Reason::PurposeRequired, Challenge::Purpose);
  particulars_.accept = text("text/html");
  const Response navigation = answer();
  EXPECT_EQ(navigation.status, 302);
  EXPECT_TRUE(navigation.location.starts_with(
      "https://auth.team.example:8443/cdn-cgi/access/purpose/wiki.team.example?kid=aaaa"));
  particulars_.method = text("POST");
  const Response posted = answer();
  EXPECT_EQ(posted.status, 401);
  EXPECT_NE(posted.body.find("Say why</a>"), std::string::npos);
  particulars_.accept = text("application/json");
  const Response program = answer();
  EXPECT_EQ(program.status, 401);
  const auto document = json::parse(program.body);
  ASSERT_TRUE(document);
  EXPECT_EQ(json::find_string(document->get_object(), "reason"), "purpose_required");
  EXPECT_EQ(json::find_string(document->get_object(), "remedy"), "state_purpose");
}

struct OwnAnswer {
  const char* name;
  Reason reason;
  int status;  // of a navigation
  const char* location;
  const char* page;  // what its page says when it is not sent away
};
constexpr OwnAnswer kOwnAnswers[] = {
    {"identity", Reason::IdentityNotPermitted, 302, "https://help.example/who", "OWN IDENTITY"},
    {"evaluator", Reason::EvaluationRefused, 302, "https://help.example/who", "OWN IDENTITY"},
    {"network", Reason::NetworkNotPermitted, 302, "https://help.example/what", "OWN FORBIDDEN"},
    {"certificate", Reason::CertificateRequired, 302, "https://help.example/what", "OWN FORBIDDEN"},
    {"service token of another application", Reason::ServiceTokenNotPermitted, 302,
     "https://help.example/what", "OWN FORBIDDEN"},
    {"bad service token", Reason::ServiceTokenInvalid, 401, "", "service_token_invalid"},
    {"the address", Reason::AmbiguousPath, 400, "", "ambiguous_path"},
    {"the gateway", Reason::InternalError, 503, "", "internal_error"},
};

TEST_F(Respond, TheAdministratorsPlacesComeInsteadOfOurPage) {
  decision::CompiledApplication application;
  application.custom_deny_url = "https://help.example/who";
  application.custom_non_identity_deny_url = "https://help.example/what";
  application.identity_denied_page = std::make_shared<const std::string>("OWN IDENTITY {{code}}");
  application.forbidden_page = std::make_shared<const std::string>("OWN FORBIDDEN");
  configure(std::move(application));
  for (const auto& test : kOwnAnswers) {
    SCOPED_TRACE(test.name);
    decide(Effect::Deny, test.reason);
    particulars_.accept = text("text/html");
    particulars_.method = text("GET");
    Response response = answer();
    EXPECT_EQ(response.status, test.status);
    EXPECT_EQ(response.location, test.location);
    // A form cannot be sent away; it gets the page.
    particulars_.method = text("POST");
    response = answer();
    EXPECT_TRUE(response.location.empty());
    EXPECT_NE(response.body.find(test.page), std::string::npos);
    const bool own = response.body.starts_with("OWN");
    EXPECT_EQ(response.header("Content-Security-Policy").find("style-src 'unsafe-inline'") !=
                  std::string::npos,
              own);
    EXPECT_EQ(response.header("Content-Security-Policy").find("frame-ancestors 'none'") ==
                  std::string::npos,
              false);
    // Programs are told as ever.
    particulars_.method = text("GET");
    particulars_.accept = text("application/json");
    EXPECT_EQ(answer().content_type, "application/json");
  }
}

TEST_F(Respond, TheAdministratorsWordsAreEscaped) {
  decision::CompiledApplication application;
  application.custom_deny_message = "Ask <b>Bea</b> & co";
  configure(std::move(application));
  particulars_.accept = text("text/html");
  decide(Effect::Deny, Reason::NoPolicyMatched);
  EXPECT_NE(answer().body.find("Ask &lt;b&gt;Bea&lt;/b&gt; &amp; co"), std::string::npos);
  decide(Effect::Deny, Reason::InternalError);
  EXPECT_EQ(answer().body.find("Bea"), std::string::npos);
  decide(Effect::Challenge, Reason::NotSignedIn, Challenge::SignIn);
  particulars_.method = text("POST");
  EXPECT_EQ(answer().body.find("Bea"), std::string::npos);
}

TEST_F(Respond, StrictApplicationsAnswerInsteadOfSendingToTheSignIn) {
  decision::CompiledApplication application;
  application.service_auth_401_redirect = true;
  configure(std::move(application));
  particulars_.accept = text("text/html");
  decide(Effect::Challenge, Reason::NotSignedIn, Challenge::SignIn);
  EXPECT_EQ(answer().status, 302);  // nothing of it is for service tokens
  application = {};
  application.service_auth_401_redirect = true;
  decision::CompiledPolicy machines;
  machines.action = model::Action::ServiceAuth;
  application.policies.push_back(std::move(machines));
  configure(std::move(application));
  Response response = answer();
  EXPECT_EQ(response.status, 401);
  EXPECT_EQ(response.header("WWW-Authenticate"), "Cloudflare-Access");
  EXPECT_TRUE(response.location.empty());
  decide(Effect::Challenge, Reason::PostureStale, Challenge::Posture);
  EXPECT_EQ(answer().status, 302);
}

struct Preflight {
  const char* name;
  const char* origin;
  Effect effect;
  Reason reason;
  int status;
  const char* allow_origin;
};
constexpr Preflight kPreflights[] = {
    {"allowed origin", "https://tools.example", Effect::Challenge, Reason::NotSignedIn, 204,
     "https://tools.example"},
    {"whatever the policies say", "https://tools.example", Effect::Deny,
     Reason::NetworkNotPermitted, 204, "https://tools.example"},
    {"another origin", "https://evil.example", Effect::Challenge, Reason::NotSignedIn, 403, ""},
    {"no origin", "", Effect::Challenge, Reason::NotSignedIn, 403, ""},
    {"not with the gateway in trouble", "https://tools.example", Effect::Deny,
     Reason::InternalError, 503, "https://tools.example"},
};

TEST_F(Respond, PreflightsAreAnsweredHereWhereTheApplicationSaysSo) {
  decision::CompiledApplication application;
  application.cors_headers.emplace();
  application.cors_headers->allowed_origins = {"https://tools.example"};
  application.cors_headers->allowed_methods = {"PUT"};
  application.cors_headers->allow_credentials = true;
  configure(std::move(application));
  particulars_.sec_fetch_mode = text("cors");
  particulars_.method = text("OPTIONS");
  particulars_.access_control_request_method = text("PUT");
  outcome_.preflight = true;
  for (const auto& test : kPreflights) {
    SCOPED_TRACE(test.name);
    decide(test.effect, test.reason, Challenge::None);
    particulars_.origin = text(test.origin);
    const Response response = answer();
    EXPECT_EQ(response.status, test.status);
    EXPECT_EQ(response.body.empty(), test.status == 204);
    EXPECT_EQ(response.header("Access-Control-Allow-Origin"), test.allow_origin);
    EXPECT_EQ(response.header("Access-Control-Allow-Methods"), test.status == 204 ? "PUT" : "");
    EXPECT_EQ(response.header("Vary"), "Origin");
  }
  // The request itself is refused, and a script of that origin may read why.
  outcome_.preflight = false;
  decide(Effect::Challenge, Reason::NotSignedIn, Challenge::SignIn);
  particulars_.method = text("PUT");
  particulars_.access_control_request_method = {};
  particulars_.origin = text("https://tools.example");
  Response response = answer();
  EXPECT_EQ(response.status, 401);
  EXPECT_EQ(response.header("Access-Control-Allow-Origin"), "https://tools.example");
  EXPECT_EQ(response.header("Access-Control-Allow-Credentials"), "true");
  particulars_.origin = text("https://evil.example");
  EXPECT_EQ(answer().header("Access-Control-Allow-Origin"), "");
}

TEST_F(Respond, PagesSpeakTheBrowsersLanguageAndWearTheDesign) {
  decision::SnapshotBuilder builder(*snapshot_);
  builder.set_login_design(
      {"#1a237e", "#fff", "https://cdn.example/logo.png", "Welcome", "Goodbye"});
  const auto before = snapshot_;
  snapshot_ = builder.finish();
  outcome_.application = &snapshot_->applications().front();
  decide(Effect::Deny, Reason::NoPolicyMatched);
  particulars_.accept = text("text/html");
  particulars_.accept_language = text("de-DE,de;q=0.9,en;q=0.5");
  const Response german = answer();
  EXPECT_EQ(german.header("Content-Language"), "de");
  EXPECT_EQ(german.header("Vary"), "Accept-Language");
  EXPECT_NE(german.body.find("Sie haben keinen Zugang"), std::string::npos);
  EXPECT_NE(german.body.find("theme.css?v="), std::string::npos);
  EXPECT_NE(german.body.find("Welcome"), std::string::npos);
  EXPECT_NE(german.header("Content-Security-Policy")
                .find("img-src 'self' data: https://cdn.example/logo.png;"),
            std::string_view::npos);
  particulars_.accept_language = {};
  EXPECT_EQ(answer().header("Content-Language"), "en");
  // Programs are told in English, always.
  particulars_.accept = text("application/json");
  particulars_.accept_language = text("de");
  const Response json = answer();
  EXPECT_EQ(json.header("Content-Language"), "");
  EXPECT_NE(json.body.find("You do not have access"), std::string::npos);
}

TEST_F(Respond, WithoutASnapshotThereIsStillAnAnswer) {
  outcome_.application = nullptr;
  decide(Effect::Deny, Reason::NodeStateUnavailable);
  particulars_.accept = text("text/html");
  const Response response =
      respond(outcome_, nullptr, request_, particulars_, std::string(16, 'r'));
  EXPECT_EQ(response.status, 503);
  EXPECT_FALSE(response.body.empty());
}

}  // namespace
}  // namespace gatehouse::enforcement
