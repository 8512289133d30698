#include "identity/oidc/oidc.h"

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <map>
#include <mutex>
#include <thread>

#include "base/check.h"
#include "base/encoding.h"
#include "crypto/digest.h"
#include "identity/oidc/protocol.h"
#include "model/limits.h"

namespace gatehouse::identity {
namespace {

using jose::Algorithm;
using jose::JwtError;
using Answer = std::expected<net::HttpResponse, net::OutboundError>;

constexpr std::string_view kIssuer = "https://idp.example";
constexpr std::string_view kDiscovery = "https://idp.example/.well-known/openid-configuration";
constexpr std::string_view kToken = "https://idp.example/token";
constexpr std::string_view kJwks = "https://idp.example/jwks";
constexpr std::string_view kUserinfo = "https://idp.example/me";
constexpr std::string_view kRedirect = "https://auth.example/cdn-cgi/access/callback";
constexpr std::string_view kAccessToken = "access-token-1";
constexpr Instant kNow{std::chrono::seconds{1'800'000'000}};

struct Keys {
  jose::PrivateKey main = jose::PrivateKey::generate_rsa();
  jose::PrivateKey evil = jose::PrivateKey::generate_rsa();
  jose::PrivateKey ec = jose::PrivateKey::generate_p256();
};
const Keys& keys() {
  static const Keys instance;
  return instance;
}

json::object published(const jose::PrivateKey& key, std::string_view kid, std::string_view alg) {
  json::object jwk = key.public_key().to_jwk();
  jwk["kid"] = kid;
  jwk["alg"] = alg;
  jwk["use"] = "sig";
  return jwk;
}

net::HttpResponse json_response(const json::value& body, int status = 200) {
  return {status, {{"Content-Type", "application/json"}}, json::serialize(body)};
}

// Answers by URL and keeps what it was asked.
class ScriptedClient final : public net::HttpClient {
 public:
  Answer send(const net::OutboundRequest& request) const override {
    std::function<Answer()> answer;
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
      const auto found = answers_.find(request.url);
      if (found == answers_.end())
        return std::unexpected(
            net::OutboundError{net::OutboundFailure::Unreachable, "nobody listens"});
      answer = found->second;
    }
    return answer();
  }
  void answer(std::string_view url, std::function<Answer()> with) {
    const std::lock_guard lock(mutex_);
    answers_[std::string(url)] = std::move(with);
  }
  void answer(std::string_view url, net::HttpResponse with) {
    answer(url, [with] { return Answer(with); });
  }
  void fail(std::string_view url, net::OutboundFailure failure) {
    answer(url, [failure] { return std::unexpected(net::OutboundError{failure, "made up"}); });
  }
  [[nodiscard]] std::size_t count(std::string_view url) const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::ranges::count(requests_, url, &net::OutboundRequest::url));
  }
  [[nodiscard]] std::vector<net::OutboundRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  mutable std::mutex mutex_;
  mutable std::vector<net::OutboundRequest> requests_;
  std::map<std::string, std::function<Answer()>> answers_;
};

// A provider that behaves; a case changes one thing.
struct World {
  ScriptedClient client;
  model::IdentityProvider provider;
  SignInTransaction transaction{"nonce-1", "verifier-1"};
  json::object discovery, claims, userinfo;
  json::array jwks;
  std::string id_token;  // empty: `claims` signed with the main key
  std::string query = "code=c1&state=s1&iss=https%3A%2F%2Fidp.example";

  World() {
    provider.type = "oidc";
    provider.config = {{"issuer", kIssuer}, {"client_id", "gateway"}};
    provider.secrets["client_secret"] = Secret("se cret/1");
    discovery = {{"issuer", kIssuer},
                 {"authorization_endpoint", "https://idp.example/auth"},
                 {"token_endpoint", kToken},
                 {"jwks_uri", kJwks},
                 {"userinfo_endpoint", kUserinfo},
                 {"authorization_response_iss_parameter_supported", true}};
    claims = {{"iss", kIssuer},
              {"aud", "gateway"},
              {"sub", "u-1"},
              {"iat", to_epoch_seconds(kNow)},
              {"exp", to_epoch_seconds(kNow) + 3600},
              {"nonce", "nonce-1"},
              {"email", "Alice@Corp.Example"},
              {"email_verified", true},
              {"name", "Alice"},
              {"groups", json::array{"eng", "admins"}},
              {"amr", json::array{"pwd", "otp"}}};
    userinfo = {{"sub", "u-1"}, {"email", "alice@corp.example"}, {"email_verified", true}};
    jwks = {published(keys().main, "rsa-1", "RS256"), published(keys().ec, "ec-1", "ES256")};
  }

  [[nodiscard]] std::string sign(const jose::PrivateKey& key, std::string_view kid,
                                 Algorithm algorithm = Algorithm::RS256) const {
    return jose::sign_jwt(claims, key, algorithm, kid);
  }
  [[nodiscard]] static std::string raw(const json::object& header, std::string_view payload,
                                       const jose::PrivateKey& key) {
    const std::string input =
        base64url_encode(json::serialize(header)) + "." + base64url_encode(payload);
    return input + "." + base64url_encode(key.sign(Algorithm::RS256, input));
  }
  [[nodiscard]] std::string with_member(std::string_view text) const {
    std::string payload = json::serialize(claims);
    payload.pop_back();
    return payload + "," + std::string(text) + "}";
  }

  void publish() {
    client.answer(kDiscovery, json_response(discovery));
    client.answer(kJwks, json_response(json::object{{"keys", jwks}}));
    client.answer(kUserinfo, json_response(userinfo));
    issue();
  }
  void issue() {
    client.answer(
        kToken,
        json_response({{"id_token", id_token.empty() ? sign(keys().main, "rsa-1") : id_token},
                       {"access_token", kAccessToken},
                       {"token_type", "Bearer"}}));
  }
  [[nodiscard]] std::unique_ptr<IdentityProvider> relying_party() const {
    auto made = make_oidc(provider, client);
    GATEHOUSE_CHECK(made.has_value(), "the test's configuration is valid");
    return std::move(*made);
  }
  std::expected<ProviderIdentity, IdentityError> redeem(IdentityProvider& party,
                                                        Instant now = kNow) const {
    auto vouched = party.redeem(transaction, kRedirect, query, now);
    if (!vouched) return std::unexpected(vouched.error());
    return std::move(vouched->identity);
  }
};

const json::object kMainHeader{{"alg", "RS256"}, {"kid", "rsa-1"}, {"typ", "JWT"}};

struct Expected {
  bool admitted = false;
  IdentityFailure failure{};
  std::string code;
};
const Expected kAdmitted{true, {}, {}};
Expected refused(IdentityFailure failure, std::string code) {
  return {false, failure, std::move(code)};
}
Expected refused(JwtError error) {
  return refused(IdentityFailure::TokenRefused, std::string(code_of(error)));
}

struct Case {
  std::string_view name;
  std::function<void(World&)> change;  // before the documents are published
  Expected expected;
  std::function<void(ScriptedClient&)> answer;  // after; may be empty
};

json::value text(std::string_view value) { return boost::json::string(value); }

auto set(std::string_view claim, json::value value) {
  return [claim, value](World& w) { w.claims[claim] = value; };
}
auto erase(std::string_view claim) {
  return [claim](World& w) { w.claims.erase(claim); };
}
auto status(std::string_view url, int code, std::string body = "{}") {
  return [=](ScriptedClient& client) {
    client.answer(url, net::HttpResponse{code, {{"Location", "https://idp.example/canary"}}, body});
  };
}
auto failing(std::string_view url, net::OutboundFailure failure) {
  return [=](ScriptedClient& client) { client.fail(url, failure); };
}
void nothing(World&) {}
void no_email(World& w) { w.claims.erase("email"); }

// Every misbehaviour of the test identity provider, by its name there.
std::vector<Case> misbehaviours() {
  using enum IdentityFailure;
  const std::int64_t now = to_epoch_seconds(kNow);
  return {
      {"bad-signature",
       [](World& w) {
         w.id_token = w.sign(keys().main, "rsa-1");
         auto& changed = w.id_token[w.id_token.rfind('.') + 11];
         changed = changed == 'A' ? 'B' : 'A';
       },
       refused(JwtError::BadSignature),
       {}},
      {"alg-none",
       [](World& w) {
         w.id_token = base64url_encode(R"({"alg":"none","typ":"JWT"})") + "." +
                      base64url_encode(json::serialize(w.claims)) + ".";
       },
       refused(JwtError::Malformed),
       {}},
      {"alg-none-mixed-case",
       [](World& w) {
         w.id_token = base64url_encode(R"({"alg":"nOnE","typ":"JWT"})") + "." +
                      base64url_encode(json::serialize(w.claims)) + ".";
       },
       refused(JwtError::Malformed),
       {}},
      {"hs256-public-key",
       [](World& w) {
         const std::string input = base64url_encode(R"({"alg":"HS256","kid":"rsa-1"})") + "." +
                                   base64url_encode(json::serialize(w.claims));
         w.id_token =
             input + "." +
             base64url_encode(crypto::hmac_sha256(keys().main.public_key().to_spki_pem(), input));
       },
       refused(JwtError::UnsupportedAlgorithm),
       {}},
      {"hs256-client-secret",
       [](World& w) {
         const std::string input = base64url_encode(R"({"alg":"HS256","typ":"JWT"})") + "." +
                                   base64url_encode(json::serialize(w.claims));
         w.id_token = input + "." + base64url_encode(crypto::hmac_sha256("se cret/1", input));
       },
       refused(JwtError::UnsupportedAlgorithm),
       {}},
      {"unknown-kid",
       [](World& w) { w.id_token = w.sign(keys().evil, "evil-1"); },
       refused(JwtError::UnknownKey),
       {}},
      {"stolen-kid",
       [](World& w) { w.id_token = w.sign(keys().evil, "rsa-1"); },
       refused(JwtError::BadSignature),
       {}},
      {"embedded-jwk",
       [](World& w) {
         w.id_token = World::raw({{"alg", "RS256"}, {"jwk", keys().evil.public_key().to_jwk()}},
                                 json::serialize(w.claims), keys().evil);
       },
       refused(JwtError::BadSignature),
       {}},
      {"jku",
       [](World& w) {
         w.id_token = World::raw(
             {{"alg", "RS256"}, {"kid", "evil-1"}, {"jku", "https://idp.example/evil-jwks"}},
             json::serialize(w.claims), keys().evil);
       },
       refused(JwtError::UnknownKey),
       {}},
      {"kid-traversal",
       [](World& w) { w.id_token = w.sign(keys().evil, "../../../../dev/null"); },
       refused(JwtError::UnknownKey),
       {}},
      {"kid-absent",
       [](World& w) {
         w.id_token = World::raw({{"alg", "RS256"}}, json::serialize(w.claims), keys().main);
       },
       kAdmitted,
       {}},
      {"crit",
       [](World& w) {
         auto header = kMainHeader;
         header["crit"] = json::array{"x-unknown"};
         header["x-unknown"] = 1;
         w.id_token = World::raw(header, json::serialize(w.claims), keys().main);
       },
       refused(JwtError::CriticalHeader),
       {}},
      {"wrong-iss", set("iss", "https://other.example"), refused(JwtError::WrongIssuer), {}},
      {"missing-iss", erase("iss"), refused(JwtError::MissingClaim), {}},
      {"iss-trailing-slash",
       set("iss", "https://idp.example/"),
       refused(JwtError::WrongIssuer),
       {}},
      {"foreign-tenant",
       set("iss", "https://idp.example/tenant-2/v2.0"),
       refused(JwtError::WrongIssuer),
       {}},
      {"wrong-aud", set("aud", "someone-else"), refused(JwtError::WrongAudience), {}},
      {"missing-aud", erase("aud"), refused(JwtError::MissingClaim), {}},
      {"aud-extra-no-azp",
       set("aud", json::array{"gateway", "someone-else"}),
       refused(TokenRefused, "wrong_authorized_party"),
       {}},
      {"wrong-azp",
       [](World& w) {
         w.claims["aud"] = json::array{"gateway", "x"};
         w.claims["azp"] = "x";
       },
       refused(TokenRefused, "wrong_authorized_party"),
       {}},
      {"missing-sub", erase("sub"), refused(TokenRefused, "missing_subject"), {}},
      {"empty-sub", set("sub", ""), refused(TokenRefused, "missing_subject"), {}},
      {"expired",
       [now](World& w) {
         w.claims["iat"] = now - 7200;
         w.claims["exp"] = now - 3600;
       },
       refused(JwtError::Expired),
       {}},
      {"missing-exp", erase("exp"), refused(JwtError::MissingClaim), {}},
      {"string-exp",
       set("exp", text(std::to_string(now + 3600))),
       refused(JwtError::MissingClaim),
       {}},
      {"huge-exp", set("exp", 1e300), refused(JwtError::MissingClaim), {}},
      {"future-iat",
       [now](World& w) {
         w.claims["iat"] = now + 86400;
         w.claims["exp"] = now + 90000;
       },
       refused(JwtError::NotYetValid),
       {}},
      {"missing-iat", erase("iat"), refused(JwtError::MissingClaim), {}},
      {"nbf-future", set("nbf", now + 3600), refused(JwtError::NotYetValid), {}},
      {"wrong-nonce", set("nonce", "x"), refused(TokenRefused, "wrong_nonce"), {}},
      {"missing-nonce", erase("nonce"), refused(TokenRefused, "wrong_nonce"), {}},
      {"wrong-at-hash",
       set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"),
       refused(TokenRefused, "wrong_at_hash"),
       {}},
      {"email-array",
       set("email", json::array{"alice@corp.example", "root@corp.example"}),
       refused(IdentityIncomplete, "unusable_email"),
       {}},
      {"email-object",
       set("email", json::object{{"a", 1}}),
       refused(IdentityIncomplete, "unusable_email"),
       {}},
      {"email-null", set("email", nullptr), refused(IdentityIncomplete, "unusable_email"), {}},
      {"email-nul-byte",
       set("email", text({"alice@corp.example\0@evil.example", 32})),
       refused(IdentityIncomplete, "unusable_email"),
       {}},
      {"email-crlf",
       set("email", "alice@corp.example\r\nX-Injected: 1"),
       refused(IdentityIncomplete, "unusable_email"),
       {}},
      {"groups-string", set("groups", "admins"), kAdmitted, {}},
      {"huge", set("padding", text(std::string(1 << 19, 'x'))), refused(JwtError::TooLarge), {}},
      {"deep",
       [](World& w) {
         const std::string deep = std::string(10'000, '[') + std::string(10'000, ']');
         w.id_token = World::raw(kMainHeader, w.with_member("\"deep\":" + deep), keys().main);
       },
       refused(JwtError::Malformed),
       {}},
      {"duplicate-email",
       [](World& w) {
         w.id_token =
             World::raw(kMainHeader, w.with_member(R"("email":"root@corp.example")"), keys().main);
       },
       refused(JwtError::Malformed),
       {}},
      {"payload-array",
       [](World& w) {
         w.id_token = World::raw(kMainHeader, "[" + json::serialize(w.claims) + "]", keys().main);
       },
       refused(JwtError::Malformed),
       {}},
      {"not-a-jwt", [](World& w) { w.id_token = "abc"; }, refused(JwtError::Malformed), {}},
      {"no-id-token", nothing, refused(ProviderMisbehaved, "missing_id_token"),
       status(kToken, 200, R"({"access_token":"a","token_type":"Bearer"})")},
      {"signed-by-ec",
       [](World& w) { w.id_token = w.sign(keys().ec, "ec-1", Algorithm::ES256); },
       kAdmitted,
       {}},

      {"token-html", nothing, refused(ProviderMisbehaved, "malformed_response"),
       status(kToken, 200, "<html>proxy login</html>")},
      {"token-500", nothing, refused(ProviderUnreachable, "token_endpoint_status"),
       status(kToken, 500, R"({"error":"server_error"})")},
      {"token-redirect", nothing, refused(ProviderMisbehaved, "token_endpoint_status"),
       status(kToken, 307)},
      {"token-hang", nothing, refused(ProviderUnreachable, "unreachable"),
       failing(kToken, net::OutboundFailure::Timeout)},
      {"token-slow", nothing, kAdmitted, {}},
      {"token-huge", nothing, refused(ProviderMisbehaved, "unacceptable_response"),
       failing(kToken, net::OutboundFailure::TooLarge)},
      {"userinfo-sub",
       [](World& w) {
         w.claims.erase("email");
         w.userinfo = {{"sub", "u-somebody-else"}, {"email", "root@corp.example"}};
       },
       refused(ProviderMisbehaved, "wrong_subject"),
       {}},
      {"userinfo-500", no_email, refused(ProviderUnreachable, "userinfo_status"),
       status(kUserinfo, 500)},
      {"jwks-500", nothing, refused(ProviderUnreachable, "unexpected_status"), status(kJwks, 500)},
      {"jwks-empty",
       [](World& w) { w.jwks.clear(); },
       refused(ProviderMisbehaved, "unusable_keys"),
       {}},
      {"jwks-noise",
       [](World& w) {
         auto encryption = published(keys().evil, "n5", "RS256");
         encryption["use"] = "enc";
         const json::array noise{
             json::object{{"kty", "OKP"}, {"crv", "Ed448"}, {"x", "AA"}, {"kid", "n1"}},
             json::object{{"kty", "oct"}, {"k", "c2VjcmV0"}, {"kid", "n2"}},
             json::object{{"kty", "RSA"}, {"n", "!!!"}, {"e", "AQAB"}, {"kid", "n3"}},
             json::object{{"kid", "n4"}}, encryption};
         w.jwks.insert(w.jwks.begin(), noise.begin(), noise.end());
       },
       kAdmitted,
       {}},
      {"jwks-huge", nothing, refused(ProviderMisbehaved, "unacceptable_response"),
       failing(kJwks, net::OutboundFailure::TooLarge)},
      {"discovery-issuer",
       [](World& w) { w.discovery["issuer"] = "https://other.example"; },
       refused(ProviderMisbehaved, "wrong_issuer"),
       {}},
      {"discovery-html", nothing, refused(ProviderMisbehaved, "malformed_response"),
       status(kDiscovery, 200, "<html>captive portal</html>")},
      {"callback-error",
       [](World& w) {
         w.query =
             "error=server_error&error_description=%3Cscript%3Ealert(1)%3C%2Fscript%3E"
             "&state=s1&iss=https%3A%2F%2Fidp.example";
       },
       refused(Refused, "server_error"),
       {}},
      {"callback-no-state",
       [](World& w) { w.query = "code=c1&iss=https%3A%2F%2Fidp.example"; },
       refused(StateMismatch, "missing_state"),
       {}},
      // Which state is the right one only the caller knows, who sealed it: here, that there is one.
      {"callback-wrong-state",
       [](World& w) { w.query = "code=c1&state=&iss=https%3A%2F%2Fidp.example"; },
       refused(StateMismatch, "missing_state"),
       {}},
      {"callback-wrong-iss",
       [](World& w) { w.query = "code=c1&state=s1&iss=https%3A%2F%2Fother.example"; },
       refused(StateMismatch, "wrong_issuer"),
       {}},
      {"callback-double-code",
       [](World& w) { w.query += "&code=second"; },
       refused(StateMismatch, "repeated_parameter"),
       {}},
  };
}

// What the test identity provider does not do.
std::vector<Case> more_misbehaviours() {
  using enum IdentityFailure;
  const std::int64_t now = to_epoch_seconds(kNow);
  return {
      {"behaves", nothing, kAdmitted, {}},
      {"alg_none_with_a_signature",
       [](World& w) {
         w.id_token = World::raw({{"alg", "none"}}, json::serialize(w.claims), keys().main);
       },
       refused(JwtError::UnsupportedAlgorithm),
       {}},
      {"exp_last_second_of_leeway", set("exp", now - 59), kAdmitted, {}},
      {"exp_second_after_leeway", set("exp", now - 60), refused(JwtError::Expired), {}},
      {"iat_at_leeway", set("iat", now + 60), kAdmitted, {}},
      {"iat_beyond_leeway", set("iat", now + 61), refused(JwtError::NotYetValid), {}},
      {"iat_in_configured_leeway",
       [now](World& w) {
         w.provider.config["leeway_seconds"] = 300;
         w.claims["iat"] = now + 300;
       },
       kAdmitted,
       {}},
      {"iat_as_text", set("iat", text(std::to_string(now))), refused(JwtError::MissingClaim), {}},
      {"nonce_as_number", set("nonce", 1), refused(TokenRefused, "wrong_nonce"), {}},
      {"sub_as_number", set("sub", 7), refused(TokenRefused, "missing_subject"), {}},
      {"sub_longest", set("sub", text(std::string(255, 's'))), kAdmitted, {}},
      {"sub_too_long",
       set("sub", text(std::string(256, 's'))),
       refused(TokenRefused, "missing_subject"),
       {}},
      {"azp_of_this_client",
       [](World& w) {
         w.claims["aud"] = json::array{"other", "gateway"};
         w.claims["azp"] = "gateway";
       },
       kAdmitted,
       {}},
      {"azp_of_other_client_single_audience",
       set("azp", "other"),
       refused(TokenRefused, "wrong_authorized_party"),
       {}},
      {"azp_null", set("azp", nullptr), refused(TokenRefused, "wrong_authorized_party"), {}},
      {"at_hash_right",
       set("at_hash", text(base64url_encode(crypto::sha256(kAccessToken).substr(0, 16)))),
       kAdmitted,
       {}},
      {"at_hash_of_another_type", set("at_hash", 1), refused(TokenRefused, "wrong_at_hash"), {}},
      {"pinned_algorithm_refuses_another",
       [](World& w) {
         w.provider.config["id_token_algorithms"] = json::array{"RS256"};
         w.id_token = w.sign(keys().ec, "ec-1", Algorithm::ES256);
       },
       refused(JwtError::UnsupportedAlgorithm),
       {}},
      {"email_unverified",
       set("email_verified", false),
       refused(IdentityIncomplete, "unverified_email"),
       {}},
      {"email_verified_text_false",
       set("email_verified", "false"),
       refused(IdentityIncomplete, "unverified_email"),
       {}},
      {"email_verified_text_true", set("email_verified", "true"), kAdmitted, {}},
      {"email_verified_null",
       set("email_verified", nullptr),
       refused(IdentityIncomplete, "unverified_email"),
       {}},
      {"email_verified_absent", erase("email_verified"), kAdmitted, {}},
      {"email_unverified_allowed",
       [](World& w) {
         w.claims["email_verified"] = false;
         w.provider.config["allow_unverified_email"] = true;
       },
       kAdmitted,
       {}},
      {"email_from_userinfo", no_email, kAdmitted, {}},
      {"email_of_userinfo_unverified",
       [](World& w) {
         w.claims.erase("email");
         w.userinfo["email_verified"] = false;
       },
       refused(IdentityIncomplete, "unverified_email"),
       {}},
      {"email_nowhere",
       [](World& w) {
         w.claims.erase("email");
         w.userinfo.erase("email");
       },
       refused(IdentityIncomplete, "missing_email"),
       {}},
      {"email_nowhere_to_ask",
       [](World& w) {
         w.claims.erase("email");
         w.discovery.erase("userinfo_endpoint");
       },
       refused(IdentityIncomplete, "missing_email"),
       {}},
      {"userinfo_401", no_email, refused(IdentityIncomplete, "userinfo_status"),
       status(kUserinfo, 401)},
      {"userinfo_jwt", no_email, refused(ProviderMisbehaved, "malformed_response"),
       status(kUserinfo, 200, "eyJhbGciOiJub25lIn0.e30.")},
      {"userinfo_without_sub",
       [](World& w) {
         w.claims.erase("email");
         w.userinfo.erase("sub");
       },
       refused(ProviderMisbehaved, "wrong_subject"),
       {}},
      {"userinfo_duplicate_email", no_email, refused(ProviderMisbehaved, "malformed_response"),
       status(kUserinfo, 200, R"({"sub":"u-1","email":"a@b.example","email":"c@d.example"})")},
      {"access_token_not_bearer", no_email, refused(IdentityIncomplete, "missing_email"),
       [](ScriptedClient& client) {
         World w;
         w.claims.erase("email");
         client.answer(kToken, json_response({{"id_token", w.sign(keys().main, "rsa-1")},
                                              {"access_token", "a"},
                                              {"token_type", "mac"}}));
       }},
      {"code_refused", nothing, refused(Refused, "invalid_grant"),
       status(kToken, 400, R"({"error":"invalid_grant","error_description":"<b>"})")},
      {"error_of_the_token_endpoint_is_odd", nothing, refused(Refused, "unrecognized_error"),
       status(kToken, 401, R"({"error":"<script>"})")},
      {"token_404", nothing, refused(ProviderMisbehaved, "token_endpoint_status"),
       status(kToken, 404)},
      {"token_429", nothing, refused(ProviderUnreachable, "token_endpoint_status"),
       status(kToken, 429)},
      {"token_array", nothing, refused(ProviderMisbehaved, "malformed_response"),
       status(kToken, 200, "[]")},
      {"token_duplicate_member", nothing, refused(ProviderMisbehaved, "malformed_response"),
       status(kToken, 200, R"({"id_token":"a","id_token":"b"})")},
      {"token_tls", nothing, refused(ProviderUnreachable, "unreachable"),
       failing(kToken, net::OutboundFailure::Tls)},
      {"jwks_html", nothing, refused(ProviderMisbehaved, "malformed_response"),
       status(kJwks, 200, "<html>")},
      {"jwks_404", nothing, refused(ProviderMisbehaved, "unexpected_status"), status(kJwks, 404)},
      {"jwks_too_many_keys",
       [](World& w) {
         w.jwks.resize(jose::kMaxJwksKeys + 1, published(keys().evil, "h", "RS256"));
       },
       refused(ProviderMisbehaved, "unusable_keys"),
       {}},
      {"discovery_redirect", nothing, refused(ProviderMisbehaved, "unexpected_status"),
       status(kDiscovery, 302)},
      {"discovery_unreachable", nothing, refused(ProviderUnreachable, "unreachable"),
       failing(kDiscovery, net::OutboundFailure::Unreachable)},
      {"discovery_without_keys",
       [](World& w) { w.discovery.erase("jwks_uri"); },
       refused(ProviderMisbehaved, "unusable_endpoint"),
       {}},
      {"discovery_of_metadata_address",
       [](World& w) { w.discovery["jwks_uri"] = "https://169.254.169.254/keys"; },
       refused(ProviderMisbehaved, "unusable_endpoint"),
       {}},
      {"discovery_of_plain_loopback",
       [](World& w) { w.discovery["token_endpoint"] = "http://127.0.0.1/token"; },
       refused(ProviderMisbehaved, "unusable_endpoint"),
       {}},
      {"discovery_odd_userinfo",
       [](World& w) { w.discovery["userinfo_endpoint"] = "file:///x"; },
       refused(ProviderMisbehaved, "unusable_endpoint"),
       {}},
      {"discovery_odd_flag",
       [](World& w) { w.discovery["authorization_response_iss_parameter_supported"] = "yes"; },
       refused(ProviderMisbehaved, "malformed_response"),
       {}},
      {"callback_without_announced_iss",
       [](World& w) { w.query = "code=c1&state=s1"; },
       refused(StateMismatch, "wrong_issuer"),
       {}},
      {"callback_without_unannounced_iss",
       [](World& w) {
         w.query = "code=c1&state=s1";
         w.discovery.erase("authorization_response_iss_parameter_supported");
       },
       kAdmitted,
       {}},
      {"callback_with_unannounced_wrong_iss",
       [](World& w) {
         w.query = "code=c1&state=s1&iss=x";
         w.discovery.erase("authorization_response_iss_parameter_supported");
       },
       refused(StateMismatch, "wrong_issuer"),
       {}},
      {"callback_error_of_another_issuer",
       [](World& w) { w.query = "error=access_denied&state=s1&iss=x"; },
       refused(StateMismatch, "wrong_issuer"),
       {}},
      {"callback_odd_error",
       [](World& w) { w.query = "error=%3Cb%3E&state=s1&iss=https%3A%2F%2Fidp.example"; },
       refused(Refused, "unrecognized_error"),
       {}},
      {"callback_without_code",
       [](World& w) { w.query = "state=s1&iss=https%3A%2F%2Fidp.example"; },
       refused(StateMismatch, "missing_code"),
       {}},
      {"callback_broken_escape",
       [](World& w) { w.query += "&x=%2"; },
       refused(StateMismatch, "malformed_callback"),
       {}},
      {"callback_too_long",
       [](World& w) { w.query += "&x=" + std::string(model::kMaxUrlBytes, 'x'); },
       refused(StateMismatch, "malformed_callback"),
       {}},
      {"callback_empty",
       [](World& w) { w.query.clear(); },
       refused(StateMismatch, "missing_state"),
       {}},
  };
}

void run(const std::vector<Case>& cases) {
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    World world;
    c.change(world);
    world.publish();
    if (c.answer) c.answer(world.client);
    const auto party = world.relying_party();
    const auto outcome = world.redeem(*party);
    ASSERT_EQ(outcome.has_value(), c.expected.admitted)
        << (outcome ? outcome->email : outcome.error().code);
    for (const auto& request : world.client.requests()) {
      EXPECT_NE(request.url, "https://idp.example/canary");
      EXPECT_NE(request.url, "https://idp.example/evil-jwks");
      EXPECT_LE(request.timeout, std::chrono::seconds(10));
      EXPECT_LE(request.max_response_bytes, model::kMaxProviderResponseBytes);
    }
    if (outcome) {
      EXPECT_EQ(outcome->email, "alice@corp.example");
      continue;
    }
    EXPECT_EQ(static_cast<int>(outcome.error().failure), static_cast<int>(c.expected.failure));
    EXPECT_EQ(outcome.error().code, c.expected.code);
    for (const std::string_view never : {"script", "<", "root@", "alice", "nonce-1", "se cret"})
      EXPECT_EQ(outcome.error().message.find(never), std::string::npos) << outcome.error().message;
  }
}

TEST(OidcMisbehaviour, OfTheTestProvider) { run(misbehaviours()); }
TEST(OidcMisbehaviour, OfOthers) { run(more_misbehaviours()); }

TEST(OidcMisbehaviour, TableNamesEveryModeOfTheTestProvider) {
  std::ifstream in(GATEHOUSE_SHARED_TESTKIT "/idp/index.mjs");
  if (!in) GTEST_SKIP() << "no test kit";
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const auto cases = misbehaviours();
  EXPECT_EQ(cases.size(), 64U);
  for (const auto& c : cases)
    EXPECT_NE(text.find("'" + std::string(c.name) + "'"), std::string::npos) << c.name;
}

TEST(OidcRedeem, MapsTheClaims) {
  World world;
  world.publish();
  const auto party = world.relying_party();
  const auto identity = world.redeem(*party);
  ASSERT_TRUE(identity) << identity.error().message;
  EXPECT_EQ(identity->subject, "u-1");
  EXPECT_EQ(identity->email, "alice@corp.example");
  EXPECT_EQ(identity->name, "Alice");
  EXPECT_EQ(identity->groups, (std::vector<std::string>{"eng", "admins"}));
  EXPECT_EQ(identity->amr, (std::vector<std::string>{"pwd", "otp"}));
  EXPECT_EQ(world.client.count(kUserinfo), 0U);
}

TEST(OidcRedeem, OptionalClaimsOfTheWrongTypeCountAsAbsent) {
  const std::vector<json::value> odd_lists{"admins",
                                           1,
                                           nullptr,
                                           json::object{{"admins", true}},
                                           json::array{"eng", 1},
                                           json::array{1, json::array{"admins"}}};
  for (const auto& odd : odd_lists) {
    World world;
    world.claims["groups"] = odd;
    world.claims["amr"] = odd;
    world.claims["name"] = json::array{"Alice"};
    world.publish();
    const auto party = world.relying_party();
    const auto identity = world.redeem(*party);
    ASSERT_TRUE(identity) << identity.error().message;
    EXPECT_TRUE(identity->groups.empty());
    EXPECT_TRUE(identity->amr.empty());
    EXPECT_TRUE(identity->name.empty());
  }
}

struct GroupsCase {
  std::string_view name;
  json::object claims;  // over the usual ones; null removes one
  bool known;
};

TEST(OidcRedeem, GroupsAreKnownOnlyWhenTheyAreAllThere) {
  const std::vector<GroupsCase> cases{
      {"a list", {}, true},
      {"an empty list", {{"groups", json::array{}}}, true},
      {"absent", {{"groups", nullptr}}, false},
      {"a text", {{"groups", text("admins")}}, false},
      {"with a number", {{"groups", json::array{"eng", 1}}}, false},
      {"overage", {{"groups", nullptr}, {"_claim_names", {{"groups", "src1"}}}}, false},
      {"a part, and overage", {{"_claim_names", {{"groups", "src1"}}}}, false},
      {"overage of something else", {{"_claim_names", {{"wids", "src1"}}}}, true},
      {"overage that is not an object", {{"_claim_names", text("groups")}}, false},
      {"implicit overage", {{"hasgroups", true}}, false},
      {"implicit overage as text", {{"hasgroups", text("true")}}, false},
      {"no implicit overage", {{"hasgroups", false}}, true},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.name);
    World world;
    for (const auto& [key, value] : test.claims) {
      if (value.is_null())
        world.claims.erase(key);
      else
        world.claims[key] = value;
    }
    world.publish();
    const auto party = world.relying_party();
    const auto identity = world.redeem(*party);
    ASSERT_TRUE(identity) << identity.error().message;
    EXPECT_EQ(identity->groups_known, test.known);
  }
}

TEST(OidcRedeem, AuthenticationContextsAreAListOrOneText) {
  const std::vector<std::pair<json::value, std::vector<std::string>>> cases{
      {json::array{"c1", "c2"}, {"c1", "c2"}},
      {text("c1"), {"c1"}},
      {json::array{"c1", 2}, {}},
      {1, {}},
      {nullptr, {}}};
  for (const auto& [value, expected] : cases) {
    World world;
    world.claims["acrs"] = value;
    world.publish();
    const auto party = world.relying_party();
    const auto identity = world.redeem(*party);
    ASSERT_TRUE(identity) << identity.error().message;
    EXPECT_EQ(identity->auth_contexts, expected);
  }
}

TEST(OidcRedeem, KeepsTheClaimsThatTheConfigurationNames) {
  World world;
  world.provider.config["claims"] =
      json::array{"dept", "level", "vip", "tags", "nested", "mixed", "huge", "absent", "ratio"};
  world.claims["dept"] = "Finance";
  world.claims["level"] = 7;
  world.claims["vip"] = true;
  world.claims["ratio"] = 1.5;
  world.claims["nested"] = {{"a", 1}};
  world.claims["mixed"] = json::array{"a", json::object{}};
  world.claims["huge"] = std::string(16 * 1024 + 1, 'x');
  world.claims["not_asked_for"] = "x";
  world.userinfo["tags"] = json::array{"a", 2, false};
  world.userinfo["dept"] = "Somewhere else";
  world.publish();
  const auto party = world.relying_party();
  const auto identity = world.redeem(*party);
  ASSERT_TRUE(identity) << identity.error().message;
  const model::Attributes expected{{"dept", {"Finance"}},
                                   {"level", {"7"}},
                                   {"vip", {"true"}},
                                   {"ratio", {"1.5"}},
                                   {"tags", {"a", "2", "false"}}};
  EXPECT_EQ(identity->claims, expected);
  EXPECT_EQ(world.client.count(kUserinfo), 1U);  // the ID token had not everything
}

TEST(OidcRedeem, UserinfoFillsInAndNeverReplaces) {
  World world;
  world.claims = {{"iss", kIssuer},     {"aud", "gateway"},
                  {"sub", "u-1"},       {"iat", to_epoch_seconds(kNow)},
                  {"nonce", "nonce-1"}, {"exp", to_epoch_seconds(kNow) + 60},
                  {"name", "Alice"}};
  world.userinfo["name"] = "Mallory";
  world.userinfo["groups"] = json::array{"eng"};
  world.publish();
  const auto party = world.relying_party();
  const auto identity = world.redeem(*party);
  ASSERT_TRUE(identity) << identity.error().message;
  EXPECT_EQ(identity->name, "Alice");
  EXPECT_EQ(identity->groups, std::vector<std::string>{"eng"});
  const auto requests = world.client.requests();
  EXPECT_EQ(requests.back().url, kUserinfo);
  EXPECT_EQ(requests.back().headers.back(),
            (std::pair<std::string, std::string>{"Authorization", "Bearer access-token-1"}));
}

TEST(OidcRedeem, AuthenticatesAsAnnouncedOrConfigured) {
  struct Row {
    std::string_view name;
    json::value announced;
    std::string_view configured;
    bool basic;
  };
  const std::vector<Row> rows{
      {"default", nullptr, "", true},
      {"basic announced", json::array{"client_secret_post", "client_secret_basic"}, "", true},
      {"post announced", json::array{"client_secret_post", "private_key_jwt"}, "", false},
      {"neither announced", json::array{"private_key_jwt"}, "", true},
      {"post configured", json::array{"client_secret_basic"}, "client_secret_post", false},
      {"basic configured", json::array{"client_secret_post"}, "client_secret_basic", true},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    World world;
    world.provider.config["client_id"] = "gate:way";
    world.claims["aud"] = "gate:way";
    if (!row.announced.is_null())
      world.discovery["token_endpoint_auth_methods_supported"] = row.announced;
    if (!row.configured.empty()) world.provider.config["token_auth_method"] = row.configured;
    world.publish();
    const auto party = world.relying_party();
    ASSERT_TRUE(world.redeem(*party));
    for (const auto& request : world.client.requests()) {
      if (request.url != kToken) continue;
      EXPECT_EQ(request.method, "POST");
      EXPECT_EQ(request.basic_user, row.basic ? "gate%3Away" : "");
      EXPECT_EQ(request.basic_password.reveal(), row.basic ? "se%20cret%2F1" : "");
      EXPECT_EQ(request.body,
                std::string("grant_type=authorization_code&code=c1&redirect_uri="
                            "https%3A%2F%2Fauth.example%2Fcdn-cgi%2Faccess%2Fcallback"
                            "&code_verifier=verifier-1") +
                    (row.basic ? "" : "&client_id=gate%3Away&client_secret=se%20cret%2F1"));
    }
  }
}

TEST(OidcAuthorizationUrl, CarriesStateNonceAndChallenge) {
  World world;
  world.discovery["authorization_endpoint"] = "https://idp.example/auth?tenant=1";
  world.provider.config["prompt"] = "select_account";
  world.publish();
  const auto party = world.relying_party();
  // The verifier and challenge of RFC 7636 appendix B.
  const auto url = party->authorization_url({"n/1", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"},
                                            kRedirect, "s 1", {}, kNow);
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_EQ(*url,
            "https://idp.example/auth?tenant=1&response_type=code&client_id=gateway"
            "&redirect_uri=https%3A%2F%2Fauth.example%2Fcdn-cgi%2Faccess%2Fcallback"
            "&scope=openid%20email%20profile&state=s%201&nonce=n%2F1"
            "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
            "&code_challenge_method=S256&prompt=select_account");
}

TEST(OidcAuthorizationUrl, CarriesWhatIsWished) {
  World world;
  world.provider.config["prompt"] = "select_account";
  world.publish();
  SignInWish wish;
  wish.prompt = "login";
  wish.login_hint = "ada@corp.example";
  wish.claims = R"({"id_token":{}})";
  const auto url =
      world.relying_party()->authorization_url(world.transaction, kRedirect, "s1", wish, kNow);
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_NE(url->find("&prompt=login&login_hint=ada%40corp.example&claims=%7B%22id_token"
                      "%22%3A%7B%7D%7D"),
            std::string::npos)
      << *url;
  EXPECT_EQ(url->find("select_account"), std::string::npos);
}

TEST(OidcRefresh, AsksForTheSamePersonOnly) {
  using enum IdentityFailure;
  struct RefreshCase {
    std::string_view name;
    json::object answer;
    int status;
    Expected expected;
  };
  World world;
  world.claims.erase("nonce");
  const auto token_for = [&](std::string_view subject) {
    world.claims["sub"] = subject;
    return world.sign(keys().main, "rsa-1");
  };
  const json::object tokens{
      {"access_token", kAccessToken}, {"token_type", "Bearer"}, {"refresh_token", "r-2"}};
  auto with_token = tokens, with_other = tokens;
  with_token["id_token"] = token_for("u-1");
  with_other["id_token"] = token_for("u-2");
  const RefreshCase cases[] = {
      {"with an ID token", with_token, 200, kAdmitted},
      {"without one, by userinfo", tokens, 200, kAdmitted},
      {"somebody else", with_other, 200, refused(ProviderMisbehaved, "wrong_subject")},
      {"no more",
       {{"error", "invalid_grant"}, {"error_description", "AADSTS50173: the grant has expired"}},
       400,
       refused(Refused, "invalid_grant")},
      {"busy", {}, 503, refused(ProviderUnreachable, "token_endpoint_status")},
  };
  for (const auto& c : cases) {
    world.publish();
    world.client.answer(kToken, json_response(c.answer, c.status));
    const auto outcome = world.relying_party()->refresh(Secret("r-1"), "u-1", kNow);
    ASSERT_EQ(outcome.has_value(), c.expected.admitted) << c.name;
    if (outcome) {
      EXPECT_EQ(outcome->identity.email, "alice@corp.example") << c.name;
      EXPECT_EQ(outcome->refresh_token.reveal(), "r-2") << c.name;
    } else {
      EXPECT_EQ(outcome.error().failure, c.expected.failure) << c.name;
      EXPECT_EQ(outcome.error().code, c.expected.code) << c.name;
      EXPECT_EQ(outcome.error().support_code, c.status == 400 ? "AADSTS50173" : "") << c.name;
    }
  }
  bool asked = false;
  for (const auto& request : world.client.requests())
    asked |= request.url == kToken && request.body == "grant_type=refresh_token&refresh_token=r-1";
  EXPECT_TRUE(asked);
}

constexpr std::string_view kLogoutEvent = "http://schemas.openid.net/event/backchannel-logout";

// The claims of a logout token.
void make_logout(World& w) {
  w.claims = {{"iss", kIssuer},
              {"aud", "gateway"},
              {"sub", "u-1"},
              {"iat", to_epoch_seconds(kNow)},
              {"exp", to_epoch_seconds(kNow) + 120},
              {"jti", "logout-1"},
              {"sid", "s-1"},
              {"events", json::object{{kLogoutEvent, json::object{}}}}};
}

TEST(OidcLogoutToken, IsRefusedForEverythingThatIsWrongWithIt) {
  using enum IdentityFailure;
  const std::int64_t now = to_epoch_seconds(kNow);
  const auto typ = [](std::string_view type) {
    return [type](World& w) {
      w.id_token = jose::sign_jwt(w.claims, keys().main, Algorithm::RS256, "rsa-1", type);
    };
  };
  const auto events = [](json::value value) { return set("events", std::move(value)); };
  const std::vector<Case> cases{
      {"as it should be", nothing, kAdmitted, {}},
      {"typ logout+jwt", typ("logout+jwt"), kAdmitted, {}},
      {"typ of the media type", typ("application/Logout+JWT"), kAdmitted, {}},
      {"typ absent",
       [](World& w) {
         w.id_token = World::raw({{"alg", "RS256"}, {"kid", "rsa-1"}}, json::serialize(w.claims),
                                 keys().main);
       },
       kAdmitted,
       {}},
      {"typ of an access token", typ("at+jwt"), refused(JwtError::WrongType), {}},
      {"typ of a posture token", typ("lpx+jwt"), refused(JwtError::WrongType), {}},
      {"EC key",
       [](World& w) { w.id_token = w.sign(keys().ec, "ec-1", Algorithm::ES256); },
       kAdmitted,
       {}},
      {"not a token", [](World& w) { w.id_token = "abc"; }, refused(JwtError::Malformed), {}},
      {"too large",
       set("padding", text(std::string(20'000, 'x'))),
       refused(JwtError::TooLarge),
       {}},
      {"alg none",
       [](World& w) {
         w.id_token = base64url_encode(R"({"alg":"none"})") + "." +
                      base64url_encode(json::serialize(w.claims)) + ".";
       },
       refused(JwtError::Malformed),
       {}},
      {"alg none with a signature",
       [](World& w) {
         w.id_token = World::raw({{"alg", "none"}}, json::serialize(w.claims), keys().main);
       },
       refused(JwtError::UnsupportedAlgorithm),
       {}},
      {"HMAC with the client secret",
       [](World& w) {
         const std::string input = base64url_encode(R"({"alg":"HS256"})") + "." +
                                   base64url_encode(json::serialize(w.claims));
         w.id_token = input + "." + base64url_encode(crypto::hmac_sha256("se cret/1", input));
       },
       refused(JwtError::UnsupportedAlgorithm),
       {}},
      {"unknown key",
       [](World& w) { w.id_token = w.sign(keys().evil, "evil-1"); },
       refused(JwtError::UnknownKey),
       {}},
      {"another's key",
       [](World& w) { w.id_token = w.sign(keys().evil, "rsa-1"); },
       refused(JwtError::BadSignature),
       {}},
      {"crit",
       [](World& w) {
         auto header = kMainHeader;
         header["crit"] = json::array{"x"};
         header["x"] = 1;
         w.id_token = World::raw(header, json::serialize(w.claims), keys().main);
       },
       refused(JwtError::CriticalHeader),
       {}},
      {"iss absent", erase("iss"), refused(JwtError::MissingClaim), {}},
      {"iss of another", set("iss", "https://other.example"), refused(JwtError::WrongIssuer), {}},
      {"aud absent", erase("aud"), refused(JwtError::MissingClaim), {}},
      {"aud of another", set("aud", "else"), refused(JwtError::WrongAudience), {}},
      {"aud empty", set("aud", json::array{}), refused(JwtError::MissingClaim), {}},
      {"aud with a number",
       set("aud", json::array{"gateway", 1}),
       refused(JwtError::MissingClaim),
       {}},
      {"aud list of one", set("aud", json::array{"gateway"}), kAdmitted, {}},
      {"aud of several",
       set("aud", json::array{"gateway", "else"}),
       refused(TokenRefused, "wrong_authorized_party"),
       {}},
      {"azp of another", set("azp", "else"), refused(TokenRefused, "wrong_authorized_party"), {}},
      {"iat absent", erase("iat"), refused(JwtError::MissingClaim), {}},
      {"iat as text", set("iat", "1800000000"), refused(JwtError::MissingClaim), {}},
      {"iat two minutes and the leeway ago", set("iat", now - 180), kAdmitted, {}},
      {"iat a second before", set("iat", now - 181), refused(JwtError::Expired), {}},
      {"iat at the leeway ahead", set("iat", now + 60), kAdmitted, {}},
      {"iat a second later", set("iat", now + 61), refused(JwtError::NotYetValid), {}},
      {"iat at the end of time",
       set("iat", std::numeric_limits<std::int64_t>::max()),
       refused(JwtError::NotYetValid),
       {}},
      {"iat at its beginning",
       set("iat", std::numeric_limits<std::int64_t>::min()),
       refused(JwtError::Expired),
       {}},
      {"exp absent", erase("exp"), kAdmitted, {}},
      {"exp within the leeway", set("exp", now - 59), kAdmitted, {}},
      {"exp a second earlier", set("exp", now - 60), refused(JwtError::Expired), {}},
      {"exp as text", set("exp", "1900000000"), refused(JwtError::MissingClaim), {}},
      {"nbf ahead", set("nbf", now + 61), refused(JwtError::NotYetValid), {}},
      {"nbf as text", set("nbf", "0"), refused(JwtError::MissingClaim), {}},
      {"jti absent", erase("jti"), refused(TokenRefused, "missing_token_id"), {}},
      {"jti empty", set("jti", ""), refused(TokenRefused, "missing_token_id"), {}},
      {"jti a number", set("jti", 1), refused(TokenRefused, "missing_token_id"), {}},
      {"jti of 255 bytes", set("jti", text(std::string(255, 'j'))), kAdmitted, {}},
      {"jti of 256 bytes",
       set("jti", text(std::string(256, 'j'))),
       refused(TokenRefused, "missing_token_id"),
       {}},
      {"events absent", erase("events"), refused(TokenRefused, "wrong_event"), {}},
      {"events a text", events(text(kLogoutEvent)), refused(TokenRefused, "wrong_event"), {}},
      {"events empty", events(json::object{}), refused(TokenRefused, "wrong_event"), {}},
      {"events with another",
       events(json::object{{kLogoutEvent, json::object{}}, {"urn:x", json::object{}}}),
       refused(TokenRefused, "wrong_event"),
       {}},
      {"another event",
       events(
           json::object{{"http://schemas.openid.net/event/frontchannel-logout", json::object{}}}),
       refused(TokenRefused, "wrong_event"),
       {}},
      {"event that is true",
       events(json::object{{kLogoutEvent, true}}),
       refused(TokenRefused, "wrong_event"),
       {}},
      {"event with members",
       events(json::object{{kLogoutEvent, json::object{{"x", 1}}}}),
       kAdmitted,
       {}},
      {"nonce", set("nonce", "nonce-1"), refused(TokenRefused, "wrong_nonce"), {}},
      {"nonce null", set("nonce", nullptr), refused(TokenRefused, "wrong_nonce"), {}},
      {"sid absent", erase("sid"), kAdmitted, {}},
      {"sid a number", set("sid", 1), refused(TokenRefused, "malformed_session"), {}},
      {"sub absent", erase("sub"), refused(TokenRefused, "missing_subject"), {}},
      {"sub empty", set("sub", ""), refused(TokenRefused, "missing_subject"), {}},
      {"neither sub nor sid",
       [](World& w) {
         w.claims.erase("sub");
         w.claims.erase("sid");
       },
       refused(TokenRefused, "missing_subject"),
       {}},
      {"an ID token",
       [](World& w) { w.id_token = World().sign(keys().main, "rsa-1"); },
       refused(TokenRefused, "wrong_event"),
       {}},
      {"keys out of reach", nothing, refused(ProviderUnreachable, "unreachable"),
       failing(kJwks, net::OutboundFailure::Timeout)},
      {"provider out of reach", nothing, refused(ProviderUnreachable, "unreachable"),
       failing(kDiscovery, net::OutboundFailure::Unreachable)},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    World world;
    make_logout(world);
    c.change(world);
    world.publish();
    if (c.answer) c.answer(world.client);
    const auto token = world.id_token.empty() ? world.sign(keys().main, "rsa-1") : world.id_token;
    const auto notice = world.relying_party()->verify_logout(token, kNow);
    ASSERT_EQ(notice.has_value(), c.expected.admitted)
        << (notice ? "" : notice.error().code + ": " + notice.error().message);
    if (notice) {
      EXPECT_EQ(notice->subject, "u-1");
      EXPECT_FALSE(notice->token_id.empty());
      continue;
    }
    EXPECT_EQ(notice.error().failure, c.expected.failure);
    EXPECT_EQ(notice.error().code, c.expected.code);
  }
}

TEST(OidcLogoutToken, CountsUntilItIsTooOld) {
  World world;
  make_logout(world);
  world.claims.erase("exp");
  world.publish();
  const auto party = world.relying_party();
  const auto token = world.sign(keys().main, "rsa-1");
  const auto notice = party->verify_logout(token, kNow);
  ASSERT_TRUE(notice);
  EXPECT_EQ(notice->accepted_until, kNow + std::chrono::seconds{181});
  EXPECT_TRUE(party->verify_logout(token, notice->accepted_until - std::chrono::seconds{1}));
  EXPECT_FALSE(party->verify_logout(token, notice->accepted_until));
}

TEST(OidcLogoutToken, FollowsARotatedKey) {
  World world;
  make_logout(world);
  world.publish();
  const auto party = world.relying_party();
  ASSERT_TRUE(party->verify_logout(world.sign(keys().main, "rsa-1"), kNow));
  world.jwks = {published(keys().evil, "rsa-2", "RS256")};
  world.publish();
  EXPECT_TRUE(party->verify_logout(world.sign(keys().evil, "rsa-2"), kNow));
}

TEST(OidcSignOut, LeadsToTheProvidersOwnPlace) {
  struct Row {
    std::string_view name;
    json::value endpoint;  // null: none
    std::string url;       // empty: nowhere
  };
  const std::string query =
      "client_id=gateway&post_logout_redirect_uri=https%3A%2F%2Fauth.example%2F&state=s1";
  const std::vector<Row> rows{
      {"a place", "https://idp.example/end", "https://idp.example/end?" + query},
      {"with a query", "https://idp.example/end?p=1", "https://idp.example/end?p=1&" + query},
      {"none", nullptr, ""},
      {"a script", "javascript:alert(1)", ""},
      {"plain http", "http://idp.example/end", ""},
      {"metadata address", "https://169.254.169.254/", ""},
      {"a list", json::array{"https://idp.example/end"}, ""},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    World world;
    if (!row.endpoint.is_null()) world.discovery["end_session_endpoint"] = row.endpoint;
    world.publish();
    const auto party = world.relying_party();
    EXPECT_TRUE(party->may_sign_out()) << "nobody knows yet";
    EXPECT_EQ(world.client.count(kDiscovery), 0U) << "and nobody was asked";
    ASSERT_TRUE(world.redeem(*party)) << "signing in does not depend on it";
    EXPECT_EQ(party->may_sign_out(), !row.url.empty());
    const auto url = party->logout_url("https://auth.example/", "s1", kNow);
    EXPECT_EQ(url.value_or(""), row.url);
    if (!url) {
      EXPECT_EQ(url.error().code, "not_supported");
    }
  }
  World configured;
  configured.provider.config["auth_url"] = "https://idp.example/auth";
  configured.provider.config["token_url"] = kToken;
  configured.provider.config["certs_url"] = kJwks;
  EXPECT_FALSE(configured.relying_party()->may_sign_out()) << "discovery is not asked";
}

TEST(OidcTokenResponse, AClaimsChallengeIsAnObjectOfBoundedSize) {
  const auto challenge = [](std::string_view claims) {
    const auto answer = parse_token_response(
        json_response({{"error", "invalid_grant"}, {"claims", claims}}, 400), IdToken::Required);
    return answer.error().claims;
  };
  EXPECT_EQ(challenge(R"({"access_token": {"nbf": {"essential": true}}})"),
            R"({"access_token":{"nbf":{"essential":true}}})");
  EXPECT_EQ(challenge("[1]"), "");
  EXPECT_EQ(challenge("x"), "");
  EXPECT_EQ(challenge(R"({"a":")" + std::string(1024, 'x') + R"("})"), "");
}

TEST(OidcAuthorizationUrl, WithoutPkceOnlyWhereConfigured) {
  World world;
  world.provider.config["pkce_enabled"] = false;
  world.publish();
  const auto party = world.relying_party();
  const auto url = party->authorization_url(world.transaction, kRedirect, "s1", {}, kNow);
  ASSERT_TRUE(url);
  EXPECT_EQ(url->find("code_challenge"), std::string::npos);
  ASSERT_TRUE(world.redeem(*party));
  for (const auto& request : world.client.requests())
    EXPECT_EQ(request.body.find("code_verifier"), std::string::npos);
}

TEST(OidcAuthorizationUrl, ConfiguredUrlsReplaceDiscovery) {
  World world;
  world.provider.config["auth_url"] = "https://idp.example/configured";
  world.publish();
  const auto party = world.relying_party();
  const auto partly = party->authorization_url(world.transaction, kRedirect, "s1", {}, kNow);
  ASSERT_TRUE(partly);
  EXPECT_TRUE(partly->starts_with("https://idp.example/configured?response_type=code"));
  EXPECT_EQ(world.client.count(kDiscovery), 1U);

  World whole;
  whole.provider.config["auth_url"] = "https://idp.example/configured";
  whole.provider.config["token_url"] = kToken;
  whole.provider.config["certs_url"] = kJwks;
  whole.publish();
  const auto other = whole.relying_party();
  ASSERT_TRUE(whole.redeem(*other));
  EXPECT_EQ(whole.client.count(kDiscovery), 0U);
}

TEST(OidcCache, KeepsDocumentsForAnHourAndNotASecondMore) {
  World world;
  world.publish();
  const auto party = world.relying_party();
  ASSERT_TRUE(world.redeem(*party));
  ASSERT_TRUE(world.redeem(*party, kNow + std::chrono::seconds(3599)));
  EXPECT_EQ(world.client.count(kDiscovery), 1U);
  EXPECT_EQ(world.client.count(kJwks), 1U);
  world.claims["exp"] = to_epoch_seconds(kNow) + 9000;
  world.issue();
  ASSERT_TRUE(world.redeem(*party, kNow + std::chrono::seconds(3600)));
  EXPECT_EQ(world.client.count(kDiscovery), 2U);
  EXPECT_EQ(world.client.count(kJwks), 2U);
  // Too old, and the provider does not answer: nothing is believed any more.
  world.client.fail(kDiscovery, net::OutboundFailure::Timeout);
  const auto late = world.redeem(*party, kNow + std::chrono::seconds(7200));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().failure, IdentityFailure::ProviderUnreachable);
}

TEST(OidcCache, FollowsARotatedKeyAtOnce) {
  World world;
  world.publish();
  const auto party = world.relying_party();
  ASSERT_TRUE(world.redeem(*party));
  world.jwks = {published(keys().evil, "rsa-2", "RS256")};
  world.id_token = world.sign(keys().evil, "rsa-2");
  world.publish();
  EXPECT_TRUE(world.redeem(*party));
  EXPECT_EQ(world.client.count(kJwks), 2U);
  // The old key has left the set.
  world.id_token = world.sign(keys().main, "rsa-1");
  world.issue();
  EXPECT_FALSE(world.redeem(*party));
}

TEST(OidcCache, FollowsARotatedKeyWithoutKid) {
  World world;
  world.publish();
  const auto party = world.relying_party();
  ASSERT_TRUE(world.redeem(*party));
  world.jwks = {published(keys().evil, "rsa-2", "RS256")};
  world.id_token = World::raw({{"alg", "RS256"}}, json::serialize(world.claims), keys().evil);
  world.publish();
  EXPECT_TRUE(world.redeem(*party));
}

TEST(OidcCache, UnknownKidsCostOneFetchInTenSeconds) {
  World world;
  world.publish();
  const auto party = world.relying_party();
  ASSERT_TRUE(world.redeem(*party));
  const auto unknown = [&](int offset) {
    world.id_token = world.sign(keys().evil, "evil-" + std::to_string(offset));
    world.issue();
    const auto outcome = world.redeem(*party, kNow + std::chrono::seconds(offset));
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, code_of(JwtError::UnknownKey));
  };
  for (int i = 0; i < 10; ++i) unknown(i);
  EXPECT_EQ(world.client.count(kJwks), 2U);
  unknown(10);
  EXPECT_EQ(world.client.count(kJwks), 3U);
  // A failing refetch leaves the keys that are still young enough.
  world.client.answer(kJwks, net::HttpResponse{500, {}, ""});
  unknown(20);
  EXPECT_EQ(world.client.count(kJwks), 4U);
  world.id_token.clear();
  world.issue();
  EXPECT_TRUE(world.redeem(*party, kNow + std::chrono::seconds(21)));
}

TEST(OidcCache, OneThreadFetchesTheOthersWait) {
  World world;
  world.publish();
  std::atomic<int> fetches{0};
  world.client.answer(kDiscovery, [&world, &fetches]() -> Answer {
    ++fetches;
    std::this_thread::yield();
    return json_response(world.discovery);
  });
  const auto party = world.relying_party();
  std::atomic<int> admitted{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i)
      threads.emplace_back([&] { admitted += world.redeem(*party).has_value() ? 1 : 0; });
  }
  EXPECT_EQ(admitted, 8);
  EXPECT_EQ(fetches, 1);
  EXPECT_EQ(world.client.count(kJwks), 1U);
}

TEST(OidcCache, AFailedFetchIsTriedAgain) {
  World world;
  world.publish();
  world.client.fail(kDiscovery, net::OutboundFailure::Timeout);
  const auto party = world.relying_party();
  EXPECT_FALSE(world.redeem(*party));
  world.publish();
  EXPECT_TRUE(world.redeem(*party));
}

TEST(OidcCallback, NamesTheEntraCodeAndNothingElseOfTheDescription) {
  const auto provider = World().provider;
  const auto config = read_oidc_config(provider);
  ASSERT_TRUE(config);
  const auto outcome = check_callback(
      "error=access_denied&state=s&error_description=AADSTS53000%3A+%3Cb%3EDevice", *config, {});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, "access_denied");
  EXPECT_EQ(outcome.error().message, "the provider answered `access_denied` (AADSTS53000)");
}

TEST(OidcSanitizedError, IsShortLowerCaseOrUnrecognized) {
  EXPECT_EQ(sanitized_error("access_denied"), "access_denied");
  EXPECT_EQ(sanitized_error(std::string(64, 'a')), std::string(64, 'a'));
  for (const std::string& odd : {std::string(), std::string(65, 'a'), std::string("Access_Denied"),
                                 std::string("a b"), std::string("a\0", 2), std::string("é")})
    EXPECT_EQ(sanitized_error(odd), "unrecognized_error") << odd;
}

TEST(OidcAtHash, UsesTheHashOfTheSignatureAlgorithm) {
  const auto config = read_oidc_config(World().provider);
  ASSERT_TRUE(config);
  // Left halves of SHA-256, SHA-384 and SHA-512 of `access-token-1`.
  const std::map<Algorithm, std::string> expected{
      {Algorithm::RS256, "xbDyM5Wjs8mTAhnyPZlETA"},
      {Algorithm::PS384, "Z2bWqw23yCiNi06TTWWJ6GDqNsCbm8iQ"},
      {Algorithm::EdDSA, "ZDF0ZIrz-CeaQ43lPXZWSsjpu7TSFdVlDejvKcy1OlQ"}};
  for (const auto& [algorithm, hash] : expected) {
    json::object claims{{"sub", "u"}, {"aud", "gateway"}, {"nonce", "n"}, {"at_hash", hash}};
    EXPECT_TRUE(check_id_token_claims(claims, algorithm, *config, "n", kAccessToken));
    EXPECT_FALSE(check_id_token_claims(claims, algorithm, *config, "n", "access-token-2"));
    EXPECT_FALSE(check_id_token_claims(claims, algorithm, *config, "n", ""));
    EXPECT_FALSE(check_id_token_claims(claims, algorithm, *config, "", kAccessToken));
  }
}

TEST(OidcConfig, NamesEveryProblem) {
  struct Row {
    std::string_view field;
    json::value value;
    bool valid;
  };
  const std::vector<Row> rows{
      {"issuer", "https://idp.example/realms/a", true},
      {"issuer", "http://localhost:9400", true},
      {"issuer", "http://idp.example", false},
      {"issuer", "idp.example", false},
      {"issuer", "https://idp.example?x=1", false},
      {"issuer", 1, false},
      {"client_id", "", false},
      {"client_id", "a\nb", false},
      {"scopes", json::array{"openid", "groups"}, true},
      {"scopes", json::array{"email"}, false},
      {"scopes", json::array{"openid", "a b"}, false},
      {"scopes", "openid email", false},
      {"auth_url", "https://idp.example/a", true},
      {"auth_url", "javascript:alert(1)", false},
      {"token_url", "http://127.0.0.1/token", false},
      {"certs_url", "https://user@idp.example/keys", false},
      {"claims", json::array{"groups"}, true},
      {"claims", "groups", false},
      {"email_claim_name", "upn", true},
      {"email_claim_name", "", false},
      {"pkce_enabled", "true", false},
      {"prompt", "login", true},
      {"prompt", 1, false},
      {"allow_unverified_email", 1, false},
      {"token_auth_method", "client_secret_post", true},
      {"token_auth_method", "none", false},
      {"leeway_seconds", 0, true},
      {"leeway_seconds", 300, true},
      {"leeway_seconds", 301, false},
      {"leeway_seconds", -1, false},
      {"id_token_algorithms", json::array{"RS256", "EdDSA"}, true},
      {"id_token_algorithms", json::array{"HS256"}, false},
      {"id_token_algorithms", json::array{}, false},
      {"issuer_url", "https://idp.example", false},
  };
  for (const auto& row : rows) {
    World world;
    world.provider.config[row.field] = row.value;
    const auto problems = validate_oidc_config(world.provider.config);
    EXPECT_EQ(problems.empty(), row.valid) << row.field << ' ' << json::serialize(row.value);
    if (row.valid) continue;
    ASSERT_FALSE(problems.empty());
    EXPECT_EQ(problems.front().field, row.field);
    const auto made = make_oidc(world.provider, world.client);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, "configuration_invalid");
  }
  EXPECT_EQ(validate_oidc_config({}).size(), 2U);  // issuer and client_id
}

TEST(OidcProviderUrl, OnlyHttpsOrALoopbackTestProvider) {
  struct Row {
    std::string_view url;
    std::string_view issuer;
    bool accepted;
  };
  const std::vector<Row> rows{
      {"https://idp.example", "", true},
      {"https://idp.example:8443/a?b=c", "", true},
      {"https://10.0.0.7/a", "", true},
      {"https://[2001:db8::1]:8443/", "", true},
      {"http://localhost:9400", "", true},
      {"http://127.0.0.1:9400/a", "", true},
      {"http://[::1]:9400/a", "", true},
      {"http://idp.localhost/", "", true},
      {"http://127.0.0.1/a", "http://localhost:9400", true},
      {"http://127.0.0.1/a", "https://idp.example", false},
      {"http://idp.example", "", false},
      {"http://10.0.0.7/", "", false},
      {"https://169.254.169.254/", "", false},
      {"http://169.254.169.254/", "", false},
      {"https://[::ffff:169.254.169.254]/", "", false},
      {"https://[fe80::1]/", "", false},
      {"https://0.0.0.0/", "", false},
      {"https://[::]/", "", false},
      {"https://2130706433/", "", false},
      {"https://0x7f.1/", "", false},
      {"https://127.1/", "", false},
      {"https://169.254.169.254./", "", false},
      {"https://idp.example.:443/", "", true},
      {"https://idp.example@evil.example/", "", false},
      {"https://idp.example/#f", "", false},
      {"https://idp.example:0/", "", false},
      {"https://idp.example:65536/", "", false},
      {"https://idp.example:/", "", false},
      {"https://idp.example\\@evil/", "", false},
      {"https://idp.example /", "", false},
      {"https://idp.example/\n", "", false},
      {"https://", "", false},
      {"https:///a", "", false},
      {"https://./", "", false},
      {"HTTPS://idp.example", "", false},
      {"ftp://idp.example", "", false},
      {"file:///etc/passwd", "", false},
      {"gopher://idp.example", "", false},
      {"//idp.example", "", false},
      {"", "", false},
  };
  for (const auto& row : rows)
    EXPECT_EQ(is_provider_url(row.url, row.issuer), row.accepted) << row.url;
  EXPECT_FALSE(is_provider_url("https://idp.example/" + std::string(2048, 'a')));
}

TEST(OidcDiscoveryUrl, DropsOneTerminatingSlash) {
  EXPECT_EQ(discovery_url("https://idp.example"), kDiscovery);
  EXPECT_EQ(discovery_url("https://idp.example/"), kDiscovery);
  EXPECT_EQ(discovery_url("https://idp.example/t/v2.0"),
            "https://idp.example/t/v2.0/.well-known/openid-configuration");
}

}  // namespace
}  // namespace gatehouse::identity
