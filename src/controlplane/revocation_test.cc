#include "controlplane/revocation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>

#include "base/encoding.h"
#include "controlplane/test_support.h"
#include "controlplane/token.h"
#include "platform/random.h"
#include "selectors/registry.h"

namespace gatehouse::controlplane {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using storage::RevocationKind;
using test::kStart;
using test::sample_document;
using test::TestGateway;

constexpr std::string_view kAdmin = "admin@example.com";

// Writes until it is told to fail.
class FlakyWriter final : public node_state::Writer {
 public:
  explicit FlakyWriter(node_state::Writer& real) : real_(real) {}
  using Done = std::expected<void, node_state::Error>;
  Done put_snapshot(const json::object& document) override {
    return fails() ? failure() : real_.put_snapshot(document);
  }
  std::expected<node_state::ChangesThere, node_state::Error> put_change(
      std::uint64_t sequence, const json::object& document) override {
    if (fails()) return std::unexpected(failure().error());
    return real_.put_change(sequence, document);
  }
  Done compact_snapshot(const json::object& document) override {
    return fails() ? failure() : real_.compact_snapshot(document);
  }
  Done put_session(const model::Session& session) override {
    return fails() ? failure() : real_.put_session(session);
  }
  Done remove_session(std::string_view nonce) override {
    return fails() ? failure() : real_.remove_session(nonce);
  }
  Done put_assertion(std::string_view token, std::string_view audience,
                     std::string_view jwt) override {
    return fails() ? failure() : real_.put_assertion(token, audience, jwt);
  }
  Done put_revocations(const model::Revocations& revocations) override {
    return fails() || refuses_revocations ? failure() : real_.put_revocations(revocations);
  }
  Done put_heartbeat(Instant now) override { return real_.put_heartbeat(now); }
  Done replace_sessions(const std::vector<model::Session>& sessions) override {
    return fails() ? failure() : real_.replace_sessions(sessions);
  }
  void check_readers() override { real_.check_readers(); }
  std::expected<std::unique_ptr<node_state::Reader>, node_state::Error> make_reader() override {
    return real_.make_reader();
  }

  bool broken = false;
  bool refuses_revocations = false;

 private:
  [[nodiscard]] bool fails() const { return broken; }
  static Done failure() { return std::unexpected(node_state::Error{"no space left"}); }
  node_state::Writer& real_;
};

class RevocationTest : public testing::Test {
 protected:
  RevocationTest() {
    gateway_.gateway = Gateway::make({.store = *gateway_.store,
                                      .vault = *gateway_.vault,
                                      .node_state = writer_,
                                      .http_client = gateway_.provider,
                                      .selectors = selectors::registry(),
                                      .clock = [this] { return gateway_.now; },
                                      .pin_delivery = {}});
    gateway_.apply(sample_document());
  }
  ~RevocationTest() override { gateway_.gateway.reset(); }  // before its writer
  Context& context() { return gateway_.context(); }

  // Somebody signs in: the nonce.
  std::string sign_in(const std::string& email, const std::string& device = "",
                      Instant expires_at = kStart + hours{24}) {
    const auto user = gateway_.store->sign_in_user(email, "", random_uuid(), gateway_.now).value();
    model::Session session;
    session.nonce = random_base64url(32);
    session.identity.user_id = user.id;
    session.identity.email = email;
    session.identity.authenticated_at = gateway_.now;
    session.created_at = gateway_.now;
    session.expires_at = expires_at;
    if (!device.empty()) session.posture = {evidence(device)};
    EXPECT_TRUE(context().sessions.create(session));
    return session.nonce;
  }
  model::PostureEvidence evidence(const std::string& device) const {
    model::PostureEvidence result;
    result.integration_id = "integration";
    result.device_id = device;
    result.established_at = gateway_.now;
    return result;
  }
  json::object claims(const std::string& nonce, std::string_view application = "Wiki") {
    auto result =
        token_claims("https://auth.example.com", gateway_.application(application).audience,
                     kApplicationTokenType, gateway_.now, gateway_.now + hours{2});
    result["identity_nonce"] = nonce;
    result["jti"] = random_base64url(16);
    result["email"] = "ada@example.com";
    return result;
  }
  std::string sign(const json::object& of) { return gateway_.vault->sign(of); }
  // Whether the control plane itself still takes it.
  bool counts(const std::string& token) {
    const Browser browser{"secret", {}, "reference", ""};
    return verify_application_token(context(), *context().configuration(), browser, std::nullopt,
                                    token)
        .value()
        .has_value();
  }
  bool lives(const std::string& nonce) {
    const bool stored = context().sessions.load(nonce, gateway_.now).value().has_value();
    EXPECT_EQ(gateway_.reader()->session(nonce).value().has_value(), stored) << "one of both";
    return stored;
  }
  model::Revocations published() { return gateway_.reader()->revocations().value(); }
  json::object last_audit(std::string_view event = "revocation") {
    const auto found = gateway_.audit(event);
    EXPECT_FALSE(found.empty());
    if (found.empty()) return {};
    EXPECT_EQ(found.front().actor, kAdmin);
    return found.front().details;
  }
  static void expect_error(const RevocationResult& result, RevocationError error,
                           std::string_view what) {
    ASSERT_FALSE(result) << what;
    EXPECT_EQ(to_string(result.error()), to_string(error)) << what;
  }

  TestGateway gateway_;
  FlakyWriter writer_{*gateway_.node_state};
};

TEST_F(RevocationTest, OneSession) {
  const auto one = sign_in("ada@example.com");
  const auto two = sign_in("ada@example.com");
  const auto outcome = revoke_session(context(), one, kAdmin);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->name, "ada@example.com");
  EXPECT_EQ(outcome->sessions, 1U);
  EXPECT_TRUE(outcome->enforced);
  EXPECT_FALSE(lives(one));
  EXPECT_TRUE(lives(two));
  const auto details = last_audit();
  EXPECT_EQ(details.at("what"), "session");
  EXPECT_EQ(details.at("email"), "ada@example.com");
  for (const auto& nonce : {one, std::string(), two.substr(1), std::string("'")})
    expect_error(revoke_session(context(), nonce, kAdmin), RevocationError::NoSuchSession, nonce);
}

TEST_F(RevocationTest, OneUserByAddressOrId) {
  for (const bool by_id : {false, true}) {
    const auto one = sign_in("ada@example.com");
    const auto two = sign_in("ada@example.com");
    const auto other = sign_in("bob@example.com");
    const auto id = gateway_.store->find_user("ada@example.com").value()->id;
    const auto outcome = revoke_user(context(), by_id ? id : "Ada@Example.COM", kAdmin);
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->name, "ada@example.com");
    EXPECT_EQ(outcome->sessions, 2U);
    EXPECT_FALSE(lives(one));
    EXPECT_FALSE(lives(two));
    EXPECT_TRUE(lives(other));
    EXPECT_EQ(last_audit().at("sessions"), 2);
  }
  EXPECT_EQ(revoke_user(context(), "ada@example.com", kAdmin)->sessions, 0U);
  for (const std::string_view nobody : {"", "eve@example.com", "ada", "ada@example.com "})
    expect_error(revoke_user(context(), nobody, kAdmin), RevocationError::NoSuchUser, nobody);
  sign_in("ada@example.com");
  EXPECT_EQ(sessions_of(context(), "ada@example.com")->size(), 1U) << "they may sign in again";
}

TEST_F(RevocationTest, OneDevice) {
  const auto with = sign_in("ada@example.com", "laptop");
  const auto without = sign_in("ada@example.com");
  const auto other = sign_in("bob@example.com", "LAPTOP");
  const auto outcome = revoke_device(context(), "laptop", kAdmin);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->sessions, 1U);
  EXPECT_FALSE(lives(with));
  EXPECT_TRUE(lives(without));
  EXPECT_TRUE(lives(other)) << "another id";
  EXPECT_EQ(last_audit().at("device_id"), "laptop");
  EXPECT_EQ(*revoked_devices(context()), (std::vector<std::string>{"laptop"}));

  // What had been verified before does not get in any more.
  const auto add = [&](const std::string& device) {
    const auto changed = context().sessions.change(
        without, gateway_.now,
        [&](model::Session& session) { session.posture = {evidence(device)}; });
    return changed.value()->posture.size();
  };
  EXPECT_EQ(add("laptop"), 0U);
  EXPECT_EQ(add("phone"), 1U);
  gateway_.now += hours{20};
  gateway_.gateway->tick();  // purges
  EXPECT_EQ(add("laptop"), 0U);

  ASSERT_TRUE(restore_device(context(), "laptop", kAdmin));
  EXPECT_EQ(last_audit("revocation_lifted").at("device_id"), "laptop");
  EXPECT_EQ(add("laptop"), 1U);
  EXPECT_TRUE(revoked_devices(context())->empty());
  expect_error(restore_device(context(), "laptop", kAdmin), RevocationError::DeviceNotRevoked, "");
  for (const std::string& bad : {std::string(), std::string(1025, 'x'), std::string("\xff")})
    expect_error(revoke_device(context(), bad, kAdmin), RevocationError::BadDeviceId, "");
  EXPECT_TRUE(revoke_device(context(), "never seen", kAdmin));
}

TEST_F(RevocationTest, OneApplication) {
  const auto nonce = sign_in("ada@example.com");
  const auto token = sign(claims(nonce));
  const auto payroll = sign(claims(nonce, "Payroll"));
  ASSERT_TRUE(counts(token));
  const auto outcome = revoke_application(context(), "Wiki", kAdmin);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->name, "Wiki");
  EXPECT_FALSE(counts(token));
  EXPECT_TRUE(counts(payroll));
  EXPECT_TRUE(lives(nonce));
  ASSERT_EQ(published().applications.size(), 1U);
  EXPECT_EQ(published().applications[0].audience, gateway_.application("Wiki").audience);
  EXPECT_EQ(published().applications[0].issued_before, kStart + seconds{1});
  EXPECT_EQ(gateway_.audit("revocation").front().application, gateway_.application("Wiki").id);

  gateway_.now += seconds{1};
  EXPECT_TRUE(counts(sign(claims(nonce)))) << "the second after";
  EXPECT_FALSE(counts(token));

  // Until no token can be left, and no longer.
  gateway_.now = kStart + hours{24} + minutes{5} - seconds{1};
  gateway_.gateway->tick();
  EXPECT_EQ(published().applications.size(), 1U);
  gateway_.now += hours{1} + seconds{1};
  gateway_.gateway->tick();
  EXPECT_TRUE(published().applications.empty());
  EXPECT_TRUE(gateway_.store->revocations(kStart)->empty()) << "purged";
}

TEST_F(RevocationTest, ApplicationsAreFoundByIdAudienceNameAndDomain) {
  auto document = sample_document();
  document["applications"].as_array()[1].as_object()["name"] = "admin.example.com/console";
  gateway_.apply(document);
  const auto& wiki = gateway_.gateway->resources()->applications[0];
  for (const std::string& key : {wiki.id, wiki.audience, std::string("Wiki"), std::string("Admin"),
                                 std::string("wiki.example.com"), std::string("WIKI.example.com")})
    EXPECT_TRUE(revoke_application(context(), key, kAdmin)) << key;
  expect_error(revoke_application(context(), "admin.example.com/console", kAdmin),
               RevocationError::SeveralApplications, "the name of one, the domain of another");
  for (const std::string_view key : {"", "wiki", "example.com", "admin.example.com"})
    expect_error(revoke_application(context(), key, kAdmin), RevocationError::NoSuchApplication,
                 key);
}

// INVARIANT 4: what is revoked is what a token says, not how it is spelled.
TEST_F(RevocationTest, OneTokenInAnySpelling) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const auto nonce = sign_in("ada@example.com");
  const auto respelled = [&](const std::string& token) {
    std::string other = token;
    other.back() = kAlphabet[kAlphabet.find(token.back()) | 0xf];
    return other;
  };
  const auto standard = [](std::string token) {
    const auto dot = token.rfind('.');
    std::replace(token.begin() + static_cast<std::ptrdiff_t>(dot), token.end(), '-', '+');
    std::replace(token.begin() + static_cast<std::ptrdiff_t>(dot), token.end(), '_', '/');
    return token;
  };
  const struct {
    const char* name;
    std::function<std::string(const std::string&)> spell;
  } spellings[] = {
      {"as it is", [](const std::string& t) { return t; }},
      {"padded", [](const std::string& t) { return t + "=="; }},
      {"unused bits", respelled},
      {"other alphabet", standard},
      {"line end", [](const std::string& t) { return "  " + t + "\r\n"; }},
      {"wrapped", [](const std::string& t) { return t.substr(0, 76) + "\n " + t.substr(76); }},
  };
  for (const auto& spelling : spellings) {
    const auto token = sign(claims(nonce));
    const auto another = sign(claims(nonce));
    ASSERT_TRUE(counts(token));
    const auto outcome = revoke_token(context(), spelling.spell(token), kAdmin);
    ASSERT_TRUE(outcome) << spelling.name << to_string(outcome.error());
    for (const auto& form : spellings) EXPECT_FALSE(counts(form.spell(token))) << form.name;
    EXPECT_TRUE(counts(another)) << spelling.name;
    EXPECT_TRUE(std::ranges::count(published().tokens, outcome->name)) << spelling.name;
    EXPECT_EQ(last_audit().at("jti").as_string(), outcome->name);
    EXPECT_EQ(last_audit().at("email"), "ada@example.com");
  }
  EXPECT_TRUE(lives(nonce));
}

TEST_F(RevocationTest, OneTokenByItsId) {
  const auto nonce = sign_in("ada@example.com");
  const auto of = claims(nonce);
  const auto token = sign(of);
  ASSERT_TRUE(revoke_token(context(), std::string(of.at("jti").as_string()) + "\n", kAdmin));
  EXPECT_FALSE(counts(token));
  EXPECT_TRUE(counts(sign(claims(nonce))));
  EXPECT_EQ(gateway_.store->revocations(kStart)->front().expires_at,
            kStart + hours{24} + minutes{5})
      << "as long as any token can live";
}

TEST_F(RevocationTest, TokenEntriesEndWithTheirToken) {
  const auto nonce = sign_in("ada@example.com");
  ASSERT_TRUE(revoke_token(context(), sign(claims(nonce)), kAdmin));
  gateway_.gateway->tick();
  gateway_.now = kStart + hours{2} + minutes{5} - seconds{1};
  gateway_.gateway->tick();
  EXPECT_EQ(published().tokens.size(), 1U);
  gateway_.now += hours{1};
  gateway_.gateway->tick();
  EXPECT_TRUE(published().tokens.empty());
}

TEST_F(RevocationTest, WhatIsNoTokenOfOurs) {
  const auto nonce = sign_in("ada@example.com");
  const auto good = sign(claims(nonce));
  const auto changed = [&](auto change) {
    auto other = claims(nonce);
    change(other);
    return sign(other);
  };
  const struct {
    const char* name;
    RevocationError error;
    std::string text;
  } cases[] = {
      {"empty", RevocationError::BadToken, ""},
      {"a word", RevocationError::BadToken, "everything"},
      {"id of another size", RevocationError::BadToken, random_base64url(15)},
      {"dots", RevocationError::BadToken, "a.b.c"},
      {"claims changed", RevocationError::BadToken,
       good.substr(0, good.find('.') + 5) + "A" + good.substr(good.find('.') + 6)},
      {"truncated", RevocationError::BadToken, good.substr(0, good.size() - 4)},
      {"expired", RevocationError::BadToken,
       changed([&](json::object& o) { o["exp"] = to_epoch_seconds(kStart); })},
      {"of another issuer", RevocationError::BadToken,
       changed([&](json::object& o) { o["iss"] = "https://auth.other.example"; })},
      {"without id", RevocationError::TokenWithoutId,
       changed([&](json::object& o) { o.erase("jti"); })},
      {"id of another type", RevocationError::TokenWithoutId,
       changed([&](json::object& o) { o["jti"] = 7; })},
      {"of a service token", RevocationError::ServiceAssertion,
       changed([&](json::object& o) { o.erase("identity_nonce"); })},
      {"of a session", RevocationError::GlobalToken, changed([&](json::object& o) {
         o["type"] = "org";
         o["aud"] = json::array{"https://auth.example.com"};
       })},
  };
  for (const auto& test : cases)
    expect_error(revoke_token(context(), test.text, kAdmin), test.error, test.name);
  EXPECT_TRUE(published().tokens.empty());
  EXPECT_TRUE(counts(good));
}

TEST_F(RevocationTest, BeforeAnythingIsConfigured) {
  TestGateway fresh;
  expect_error(revoke_application(fresh.context(), "Wiki", kAdmin), RevocationError::NotReady, "");
  expect_error(revoke_token(fresh.context(), "x", kAdmin), RevocationError::NotReady, "");
  EXPECT_TRUE(sessions_of(fresh.context(), "")->empty());
}

TEST_F(RevocationTest, ANodeStateThatCannotBeWrittenIsSaidAndMadeUpFor) {
  const auto one = sign_in("ada@example.com");
  const auto two = sign_in("bob@example.com");
  const auto token = sign(claims(two));
  writer_.broken = true;
  EXPECT_FALSE(revoke_user(context(), "ada@example.com", kAdmin)->enforced);
  EXPECT_EQ(last_audit().at("enforced"), false);
  EXPECT_FALSE(revoke_token(context(), token, kAdmin)->enforced);
  EXPECT_FALSE(revoke_application(context(), "Payroll", kAdmin)->enforced);
  EXPECT_TRUE(gateway_.reader()->session(one).value()) << "not yet";
  EXPECT_FALSE(counts(token)) << "the control plane knows already";
  gateway_.gateway->tick();
  EXPECT_TRUE(gateway_.reader()->session(one).value()) << "still broken";
  writer_.broken = false;
  gateway_.gateway->tick();
  EXPECT_FALSE(lives(one));
  EXPECT_TRUE(lives(two));
  EXPECT_EQ(published().tokens.size(), 1U);
  EXPECT_EQ(published().applications.size(), 1U);
  EXPECT_TRUE(revoke_session(context(), two, kAdmin)->enforced);
}

TEST_F(RevocationTest, ARestartPublishesThemAgain) {
  const auto nonce = sign_in("ada@example.com");
  ASSERT_TRUE(revoke_token(context(), sign(claims(nonce)), kAdmin));
  ASSERT_TRUE(revoke_application(context(), "Wiki", kAdmin));
  std::filesystem::remove_all(gateway_.directory.path() / "node");
  gateway_.now += seconds{2};
  gateway_.gateway->tick();
  EXPECT_EQ(published().tokens.size(), 1U);
  EXPECT_EQ(published().applications.size(), 1U);
  EXPECT_TRUE(lives(nonce));
}

TEST_F(RevocationTest, ANewNodeStateGetsNothingBeforeTheRevocations) {
  const auto nonce = sign_in("ada@example.com");
  ASSERT_TRUE(revoke_token(context(), sign(claims(nonce)), kAdmin));
  writer_.refuses_revocations = true;
  std::filesystem::remove_all(gateway_.directory.path() / "node");
  gateway_.gateway->tick();
  EXPECT_FALSE(gateway_.reader()->snapshot().value());
  EXPECT_FALSE(gateway_.reader()->session(nonce).value());
  auto document = sample_document();
  document["organization"].as_object()["name"] = "Renamed";
  gateway_.apply(document);
  EXPECT_FALSE(gateway_.reader()->snapshot().value()) << "nor through a new configuration";
  writer_.refuses_revocations = false;
  gateway_.gateway->tick();
  EXPECT_TRUE(gateway_.reader()->snapshot().value());
  EXPECT_TRUE(lives(nonce));
  EXPECT_EQ(published().tokens.size(), 1U);
}

TEST_F(RevocationTest, SessionsAreListedNewestFirst) {
  const auto old = sign_in("ada@example.com");
  gateway_.now += minutes{1};
  const auto recent = sign_in("ada@example.com");
  const auto other = sign_in("bob@example.com");
  sign_in("ada@example.com", "", gateway_.now);
  const auto all = sessions_of(context(), "");
  ASSERT_EQ(all->size(), 3U);
  EXPECT_EQ(all->front().nonce, recent) << "of one moment by address";
  EXPECT_EQ(all->back().nonce, old);
  const auto hers = sessions_of(context(), "ada@example.com");
  ASSERT_EQ(hers->size(), 2U);
  EXPECT_EQ(hers->front().nonce, recent);
  EXPECT_EQ(sessions_of(context(), "bob@example.com")->front().nonce, other);
  EXPECT_EQ(sessions_of(context(), "eve@example.com").error(), RevocationError::NoSuchUser);
}

}  // namespace
}  // namespace gatehouse::controlplane
