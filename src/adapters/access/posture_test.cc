#include <gtest/gtest.h>

#include "adapters/access/test_browser.h"
#include "base/encoding.h"
#include "model/limits.h"

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

constexpr std::string_view kResult = "https://auth.example.com/cdn-cgi/access/posture/result";

struct Answer {
  std::string reason;  // empty: go on
  std::string url;
};

class PostureTest : public testing::Test {
 protected:
  PostureTest() { gateway_.apply(sample_document()); }

  Answer deliver(Browser& browser, const json::object& given, const json::object& result) {
    auto document = result;
    document["transaction"] = given.at("transaction");
    const auto response = browser.post_json(kResult, document);
    EXPECT_EQ(response.status, 200) << response.body;
    const auto answer = json::parse(response.body).value().as_object();
    if (answer.contains("next")) return {"", std::string(answer.at("next").as_string())};
    return {std::string(answer.at("reason").as_string()),
            std::string(answer.at("page").as_string())};
  }
  Answer deliver(Browser& browser, const json::object& given, std::string_view token) {
    return deliver(browser, given, json::object{{"token", token}});
  }
  // Signed in, at the page that asks the device.
  json::object sign_in(Browser& browser, std::string_view application = "Payroll") {
    return instructions(browser.sign_in_with_code(application));
  }
  json::object check_again(Browser& browser, std::string_view application = "Payroll") {
    return instructions(browser.follow(browser.get(browser.posture_url(application))));
  }
  std::vector<model::PostureEvidence> evidence() {
    const auto sessions = gateway_.store->live_sessions(gateway_.now).value();
    return sessions.empty() ? std::vector<model::PostureEvidence>{} : sessions.front().posture;
  }

  TestGateway gateway_;
  test::Site site_{gateway_};
  Browser browser_{site_};
};

TEST_F(PostureTest, ManagedDeviceIsLetIn) {
  const auto page = browser_.sign_in_with_code("Payroll", "ada@example.com", "/slips");
  ASSERT_EQ(page.status, 200);
  EXPECT_TRUE(contains(page, "Payroll"));
  EXPECT_NE(
      header(page, "Content-Security-Policy").find("connect-src 'self' http://127.0.0.1:17472"),
      std::string::npos);
  EXPECT_EQ(header(page, "Permissions-Policy"),
            "loopback-network=(self), local-network=(), local-network-access=(self)");
  const auto given = instructions(page);
  EXPECT_EQ(given.at("result_url"), "/cdn-cgi/access/posture/result");
  const auto nonce = challenge(given);
  ASSERT_GE(nonce.size(), 43U);

  const auto answer = deliver(browser_, given, agent_token(nonce, gateway_.now));
  EXPECT_EQ(answer.reason, "");
  const auto arrived = browser_.get(answer.url);
  EXPECT_EQ(arrived.status, 302);
  EXPECT_EQ(header(arrived, "Location"), "/slips");
  ASSERT_EQ(evidence().size(), 1U);
  EXPECT_EQ(evidence().front().device_id, "device-1");
  const auto published =
      gateway_.reader()->session(gateway_.store->live_sessions(gateway_.now).value().front().nonce);
  EXPECT_EQ(published.value()->posture.size(), 1U);

  const auto events = gateway_.audit("posture_result");
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events.front().reason, "");
  EXPECT_EQ(events.front().details.at("device_id"), "device-1");
}

TEST_F(PostureTest, EvidenceServesUntilItIsTooOld) {
  const auto given = sign_in(browser_);
  deliver(browser_, given, agent_token(challenge(given), gateway_.now));
  gateway_.now = kStart + hours{1};
  EXPECT_TRUE(header(browser_.get(browser_.login_url("Payroll")), "Location")
                  .starts_with("https://payroll.example.com/"));
  gateway_.now += seconds{1};
  EXPECT_TRUE(header(browser_.get(browser_.login_url("Payroll")), "Location")
                  .starts_with("/cdn-cgi/access/posture?transaction="));
}

TEST_F(PostureTest, DeviceThatIsNotGoodEnoughIsRefused) {
  struct Case {
    std::string_view name;
    json::object claims;
    std::string_view reason;
  };
  const std::array cases{
      Case{"not managed", {{"managed", false}}, "posture_not_managed"},
      Case{"checked in 7 days and a second ago",
           {{"last_checkin", to_epoch_seconds(kStart) - 7 * 86400 - 1}},
           "posture_checkin_too_old"},
      Case{"no check-in", {{"last_checkin", nullptr}}, "posture_checkin_unknown"},
      Case{"says nothing of being managed", {{"managed", nullptr}}, "posture_unreadable"},
  };
  for (const auto& c : cases) {
    Browser browser(site_, "198.51.100." + std::to_string(&c - cases.data() + 1));
    const auto given = instructions(browser.sign_in_with_code(
        "Payroll", "p" + std::to_string(&c - cases.data()) + "@example.com"));
    const auto answer =
        deliver(browser, given, agent_token(challenge(given), gateway_.now, c.claims));
    EXPECT_EQ(answer.reason, c.reason) << c.name;
    const auto page = browser.get(answer.url);
    EXPECT_EQ(page.status, 403) << c.name;
    EXPECT_TRUE(contains(page, c.reason)) << c.name;
    EXPECT_TRUE(contains(page, "/cdn-cgi/access/posture/payroll.example.com")) << "check again";
    EXPECT_EQ(browser.cookie("payroll.example.com", "CF_Authorization"), "") << c.name;
  }
}

TEST_F(PostureTest, PageErrorsBecomeReasons) {
  struct Case {
    std::string_view error;
    std::string_view permission;
    std::string_view reason;
  };
  constexpr std::array kCases{
      Case{"agent_unreachable", "granted", "agent_unreachable"},
      Case{"agent_unreachable", "denied", "permission_denied"},
      Case{"agent_unreachable", "", "agent_unreachable"},
      Case{"permission_denied", "prompt", "permission_denied"},
      Case{"browser_unsupported", "unsupported", "browser_unsupported"},
      Case{"agent_error", "granted", "agent_unreachable"},
      Case{"blocked_by_policy", "granted", "agent_unreachable"},
      Case{"<script>", "<script>", "agent_unreachable"},
      Case{"", "", "agent_unreachable"},
  };
  auto given = sign_in(browser_);
  for (const auto& c : kCases) {
    const auto answer =
        deliver(browser_, given, json::object{{"error", c.error}, {"permission", c.permission}});
    EXPECT_EQ(answer.reason, c.reason) << c.error;
    EXPECT_TRUE(contains(browser_.get(answer.url), c.reason)) << c.error;
    given = check_again(browser_);
  }
  EXPECT_EQ(gateway_.audit("posture_result").size(), kCases.size());
}

TEST_F(PostureTest, TokenIsAcceptedOnceForItsChallenge) {
  const auto given = sign_in(browser_);
  const auto token = agent_token(challenge(given), gateway_.now);
  EXPECT_EQ(deliver(browser_, given, token).reason, "");
  EXPECT_EQ(deliver(browser_, given, token).reason, "posture_token_replayed") << "same challenge";
  EXPECT_EQ(deliver(browser_, given, agent_token(challenge(given), gateway_.now)).reason,
            "posture_token_replayed")
      << "another token for a used challenge";
  const auto next = check_again(browser_);
  EXPECT_NE(challenge(next), challenge(given));
  EXPECT_EQ(deliver(browser_, next, token).reason, "posture_nonce_mismatch");
}

TEST_F(PostureTest, SameTokenIdIsAReplay) {
  const auto first = sign_in(browser_);
  EXPECT_EQ(
      deliver(browser_, first, agent_token(challenge(first), gateway_.now, {{"jti", "the-same"}}))
          .reason,
      "");
  const auto second = check_again(browser_);
  EXPECT_EQ(
      deliver(browser_, second, agent_token(challenge(second), gateway_.now, {{"jti", "the-same"}}))
          .reason,
      "posture_token_replayed");
}

TEST_F(PostureTest, TokensThatDoNotCount) {
  struct Case {
    std::string_view name;
    std::function<std::string(std::string_view nonce, Instant now)> make;
    std::string_view reason;
  };
  const std::array cases{
      Case{"not a token", [](std::string_view, Instant) { return std::string("junk"); },
           "posture_token_invalid"},
      Case{"too large",
           [](std::string_view, Instant) {
             return std::string(model::kMaxPostureTokenBytes + 1, 'a');
           },
           "posture_token_invalid"},
      Case{"tampered",
           [](std::string_view nonce, Instant now) {
             auto token = agent_token(nonce, now);
             token[token.find('.') + 5] ^= 1;
             return token;
           },
           "posture_token_invalid"},
      Case{"another audience",
           [](std::string_view nonce, Instant now) {
             return agent_token(nonce, now, {{"aud", "https://evil.example"}});
           },
           "posture_token_invalid"},
      Case{"expired",
           [](std::string_view nonce, Instant now) {
             return agent_token(nonce, now - seconds{300}, {{"exp", to_epoch_seconds(now) - 240}});
           },
           "posture_token_expired"},
      Case{"another challenge",
           [](std::string_view, Instant now) { return agent_token("another", now); },
           "posture_nonce_mismatch"},
  };
  auto given = sign_in(browser_);
  for (const auto& c : cases) {
    EXPECT_EQ(deliver(browser_, given, c.make(challenge(given), gateway_.now)).reason, c.reason)
        << c.name;
    EXPECT_TRUE(evidence().empty()) << c.name;
    given = check_again(browser_);
  }
  EXPECT_EQ(deliver(browser_, given, agent_token(challenge(given), gateway_.now)).reason, "");
}

TEST_F(PostureTest, ChallengeExpires) {
  auto given = sign_in(browser_);
  gateway_.now += model::kPostureNonceLifetime - seconds{1};
  EXPECT_EQ(deliver(browser_, given, agent_token(challenge(given), gateway_.now)).reason, "");
  given = check_again(browser_);
  gateway_.now += model::kPostureNonceLifetime;
  const auto late = deliver(browser_, given, agent_token(challenge(given), gateway_.now));
  EXPECT_EQ(late.reason, "posture_token_expired");
  EXPECT_EQ(browser_.get(late.url).status, 403);
}

TEST_F(PostureTest, FailedExchangeLeavesEarlierEvidenceAlone) {
  auto given = sign_in(browser_);
  deliver(browser_, given, agent_token(challenge(given), gateway_.now));
  given = check_again(browser_);
  EXPECT_EQ(deliver(browser_, given, json::object{{"error", "agent_unreachable"}}).reason,
            "agent_unreachable");
  ASSERT_EQ(evidence().size(), 1U);
  EXPECT_TRUE(header(browser_.get(browser_.login_url("Payroll")), "Location")
                  .starts_with("https://payroll.example.com/"));
}

TEST_F(PostureTest, NewEvidenceTakesThePlaceOfTheOld) {
  auto given = sign_in(browser_);
  deliver(browser_, given, agent_token(challenge(given), gateway_.now));
  gateway_.now += seconds{5};
  given = check_again(browser_);
  deliver(browser_, given, agent_token(challenge(given), gateway_.now, {{"sub", "device-2"}}));
  ASSERT_EQ(evidence().size(), 1U);
  EXPECT_EQ(evidence().front().device_id, "device-2");
}

TEST_F(PostureTest, SeveralDevicesAreAskedOneAfterAnother) {
  const auto first = sign_in(browser_, "Vault");
  const auto step = deliver(browser_, first, agent_token(challenge(first), gateway_.now));
  EXPECT_EQ(step.reason, "");
  ASSERT_TRUE(step.url.starts_with("/cdn-cgi/access/posture?transaction=")) << step.url;
  const auto second = instructions(browser_.get(step.url));
  const auto answer = deliver(browser_, second, agent_token(challenge(second), gateway_.now));
  EXPECT_EQ(answer.reason, "");
  EXPECT_TRUE(answer.url.starts_with("https://vault.example.com/cdn-cgi/access/authorized"));
  EXPECT_EQ(evidence().size(), 2U);
}

TEST_F(PostureTest, OneFailureAmongSeveralIsSaidAtTheEnd) {
  const auto first = sign_in(browser_, "Vault");
  const auto step = deliver(browser_, first, json::object{{"error", "permission_denied"}});
  EXPECT_EQ(step.reason, "") << "the other one is asked first";
  const auto second = instructions(browser_.get(step.url));
  const auto answer = deliver(browser_, second, agent_token(challenge(second), gateway_.now));
  EXPECT_EQ(answer.reason, "permission_denied");
}

TEST_F(PostureTest, ResultsOfOthersAreRefused) {
  const auto given = sign_in(browser_);
  const json::object result{{"transaction", given.at("transaction")},
                            {"token", agent_token(challenge(given), gateway_.now)}};
  Browser other(site_);
  other.get(other.login_url("Wiki"));
  EXPECT_EQ(other.post_json(kResult, result).status, 400);
  EXPECT_EQ(browser_.post_json(kResult, result, {{"Origin", "https://evil.example"}}).status, 403);
  EXPECT_EQ(browser_.post_json(kResult, result, {{"Sec-Fetch-Site", "cross-site"}}).status, 403);
  EXPECT_EQ(
      browser_.send("POST", kResult, {{"Content-Type", "text/plain"}}, json::serialize(result))
          .status,
      415)
      << "not a simple request of a form";
  for (const std::string_view body : {"", "[]", "{", "{\"a\":1,\"a\":2}"})
    EXPECT_EQ(
        browser_.send("POST", kResult, {{"Content-Type", "application/json"}}, std::string(body))
            .status,
        400)
        << body;
  EXPECT_TRUE(evidence().empty());
  EXPECT_EQ(browser_.post_json(kResult, result, {{"Sec-Fetch-Site", "same-origin"}}).status, 200);
}

TEST_F(PostureTest, RepeatedCheckNeedsASession) {
  const auto start = browser_.get(browser_.posture_url("Payroll", "/slips"));
  EXPECT_EQ(start.status, 302);
  EXPECT_EQ(header(start, "Location"), browser_.login_url("Payroll", "/slips"));
  EXPECT_EQ(
      browser_.get("https://auth.example.com/cdn-cgi/access/posture/evil.example?kid=x").status,
      400);
}

TEST_F(PostureTest, SessionThatEndsMeanwhileGetsNoEvidence) {
  const auto given = sign_in(browser_);
  const auto token = agent_token(challenge(given), gateway_.now);
  browser_.get("https://auth.example.com/cdn-cgi/access/logout");
  const auto answer = deliver(browser_, given, token);
  EXPECT_EQ(answer.reason, "session_expired");
  EXPECT_TRUE(answer.url.starts_with("https://payroll.example.com/"));
  EXPECT_TRUE(gateway_.store->live_sessions(gateway_.now).value().empty());
}

TEST_F(PostureTest, ExpiredKeysAreTheAdministratorsMatter) {
  auto document = sample_document();
  for (auto& integration : document["device_posture_integrations"].as_array())
    integration.as_object()["config"].as_object()["public_certificate"] =
        controlplane::test::device_key().self_signed_certificate(
            "Tanium", "0123456789abcdef", kStart - hours{2}, kStart - hours{1});
  const auto outcome =
      gateway_.gateway->apply(TestGateway::read(document), {"admin@example.com", "", ""});
  ASSERT_TRUE(outcome);
  const auto given = sign_in(browser_);
  EXPECT_EQ(deliver(browser_, given, agent_token(challenge(given), gateway_.now)).reason,
            "posture_provider_misconfigured");
}

TEST_F(PostureTest, NotPermittedPeopleAreNotAskedForTheirDevice) {
  auto document = sample_document();
  document["applications"]
      .as_array()[1]
      .as_object()["policies"]
      .as_array()[0]
      .as_object()["include"] = json::parse(R"([{"email":{"email":"ada@example.com"}}])").value();
  gateway_.apply(document);
  browser_.sign_in_with_code("Wiki", "bob@example.com");
  const auto page = browser_.follow(browser_.get(browser_.login_url("Payroll")));
  EXPECT_EQ(page.status, 403);
  EXPECT_TRUE(contains(page, "identity_not_permitted"));
}

}  // namespace
}  // namespace gatehouse::adapters
