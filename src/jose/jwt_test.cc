#include "jose/jwt.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <openssl/err.h>

#include <fstream>
#include <functional>
#include <limits>

#include "base/check.h"
#include "base/encoding.h"
#include "crypto/digest.h"

namespace gatehouse::jose {
namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;

constexpr std::int64_t kNow = 1767323045;
constexpr std::string_view kAudience =
    "f0e1d2c3b4a5968778695a4b3c2d1e0ff0e1d2c3b4a5968778695a4b3c2d1e0f";
constexpr std::string_view kIssuer = "https://auth.example.com";

const PrivateKey& our_key() {
  static const PrivateKey key = PrivateKey::generate_rsa();
  return key;
}
const PrivateKey& attacker_key() {
  static const PrivateKey key = PrivateKey::generate_rsa();
  return key;
}
const PrivateKey& ec_key() {
  static const PrivateKey key = PrivateKey::generate_p256();
  return key;
}

// Our RSA key as `kid-1` and an EC key as `kid-ec`.
const JwkSet& our_keys() {
  static const JwkSet keys({{"kid-1", Algorithm::RS256, our_key().public_key()},
                            {"kid-ec", std::nullopt, ec_key().public_key()}});
  return keys;
}

json::object good_claims() {
  return {{"aud", json::array{kAudience}},
          {"email", "ada@example.com"},
          {"exp", kNow + 60},
          {"iat", kNow},
          {"nbf", kNow},
          {"iss", kIssuer},
          {"type", "app"},
          {"sub", "u"}};
}

JwtExpectations expectations() {
  return {.issuer = std::string(kIssuer), .audience = std::string(kAudience), .type = "app"};
}

const std::string kHeader = R"({"alg":"RS256","kid":"kid-1","typ":"JWT"})";

// A token of these very bytes, signed with RS256 whatever its header says.
std::string forge(std::string_view header, std::string_view payload,
                  const PrivateKey& key = our_key(), Algorithm algorithm = Algorithm::RS256) {
  const std::string input = base64url_encode(header) + "." + base64url_encode(payload);
  return input + "." + base64url_encode(key.sign(algorithm, input));
}

std::string good_token() { return forge(kHeader, json::serialize(good_claims())); }

std::expected<VerifiedClaims, JwtError> verify(std::string_view token,
                                               const JwtExpectations& expected = expectations(),
                                               std::int64_t now = kNow,
                                               std::chrono::seconds leeway = 0s) {
  const auto parsed = CompactJws::parse(token);
  if (!parsed) return std::unexpected(parsed.error());
  return verify_jwt(*parsed, our_keys(), expected, from_epoch_seconds(now), leeway);
}

std::string_view outcome(const std::expected<VerifiedClaims, JwtError>& result) {
  return result ? "ok"sv : to_string(result.error());
}

TEST(Jwt, AcceptsWhatWeSign) {
  const std::string token = sign_jwt(good_claims(), our_key(), Algorithm::RS256, "kid-1");
  const auto verified = verify(token);
  ASSERT_TRUE(verified) << to_string(verified.error());
  EXPECT_EQ(verified->claims, good_claims());
  EXPECT_EQ(verified->kid, "kid-1");
  EXPECT_EQ(verified->algorithm, Algorithm::RS256);
  EXPECT_EQ(base64url_decode(token.substr(0, token.find('.'))), kHeader);
  EXPECT_EQ(token, good_token());  // PKCS #1 v1.5 is deterministic

  JwtExpectations elliptic = expectations();
  elliptic.algorithms = {Algorithm::ES256};
  const std::string other = sign_jwt(good_claims(), ec_key(), Algorithm::ES256, "kid-ec");
  EXPECT_EQ(outcome(verify(other, elliptic)), "ok");
  EXPECT_EQ(base64url_decode(other.substr(other.rfind('.') + 1))->size(), 64U);
  EXPECT_EQ(outcome(verify(other)), to_string(JwtError::UnsupportedAlgorithm));
}

// RFC 7515 A.3.
TEST(Jwt, AcceptsTheVectorOfTheStandard) {
  std::ifstream in(GATEHOUSE_TESTDATA "/jwt_fuzz/rfc7515_a3.txt");
  const std::string token(std::istreambuf_iterator<char>(in), {});
  const JwkSet keys = JwkSet::parse(json::parse(R"({"keys":[{"kty":"EC","crv":"P-256",
        "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]})")
                                        .value())
                          .value();
  const auto parsed = CompactJws::parse(token);
  ASSERT_TRUE(parsed);
  JwtExpectations expected{.algorithms = {Algorithm::ES256}, .issuer = "joe"};
  const auto at = [&](std::int64_t now) {
    return outcome(verify_jwt(*parsed, keys, expected, from_epoch_seconds(now), 0s));
  };
  EXPECT_EQ(at(1300819379), to_string(JwtError::MissingClaim));  // it has no `iat`
  expected.require_issued_at = false;
  EXPECT_EQ(at(1300819379), "ok");
  EXPECT_EQ(at(1300819380), to_string(JwtError::Expired));
}

struct Hostile {
  std::string name;
  std::string token;
  JwtError error;
};

std::string header_with(std::string_view member) {
  return R"({"alg":"RS256","kid":"kid-1",)" + std::string(member) + "}";
}

std::string hmac_token(std::string_view key) {
  const std::string input = base64url_encode(R"({"alg":"HS256","kid":"kid-1","typ":"JWT"})") + "." +
                            base64url_encode(json::serialize(good_claims()));
  return input + "." + base64url_encode(crypto::hmac_sha256(key, input));
}

TEST(JwtHostile, Algorithms) {
  const std::string claims = json::serialize(good_claims());
  const std::string signature = good_token().substr(good_token().rfind('.') + 1);
  const std::string payload64 = base64url_encode(claims);
  const auto named = [&](std::string_view alg) {
    return base64url_encode(R"({"alg":)" + std::string(alg) + R"(,"kid":"kid-1"})") + "." +
           payload64 + ".";
  };
  std::vector<Hostile> cases;
  for (const auto alg : {R"("none")", R"("None")", R"("NONE")", R"("nOnE")", R"("")",
                         R"("none\u0000")", R"(" none")", R"("HS256")", R"("HS512")", R"("RS1")",
                         R"("RS256 ")", R"("rs256")", R"("dir")", R"("RSA-OAEP")", R"("ES512")"}) {
    cases.push_back({std::string(alg) + " unsigned", named(alg), JwtError::Malformed});
    cases.push_back({std::string(alg) + " with another's signature", named(alg) + signature,
                     JwtError::UnsupportedAlgorithm});
  }
  // Those we know and have not allowed here.
  for (const auto alg : {R"("RS384")", R"("RS512")", R"("PS256")", R"("ES256")", R"("EdDSA")"})
    cases.push_back({alg, named(alg) + signature, JwtError::UnsupportedAlgorithm});
  for (const auto alg : {"null", "0", R"(["RS256"])", R"({"a":1})", "true"})
    cases.push_back({alg, named(alg) + signature, JwtError::Malformed});
  cases.push_back({"no alg", forge(R"({"kid":"kid-1"})", claims), JwtError::Malformed});
  const PublicKey key = our_key().public_key();
  const std::string pem = key.to_spki_pem();
  for (const std::string& secret :
       {pem, pem.substr(0, pem.size() - 1), std::string(key.to_jwk().at("n").get_string()),
        json::serialize(key.to_jwk()), std::string(), std::string(1, '\0'), std::string("kid-1")})
    cases.push_back(
        {"HMAC with what is public", hmac_token(secret), JwtError::UnsupportedAlgorithm});
  for (const auto& [name, token, error] : cases)
    EXPECT_EQ(outcome(verify(token)), to_string(error)) << name;
}

TEST(JwtHostile, AlgorithmsOfAnotherKeyType) {
  const std::string claims = json::serialize(good_claims());
  JwtExpectations all = expectations();
  all.algorithms = {Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256,
                    Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA};
  const auto named = [](std::string_view alg, std::string_view kid) {
    return R"({"alg":")" + std::string(alg) + R"(","kid":")" + std::string(kid) + R"("})";
  };
  const Hostile cases[] = {
      {"RSA key, ES256", forge(named("ES256", "kid-1"), claims), JwtError::UnknownKey},
      {"RSA key, EdDSA", forge(named("EdDSA", "kid-1"), claims), JwtError::UnknownKey},
      // The key says RS256 and no other.
      {"RS256 key, RS512", forge(named("RS512", "kid-1"), claims, our_key(), Algorithm::RS512),
       JwtError::UnknownKey},
      {"RS256 key, PS256", forge(named("PS256", "kid-1"), claims, our_key(), Algorithm::PS256),
       JwtError::UnknownKey},
      {"EC key, RS256", forge(named("RS256", "kid-ec"), claims), JwtError::UnknownKey},
      {"P-256 key, ES384", forge(named("ES384", "kid-ec"), claims, ec_key(), Algorithm::ES256),
       JwtError::UnknownKey},
      {"another EC key",
       forge(named("ES256", "kid-ec"), claims, PrivateKey::generate_p256(), Algorithm::ES256),
       JwtError::BadSignature},
      {"RSA signature, ES256", forge(named("ES256", "kid-ec"), claims), JwtError::BadSignature},
  };
  for (const auto& [name, token, error] : cases)
    EXPECT_EQ(outcome(verify(token, all)), to_string(error)) << name;
  EXPECT_EQ(
      outcome(verify(forge(named("ES256", "kid-ec"), claims, ec_key(), Algorithm::ES256), all)),
      "ok");
  // A signature in DER is another length; zeros are no signature.
  const std::string input =
      base64url_encode(named("ES256", "kid-ec")) + "." + base64url_encode(claims) + ".";
  for (const std::size_t length : {1U, 63U, 64U, 65U, 70U, 71U, 72U, 128U})
    EXPECT_EQ(outcome(verify(input + base64url_encode(std::string(length, '\0')), all)),
              to_string(JwtError::BadSignature))
        << length;
}

TEST(JwtHostile, Keys) {
  const std::string claims = json::serialize(good_claims());
  json::object evil = attacker_key().public_key().to_jwk();
  evil["kid"] = "kid-1";
  const std::string jwk = json::serialize(evil);
  std::vector<Hostile> cases = {
      {"attacker, our kid", forge(kHeader, claims, attacker_key()), JwtError::BadSignature},
      {"attacker, no kid", forge(R"({"alg":"RS256"})", claims, attacker_key()),
       JwtError::BadSignature},
      {"attacker, unknown kid", forge(R"({"alg":"RS256","kid":"evil"})", claims, attacker_key()),
       JwtError::UnknownKey},
      {"embedded key", forge(R"({"alg":"RS256","jwk":)" + jwk + "}", claims, attacker_key()),
       JwtError::BadSignature},
      {"embedded key, our kid", forge(header_with(R"("jwk":)" + jwk), claims, attacker_key()),
       JwtError::BadSignature},
      {"jku", forge(header_with(R"("jku":"http://127.0.0.1/jwks")"), claims, attacker_key()),
       JwtError::BadSignature},
      {"x5u", forge(header_with(R"("x5u":"http://127.0.0.1/jwks")"), claims, attacker_key()),
       JwtError::BadSignature},
      {"x5c", forge(header_with(R"("x5c":["MIIB"])"), claims, attacker_key()),
       JwtError::BadSignature},
      {"kid twice", forge(R"({"alg":"RS256","kid":"kid-1","kid":"evil"})", claims),
       JwtError::Malformed},
  };
  for (const auto kid :
       {R"("../../../../dev/null")", R"("/dev/null")", R"("' UNION SELECT 'a' -- ")",
        R"("| sleep 5")", R"("\u0000")", R"("kid-1\u0000")", R"("${jndi:ldap://127.0.0.1/a}")",
        R"("%00")", R"("__proto__")", R"("KID-1")", R"("kid-1 ")"})
    cases.push_back({kid, forge(R"({"alg":"RS256","kid":)" + std::string(kid) + "}", claims),
                     JwtError::UnknownKey});
  for (const auto kid : {"0", "null", R"(["kid-1"])", "true", R"({"a":1})"})
    cases.push_back({kid, forge(R"({"alg":"RS256","kid":)" + std::string(kid) + "}", claims),
                     JwtError::Malformed});
  for (const auto typ : {"0", "null", R"(["JWT"])"})
    cases.push_back(
        {typ, forge(header_with(R"("typ":)" + std::string(typ)), claims), JwtError::Malformed});
  cases.push_back({"long kid",
                   forge(R"({"alg":"RS256","kid":")" + std::string(100'000, 'x') + "\"}", claims),
                   JwtError::TooLarge});
  for (const auto& [name, token, error] : cases)
    EXPECT_EQ(outcome(verify(token)), to_string(error)) << name;
  // The same headers do no harm under our own signature: they are not looked at.
  for (const auto& member : {R"("jwk":)" + jwk, std::string(R"("jku":"http://127.0.0.1/")"),
                             std::string(R"("x5u":1)"), std::string(R"("x5c":[])")})
    EXPECT_EQ(outcome(verify(forge(header_with(member), claims))), "ok") << member;
  EXPECT_EQ(outcome(verify(forge(R"({"alg":"RS256"})", claims))), "ok");
  EXPECT_EQ(outcome(verify(forge(R"({"alg":"RS256","kid":""})", claims))), "ok");
}

TEST(JwtHostile, Extensions) {
  const std::string claims = json::serialize(good_claims());
  for (const auto member :
       {R"("crit":["b64"],"b64":false)", R"("crit":["x"],"x":1)", R"("crit":[])", R"("crit":null)",
        R"("crit":["exp"],"exp":1)", R"("b64":false)", R"("b64":true)", R"("zip":"DEF")"})
    EXPECT_EQ(outcome(verify(forge(header_with(member), claims))),
              to_string(JwtError::CriticalHeader))
        << member;
}

TEST(JwtHostile, Signatures) {
  const std::string token = good_token();
  const std::string signed_part = token.substr(0, token.rfind('.') + 1);
  const std::string signature = base64url_decode(token.substr(signed_part.size())).value();
  const auto signed_with = [&](std::string_view bytes) {
    return signed_part + base64url_encode(bytes);
  };
  ASSERT_EQ(outcome(verify(signed_with(signature))), "ok");
  const std::size_t size = signature.size();
  for (const std::size_t bit : {std::size_t{0}, std::size_t{8}, size * 4, size * 8 - 1}) {
    std::string changed = signature;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ 1 << bit % 8);
    EXPECT_EQ(outcome(verify(signed_with(changed))), to_string(JwtError::BadSignature)) << bit;
  }
  for (const std::string& bytes :
       {signature.substr(0, size - 1), signature.substr(1), signature + '\0', '\0' + signature,
        std::string(size, '\0'), std::string(size - 1, '\0') + '\1', std::string(size, '\xff'),
        std::string(1, 'x')})
    EXPECT_EQ(outcome(verify(signed_with(bytes))), to_string(JwtError::BadSignature));

  // The same number modulo the modulus, where it still fits the field or needs one byte more.
  const std::string modulus =
      base64url_decode(json::find_string(our_key().public_key().to_jwk(), "n").value()).value();
  std::string sum(size, '\0');
  unsigned carry = 0;
  for (std::size_t i = size; i-- > 0;) {
    carry += static_cast<unsigned char>(signature[i]);
    carry += static_cast<unsigned char>(modulus[i]);
    sum[i] = static_cast<char>(carry & 0xff);
    carry >>= 8;
  }
  if (carry != 0) sum.insert(sum.begin(), '\1');
  EXPECT_EQ(outcome(verify(signed_with(sum))), to_string(JwtError::BadSignature));

  // The signature stays, the claims change.
  const std::string header64 = base64url_encode(kHeader);
  const std::pair<std::string_view, json::value> changes[] = {
      {"email", "root@example.com"}, {"aud", "x"}, {"exp", kNow + 1'000'000}, {"sub", "x"}};
  for (const auto& [name, value] : changes) {
    json::object claims = good_claims();
    claims[name] = value;
    EXPECT_EQ(outcome(verify(header64 + "." + base64url_encode(json::serialize(claims)) + "." +
                             base64url_encode(signature))),
              to_string(JwtError::BadSignature))
        << name;
  }
  EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST(JwtHostile, Spellings) {
  const std::string token = good_token();
  const std::string header64 = token.substr(0, token.find('.'));
  const std::string signature64 = token.substr(token.rfind('.') + 1);
  const std::string payload64 =
      token.substr(header64.size() + 1, token.size() - header64.size() - signature64.size() - 2);
  std::string standard = base64_encode(base64url_decode(signature64).value());
  std::string trailing_bits = token;  // 256 bytes leave four unused bits in the last character
  ++trailing_bits.back();
  const std::string cases[] = {
      "",
      ".",
      "..",
      "...",
      header64,
      header64 + "." + payload64,
      header64 + "." + payload64 + ".",
      header64 + ".." + signature64 + "." + signature64,
      "." + payload64 + "." + signature64,
      token + ".",
      token + "." + signature64,
      "." + token,
      token + "." + signature64 + "." + signature64,
      token + "==",
      token + "=",
      token + "\n",
      " " + token,
      "Bearer " + token,
      header64 + "." + payload64 + "." + standard,
      header64 + "." + payload64 + "." + signature64.substr(0, 20) + "\n" + signature64.substr(20),
      header64 + "." + payload64 + ". " + signature64,
      header64 + "=." + payload64 + "." + signature64,
      trailing_bits,
      token + std::string(1, '\0'),
      R"({"payload":")" + payload64 + R"(","protected":")" + header64 + R"(","signature":")" +
          signature64 + "\"}",
      R"({"payload":")" + payload64 + R"(","signatures":[{"protected":")" + header64 +
          R"(","signature":")" + signature64 + "\"}]}",
  };
  for (const auto& text : cases)
    EXPECT_EQ(outcome(verify(text)), to_string(JwtError::Malformed)) << text;
  EXPECT_EQ(outcome(verify(header64 + ".." + signature64)), to_string(JwtError::BadSignature));
}

// Revocation keys on claims; this keeps a token from having other texts in the first place.
TEST(JwtHostile, FiveSpellingsOfOneTokenAreRefusedButTheFirst) {
  const std::string token = good_token();
  const auto dot = token.rfind('.');
  const std::string signature = base64url_decode(token.substr(dot + 1)).value();
  std::string other_bits = token;
  ++other_bits.back();
  std::string other_alphabet = base64_encode(signature);  // `+` and `/`, padded
  const std::string padded = token + "==";
  while (other_alphabet.ends_with('=')) other_alphabet.pop_back();
  std::string with_line_end = token;
  with_line_end.insert(dot + 60, "\r\n");
  const std::string spellings[] = {token, padded, token.substr(0, dot + 1) + other_alphabet,
                                   other_bits, with_line_end};
  EXPECT_EQ(outcome(verify(spellings[0])), "ok");
  for (const std::string& other : std::span(spellings).subspan(1)) {
    ASSERT_NE(other, token);
    EXPECT_EQ(outcome(verify(other)), to_string(JwtError::Malformed)) << other;
  }
  // However one character is changed, the token is another one.
  for (std::size_t at = 0; at < token.size(); at += 7) {
    std::string changed = token;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    EXPECT_NE(outcome(verify(changed)), "ok") << at;
  }
  for (const char last :
       std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=")) {
    std::string changed = token;
    changed.back() = last;
    if (changed != token) {
      EXPECT_NE(outcome(verify(changed)), "ok") << last;
    }
  }
}

TEST(JwtHostile, Documents) {
  const std::string claims = json::serialize(good_claims());
  const std::string array = "[" + claims + "]";
  const std::string deep = std::string(1'000, '[') + std::string(1'000, ']');
  const Hostile cases[] = {
      {"header array", forge("[" + kHeader + "]", claims), JwtError::Malformed},
      {"header text", forge("\"x\"", claims), JwtError::Malformed},
      {"header empty object", forge("{}", claims), JwtError::Malformed},
      {"header nothing", forge("", claims), JwtError::Malformed},
      {"header deep", forge(header_with(R"("x":)" + deep), claims), JwtError::Malformed},
      {"header twice alg", forge(R"({"alg":"RS256","alg":"none","kid":"kid-1"})", claims),
       JwtError::Malformed},
      {"header escaped twice alg",
       forge(R"({"alg":"none","\u0061lg":"RS256","kid":"kid-1"})", claims), JwtError::Malformed},
      {"header nested duplicate", forge(header_with(R"("x":{"a":1,"a":2})"), claims),
       JwtError::Malformed},
      {"header BOM", forge("\xef\xbb\xbf" + kHeader, claims), JwtError::Malformed},
      {"header not UTF-8", forge(header_with("\"x\":\"\xff\""), claims), JwtError::Malformed},
      {"header trailing", forge(kHeader + "{}", claims), JwtError::Malformed},
      {"header NUL", forge(kHeader + '\0', claims), JwtError::Malformed},
      // Well signed from here on.
      {"payload array", forge(kHeader, array), JwtError::Malformed},
      {"payload text", forge(kHeader, "\"x\""), JwtError::Malformed},
      {"payload null", forge(kHeader, "null"), JwtError::Malformed},
      {"payload nothing", forge(kHeader, ""), JwtError::Malformed},
      {"payload deep", forge(kHeader, R"({"x":)" + deep + "}"), JwtError::Malformed},
      {"payload BOM", forge(kHeader, "\xef\xbb\xbf" + claims), JwtError::Malformed},
      {"payload not UTF-8", forge(kHeader, "{\"\xff\xfe\":1}"), JwtError::Malformed},
      {"payload duplicate", forge(kHeader, R"({"exp":1,"exp":2})"), JwtError::Malformed},
      {"payload trailing", forge(kHeader, claims + claims), JwtError::Malformed},
      {"payload huge", forge(kHeader, R"({"x":")" + std::string(4 << 20, 'A') + "\"}"),
       JwtError::TooLarge},
  };
  for (const auto& [name, token, error] : cases)
    EXPECT_EQ(outcome(verify(token)), to_string(error)) << name;
  // What is not well signed is not read: the signature is wrong, whatever stands in it.
  EXPECT_EQ(outcome(verify(forge(kHeader, array, attacker_key()))),
            to_string(JwtError::BadSignature));
}

TEST(Jwt, IsLimitedInSize) {
  const std::string token = good_token();
  EXPECT_TRUE(CompactJws::parse(token, token.size()));
  EXPECT_EQ(CompactJws::parse(token, token.size() - 1).error(), JwtError::TooLarge);
  EXPECT_EQ(CompactJws::parse(std::string(kMaxTokenBytes + 1, 'x')).error(), JwtError::TooLarge);
  EXPECT_EQ(CompactJws::parse(std::string(kMaxTokenBytes, 'x')).error(), JwtError::Malformed);
}

TEST(JwtClaims, AreDemandedAndTyped) {
  using Change = std::function<void(json::object&)>;
  const auto set = [](std::string_view name, const auto& given) -> Change {
    json::value value;
    value = given;
    return [name, value](json::object& claims) { claims[name] = value; };
  };
  const auto drop = [](std::string_view name) -> Change {
    return [name](json::object& claims) { claims.erase(name); };
  };
  struct Case {
    std::string name;
    Change change;
    std::string_view outcome;
  };
  const std::string_view missing = to_string(JwtError::MissingClaim);
  const std::string_view audience = to_string(JwtError::WrongAudience);
  const std::string_view issuer = to_string(JwtError::WrongIssuer);
  const std::string aud(kAudience);
  std::vector<Case> cases = {
      {"as made", [](json::object&) {}, "ok"},
      {"aud text", set("aud", aud), "ok"},
      {"aud among others", set("aud", json::array{"x", aud}), "ok"},
      {"aud absent", drop("aud"), missing},
      {"aud null", set("aud", nullptr), missing},
      {"aud number", set("aud", 1), missing},
      {"aud object", set("aud", json::object{{aud, 1}}), missing},
      {"aud mixed", set("aud", json::array{aud, 1}), missing},
      {"aud nested", set("aud", json::array{json::array{aud}}), missing},
      {"aud empty", set("aud", json::array{}), audience},
      {"aud other", set("aud", "x"), audience},
      {"aud others", set("aud", json::array{"x", "y"}), audience},
      {"aud case", set("aud", "F" + aud.substr(1)), audience},
      {"aud prefix", set("aud", aud.substr(0, 10)), audience},
      {"aud longer", set("aud", aud + "0"), audience},
      {"aud joined", set("aud", "x " + aud), audience},
      {"iss absent", drop("iss"), missing},
      {"iss number", set("iss", 1), missing},
      {"iss array", set("iss", json::array{kIssuer}), missing},
      {"iss slash", set("iss", std::string(kIssuer) + "/"), issuer},
      {"iss case", set("iss", "https://AUTH.example.com"), issuer},
      {"iss NUL", set("iss", std::string(kIssuer) + '\0'), issuer},
      {"iss empty", set("iss", ""), issuer},
      {"type absent", drop("type"), missing},
      {"type number", set("type", 1), missing},
      {"type org", set("type", "org"), to_string(JwtError::WrongType)},
      {"exp absent", drop("exp"), missing},
      {"iat absent", drop("iat"), missing},
      {"nbf absent", drop("nbf"), "ok"},
  };
  for (const std::string_view name : {"exp", "nbf", "iat"}) {
    for (const json::value& value :
         {json::value(nullptr), json::value("1767323105"), json::value(1767323105.0),
          json::value(1767323105.5), json::value(1e300), json::value(true),
          json::value(json::array{1767323105}), json::value(json::object{}),
          json::value(18446744073709551615U)})
      cases.push_back(
          {std::string(name) + " " + json::serialize(value), set(name, value), missing});
  }
  // The ends of the range neither overflow nor pass for something else.
  constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  const std::string_view expired = to_string(JwtError::Expired);
  const std::string_view early = to_string(JwtError::NotYetValid);
  cases.push_back({"exp max", set("exp", kMax), "ok"});
  cases.push_back({"exp min", set("exp", kMin), expired});
  cases.push_back({"exp 0", set("exp", 0), expired});
  cases.push_back({"nbf max", set("nbf", kMax), early});
  cases.push_back({"nbf min", set("nbf", kMin), "ok"});
  cases.push_back({"iat max", set("iat", kMax), early});
  cases.push_back({"iat min", set("iat", kMin), "ok"});
  for (const auto& test : cases) {
    json::object claims = good_claims();
    test.change(claims);
    const std::string token = forge(kHeader, json::serialize(claims));
    EXPECT_EQ(outcome(verify(token)), test.outcome) << test.name;
    EXPECT_EQ(outcome(verify(token, expectations(), kNow, kMaxLeeway)), test.outcome) << test.name;
  }
}

TEST(JwtClaims, AreCheckedToTheSecond) {
  struct Case {
    std::string_view claim;
    std::int64_t after_now;
    std::int64_t leeway;
    std::string_view outcome;
  };
  const std::string_view expired = to_string(JwtError::Expired);
  const std::string_view early = to_string(JwtError::NotYetValid);
  const Case cases[] = {
      {"exp", 1, 0, "ok"},    {"exp", 0, 0, expired},    {"exp", -1, 0, expired},
      {"exp", -29, 30, "ok"}, {"exp", -30, 30, expired}, {"exp", -31, 30, expired},
      {"nbf", -1, 0, "ok"},   {"nbf", 0, 0, "ok"},       {"nbf", 1, 0, early},
      {"nbf", 29, 30, "ok"},  {"nbf", 30, 30, "ok"},     {"nbf", 31, 30, early},
      {"iat", -1, 0, "ok"},   {"iat", 0, 0, "ok"},       {"iat", 1, 0, early},
      {"iat", 29, 30, "ok"},  {"iat", 30, 30, "ok"},     {"iat", 31, 30, early},
  };
  for (const auto& test : cases) {
    json::object claims = good_claims();
    claims[test.claim] = kNow + test.after_now;
    EXPECT_EQ(outcome(verify(forge(kHeader, json::serialize(claims)), expectations(), kNow,
                             std::chrono::seconds{test.leeway})),
              test.outcome)
        << test.claim << " " << test.after_now << " leeway " << test.leeway;
  }
  EXPECT_THROW(static_cast<void>(verify(good_token(), expectations(), kNow, kMaxLeeway + 1s)),
               InvariantViolation);
  EXPECT_THROW(static_cast<void>(verify(good_token(), expectations(), kNow, -1s)),
               InvariantViolation);
}

TEST(JwtClaims, AreNotLookedAtWhenNotDemanded) {
  const std::string token = forge(kHeader, R"({"exp":1767323046,"aud":7,"iss":[],"type":null})");
  EXPECT_EQ(outcome(verify(token, {.require_issued_at = false})), "ok");
  EXPECT_EQ(outcome(verify(token, {})), to_string(JwtError::MissingClaim));
}

TEST(JwtType, IsComparedAsAMediaType) {
  JwtExpectations expected = expectations();
  expected.typ = "at+jwt";
  const std::string claims = json::serialize(good_claims());
  for (const auto typ : {"at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+jwt"})
    EXPECT_EQ(
        outcome(verify(forge(header_with(fmt::format(R"("typ":"{}")", typ)), claims), expected)),
        "ok")
        << typ;
  for (const auto typ : {"", "JWT", "at+jwt ", "text/at+jwt", "application/", "logout+jwt"})
    EXPECT_EQ(
        outcome(verify(forge(header_with(fmt::format(R"("typ":"{}")", typ)), claims), expected)),
        to_string(JwtError::WrongType))
        << typ;
  EXPECT_EQ(outcome(verify(forge(R"({"alg":"RS256","kid":"kid-1"})", claims), expected)),
            to_string(JwtError::WrongType));
}

TEST(Jws, TriesEveryKeyOfAKid) {
  // Two nodes that rotated at once, or a provider that repeats itself.
  const JwkSet keys({{"kid-1", std::nullopt, attacker_key().public_key()},
                     {"kid-1", std::nullopt, our_key().public_key()}});
  const auto token = CompactJws::parse(good_token());
  EXPECT_TRUE(verify_jws(*token, keys, {Algorithm::RS256}));
  EXPECT_EQ(verify_jws(*token, JwkSet(), {Algorithm::RS256}).error(), JwtError::UnknownKey);
  EXPECT_EQ(verify_jws(*token, keys, {}).error(), JwtError::UnsupportedAlgorithm);
}

}  // namespace
}  // namespace gatehouse::jose
