// The C face end to end, over a real node state, as nginx calls it.
#include "adapters/nginx/core.h"

#include <gtest/gtest.h>
#include <sodium.h>
#include <unistd.h>

#include <deque>
#include <filesystem>
#include <map>
#include <string>

#include "base/encoding.h"
#include "crypto/digest.h"
#include "decision/reason.h"
#include "jose/jwt.h"
#include "node_state/node_state.h"
#include "platform/file.h"
#include "policy/snapshot_document.h"
#include "selectors/registry.h"

namespace gatehouse {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kNow = 1'800'000'000;
constexpr std::string_view kIssuer = "https://auth.team.example";
constexpr std::string_view kHost = "wiki.team.example";
constexpr std::string_view kSecret = "the-secret-of-the-service";
constexpr std::string_view kNonce = "00112233445566778899aabbccddeeff";
const std::string kWiki(64, 'a');
const std::string kOpen(64, 'b');
const fs::path kSource = fs::path(GATEHOUSE_TESTDATA).parent_path().parent_path().parent_path();

gh_text text(std::string_view value) { return {value.data(), value.size()}; }
std::string str(const gh_text& value) { return {value.data, value.size}; }

// A pool as nginx has one: freed whole.
struct Pool {
  std::deque<std::string> blocks;
  std::size_t left = SIZE_MAX;  // how many allocations succeed
  static void* allocate(void* self, std::size_t size) {
    auto& pool = *static_cast<Pool*>(self);
    if (pool.left == 0) return nullptr;
    --pool.left;
    return pool.blocks.emplace_back(size, '\0').data();
  }
};

// One request with everything that it borrows.
struct Request {
  std::string host{kHost};
  std::string target = "/";
  std::string address{"\xC0\x00\x02\x07", 4};
  std::int64_t now = kNow;
  std::string cookie;
  std::string client_id;
  std::string client_secret;
  std::map<std::string, std::string> headers;
  std::string certificate;

  gh_credentials credentials{};
  gh_request made{};
  const gh_request* c() {
    credentials = {};
    if (!cookie.empty()) credentials.tokens[credentials.token_count++] = text(cookie);
    if (!client_id.empty()) {
      credentials.client_id = text(client_id);
      credentials.client_secret = text(client_secret);
      credentials.client_id_count = credentials.client_secret_count = 1;
    }
    made = {};
    made.host = text(host);
    made.target = text(target);
    made.address = reinterpret_cast<const unsigned char*>(address.data());
    made.address_size = address.size();
    made.now = now;
    made.credentials = &credentials;
    made.lookup.source = this;
    made.lookup.header = [](void* self, const char* name) {
      const auto& all = static_cast<Request*>(self)->headers;
      const auto found = all.find(name);
      return found == all.end() ? gh_text{} : text(found->second);
    };
    made.lookup.certificate = [](void* self) {
      return text(static_cast<Request*>(self)->certificate);
    };
    return &made;
  }
};

model::Policy policy(std::string name, model::Action action, std::vector<model::Selector> include,
                     std::vector<model::Selector> require = {}) {
  model::Policy made;
  made.id = uuid_v5("policy", name);
  made.name = std::move(name);
  made.action = action;
  made.include = std::move(include);
  made.require = std::move(require);
  return made;
}

class CoreTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ASSERT_GE(sodium_init(), 0);
    key_ = new jose::PrivateKey(jose::PrivateKey::generate_rsa());
  }
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "core_test_XXXXXX").string();
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
    wiki.audience = kWiki;
    wiki.name = "Wiki";
    wiki.domains = {std::string(kHost)};
    wiki.decision_headers = true;
    wiki.read_service_tokens_from_header = "x-credentials";
    wiki.policies = {
        policy("The team", model::Action::Allow, {{"email_domain", {{"domain", "team.example"}}}},
               {{"device_posture", {{"integration_uid", rule.id}}}}),
        policy("Robots", model::Action::ServiceAuth,
               {{"service_token", {{"token_id", token.id}}}})};
    resources_.applications.push_back(wiki);
    model::Application open;
    open.id = uuid_v5("application", "open");
    open.audience = kOpen;
    open.name = "Open";
    open.domains = {std::string(kHost) + "/open"};
    open.policies = {policy("Everybody", model::Action::Bypass, {{"everyone", json::object{}}})};
    resources_.applications.push_back(open);
    publish();
    ASSERT_TRUE(writer_->put_heartbeat(from_epoch_seconds(kNow)));
    ASSERT_TRUE(writer_->put_assertion(token.id, kWiki, "x.y.z"));

    session_.nonce = kNonce;
    session_.identity.user_id = uuid_v5("user", "alice");
    session_.identity.email = "Alice@team.example";
    session_.identity.login_method = provider.id;
    session_.identity.authenticated_at = from_epoch_seconds(kNow - 60);
    session_.created_at = from_epoch_seconds(kNow - 60);
    session_.expires_at = from_epoch_seconds(kNow + 3600);
    model::PostureEvidence evidence;
    evidence.integration_id = tanium.id;
    evidence.device_id = "laptop 7";
    evidence.established_at = from_epoch_seconds(kNow - 10);
    evidence.managed = true;
    evidence.last_checkin = from_epoch_seconds(kNow - 60);
    session_.posture = {evidence};
    ASSERT_TRUE(writer_->put_session(session_));
    open_core({});
  }
  void TearDown() override {
    gh_core_destroy(core_);
    fs::remove_all(directory_);
  }

  void open_core(gh_options options) {
    gh_core_destroy(core_);
    const std::string state = directory_.string();
    options.state_directory = state.c_str();
    core_ = gh_core_create(
        &options, [](void* self, const char* line) { static_cast<CoreTest*>(self)->log_ += line; },
        this);
    ASSERT_NE(core_, nullptr);
  }
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
  static std::string token() {
    const json::object claims{{"aud", {kWiki}},    {"email", "alice@team.example"},
                              {"iat", kNow - 10},  {"nbf", kNow - 10},
                              {"exp", kNow + 600}, {"iss", kIssuer},
                              {"type", "app"},     {"sub", "alice"},
                              {"jti", "token-1"},  {"identity_nonce", kNonce}};
    return jose::sign_jwt(claims, *key_, jose::Algorithm::RS256, "k1");
  }
  Request signed_in() {
    Request request;
    request.cookie = token();
    return request;
  }
  Request robot() {
    Request request;
    request.client_id = resources_.service_tokens[0].client_id;
    request.client_secret = kSecret;
    return request;
  }

  gh_verdict decide(Request& request) {
    gh_verdict verdict{};
    gh_decide(core_, request.c(), Pool::allocate, &pool_, &verdict);
    return verdict;
  }
  gh_response respond(Request& request, gh_particulars particulars = {}) {
    gh_response response{};
    gh_respond(core_, request.c(), &particulars, Pool::allocate, &pool_, &response);
    return response;
  }
  // "1" or the reason why not.
  std::string still_allowed(Request& request, gh_basis& basis) {
    gh_text reason{};
    const int allowed = gh_still_allowed(core_, request.c(), &basis, &reason);
    return allowed != 0 ? "1" : str(reason);
  }
  bool moved(const gh_basis& basis, std::int64_t now = kNow) {
    gh_refresh(core_, now);
    return gh_basis_moved(core_, &basis) != 0;
  }

  static jose::PrivateKey* key_;
  fs::path directory_;
  std::unique_ptr<node_state::Writer> writer_;
  model::Resources resources_;
  model::Session session_;
  std::uint64_t sequence_ = 0;
  gh_core* core_ = nullptr;
  Pool pool_;
  std::string log_;
};
jose::PrivateKey* CoreTest::key_ = nullptr;

TEST_F(CoreTest, WhatGoesOnWithAPerson) {
  auto request = signed_in();
  const auto verdict = decide(request);
  EXPECT_EQ(verdict.pass, 1);
  EXPECT_EQ(str(verdict.effect), "allow");
  EXPECT_EQ(str(verdict.reason), "");
  EXPECT_EQ(str(verdict.assertion), request.cookie);
  EXPECT_EQ(str(verdict.email), "Alice@team.example");
  EXPECT_EQ(str(verdict.policy_id), uuid_v5("policy", "The team"));
  EXPECT_EQ(str(verdict.application_id), uuid_v5("application", "wiki"));
  EXPECT_EQ(verdict.decision_headers, 1);
  EXPECT_EQ(str(verdict.policy_name), "The%20team");
  EXPECT_EQ(str(verdict.device_id), "laptop%207");
  EXPECT_EQ(str(verdict.credential_header), "");
  EXPECT_NE(verdict.basis.shard, GH_NO_SHARD);
  EXPECT_GT(verdict.transaction, 0u);
}

TEST_F(CoreTest, DecisionHeadersOnlyWhereTheApplicationWantsThem) {
  resources_.applications.edit(0).decision_headers = false;
  publish();
  auto request = signed_in();
  const auto verdict = decide(request);
  EXPECT_EQ(verdict.pass, 1);
  EXPECT_EQ(verdict.decision_headers, 0);
  EXPECT_EQ(str(verdict.policy_name), "");
  EXPECT_EQ(str(verdict.device_id), "");
}

TEST_F(CoreTest, WhatGoesOnWithAProgram) {
  auto request = robot();
  auto verdict = decide(request);
  EXPECT_EQ(verdict.pass, 1);
  EXPECT_EQ(str(verdict.assertion), "x.y.z");
  EXPECT_EQ(str(verdict.email), "");
  EXPECT_EQ(str(verdict.credential_header), "");
  EXPECT_EQ(verdict.basis.shard, GH_NO_SHARD);

  Request by_header;
  by_header.headers["x-credentials"] = json::serialize(json::object{
      {"cf-access-client-id", request.client_id}, {"cf-access-client-secret", kSecret}});
  verdict = decide(by_header);
  EXPECT_EQ(verdict.pass, 1);
  EXPECT_EQ(str(verdict.assertion), "x.y.z");
  EXPECT_EQ(str(verdict.credential_header), "x-credentials");

  by_header.headers["x-credentials"] = "something of the application's own";
  verdict = decide(by_header);
  EXPECT_EQ(verdict.pass, 0);
  EXPECT_EQ(str(verdict.reason), "not_signed_in");
  EXPECT_EQ(str(verdict.credential_header), "");
}

TEST_F(CoreTest, BypassCarriesNobody) {
  auto request = signed_in();
  request.target = "/open";
  const auto verdict = decide(request);
  EXPECT_EQ(verdict.pass, 1);
  EXPECT_EQ(str(verdict.effect), "bypass");
  EXPECT_EQ(str(verdict.assertion), "");
  EXPECT_EQ(str(verdict.email), "");
  EXPECT_EQ(verdict.logged, 1);
  EXPECT_EQ(str(verdict.policy_id), uuid_v5("policy", "Everybody"));
}

TEST_F(CoreTest, RefusalsAreAnswered) {
  Request request;
  auto verdict = decide(request);
  EXPECT_EQ(verdict.pass, 0);
  EXPECT_EQ(str(verdict.effect), "challenge");
  EXPECT_EQ(str(verdict.reason), "not_signed_in");
  EXPECT_EQ(verdict.logged, 0);  // nobody yet: a flood of these writes nothing
  gh_particulars browser{};
  browser.method = text("GET");
  browser.sec_fetch_mode = text("navigate");
  auto response = respond(request, browser);
  EXPECT_EQ(response.status, 302);
  EXPECT_TRUE(str(response.location).starts_with("https://auth.team.example/cdn-cgi/access/login/"))
      << str(response.location);
  EXPECT_GT(response.header_count, 0u);

  request.host = "unknown.team.example";
  verdict = decide(request);
  EXPECT_EQ(verdict.logged, 1);
  EXPECT_EQ(str(verdict.effect), "deny");
  EXPECT_EQ(str(verdict.reason), "unknown_application");
  EXPECT_EQ(str(verdict.application_id), "");
  EXPECT_EQ(respond(request, browser).status, 403);
}

TEST_F(CoreTest, OneOfSoManyAllowedRequestsIsLogged) {
  open_core({.state_directory = nullptr, .country_database = nullptr, .allow_sample = 3});
  auto request = signed_in();
  std::string logged;
  for (int i = 0; i < 7; ++i) logged += decide(request).logged != 0 ? 'x' : '.';
  EXPECT_EQ(logged, "..x..x.");
  open_core({.state_directory = nullptr, .country_database = nullptr, .allow_sample = 1});
  EXPECT_EQ(decide(request).logged, 1);
  open_core({.state_directory = nullptr, .country_database = nullptr, .allow_sample = 0});
  for (int i = 0; i < 100; ++i) ASSERT_EQ(decide(request).logged, 0);
}

TEST_F(CoreTest, EvidenceAndItsAge) {
  open_core({.state_directory = nullptr, .country_database = nullptr, .allow_sample = 1});
  auto request = signed_in();
  request.now = kNow + 5;
  const json::object expected{{"user", session_.identity.user_id},
                              {"session", kNonce},
                              {"identity", 65},
                              {"posture/" + uuid_v5("integration", "tanium"), 15}};
  EXPECT_EQ(json::parse(str(decide(request).evidence)).value(), json::value(expected));
  auto program = robot();
  EXPECT_EQ(json::parse(str(decide(program).evidence)).value(),
            json::value(json::object{{"service_token", uuid_v5("token", "robot")}}));
  Request nobody;
  nobody.target = "/open";
  EXPECT_EQ(str(decide(nobody).evidence), "{}");
}

TEST_F(CoreTest, OpenRequestsEndWithTheirRight) {
  struct Case {
    const char* name;
    std::string expected;
    std::function<void()> change;
    std::int64_t now = kNow;
  };
  const Case cases[] = {
      {"nothing happens", "1", [] {}},
      {"the session is ended", "session_revoked",
       [&] { ASSERT_TRUE(writer_->remove_session(kNonce)); }},
      {"the device is no longer managed", "posture_not_managed",
       [&] {
         auto changed = session_;
         changed.posture[0].managed = false;
         ASSERT_TRUE(writer_->put_session(changed));
       }},
      {"the policy is edited", "identity_not_permitted",
       [&] {
         resources_.applications.edit(0).policies[0].include = {
             {"email", {{"email", "bob@team.example"}}}};
         publish();
       }},
      {"the application's tokens are revoked", "session_revoked",
       [&] {
         ASSERT_TRUE(writer_->put_revocations(
             {.applications = {{kWiki, from_epoch_seconds(kNow)}}, .tokens = {}}));
       }},
      {"this token is revoked", "session_revoked",
       [&] { ASSERT_TRUE(writer_->put_revocations({.applications = {}, .tokens = {"token-1"}})); }},
      {"another token is revoked", "1",
       [&] { ASSERT_TRUE(writer_->put_revocations({.applications = {}, .tokens = {"token-2"}})); }},
      {"the evidence is just young enough", "1", [] {}, kNow + 90},
      {"the evidence is too old", "posture_stale", [] {}, kNow + 91},
      {"the token ends", "session_expired", [] {}, kNow + 600},
      {"the node state is gone", "node_state_unavailable",
       [&] {
         fs::remove(directory_ / "data.mdb");
         fs::remove(directory_ / "lock.mdb");
       },
       kNow + 1},
  };
  for (const Case& test : cases) {
    TearDown();
    writer_.reset();
    core_ = nullptr;
    resources_ = {};
    session_ = {};
    SetUp();
    auto request = signed_in();
    auto verdict = decide(request);
    ASSERT_EQ(verdict.pass, 1) << test.name;
    test.change();
    request.now = test.now;
    gh_refresh(core_, test.now);
    const gh_basis before = verdict.basis;
    EXPECT_EQ(still_allowed(request, verdict.basis), test.expected) << test.name;
    if (test.expected != "1" && test.now == kNow) {
      EXPECT_EQ(gh_basis_moved(core_, &before), 1) << test.name;
    }
  }
}

TEST_F(CoreTest, OnlyWhatAnAnswerStandsOnMovesIt) {
  auto request = signed_in();
  auto verdict = decide(request);
  auto program = robot();
  const auto of_program = decide(program).basis;
  EXPECT_FALSE(moved(verdict.basis));
  for (int i = 0; i < 50; ++i) {
    auto other = session_;
    other.nonce = "other" + std::to_string(i);
    if (node_state::shard_of(other.nonce) == verdict.basis.shard) continue;
    ASSERT_TRUE(writer_->put_session(other));
  }
  ASSERT_TRUE(writer_->put_heartbeat(from_epoch_seconds(kNow + 1)));
  EXPECT_FALSE(moved(verdict.basis, kNow + 1));
  EXPECT_FALSE(moved(of_program, kNow + 1));

  ASSERT_TRUE(writer_->put_session(session_));
  EXPECT_TRUE(moved(verdict.basis, kNow + 1));
  EXPECT_FALSE(moved(of_program, kNow + 1));
  EXPECT_EQ(still_allowed(request, verdict.basis), "1");
  EXPECT_FALSE(moved(verdict.basis, kNow + 1));

  struct Change {
    const char* name;
    std::function<void()> make;
  };
  const Change changes[] = {
      {"policies", [&] { publish(); }},
      {"revocations",
       [&] { ASSERT_TRUE(writer_->put_revocations({.applications = {}, .tokens = {"other"}})); }},
      {"assertions",
       [&] {
         ASSERT_TRUE(writer_->put_assertion(resources_.service_tokens[0].id, kWiki, "x.y.w"));
       }},
  };
  for (const Change& change : changes) {
    const auto person = decide(request).basis;
    const auto robots = decide(program).basis;
    change.make();
    EXPECT_TRUE(moved(person)) << change.name;
    EXPECT_TRUE(moved(robots)) << change.name;
  }
  EXPECT_EQ(str(decide(program).assertion), "x.y.w");
}

TEST_F(CoreTest, CountriesOfTheDatabase) {
  // 192.0.2.0/24 is DE but for its upper half, which is FR: platform/testdata.
  const std::string file = (kSource / "platform/testdata/countries.mmdb").string();
  resources_.applications.edit(0).policies.resize(1);
  resources_.applications.edit(0).policies[0].require = {{"geo", {{"country_code", "DE"}}}};
  publish();
  struct Case {
    const char* name;
    const char* database;
    std::string address;
    std::string reason;  // empty: allowed
  };
  const std::string mapped =
      std::string(10, '\0') + "\xff\xff\xC0" + std::string(1, '\0') + "\x02\x07";
  const Case cases[] = {
      {"permitted", file.c_str(), {"\xC0\x00\x02\x07", 4}, ""},
      {"permitted, in IPv6 form", file.c_str(), mapped, ""},
      {"another", file.c_str(), {"\xC0\x00\x02\xC8", 4}, "country_not_permitted"},
      {"IPv6 of another", file.c_str(), "\x20\x01\x0d\xb8" + std::string(12, '\1'),
       "country_not_permitted"},
      {"unknown", file.c_str(), {"\x0A\x00\x00\x01", 4}, "country_unknown"},
      {"no database", nullptr, {"\xC0\x00\x02\x07", 4}, "country_unknown"},
      {"empty name", "", {"\xC0\x00\x02\x07", 4}, "country_unknown"},
      {"absent file", "/nowhere/countries.mmdb", {"\xC0\x00\x02\x07", 4}, "country_unknown"},
  };
  for (const Case& test : cases) {
    log_.clear();
    open_core({.state_directory = nullptr, .country_database = test.database, .allow_sample = 0});
    auto request = signed_in();
    request.address = test.address;
    EXPECT_EQ(str(decide(request).reason), test.reason) << test.name;
    EXPECT_EQ(log_, test.database == nullptr || *test.database == '\0' || test.database == file
                        ? ""
                        : "cannot use the country database `/nowhere/countries.mmdb`: No such file "
                          "or directory: every country is unknown");
  }
}

TEST_F(CoreTest, CertificatesAreJudgedByTheHostThatIsAsked) {
  const fs::path made = kSource / "crypto/testdata/client_certificates_fuzz";
  const std::string alice = read_file(made / "valid.der").value();
  const std::string other = read_file(made / "revoked.der").value();
  model::MtlsCertificate authority;
  authority.id = uuid_v5("certificate", "authority");
  authority.name = "Authority";
  authority.certificate = read_file(made / "authority.pem").value();
  authority.associated_hostnames = {std::string(kHost)};
  authority.revoked_serials = {"2f"};
  resources_.certificates.push_back(authority);
  resources_.applications.edit(0).policies = {
      policy("Alice", model::Action::ServiceAuth, {{"common_name", {{"common_name", "alice"}}}})};
  resources_.applications.edit(1).domains = {"open.team.example"};
  resources_.applications.edit(1).policies = {
      policy("Any", model::Action::ServiceAuth, {{"certificate", json::object{}}})};
  publish();

  Request request;
  EXPECT_EQ(str(decide(request).reason), "certificate_required");
  request.certificate = other;
  EXPECT_EQ(str(decide(request).reason), "certificate_invalid");
  request.certificate = "rubbish";
  EXPECT_EQ(str(decide(request).reason), "certificate_invalid");
  request.certificate = alice;
  request.host = "open.team.example";
  EXPECT_EQ(str(decide(request).reason), "certificate_required");
  request.host = kHost;
  request.c();
  request.made.certificate_unknown = 1;
  gh_verdict unseen{};
  gh_decide(core_, &request.made, Pool::allocate, &pool_, &unseen);
  EXPECT_EQ(str(unseen.reason), "certificate_required");

  // Nobody is behind it: there is nothing to assert.
  auto verdict = decide(request);
  EXPECT_EQ(str(verdict.reason), "");
  EXPECT_EQ(verdict.pass, 1);
  EXPECT_EQ(str(verdict.assertion), "");
  EXPECT_EQ(str(verdict.email), "");
  EXPECT_EQ(still_allowed(request, verdict.basis), "1");
  resources_.certificates[0].revoked_serials.push_back("1f");
  publish();
  EXPECT_TRUE(moved(verdict.basis));
  EXPECT_EQ(still_allowed(request, verdict.basis), "certificate_invalid");
}

TEST_F(CoreTest, AskingAgainLeavesTheLastRefusalAlone) {
  auto open = signed_in();
  auto basis = decide(open).basis;
  Request refused;
  refused.host = "unknown.team.example";
  ASSERT_EQ(decide(refused).pass, 0);
  EXPECT_EQ(still_allowed(open, basis), "1");
  const auto response = respond(refused);
  EXPECT_EQ(response.status, 403);
  EXPECT_NE(str(response.body).find("unknown_application"), std::string::npos);
}

TEST_F(CoreTest, WithoutMemoryARequestIsRefused) {
  auto request = signed_in();
  for (std::size_t enough = 0;; ++enough) {
    pool_.left = enough;
    const auto verdict = decide(request);
    if (verdict.pass != 0) {
      EXPECT_GT(enough, 0u);
      break;
    }
    ASSERT_LT(enough, 10u);
    EXPECT_EQ(str(verdict.effect), "deny");
    EXPECT_EQ(str(verdict.reason), "internal_error");
    EXPECT_EQ(verdict.logged, 1);
    EXPECT_EQ(str(verdict.assertion), "");
    EXPECT_EQ(respond(request).status, 503);
    pool_.left = 0;
    EXPECT_EQ(respond(request).status, 503);
    EXPECT_EQ(respond(request).body.size, 0u);
  }
}

TEST_F(CoreTest, ACoreWithoutANodeStateRefuses) {
  fs::remove(directory_ / "data.mdb");
  fs::remove(directory_ / "lock.mdb");
  open_core({});
  auto request = signed_in();
  const auto verdict = decide(request);
  EXPECT_EQ(verdict.pass, 0);
  EXPECT_EQ(str(verdict.reason), "node_state_unavailable");
  EXPECT_EQ(respond(request).status, 503);
  EXPECT_NE(log_, "");
  EXPECT_TRUE(moved(verdict.basis));
}

}  // namespace
}  // namespace gatehouse
