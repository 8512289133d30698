#include "posture/tanium/tanium.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <fstream>
#include <functional>
#include <set>

#include "base/encoding.h"
#include "crypto/digest.h"
#include "jose/jwt.h"
#include "model/limits.h"

namespace gatehouse::posture {
namespace {

using std::chrono::seconds;

constexpr Instant kNow = from_epoch_seconds(1'700'000'000);
constexpr std::string_view kNonce = "q3JvY2tldC1ub25jZS10aGF0LWlzLWxvbmctZW5vdWdo";
constexpr std::string_view kAudience = "https://auth.example.com";

const jose::PrivateKey& device_key() {
  static const jose::PrivateKey key = jose::PrivateKey::generate_p256();
  return key;
}
const jose::PrivateKey& other_key() {
  static const jose::PrivateKey key = jose::PrivateKey::generate_p256();
  return key;
}
const jose::PrivateKey& rsa_key() {
  static const jose::PrivateKey key = jose::PrivateKey::generate_rsa();
  return key;
}

std::string pem_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return text;
}

jose::PrivateKey ed25519_key() {
  EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  EVP_PKEY_free(key);
  return jose::PrivateKey::from_pem(pem_of(bio)).value();
}

// A certificate whose keyUsage is key agreement only.
std::string certificate_not_for_signing() {
  EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_EXTENSION* usage =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_key_usage, "critical,keyAgreement");
  X509_add_ext(certificate, usage, -1);
  X509_EXTENSION_free(usage);
  X509_sign(certificate, key, EVP_sha256());
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return pem_of(bio);
}

std::string certificate_of(const jose::PrivateKey& key, Instant from, Instant to) {
  return key.self_signed_certificate("Tanium", "0123456789abcdef", from, to);
}

json::object object_of(std::string_view text) {
  const auto parsed = json::parse(text);
  EXPECT_TRUE(parsed && parsed->is_object()) << text;
  return parsed ? parsed->as_object() : json::object{};
}

// The base configuration, with the members of `changes` (JSON text) put over it.
model::PostureIntegration integration(std::string_view changes = "{}",
                                      const jose::PrivateKey& key = device_key()) {
  model::PostureIntegration result;
  result.id = "7d0d5b1c-0000-4000-8000-000000000001";
  result.name = "Tanium";
  result.type = "tanium";
  result.config = {{"public_certificate", key.public_key().to_spki_pem()}};
  for (const auto& member : object_of(changes)) result.config[member.key()] = member.value();
  return result;
}

std::string text_of(const std::vector<FieldProblem>& problems) {
  std::string text;
  for (const auto& [field, message] : problems) text += field + ": " + message + "\n";
  return text;
}

TaniumProfile profile_of(std::string_view changes = "{}",
                         const jose::PrivateKey& key = device_key()) {
  auto profile = read_tanium_profile(integration(changes, key));
  EXPECT_TRUE(profile) << (profile ? "" : text_of(profile.error()));
  return profile.value_or(TaniumProfile{});
}

json::object good_claims() {
  return {{"iss", "tanium.example.com"},
          {"aud", kAudience},
          {"sub", "endpoint-4711"},
          {"nonce", kNonce},
          {"iat", to_epoch_seconds(kNow)},
          {"exp", to_epoch_seconds(kNow) + 60},
          {"jti", "4d1f"},
          {"managed", true},
          {"last_checkin", to_epoch_seconds(kNow) - 100},
          {"patch_status", {{"compliant", true}}},
          {"vulnerability", {{"score", 12.5}}},
          {"device", {{"hostname", "pc-17"}, {"serial_number", "C02X"}}}};
}

std::string sign(const json::object& claims, const jose::PrivateKey& key = device_key(),
                 jose::Algorithm algorithm = jose::Algorithm::ES256) {
  return jose::sign_jwt(claims, key, algorithm, "any-kid", "lpx+jwt");
}

std::string sign_raw(std::string_view header, std::string_view payload) {
  const std::string input = base64url_encode(header) + "." + base64url_encode(payload);
  return input + "." + base64url_encode(device_key().sign(jose::Algorithm::ES256, input));
}

using Verified = std::expected<TaniumAnswer, TaniumError>;

Verified verify(const json::object& claims, const TaniumProfile& profile = profile_of(),
                Instant now = kNow) {
  return verify_tanium_answer(profile, sign(claims), kNonce, kAudience, now);
}

std::string outcome(const Verified& verified) {
  return verified ? "accepted" : std::string(to_string(verified.error()));
}

// ---- configuration

TEST(TaniumProfile, DefaultsAreTheDocumentedOnes) {
  const TaniumProfile profile = profile_of();
  EXPECT_EQ(profile.port, 17472);
  EXPECT_EQ(profile.keys.size(), 1u);
  EXPECT_EQ(profile.candidates, std::vector<std::string>{"http://127.0.0.1:17472"});
  EXPECT_EQ(profile.method, "POST");
  EXPECT_EQ(profile.path, "/lpx/v1/attest");
  EXPECT_EQ(profile.encoding, "json");
  EXPECT_EQ(profile.algorithms.size(), 4u);
  EXPECT_EQ(profile.nonce_mode, "required");
  EXPECT_EQ(profile.max_age, seconds{60});
  EXPECT_EQ(profile.clock_skew, seconds{30});
  EXPECT_EQ(profile.managed_true_values, (json::array{true, "true", 1, "managed"}));
}

TEST(TaniumProfile, NullCountsAsAbsent) {
  const TaniumProfile profile = profile_of(
      R"({"port":null,"exchange":null,"token":{"issuer":null,"audience":null},"managed":{}})");
  EXPECT_EQ(profile.port, 17472);
  EXPECT_EQ(profile.issuer, "");
}

TEST(TaniumProfile, ReadsEveryField) {
  const TaniumProfile profile = profile_of(R"({
    "port": 18000,
    "exchange": {
      "candidates": ["http://localhost:{port}", "https://agent.example.com:{port}",
                     "http://127.0.0.1:9"],
      "method": "POST", "path": "/identity/v2",
      "request": {"encoding": "form", "nonce_field": "challenge", "audience_field": "",
                  "extra": {"v": 2, "mode": "browser"}},
      "response": {"token_source": "json:/data/jws", "signature": "jws"},
      "timeouts": {"exchange_ms": 1500}, "target_address_space": "", "delivery": "browser"},
    "token": {"algs": ["ES256", "EdDSA"], "chain_mode": "pinned", "issuer": "t1",
              "audience": "gatehouse", "nonce_mode": "if_present",
              "nonce_encoding": "sha256_b64url", "max_age": "45s", "clock_skew": "5s"},
    "claims": {"nonce": "/c/n", "audience": "", "device_id": "/id", "managed": "/state",
               "managed_true_values": ["enrolled"], "last_checkin": "/seen",
               "last_checkin_format": "epoch_ms", "patch_status": "", "vulnerability_score": "/v",
               "hostname": "/h", "serial_number": "/s"},
    "managed": {"missing_last_checkin": "fail"}})");
  EXPECT_EQ(profile.candidates,
            (std::vector<std::string>{"http://localhost:18000", "https://agent.example.com:18000",
                                      "http://127.0.0.1:9"}));
  EXPECT_EQ(profile.path, "/identity/v2");
  EXPECT_EQ(profile.encoding, "form");
  EXPECT_EQ(profile.nonce_field, "challenge");
  EXPECT_EQ(profile.audience_field, "");
  EXPECT_EQ(profile.token_source, "json:/data/jws");
  EXPECT_EQ(profile.exchange_timeout, std::chrono::milliseconds{1500});
  EXPECT_EQ(profile.target_address_space, "");
  EXPECT_EQ(profile.algorithms.size(), 2u);
  EXPECT_EQ(profile.issuer, "t1");
  EXPECT_EQ(profile.audience, "gatehouse");
  EXPECT_EQ(profile.nonce_mode, "if_present");
  EXPECT_EQ(profile.nonce_encoding, "sha256_b64url");
  EXPECT_EQ(profile.max_age, seconds{45});
  EXPECT_EQ(profile.clock_skew, seconds{5});
  EXPECT_EQ(profile.claim_nonce, "/c/n");
  EXPECT_EQ(profile.claim_audience, "");
  EXPECT_EQ(profile.claim_managed, "/state");
  EXPECT_EQ(profile.last_checkin_format, "epoch_ms");
  EXPECT_EQ(profile.claim_patch_status, "");
}

struct ProblemCase {
  std::string_view name;
  std::string_view changes;
  std::string_view field;
  std::string_view message;  // a part of it
};
constexpr ProblemCase kProblems[] = {
    {"certificate absent", R"({"public_certificate":null})", "public_certificate", "is missing"},
    {"certificate empty", R"({"public_certificate":""})", "public_certificate", "no PEM block"},
    {"certificate list empty", R"({"public_certificate":[]})", "public_certificate", "PEM form"},
    {"certificate of wrong type", R"({"public_certificate":7})", "public_certificate", "PEM form"},
    {"certificate list with number", R"({"public_certificate":[7]})", "public_certificate[0]",
     "PEM form"},
    {"certificate not PEM", R"({"public_certificate":"MIIB"})", "public_certificate", "no PEM"},
    {"certificate cut off", R"({"public_certificate":"-----BEGIN CERTIFICATE-----\nMIIB"})",
     "public_certificate", "without its end"},
    {"certificate label broken", R"({"public_certificate":"-----BEGIN CERT"})",
     "public_certificate", "broken PEM"},
    {"stray end line", R"({"public_certificate":"-----END CERTIFICATE-----"})",
     "public_certificate", "outside a block"},
    {"certificate garbage",
     R"({"public_certificate":"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"})",
     "public_certificate", "can be read"},
    {"private key pasted",
     R"({"public_certificate":"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"})",
     "public_certificate", "private key"},
    {"port zero", R"({"port":0})", "port", "1 to 65535"},
    {"port too high", R"({"port":65536})", "port", "1 to 65535"},
    {"port text", R"({"port":"17472"})", "port", "whole number"},
    {"port fraction", R"({"port":1.5})", "port", "whole number"},
    {"unknown key", R"({"prot":17472})", "prot", "did you mean `port`"},
    {"unknown key far away", R"({"zzzzzzzzzz":1})", "zzzzzzzzzz", "is not known"},
    {"unknown key below", R"({"exchange":{"mehtod":"GET"}})", "exchange.mehtod", "`method`"},
    {"unknown claim", R"({"claims":{"hostnam":"/h"}})", "claims.hostnam", "`hostname`"},
    {"section of wrong type", R"({"exchange":[]})", "exchange", "must be an object"},
    {"candidates empty", R"({"exchange":{"candidates":[]}})", "exchange.candidates", "one to"},
    {"candidates a text", R"({"exchange":{"candidates":"http://127.0.0.1:{port}"}})",
     "exchange.candidates", "list"},
    {"candidate of wrong type", R"({"exchange":{"candidates":[1]}})", "exchange.candidates[0]",
     "must be a text"},
    {"candidate scheme", R"({"exchange":{"candidates":["ws://127.0.0.1:{port}"]}})",
     "exchange.candidates[0]", "http://"},
    {"candidate without port", R"({"exchange":{"candidates":["http://127.0.0.1"]}})",
     "exchange.candidates[0]", "port"},
    {"candidate with path", R"({"exchange":{"candidates":["http://127.0.0.1:{port}/x"]}})",
     "exchange.candidates[0]", "no path"},
    {"candidate port zero", R"({"exchange":{"candidates":["http://127.0.0.1:0"]}})",
     "exchange.candidates[0]", "port"},
    {"candidate port too high", R"({"exchange":{"candidates":["http://127.0.0.1:65536"]}})",
     "exchange.candidates[0]", "port"},
    {"candidate IPv6", R"({"exchange":{"candidates":["http://[::1]:{port}"]}})",
     "exchange.candidates[0]", "IPv6"},
    {"candidate plain http elsewhere",
     R"({"exchange":{"candidates":["http://agent.example.com:{port}"]}})", "exchange.candidates[0]",
     "127.0.0.1"},
    {"candidate with user", R"({"exchange":{"candidates":["https://a@b:{port}"]}})",
     "exchange.candidates[0]", "host name"},
    {"candidate that adds to the CSP", R"({"exchange":{"candidates":["https://a.b; *:{port}"]}})",
     "exchange.candidates[0]", "host name"},
    {"candidate in capitals", R"({"exchange":{"candidates":["https://AGENT.example:{port}"]}})",
     "exchange.candidates[0]", "lower case"},
    {"method", R"({"exchange":{"method":"PUT"}})", "exchange.method", "`POST`, `GET`"},
    {"path relative", R"({"exchange":{"path":"lpx"}})", "exchange.path", "begin with `/`"},
    {"path with query", R"({"exchange":{"path":"/a?b"}})", "exchange.path", "without `?`"},
    {"encoding", R"({"exchange":{"request":{"encoding":"xml"}}})", "exchange.request.encoding",
     "`xml` is not one of"},
    {"GET with a body", R"({"exchange":{"method":"GET","request":{"encoding":"json"}}})",
     "exchange.request.encoding", "`query`"},
    {"nonce field", R"({"exchange":{"request":{"nonce_field":"a b"}}})",
     "exchange.request.nonce_field", "letters"},
    {"no nonce sent but required", R"({"exchange":{"request":{"nonce_field":""}}})",
     "exchange.request.nonce_field", "must not be empty"},
    {"same field twice", R"({"exchange":{"request":{"audience_field":"nonce"}}})",
     "exchange.request.audience_field", "differ"},
    {"extra of wrong type", R"({"exchange":{"request":{"extra":[]}}})", "exchange.request.extra",
     "object"},
    {"extra hides the nonce", R"({"exchange":{"request":{"extra":{"nonce":"x"}}}})",
     "exchange.request.extra.nonce", "nonce_field"},
    {"extra nested in a form", R"({"exchange":{"request":{"encoding":"form","extra":{"a":{}}}}})",
     "exchange.request.extra.a", "this encoding"},
    {"extra with a bad name", R"({"exchange":{"request":{"extra":{"a b":1}}}})",
     "exchange.request.extra", "letters"},
    {"token source", R"({"exchange":{"response":{"token_source":"cookie"}}})",
     "exchange.response.token_source", "json:/pointer"},
    {"token source pointer", R"({"exchange":{"response":{"token_source":"json:token"}}})",
     "exchange.response.token_source", "json:/pointer"},
    {"token source header", R"({"exchange":{"response":{"token_source":"header:"}}})",
     "exchange.response.token_source", "header:Name"},
    {"detached signature", R"({"exchange":{"response":{"signature":"detached"}}})",
     "exchange.response.signature", "`detached` is not supported"},
    {"timeout too short", R"({"exchange":{"timeouts":{"exchange_ms":99}}})",
     "exchange.timeouts.exchange_ms", "100 to 120000"},
    {"timeout too long", R"({"exchange":{"timeouts":{"exchange_ms":120001}}})",
     "exchange.timeouts.exchange_ms", "100 to 120000"},
    {"probe", R"({"exchange":{"timeouts":{"probe_ms":800}}})", "exchange.timeouts.probe_ms",
     "not supported"},
    {"address space", R"({"exchange":{"target_address_space":"lan"}})",
     "exchange.target_address_space", "`loopback`"},
    {"agent push", R"({"exchange":{"delivery":"agent_push"}})", "exchange.delivery",
     "`agent_push` is not supported"},
    {"algorithms empty", R"({"token":{"algs":[]}})", "token.algs", "list"},
    {"algorithm none", R"({"token":{"algs":["none"]}})", "token.algs", "`none`"},
    {"algorithm HMAC", R"({"token":{"algs":["ES256","HS256"]}})", "token.algs", "shared secrets"},
    {"algorithm of no key", R"({"token":{"algs":["RS256"]}})", "token.algs", "no algorithm"},
    {"chain mode ca", R"({"token":{"chain_mode":"ca"}})", "token.chain_mode", "not supported"},
    {"issuer of wrong type", R"({"token":{"issuer":5}})", "token.issuer", "text"},
    {"nonce mode", R"({"token":{"nonce_mode":"maybe"}})", "token.nonce_mode", "`required`"},
    {"nonce encoding", R"({"token":{"nonce_encoding":"hex"}})", "token.nonce_encoding", "`plain`"},
    {"max age a number", R"({"token":{"max_age":60}})", "token.max_age", "text"},
    {"max age without unit", R"({"token":{"max_age":"60"}})", "token.max_age", "duration"},
    {"max age in fractions", R"({"token":{"max_age":"1500ms"}})", "token.max_age", "whole seconds"},
    {"max age zero", R"({"token":{"max_age":"0s"}})", "token.max_age", "from 1s"},
    {"max age too long", R"({"token":{"max_age":"3601s"}})", "token.max_age", "to 1h"},
    {"no nonce and old answers", R"({"token":{"nonce_mode":"none","max_age":"61s"}})",
     "token.max_age", "at most 60s"},
    {"nonce optional and old answers", R"({"token":{"nonce_mode":"if_present","max_age":"61s"}})",
     "token.max_age", "at most 60s"},
    {"skew too long", R"({"token":{"clock_skew":"301s"}})", "token.clock_skew", "to 5m"},
    {"pointer", R"({"claims":{"hostname":"device/hostname"}})", "claims.hostname", "JSON pointer"},
    {"pointer escape", R"({"claims":{"hostname":"/a~2"}})", "claims.hostname", "JSON pointer"},
    {"managed not mapped", R"({"claims":{"managed":""}})", "claims.managed", "not be empty"},
    {"nonce not mapped", R"({"claims":{"nonce":""}})", "claims.nonce", "not be empty"},
    {"true values empty", R"({"claims":{"managed_true_values":[]}})", "claims.managed_true_values",
     "list"},
    {"true values nested", R"({"claims":{"managed_true_values":[[]]}})",
     "claims.managed_true_values", "list"},
    {"checkin format", R"({"claims":{"last_checkin_format":"iso"}})", "claims.last_checkin_format",
     "`rfc3339`"},
    {"trust the managed claim", R"({"managed":{"missing_last_checkin":"trust_managed_claim"}})",
     "managed.missing_last_checkin", "not supported"},
    {"age in the wrong place", R"({"managed":{"max_checkin_age":"168h"}})",
     "managed.max_checkin_age", "input.max_checkin_age"},
};

TEST(TaniumProfile, EveryProblemNamesItsField) {
  for (const ProblemCase& c : kProblems) {
    SCOPED_TRACE(c.name);
    const auto profile = read_tanium_profile(integration(c.changes));
    ASSERT_FALSE(profile);
    ASSERT_EQ(profile.error().size(), 1u) << text_of(profile.error());
    EXPECT_EQ(profile.error()[0].field, c.field);
    EXPECT_NE(profile.error()[0].message.find(c.message), std::string::npos)
        << profile.error()[0].message;
  }
}

TEST(TaniumProfile, AllProblemsAtOnce) {
  const auto profile = read_tanium_profile(integration(
      R"({"port":0,"public_certificate":"x","exchange":{"method":"PUT"},
           "token":{"max_age":"x"}})"));
  ASSERT_FALSE(profile);
  EXPECT_EQ(profile.error().size(), 4u) << text_of(profile.error());
}

TEST(TaniumProfile, AnotherTypeIsRefused) {
  auto other = integration();
  other.type = "tanium_s2s";
  const auto profile = read_tanium_profile(other);
  ASSERT_FALSE(profile);
  EXPECT_EQ(profile.error()[0].field, "type");
}

TEST(TaniumProfile, SeveralKeysInOneTextOrInAList) {
  const std::string first = device_key().public_key().to_spki_pem();
  const std::string second = certificate_of(other_key(), kNow, kNow + seconds{60});
  auto one_text = integration();
  one_text.config["public_certificate"] = "comment\n" + first + "\nanother\n" + second;
  ASSERT_TRUE(read_tanium_profile(one_text));
  EXPECT_EQ(read_tanium_profile(one_text)->keys.size(), 2u);
  auto list = integration();
  list.config["public_certificate"] = json::array{first, second};
  ASSERT_TRUE(read_tanium_profile(list));
  EXPECT_EQ(read_tanium_profile(list)->keys.size(), 2u);
  auto many = integration();
  many.config["public_certificate"] = json::array(17, json::value(first));
  const auto refused = read_tanium_profile(many);
  ASSERT_FALSE(refused);
  EXPECT_EQ(text_of(refused.error()), "public_certificate: must hold at most 16 keys\n");
}

TEST(TaniumProfile, AnyPrivateKeyIsNamedAndNotEchoed) {
  const std::string pem{device_key().to_pem().reveal()};
  auto pasted = integration();
  pasted.config["public_certificate"] = device_key().public_key().to_spki_pem() + pem;
  const auto profile = read_tanium_profile(pasted);
  ASSERT_FALSE(profile);
  EXPECT_EQ(text_of(profile.error()),
            "public_certificate: block 2 is a private key; give the certificate or the public key, "
            "and replace this key: it has been disclosed\n");
}

// ---- what the page is told

TEST(TaniumInstructions, Default) {
  EXPECT_EQ(json::serialize(exchange_instructions(profile_of(), "n-1", kAudience)),
            R"({"candidates":["http://127.0.0.1:17472"],"method":"POST","path":"/lpx/v1/attest",)"
            R"("encoding":"json","fields":{"nonce":"n-1","aud":"https://auth.example.com"},)"
            R"("token_source":"auto","timeout_ms":5000,"target_address_space":"loopback"})");
}

TEST(TaniumInstructions, GetSendsTheQueryAndFieldsCanBeNamed) {
  const json::object instructions = exchange_instructions(
      profile_of(R"({"exchange":{"method":"GET","request":{"nonce_field":"challenge",
                 "extra":{"v":2,"x":true}}},"token":{"audience":"gh"}})"),
      "n-1", kAudience);
  EXPECT_EQ(instructions.at("method"), "GET");
  EXPECT_EQ(instructions.at("encoding"), "query");
  EXPECT_EQ(json::serialize(instructions.at("fields")),
            R"({"challenge":"n-1","aud":"gh","v":2,"x":true})");
}

TEST(TaniumInstructions, FieldsCanBeLeftOut) {
  const json::object instructions = exchange_instructions(
      profile_of(R"({"exchange":{"request":{"nonce_field":"","audience_field":""}},
                     "token":{"nonce_mode":"none"}})"),
      "n-1", kAudience);
  EXPECT_EQ(json::serialize(instructions.at("fields")), "{}");
}

// ---- the answer

TEST(TaniumAnswer, GoodAnswerGivesEvidence) {
  const Verified verified = verify(good_claims());
  ASSERT_TRUE(verified) << outcome(verified);
  const model::PostureEvidence& evidence = verified->evidence;
  EXPECT_EQ(evidence.integration_id, "7d0d5b1c-0000-4000-8000-000000000001");
  EXPECT_EQ(evidence.device_id, "endpoint-4711");
  EXPECT_EQ(evidence.established_at, kNow);
  EXPECT_EQ(evidence.managed, true);
  EXPECT_EQ(evidence.last_checkin, kNow - seconds{100});
  EXPECT_EQ(evidence.patch_compliant, true);
  EXPECT_EQ(evidence.vulnerability_score, 12.5);
  EXPECT_EQ(evidence.hostname, "pc-17");
  EXPECT_EQ(evidence.serial_number, "C02X");
  EXPECT_EQ(verified->replay_id.size(), 64u);
  EXPECT_EQ(verified->replay_until, kNow + seconds{90});  // exp + skew comes first
}

struct AnswerCase {
  std::string_view name;
  std::string_view changes;  // JSON text; null removes the claim
  std::string_view expected;
};
const std::string kAccepted = "accepted";

json::object changed(std::string_view changes) {
  json::object claims = good_claims();
  for (const auto& member : object_of(changes)) {
    if (member.value().is_null()) {
      claims.erase(member.key());
    } else {
      claims[member.key()] = member.value();
    }
  }
  return claims;
}

constexpr std::string_view kOtherAudience = "the answer is meant for another gateway";
constexpr std::string_view kOtherQuestion = "the answer belongs to another question";
constexpr std::string_view kTooOld = "the answer is too old";
constexpr std::string_view kFuture = "the answer comes from the future";
constexpr std::string_view kNoTime = "the answer does not say when it was signed";
constexpr std::string_view kNotToken = "the answer is not a token";

constexpr AnswerCase kAnswers[] = {
    {"audience in a list", R"({"aud":["x","https://auth.example.com"]})", "accepted"},
    {"other audience", R"({"aud":"https://auth.example.org"})", kOtherAudience},
    {"audience with a slash", R"({"aud":"https://auth.example.com/"})", kOtherAudience},
    {"audience list without ours", R"({"aud":["x"]})", kOtherAudience},
    {"audience list empty", R"({"aud":[]})", kOtherAudience},
    {"audience a number", R"({"aud":1})", kOtherAudience},
    {"audience absent", R"({"aud":null})", kOtherAudience},
    {"nonce absent", R"({"nonce":null})", kOtherQuestion},
    {"nonce empty", R"({"nonce":""})", kOtherQuestion},
    {"nonce a number", R"({"nonce":1})", kOtherQuestion},
    {"nonce of another session", R"({"nonce":"c29tZXRoaW5nIGVsc2UgZW50aXJlbHk"})", kOtherQuestion},
    {"nonce a prefix", R"({"nonce":"q3JvY2tldC1ub25jZS10aGF0LWlzLWxvbmctZW5vdWd"})",
     kOtherQuestion},
    {"exp only", R"({"iat":null})", "accepted"},
    {"iat only", R"({"exp":null})", "accepted"},
    {"no time", R"({"iat":null,"exp":null})", kNoTime},
    {"iat a text", R"({"iat":"1700000000"})", kNotToken},
    {"iat negative", R"({"iat":-1})", kNotToken},
    {"iat beyond the calendar", R"({"iat":1e300})", kNotToken},
    {"exp a text", R"({"exp":"soon"})", kNotToken},
    {"nbf a truth value", R"({"nbf":true})", kNotToken},
    {"iat with a fraction", R"({"iat":1700000000.75})", "accepted"},
    // skew 30 s, max_age 60 s: the last second that counts, and the next
    {"iat at the edge of the future", R"({"iat":1700000030})", "accepted"},
    {"iat in the future", R"({"iat":1700000031})", kFuture},
    {"nbf at the edge", R"({"nbf":1700000030})", "accepted"},
    {"nbf in the future", R"({"nbf":1700000031})", kFuture},
    {"exp at the edge", R"({"exp":1699999971})", "accepted"},
    {"exp passed", R"({"exp":1699999970})", kTooOld},
    {"age at the edge", R"({"iat":1699999910,"exp":null})", "accepted"},
    {"age passed", R"({"iat":1699999909,"exp":null})", kTooOld},
    {"age passed though exp is far", R"({"iat":1699999909,"exp":1800000000})", kTooOld},
};

TEST(TaniumAnswer, TimeAudienceAndNonce) {
  for (const AnswerCase& c : kAnswers) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(outcome(verify(changed(c.changes))), c.expected);
  }
}

TEST(TaniumAnswer, EvidenceNeverComesFromTheFuture) {
  EXPECT_EQ(verify(changed(R"({"iat":1700000020})"))->evidence.established_at, kNow);
  EXPECT_EQ(verify(changed(R"({"iat":1699999990})"))->evidence.established_at, kNow - seconds{10});
  EXPECT_EQ(verify(changed(R"({"iat":null})"))->evidence.established_at, kNow);
}

TEST(TaniumAnswer, IssuerIsComparedWhenConfigured) {
  const TaniumProfile profile = profile_of(R"({"token":{"issuer":"tanium.example.com"}})");
  EXPECT_EQ(outcome(verify(good_claims(), profile)), kAccepted);
  EXPECT_EQ(outcome(verify(changed(R"({"iss":"other"})"), profile)),
            "the answer comes from another issuer");
  EXPECT_EQ(outcome(verify(changed(R"({"iss":null})"), profile)),
            "the answer comes from another issuer");
}

TEST(TaniumAnswer, AudienceOfTheProfileGoesBefore) {
  const TaniumProfile profile = profile_of(R"({"token":{"audience":"gatehouse"}})");
  EXPECT_EQ(outcome(verify(good_claims(), profile)), kOtherAudience);
  EXPECT_EQ(outcome(verify(changed(R"({"aud":"gatehouse"})"), profile)), kAccepted);
  const TaniumProfile unchecked = profile_of(R"({"claims":{"audience":""}})");
  EXPECT_EQ(outcome(verify(changed(R"({"aud":null})"), unchecked)), kAccepted);
}

TEST(TaniumAnswer, NonceModes) {
  const TaniumProfile if_present = profile_of(R"({"token":{"nonce_mode":"if_present"}})");
  EXPECT_EQ(outcome(verify(good_claims(), if_present)), kAccepted);
  EXPECT_EQ(outcome(verify(changed(R"({"nonce":null})"), if_present)), kAccepted);
  EXPECT_EQ(outcome(verify(changed(R"({"nonce":"other"})"), if_present)), kOtherQuestion);
  EXPECT_EQ(outcome(verify(changed(R"({"nonce":null,"iat":null})"), if_present)), kNoTime);
  const TaniumProfile none = profile_of(R"({"token":{"nonce_mode":"none"}})");
  EXPECT_EQ(outcome(verify(changed(R"({"nonce":"other"})"), none)), kAccepted);
  EXPECT_EQ(outcome(verify(changed(R"({"nonce":null,"iat":null})"), none)), kNoTime);
  const TaniumProfile hashed = profile_of(R"({"token":{"nonce_encoding":"sha256_b64url"}})");
  EXPECT_EQ(outcome(verify(good_claims(), hashed)), kOtherQuestion);
  json::object claims = good_claims();
  claims["nonce"] = base64url_encode(crypto::sha256(kNonce));
  EXPECT_EQ(outcome(verify(claims, hashed)), kAccepted);
}

TEST(TaniumAnswer, AnEmptyQuestionMatchesNothing) {
  json::object claims = good_claims();
  claims["nonce"] = "";
  EXPECT_EQ(outcome(verify_tanium_answer(profile_of(), sign(claims), "", kAudience, kNow)),
            kOtherQuestion);
  claims["nonce"] = kNonce;
  claims["aud"] = "";
  EXPECT_EQ(outcome(verify_tanium_answer(profile_of(), sign(claims), kNonce, "", kNow)),
            kOtherAudience);
}

TEST(TaniumAnswer, AbsentOrOddSignalsStayUnset) {
  const Verified bare = verify(changed(
      R"({"managed":null,"last_checkin":null,"patch_status":null,"vulnerability":null,
          "device":null,"sub":null})"));
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->evidence.managed, std::nullopt);
  EXPECT_EQ(bare->evidence.last_checkin, std::nullopt);
  EXPECT_EQ(bare->evidence.patch_compliant, std::nullopt);
  EXPECT_EQ(bare->evidence.vulnerability_score, std::nullopt);
  EXPECT_EQ(bare->evidence.device_id + bare->evidence.hostname + bare->evidence.serial_number, "");
  const Verified odd = verify(changed(
      R"({"managed":{},"last_checkin":"yesterday","patch_status":{"compliant":"yes"},
          "vulnerability":{"score":"low"},"device":{"hostname":7,"serial_number":"a\nb"},
          "sub":["x"]})"));
  ASSERT_TRUE(odd);
  EXPECT_EQ(odd->evidence.managed, std::nullopt);
  EXPECT_EQ(odd->evidence.last_checkin, std::nullopt);
  EXPECT_EQ(odd->evidence.patch_compliant, std::nullopt);
  EXPECT_EQ(odd->evidence.vulnerability_score, std::nullopt);
  EXPECT_EQ(odd->evidence.device_id + odd->evidence.hostname + odd->evidence.serial_number, "");
  json::object long_name = good_claims();
  long_name["sub"] = std::string(256, 'x');
  EXPECT_EQ(verify(long_name)->evidence.device_id.size(), 256u);
  long_name["sub"] = std::string(257, 'x');
  EXPECT_EQ(verify(long_name)->evidence.device_id, "");
}

struct ManagedCase {
  std::string_view name;
  std::string_view true_values;
  std::string_view claim;
  std::optional<bool> expected;
};
constexpr ManagedCase kManaged[] = {
    {"true", "", "true", true},
    {"false", "", "false", false},
    {"text true", "", R"("true")", true},
    {"text True", "", R"("True")", false},
    {"one", "", "1", true},
    {"zero", "", "0", false},
    {"managed", "", R"("managed")", true},
    {"unmanaged", "", R"("unmanaged")", false},
    {"list", "", "[true]", std::nullopt},
    {"null inside", "", R"({"x":null})", std::nullopt},
    {"own word", R"(["enrolled"])", R"("enrolled")", true},
    {"true is not the own word", R"(["enrolled"])", "true", false},
    {"turned round", "[false]", "false", true},
    {"turned round true", "[false]", "true", false},
};

TEST(TaniumAnswer, ManagedTrueValues) {
  for (const ManagedCase& c : kManaged) {
    SCOPED_TRACE(c.name);
    const std::string changes = c.true_values.empty() ? "{}"
                                                      : R"({"claims":{"managed_true_values":)" +
                                                            std::string(c.true_values) + "}}";
    const Verified verified =
        verify(changed(R"({"managed":)" + std::string(c.claim) + "}"), profile_of(changes));
    ASSERT_TRUE(verified);
    EXPECT_EQ(verified->evidence.managed, c.expected);
  }
}

struct CheckinCase {
  std::string_view name;
  std::string_view format;
  std::string_view claim;
  std::optional<std::int64_t> expected;
};
constexpr CheckinCase kCheckins[] = {
    {"epoch", "epoch", "1699990000", 1699990000},
    {"epoch fraction", "epoch", "1699990000.9", 1699990000},
    {"epoch zero", "epoch", "0", 0},
    {"epoch text", "epoch", R"("1699990000")", std::nullopt},
    {"epoch negative", "epoch", "-1", std::nullopt},
    {"epoch huge", "epoch", "18446744073709551615", std::nullopt},
    {"epoch at the skew", "epoch", "1700000030", 1700000030},
    {"epoch in the future", "epoch", "1700000031", std::nullopt},
    {"milliseconds where seconds are expected", "epoch", "1699990000000", std::nullopt},
    {"epoch_ms", "epoch_ms", "1699990000999", 1699990000},
    {"epoch_ms in the future", "epoch_ms", "1700000031000", std::nullopt},
    {"rfc3339", "rfc3339", R"("2023-11-14T22:13:20Z")", 1700000000},
    {"rfc3339 with offset", "rfc3339", R"("2023-11-14T23:13:20+01:00")", 1700000000},
    {"rfc3339 without zone", "rfc3339", R"("2023-11-14T22:13:20")", std::nullopt},
    {"rfc3339 as a number", "rfc3339", "1700000000", std::nullopt},
    {"seconds_ago", "seconds_ago", "604800", 1699395200},
    {"seconds_ago zero", "seconds_ago", "0", 1700000000},
    {"seconds_ago negative", "seconds_ago", "-5", std::nullopt},
};

TEST(TaniumAnswer, LastCheckinFormats) {
  for (const CheckinCase& c : kCheckins) {
    SCOPED_TRACE(c.name);
    const Verified verified = verify(
        changed(R"({"last_checkin":)" + std::string(c.claim) + "}"),
        profile_of(R"({"claims":{"last_checkin_format":")" + std::string(c.format) + R"("}})"));
    ASSERT_TRUE(verified);
    std::optional<std::int64_t> got;
    if (verified->evidence.last_checkin) got = to_epoch_seconds(*verified->evidence.last_checkin);
    EXPECT_EQ(got, c.expected);
  }
}

TEST(TaniumAnswer, SecondsAgoCountsFromTheSignature) {
  const Verified verified =
      verify(changed(R"({"iat":1699999990,"last_checkin":90})"),
             profile_of(R"({"claims":{"last_checkin_format":"seconds_ago"}})"));
  EXPECT_EQ(verified->evidence.last_checkin, kNow - seconds{100});
}

TEST(TaniumAnswer, AnotherFormatIsOnlyConfiguration) {
  const TaniumProfile profile = profile_of(R"({
    "token": {"algs": ["ES256"], "issuer": "srv", "audience": "corp"},
    "claims": {"nonce": "/challenge/value", "audience": "/for", "device_id": "/endpoint/id",
               "managed": "/endpoint/state", "managed_true_values": ["enrolled"],
               "last_checkin": "/endpoint/seen", "last_checkin_format": "rfc3339",
               "patch_status": "/patches/0/ok", "vulnerability_score": "/risk/a~1b",
               "hostname": "/endpoint/name", "serial_number": ""}})");
  json::object claims = object_of(R"({
    "iss":"srv","for":["corp"],"iat":1700000000,
    "endpoint":{"id":"e1","state":"enrolled","seen":"2023-11-14T22:13:20Z","name":"n"},
    "patches":[{"ok":false}],"risk":{"a/b":3}})");
  claims["challenge"] = {{"value", kNonce}};
  const Verified verified = verify(claims, profile);
  ASSERT_TRUE(verified) << outcome(verified);
  EXPECT_EQ(verified->evidence.device_id, "e1");
  EXPECT_EQ(verified->evidence.managed, true);
  EXPECT_EQ(verified->evidence.last_checkin, kNow);
  EXPECT_EQ(verified->evidence.patch_compliant, false);
  EXPECT_EQ(verified->evidence.vulnerability_score, 3.0);
  EXPECT_EQ(verified->evidence.hostname, "n");
  EXPECT_EQ(verified->evidence.serial_number, "");
}

TEST(TaniumAnswer, KeysAndAlgorithms) {
  const TaniumProfile rsa = profile_of("{}", rsa_key());
  const jose::PrivateKey ed25519 = ed25519_key();
  const TaniumProfile edwards = profile_of("{}", ed25519);
  const auto verified = [](const TaniumProfile& profile, const std::string& token) {
    return outcome(verify_tanium_answer(profile, token, kNonce, kAudience, kNow));
  };
  constexpr std::string_view kBad = "the answer is not signed with a configured key";
  EXPECT_EQ(verified(rsa, sign(good_claims(), rsa_key(), jose::Algorithm::RS256)), kAccepted);
  EXPECT_EQ(verified(rsa, sign(good_claims(), rsa_key(), jose::Algorithm::PS256)), kAccepted);
  EXPECT_EQ(verified(edwards, sign(good_claims(), ed25519, jose::Algorithm::EdDSA)), kAccepted);
  EXPECT_EQ(verified(rsa, sign(good_claims())), kBad);
  EXPECT_EQ(verified(rsa, sign(good_claims(), rsa_key(), jose::Algorithm::RS512)), kBad);
  const TaniumProfile only_ps256 = profile_of(R"({"token":{"algs":["PS256"]}})", rsa_key());
  EXPECT_EQ(verified(only_ps256, sign(good_claims(), rsa_key(), jose::Algorithm::RS256)), kBad);
  EXPECT_EQ(verified(only_ps256, sign(good_claims(), rsa_key(), jose::Algorithm::PS256)),
            kAccepted);
}

TEST(TaniumAnswer, CertificatesCountWithinTheirValidityOnly) {
  const Instant from = kNow + seconds{1000};
  const Instant to = kNow + seconds{2000};
  auto with_certificate = integration();
  with_certificate.config["public_certificate"] = certificate_of(device_key(), from, to);
  const TaniumProfile profile = read_tanium_profile(with_certificate).value();
  const auto at = [&](const TaniumProfile& under, Instant now) {
    json::object claims = good_claims();
    claims["iat"] = to_epoch_seconds(now);
    claims["exp"] = to_epoch_seconds(now) + 60;
    return outcome(verify(claims, under, now));
  };
  const std::string expired{to_string(TaniumError::KeyExpired)};
  EXPECT_EQ(at(profile, from - seconds{1}), expired);
  EXPECT_EQ(at(profile, from), kAccepted);
  EXPECT_EQ(at(profile, to), kAccepted);
  EXPECT_EQ(at(profile, to + seconds{1}), expired);
  // Roll-over: the old certificate no longer counts although the new one does.
  with_certificate.config["public_certificate"] =
      json::array{certificate_of(device_key(), from, to),
                  certificate_of(other_key(), from, to + seconds{5000})};
  const TaniumProfile two = read_tanium_profile(with_certificate).value();
  EXPECT_EQ(at(two, to), kAccepted);
  EXPECT_EQ(at(two, to + seconds{1}), to_string(TaniumError::BadSignature));
}

TEST(TaniumAnswer, ReplayIdIsTheSameForEverySpelling) {
  const auto id = [](const std::string& token) {
    const Verified verified = verify_tanium_answer(profile_of(), token, kNonce, kAudience, kNow);
    return verified ? verified->replay_id : outcome(verified);
  };
  json::object claims = good_claims();
  // ECDSA signs with a fresh secret each time: two signatures, one jti.
  EXPECT_EQ(id(sign(claims)), id(sign(claims)));
  const std::string first = id(sign(claims));
  claims["jti"] = "other";
  EXPECT_NE(id(sign(claims)), first);
  claims.erase("jti");
  const std::string without = id(sign(claims));
  EXPECT_EQ(id(sign(claims)), without);
  claims["jti"] = "";
  EXPECT_NE(id(sign(claims)), without);
  claims["jti"] = 5;
  EXPECT_EQ(id(sign(claims)).size(), 64u);
  // The same jti of another device is another answer.
  claims["jti"] = "4d1f";
  claims["sub"] = "endpoint-1";
  EXPECT_NE(id(sign(claims)), first);
}

TEST(TaniumAnswer, ReplayUntilIsWhenTheTokenIsRefusedAnyway) {
  for (const std::string_view changes : {R"({})", R"({"exp":null})", R"({"iat":null})",
                                         R"({"exp":1800000000})", R"({"iat":1699999950})"}) {
    SCOPED_TRACE(changes);
    const json::object claims = changed(changes);
    const Verified verified = verify(claims);
    ASSERT_TRUE(verified);
    EXPECT_EQ(outcome(verify(claims, profile_of(), verified->replay_until - seconds{1})),
              kAccepted);
    EXPECT_EQ(outcome(verify(claims, profile_of(), verified->replay_until)), kTooOld);
  }
}

// ---- hostile answers: the rows `answer-*`, `cert-*` and `port-squatter` of the shared table

TEST(TaniumHostile, EveryRowOfTheSharedTable) {
  std::ifstream file(GATEHOUSE_SHARED_TESTKIT "/hostile/agent-attacks.json");
  if (!file) GTEST_SKIP() << "the shared test kit is not here";
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const TaniumProfile profile = profile_of();
  const auto verified = [&](std::string_view token) {
    return outcome(verify_tanium_answer(profile, token, kNonce, kAudience, kNow));
  };
  constexpr std::string_view kHeader = R"({"alg":"ES256","typ":"lpx+jwt"})";
  const std::string bad{to_string(TaniumError::BadSignature)};
  const std::string payload = json::serialize(good_claims());
  const std::map<std::string, std::function<void()>> rows = {
      {"answer-tamper",
       [&] {
         json::object unmanaged = good_claims();
         unmanaged["managed"] = false;
         const std::string token = sign(unmanaged);
         ASSERT_TRUE(verified(token) == kAccepted);
         const std::string forged = token.substr(0, token.find('.') + 1) +
                                    base64url_encode(payload) + token.substr(token.rfind('.'));
         EXPECT_EQ(verified(forged), bad);
       }},
      {"answer-alg-none",
       [&] {
         const std::string unsigned_token =
             base64url_encode(R"({"alg":"none"})") + "." + base64url_encode(payload) + ".";
         EXPECT_NE(verified(unsigned_token), kAccepted);
         EXPECT_EQ(verified(sign_raw(R"({"alg":"none"})", payload)), bad);
         EXPECT_EQ(verified(sign_raw(R"({"alg":"HS256"})", payload)), bad);
       }},
      {"answer-other-key", [&] { EXPECT_EQ(verified(sign(good_claims(), other_key())), bad); }},
      {"answer-old",
       [&] {
         // The age limit is the posture rule's; the evidence tells it exactly.
         json::object claims = good_claims();
         claims["last_checkin"] = to_epoch_seconds(kNow) - 604801;
         EXPECT_EQ(verify(claims)->evidence.last_checkin, kNow - seconds{604801});
       }},
      {"answer-future",
       [&] {
         EXPECT_EQ(outcome(verify(changed(R"({"iat":1700000031})"))), kFuture);
         EXPECT_EQ(verify(changed(R"({"last_checkin":1700000031})"))->evidence.last_checkin,
                   std::nullopt);
       }},
      {"answer-wrong-aud",
       [&] {
         EXPECT_EQ(outcome(verify(changed(R"({"aud":"https://auth.other.example"})"))),
                   kOtherAudience);
       }},
      {"answer-huge",
       [&] {
         EXPECT_EQ(verified(std::string(10'000'000, 'a')), kNotToken);
         json::object claims = good_claims();
         claims["padding"] = std::string(model::kMaxPostureTokenBytes, 'x');
         EXPECT_EQ(verified(sign(claims)), kNotToken);
       }},
      {"answer-dup-keys",
       [&] {
         std::string twice = payload;
         twice.insert(1, R"("managed":false,)");
         EXPECT_EQ(verified(sign_raw(kHeader, payload)), kAccepted);
         EXPECT_EQ(verified(sign_raw(kHeader, twice)), kNotToken);
         EXPECT_EQ(verified(sign_raw(R"({"alg":"ES256","alg":"ES256"})", payload)), kNotToken);
       }},
      {"answer-nested",
       [&] {
         std::string nested = payload;
         nested.insert(1, "\"x\":" + std::string(5000, '[') + std::string(5000, ']') + ",");
         EXPECT_EQ(verified(sign_raw(kHeader, nested)), kNotToken);
       }},
      {"cert-expired",
       [&] {
         auto expired = integration();
         expired.config["public_certificate"] =
             certificate_of(device_key(), kNow - seconds{100}, kNow - seconds{1});
         EXPECT_EQ(outcome(verify(good_claims(), read_tanium_profile(expired).value())),
                   "every configured certificate has expired or is not valid yet");
       }},
      {"cert-wrong-purpose",
       [&] {
         auto other = integration();
         other.config["public_certificate"] = certificate_not_for_signing();
         const auto refused = read_tanium_profile(other);
         ASSERT_FALSE(refused);
         EXPECT_NE(refused.error()[0].message.find("key usage"), std::string::npos)
             << refused.error()[0].message;
       }},
      {"port-squatter",
       [&] {
         for (const std::string_view answer :
              {"", "<html>", "..", "a.b.c", R"({"managed":true})", "HTTP/1.1 200 OK"}) {
           EXPECT_EQ(verified(answer), kNotToken) << answer;
         }
         EXPECT_EQ(verified(sign(good_claims(), other_key())), bad);
       }},
  };
  std::set<std::string> ran;
  const json::value table = json::parse(text).value();
  for (const json::value& row : table.as_array()) {
    const std::string id{json::find_string(row.as_object(), "id").value()};
    const auto found = rows.find(id);
    const bool is_ours = id.starts_with("answer-") || id.starts_with("cert-");
    EXPECT_TRUE(found != rows.end() || !is_ours) << "a row without a case: " << id;
    if (found == rows.end()) continue;
    SCOPED_TRACE(id);
    found->second();
    ran.insert(id);
  }
  EXPECT_EQ(ran.size(), rows.size());
}

TEST(TaniumHostile, OtherSpellingsOfAToken) {
  const std::string token = sign(good_claims());
  const auto verified = [](std::string_view other) {
    return outcome(verify_tanium_answer(profile_of(), other, kNonce, kAudience, kNow));
  };
  ASSERT_EQ(verified(token), kAccepted);
  EXPECT_EQ(verified(token + "="), kNotToken);
  EXPECT_EQ(verified(" " + token), kNotToken);
  EXPECT_EQ(verified(token + "\n"), kNotToken);
  EXPECT_EQ(verified(token + "." + token), kNotToken);
  EXPECT_EQ(verified(token.substr(0, token.rfind('.'))), kNotToken);
  EXPECT_EQ(verified(sign_raw(R"({"alg":"ES256","crit":["b64"],"b64":false})", "{}")), kNotToken);
}

}  // namespace
}  // namespace gatehouse::posture
