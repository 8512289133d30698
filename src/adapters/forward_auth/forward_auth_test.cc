// The endpoint against a real node state: what it answers and what it writes down.
#include "adapters/forward_auth/forward_auth.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>
#include <map>

#include "base/encoding.h"
#include "base/json.h"
#include "crypto/digest.h"
#include "jose/jwt.h"
#include "node_state/node_state.h"
#include "policy/snapshot_document.h"
#include "selectors/registry.h"

namespace gatehouse::adapters {
namespace {

namespace fs = std::filesystem;
using net::HttpRequest;
using net::HttpResponse;

constexpr std::int64_t kNow = 1'800'000'000;
const std::string kAudience(64, 'a');
constexpr std::string_view kIssuer = "https://auth.team.example";
constexpr std::string_view kSecret = "the-secret-of-the-service";
const std::string kClientId = std::string(32, '1') + ".access";

using Fields = std::map<std::string, std::string>;

model::Policy make_policy(std::string name, model::Action action,
                          std::vector<model::Selector> include) {
  model::Policy policy;
  policy.id = uuid_v5("policy", name);
  policy.name = std::move(name);
  policy.action = action;
  policy.include = std::move(include);
  return policy;
}

class ForwardAuthTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { key_ = new jose::PrivateKey(jose::PrivateKey::generate_rsa()); }
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "forward_auth_XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    writer_ = std::move(*node_state::Writer::open(directory_ / "node-state"));
    resources_.organization.name = "Team";
    resources_.organization.auth_domain = "auth.team.example";
    model::ServiceToken robot;
    robot.id = uuid_v5("token", "robot");
    robot.name = "robot";
    robot.client_id = kClientId;
    robot.client_secret_hash = hex_encode(crypto::sha256(kSecret));
    resources_.service_tokens.push_back(robot);
    const json::object everyone;
    add("Wiki", "wiki.team.example",
        {make_policy("team & friends", model::Action::Allow,
                     {{"email_domain", {{"domain", "team.example"}}}}),
         make_policy("robots", model::Action::ServiceAuth,
                     {{"service_token", {{"token_id", robot.id}}}})});
    auto& wiki = resources_.applications.edit(0);
    wiki.audience = kAudience;
    wiki.decision_headers = true;
    wiki.read_service_tokens_from_header = "authorization";
    add("Health", "wiki.team.example/health",
        {make_policy("everybody", model::Action::Bypass, {{"everyone", everyone}})});
    add("Network", "network.team.example",
        {make_policy("network", model::Action::Bypass, {{"ip", {{"ip", "203.0.113.0/24"}}}})});
    add("Api", "api.team.example",
        {make_policy("api", model::Action::Allow,
                     {{"email_domain", {{"domain", "team.example"}}}})});
    model::CorsHeaders cors;
    cors.allowed_origins = {"https://wiki.team.example"};
    cors.allowed_methods = {"GET"};
    resources_.applications.edit(resources_.applications.size() - 1).cors_headers = cors;

    policy::PublicationContext context;
    context.sequence = 1;
    context.published_at = from_epoch_seconds(kNow);
    context.issuer = kIssuer;
    auto jwk = key_->public_key().to_jwk();
    jwk["kid"] = "k1";
    jwk["alg"] = "RS256";
    jwk["use"] = "sig";
    context.jwks = {jwk};
    ASSERT_TRUE(writer_->put_snapshot(policy::make_snapshot_document(resources_, context)));
    ASSERT_TRUE(writer_->put_heartbeat(from_epoch_seconds(kNow)));
    ASSERT_TRUE(writer_->put_assertion(robot.id, kAudience, "assertion.of.robot"));
    model::Session session;
    session.nonce = "00112233445566778899aabbccddeeff";
    session.identity.user_id = uuid_v5("user", "alice");
    session.identity.email = "alice@team.example";
    session.identity.authenticated_at = from_epoch_seconds(kNow - 60);
    session.created_at = from_epoch_seconds(kNow - 60);
    session.expires_at = from_epoch_seconds(kNow + 3600);
    ASSERT_TRUE(writer_->put_session(session));
    session.nonce = "ffffffffffffffffffffffffffffffff";
    session.identity.email = "mallory@elsewhere.example";
    ASSERT_TRUE(writer_->put_session(session));

    log_ = std::make_unique<DecisionLog>(directory_ / "log.jsonl", 1 << 20, 2);
    ForwardAuthOptions options;
    options.trusted_peers = {*IpNetwork::parse("10.0.0.0/8")};
    options.point = {.open_node_state = [this] { return writer_->make_reader(); },
                     .selectors = selectors::registry(),
                     .log = [](const std::string& line) { ADD_FAILURE() << line; },
                     .country_of = {}};
    options.access = [this](const HttpRequest& request) {
      return net::Route{net::Pool::Store, [this, path = request.path](const HttpRequest& r) {
                          passed_on_ = r;
                          return HttpResponse{200, {{"X-Access", path}}, ""};
                        }};
    };
    options.clock = [this] { return from_epoch_seconds(now_); };
    options.log = log_.get();
    options.allow_sample = 2;
    router_ = make_forward_auth_router(std::move(options));
  }
  void TearDown() override {
    router_ = {};
    log_.reset();
    fs::remove_all(directory_);
  }

  void add(std::string name, std::string domain, std::vector<model::Policy> policies) {
    model::Application application;
    application.id = uuid_v5("application", name);
    application.audience = std::string(64, static_cast<char>('b' + resources_.applications.size()));
    application.name = std::move(name);
    application.domains = {std::move(domain)};
    application.policies = std::move(policies);
    resources_.applications.push_back(std::move(application));
  }
  static std::string token(std::string_view nonce = "00112233445566778899aabbccddeeff") {
    return jose::sign_jwt({{"aud", {kAudience}},
                           {"iat", kNow - 10},
                           {"nbf", kNow - 10},
                           {"exp", kNow + 600},
                           {"iss", kIssuer},
                           {"type", "app"},
                           {"identity_nonce", nonce}},
                          *key_, jose::Algorithm::RS256, "k1");
  }

  // `fields` in the first form about a navigation to https://wiki.team.example/, with changes.
  HttpResponse ask(const Fields& changes, std::string path = "/forward-auth",
                   const char* peer = "10.0.0.1") {
    Fields fields = {{"Host", "gatehouse.internal"}, {"X-Forwarded-Method", "GET"},
                     {"X-Forwarded-Proto", "https"}, {"X-Forwarded-Host", "wiki.team.example"},
                     {"X-Forwarded-Uri", "/a?b"},    {"X-Forwarded-For", "198.51.100.9"},
                     {"Accept", "text/html"},        {"Sec-Fetch-Mode", "navigate"}};
    if (path.starts_with("/forward-auth/")) {
      for (const char* name : {"Method", "Uri"}) fields.erase(std::string("X-Forwarded-") + name);
    }
    if (path.starts_with("/forward-auth/nginx")) {
      fields["X-Original-Method"] = "GET";
      fields["X-Original-URL"] = "https://wiki.team.example/a?b";
      fields["X-Real-IP"] = "198.51.100.9";
    }
    for (const auto& [name, value] : changes) fields[name] = value;
    HttpRequest request;
    request.method = "GET";
    request.target = path;
    request.path = path.substr(0, path.find('?'));
    if (peer != nullptr) request.peer = IpAddress::parse(peer);
    for (const auto& [name, value] : fields)
      if (!value.empty()) request.headers.emplace_back(name, value);
    const net::Route route = router_(request);
    return route.handler(request);
  }
  static std::string header(const HttpResponse& response, std::string_view name) {
    for (const auto& [key, value] : response.headers)
      if (key == name) return value;
    return "(none)";
  }
  static std::string text_of(const json::object& record, std::string_view name) {
    return std::string(json::find_string(record, name).value_or("(none)"));
  }
  // Everything logged so far; ends the log.
  std::vector<json::object> records() {
    log_.reset();
    std::vector<json::object> result;
    std::ifstream file(directory_ / "log.jsonl");
    for (std::string line; std::getline(file, line);)
      result.push_back(json::parse(line)->as_object());
    return result;
  }

  static jose::PrivateKey* key_;
  fs::path directory_;
  std::unique_ptr<node_state::Writer> writer_;
  model::Resources resources_;
  std::unique_ptr<DecisionLog> log_;
  net::Router router_;
  HttpRequest passed_on_;
  std::int64_t now_ = kNow;
};
jose::PrivateKey* ForwardAuthTest::key_ = nullptr;

TEST_F(ForwardAuthTest, AnswersByRequest) {
  const std::string cookie = "CF_Authorization=" + token();
  const std::string foreign = "CF_Authorization=" + token("ffffffffffffffffffffffffffffffff");
  const Fields xhr = {{"Sec-Fetch-Mode", "cors"}, {"Accept", "application/json"}};
  const auto with = [](Fields fields, const Fields& more) {
    fields.insert(more.begin(), more.end());
    return fields;
  };
  struct Case {
    const char* name;
    std::string path;
    Fields fields;
    int status;
    std::string location;  // what it begins with
  };
  const std::string login =
      "https://auth.team.example/cdn-cgi/access/login/wiki.team.example?kid=" + kAudience +
      "&redirect_url=%2Fa%3Fb&app_session=";
  const std::string forwarded = "/forward-auth";
  const std::string nginx = "/forward-auth/nginx";
  const std::string answer = "/forward-auth/nginx/answer";
  const std::string envoy = "/forward-auth/ext-authz";
  const Fields preflight = {{"X-Forwarded-Host", "api.team.example"},
                            {"X-Forwarded-Method", "OPTIONS"},
                            {"Sec-Fetch-Mode", "cors"},
                            {"Origin", "https://wiki.team.example"},
                            {"Access-Control-Request-Method", "GET"}};
  Fields nginx_preflight = preflight;
  nginx_preflight.erase("X-Forwarded-Method");
  nginx_preflight["X-Original-Method"] = "OPTIONS";
  nginx_preflight["X-Original-URL"] = "https://api.team.example/";
  const Case cases[] = {
      {"signed in", forwarded, {{"Cookie", cookie}}, 200, ""},
      {"signed in, nginx", nginx, {{"Cookie", cookie}}, 200, ""},
      {"signed in, Envoy",
       envoy + "/a?b",
       {{"Cookie", cookie}, {"Host", "wiki.team.example"}},
       200,
       ""},
      {"signed in, token in a header", forwarded, {{"Cf-Access-Token", token()}}, 200, ""},
      {"anonymous navigation", forwarded, {}, 302, login},
      {"anonymous navigation, nginx", nginx, {}, 401, login},
      {"anonymous navigation, what nginx answers", answer, {}, 302, login},
      {"anonymous navigation, Envoy", envoy + "/a?b", {{"Host", "wiki.team.example"}}, 302, login},
      {"anonymous HEAD", forwarded, {{"X-Forwarded-Method", "HEAD"}}, 302, login},
      {"anonymous POST", forwarded, {{"X-Forwarded-Method", "POST"}}, 401, ""},
      {"anonymous fetch", forwarded, xhr, 401, ""},
      {"anonymous fetch, nginx", nginx, xhr, 401, ""},
      {"anonymous WebSocket", forwarded, {{"Sec-Fetch-Mode", "websocket"}}, 401, ""},
      {"anonymous OPTIONS", forwarded, with(xhr, {{"X-Forwarded-Method", "OPTIONS"}}), 401, ""},
      {"refused", forwarded, {{"Cookie", foreign}}, 403, ""},
      {"refused, nginx", nginx, {{"Cookie", foreign}}, 403, ""},
      {"allowed when the answer is asked for", answer, {{"Cookie", cookie}}, 503, ""},
      {"unknown host", forwarded, {{"X-Forwarded-Host", "no.team.example"}}, 403, ""},
      {"the auth domain is no application",
       forwarded,
       {{"X-Forwarded-Host", "auth.team.example"}},
       403,
       ""},
      {"bypass", forwarded, {{"X-Forwarded-Uri", "/health"}}, 200, ""},
      {"not quite the path of the bypass", forwarded,
       with(xhr, {{"X-Forwarded-Uri", "/health/../a"}}), 400, ""},
      {"the same for nginx", nginx,
       with(xhr, {{"X-Original-URL", "https://wiki.team.example/health/../a"}}), 403, ""},
      {"network of the client",
       forwarded,
       {{"X-Forwarded-Host", "network.team.example"}, {"X-Forwarded-For", "203.0.113.7"}},
       200,
       ""},
      {"network through a trusted peer",
       forwarded,
       {{"X-Forwarded-Host", "network.team.example"}, {"X-Forwarded-For", "203.0.113.7, 10.1.1.1"}},
       200,
       ""},
      {"spoofed network", forwarded,
       with(xhr, {{"X-Forwarded-Host", "network.team.example"},
                  {"X-Forwarded-For", "203.0.113.7, 198.51.100.9"}}),
       403, ""},
      {"service token", forwarded,
       with(xhr, {{"CF-Access-Client-Id", kClientId},
                  {"cf-access-client-secret", std::string(kSecret)}}),
       200, ""},
      {"wrong secret", forwarded,
       with(xhr, {{"CF-Access-Client-Id", kClientId}, {"cf-access-client-secret", "x"}}), 401, ""},
      {"id alone", forwarded, with(xhr, {{"CF-Access-Client-Id", kClientId}}), 401, ""},
      {"preflight that we answer is never an allowance", forwarded, preflight, 403, ""},
      {"nor for nginx", nginx, nginx_preflight, 403, ""},
      {"the client gets it", answer, nginx_preflight, 204, ""},
      {"our own paths",
       forwarded,
       {{"Cookie", cookie}, {"X-Forwarded-Uri", "/cdn-cgi/access/certs"}},
       404,
       ""},
      {"in upper case",
       forwarded,
       {{"Cookie", cookie}, {"X-Forwarded-Uri", "/CDN-CGI/access"}},
       404,
       ""},
      {"encoded",
       forwarded,
       {{"Cookie", cookie}, {"X-Forwarded-Uri", "/%63dn-cgi/access/x?y"}},
       404,
       ""},
      {"encoded, nginx",
       nginx,
       {{"Cookie", cookie}, {"X-Original-URL", "https://wiki.team.example//cdn-cgi/./access/x"}},
       403,
       ""},
      {"only begins alike",
       forwarded,
       {{"Cookie", cookie}, {"X-Forwarded-Uri", "/cdn-cgi/accessory"}},
       200,
       ""},
      {"identity header", forwarded, {{"Cookie", cookie}, {"Remote-User", "root"}}, 400, ""},
      {"identity header in another spelling",
       forwarded,
       {{"Cookie", cookie}, {"cf.access_authenticated-user.email", "x"}},
       400,
       ""},
      {"identity header, nginx",
       nginx,
       {{"Cookie", cookie}, {"X-Forwarded-User", "root"}},
       403,
       ""},
      {"the other form's header", nginx, {{"Cookie", cookie}, {"X-Forwarded-Uri", "/"}}, 403, ""},
      {"missing header", forwarded, {{"Cookie", cookie}, {"X-Forwarded-Uri", ""}}, 400, ""},
      {"missing header, nginx", nginx, {{"Cookie", cookie}, {"X-Original-URL", ""}}, 403, ""},
  };
  for (const Case& test : cases) {
    const auto response = ask(test.fields, test.path);
    EXPECT_EQ(response.status, test.status) << test.name << ": " << response.body;
    const std::string location = header(response, "Location");
    EXPECT_EQ(test.location.empty() ? "(none)" : location.substr(0, test.location.size()),
              test.location.empty() ? location : test.location)
        << test.name;
    EXPECT_TRUE(response.status == 200 || header(response, "Cf-Access-Jwt-Assertion") == "(none)")
        << test.name;
  }
}

TEST_F(ForwardAuthTest, OnlyTrustedPeersAreBelieved) {
  const Fields signed_in = {{"Cookie", "CF_Authorization=" + token()}};
  for (const char* path : {"/forward-auth", "/forward-auth/nginx", "/cdn-cgi/access/certs", "/"}) {
    for (const char* peer : {"192.0.2.1", "2001:db8::1", static_cast<const char*>(nullptr)}) {
      const auto response = ask(signed_in, path, peer);
      EXPECT_EQ(response.status, 403) << path;
      EXPECT_EQ(response.body, "this address is not among forward_auth.trusted_peers\n");
    }
  }
  EXPECT_EQ(ask(signed_in, "/forward-auth", "::ffff:10.0.0.1").status, 200);
}

TEST_F(ForwardAuthTest, AllowanceCarriesWhatTheApplicationGets) {
  const std::string mine = token();
  const auto response = ask({{"Cookie", "a=1; CF_Authorization=" + mine + "; b=2;CF_AppSession=x"},
                             {"Authorization", "Basic eA=="}});
  EXPECT_EQ(header(response, "Cf-Access-Jwt-Assertion"), mine);
  EXPECT_EQ(header(response, "Cf-Access-Authenticated-User-Email"), "alice@team.example");
  EXPECT_EQ(header(response, "Gatehouse-Policy-Name"), "team%20%26%20friends");
  EXPECT_EQ(header(response, "Gatehouse-Policy-Id"), uuid_v5("policy", "team & friends"));
  EXPECT_EQ(header(response, "Gatehouse-Request-Id").size(), 32U);
  EXPECT_EQ(header(response, "Cookie"), "a=1; b=2");
  EXPECT_EQ(header(response, "Authorization"), "(none)");
  EXPECT_EQ(header(response, "authorization"), "Basic eA==");
  EXPECT_EQ(header(ask({{"Cookie", "CF_Authorization=" + mine}}), "Cookie"), "");

  const auto robot = ask(
      {{"Authorization", "{\"cf-access-client-id\":\"" + kClientId +
                             "\",\"cf-access-client-secret\":\"" + std::string(kSecret) + "\"}"}});
  EXPECT_EQ(robot.status, 200);
  EXPECT_EQ(header(robot, "authorization"), "") << "the secret does not go on";
  EXPECT_EQ(header(robot, "Cf-Access-Jwt-Assertion"), "assertion.of.robot");
  EXPECT_EQ(header(robot, "Cf-Access-Authenticated-User-Email"), "(none)");

  const auto bypass = ask({{"X-Forwarded-Uri", "/health"}, {"Cookie", "CF_Authorization=" + mine}});
  EXPECT_EQ(header(bypass, "Cf-Access-Jwt-Assertion"), "(none)");
  EXPECT_EQ(header(bypass, "Cf-Access-Authenticated-User-Email"), "(none)");
}

TEST_F(ForwardAuthTest, SignInIsBoundToTheBrowser) {
  const auto fresh = ask({});
  EXPECT_TRUE(header(fresh, "Set-Cookie").starts_with("CF_AppSession=n"));
  const auto known = ask({{"Cookie", "CF_AppSession=n0123456789abcdef0123456789abcdef"}});
  EXPECT_EQ(header(known, "Set-Cookie"), "(none)");
  EXPECT_NE(header(known, "Location")
                .find("app_session=" +
                      base64url_encode(crypto::sha256("n0123456789abcdef0123456789abcdef"))),
            std::string::npos);
}

TEST_F(ForwardAuthTest, NodeStateTooOldIsRefusedInEveryForm) {
  now_ = kNow + 366 * 24 * 3600;
  const Fields signed_in = {{"Cookie", "CF_Authorization=" + token()}};
  EXPECT_EQ(ask(signed_in).status, 503);
  EXPECT_EQ(ask(signed_in, "/forward-auth/nginx").status, 403);
  EXPECT_EQ(ask(signed_in, "/forward-auth/nginx/answer").status, 503);
}

TEST_F(ForwardAuthTest, AccessEndpointsAreToldWhoAsks) {
  const auto response = ask({{"X-Forwarded-Host", "auth.team.example:8443"},
                             {"X-Forwarded-For", "192.0.2.66, 198.51.100.9"},
                             {"Gatehouse-Client-Ip", "192.0.2.66"},
                             {"gatehouse_client_ip", "192.0.2.66"},
                             {"Gatehouse-Request-Id", std::string(32, '0')},
                             {"Cookie", "CF_Session=x"}},
                            "/cdn-cgi/access/login/wiki.team.example?kid=x");
  EXPECT_EQ(header(response, "X-Access"), "/cdn-cgi/access/login/wiki.team.example");
  EXPECT_EQ(passed_on_.header("Host"), "auth.team.example");
  EXPECT_EQ(passed_on_.header("Gatehouse-Client-Ip"), "198.51.100.9");
  EXPECT_EQ(passed_on_.count("gatehouse_client_ip"), 0U);
  EXPECT_NE(passed_on_.header("Gatehouse-Request-Id"), std::string(32, '0'));
  EXPECT_EQ(passed_on_.header("Cookie"), "CF_Session=x");
  EXPECT_EQ(ask({{"X-Forwarded-For", ""}}, "/cdn-cgi/access/certs").status, 400);
  EXPECT_EQ(ask({{"X-Forwarded-Proto", "http"}}, "/").status, 400);
  // Only the exact paths are ours.
  EXPECT_EQ(header(ask({}, "/forward-authority"), "X-Access"), "/forward-authority");
  EXPECT_EQ(header(ask({}, "/forward-auth/ext-authzx"), "X-Access"), "/forward-auth/ext-authzx");
}

TEST_F(ForwardAuthTest, RefusalsBypassesAndASampleAreWrittenDown) {
  const std::string cookie = "CF_Authorization=" + token();
  ask({});                                                               // a challenge: no
  ask({{"Cookie", "CF_Authorization=" + token(std::string(32, 'f'))}});  // 0
  ask({{"X-Forwarded-Uri", "/health?secret=1"}});                        // 1
  for (int i = 0; i < 4; ++i) ask({{"Cookie", cookie}});                 // 2, 3
  ask({{"Remote-User", "root"}});                                        // 4
  ask({}, "/forward-auth", "192.0.2.1");                                 // 5
  const auto logged = records();
  ASSERT_EQ(logged.size(), 6U);
  EXPECT_EQ(text_of(logged[0], "effect"), "deny");
  EXPECT_EQ(text_of(logged[0], "reason"), "identity_not_permitted");
  EXPECT_EQ(text_of(logged[0], "application"), uuid_v5("application", "Wiki"));
  EXPECT_EQ(text_of(logged[0], "at"), "2027-01-15T08:00:00Z");
  EXPECT_EQ(logged[0].at("status"), 403);
  EXPECT_EQ(text_of(logged[1], "effect"), "bypass");
  EXPECT_EQ(text_of(logged[1], "policy"), uuid_v5("policy", "everybody"));
  EXPECT_EQ(text_of(logged[1], "host"), "wiki.team.example");
  EXPECT_EQ(text_of(logged[1], "ip"), "198.51.100.9");
  EXPECT_EQ(text_of(logged[2], "effect"), "allow");
  EXPECT_EQ(logged[2].at("evidence").as_object().at("identity"), 60);
  EXPECT_GT(json::find_int(logged[2], "transaction").value_or(0), 0);
  EXPECT_EQ(text_of(logged[3], "effect"), "allow");
  EXPECT_EQ(text_of(logged[4], "reason"), "bad_request");
  EXPECT_EQ(text_of(logged[4], "detail"), "the header `Remote-User` is not let through");
  EXPECT_EQ(text_of(logged[5], "ip"), "192.0.2.1");
  for (const auto& record : logged) {
    const std::string line = json::serialize(record);
    EXPECT_EQ(line.find("secret"), std::string::npos) << line;
    EXPECT_EQ(line.find(token().substr(0, 20)), std::string::npos) << line;
  }
}

}  // namespace
}  // namespace gatehouse::adapters
