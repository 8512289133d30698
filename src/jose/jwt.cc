#include "jose/jwt.h"

#include <algorithm>

#include "base/check.h"
#include "base/encoding.h"
#include "base/try.h"

namespace gatehouse::jose {

// The way to the parts of a token that nobody has verified; for verify_jws alone.
struct JwsAccess {
  static const std::string& signing_input(const CompactJws& token) { return token.signing_input_; }
  static const std::string& payload(const CompactJws& token) { return token.payload_; }
  static const std::string& signature(const CompactJws& token) { return token.signature_; }
};

namespace {

// Nothing when absent, an error when it is no string.
std::expected<std::string, JwtError> header_text(const json::object& header,
                                                 std::string_view name) {
  if (!header.contains(name)) return std::string();
  const auto text = json::find_string(header, name);
  if (!text) return std::unexpected(JwtError::Malformed);
  return std::string(*text);
}

// RFC 7515 4.1.9: media types have no case, and `application/` may be left out.
std::string_view media_type(std::string_view typ) {
  constexpr std::string_view kPrefix = "application/";
  if (ascii_iequals(typ.substr(0, kPrefix.size()), kPrefix)) typ.remove_prefix(kPrefix.size());
  return typ;
}

// NumericDate, of which we take whole seconds only: text, fractions and 1e300 are no instants.
std::expected<std::optional<std::int64_t>, JwtError> numeric_date(const json::object& claims,
                                                                  std::string_view name) {
  if (!claims.contains(name)) return std::nullopt;
  const auto seconds = json::find_int(claims, name);
  if (!seconds) return std::unexpected(JwtError::MissingClaim);
  return seconds;
}

std::expected<void, JwtError> check_text(const json::object& claims, std::string_view name,
                                         const std::optional<std::string>& demanded,
                                         JwtError otherwise) {
  if (!demanded) return {};
  const auto text = json::find_string(claims, name);
  if (!text) return std::unexpected(JwtError::MissingClaim);
  if (*text != *demanded) return std::unexpected(otherwise);
  return {};
}

// RFC 7519 4.1.3.
std::expected<void, JwtError> check_audience(const json::object& claims,
                                             const std::optional<std::string>& demanded) {
  if (!demanded) return {};
  const json::array* several = json::find_array(claims, "aud");
  if (several == nullptr) return check_text(claims, "aud", demanded, JwtError::WrongAudience);
  if (!std::ranges::all_of(*several, [](const json::value& one) { return one.is_string(); }))
    return std::unexpected(JwtError::MissingClaim);
  if (std::ranges::none_of(*several, [&](const json::value& one) {
        return std::string_view(one.get_string()) == *demanded;
      }))
    return std::unexpected(JwtError::WrongAudience);
  return {};
}

std::expected<void, JwtError> check_times(const json::object& claims, bool require_issued_at,
                                          Instant now, std::chrono::seconds leeway) {
  const auto expires = GATEHOUSE_TRY(numeric_date(claims, "exp"));
  const auto not_before = GATEHOUSE_TRY(numeric_date(claims, "nbf"));
  const auto issued = GATEHOUSE_TRY(numeric_date(claims, "iat"));
  if (!expires || (require_issued_at && !issued)) return std::unexpected(JwtError::MissingClaim);
  // The leeway is counted on `now`: a claim may be any number, and sums with it could overflow.
  const std::int64_t earliest = to_epoch_seconds(now - leeway);
  const std::int64_t latest = to_epoch_seconds(now + leeway);
  if (*expires <= earliest) return std::unexpected(JwtError::Expired);
  if (not_before.value_or(latest) > latest || issued.value_or(latest) > latest)
    return std::unexpected(JwtError::NotYetValid);
  return {};
}

}  // namespace

std::string_view to_string(JwtError error) {
  switch (error) {
    case JwtError::TooLarge:
      return "the token is too large";
    case JwtError::Malformed:
      return "the token is malformed";
    case JwtError::UnsupportedAlgorithm:
      return "the token is signed with an algorithm not allowed";
    case JwtError::CriticalHeader:
      return "the token demands an extension that is not supported";
    case JwtError::UnknownKey:
      return "the token names a key that is not known";
    case JwtError::BadSignature:
      return "the signature of the token is wrong";
    case JwtError::MissingClaim:
      return "a claim of the token is missing or of the wrong type";
    case JwtError::WrongIssuer:
      return "the token is from another issuer";
    case JwtError::WrongAudience:
      return "the token is for another audience";
    case JwtError::WrongType:
      return "the token is of another type";
    case JwtError::Expired:
      return "the token has expired";
    case JwtError::NotYetValid:
      return "the token is not valid yet";
  }
  return "the token is malformed";
}

std::expected<CompactJws, JwtError> CompactJws::parse(std::string_view token,
                                                      std::size_t max_bytes) {
  if (token.size() > max_bytes) return std::unexpected(JwtError::TooLarge);
  const auto first = token.find('.');
  const auto second = first == std::string_view::npos ? first : token.find('.', first + 1);
  // RFC 7515 7.1: three parts; a third dot fails below, for it is no base64url.
  if (second == std::string_view::npos) return std::unexpected(JwtError::Malformed);
  const auto header_bytes = base64url_decode(token.substr(0, first));
  auto payload = base64url_decode(token.substr(first + 1, second - first - 1));
  auto signature = base64url_decode(token.substr(second + 1));
  if (!header_bytes || !payload || !signature || signature->empty())
    return std::unexpected(JwtError::Malformed);

  const auto document = json::parse(*header_bytes, {.max_bytes = max_bytes, .max_depth = 32});
  const json::object* header = document ? document->if_object() : nullptr;
  if (header == nullptr) return std::unexpected(JwtError::Malformed);
  // RFC 7515 4.1.11: what we would have to understand and do not. RFC 7797 `b64` changes what is
  // signed and `zip` is of encryption, so neither may be overlooked when `crit` is left out.
  // Keys and their addresses in the header (`jwk`, `jku`, `x5u`, `x5c`) are never looked at.
  for (const char* name : {"crit", "b64", "zip"})
    if (header->contains(name)) return std::unexpected(JwtError::CriticalHeader);
  const std::string name = GATEHOUSE_TRY(header_text(*header, "alg"));
  if (!header->contains("alg")) return std::unexpected(JwtError::Malformed);

  CompactJws parsed;
  parsed.kid_ = GATEHOUSE_TRY(header_text(*header, "kid"));
  parsed.typ_ = GATEHOUSE_TRY(header_text(*header, "typ"));
  const auto algorithm = parse_algorithm(name);
  if (!algorithm) return std::unexpected(JwtError::UnsupportedAlgorithm);
  parsed.algorithm_ = *algorithm;
  parsed.signing_input_ = token.substr(0, second);
  parsed.payload_ = std::move(*payload);
  parsed.signature_ = std::move(*signature);
  return parsed;
}

std::expected<VerifiedClaims, JwtError> verify_jws(const CompactJws& token, const JwkSet& keys,
                                                   const std::vector<Algorithm>& allowed) {
  // RFC 8725 3.1: the algorithm is ours to choose, then the key's, and only then the token's.
  if (std::ranges::find(allowed, token.algorithm()) == allowed.end())
    return std::unexpected(JwtError::UnsupportedAlgorithm);
  const auto candidates = keys.candidates(token.kid(), token.algorithm());
  if (candidates.empty()) return std::unexpected(JwtError::UnknownKey);
  const auto signer = std::ranges::find_if(candidates, [&](const Jwk* candidate) {
    return candidate->key.verify(token.algorithm(), JwsAccess::signing_input(token),
                                 JwsAccess::signature(token));
  });
  if (signer == candidates.end()) return std::unexpected(JwtError::BadSignature);

  // INVARIANT: the payload is read only after its signature has been verified.
  const std::string& payload = JwsAccess::payload(token);
  auto document = json::parse(payload, {.max_bytes = payload.size(), .max_depth = 32});
  if (!document || !document->is_object()) return std::unexpected(JwtError::Malformed);
  return VerifiedClaims{std::move(document->get_object()), (*signer)->kid, token.algorithm()};
}

std::expected<VerifiedClaims, JwtError> verify_jwt(const CompactJws& token, const JwkSet& keys,
                                                   const JwtExpectations& expected, Instant now,
                                                   std::chrono::seconds leeway) {
  GATEHOUSE_CHECK(leeway >= std::chrono::seconds::zero() && leeway <= kMaxLeeway,
                  "the leeway is at most kMaxLeeway");
  if (expected.typ && !ascii_iequals(media_type(token.typ()), media_type(*expected.typ)))
    return std::unexpected(JwtError::WrongType);
  auto verified = GATEHOUSE_TRY(verify_jws(token, keys, expected.algorithms));
  const json::object& claims = verified.claims;
  GATEHOUSE_TRY_VOID(check_text(claims, "iss", expected.issuer, JwtError::WrongIssuer));
  GATEHOUSE_TRY_VOID(check_audience(claims, expected.audience));
  GATEHOUSE_TRY_VOID(check_text(claims, "type", expected.type, JwtError::WrongType));
  GATEHOUSE_TRY_VOID(check_times(claims, expected.require_issued_at, now, leeway));
  return verified;
}

std::string sign_jwt(const json::object& claims, const PrivateKey& key, Algorithm algorithm,
                     std::string_view kid, std::string_view typ) {
  json::object header;
  header["alg"] = to_string(algorithm);
  if (!kid.empty()) header["kid"] = kid;
  if (!typ.empty()) header["typ"] = typ;
  std::string token =
      base64url_encode(json::serialize(header)) + "." + base64url_encode(json::serialize(claims));
  const std::string signature = key.sign(algorithm, token);
  return token + "." + base64url_encode(signature);
}

}  // namespace gatehouse::jose
