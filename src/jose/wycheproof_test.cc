// The vectors of project Wycheproof, read where the test kit keeps them.
#include <gtest/gtest.h>

#include <fstream>

#include "base/encoding.h"
#include "jose/jwt.h"

namespace gatehouse::jose {
namespace {

const std::vector<Algorithm> kAll = {Algorithm::RS256, Algorithm::RS384, Algorithm::RS512,
                                     Algorithm::PS256, Algorithm::PS384, Algorithm::PS512,
                                     Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA};

std::optional<json::value> vectors(std::string_view file) {
  std::ifstream in(std::string(GATEHOUSE_SHARED_TESTKIT "/wycheproof/") + std::string(file));
  if (!in) return std::nullopt;
  return json::parse(std::string(std::istreambuf_iterator<char>(in), {})).value();
}

std::string text(const json::object& from, std::string_view name) {
  return std::string(json::find_string(from, name).value());
}

struct Counts {
  int valid = 0;
  int refused = 0;
};

// Each test of a file of plain signatures, over the key of its group.
Counts run_signatures(const json::value& document, Algorithm algorithm,
                      std::string_view acceptable_flag) {
  Counts counts;
  for (const json::value& element : *json::find_array(document.get_object(), "testGroups")) {
    const json::object& group = element.get_object();
    const auto key = PublicKey::from_pem(text(group, "publicKeyPem"));
    EXPECT_TRUE(key);
    if (!key) continue;
    for (const json::value& item : *json::find_array(group, "tests")) {
      const json::object& test = item.get_object();
      // `acceptable` is what old software did; we do not.
      const std::string result = text(test, "result");
      if (result == "acceptable") {
        EXPECT_EQ(std::string_view(json::find_array(test, "flags")->at(0).get_string()),
                  acceptable_flag);
      }
      const bool verified = key->verify(algorithm, hex_decode(text(test, "msg")).value(),
                                        hex_decode(text(test, "sig")).value());
      EXPECT_EQ(verified, result == "valid")
          << *json::find_int(test, "tcId") << " " << text(test, "comment");
      ++(verified ? counts.valid : counts.refused);
    }
  }
  return counts;
}

TEST(Wycheproof, RsaPkcs1) {
  const auto document = vectors("rsa_signature_2048_sha256_test.json");
  if (!document) GTEST_SKIP() << "no test kit";
  const Counts counts = run_signatures(*document, Algorithm::RS256, "MissingNull");
  EXPECT_EQ(counts.valid, 9);
  EXPECT_EQ(counts.refused, 250);
}

TEST(Wycheproof, RsaPss) {
  const auto document = vectors("rsa_pss_2048_sha256_mgf1_32_test.json");
  if (!document) GTEST_SKIP() << "no test kit";
  const Counts counts = run_signatures(*document, Algorithm::PS256, "");
  EXPECT_EQ(counts.valid, 63);
  EXPECT_EQ(counts.refused, 45);
}

TEST(Wycheproof, EcdsaP256) {
  const auto document = vectors("ecdsa_secp256r1_sha256_p1363_test.json");
  if (!document) GTEST_SKIP() << "no test kit";
  const Counts counts = run_signatures(*document, Algorithm::ES256, "");
  EXPECT_EQ(counts.valid, 173);
  EXPECT_EQ(counts.refused, 89);
}

// The payloads are arbitrary bytes, not claims. A good signature over them is what makes the
// difference between Malformed after a parse that succeeded, and every other error.
bool signature_is_accepted(std::string_view token, const JwkSet& keys) {
  const auto parsed = CompactJws::parse(token);
  if (!parsed) return false;
  const auto verified = verify_jws(*parsed, keys, kAll);
  return verified || verified.error() == JwtError::Malformed;
}

std::optional<Algorithm> header_algorithm(std::string_view token) {
  const auto parsed = CompactJws::parse(token);
  if (!parsed) return std::nullopt;
  return parsed->algorithm();
}

// `public` (or `private`, for the symmetric ones) is a JWK or a JWKS.
JwkSet keys_of(const json::object& group) {
  const json::object* key = json::find_object(group, "public");
  if (key == nullptr) key = json::find_object(group, "private");
  if (!key->contains("keys"))
    return JwkSet::parse(json::object{{"keys", json::array{*key}}}).value_or(JwkSet());
  return JwkSet::parse(*key).value_or(JwkSet());
}

Counts run_tokens(const json::value& document, const std::vector<std::string_view>& left_out) {
  Counts counts;
  for (const json::value& element : *json::find_array(document.get_object(), "testGroups")) {
    const json::object& group = element.get_object();
    if (std::ranges::find(left_out, text(group, "comment")) != left_out.end()) continue;
    const JwkSet keys = keys_of(group);
    for (const json::value& item : *json::find_array(group, "tests")) {
      const json::object& test = item.get_object();
      const auto token = json::find_string(test, "jws");
      if (!token) continue;  // JWE
      // A valid token is still refused when its algorithm is none of ours, as all HMAC is, or not
      // the one that its key names.
      const auto algorithm = header_algorithm(*token);
      const bool ours = algorithm && std::ranges::any_of(keys.keys(), [&](const Jwk& jwk) {
                          return !jwk.algorithm || jwk.algorithm == algorithm;
                        });
      const bool accepted = signature_is_accepted(*token, keys);
      EXPECT_EQ(accepted, ours && text(test, "result") == "valid")
          << text(group, "comment") << " " << *json::find_int(test, "tcId") << " "
          << text(test, "comment");
      ++(accepted ? counts.valid : counts.refused);
    }
  }
  return counts;
}

TEST(Wycheproof, JsonWebSignature) {
  const auto document = vectors("json_web_signature_test.json");
  if (!document) GTEST_SKIP() << "no test kit";
  const Counts counts = run_tokens(*document, {});
  EXPECT_EQ(counts.valid + counts.refused, 401);
  // 46 valid ones, less 10 of HMAC, 2 of ES512, 2 that use PS384 with a key for PS256.
  EXPECT_EQ(counts.valid, 32);
}

// ROCA is a defect of the hardware that made a key; we take the keys that providers publish.
TEST(Wycheproof, JsonWebKey) {
  const auto document = vectors("json_web_key_test.json");
  if (!document) GTEST_SKIP() << "no test kit";
  EXPECT_EQ(run_tokens(*document, {"jws_rsa_roca_key"}).valid, 1);
}

TEST(Wycheproof, JsonWebCrypto) {
  const auto document = vectors("json_web_crypto_test.json");
  if (!document) GTEST_SKIP() << "no test kit";
  EXPECT_EQ(run_tokens(*document, {"jws_rsa_roca_key"}).valid, 2);
}

}  // namespace
}  // namespace gatehouse::jose
