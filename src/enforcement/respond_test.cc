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
    decision::SnapshotBuilder builder;
    builder.set_organization("Team", "auth.team.example", "https://auth.team.example:8443",
                             std::chrono::hours(24));
    decision::CompiledApplication application;
    application.id = "app";
    application.name = "Wiki";
    application.audience = std::string(64, 'a');
    builder.add_application(std::move(application), {"wiki.team.example"});
    snapshot_ = builder.finish();
    outcome_.application = &snapshot_->applications().front();
    request_.host = text("wiki.team.example");
    request_.target = text("/page?x=1&y=%2F");
    particulars_.method = text("GET");
    particulars_.request_id = text("0123456789abcdef0123456789abcdef");
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
