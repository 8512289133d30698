// The enforcement point against a real node state: what is remembered must never decide.
#include "enforcement/point.h"

#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <map>

#include "base/encoding.h"
#include "crypto/digest.h"
#include "jose/jwt.h"
#include "policy/snapshot_change.h"
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

// The node state with revocations that cannot be read while `broken` is set.
class BrokenRevocations final : public node_state::Reader {
 public:
  BrokenRevocations(
      std::unique_ptr<node_state::Reader> real, const bool& broken,
      std::function<void()> after_snapshot = [] {})
      : real_(std::move(real)), broken_(broken), after_snapshot_(std::move(after_snapshot)) {}
  std::uint64_t transaction() const override { return real_->transaction(); }
  std::uint64_t seen_transaction() const override { return real_->seen_transaction(); }
  bool has_moved() const override { return real_->has_moved(); }
  bool refresh() override { return real_->refresh(); }
  bool is_current() const override { return real_->is_current(); }
  std::uint64_t stamp_of(std::size_t shard) const override { return real_->stamp_of(shard); }
  std::uint64_t snapshot_stamp() const override { return real_->snapshot_stamp(); }
  std::uint64_t snapshot_origin() const override { return real_->snapshot_origin(); }
  std::uint64_t assertion_stamp() const override { return real_->assertion_stamp(); }
  std::uint64_t revocation_stamp() const override { return real_->revocation_stamp(); }
  std::optional<Instant> heartbeat() const override { return real_->heartbeat(); }
  std::expected<model::Revocations, node_state::Error> revocations() override {
    if (broken_) return std::unexpected(node_state::Error{"the revocations are broken"});
    return real_->revocations();
  }
  std::expected<std::optional<json::value>, node_state::Error> snapshot() override {
    auto read = real_->snapshot();
    after_snapshot_();
    return read;
  }
  std::expected<std::optional<std::uint64_t>, node_state::Error> snapshot_sequence() override {
    return real_->snapshot_sequence();
  }
  std::expected<node_state::Changes, node_state::Error> changes_after(
      std::uint64_t sequence) override {
    return real_->changes_after(sequence);
  }
  std::expected<std::optional<model::Session>, node_state::Error> session(
      std::string_view nonce) override {
    return real_->session(nonce);
  }
  std::expected<std::optional<std::string>, node_state::Error> assertion(
      std::string_view service_token_id, std::string_view audience) override {
    return real_->assertion(service_token_id, audience);
  }

 private:
  std::unique_ptr<node_state::Reader> real_;
  const bool& broken_;
  std::function<void()> after_snapshot_;  // when the whole one has been read
};

// A selector that says what it was shown, and holds.
struct Shown {
  decision::CertificateEvidence::State certificate{};
  std::string common_name;
  std::string serial;
  std::string country;
  bool preflight = false;
};
Shown shown;  // to the last decision with it
class Witness final : public decision::Matcher {
 public:
  decision::Match match(const decision::Snapshot&, const decision::Evidence& evidence,
                        Instant) const override {
    shown = {evidence.certificate.state, std::string(evidence.certificate.common_name),
             std::string(evidence.certificate.serial), std::string(evidence.country),
             evidence.cors_preflight};
    return decision::kTrue;
  }
  std::string describe() const override { return "witness"; }
};
decision::SelectorRegistry registry_with_witness() {
  static const auto kinds = [] {
    std::vector<decision::SelectorKind> all(selectors::registry().begin(),
                                            selectors::registry().end());
    all.push_back(
        {"witness",
         [](std::span<const json::object* const>, decision::Combine,
            const decision::CompileContext&)
             -> std::expected<std::unique_ptr<const decision::Matcher>, decision::SelectorError> {
           return std::make_unique<const Witness>();
         }});
    return all;
  }();
  return kinds;
}

// What nginx would find in a request.
class Lookup {
 public:
  std::map<std::string, std::string> headers;
  std::string certificate;
  [[nodiscard]] gh_lookup interface() {
    return {[](void* self, const char* name) {
              const auto& all = static_cast<Lookup*>(self)->headers;
              const auto found = all.find(name);
              return found == all.end() ? gh_text{} : text(found->second);
            },
            [](void* self) { return text(static_cast<Lookup*>(self)->certificate); }, this};
  }
};

// Certificates made as they are needed.
struct Party {
  std::shared_ptr<X509> certificate;
  std::shared_ptr<EVP_PKEY> key;

  [[nodiscard]] std::string der() const {
    unsigned char* bytes = nullptr;
    const int size = i2d_X509(certificate.get(), &bytes);
    std::string result(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    OPENSSL_free(bytes);
    return result;
  }
  template <typename Written>
  [[nodiscard]] static std::string pem(int (*write)(BIO*, const Written*), const Written* of) {
    const std::shared_ptr<BIO> bio(BIO_new(BIO_s_mem()), BIO_free);
    write(bio.get(), of);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(size)};
  }
  [[nodiscard]] std::string pem() const { return pem(PEM_write_bio_X509, certificate.get()); }
  // An empty revocation list of this authority.
  [[nodiscard]] std::string crl(std::int64_t next_update) const {
    const std::shared_ptr<X509_CRL> list(X509_CRL_new(), X509_CRL_free);
    const std::shared_ptr<ASN1_TIME> from(ASN1_TIME_set(nullptr, kNow - 100), ASN1_TIME_free);
    const std::shared_ptr<ASN1_TIME> until(ASN1_TIME_set(nullptr, next_update), ASN1_TIME_free);
    X509_CRL_set_version(list.get(), X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(certificate.get()));
    X509_CRL_set1_lastUpdate(list.get(), from.get());
    X509_CRL_set1_nextUpdate(list.get(), until.get());
    X509_CRL_sign(list.get(), key.get(), EVP_sha256());
    return pem(PEM_write_bio_X509_CRL, list.get());
  }
};
enum class Role : std::uint8_t { Authority, Client };
Party certify(const char* name, long serial, Role role, const Party* issuer,
              std::int64_t from = kNow - 1000, std::int64_t until = kNow + 1'000'000) {
  Party made{{X509_new(), X509_free}, {EVP_EC_gen("P-256"), EVP_PKEY_free}};
  X509* x = made.certificate.get();
  const Party& signer = issuer != nullptr ? *issuer : made;
  X509_set_version(x, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
  ASN1_TIME_set(X509_getm_notBefore(x), from);
  ASN1_TIME_set(X509_getm_notAfter(x), until);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509_set_issuer_name(x, X509_get_subject_name(signer.certificate.get()));
  X509_set_pubkey(x, made.key.get());
  const auto extend = [&](int nid, const char* value) {
    const std::shared_ptr<X509_EXTENSION> extension(
        X509V3_EXT_conf_nid(nullptr, nullptr, nid, value), X509_EXTENSION_free);
    X509_add_ext(x, extension.get(), -1);
  };
  if (role == Role::Authority) {
    extend(NID_basic_constraints, "critical,CA:TRUE");
    extend(NID_key_usage, "critical,keyCertSign,cRLSign");
  } else {
    extend(NID_ext_key_usage, "clientAuth");
  }
  X509_sign(x, signer.key.get(), EVP_sha256());
  return made;
}

class EnforcementPointTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (key_ != nullptr) return;  // of another suite with this fixture
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

  static policy::PublicationContext publication(std::uint64_t sequence) {
    policy::PublicationContext context;
    context.sequence = sequence;
    context.published_at = from_epoch_seconds(kNow);
    context.issuer = kIssuer;
    auto jwk = key_->public_key().to_jwk();
    jwk["kid"] = "k1";
    jwk["alg"] = "RS256";
    jwk["use"] = "sig";
    context.jwks = {jwk};
    return context;
  }
  void publish() {
    const auto context = publication(++sequence_);
    ASSERT_TRUE(writer_->put_snapshot(policy::make_snapshot_document(resources_, context)));
    published_ = resources_;
  }
  void publish_change() {
    const auto context = publication(sequence_ + 1);
    const auto change = policy::make_snapshot_change(published_, resources_, sequence_, context);
    ASSERT_TRUE(change);
    ASSERT_TRUE(writer_->put_change(++sequence_, *change));
    published_ = resources_;
  }
  void compact() {
    ASSERT_TRUE(writer_->compact_snapshot(
        policy::make_snapshot_document(resources_, publication(sequence_))));
  }
  // Who may open the application; takes effect when it is published.
  void admit(const std::string& address) {
    resources_.applications.edit(0).policies[0].include = {{"email", {{"email", address}}}};
  }
  // A worker that counts how often it reads the whole snapshot.
  void count_snapshots(std::function<void()> after_snapshot = [] {}) {
    worker_ = std::make_unique<EnforcementPoint>(
        PointOptions{.open_node_state = [this, after_snapshot]()
                         -> std::expected<std::unique_ptr<node_state::Reader>, node_state::Error> {
                       auto opened = node_state::Reader::open(directory_);
                       if (!opened) return opened;
                       static const bool kBroken = false;
                       return std::make_unique<BrokenRevocations>(std::move(*opened), kBroken,
                                                                  [this, after_snapshot] {
                                                                    ++snapshots_read_;
                                                                    after_snapshot();
                                                                  });
                     },
                     .selectors = selectors::registry(),
                     .log = [this](const std::string& line) { log_ += line + "\n"; },
                     .country_of = {}});
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
  EnforcementPoint::Outcome ask_with(const gh_credentials& credentials, std::string_view host,
                                     const std::function<void(gh_request&)>& change,
                                     std::int64_t now = kNow) {
    static constexpr unsigned char kAddress[4] = {192, 0, 2, 7};
    gh_request request{};
    request.host = text(host);
    request.target = text("/");
    request.address = kAddress;
    request.address_size = sizeof kAddress;
    request.now = now;
    request.credentials = &credentials;
    change(request);
    return worker_->decide(request);
  }
  // An application that shows what the engine is shown, and lets everything through.
  model::Application& add_witness(const std::string& host = "witness.team.example") {
    model::Application application;
    application.id = uuid_v5("application", host);
    application.audience = hex_encode(crypto::sha256(host));
    application.name = host;
    application.domains = {host};
    model::Policy policy;
    policy.id = uuid_v5("policy", host);
    policy.name = "witness";
    policy.action = model::Action::Bypass;
    policy.include = {{"witness", json::object{}}};
    application.policies = {policy};
    resources_.applications.push_back(application);
    return resources_.applications.edit(resources_.applications.size() - 1);
  }
  void use_witness(std::function<std::string_view(const IpAddress&)> country_of = {}) {
    worker_ = std::make_unique<EnforcementPoint>(
        PointOptions{.open_node_state = [this] { return node_state::Reader::open(directory_); },
                     .selectors = registry_with_witness(),
                     .log = [this](const std::string& line) { log_ += line + "\n"; },
                     .country_of = std::move(country_of)});
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
  model::Resources published_;  // what resources_ were when they were published last
  model::Session session_;
  std::uint64_t sequence_ = 0;
  int snapshots_read_ = 0;  // whole, by the worker of count_snapshots()
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

  resources_.applications.edit(0).policies[0].include = {
      {"email", {{"email", "bob@team.example"}}}};
  publish();
  expect(ask(good), Effect::Deny, Reason::IdentityNotPermitted);
}

TEST_F(EnforcementPointTest, AnApplicationsTokensDieByTheSecondOfTheirIssue) {
  const std::string good = token();  // issued at kNow - 10
  expect(ask(good), Effect::Allow, Reason::None);
  const auto revoke = [&](const std::string& audience, std::int64_t issued_before) {
    ASSERT_TRUE(writer_->put_revocations({{{audience, from_epoch_seconds(issued_before)}}, {}}));
  };
  revoke(kAudience, kNow - 10);
  expect(ask(good), Effect::Allow, Reason::None, "issued in that second");
  revoke(kAudience, kNow - 9);
  expect(ask(good), Effect::Challenge, Reason::SessionRevoked, "issued in the second before");
  auto later = claims();
  later["iat"] = kNow - 9;
  expect(ask(token(later)), Effect::Allow, Reason::None, "issued after it");
  revoke(kOther, kNow + 100);
  expect(ask(good), Effect::Allow, Reason::None, "of another application");
  ASSERT_TRUE(writer_->put_revocations(
      {{{kAudience, from_epoch_seconds(kNow)}, {kAudience, from_epoch_seconds(kNow - 20)}}, {}}));
  expect(ask(good), Effect::Challenge, Reason::SessionRevoked, "the later one of two");
  ASSERT_TRUE(writer_->put_revocations({}));
  expect(ask(good), Effect::Allow, Reason::None, "nothing remembered keeps it dead");
  session_.revocations = {{kAudience, from_epoch_seconds(kNow - 9)}};
  ASSERT_TRUE(writer_->put_session(session_));
  expect(ask(good), Effect::Challenge, Reason::SessionRevoked, "of the session alone");
}

TEST_F(EnforcementPointTest, OneTokenDiesByItsId) {
  auto with_id = claims();
  with_id["jti"] = "the-id";
  const std::string dead = token(with_id);
  with_id["jti"] = "the-id-";
  const std::string similar = token(with_id);
  const std::string nameless = token();
  auto odd_claims = claims();
  odd_claims["jti"] = 7;
  const std::string odd = token(odd_claims);
  for (const auto* each : {&dead, &similar, &nameless, &odd})
    expect(ask(*each), Effect::Allow, Reason::None);
  ASSERT_TRUE(writer_->put_revocations({{}, {"the-id", "", "7", "the-idea"}}));
  for (int i = 0; i < 2; ++i) {
    expect(ask(dead), Effect::Challenge, Reason::SessionRevoked);
    expect(ask(similar), Effect::Allow, Reason::None);
    expect(ask(nameless), Effect::Allow, Reason::None, "an empty id is none");
    expect(ask(odd), Effect::Allow, Reason::None);
  }
  gh_credentials both{};
  both.tokens[0] = text(dead);
  both.tokens[1] = text(similar);
  both.token_count = 2;
  expect(ask_with(both), Effect::Allow, Reason::None, "another token of the browser counts");
  gh_credentials header{};
  header.header_token = text(dead);
  header.header_token_count = 1;
  expect(ask_with(header), Effect::Challenge, Reason::SessionRevoked);
}

// INVARIANT 4: another spelling of a revoked token is refused, or is that token.
TEST_F(EnforcementPointTest, NoSpellingOfATokenEscapesItsRevocation) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  auto with_id = claims();
  with_id["jti"] = "the-id";
  const std::string good = token(with_id);
  const auto first = good.find('.');
  const auto second = good.rfind('.');
  // The last character of a part with its unused bits set, where it has such.
  const auto unused_bits = [&](std::size_t begin, std::size_t end) {
    const std::size_t tail = (end - begin) % 4;
    std::string other = good;
    const std::size_t bits = tail == 2 ? 0xf : tail == 3 ? 0x3 : 0;
    other[end - 1] = kAlphabet[kAlphabet.find(other[end - 1]) | bits];
    return other;
  };
  const auto with = [&](std::size_t at, std::string_view what) {
    std::string other = good;
    other.insert(at, what);
    return other;
  };
  std::string standard = good;
  std::ranges::replace(standard, '-', '+');
  std::ranges::replace(standard, '_', '/');
  const std::string spellings[] = {
      good + "=",
      good + "==",
      with(second, "="),
      with(first, "="),
      unused_bits(second + 1, good.size()),
      unused_bits(first + 1, second),
      unused_bits(0, first),
      standard,
      " " + good,
      good + " ",
      good + "\t",
      good + "\r\n",
      with(second + 9, "\n"),
      with(9, " "),
      good + ".",
      "." + good,
      with(second, "."),
      good + "%3D",
      "\"" + good + "\"",
      good + std::string(1, '\0'),
      with(second + 1, "-"),
  };
  expect(ask(good), Effect::Allow, Reason::None);
  for (const bool revoked : {false, true}) {
    if (revoked) {
      ASSERT_TRUE(writer_->put_revocations({{}, {"the-id"}}));
      expect(ask(good), Effect::Challenge, Reason::SessionRevoked);
    }
    for (const std::string& spelling : spellings) {
      if (spelling == good) continue;
      expect(ask(spelling), Effect::Challenge, Reason::TokenInvalid, spelling);
    }
  }
  // Claims in another order are another text with the same id: still the same token.
  json::object reordered{{"jti", "the-id"}};
  for (const auto& [name, value] : claims()) reordered[name] = value;
  expect(ask(token(reordered)), Effect::Challenge, Reason::SessionRevoked);
}

// INVARIANT 3.
TEST_F(EnforcementPointTest, RevocationsThatCannotBeReadRefuseEverything) {
  bool broken = false;
  worker_ = std::make_unique<EnforcementPoint>(PointOptions{
      .open_node_state =
          [&]() -> std::expected<std::unique_ptr<node_state::Reader>, node_state::Error> {
        auto opened = node_state::Reader::open(directory_);
        if (!opened) return std::unexpected(opened.error());
        return std::make_unique<BrokenRevocations>(std::move(*opened), broken);
      },
      .selectors = selectors::registry(),
      .log = [this](const std::string& line) { log_ += line + "\n"; },
      .country_of = {}});
  const std::string good = token();
  expect(ask(good), Effect::Allow, Reason::None);
  broken = true;
  expect(ask(good), Effect::Allow, Reason::None, "read before, and they have not moved");
  ASSERT_TRUE(writer_->put_revocations({}));
  expect(ask(good), Effect::Deny, Reason::NodeStateUnavailable);
  expect(ask("", kNow, "/health"), Effect::Deny, Reason::NodeStateUnavailable, "bypass as well");
  EXPECT_FALSE(ask(good).node_state_usable);
  EXPECT_NE(log_.find("the revocations are broken"), std::string::npos);
  expect(ask(good, kNow + 1), Effect::Deny, Reason::NodeStateUnavailable, "still");
  broken = false;
  expect(ask(good, kNow + 1), Effect::Deny, Reason::NodeStateUnavailable, "once a second");
  expect(ask(good, kNow + 2), Effect::Allow, Reason::None, "read again");
}

TEST_F(EnforcementPointTest, AnAnswerHasMovedWhenWhatItStandsOnHas) {
  const std::string good = token();
  const auto now = [](std::int64_t at) { return from_epoch_seconds(at); };
  const auto moved_by = [&](auto change) {
    const auto basis = ask(good).basis;
    worker_->refresh(now(kNow));
    EXPECT_FALSE(worker_->has_moved(basis));
    change();
    EXPECT_FALSE(worker_->has_moved(basis)) << "before a refresh nothing is read";
    worker_->refresh(now(kNow));
    return worker_->has_moved(basis);
  };
  EXPECT_TRUE(moved_by([&] {
    session_.posture[0].managed = false;
    ASSERT_TRUE(writer_->put_session(session_));
  })) << "its session";
  session_.posture[0].managed = true;
  ASSERT_TRUE(writer_->put_session(session_));
  EXPECT_FALSE(moved_by([&] {
    auto other = session_;
    other.nonce = "unrelated";
    ASSERT_NE(node_state::shard_of(other.nonce), node_state::shard_of(session_.nonce));
    ASSERT_TRUE(writer_->put_session(other));
  })) << "another session";
  EXPECT_FALSE(moved_by([&] { ASSERT_TRUE(writer_->put_heartbeat(from_epoch_seconds(kNow))); }))
      << "the heartbeat";
  EXPECT_TRUE(moved_by([&] { publish(); })) << "the snapshot";
  EXPECT_TRUE(moved_by([&] { ASSERT_TRUE(writer_->put_revocations({{}, {"x"}})); }))
      << "the revocations";
  EXPECT_TRUE(moved_by([&] { ASSERT_TRUE(writer_->put_assertion("token", "aud", "x.y.z")); }))
      << "the assertions";
  EXPECT_TRUE(moved_by([&] { ASSERT_TRUE(writer_->remove_session(session_.nonce)); }))
      << "the end of its session";
  // Now it is refused and stands on no session.
  EXPECT_EQ(ask(good).basis.shard, kNoShard);
  EXPECT_FALSE(moved_by([&] { ASSERT_TRUE(writer_->put_session(session_)); }));
}

TEST_F(EnforcementPointTest, EveryAnswerHasMovedWithANodeStateMadeAnew) {
  const std::string good = token();
  const auto basis = ask(good).basis;
  EXPECT_NE(basis.shard, kNoShard);
  fs::remove(directory_ / "data.mdb");
  fs::remove(directory_ / "lock.mdb");
  worker_->refresh(from_epoch_seconds(kNow + 1));
  EXPECT_TRUE(worker_->has_moved(basis)) << "deleted";
  EXPECT_EQ(worker_->snapshot(), nullptr);
  EXPECT_FALSE(writer_->put_heartbeat(from_epoch_seconds(kNow + 1)));
  ASSERT_TRUE(writer_->put_heartbeat(from_epoch_seconds(kNow + 1)));
  publish();
  ASSERT_TRUE(writer_->put_session(session_));
  worker_->refresh(from_epoch_seconds(kNow + 2));
  EXPECT_NE(worker_->snapshot(), nullptr);
  EXPECT_TRUE(worker_->has_moved(basis)) << "made anew, whatever its transactions are";
  const auto again = ask(good, kNow + 2);
  expect(again, Effect::Allow, Reason::None);
  EXPECT_FALSE(worker_->has_moved(again.basis));
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

TEST_F(EnforcementPointTest, ChangesAreFollowedWithoutReadingTheWholeSnapshot) {
  count_snapshots();
  const std::string good = token();
  expect(ask(good), Effect::Allow, Reason::None);
  admit("bob@team.example");
  publish_change();
  expect(ask(good), Effect::Deny, Reason::IdentityNotPermitted);
  // Several at once.
  admit("carol@team.example");
  publish_change();
  resources_.applications.erase(1);
  publish_change();
  admit("alice@team.example");
  publish_change();
  expect(ask(good), Effect::Allow, Reason::None);
  expect(ask("", kNow, "/health"), Effect::Challenge, Reason::NotSignedIn);
  EXPECT_EQ(worker_->snapshot()->sequence(), sequence_);
  resources_.applications.erase(0);
  publish_change();
  expect(ask(good), Effect::Deny, Reason::UnknownApplication);
  EXPECT_EQ(snapshots_read_, 1);
  EXPECT_EQ(log_, "");
}

TEST_F(EnforcementPointTest, CompactionIsNothingToWhoHasFollowed) {
  count_snapshots();
  const std::string good = token();
  expect(ask(good), Effect::Allow, Reason::None);
  admit("bob@team.example");
  publish_change();
  expect(ask(good), Effect::Deny, Reason::IdentityNotPermitted);
  const auto* followed = worker_->snapshot();
  compact();
  expect(ask(good), Effect::Deny, Reason::IdentityNotPermitted);
  EXPECT_EQ(worker_->snapshot(), followed);
  admit("alice@team.example");
  publish_change();
  expect(ask(good), Effect::Allow, Reason::None);
  EXPECT_EQ(snapshots_read_, 1);
}

TEST_F(EnforcementPointTest, WhoHasMissedACompactionReadsTheWholeSnapshot) {
  count_snapshots();
  const std::string good = token();
  expect(ask(good), Effect::Allow, Reason::None);
  admit("bob@team.example");
  publish_change();
  compact();
  expect(ask(good), Effect::Deny, Reason::IdentityNotPermitted);
  EXPECT_EQ(snapshots_read_, 1) << "what led there stays until the next compaction";
  admit("carol@team.example");
  publish_change();
  compact();
  admit("alice@team.example");
  publish_change();
  compact();
  expect(ask(good), Effect::Allow, Reason::None);
  EXPECT_EQ(snapshots_read_, 2);
  // Who comes late reads the snapshot and what stands after it.
  admit("dave@team.example");
  publish_change();
  count_snapshots();
  expect(ask(good), Effect::Deny, Reason::IdentityNotPermitted);
  EXPECT_EQ(snapshots_read_, 3);
  EXPECT_EQ(worker_->snapshot()->sequence(), sequence_);
}

// INVARIANT 3.
TEST_F(EnforcementPointTest, AChangeThatCannotBeUsedRefuses) {
  const std::string good = token();
  const auto change = [&] {
    return policy::make_snapshot_change(published_, published_, sequence_,
                                        publication(sequence_ + 1))
        .value();
  };
  const std::pair<const char*, std::function<void(json::object&)>> cases[] = {
      {"format", [](auto& document) { document["format"] = 999; }},
      {"unknown member", [](auto& document) { document["more"] = 1; }},
      {"of another snapshot", [](auto& document) { document["after"] = 0; }},
      {"of another sequence", [this](auto& document) { document["sequence"] = sequence_ + 2; }},
      {"unknown application",
       [](auto& document) { document["removed_applications"] = {"nobody"}; }},
  };
  for (const auto& [name, edit] : cases) {
    expect(ask(good), Effect::Allow, Reason::None);
    auto document = change();
    edit(document);
    ASSERT_TRUE(writer_->put_change(sequence_ + 1, document));
    expect(ask(good), Effect::Deny, Reason::NodeStateUnavailable);
    EXPECT_FALSE(ask(good).node_state_usable) << name;
    EXPECT_EQ(worker_->snapshot(), nullptr) << name;
    ++sequence_;
    publish();
  }
  expect(ask(good), Effect::Allow, Reason::None);
}

// Another store in the place of the first may be at any sequence, with other keys.
TEST_F(EnforcementPointTest, ANewSnapshotIsReadWhateverItsSequence) {
  count_snapshots();
  const std::string good = token();
  publish_change();
  publish_change();
  int read = 0;
  for (const std::uint64_t back : {0U, 1U, 2U}) {
    expect(ask(good), Effect::Allow, Reason::None);
    EXPECT_EQ(snapshots_read_, ++read);
    std::swap(key_, foreign_key_);
    sequence_ -= back + 1;
    publish();
    std::swap(key_, foreign_key_);
    expect(ask(good), Effect::Challenge, Reason::TokenInvalid);
    EXPECT_EQ(snapshots_read_, ++read);
    publish();
    publish_change();
    publish_change();
  }
}

// INVARIANT 3: snapshot and changes are read one after the other; what comes between is not lost.
TEST_F(EnforcementPointTest, WhatIsWrittenWhileTheSnapshotIsReadCounts) {
  const std::string good = token();
  const auto deny = [this](auto write) {
    return [this, write, done = false]() mutable {
      if (std::exchange(done, true)) return;
      admit("bob@team.example");
      write();
    };
  };
  const std::pair<const char*, std::function<void()>> cases[] = {
      {"a change", deny([this] { publish_change(); })},
      {"a change, compacted", deny([this] {
         publish_change();
         compact();
       })},
      {"a new snapshot", deny([this] { publish(); })},
      {"a new snapshot of the same sequence", deny([this] {
         --sequence_;
         publish();
       })},
  };
  for (const auto& [name, between] : cases) {
    admit("alice@team.example");
    publish();
    count_snapshots(between);
    EXPECT_EQ(ask(good).decision.reason, Reason::IdentityNotPermitted) << name;
  }
  // Without end: refused, and read again at the next request.
  int writes = 0;
  count_snapshots([&] {
    if (++writes <= 3) publish();
  });
  expect(ask(good), Effect::Deny, Reason::NodeStateUnavailable);
  expect(ask(good), Effect::Deny, Reason::IdentityNotPermitted);
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
  const auto ask_on_connection = [&](std::string_view cookie) {
    static constexpr unsigned char kAddress[4] = {192, 0, 2, 7};
    const std::string line = "CF_Authorization=" + std::string(cookie);
    credentials = {};
    gh_collect_cookies(line.data(), line.size(), &memo, &credentials);
    EXPECT_EQ(
        credentials.digested,
        memo.size == cookie.size() && std::string_view(memo.token, memo.size) == cookie ? 1u : 0u);
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
  // What could not be the whole of a cookie is not remembered.
  credentials = {};
  credentials.header_token = text("a; b");
  credentials.header_token_count = 1;
  expect(ask_with(credentials, "wiki.team.example",
                  [&](gh_request& request) { request.memo = &memo; }),
         Effect::Challenge, Reason::TokenInvalid);
  EXPECT_NE(memo.size, 4u);
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

TEST_F(EnforcementPointTest, AServiceTokenIsRotatedWithOverlap) {
  auto& known = resources_.service_tokens[0];
  ASSERT_TRUE(writer_->put_assertion(known.id, kAudience, "x.y.z"));
  const std::string client_id = known.client_id;
  const auto with = [&](std::string_view secret) {
    gh_credentials credentials{};
    credentials.client_id = text(client_id);
    credentials.client_id_count = 1;
    credentials.client_secret = text(secret);
    credentials.client_secret_count = 1;
    return credentials;
  };
  known.previous_client_secret_hash = known.client_secret_hash;
  known.previous_client_secret_expires_at = from_epoch_seconds(kNow + 5);
  known.client_secret_hash = hex_encode(crypto::sha256("new"));
  publish();
  expect(ask_with(with("new"), kNow + 4), Effect::Allow, Reason::None);
  expect(ask_with(with(kSecret), kNow + 4), Effect::Allow, Reason::None);
  expect(ask_with(with("wrong"), kNow + 4), Effect::Deny, Reason::ServiceTokenInvalid);
  expect(ask_with(with(kSecret), kNow + 5), Effect::Deny, Reason::ServiceTokenInvalid);
  expect(ask_with(with("new"), kNow + 5), Effect::Allow, Reason::None);
  // The token's own end counts for both.
  known.expires_at = from_epoch_seconds(kNow + 2);
  publish();
  expect(ask_with(with(kSecret), kNow + 1), Effect::Allow, Reason::None);
  expect(ask_with(with(kSecret), kNow + 2), Effect::Deny, Reason::ServiceTokenExpired);
  // No previous secret: nothing but the current one, also not an empty one.
  known.expires_at.reset();
  known.previous_client_secret_hash.clear();
  publish();
  expect(ask_with(with(kSecret), kNow), Effect::Deny, Reason::ServiceTokenInvalid);
  expect(ask_with(with(""), kNow), Effect::Deny, Reason::ServiceTokenInvalid);
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

// --- binding cookies, service credentials in a header, preflights -------------------------------

TEST_F(EnforcementPointTest, ABoundTokenCountsOnlyBesideItsCookie) {
  resources_.applications.edit(0).enable_binding_cookie = true;
  publish();
  auto bound_claims = claims();
  bound_claims["binding"] = hex_encode(crypto::sha256("the-cookie"));
  const std::string bound = token(bound_claims);
  const std::string unbound = token();
  auto empty_claims = claims();
  empty_claims["binding"] = "";
  const std::string empty = token(empty_claims);
  auto odd_claims = claims();
  odd_claims["binding"] = json::array{hex_encode(crypto::sha256("the-cookie"))};
  const std::string odd = token(odd_claims);
  const struct {
    const char* name;
    const std::string* token;
    std::string_view cookie;
    bool good;
  } cases[] = {
      {"its cookie", &bound, "the-cookie", true},
      {"no cookie", &bound, "", false},
      {"another cookie", &bound, "the-cookie2", false},
      {"part of it", &bound, "the-cooki", false},
      {"other case", &bound, "The-cookie", false},
      {"the claim itself", &bound, bound_claims["binding"].as_string(), false},
      {"unbound token", &unbound, "the-cookie", false},
      {"unbound token without a cookie", &unbound, "", false},
      {"empty claim", &empty, "", false},
      {"claim of another type", &odd, "the-cookie", false},
  };
  for (const auto& test : cases) {
    for (const bool in_header : {false, true}) {
      gh_credentials credentials{};
      if (in_header) {
        credentials.header_token = text(*test.token);
        credentials.header_token_count = 1;
      } else {
        credentials.tokens[credentials.token_count++] = text(*test.token);
      }
      credentials.binding = text(test.cookie);
      for (int i = 0; i < 2; ++i)
        expect(ask_with(credentials), test.good ? Effect::Allow : Effect::Challenge,
               test.good ? Reason::None : Reason::TokenInvalid, test.name);
    }
  }
  // Where the application does not ask for it, the claim means nothing.
  resources_.applications.edit(0).enable_binding_cookie = false;
  publish();
  expect(ask(bound), Effect::Allow, Reason::None);
  expect(ask(unbound), Effect::Allow, Reason::None);
}

TEST_F(EnforcementPointTest, ServiceCredentialsInAHeader) {
  resources_.applications.edit(0).read_service_tokens_from_header = "authorization";
  publish();
  ASSERT_TRUE(writer_->put_assertion(resources_.service_tokens[0].id, kAudience, "x.y.z"));
  const std::string id = resources_.service_tokens[0].client_id;
  const auto object = [&](const std::string& client_id, std::string_view secret) {
    return json::serialize(
        json::object{{"cf-access-client-id", client_id}, {"cf-access-client-secret", secret}});
  };
  const struct {
    const char* name;
    std::string header;
    Effect effect;
    Reason reason;
    bool ours;  // does not go on to the application
  } cases[] = {
      {"good", object(id, kSecret), Effect::Allow, Reason::None, true},
      {"wrong secret", object(id, "wrong"), Effect::Deny, Reason::ServiceTokenInvalid, true},
      {"unknown id", object("nobody.access", kSecret), Effect::Deny, Reason::ServiceTokenInvalid,
       true},
      {"empty", object("", ""), Effect::Deny, Reason::ServiceTokenInvalid, true},
      {"absent", "", Effect::Challenge, Reason::NotSignedIn, false},
      {"the application's own", "Bearer abc", Effect::Challenge, Reason::NotSignedIn, false},
      {"another object", R"({"user":"a"})", Effect::Challenge, Reason::NotSignedIn, false},
      {"half", R"({"cf-access-client-id":"a"})", Effect::Challenge, Reason::NotSignedIn, false},
      {"numbers", R"({"cf-access-client-id":1,"cf-access-client-secret":2})", Effect::Challenge,
       Reason::NotSignedIn, false},
      {"no JSON", "{", Effect::Challenge, Reason::NotSignedIn, false},
      {"too long", object(id, std::string(5000, 'x')), Effect::Challenge, Reason::NotSignedIn,
       false},
  };
  const gh_credentials none{};
  for (const auto& test : cases) {
    Lookup lookup;
    if (*test.header.c_str() != 0) lookup.headers["authorization"] = test.header;
    const auto outcome = ask_with(none, "wiki.team.example", [&](gh_request& request) {
      request.lookup = lookup.interface();
    });
    expect(outcome, test.effect, test.reason, test.name);
    EXPECT_EQ(outcome.credential_header, test.ours ? "authorization" : "") << test.name;
  }
  // The usual headers decide, and the other one does not go on either.
  Lookup lookup;
  lookup.headers["authorization"] = object(id, kSecret);
  gh_credentials usual{};
  usual.client_id = text(id);
  usual.client_id_count = 1;
  usual.client_secret = text("wrong");
  usual.client_secret_count = 1;
  const auto with_lookup = [&](gh_request& request) { request.lookup = lookup.interface(); };
  auto outcome = ask_with(usual, "wiki.team.example", with_lookup);
  expect(outcome, Effect::Deny, Reason::ServiceTokenInvalid);
  usual.client_secret = text(kSecret);
  outcome = ask_with(usual, "wiki.team.example", with_lookup);
  expect(outcome, Effect::Allow, Reason::None);
  EXPECT_EQ(outcome.credential_header, "authorization");
  // Read only where the application says so.
  resources_.applications.edit(0).read_service_tokens_from_header.clear();
  publish();
  outcome = ask_with(none, "wiki.team.example", with_lookup);
  expect(outcome, Effect::Challenge, Reason::NotSignedIn);
  EXPECT_EQ(outcome.credential_header, "");
}

TEST_F(EnforcementPointTest, PreflightsAreKnownWhereSomethingAnswersThem) {
  auto& witness = add_witness();
  const struct {
    const char* name;
    bool options;
    const char* origin;
    const char* method;
    bool bypass;
    bool cors;
    bool preflight;
  } cases[] = {
      {"reaches the application", true, "https://a.example", "PUT", true, false, true},
      {"answered by the gateway", true, "https://a.example", "PUT", false, true, true},
      {"nobody answers", true, "https://a.example", "PUT", false, false, false},
      {"another method", false, "https://a.example", "PUT", true, false, false},
      {"without origin", true, "", "PUT", true, false, false},
      {"without method", true, "https://a.example", "", false, true, false},
  };
  use_witness();
  for (const auto& test : cases) {
    witness.options_preflight_bypass = test.bypass;
    witness.cors_headers.reset();
    if (test.cors) {
      witness.cors_headers.emplace();
      witness.cors_headers->allowed_origins = {"https://a.example"};
    }
    publish();
    Lookup lookup;
    if (*test.origin != 0) lookup.headers["origin"] = test.origin;
    if (*test.method != 0) lookup.headers["access-control-request-method"] = test.method;
    const auto outcome =
        ask_with(gh_credentials{}, "witness.team.example", [&](gh_request& request) {
          request.is_options = test.options ? 1 : 0;
          request.lookup = lookup.interface();
        });
    EXPECT_EQ(outcome.preflight, test.preflight) << test.name;
    EXPECT_EQ(outcome.decision.effect, Effect::Bypass) << test.name;
  }
  // Of an application with people behind it, only where the preflight is let through.
  resources_.applications.erase(resources_.applications.size() - 1);
  worker_ = std::make_unique<EnforcementPoint>(
      directory_, selectors::registry(), [this](const std::string& line) { log_ += line + "\n"; });
  Lookup lookup;
  lookup.headers = {{"origin", "https://a.example"}, {"access-control-request-method", "PUT"}};
  const auto wiki = [&] {
    publish();
    return ask_with(gh_credentials{}, "wiki.team.example", [&](gh_request& request) {
      request.is_options = 1;
      request.lookup = lookup.interface();
    });
  };
  expect(wiki(), Effect::Challenge, Reason::NotSignedIn);
  resources_.applications.edit(0).options_preflight_bypass = true;
  expect(wiki(), Effect::Bypass, Reason::None);
}

// --- countries and client certificates ----------------------------------------------------------

TEST_F(EnforcementPointTest, TheCountryIsAskedForOnlyWhereItMatters) {
  add_witness();
  auto& local = add_witness("local.team.example");
  local.policies[0].require = {{"geo", {{"country_code", "DE"}}}};
  publish();
  int asked = 0;
  std::string_view answer = "DE";
  use_witness([&](const IpAddress& address) {
    ++asked;
    EXPECT_EQ(address.to_string(), "192.0.2.7");
    return answer;
  });
  const gh_credentials none{};
  EXPECT_EQ(ask_with(none, kNow, "/", "witness.team.example").decision.effect, Effect::Bypass);
  EXPECT_EQ(asked, 0);
  EXPECT_EQ(shown.country, "");
  EXPECT_EQ(ask_with(none, kNow, "/", "local.team.example").decision.effect, Effect::Bypass);
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(shown.country, "DE");
  answer = "FR";
  EXPECT_NE(ask_with(none, kNow, "/", "local.team.example").decision.effect, Effect::Bypass);
  answer = "";
  EXPECT_NE(ask_with(none, kNow, "/", "local.team.example").decision.effect, Effect::Bypass);
  use_witness();
  EXPECT_NE(ask_with(none, kNow, "/", "local.team.example").decision.effect, Effect::Bypass)
      << "without a database every country is unknown";
}

class CertificateTest : public EnforcementPointTest {
 protected:
  using State = decision::CertificateEvidence::State;
  void SetUp() override {
    EnforcementPointTest::SetUp();
    add_witness();
    add_witness("second.team.example");
    add_witness("bare.team.example");
    authority_ = certify("Team CA", 1, Role::Authority, nullptr);
    other_ = certify("Other CA", 2, Role::Authority, nullptr);
    client_ =
        certify("laptop.team.example", 0xabc, Role::Client, &authority_, kNow - 10, kNow + 300);
    certificates("Team", authority_, "witness.team.example");
    certificates("Other", other_, "second.team.example");
    publish();
    use_witness();
  }
  void certificates(const std::string& name, const Party& authority, const std::string& host) {
    model::MtlsCertificate entry;
    entry.id = uuid_v5("certificate", name);
    entry.name = name;
    entry.certificate = authority.pem();
    entry.associated_hostnames = {host};
    resources_.certificates.push_back(entry);
  }
  // What the engine was shown.
  State show(std::string certificate, std::int64_t now = kNow,
             std::string_view host = "witness.team.example") {
    EXPECT_TRUE(writer_->put_heartbeat(from_epoch_seconds(now)));
    Lookup lookup;
    lookup.certificate = std::move(certificate);
    shown = {};
    const auto outcome = ask_with(
        gh_credentials{}, host, [&](gh_request& request) { request.lookup = lookup.interface(); },
        now);
    EXPECT_EQ(outcome.decision.effect, Effect::Bypass);
    if (shown.certificate != State::Valid) {
      EXPECT_EQ(shown.common_name, "");
      EXPECT_EQ(shown.serial, "");
    }
    return shown.certificate;
  }

  Party authority_;
  Party other_;
  Party client_;
};

TEST_F(CertificateTest, ItsStates) {
  EXPECT_EQ(show(""), State::None);
  for (int i = 0; i < 2; ++i) {  // the second answer comes from memory
    EXPECT_EQ(show(client_.der()), State::Valid);
    EXPECT_EQ(shown.common_name, "laptop.team.example");
    EXPECT_EQ(shown.serial, "abc");
    EXPECT_EQ(show("no certificate"), State::Invalid);
    EXPECT_EQ(show(client_.der() + "x"), State::Invalid);
    EXPECT_EQ(show(certify("laptop.team.example", 0xabc, Role::Client, &other_).der()),
              State::Invalid);
  }
  const auto unseen = [&](std::string_view host) {
    static_cast<void>(ask_with(gh_credentials{}, host,
                               [](gh_request& request) { request.certificate_unknown = 1; }));
    return shown.certificate;
  };
  EXPECT_EQ(unseen("witness.team.example"), State::Unknown);
  EXPECT_EQ(unseen("bare.team.example"), State::None) << "no authority: nothing to know";
}

// INVARIANT: a certificate shown for one host does not count for another.
TEST_F(CertificateTest, EachHostJudgesByItsOwnAuthorities) {
  const auto second = certify("server.team.example", 7, Role::Client, &other_);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(show(client_.der()), State::Valid);
    EXPECT_EQ(show(client_.der(), kNow, "second.team.example"), State::Invalid);
    EXPECT_EQ(show(client_.der(), kNow, "bare.team.example"), State::None);
    EXPECT_EQ(show(second.der(), kNow, "second.team.example"), State::Valid);
    EXPECT_EQ(show(second.der()), State::Invalid);
  }
}

TEST_F(CertificateTest, ARememberedJudgementEndsWithTheCertificate) {
  EXPECT_EQ(show(client_.der(), kNow - 11), State::Invalid);
  EXPECT_EQ(show(client_.der(), kNow), State::Valid);
  EXPECT_EQ(show(client_.der(), kNow + 299), State::Valid);
  EXPECT_EQ(show(client_.der(), kNow + 301), State::Invalid);
}

TEST_F(CertificateTest, ARememberedJudgementEndsWithTheRevocationList) {
  resources_.certificates[0].crl = authority_.crl(kNow + 100);
  publish();
  EXPECT_EQ(show(client_.der(), kNow), State::Valid);
  EXPECT_EQ(show(client_.der(), kNow + 99), State::Valid);
  EXPECT_EQ(show(client_.der(), kNow + 101), State::Invalid) << "the list is too old";
  resources_.certificates[0].crl = authority_.crl(kNow + 200);
  publish();
  EXPECT_EQ(show(client_.der(), kNow + 101), State::Valid) << "a new one";
  resources_.certificates[0].revoked_serials = {"abc"};
  publish();
  EXPECT_EQ(show(client_.der(), kNow + 101), State::Invalid) << "revoked";
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
