#include "agent/attester.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "jose/jwt.h"
#include "posture/tanium/tanium.h"

namespace gatehouse::agent {
namespace {

using net::HttpRequest;
using net::HttpResponse;
using std::chrono::seconds;

constexpr Instant kNow = from_epoch_seconds(1'700'000'000);
constexpr std::uint16_t kPort = 17472;
constexpr std::string_view kOrigin = "https://team.example";
constexpr std::string_view kBody = R"({"nonce":"0123456789abcdef","aud":"https://team.example"})";

// The agent under test: state and key in memory.
struct Bench {
  jose::PrivateKey key = jose::PrivateKey::generate_p256();
  std::expected<AgentState, AgentError> state = [] {
    AgentState made;
    made.device_id = "2f0c8c4e-0000-4000-8000-000000000001";
    made.allowed_origins = {std::string(kOrigin), "https://b.example:8443"};
    return made;
  }();
  int token_ids = 0;
  int unreadable = 0;
  int collected = 0;
  Attester attester{AttesterParts{key, [this] { return state; },
                                  [this] {
                                    ++collected;
                                    return json::object{{"hostname", "pc-17"}, {"os", "linux"}};
                                  },
                                  [this] { return "id-" + std::to_string(++token_ids); },
                                  [this](const AgentError&) { ++unreadable; }}};

  HttpResponse ask(const HttpRequest& request, Instant now = kNow) {
    return attester.handle(request, kPort, now);
  }
  json::object claims_of(const HttpResponse& response) {
    const auto jws = jose::CompactJws::parse(response.body);
    EXPECT_TRUE(jws) << response.body;
    if (!jws) return {};
    EXPECT_EQ(jws->typ(), "lpx+jwt");
    EXPECT_EQ(jws->kid(), key.public_key().thumbprint());
    const jose::JwkSet keys({jose::Jwk{std::string(jws->kid()), {}, key.public_key()}});
    const auto verified = jose::verify_jws(*jws, keys, {jose::Algorithm::ES256});
    EXPECT_TRUE(verified);
    return verified ? verified->claims : json::object{};
  }
};

HttpRequest get(std::string target) {
  HttpRequest request;
  request.method = "GET";
  request.target = target;
  request.path = target.substr(0, target.find('?'));
  request.headers = {{"Host", "127.0.0.1:17472"}};
  return request;
}

HttpRequest good() {
  HttpRequest request = get(std::string(kAttestPath));
  request.method = "POST";
  request.headers = {{"Host", "127.0.0.1:17472"},          {"Origin", std::string(kOrigin)},
                     {"Content-Type", "application/json"}, {"Sec-Fetch-Site", "cross-site"},
                     {"Sec-Fetch-Mode", "cors"},           {"Sec-Fetch-Dest", "empty"}};
  request.body = kBody;
  return request;
}

HttpRequest preflight() {
  HttpRequest request = good();
  request.method = "OPTIONS";
  request.body.clear();
  std::erase_if(request.headers, [](const auto& header) { return header.first == "Content-Type"; });
  request.headers.emplace_back("Access-Control-Request-Method", "POST");
  request.headers.emplace_back("Access-Control-Request-Headers", "content-type");
  return request;
}

HttpRequest with(HttpRequest request, std::string_view name, std::optional<std::string> value) {
  std::erase_if(request.headers, [&](const auto& header) { return header.first == name; });
  if (value) request.headers.emplace_back(name, *value);
  return request;
}

std::string header_of(const HttpResponse& response, std::string_view name) {
  std::string found;
  for (const auto& [key, value] : response.headers) {
    if (key == name) found += (found.empty() ? "" : "|") + value;
  }
  return found;
}

std::string text_of(const HttpResponse& response) {
  std::string text = std::to_string(response.status) + "\n";
  for (const auto& [name, value] : response.headers) text += name + ": " + value + "\n";
  return text + "\n" + response.body;
}

TEST(Attester, AnswersTheAllowedPage) {
  Bench bench;
  const HttpResponse response = bench.ask(good());
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(header_of(response, "Content-Type"), "application/jwt");
  EXPECT_EQ(header_of(response, "Access-Control-Allow-Origin"), kOrigin);
  EXPECT_EQ(header_of(response, "Access-Control-Allow-Credentials"), "");
  EXPECT_EQ(header_of(response, "Cache-Control"), "no-store");
  EXPECT_EQ(header_of(response, "X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(header_of(response, "Vary"), "Origin, Access-Control-Request-Private-Network");
  EXPECT_EQ(json::serialize(bench.claims_of(response)),
            R"({"iss":"gatehouse-agent","aud":"https://team.example",)"
            R"("sub":"2f0c8c4e-0000-4000-8000-000000000001","nonce":"0123456789abcdef",)"
            R"("iat":1700000000,"exp":1700000060,"jti":"id-1","managed":true,)"
            R"("last_checkin":1700000000,"device":{"hostname":"pc-17","os":"linux"}})");
}

TEST(Attester, StateIsReadForEachRequest) {
  Bench bench;
  bench.state->managed = false;
  json::object claims = bench.claims_of(bench.ask(good()));
  EXPECT_EQ(claims["managed"], false);
  EXPECT_FALSE(claims.contains("last_checkin"));  // nobody to check in with
  bench.state->last_checkin = kNow - seconds{700'000};
  bench.state->patch_compliant = true;
  bench.state->vulnerability_score = 4.5;
  bench.state->serial_number = "C02X";
  claims = bench.claims_of(bench.ask(good()));
  EXPECT_EQ(claims["last_checkin"], to_epoch_seconds(kNow) - 700'000);
  EXPECT_EQ(json::serialize(claims["patch_status"]), R"({"compliant":true})");
  EXPECT_EQ(claims["vulnerability"].as_object()["score"].as_double(), 4.5);
  EXPECT_EQ(claims["device"].as_object()["serial_number"], "C02X");
  bench.state->allowed_origins.clear();
  EXPECT_EQ(bench.ask(good()).status, 403);
}

TEST(Attester, UnreadableStateAnswersNobody) {
  Bench bench;
  const Bench other;
  bench.state = std::unexpected(AgentError{"broken"});
  const HttpResponse allowed = bench.ask(good());
  EXPECT_EQ(allowed.status, 503);
  EXPECT_EQ(allowed.body, R"({"error":"not_ready"})");
  EXPECT_EQ(text_of(allowed), text_of(bench.ask(with(good(), "Origin", "https://evil.example"))));
  EXPECT_EQ(bench.unreadable, 2);
}

struct RequestCase {
  std::string_view name;
  HttpRequest (*make)();
  int status;
  std::string_view error;
};
const RequestCase kRequests[] = {
    {"other allowed origin", [] { return with(good(), "Origin", "https://b.example:8443"); }, 200,
     ""},
    {"without fetch metadata (older browsers)",
     [] {
       return with(with(with(good(), "Sec-Fetch-Site", {}), "Sec-Fetch-Mode", {}), "Sec-Fetch-Dest",
                   {});
     },
     200, ""},
    {"same site", [] { return with(good(), "Sec-Fetch-Site", "same-site"); }, 200, ""},
    {"charset", [] { return with(good(), "Content-Type", "Application/JSON; charset=UTF-8"); }, 200,
     ""},
    {"IPv6 host", [] { return with(good(), "Host", "[::1]:17472"); }, 200, ""},
    {"host without port", [] { return with(good(), "Host", "127.0.0.1"); }, 421, "bad_host"},
    {"host with another port", [] { return with(good(), "Host", "127.0.0.1:17473"); }, 421,
     "bad_host"},
    {"host with a longer port", [] { return with(good(), "Host", "127.0.0.1:174720"); }, 421,
     "bad_host"},
    {"host 127.0.0.2", [] { return with(good(), "Host", "127.0.0.2:17472"); }, 421, "bad_host"},
    {"host 0.0.0.0", [] { return with(good(), "Host", "0.0.0.0:17472"); }, 421, "bad_host"},
    {"host in decimal", [] { return with(good(), "Host", "2130706433:17472"); }, 421, "bad_host"},
    {"host below localhost", [] { return with(good(), "Host", "a.localhost:17472"); }, 421,
     "bad_host"},
    {"host twice",
     [] {
       HttpRequest request = good();
       request.headers.emplace_back("host", "127.0.0.1:17472");
       return request;
     },
     400, "bad_request"},
    {"other path",
     [] {
       HttpRequest request = good();
       request.path = "/lpx/v1/attest/";
       return request;
     },
     404, "not_found"},
    {"absolute target",
     [] {
       HttpRequest request = good();
       request.path = "http://127.0.0.1:17472/lpx/v1/attest";
       return request;
     },
     404, "not_found"},
    {"origin twice",
     [] {
       HttpRequest request = good();
       request.headers.emplace_back("Origin", std::string(kOrigin));
       return request;
     },
     403, "origin_not_allowed"},
    {"origin empty", [] { return with(good(), "Origin", ""); }, 403, "origin_not_allowed"},
    {"origin with a slash", [] { return with(good(), "Origin", "https://team.example/"); }, 403,
     "origin_not_allowed"},
    {"two origins in one", [] { return with(good(), "Origin", "https://team.example null"); }, 403,
     "origin_not_allowed"},
    {"fetch by the user agent itself", [] { return with(good(), "Sec-Fetch-Site", "none"); }, 403,
     "origin_not_allowed"},
    {"no-cors", [] { return with(good(), "Sec-Fetch-Mode", "no-cors"); }, 403,
     "origin_not_allowed"},
    {"navigation", [] { return with(good(), "Sec-Fetch-Mode", "navigate"); }, 403,
     "origin_not_allowed"},
    {"frame", [] { return with(good(), "Sec-Fetch-Dest", "iframe"); }, 403, "origin_not_allowed"},
    {"GET",
     [] {
       HttpRequest request = good();
       request.method = "GET";
       return request;
     },
     405, "method_not_allowed"},
    {"no content type", [] { return with(good(), "Content-Type", {}); }, 415,
     "unsupported_media_type"},
    {"text", [] { return with(good(), "Content-Type", "text/plain"); }, 415,
     "unsupported_media_type"},
    {"longer type", [] { return with(good(), "Content-Type", "application/json-evil"); }, 415,
     "unsupported_media_type"},
    {"other parameter",
     [] { return with(good(), "Content-Type", "application/json; x=text/plain"); }, 415,
     "unsupported_media_type"},
    {"encoded body", [] { return with(good(), "Content-Encoding", "gzip"); }, 415,
     "unsupported_media_type"},
    {"OPTIONS that is no preflight",
     [] { return with(preflight(), "Access-Control-Request-Method", {}); }, 400, "bad_request"},
};

TEST(Attester, JudgesEveryRequest) {
  for (const RequestCase& c : kRequests) {
    SCOPED_TRACE(c.name);
    Bench bench;
    const HttpResponse response = bench.ask(c.make());
    EXPECT_EQ(response.status, c.status);
    if (c.status == 200) continue;
    EXPECT_EQ(response.body, R"({"error":")" + std::string(c.error) + R"("})");
    EXPECT_EQ(bench.token_ids, 0);
    EXPECT_EQ(bench.collected, 0);
  }
}

struct BodyCase {
  std::string_view name;
  std::string body;
  int status;
};
const BodyCase kBodies[] = {
    {"nonce only", R"({"nonce":"0123456789abcdef"})", 200},
    {"longest nonce", R"({"nonce":")" + std::string(256, 'a') + R"("})", 200},
    {"more members", R"({"nonce":"0123456789abcde_","provider":"p","claims":["managed"]})", 200},
    {"nonce too long", R"({"nonce":")" + std::string(257, 'a') + R"("})", 400},
    {"nonce too short", R"({"nonce":"0123456789abcde"})", 400},
    {"nonce of another alphabet", R"({"nonce":"0123456789abcde+"})", 400},
    {"nonce padded", R"({"nonce":"0123456789abcde="})", 400},
    {"nonce with a newline", R"({"nonce":"0123456789abcde\n"})", 400},
    {"nonce a number", R"({"nonce":12345678901234567})", 400},
    {"nonce absent", R"({"aud":"https://team.example"})", 400},
    {"nonce twice", R"({"nonce":"0123456789abcdef","nonce":"0123456789abcdef"})", 400},
    {"list", R"(["0123456789abcdef"])", 400},
    {"empty", "", 400},
    {"not JSON", "nonce=0123456789abcdef", 400},
    {"trailing text", R"({"nonce":"0123456789abcdef"} x)", 400},
    {"nested",
     R"({"nonce":"0123456789abcdef","x":)" + std::string(100, '[') + std::string(100, ']') + "}",
     400},
    {"8 KiB", R"({"nonce":"0123456789abcdef"})" + std::string(kMaxRequestBodyBytes - 28, ' '), 200},
    {"8 KiB and one",
     R"({"nonce":"0123456789abcdef"})" + std::string(kMaxRequestBodyBytes - 27, ' '), 413},
};

TEST(Attester, BodyIsStrictJsonWithANonce) {
  for (const BodyCase& c : kBodies) {
    SCOPED_TRACE(c.name);
    Bench bench;
    HttpRequest request = good();
    request.body = c.body;
    const HttpResponse response = bench.ask(request);
    EXPECT_EQ(response.status, c.status);
    // The page that is allowed may read why.
    EXPECT_EQ(header_of(response, "Access-Control-Allow-Origin"), kOrigin);
  }
}

TEST(Attester, AudienceIsTheOriginNotTheBody) {
  Bench bench;
  HttpRequest request = good();
  request.body = R"({"nonce":"0123456789abcdef","aud":"https://evil.example"})";
  EXPECT_EQ(bench.claims_of(bench.ask(request))["aud"], json::value(kOrigin));
}

TEST(Attester, TheDefaultProfileAcceptsIt) {
  Bench bench;
  model::PostureIntegration integration;
  integration.id = "i";
  integration.type = "tanium";
  integration.config = {{"public_certificate", bench.key.public_key().to_spki_pem()}};
  const auto profile = posture::read_tanium_profile(integration);
  ASSERT_TRUE(profile);
  constexpr std::string_view kNonce = "c29tZSByYW5kb20gbm9uY2U";
  HttpRequest request = good();
  request.path = profile->path;
  request.body =
      json::serialize(posture::exchange_instructions(*profile, kNonce, kOrigin).at("fields"));
  bench.state->last_checkin = kNow - seconds{3600};
  const auto answer = posture::verify_tanium_answer(*profile, bench.ask(request).body, kNonce,
                                                    kOrigin, kNow + seconds{1});
  ASSERT_TRUE(answer) << to_string(answer.error());
  EXPECT_EQ(answer->evidence.device_id, bench.state->device_id);
  EXPECT_EQ(answer->evidence.managed, true);
  EXPECT_EQ(answer->evidence.last_checkin, kNow - seconds{3600});
  EXPECT_EQ(answer->evidence.hostname, "pc-17");
}

TEST(Attester, Preflight) {
  Bench bench;
  const HttpResponse response = bench.ask(preflight());
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(response.body, "");
  EXPECT_EQ(header_of(response, "Access-Control-Allow-Origin"), kOrigin);
  EXPECT_EQ(header_of(response, "Access-Control-Allow-Methods"), "POST");
  EXPECT_EQ(header_of(response, "Access-Control-Allow-Headers"), "content-type");
  EXPECT_EQ(header_of(response, "Access-Control-Max-Age"), "600");
  EXPECT_EQ(header_of(response, "Access-Control-Allow-Private-Network"), "");
  EXPECT_EQ(header_of(response, "Access-Control-Allow-Credentials"), "");
  const std::string_view name = "Access-Control-Request-Private-Network";
  const auto private_network = [&](std::string value) {
    return header_of(bench.ask(with(preflight(), name, std::move(value))),
                     "Access-Control-Allow-Private-Network");
  };
  EXPECT_EQ(private_network("true"), "true");
  EXPECT_EQ(private_network("false"), "");
  EXPECT_EQ(
      header_of(bench.ask(with(with(preflight(), name, "true"), "Origin", "https://x.example")),
                "Access-Control-Allow-Private-Network"),
      "");
}

TEST(Attester, RateIsLimitedForEachOriginAndSecond) {
  Bench bench;
  bench.state->requests_per_second = 2;
  const HttpRequest other = with(good(), "Origin", "https://b.example:8443");
  const HttpRequest foreign = with(good(), "Origin", "https://evil.example");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(bench.ask(foreign).status, 403);
  EXPECT_EQ(bench.ask(good()).status, 200);
  EXPECT_EQ(bench.ask(good()).status, 200);
  const HttpResponse limited = bench.ask(good());
  EXPECT_EQ(limited.status, 429);
  EXPECT_EQ(header_of(limited, "Retry-After"), "1");
  EXPECT_EQ(bench.ask(preflight()).status, 204);
  EXPECT_EQ(bench.ask(other).status, 200);
  EXPECT_EQ(bench.ask(good(), kNow + seconds{1}).status, 200);
  // A clock set back does not lock anybody out.
  EXPECT_EQ(bench.ask(good(), kNow).status, 200);
}

TEST(Attester, ForeignOriginsCannotTellRequestsApart) {
  Bench bench;
  const HttpRequest foreign = with(good(), "Origin", "https://evil.example");
  const std::string expected = text_of(bench.ask(foreign));
  EXPECT_EQ(bench.ask(foreign).status, 403);
  EXPECT_EQ(expected.find("Access-Control-Allow"), std::string::npos);
  const HttpRequest variants[] = {
      with(preflight(), "Origin", "https://evil.example"),
      with(foreign, "Origin", "null"),
      with(foreign, "Origin", {}),
      with(foreign, "Content-Type", "text/plain"),
      get(std::string(kAttestPath)),
      with(foreign, "Sec-Fetch-Mode", "no-cors"),
  };
  for (const HttpRequest& variant : variants) EXPECT_EQ(text_of(bench.ask(variant)), expected);
  HttpRequest large = foreign;
  large.body = std::string(100'000, 'x');
  EXPECT_EQ(text_of(bench.ask(large)), expected);
  bench.state->managed = false;
  bench.state->allowed_origins.clear();
  EXPECT_EQ(text_of(bench.ask(foreign)), expected);
}

// ---- the shared table of attacks on a local agent

bool is_silent(Bench& bench, const HttpRequest& request, int status) {
  const HttpResponse response = bench.ask(request);
  EXPECT_EQ(response.status, status);
  EXPECT_EQ(header_of(response, "Access-Control-Allow-Origin"), "");
  EXPECT_EQ(response.body.find("pc-17"), std::string::npos);
  return response.status == status && bench.token_ids == 0 && bench.collected == 0;
}

using Attack = bool (*)(Bench&);

bool refuse_origin(Bench& bench, std::optional<std::string> origin) {
  return is_silent(bench, with(good(), "Origin", origin), 403) &&
         is_silent(bench, with(preflight(), "Origin", origin), 403);
}

HttpRequest challenge_request() {
  HttpRequest request = good();
  request.body = R"({"challenge_jwt":"eyJhbGciOiJub25lIn0.e30."})";
  return request;
}

const std::map<std::string, Attack> kAttacks = {
    {"dns-rebinding",
     [](Bench& b) { return is_silent(b, with(good(), "Host", "evil.example:17472"), 421); }},
    {"host-localhost",  // allowed, by choice
     [](Bench& b) { return b.ask(with(good(), "Host", "localhost:17472")).status == 200; }},
    {"host-empty",
     [](Bench& b) {
       return is_silent(b, with(good(), "Host", {}), 400) &&
              is_silent(b, with(good(), "Host", ""), 421);
     }},
    {"origin-foreign", [](Bench& b) { return refuse_origin(b, "https://evil.example"); }},
    {"origin-null", [](Bench& b) { return refuse_origin(b, "null"); }},
    {"origin-prefix",
     [](Bench& b) { return refuse_origin(b, "https://team.example.evil.example"); }},
    {"origin-suffix", [](Bench& b) { return refuse_origin(b, "https://evilteam.example"); }},
    {"origin-http", [](Bench& b) { return refuse_origin(b, "http://team.example"); }},
    {"origin-port", [](Bench& b) { return refuse_origin(b, "https://team.example:444"); }},
    {"origin-case", [](Bench& b) { return refuse_origin(b, "HTTPS://TEAM.EXAMPLE"); }},
    {"no-origin", [](Bench& b) { return refuse_origin(b, {}); }},
    {"no-cors",
     [](Bench& b) {
       HttpRequest request = get(std::string(kAttestPath) + "?nonce=0123456789abcdef");
       request.headers.emplace_back("Sec-Fetch-Mode", "no-cors");
       return is_silent(b, request, 403);
     }},
    {"form-post",
     [](Bench& b) {
       HttpRequest request = with(good(), "Content-Type", "text/plain");
       request = with(with(request, "Sec-Fetch-Mode", "navigate"), "Sec-Fetch-Dest", "document");
       const bool is_navigation_refused = is_silent(b, request, 403);
       return is_navigation_refused &&
              b.ask(with(good(), "Content-Type", "text/plain")).status == 415 && b.token_ids == 0;
     }},
    {"img-probe",
     [](Bench& b) {
       HttpRequest request = get("/favicon.ico");
       request.headers.emplace_back("Sec-Fetch-Dest", "image");
       return is_silent(b, request, 404);
     }},
    // This agent knows pages by their origin and no signed challenges: it answers none.
    {"challenge-unsigned",
     [](Bench& b) { return b.ask(challenge_request()).status == 400 && b.token_ids == 0; }},
    {"challenge-other-gateway",
     [](Bench& b) {
       return is_silent(b, with(challenge_request(), "Origin", "https://other.example"), 403);
     }},
    {"relay",
     [](Bench& b) {
       return refuse_origin(b, "https://attacker.example") &&
              b.claims_of(b.ask(good()))["aud"] == json::value(kOrigin);
     }},
    {"path-traversal",
     [](Bench& b) {
       return is_silent(b, get("/../../etc/passwd"), 404) &&
              is_silent(b, get("/lpx/v1/../v1/attest"), 404) &&
              is_silent(b, get("/lpx/v1/%61ttest"), 404);
     }},
    // Any local process can claim an origin. It learns the device's posture and no secret.
    {"other-user",
     [](Bench& b) {
       const HttpResponse response = b.ask(good());
       return text_of(response).find("PRIVATE") == std::string::npos &&
              !b.claims_of(response).contains("key");
     }},
};
// Rows that are shown elsewhere: running servers in service_test.cc, tokens in posture/tanium, the
// rest in the gateway and on its page.
const std::set<std::string> kElsewhere = {"slow-client",
                                          "many-connections",
                                          "pipelining",
                                          "ipv6",
                                          "lan",
                                          "answer-tamper",
                                          "answer-alg-none",
                                          "answer-other-key",
                                          "answer-old",
                                          "answer-future",
                                          "answer-wrong-aud",
                                          "answer-huge",
                                          "answer-dup-keys",
                                          "answer-nested",
                                          "cert-expired",
                                          "cert-wrong-purpose",
                                          "port-squatter",
                                          "agent-absent",
                                          "agent-slow",
                                          "challenge-replay",
                                          "challenge-other-user",
                                          "challenge-expired"};

TEST(Attester, SurvivesEveryRowOfTheSharedTable) {
  std::ifstream file(GATEHOUSE_SHARED_TESTKIT "/hostile/agent-attacks.json");
  if (!file) GTEST_SKIP() << "the shared test kit is not here";
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const json::value table = json::parse(text).value();
  std::size_t ran = 0;
  for (const json::value& row : table.as_array()) {
    const std::string id{json::find_string(row.as_object(), "id").value()};
    SCOPED_TRACE(id);
    const auto attack = kAttacks.find(id);
    EXPECT_NE(attack != kAttacks.end(), kElsewhere.contains(id)) << "no case for this row";
    if (attack == kAttacks.end()) continue;
    Bench bench;
    EXPECT_TRUE(attack->second(bench));
    ++ran;
  }
  EXPECT_EQ(ran, kAttacks.size());
}

}  // namespace
}  // namespace gatehouse::agent
