// The enforcement point against a real node state: what is remembered must never decide.
#include "enforcement/point.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/encoding.h"
#include "crypto/digest.h"
#include "jose/jwt.h"
#include "policy/snapshot_document.h"
#include "selectors/registry.h"

namespace gatehouse::enforcement {
namespace {

namespace fs = std::filesystem;
using decision::Effect;
using decision::Reason;

constexpr std::int64_t kNow = 1'800'000'000;
const std::string kAudience(64, 'a');
const std::string kOther(64, 'b');
constexpr std::string_view kIssuer = "https://auth.team.example";
constexpr std::string_view kSecret = "the-secret-of-the-service";

gh_text text(std::string_view value) { return {value.data(), value.size()}; }

model::Policy allow(std::string name, std::vector<model::Selector> include,
                    std::vector<model::Selector> require = {}) {
  model::Policy policy;
  policy.id = uuid_v5("policy", name);
  policy.name = std::move(name);
  policy.action = model::Action::Allow;
  policy.include = std::move(include);
  policy.require = std::move(require);
  return policy;
}

class EnforcementPointTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    key_ = new jose::PrivateKey(jose::PrivateKey::generate_rsa());
    foreign_key_ = new jose::PrivateKey(jose::PrivateKey::generate_rsa());
  }
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "worker_test_XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    writer_ = std::move(*node_state::Writer::open(directory_));
    resources_.organization.name = "Team";
    resources_.organization.auth_domain = "auth.team.example";
    model::IdentityProvider provider;
    provider.id = uuid_v5("provider", "pin");
    provider.name = "PIN";
    provider.type = "onetimepin";
    resources_.identity_providers.push_back(provider);
    model::PostureIntegration tanium;
    tanium.id = uuid_v5("integration", "tanium");
    tanium.name = "Tanium";
    tanium.type = "tanium";
    resources_.posture_integrations.push_back(tanium);
    model::PostureRule rule;
    rule.id = uuid_v5("rule", "tanium");
    rule.name = "Tanium managed";
    rule.type = "tanium";
    rule.input = {{"connection_id", tanium.id}, {"managed", true}, {"max_checkin_age", "168h"}};
    rule.expiration = std::chrono::seconds(100);
    resources_.posture_rules.push_back(rule);
    model::ServiceToken token;
    token.id = uuid_v5("token", "robot");
    token.name = "robot";
    token.client_id = std::string(32, '1') + ".access";
    token.client_secret_hash = hex_encode(crypto::sha256(kSecret));
    resources_.service_tokens.push_back(token);

    model::Application wiki;
    wiki.id = uuid_v5("application", "wiki");
    wiki.audience = kAudience;
    wiki.name = "Wiki";
    wiki.domains = {"wiki.team.example"};
    wiki.policies = {allow("team", {{"email_domain", {{"domain", "team.example"}}}},
                           {{"device_posture", {{"integration_uid", rule.id}}}})};
    model::Policy service;
    service.id = uuid_v5("policy", "robots");
    service.name = "robots";
    service.action = model::Action::ServiceAuth;
    service.include = {{"service_token", {{"token_id", token.id}}}};
    wiki.policies.push_back(service);
    resources_.applications.push_back(wiki);
    model::Application health;
    health.id = uuid_v5("application", "health");
    health.audience = kOther;
    health.name = "Health";
    health.domains = {"wiki.team.example/health"};
    model::Policy bypass;
    bypass.id = uuid_v5("policy", "everybody");
    bypass.name = "everybody";
    bypass.action = model::Action::Bypass;
    bypass.include = {{"everyone", json::object{}}};
    health.policies = {bypass};
    resources_.applications.push_back(health);

    publish();
    ASSERT_TRUE(writer_->put_heartbeat(from_epoch_seconds(kNow)));
    session_.nonce = "00112233445566778899aabbccddeeff";
    session_.identity.user_id = uuid_v5("user", "alice");
    session_.identity.email = "Alice@team.example";
    session_.identity.login_method = provider.id;
    session_.created_at = from_epoch_seconds(kNow - 10);
    session_.expires_at = from_epoch_seconds(kNow + 3600);
    model::PostureEvidence evidence;
    evidence.integration_id = tanium.id;
    evidence.device_id = "laptop";
    evidence.established_at = from_epoch_seconds(kNow - 10);
    evidence.managed = true;
    evidence.last_checkin = from_epoch_seconds(kNow - 60);
    session_.posture = {evidence};
    ASSERT_TRUE(writer_->put_session(session_));
    worker_ = std::make_unique<EnforcementPoint>(
        directory_, selectors::registry(),
        [this](const std::string& line) { log_ += line + "\n"; });
  }
  void TearDown() override { fs::remove_all(directory_); }

  void publish() {
    policy::PublicationContext context;
    context.sequence = ++sequence_;
    context.published_at = from_epoch_seconds(kNow);
    context.issuer = kIssuer;
    auto jwk = key_->public_key().to_jwk();
    jwk["kid"] = "k1";
    jwk["alg"] = "RS256";
    jwk["use"] = "sig";
    context.jwks = {jwk};
    ASSERT_TRUE(writer_->put_snapshot(policy::make_snapshot_document(resources_, context)));
  }

  static json::object claims() {
    return {{"aud", {kAudience}},
            {"email", "alice@team.example"},
            {"iat", kNow - 10},
            {"nbf", kNow - 10},
            {"exp", kNow + 600},
            {"iss", kIssuer},
            {"type", "app"},
            {"sub", "alice"},
            {"identity_nonce", "00112233445566778899aabbccddeeff"}};
  }
  static std::string token(const json::object& of = claims()) {
    return jose::sign_jwt(of, *key_, jose::Algorithm::RS256, "k1");
  }

  EnforcementPoint::Outcome ask(std::string_view cookie, std::int64_t now = kNow,
                                std::string_view target = "/") {
    gh_credentials credentials{};
    if (!cookie.empty()) credentials.tokens[credentials.token_count++] = text(cookie);
    return ask_with(credentials, now, target);
  }
  EnforcementPoint::Outcome ask_with(const gh_credentials& credentials, std::int64_t now = kNow,
                                     std::string_view target = "/",
                                     std::string_view host = "wiki.team.example") {
    static constexpr unsigned char kAddress[4] = {192, 0, 2, 7};
    gh_request request{};
    request.host = text(host);
    request.target = text(target);
    request.address = kAddress;
    request.address_size = sizeof kAddress;
    request.now = now;
    request.credentials = &credentials;
    return worker_->decide(request);
  }
  void expect(const EnforcementPoint::Outcome& outcome, Effect effect, Reason reason,
              const std::string& what = "") {
    EXPECT_EQ(decision::to_string(outcome.decision.effect), decision::to_string(effect)) << what;
    EXPECT_EQ(decision::info(outcome.decision.reason).code, decision::info(reason).code) << what;
  }

  static jose::PrivateKey* key_;
  static jose::PrivateKey* foreign_key_;
  fs::path directory_;
  std::unique_ptr<node_state::Writer> writer_;
  std::unique_ptr<EnforcementPoint> worker_;
  model::Resources resources_;
  model::Session session_;
  std::uint64_t sequence_ = 0;
  std::string log_;
};
jose::PrivateKey* EnforcementPointTest::key_ = nullptr;
jose::PrivateKey* EnforcementPointTest::foreign_key_ = nullptr;

TEST_F(EnforcementPointTest, AllowsTheRightTokenEveryTime) {
  const std::string good = token();
  for (int i = 0; i < 3; ++i) {
    const auto outcome = ask(good);
    expect(outcome, Effect::Allow, Reason::None);
    EXPECT_EQ(outcome.assertion, good);
    ASSERT_NE(outcome.session, nullptr);
    EXPECT_EQ(outcome.session->identity.email, "Alice@team.example");
  }
}

TEST_F(EnforcementPointTest, WithoutATokenTheAnswerIsSignIn) {
  expect(ask(""), Effect::Challenge, Reason::NotSignedIn);
}

// INVARIANT 4: every binding of a token.
TEST_F(EnforcementPointTest, TokensThatDoNotCount) {
  struct Case {
    const char* name;
    Reason reason;
    std::string token;
  };
  const auto with = [](const char* claim, json::value value) {
    auto changed = claims();
    changed[claim] = std::move(value);
    return token(changed);
  };
  const auto without = [](const char* claim) {
    auto changed = claims();
    changed.erase(claim);
    return token(changed);
  };
  const std::string good = token();
  const Case cases[] = {
      {"other application", Reason::TokenInvalid, with("aud", json::array{kOther})},
      {"two audiences", Reason::TokenInvalid, with("aud", json::array{kAudience, kOther})},
      {"audience as text", Reason::TokenInvalid, with("aud", json::value(kAudience))},
      {"no audience", Reason::TokenInvalid, without("aud")},
      {"other issuer", Reason::TokenInvalid, with("iss", "https://auth.other.example")},
      {"issuer with slash", Reason::TokenInvalid, with("iss", "https://auth.team.example/")},
      {"global session", Reason::TokenInvalid, with("type", "org")},
      {"no type", Reason::TokenInvalid, without("type")},
      {"no session", Reason::TokenInvalid, without("identity_nonce")},
      {"no expiry", Reason::TokenInvalid, without("exp")},
      {"expired", Reason::SessionExpired, with("exp", kNow - 31)},
      {"expired within the leeway of verification", Reason::SessionExpired, with("exp", kNow)},
      {"not yet", Reason::TokenInvalid, with("nbf", kNow + 3600)},
      {"unknown session", Reason::SessionRevoked, with("identity_nonce", "ffff")},
      {"foreign key", Reason::TokenInvalid,
       jose::sign_jwt(claims(), *foreign_key_, jose::Algorithm::RS256, "k1")},
      {"other kid", Reason::TokenInvalid,
       jose::sign_jwt(claims(), *foreign_key_, jose::Algorithm::RS256, "k2")},
      {"other algorithm", Reason::TokenInvalid,
       jose::sign_jwt(claims(), *key_, jose::Algorithm::PS256, "k1")},
      {"truncated", Reason::TokenInvalid, good.substr(0, good.size() - 4)},
      {"padded", Reason::TokenInvalid, good + "="},
      {"junk", Reason::TokenInvalid, "a.b.c"},
      {"oversized", Reason::TokenInvalid, std::string(100'000, 'a')},
      {"quoted", Reason::TokenInvalid, "\"" + good + "\""},
  };
  for (const Case& test : cases) {
    for (int i = 0; i < 2; ++i) {  // the second answer comes from memory
      expect(ask(test.token), Effect::Challenge, test.reason, test.name);
    }
  }
}

TEST_F(EnforcementPointTest, ATokenEndsAtItsSecond) {
  const std::string good = token();
  expect(ask(good, kNow + 89), Effect::Allow, Reason::None);  // evidence is 99 s old
  session_.posture[0].established_at = from_epoch_seconds(kNow + 590);
  ASSERT_TRUE(writer_->put_session(session_));
  expect(ask(good, kNow + 599), Effect::Allow, Reason::None);
  expect(ask(good, kNow + 600), Effect::Challenge, Reason::SessionExpired);
}

TEST_F(EnforcementPointTest, EvidenceAgesOnEveryRequest) {
  const std::string good = token();
  expect(ask(good, kNow + 90), Effect::Allow, Reason::None);
  expect(ask(good, kNow + 91), Effect::Challenge, Reason::PostureStale);
}

TEST_F(EnforcementPointTest, ChangesOfTheNodeStateDecideTheNextRequest) {
  const std::string good = token();
  expect(ask(good), Effect::Allow, Reason::None);

  session_.posture[0].managed = false;
  ASSERT_TRUE(writer_->put_session(session_));
  expect(ask(good), Effect::Deny, Reason::PostureNotManaged);

  session_.posture[0].managed = true;
  session_.revocations = {{kAudience, from_epoch_seconds(kNow)}};
  ASSERT_TRUE(writer_->put_session(session_));
  expect(ask(good), Effect::Challenge, Reason::SessionRevoked);

  session_.revocations = {{kOther, from_epoch_seconds(kNow)}};
  ASSERT_TRUE(writer_->put_session(session_));
  expect(ask(good), Effect::Allow, Reason::None);

  ASSERT_TRUE(writer_->remove_session(session_.nonce));
  expect(ask(good), Effect::Challenge, Reason::SessionRevoked);

  ASSERT_TRUE(writer_->put_session(session_));
  expect(ask(good), Effect::Allow, Reason::None);

  resources_.applications[0].policies[0].include = {{"email", {{"email", "bob@team.example"}}}};
  publish();
  expect(ask(good), Effect::Deny, Reason::IdentityNotPermitted);
}

TEST_F(EnforcementPointTest, OtherSessionsChangingDoNotDisturb) {
  const std::string good = token();
  for (int i = 0; i < 50; ++i) {
    auto other = session_;
    other.nonce = "other" + std::to_string(i);
    ASSERT_TRUE(writer_->put_session(other));
    expect(ask(good), Effect::Allow, Reason::None);
  }
}

TEST_F(EnforcementPointTest, KeysThatChangeVoidWhatWasVerified) {
  const std::string good = token();
  expect(ask(good), Effect::Allow, Reason::None);
  std::swap(key_, foreign_key_);
  publish();
  std::swap(key_, foreign_key_);
  expect(ask(good), Effect::Challenge, Reason::TokenInvalid);
}

// INVARIANT 3.
TEST_F(EnforcementPointTest, AStateNobodyTendsRefusesInTheEnd) {
  resources_.organization.node_state_max_age = std::chrono::seconds(50);
  publish();
  const std::string good = token();
  expect(ask(good, kNow + 50), Effect::Allow, Reason::None);
  expect(ask(good, kNow + 51), Effect::Deny, Reason::NodeStateTooOld);
  ASSERT_TRUE(writer_->put_heartbeat(from_epoch_seconds(kNow + 51)));
  expect(ask(good, kNow + 51), Effect::Allow, Reason::None);
}

TEST_F(EnforcementPointTest, AbsentDeletedAndCorruptStateRefuses) {
  const std::string good = token();
  expect(ask(good), Effect::Allow, Reason::None);
  fs::remove(directory_ / "data.mdb");
  fs::remove(directory_ / "lock.mdb");
  expect(ask(good, kNow + 1), Effect::Deny, Reason::NodeStateUnavailable);
  EXPECT_FALSE(ask(good, kNow + 1).node_state_usable);
  EXPECT_FALSE(writer_->put_heartbeat(from_epoch_seconds(kNow)));
  ASSERT_TRUE(writer_->put_heartbeat(from_epoch_seconds(kNow)));
  expect(ask(good, kNow + 2), Effect::Deny, Reason::NodeStateUnavailable);  // no snapshot yet
  publish();
  ASSERT_TRUE(writer_->put_session(session_));
  expect(ask(good, kNow + 2), Effect::Allow, Reason::None);
  ASSERT_TRUE(writer_->put_snapshot({{"format", 999}}));
  expect(ask(good, kNow + 2), Effect::Deny, Reason::NodeStateUnavailable);
  EXPECT_FALSE(log_.empty());
  publish();
  expect(ask(good, kNow + 2), Effect::Allow, Reason::None);
}

TEST_F(EnforcementPointTest, APointStartedBeforeTheStateExistsWaitsForIt) {
  const fs::path later = directory_ / "later";
  EnforcementPoint early(later, selectors::registry(), [](const std::string&) {});
  gh_credentials none{};
  gh_request request{};
  request.host = text("wiki.team.example");
  request.target = text("/");
  request.now = kNow;
  request.credentials = &none;
  EXPECT_EQ(early.decide(request).decision.reason, Reason::NodeStateUnavailable);
  writer_ = std::move(*node_state::Writer::open(later));
  publish();
  ASSERT_TRUE(writer_->put_heartbeat(from_epoch_seconds(kNow)));
  request.now = kNow + 1;
  EXPECT_EQ(early.decide(request).decision.reason, Reason::NotSignedIn);
}

// INVARIANT 1.
TEST_F(EnforcementPointTest, PathsAreJudgedAsTheyAreForwarded) {
  expect(ask("", kNow, "/health"), Effect::Bypass, Reason::None);
  expect(ask("", kNow, "/health/deep?x=/"), Effect::Bypass, Reason::None);
  for (const char* odd :
       {"/health/..%2f", "/health/../admin", "/health/%2e%2e/admin", "/x/../health", "//health",
        "/health;/../admin", "/%2568ealth", "health", "*"}) {
    const auto outcome = ask("", kNow, odd);
    EXPECT_NE(outcome.decision.effect, Effect::Bypass) << odd;
    EXPECT_NE(outcome.decision.effect, Effect::Allow) << odd;
  }
  gh_credentials none{};
  expect(ask_with(none, kNow, "/", "unknown.team.example"), Effect::Deny,
         Reason::UnknownApplication);
}

TEST_F(EnforcementPointTest, ARememberedHostIsForgottenWithItsSnapshot) {
  auto open = resources_.applications[1];
  open.id = uuid_v5("application", "open");
  open.audience = std::string(64, 'c');
  open.name = "Open";
  open.domains = {"open.team.example"};
  resources_.applications.push_back(open);
  publish();
  gh_credentials none{};
  const auto effect_of = [&](std::string_view target) {
    return ask_with(none, kNow, target, "open.team.example").decision.effect;
  };
  EXPECT_EQ(effect_of("/"), Effect::Bypass);
  EXPECT_EQ(effect_of("/admin"), Effect::Bypass);
  EXPECT_EQ(effect_of("admin"), Effect::Deny);
  auto admin = resources_.applications[0];
  admin.id = uuid_v5("application", "admin");
  admin.audience = std::string(64, 'd');
  admin.name = "Admin";
  admin.domains = {"open.team.example/admin"};
  resources_.applications.push_back(admin);
  publish();
  EXPECT_EQ(effect_of("/"), Effect::Bypass);
  EXPECT_EQ(effect_of("/admin"), Effect::Challenge);
  EXPECT_EQ(effect_of("/x/../admin"), Effect::Deny);
}

TEST_F(EnforcementPointTest, TheFirstGoodCookieCounts) {
  const std::string good = token();
  auto other_claims = claims();
  other_claims["aud"] = json::array{kOther};
  const std::string other = token(other_claims);
  gh_credentials credentials{};
  credentials.tokens[0] = text("junk");
  credentials.tokens[1] = text(other);
  credentials.tokens[2] = text(good);
  credentials.token_count = 3;
  expect(ask_with(credentials), Effect::Allow, Reason::None);
}

TEST_F(EnforcementPointTest, WhatAConnectionRemembersDecidesNothing) {
  std::array<char, 1536> room{};
  gh_connection_memo memo{room.data(), room.size(), 0, {}};
  const std::string good = token();
  std::string forged = good;
  forged[good.size() - 20] = forged[good.size() - 20] == 'A' ? 'B' : 'A';
  gh_credentials credentials{};
  credentials.token_count = 1;
  const auto ask_on_connection = [&](std::string_view cookie) {
    static constexpr unsigned char kAddress[4] = {192, 0, 2, 7};
    credentials.tokens[0] = text(cookie);
    gh_request request{};
    request.host = text("wiki.team.example");
    request.target = text("/");
    request.address = kAddress;
    request.address_size = sizeof kAddress;
    request.now = kNow;
    request.credentials = &credentials;
    request.memo = &memo;
    return worker_->decide(request);
  };
  for (int i = 0; i < 3; ++i) {
    expect(ask_on_connection(good), Effect::Allow, Reason::None);
    EXPECT_EQ(memo.size, good.size());
    expect(ask_on_connection(good), Effect::Allow, Reason::None);
    expect(ask_on_connection(forged), Effect::Challenge, Reason::TokenInvalid);
    expect(ask_on_connection(good.substr(0, good.size() - 1)), Effect::Challenge,
           Reason::TokenInvalid);
  }
  expect(ask_on_connection(std::string(4000, 'a')), Effect::Challenge, Reason::TokenInvalid);
  ASSERT_TRUE(writer_->remove_session(session_.nonce));
  expect(ask_on_connection(good), Effect::Challenge, Reason::SessionRevoked);
}

TEST_F(EnforcementPointTest, TheTokenHeaderCountsOnce) {
  const std::string good = token();
  gh_credentials credentials{};
  credentials.header_token = text(good);
  credentials.header_token_count = 1;
  expect(ask_with(credentials), Effect::Allow, Reason::None);
  credentials.header_token_count = 2;
  expect(ask_with(credentials), Effect::Challenge, Reason::TokenInvalid);
}

TEST_F(EnforcementPointTest, ServiceTokens) {
  ASSERT_TRUE(writer_->put_assertion(resources_.service_tokens[0].id, kAudience, "x.y.z"));
  const std::string client_id = resources_.service_tokens[0].client_id;
  gh_credentials good{};
  good.client_id = text(client_id);
  good.client_id_count = 1;
  good.client_secret = text(kSecret);
  good.client_secret_count = 1;
  const auto outcome = ask_with(good);
  expect(outcome, Effect::Allow, Reason::None);
  EXPECT_EQ(outcome.assertion, "x.y.z");
  EXPECT_EQ(outcome.session, nullptr);

  auto bad = good;
  bad.client_secret = text("wrong");
  expect(ask_with(bad), Effect::Deny, Reason::ServiceTokenInvalid);
  bad = good;
  bad.client_id_count = 2;
  expect(ask_with(bad), Effect::Deny, Reason::ServiceTokenInvalid);
  bad = good;
  bad.client_secret_count = 0;
  expect(ask_with(bad), Effect::Deny, Reason::ServiceTokenInvalid);

  resources_.service_tokens[0].expires_at = from_epoch_seconds(kNow + 5);
  publish();
  expect(ask_with(good, kNow + 4), Effect::Allow, Reason::None);
  expect(ask_with(good, kNow + 5), Effect::Deny, Reason::ServiceTokenExpired);
  resources_.service_tokens[0].enabled = false;
  publish();
  expect(ask_with(good), Effect::Deny, Reason::ServiceTokenInvalid);
}

TEST_F(EnforcementPointTest, AServiceTokenThatIsNotAcceptedIsRefusedNotAskedToSignIn) {
  auto stranger = resources_.service_tokens[0];
  stranger.id = uuid_v5("token", "stranger");
  stranger.name = "stranger";
  stranger.client_id = std::string(32, '2') + ".access";
  resources_.service_tokens.push_back(stranger);
  publish();
  gh_credentials credentials{};
  credentials.client_id = text(stranger.client_id);
  credentials.client_id_count = 1;
  credentials.client_secret = text(kSecret);
  credentials.client_secret_count = 1;
  expect(ask_with(credentials), Effect::Deny, Reason::ServiceTokenNotPermitted);
}

TEST_F(EnforcementPointTest, AServiceTokenWithoutAnAssertionWaits) {
  const std::string client_id = resources_.service_tokens[0].client_id;
  gh_credentials credentials{};
  credentials.client_id = text(client_id);
  credentials.client_id_count = 1;
  credentials.client_secret = text(kSecret);
  credentials.client_secret_count = 1;
  expect(ask_with(credentials), Effect::Deny, Reason::NodeStateUnavailable);
  ASSERT_TRUE(writer_->put_assertion(resources_.service_tokens[0].id, kAudience, "x.y.z"));
  expect(ask_with(credentials), Effect::Allow, Reason::None);
}

TEST(BoundedCache, NeverHoldsMoreThanTwoGenerationsAndKeepsWhatIsUsed) {
  BoundedCache<int, int> cache(100);
  cache.insert(-1, 7);
  for (int i = 0; i < 100'000; ++i) {
    cache.insert(i, i);
    if (i % 50 == 0) {
      ASSERT_NE(cache.find(-1), nullptr) << i;
    }
    ASSERT_LE(cache.size(), 200u);
  }
  EXPECT_EQ(cache.find(5), nullptr);
  EXPECT_EQ(*cache.find(99'999), 99'999);
}

}  // namespace
}  // namespace gatehouse::enforcement
