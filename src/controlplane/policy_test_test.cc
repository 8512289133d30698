#include "controlplane/policy_test.h"

#include <gtest/gtest.h>

#include "controlplane/test_support.h"
#include "platform/random.h"

namespace gatehouse::controlplane {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using test::kStart;
using test::TestGateway;

const Actor kAdmin{"admin", "", ""};
constexpr std::string_view kStaff = "$staff";  // in policies: an address of example.com

json::value parsed(std::string_view text) { return json::parse(text).value(); }

class PolicyTestTest : public testing::Test {
 protected:
  PolicyTestTest() {
    auto document = test::sample_document();
    document["lists"] =
        parsed(R"([{"name": "office", "type": "IP", "items": [{"value": "192.0.2.0/24"}]}])");
    document["policies"] = parsed(
        R"([{"id": "00000000-0000-4000-8000-000000000001", "name": "everyone of us",
             "decision": "allow", "include": [{"email_domain": {"domain": "example.com"}}]}])");
    gateway_.apply(document);
    ada_ = add_user(context(), kAdmin, "ada@example.com", "Ada").value();
  }
  Context& context() { return gateway_.context(); }

  // What the policies say of Ada.
  std::string verdict(std::string_view policies) {
    std::string text(policies);
    for (auto at = text.find(kStaff); at != std::string::npos; at = text.find(kStaff))
      text.replace(at, kStaff.size(), R"({"email_domain": {"domain": "example.com"}})");
    PolicyTests tests;
    const auto list = parsed(text);
    const auto id = tests.start(context(), list.as_array());
    if (!id) {
      std::string problems;
      for (const auto& problem : id.error().problems)
        problems += problem.pointer + ": " + problem.message + "; ";
      return problems;
    }
    tests.wait_until_idle();
    const auto summary = tests.find(*id, gateway_.now).value();
    EXPECT_EQ(summary.status, PolicyTestStatus::Complete);
    EXPECT_EQ(summary.total, 1U);
    const auto users = tests.users(*id, std::nullopt, 0, 10, gateway_.now).value();
    EXPECT_EQ(users.total, 1U);
    EXPECT_EQ(users.items.at(0).id, ada_.id);
    return std::string(to_string(users.items.at(0).verdict));
  }
  void sign_in(bool managed) {
    model::Session session;
    session.nonce = random_base64url(32);
    session.identity.user_id = ada_.id;
    session.identity.email = ada_.email;
    session.created_at = gateway_.now;
    session.expires_at = gateway_.now + hours{1};
    model::PostureEvidence evidence;
    for (const auto& integration : gateway_.gateway->resources()->posture_integrations)
      if (integration.name == "Tanium") evidence.integration_id = integration.id;
    evidence.device_id = "device-1";
    evidence.established_at = gateway_.now;
    evidence.last_checkin = gateway_.now;
    evidence.managed = managed;
    session.posture = {evidence};
    ASSERT_TRUE(context().sessions.create(session));
  }

  TestGateway gateway_;
  storage::User ada_;
};

TEST_F(PolicyTestTest, WhatIsUnknownIsNeitherApprovedNorBlocked) {
  const struct {
    const char* name;
    const char* policies;
    const char* expected;
  } cases[] = {
      {"a domain", R"([{"name": "p", "decision": "allow", "include": [$staff]}])", "approved"},
      {"everybody without a question", R"([{"name": "p", "decision": "bypass",
        "include": [{"everyone": {}}]}])",
       "approved"},
      {"after saying why", R"([{"name": "p", "decision": "allow",
        "purpose_justification_required": true, "include": [$staff]}])",
       "approved"},
      {"another domain", R"([{"name": "p", "decision": "allow",
        "include": [{"email_domain": {"domain": "elsewhere.example"}}]}])",
       "blocked"},
      {"blocked before",
       R"([{"name": "b", "decision": "deny", "include": [$staff]}, {"name": "p", "decision": "allow", "include": [$staff]}])",
       "blocked"},
      {"for service tokens alone", R"([{"name": "p", "decision": "non_identity",
        "include": [{"any_valid_service_token": {}}]}])",
       "blocked"},
      {"an address", R"([{"name": "p", "decision": "allow",
        "include": [{"ip": {"ip": "0.0.0.0/0"}}]}])",
       "error"},
      {"not an address",
       R"([{"name": "p", "decision": "allow", "include": [$staff], "exclude": [{"ip": {"ip": "192.0.2.0/24"}}]}])",
       "error"},
      {"a list of addresses", R"([{"name": "p", "decision": "allow",
        "include": [{"ip_list": {"id": "office"}}]}])",
       "error"},
      {"a country", R"([{"name": "p", "decision": "allow",
        "include": [{"geo": {"country_code": "DE"}}]}])",
       "error"},
      {"a certificate",
       R"([{"name": "p", "decision": "allow", "include": [$staff], "require": [{"certificate": {}}]}])",
       "error"},
      {"a device",
       R"([{"name": "p", "decision": "allow", "include": [$staff], "require": [{"device_posture": {"integration_uid": "managed"}}]}])",
       "error"},
      {"groups of who never signed in", R"([{"name": "p", "decision": "allow",
        "include": [{"oidc": {"claim_name": "groups", "claim_value": "staff",
                              "identity_provider_id": "Corp"}}]}])",
       "error"},
      {"an unknown that another policy makes good", R"([{"name": "n", "decision": "allow",
        "include": [{"ip": {"ip": "192.0.2.0/24"}}]},
        {"name": "p", "decision": "allow", "include": [$staff]}])",
       "approved"},
      {"by id", R"(["00000000-0000-4000-8000-000000000001"])", "approved"},
  };
  for (const auto& test : cases) EXPECT_EQ(verdict(test.policies), test.expected) << test.name;
}

TEST_F(PolicyTestTest, TheDeviceOfALiveSessionCounts) {
  constexpr auto kManaged =
      R"([{"name": "p", "decision": "allow", "include": [$staff], "require": [{"device_posture": {"integration_uid": "managed"}}]}])";
  sign_in(false);
  EXPECT_EQ(verdict(kManaged), "blocked");
  gateway_.now += seconds{1};
  sign_in(true);
  EXPECT_EQ(verdict(kManaged), "approved");
  gateway_.now += hours{1};
  EXPECT_EQ(verdict(kManaged), "error") << "the sessions have ended";
}

TEST_F(PolicyTestTest, PoliciesThatCannotBeAreNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {"[]", "/policies: "},
      {R"(["nothing"])", "/policies/0: "},
      {R"([7])", "/policies/0: "},
      {R"([{"name": "p", "decision": "allow", "include": [{"emial": {}}]}])",
       "/policies/0/include/0"},
      {R"([{"name": "p", "decision": "allow", "include": []}])", "/policies/0/include"},
  };
  for (const auto& [policies, pointer] : cases)
    EXPECT_TRUE(verdict(policies).starts_with(pointer)) << policies << verdict(policies);
}

TEST_F(PolicyTestTest, ResultsAreKeptForAnHourAndInBounds) {
  PolicyTests tests;
  const auto policies = parsed(R"(["00000000-0000-4000-8000-000000000001"])");
  const auto start = [&] {
    const auto id = tests.start(context(), policies.as_array()).value();
    tests.wait_until_idle();
    return id;
  };
  const auto first = start();
  EXPECT_TRUE(tests.find(first, kStart + hours{1} - seconds{1}));
  EXPECT_FALSE(tests.find(first, kStart + hours{1}));
  EXPECT_FALSE(tests.users(first, std::nullopt, 0, 1, kStart + hours{1}));
  EXPECT_FALSE(tests.find("nothing", kStart));
  gateway_.now += seconds{1};
  const auto second = start();
  for (std::size_t i = 2; i < kMaxPolicyTests; ++i) start();
  EXPECT_TRUE(tests.find(first, gateway_.now));
  start();
  EXPECT_FALSE(tests.find(first, gateway_.now)) << "the oldest makes room";
  EXPECT_TRUE(tests.find(second, gateway_.now));
}

TEST_F(PolicyTestTest, PagesThroughManyUsers) {
  for (int i = 0; i < 1200; ++i) {
    storage::User user = ada_;
    user.id = random_uuid();
    user.email = "user" + std::to_string(i) + (i % 2 == 0 ? "@example.com" : "@elsewhere.example");
    ASSERT_TRUE(gateway_.store->add_user(user).value());
  }
  PolicyTests tests;
  const auto policies = parsed(R"(["00000000-0000-4000-8000-000000000001"])");
  const auto id = tests.start(context(), policies.as_array()).value();
  tests.wait_until_idle();
  const auto summary = tests.find(id, gateway_.now).value();
  EXPECT_EQ(summary.status, PolicyTestStatus::Complete);
  EXPECT_EQ(summary.total, 1201U);
  EXPECT_EQ(summary.processed(), 1201U);
  const auto page = tests.users(id, PolicyVerdict::Blocked, 590, 25, gateway_.now).value();
  EXPECT_EQ(page.total, 600U);
  EXPECT_EQ(page.items.size(), 10U);
}

}  // namespace
}  // namespace gatehouse::controlplane
