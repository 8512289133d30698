#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "base/encoding.h"
#include "controlplane/assertions.h"
#include "controlplane/gateway.h"
#include "controlplane/test_support.h"
#include "crypto/digest.h"
#include "jose/jwt.h"
#include "policy/authored.h"

namespace gatehouse::controlplane {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using test::kClientSecret;
using test::kStart;
using test::sample_document;
using test::TestGateway;

std::string pointers(const std::vector<policy::Problem>& problems) {
  std::string text;
  for (const auto& problem : problems) text += problem.pointer + ": " + problem.message + "\n";
  return text;
}

json::object& config_of(json::object& document, std::string_view section, std::size_t index) {
  return document[section].as_array()[index].as_object()["config"].as_object();
}

std::uint64_t published_sequence(const TestGateway& gateway) {
  const auto snapshot = gateway.reader()->snapshot().value();
  return snapshot ? snapshot->at("sequence").to_number<std::uint64_t>() : 0;
}

model::Session session_of(std::string nonce, Instant expires_at) {
  model::Session session;
  session.nonce = std::move(nonce);
  session.identity.user_id = "2f8f0b1e-0000-4000-8000-000000000001";
  session.identity.email = "ada@example.com";
  session.identity.authenticated_at = kStart;
  session.created_at = kStart;
  session.expires_at = expires_at;
  return session;
}

TEST(Publication, PublishesWhatIsApplied) {
  TestGateway gateway;
  EXPECT_EQ(gateway.gateway->snapshot(), nullptr);
  const auto outcome = gateway.apply(sample_document());
  EXPECT_TRUE(outcome.changed);
  EXPECT_TRUE(outcome.hosts_changed);
  EXPECT_EQ(gateway.gateway->snapshot()->sequence(), outcome.sequence);
  EXPECT_EQ(gateway.gateway->snapshot()->issuer(), "https://auth.example.com");
  EXPECT_EQ(published_sequence(gateway), outcome.sequence);
  const auto events = gateway.audit("resources_applied");
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events.front().actor, "admin@example.com");
}

TEST(Publication, TheSameAgainChangesNothing) {
  TestGateway gateway;
  const auto first = gateway.apply(sample_document());
  const auto again = gateway.apply(sample_document());
  EXPECT_EQ(again.sequence, first.sequence);
  EXPECT_FALSE(again.changed);
  EXPECT_FALSE(again.hosts_changed);
  EXPECT_EQ(gateway.audit("resources_applied").size(), 1U);
}

TEST(Publication, SaysWhetherHostsChanged) {
  TestGateway gateway;
  gateway.apply(sample_document());
  auto document = sample_document();
  document["applications"].as_array()[0].as_object()["session_duration"] = "1h";
  auto outcome = gateway.apply(document);
  EXPECT_TRUE(outcome.changed);
  EXPECT_FALSE(outcome.hosts_changed);
  document["applications"].as_array()[0].as_object()["domain"] = "wiki2.example.com";
  EXPECT_TRUE(gateway.apply(document).hosts_changed);
  document["ingress"].as_array()[0].as_object()["service"] = "http://127.0.0.1:9999";
  EXPECT_TRUE(gateway.apply(document).hosts_changed);
}

TEST(Publication, ProblemsLeaveEverythingAsItWas) {
  TestGateway gateway;
  const auto before = gateway.apply(sample_document());
  struct Case {
    std::string_view name;
    std::function<void(json::object&)> spoil;
    std::string_view pointer;
  };
  const std::array cases{
      Case{"posture profile",
           [](json::object& document) {
             config_of(document, "device_posture_integrations", 1)["exchange"] =
                 json::object{{"method", "DELETE"}};
           },
           "/device_posture_integrations/1/config/exchange/method"},
      Case{"unknown key in a posture profile",
           [](json::object& document) {
             config_of(document, "device_posture_integrations", 0)["nonsense"] = 1;
           },
           "/device_posture_integrations/0/config/nonsense"},
      Case{"identity provider",
           [](json::object& document) {
             config_of(document, "identity_providers", 1)["token_auth_method"] = "private_key_jwt";
           },
           "/identity_providers/1/config/token_auth_method"},
  };
  for (const auto& c : cases) {
    auto document = sample_document();
    c.spoil(document);
    const auto resources = TestGateway::read(document);
    const auto outcome = gateway.gateway->apply(resources, "admin@example.com");
    ASSERT_FALSE(outcome) << c.name;
    EXPECT_TRUE(std::any_of(outcome.error().begin(), outcome.error().end(),
                            [&](const auto& problem) { return problem.pointer == c.pointer; }))
        << pointers(outcome.error());
    EXPECT_EQ(pointers(gateway.gateway->check(resources)), pointers(outcome.error())) << c.name;
    EXPECT_EQ(gateway.gateway->snapshot()->sequence(), before.sequence) << c.name;
    EXPECT_EQ(gateway.store->load_resources().value()->sequence, before.sequence) << c.name;
    EXPECT_EQ(published_sequence(gateway), before.sequence) << c.name;
  }
  // What could not have been read from a file is refused all the same.
  auto resources = TestGateway::read(sample_document());
  resources.applications[0].name.clear();
  EXPECT_FALSE(gateway.gateway->apply(resources, "x"));
}

TEST(Publication, RestoresAfterARestart) {
  TestGateway gateway;
  EXPECT_FALSE(gateway.gateway->restore().value()) << "nothing there yet";
  const auto applied = gateway.apply(sample_document());
  ASSERT_TRUE(gateway.context().sessions.create(session_of("s1", kStart + hours{1})));
  std::filesystem::remove_all(gateway.directory.path() / "node");
  gateway.restart();
  ASSERT_TRUE(gateway.gateway->restore().value());
  EXPECT_EQ(gateway.gateway->snapshot()->sequence(), applied.sequence);
  EXPECT_EQ(gateway.gateway->resources()->identity_providers[1].client_secret.reveal(),
            kClientSecret);
  EXPECT_FALSE(gateway.apply(sample_document()).changed);
  const auto reader = gateway.reader();
  EXPECT_TRUE(reader->snapshot().value());
  EXPECT_TRUE(reader->session("s1").value());
  EXPECT_EQ(reader->heartbeat(), kStart);
}

TEST(Publication, SecretsStandSealedBesideTheDocument) {
  TestGateway gateway;
  gateway.apply(sample_document());
  const auto stored = gateway.store->load_resources().value().value();
  EXPECT_EQ(stored.document.find(kClientSecret), std::string::npos);
  EXPECT_EQ(stored.sealed_secrets.find(kClientSecret), std::string::npos);
  EXPECT_EQ(json::serialize(*gateway.reader()->snapshot().value()).find(kClientSecret),
            std::string::npos);
  auto document = sample_document();
  config_of(document, "identity_providers", 1)["client_secret"] = "another";
  EXPECT_TRUE(gateway.apply(document).changed) << "a new secret is a change";
}

TEST(Publication, TickRebuildsADeletedNodeState) {
  TestGateway gateway;
  const auto applied = gateway.apply(sample_document());
  ASSERT_TRUE(gateway.context().sessions.create(session_of("s1", kStart + hours{1})));
  gateway.gateway->tick();
  std::filesystem::remove_all(gateway.directory.path() / "node");
  gateway.now += seconds{2};
  gateway.gateway->tick();
  EXPECT_EQ(published_sequence(gateway), applied.sequence);
  const auto reader = gateway.reader();
  EXPECT_TRUE(reader->session("s1").value());
  EXPECT_EQ(reader->heartbeat(), gateway.now);
  EXPECT_TRUE(reader
                  ->assertion(gateway.gateway->resources()->service_tokens[0].id,
                              gateway.application("Robots").audience)
                  .value());
}

TEST(Publication, TickTakesExpiredSessionsOut) {
  TestGateway gateway;
  gateway.apply(sample_document());
  gateway.gateway->tick();
  ASSERT_TRUE(gateway.context().sessions.create(session_of("short", kStart + seconds{10})));
  ASSERT_TRUE(gateway.context().sessions.create(session_of("long", kStart + hours{9})));
  gateway.now += hours{1};
  gateway.gateway->tick();
  EXPECT_FALSE(gateway.reader()->session("short").value());
  EXPECT_TRUE(gateway.reader()->session("long").value());
}

class AssertionTest : public testing::Test {
 protected:
  AssertionTest() { gateway_.apply(sample_document()); }
  std::optional<std::string> assertion(std::string_view token, std::string_view application) {
    for (const auto& known : gateway_.gateway->resources()->service_tokens)
      if (known.name == token)
        return gateway_.reader()
            ->assertion(known.id, gateway_.application(application).audience)
            .value();
    return std::nullopt;
  }
  json::object claims(const std::string& token) {
    return jose::verify_jws(jose::CompactJws::parse(token).value(),
                            gateway_.vault->verification_keys(), {jose::Algorithm::RS256})
        .value()
        .claims;
  }
  TestGateway gateway_;
};

TEST_F(AssertionTest, IsMadeForTokensThatServiceAuthNames) {
  const auto token = assertion("backup", "Robots");
  ASSERT_TRUE(token) << "named through a group";
  EXPECT_FALSE(assertion("unused", "Robots"));
  EXPECT_FALSE(assertion("backup", "Wiki"));
  const auto got = claims(*token);
  EXPECT_EQ(got.at("type"), "app");
  EXPECT_EQ(got.at("iss"), "https://auth.example.com");
  EXPECT_EQ(got.at("aud"), (json::array{json::value(gateway_.application("Robots").audience)}));
  EXPECT_EQ(got.at("sub"), "");
  EXPECT_EQ(got.at("common_name").as_string(),
            gateway_.gateway->resources()->service_tokens[0].client_id);
  EXPECT_FALSE(got.contains("email"));
  EXPECT_FALSE(got.contains("identity_nonce"));
  EXPECT_EQ(got.at("exp").as_int64(), to_epoch_seconds(kStart + hours{24}));
}

TEST_F(AssertionTest, IsRenewedAtHalfItsLife) {
  const auto first = assertion("backup", "Robots");
  gateway_.now = kStart + hours{12} - seconds{1};
  gateway_.gateway->tick();
  EXPECT_EQ(assertion("backup", "Robots"), first);
  gateway_.now = kStart + hours{12};
  gateway_.gateway->tick();
  const auto second = assertion("backup", "Robots");
  EXPECT_NE(second, first);
  EXPECT_EQ(claims(*second).at("exp").as_int64(), to_epoch_seconds(kStart + hours{36}));
}

TEST_F(AssertionTest, EndsWithItsToken) {
  auto document = sample_document();
  document["service_tokens"].as_array()[0].as_object()["expires_at"] =
      format_rfc3339(kStart + hours{1});
  gateway_.apply(document);
  EXPECT_EQ(claims(*assertion("backup", "Robots")).at("exp").as_int64(),
            to_epoch_seconds(kStart + hours{1}));
}

TEST(AdmissibleServiceTokens, FollowsTheIncludesOfServiceAuth) {
  struct Case {
    std::string_view name;
    std::string_view action;
    std::string_view include;
    std::vector<std::string> expected;
  };
  const std::array cases{
      Case{"itself", "non_identity", R"([{"service_token":{"token_id":"backup"}}])", {"backup"}},
      Case{"through a group", "non_identity", R"([{"group":{"id":"machines"}}])", {"backup"}},
      Case{"a network", "non_identity", R"([{"ip":{"ip":"192.0.2.0/24"}}])", {"backup", "unused"}},
      Case{"everyone", "non_identity", R"([{"everyone":{}}])", {"backup", "unused"}},
      Case{"people", "non_identity", R"([{"email":{"email":"a@example.com"}}])", {}},
      Case{"people who signed in so",
           "non_identity",
           R"([{"auth_method":{"auth_method":"mfa"}}])",
           {}},
      Case{"a country", "non_identity", R"([{"geo":{"country_code":"DE"}}])", {"backup", "unused"}},
      Case{
          "any token", "non_identity", R"([{"any_valid_service_token":{}}])", {"backup", "unused"}},
      Case{"not Service Auth", "allow", R"([{"service_token":{"token_id":"backup"}}])", {}},
  };
  for (const auto& c : cases) {
    auto document = sample_document();
    auto& policy =
        document["applications"].as_array()[4].as_object()["policies"].as_array()[0].as_object();
    policy["decision"] = c.action;
    policy["include"] = json::parse(c.include).value();
    const auto resources = TestGateway::read(document);
    std::vector<std::string> names;
    for (const auto* token : admissible_service_tokens(resources, resources.applications[4]))
      names.push_back(token->name);
    EXPECT_EQ(names, c.expected) << c.name;
  }
}

}  // namespace
}  // namespace gatehouse::controlplane
