#include "controlplane/trial.h"

#include <gtest/gtest.h>

#include "controlplane/test_support.h"

namespace gatehouse::controlplane {
namespace {

using namespace std::chrono_literals;
using test::TestGateway;

class TrialTest : public testing::Test {
 protected:
  TrialTest() { gateway_.apply(test::sample_document()); }

  Context& context() { return gateway_.context(); }
  static Browser browser(std::string secret = "secret") {
    Browser made;
    made.secret = std::move(secret);
    made.address = IpAddress::parse("198.51.100.7").value();
    made.reference = "0123456789abcdef0123456789abcdef";
    return made;
  }
  StartedTrial start(TrialKind kind, std::string_view subject) {
    return start_trial(context(), "ann", kind, subject).value();
  }
  static std::string parameter(std::string_view url, std::string_view name) {
    const auto at = url.find(std::string(name) + "=");
    if (at == std::string_view::npos) return "";
    const auto text = url.substr(at + name.size() + 1);
    return std::string(text.substr(0, text.find('&')));
  }
  OutcomeOrFailure open(const StartedTrial& trial) {
    return open_trial(context(), browser(), parameter(trial.url, "ticket"));
  }
  std::string location(const OutcomeOrFailure& outcome) {
    return outcome ? std::get<GoTo>(outcome->next).url
                   : std::string(to_string(outcome.error().kind));
  }
  json::object result(const StartedTrial& trial) {
    return find_trial(context(), "ann", trial.id).value().value();
  }
  std::string failure_code(const StartedTrial& trial) {
    const auto shown = result(trial);
    const auto* failure = json::find_object(shown, "failure");
    return failure == nullptr ? "" : std::string(failure->at("code").as_string());
  }
  // Opened, gone to the provider, and back in the browser.
  OutcomeOrFailure log_in(const StartedTrial& trial) {
    const auto url = location(open(trial));
    gateway_.provider.now = gateway_.now;
    const auto query = gateway_.provider.authorize(url);
    return return_to_trial(context(), browser(), parameter(query, "state"), query).value();
  }
  // Opened, and the page that asks the device shown.
  AskDevice ask(const StartedTrial& trial) {
    return show_trial_device(context(), browser(), parameter(location(open(trial)), "transaction"))
        .value();
  }
  static std::string nonce_of(const AskDevice& page) {
    return std::string(page.exchange.at("fields").at("nonce").as_string());
  }

  TestGateway gateway_;
};

TEST_F(TrialTest, LoginTellsWhatTheProviderSaidAndSignsNobodyIn) {
  const auto trial = start(TrialKind::Login, "Corp");
  EXPECT_EQ(result(trial).at("state"), "waiting");
  EXPECT_EQ(location(log_in(trial)), kTrialPage);
  const auto shown = result(trial);
  EXPECT_EQ(shown.at("state"), "succeeded");
  EXPECT_EQ(shown.at("login").at("email"), "ada@example.com");
  EXPECT_NE(shown.at("finished_at"), nullptr);
  EXPECT_TRUE(gateway_.store->live_sessions(gateway_.now)->empty());
  EXPECT_TRUE(gateway_.audit("sign_in").empty());
  EXPECT_FALSE(find_trial(context(), "bob", trial.id).value());
  EXPECT_EQ(json::serialize(shown).find(test::kClientSecret), std::string::npos);
}

TEST_F(TrialTest, ATicketWorksOnceInTimeAndInOneBrowser) {
  const auto trial = start(TrialKind::Login, "Corp");
  const auto url = location(open(trial));
  EXPECT_TRUE(url.starts_with(test::kProvider)) << url;
  EXPECT_EQ(location(open(trial)), "already_used");
  EXPECT_EQ(result(trial).at("state"), "running");
  const auto state = parameter(gateway_.provider.authorize(url), "state");
  EXPECT_FALSE(return_to_trial(context(), browser("other"), state, "state=" + state));
  EXPECT_EQ(location(open_trial(context(), browser(), "nonsense")), "transaction_invalid");

  const auto late = start(TrialKind::Login, "Corp");
  gateway_.now += kTrialTicketLifetime;
  EXPECT_EQ(location(open(late)), "transaction_invalid");
  EXPECT_EQ(result(late).at("state"), "expired");
  EXPECT_EQ(failure_code(late), "not_opened");
  gateway_.now += 300s;
  EXPECT_EQ(result(trial).at("state"), "expired");
  EXPECT_EQ(failure_code(trial), "not_returned");
  gateway_.now += 300s;
  EXPECT_FALSE(find_trial(context(), "ann", trial.id).value());
}

TEST_F(TrialTest, LoginFailuresAreNamed) {
  auto trial = start(TrialKind::Login, "Corp");
  gateway_.provider.refuses_token = true;
  EXPECT_EQ(location(log_in(trial)), kTrialPage);
  EXPECT_EQ(result(trial).at("state"), "failed");
  EXPECT_NE(result(trial).at("failure").at("hint"), "") << json::serialize(result(trial));

  gateway_.provider.refuses_token = false;
  trial = start(TrialKind::Login, "Corp");
  const auto state = parameter(location(open(trial)), "state");
  EXPECT_EQ(
      location(*return_to_trial(context(), browser(), state, "error=access_denied&state=" + state)),
      kTrialPage);
  EXPECT_EQ(failure_code(trial), "access_denied");
  // It has ended: another answer changes nothing.
  EXPECT_EQ(location(*return_to_trial(context(), browser(), state, "code=x&state=" + state)),
            "already_used");
}

TEST_F(TrialTest, LoginByCode) {
  const auto trial = start(TrialKind::Login, "Code");
  const auto opened = open(trial);
  const auto& asked = std::get<AskAddress>(opened->next);
  const auto wrong = *request_trial_pin(context(), browser(), asked.transaction, "nonsense");
  EXPECT_EQ(std::get<AskAddress>(wrong->next).error, InputError::Address);
  // Also for somebody whom no application lets in.
  const auto sent =
      *request_trial_pin(context(), browser(), asked.transaction, "stranger@example.net");
  const auto& code = std::get<AskCode>(sent->next);
  context().pins.wait_until_idle();
  const auto missed = *verify_trial_pin(context(), browser(), code.transaction, "12");
  EXPECT_EQ(std::get<AskCode>(missed->next).error, InputError::CodeForm);
  EXPECT_EQ(
      location(*verify_trial_pin(context(), browser(), code.transaction, gateway_.last_code())),
      kTrialPage);
  EXPECT_EQ(result(trial).at("login").at("email"), "stranger@example.net");
  EXPECT_TRUE(gateway_.store->live_sessions(gateway_.now)->empty());
}

TEST_F(TrialTest, DeviceTellsEvidenceAndChecks) {
  const auto trial = start(TrialKind::Device, "Tanium");
  const auto page = ask(trial);
  const auto reply = *receive_trial_result(
      context(), browser(),
      {page.transaction, test::agent_token(nonce_of(page), gateway_.now), "", ""});
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->url, kTrialPage);
  const auto shown = result(trial);
  ASSERT_EQ(shown.at("state"), "succeeded") << json::serialize(shown);
  const auto& device = shown.at("device");
  EXPECT_EQ(device.at("signals").at("managed"), true);
  EXPECT_EQ(device.at("integration").at("name"), "Tanium");
  ASSERT_FALSE(device.at("checks").as_array().empty());
  EXPECT_EQ(device.at("checks").as_array().front().at("outcome"), "pass");
}

TEST_F(TrialTest, DeviceFailuresAreNamed) {
  const struct {
    const char* name;
    PostureResult result;  // without a transaction
    json::object changes;
    bool signs;
    std::string_view code;
  } cases[] = {
      {"no agent", {"", "", "agent_unreachable", ""}, {}, false, "agent_unreachable"},
      {"no permission", {"", "", "agent_unreachable", "denied"}, {}, false, "permission_denied"},
      {"not a token", {"", "nonsense", "", ""}, {}, false, "malformed"},
      {"another question", {}, {{"nonce", "other"}}, true, "nonce_mismatch"},
      {"another gateway", {}, {{"aud", "https://other.example.com"}}, true, "wrong_audience"},
      {"too old", {}, {{"iat", 1'000'000'000}, {"exp", 1'000'000'060}}, true, "expired"},
  };
  for (const auto& test : cases) {
    const auto trial = start(TrialKind::Device, "Tanium");
    const auto page = ask(trial);
    auto given = test.result;
    given.transaction = page.transaction;
    if (test.signs) given.token = test::agent_token(nonce_of(page), gateway_.now, test.changes);
    ASSERT_TRUE(*receive_trial_result(context(), browser(), given)) << test.name;
    EXPECT_EQ(result(trial).at("state"), "failed") << test.name;
    EXPECT_EQ(failure_code(trial), test.code) << test.name;
    EXPECT_NE(result(trial).at("failure").at("hint"), "") << test.name;
  }
}

TEST_F(TrialTest, ASignatureOfAnotherKeySaysWhichKeysThereAre) {
  const auto trial = start(TrialKind::Device, "Tanium");
  const auto page = ask(trial);
  auto token = test::agent_token(nonce_of(page), gateway_.now);
  token[token.size() - 5] = token[token.size() - 5] == 'A' ? 'B' : 'A';
  ASSERT_TRUE(*receive_trial_result(context(), browser(), {page.transaction, token, "", ""}));
  EXPECT_EQ(failure_code(trial), "bad_signature");
  const std::string detail(result(trial).at("failure").at("detail").as_string());
  EXPECT_NE(detail.find(test::device_key().public_key().thumbprint()), std::string::npos) << detail;
}

TEST_F(TrialTest, WhatCannotBeTested) {
  const struct {
    TrialKind kind;
    const char* subject;
    TrialError error;
  } cases[] = {
      {TrialKind::Login, "Nothing", TrialError::UnknownLoginMethod},
      {TrialKind::Device, "Nothing", TrialError::UnknownIntegration},
      {TrialKind::Device, "Corp", TrialError::UnknownIntegration},
  };
  for (const auto& test : cases)
    EXPECT_EQ(start_trial(context(), "ann", test.kind, test.subject).error(), test.error)
        << test.subject;
}

}  // namespace
}  // namespace gatehouse::controlplane
