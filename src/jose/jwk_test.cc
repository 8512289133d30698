#include "jose/jwk.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <openssl/err.h>

#include <fstream>
#include <ostream>

#include "base/check.h"
#include "base/encoding.h"

namespace gatehouse::jose {
namespace {

std::string fixture(std::string_view name) {
  std::ifstream in(std::string(GATEHOUSE_TESTDATA "/keys/") + std::string(name) + ".pem");
  EXPECT_TRUE(in) << name;
  return std::string(std::istreambuf_iterator<char>(in), {});
}

// RFC 7517 A.1.
constexpr std::string_view kRsaModulus =
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_"
    "BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_"
    "FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI"
    "4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
constexpr std::string_view kEcX = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";  // RFC 7515 A.3
constexpr std::string_view kEcY = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
constexpr std::string_view kEdX = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";  // RFC 8037 A.2

json::object rsa_jwk() { return {{"kty", "RSA"}, {"n", kRsaModulus}, {"e", "AQAB"}}; }
json::object ec_jwk() { return {{"kty", "EC"}, {"crv", "P-256"}, {"x", kEcX}, {"y", kEcY}}; }
json::object ed_jwk() { return {{"kty", "OKP"}, {"crv", "Ed25519"}, {"x", kEdX}}; }

const PrivateKey& rsa_key() {
  static const PrivateKey key = PrivateKey::generate_rsa();
  return key;
}
const PrivateKey& ec_key() {
  static const PrivateKey key = PrivateKey::generate_p256();
  return key;
}

constexpr Algorithm kAll[] = {Algorithm::RS256, Algorithm::RS384, Algorithm::RS512,
                              Algorithm::PS256, Algorithm::PS384, Algorithm::PS512,
                              Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA};

TEST(Algorithm, HasOneSpelling) {
  for (const Algorithm algorithm : kAll)
    EXPECT_EQ(parse_algorithm(to_string(algorithm)), algorithm);
  for (const auto name : {"", "none", "None", "HS256", "HS512", "rs256", "RS256 ", " RS256", "RS1",
                          "ES512", "ES256K", "Ed25519", "EDDSA", "dir", "RSA-OAEP"})
    EXPECT_EQ(parse_algorithm(name), std::nullopt) << name;
}

TEST(PublicKey, IsReadFromPem) {
  struct Case {
    std::string_view file;
    std::string_view kind;
    bool has_validity;
  };
  constexpr Case kCases[] = {
      {"certificate_digital_signature", "RSA", true},
      {"certificate_no_key_usage", "RSA", true},
      {"rsa_exponent_3", "RSA", false},
      {"p256", "EC", false},
      {"p384", "EC", false},
      {"ed25519", "OKP", false},
  };
  for (const auto& [file, kind, has_validity] : kCases) {
    const auto key = PublicKey::from_pem(fixture(file));
    ASSERT_TRUE(key) << file << ": " << to_string(key.error());
    EXPECT_EQ(key->to_jwk().at("kty").get_string(), kind);
    EXPECT_EQ(key->not_before().has_value(), has_validity) << file;
    EXPECT_EQ(key->not_after().has_value(), has_validity) << file;
    const auto again = PublicKey::from_pem(key->to_spki_pem());
    ASSERT_TRUE(again) << file;
    EXPECT_EQ(again->thumbprint(), key->thumbprint());
    EXPECT_EQ(PublicKey::from_jwk(key->to_jwk())->thumbprint(), key->thumbprint());
  }
}

TEST(PublicKey, RefusesPemWithTheReason) {
  const std::string good = fixture("p256");
  const std::string certificate = fixture("certificate_no_key_usage");
  std::string broken = certificate;
  broken[broken.size() / 2] = broken[broken.size() / 2] == 'A' ? 'B' : 'A';
  const auto der = [&](std::string_view suffix) {
    std::string base64 = good.substr(27, good.find("\n-----END") - 27);
    std::erase(base64, '\n');
    return "-----BEGIN PUBLIC KEY-----\n" +
           base64_encode(base64_decode(base64).value() + std::string(suffix)) +
           "\n-----END PUBLIC KEY-----\n";
  };
  ASSERT_TRUE(PublicKey::from_pem(der("")));
  struct Case {
    std::string name;
    std::string pem;
    KeyError error;
  };
  const Case cases[] = {
      {"empty", "", KeyError::Malformed},
      {"words", "hello", KeyError::Malformed},
      {"nothing inside", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
       KeyError::Malformed},
      {"no end", good.substr(0, good.size() / 2), KeyError::Malformed},
      {"bytes after the key", der("x"), KeyError::Malformed},
      {"two blocks", good + good, KeyError::Malformed},
      {"certificate chain", certificate + certificate, KeyError::Malformed},
      {"broken second block", good + "-----BEGIN CERTIFICATE-----\nAA", KeyError::Malformed},
      {"another block", "-----BEGIN X-----\nAAAA\n-----END X-----\n", KeyError::Malformed},
      {"PKCS #1", fixture("rsa_pkcs1"), KeyError::Malformed},
      {"encrypted headers",
       "-----BEGIN PUBLIC KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n"
       "-----END PUBLIC KEY-----\n",
       KeyError::Malformed},
      {"huge", std::string(100'000, 'x'), KeyError::Malformed},
      {"private RSA", std::string(rsa_key().to_pem().reveal()), KeyError::PrivateKeyGiven},
      {"private EC", std::string(ec_key().to_pem().reveal()), KeyError::PrivateKeyGiven},
      {"private after public", good + std::string(ec_key().to_pem().reveal()),
       KeyError::PrivateKeyGiven},
      {"key encipherment", fixture("certificate_key_encipherment"), KeyError::NotForSigning},
      {"non-repudiation only", fixture("certificate_non_repudiation"), KeyError::NotForSigning},
      {"RSA 1024", fixture("rsa_1024"), KeyError::TooWeak},
      {"P-256 spelled out", fixture("p256_explicit"), KeyError::Unsupported},
      {"P-521", fixture("p521"), KeyError::Unsupported},
      {"secp256k1", fixture("secp256k1"), KeyError::Unsupported},
      {"Ed448", fixture("ed448"), KeyError::Unsupported},
      {"X25519", fixture("x25519"), KeyError::Unsupported},
      {"RSA-PSS", fixture("rsa_pss"), KeyError::Unsupported},
      {"DSA", fixture("dsa"), KeyError::Unsupported},
  };
  for (const auto& [name, pem, error] : cases) {
    const auto key = PublicKey::from_pem(pem);
    ASSERT_FALSE(key) << name;
    EXPECT_EQ(to_string(key.error()), to_string(error)) << name;
  }
  const auto changed = PublicKey::from_pem(broken);
  EXPECT_TRUE(!changed ||
              changed->thumbprint() != "");  // no crash; its signature is not ours to check
  EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST(PublicKey, IsReadFromJwk) {
  for (const json::object& jwk : {rsa_jwk(), ec_jwk(), ed_jwk()}) {
    const auto key = PublicKey::from_jwk(jwk);
    ASSERT_TRUE(key) << json::serialize(jwk);
    EXPECT_EQ(key->to_jwk(), jwk);
    json::object with_more = jwk;
    with_more["use"] = "sig";
    with_more["key_ops"] = json::array{"verify", "encrypt"};
    with_more["kid"] = "x";
    with_more["x5c"] = json::array{"MIIB"};
    EXPECT_TRUE(PublicKey::from_jwk(with_more)) << json::serialize(with_more);
  }
}

TEST(PublicKey, RefusesJwkWithTheReason) {
  const auto with = [](json::object jwk, std::string_view name, const auto& value) {
    jwk[name] = value;
    return jwk;
  };
  const auto without = [](json::object jwk, std::string_view name) {
    jwk.erase(name);
    return jwk;
  };
  const std::string long_modulus = base64url_encode(std::string(1'025, '\xff'));
  const std::string even_modulus = base64url_encode(std::string(256, '\xfe'));
  struct Case {
    json::object jwk;
    KeyError error;
  };
  const Case cases[] = {
      {{}, KeyError::Malformed},
      {with(rsa_jwk(), "kty", 1), KeyError::Malformed},
      {with(rsa_jwk(), "kty", "rsa"), KeyError::Unsupported},
      {with(rsa_jwk(), "kty", "EC"), KeyError::Malformed},
      {{{"kty", "oct"}, {"k", "AAAA"}}, KeyError::Unsupported},
      {without(rsa_jwk(), "n"), KeyError::Malformed},
      {without(rsa_jwk(), "e"), KeyError::Malformed},
      {with(rsa_jwk(), "n", ""), KeyError::Malformed},
      {with(rsa_jwk(), "n", 5), KeyError::Malformed},
      {with(rsa_jwk(), "n", std::string(kRsaModulus) + "="), KeyError::Malformed},
      {with(rsa_jwk(), "n", base64url_encode(std::string(128, '\xff'))), KeyError::TooWeak},
      {with(rsa_jwk(), "n", base64url_encode(std::string(255, '\xff'))), KeyError::TooWeak},
      {with(rsa_jwk(), "n", even_modulus), KeyError::TooWeak},
      {with(rsa_jwk(), "n", long_modulus), KeyError::Unsupported},
      {with(rsa_jwk(), "n", base64url_encode(std::string(100'000, '\xff'))), KeyError::Unsupported},
      {with(rsa_jwk(), "e", "AQ"), KeyError::TooWeak},
      {with(rsa_jwk(), "e", "AAAB"), KeyError::TooWeak},
      {with(rsa_jwk(), "e", "Ag"), KeyError::TooWeak},
      {with(rsa_jwk(), "e", base64url_encode(std::string(9, '\xff'))), KeyError::Unsupported},
      {with(rsa_jwk(), "d", "AQAB"), KeyError::PrivateKeyGiven},
      {with(rsa_jwk(), "p", "AQAB"), KeyError::PrivateKeyGiven},
      {with(rsa_jwk(), "oth", json::array{}), KeyError::PrivateKeyGiven},
      {with(ec_jwk(), "d", "AQAB"), KeyError::PrivateKeyGiven},
      {with(ed_jwk(), "d", "AQAB"), KeyError::PrivateKeyGiven},
      {with(rsa_jwk(), "use", "enc"), KeyError::NotForSigning},
      {with(rsa_jwk(), "use", 1), KeyError::Malformed},
      {with(rsa_jwk(), "key_ops", json::array{"encrypt"}), KeyError::NotForSigning},
      {with(rsa_jwk(), "key_ops", json::array{}), KeyError::NotForSigning},
      {with(rsa_jwk(), "key_ops", json::array{1}), KeyError::NotForSigning},
      {with(rsa_jwk(), "key_ops", "verify"), KeyError::Malformed},
      {with(rsa_jwk(), "alg", "RSA-OAEP"), KeyError::Unsupported},
      {with(rsa_jwk(), "alg", "ES256"), KeyError::Unsupported},
      {with(rsa_jwk(), "alg", "HS256"), KeyError::Unsupported},
      {with(rsa_jwk(), "alg", 1), KeyError::Malformed},
      {with(ec_jwk(), "crv", "P-521"), KeyError::Unsupported},
      {with(ec_jwk(), "crv", "secp256k1"), KeyError::Unsupported},
      {with(ec_jwk(), "crv", "P-384"), KeyError::Malformed},
      {with(ec_jwk(), "crv", 1), KeyError::Malformed},
      {without(ec_jwk(), "crv"), KeyError::Malformed},
      {without(ec_jwk(), "y"), KeyError::Malformed},
      {with(ec_jwk(), "y", kEcX), KeyError::Malformed},  // not on the curve
      {with(ec_jwk(), "y", base64url_encode(std::string(32, '\0'))), KeyError::Malformed},
      {with(ec_jwk(), "x", base64url_encode(std::string(32, '\xff'))), KeyError::Malformed},
      {with(ec_jwk(), "x", "AAAA"), KeyError::Malformed},
      {with(ec_jwk(), "x", base64url_encode('\0' + base64url_decode(kEcX).value())),
       KeyError::Malformed},
      {with(ec_jwk(), "alg", "ES384"), KeyError::Unsupported},
      {with(ed_jwk(), "crv", "X25519"), KeyError::Unsupported},
      {with(ed_jwk(), "crv", "Ed448"), KeyError::Unsupported},
      {with(ed_jwk(), "x", "AAAA"), KeyError::Malformed},
  };
  for (const auto& [jwk, error] : cases) {
    const auto key = PublicKey::from_jwk(jwk);
    ASSERT_FALSE(key) << json::serialize(jwk);
    EXPECT_EQ(to_string(key.error()), to_string(error)) << json::serialize(jwk);
  }
  EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST(PublicKey, HasTheThumbprintsOfTheStandards) {
  EXPECT_EQ(PublicKey::from_jwk(rsa_jwk())->thumbprint(),
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");  // RFC 7638 3.1
  EXPECT_EQ(PublicKey::from_jwk(ed_jwk())->thumbprint(),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");  // RFC 8037 A.3
}

TEST(PublicKey, VerifiesTheVectorsOfTheStandards) {
  // RFC 8037 A.4.
  const auto key = PublicKey::from_jwk(ed_jwk()).value();
  const auto signature =
      base64url_decode(
          "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg")
          .value();
  const std::string_view message = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
  EXPECT_TRUE(key.verify(Algorithm::EdDSA, message, signature));
  EXPECT_FALSE(key.verify(Algorithm::EdDSA, message.substr(1), signature));
  EXPECT_FALSE(key.verify(Algorithm::EdDSA, message, signature.substr(1)));
  EXPECT_FALSE(key.verify(Algorithm::EdDSA, message, signature + '\0'));
  EXPECT_FALSE(key.verify(Algorithm::ES256, message, signature));
}

TEST(PrivateKey, SignsWhatItsPublicKeyVerifies) {
  for (const PrivateKey* key : {&rsa_key(), &ec_key()}) {
    const PublicKey public_key = key->public_key();
    for (const Algorithm algorithm : kAll) {
      if (!public_key.fits(algorithm)) {
        EXPECT_THROW(static_cast<void>(key->sign(algorithm, "m")), InvariantViolation);
        continue;
      }
      const std::string signature = key->sign(algorithm, "message");
      EXPECT_EQ(signature.size(), algorithm == Algorithm::ES256 ? 64U : 256U);
      EXPECT_TRUE(public_key.verify(algorithm, "message", signature)) << to_string(algorithm);
      EXPECT_FALSE(public_key.verify(algorithm, "Message", signature));
      EXPECT_FALSE(public_key.verify(algorithm, "message", ""));
      EXPECT_FALSE(public_key.verify(algorithm, "message", '\0' + signature));
      EXPECT_FALSE(public_key.verify(algorithm, "message", signature + '\0'));
      EXPECT_FALSE(public_key.verify(algorithm, "message", std::string(signature.size(), '\0')));
      for (const std::size_t at : {std::size_t{0}, signature.size() / 2, signature.size() - 1}) {
        std::string changed = signature;
        changed[at] = static_cast<char>(changed[at] ^ 1);
        EXPECT_FALSE(public_key.verify(algorithm, "message", changed));
      }
      for (const Algorithm other : kAll)
        EXPECT_EQ(public_key.verify(other, "message", signature), other == algorithm);
    }
  }
  EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST(PrivateKey, ComesBackFromPem) {
  for (const PrivateKey* key : {&rsa_key(), &ec_key()}) {
    const Secret pem = key->to_pem();
    EXPECT_TRUE(pem.reveal().starts_with("-----BEGIN PRIVATE KEY-----\n"));
    const auto again = PrivateKey::from_pem(pem.reveal());
    ASSERT_TRUE(again);
    EXPECT_EQ(again->public_key().thumbprint(), key->public_key().thumbprint());
  }
  for (const auto& pem : {std::string(), std::string("x"), fixture("p256"),
                          fixture("certificate_digital_signature"), std::string(100'000, 'x')})
    EXPECT_EQ(PrivateKey::from_pem(pem).error(), KeyError::Malformed);
  EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST(PrivateKey, SignsItsOwnCertificate) {
  const Instant from = from_epoch_seconds(1767323045);
  const Instant until = from_epoch_seconds(4102444800);  // 2100: written as GeneralizedTime
  const std::string serial(16, '\x7f');
  for (const PrivateKey* key : {&rsa_key(), &ec_key()}) {
    for (const auto& name : {std::string("auth.example.com"), std::string(200, 'x'),
                             std::string(63, 'x') + "\xc3\xa9"}) {
      const auto certificate =
          PublicKey::from_pem(key->self_signed_certificate(name, serial, from, until));
      ASSERT_TRUE(certificate) << name;
      EXPECT_EQ(certificate->thumbprint(), key->public_key().thumbprint());
      EXPECT_EQ(certificate->not_before(), from);
      EXPECT_EQ(certificate->not_after(), until);
    }
  }
}

TEST(JwkSet, LeavesOutWhatCannotBeUsed) {
  const json::value document(
      {{"keys",
        {{{"kty", "oct"}, {"k", "AAAA"}, {"kid", "hmac"}},
         {{"kty", "RSA"}, {"n", kRsaModulus}, {"e", "AQAB"}, {"kid", "encryption"}, {"use", "enc"}},
         {{"kty", "RSA"}, {"n", kRsaModulus}, {"e", "AQ"}, {"kid", "weak"}},
         {{"kty", "RSA"}, {"n", kRsaModulus}, {"e", "AQAB"}, {"kid", 7}},
         "text",
         nullptr,
         {{"kty", "RSA"}, {"n", kRsaModulus}, {"e", "AQAB"}, {"kid", "a"}, {"alg", "RS256"}},
         {{"kty", "EC"}, {"crv", "P-256"}, {"x", kEcX}, {"y", kEcY}, {"kid", "a"}},
         {{"kty", "RSA"}, {"n", kRsaModulus}, {"e", "AQAB"}}}}});
  const auto keys = JwkSet::parse(document);
  ASSERT_TRUE(keys);
  ASSERT_EQ(keys->keys().size(), 3U);
  EXPECT_EQ(keys->keys()[0].algorithm, Algorithm::RS256);
  EXPECT_EQ(keys->keys()[1].algorithm, std::nullopt);
  EXPECT_EQ(keys->keys()[2].kid, "");
  EXPECT_EQ(keys->candidates("a", Algorithm::RS256).size(), 1U);
  EXPECT_EQ(keys->candidates("a", Algorithm::ES256).size(), 1U);
  EXPECT_EQ(keys->candidates("a", Algorithm::PS256).size(), 0U);  // its `alg` says RS256
  EXPECT_EQ(keys->candidates("", Algorithm::RS256).size(), 2U);
  EXPECT_EQ(keys->candidates("", Algorithm::PS256).size(), 1U);
  EXPECT_EQ(keys->candidates("", Algorithm::EdDSA).size(), 0U);
  for (const auto kid : {"hmac", "encryption", "weak", "b", "A", "a "})
    EXPECT_EQ(keys->candidates(kid, Algorithm::RS256).size(), 0U) << kid;
}

TEST(JwkSet, RefusesWhatIsNoKeySet) {
  for (const auto text : {"null", "[]", "{}", R"({"keys":{}})", R"({"keys":"x"})"})
    EXPECT_EQ(JwkSet::parse(json::parse(text).value()).error(), KeyError::Malformed) << text;
  for (const auto text : {R"({"keys":[]})", R"({"keys":[{}]})", R"({"keys":[{"kty":"oct"}]})"})
    EXPECT_EQ(JwkSet::parse(json::parse(text).value()).error(), KeyError::Unsupported) << text;
  json::array many(kMaxJwksKeys, json::value(ec_jwk()));
  EXPECT_TRUE(JwkSet::parse(json::object{{"keys", many}}));
  many.push_back(ec_jwk());
  EXPECT_EQ(JwkSet::parse(json::object{{"keys", many}}).error(), KeyError::Malformed);
}

template <typename T>
concept Streamable = requires(std::ostream& out, const T& value) { out << value; };
static_assert(!Streamable<PrivateKey> && !fmt::is_formattable<PrivateKey>::value);

}  // namespace
}  // namespace gatehouse::jose
