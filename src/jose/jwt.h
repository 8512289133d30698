// Compact JWS and JWT: parse, verify, sign. Pure, thread-safe.
// Source: RFC 7515, RFC 7519, RFC 8725. Only compact serialization; only Algorithm's algorithms;
// base64url must be canonical, JSON without duplicate keys, `crit` is refused.
#pragma once

#include <chrono>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "jose/jwk.h"

namespace gatehouse::jose {

enum class JwtError {
  TooLarge,
  Malformed,             // not three canonical base64url parts, or not strict JSON objects
  UnsupportedAlgorithm,  // unknown, `none`, HMAC, or not among those allowed here
  CriticalHeader,        // `crit`, `b64`, `zip`
  UnknownKey,            // no key of that kid fits
  BadSignature,
  MissingClaim,  // a demanded claim is absent or of the wrong type
  WrongIssuer,
  WrongAudience,
  WrongType,  // claim `type` or header `typ` is not the demanded one
  Expired,
  NotYetValid,  // nbf or iat in the future beyond the leeway
};
[[nodiscard]] std::string_view to_string(JwtError error);

inline constexpr std::size_t kMaxTokenBytes = 16 * 1024;
inline constexpr std::chrono::seconds kMaxLeeway{300};

// A token whose signature nobody has checked. Exposes only what is needed to choose a key.
class CompactJws {
 public:
  [[nodiscard]] static std::expected<CompactJws, JwtError> parse(
      std::string_view token, std::size_t max_bytes = kMaxTokenBytes);
  [[nodiscard]] Algorithm algorithm() const { return algorithm_; }
  [[nodiscard]] std::string_view kid() const { return kid_; }
  [[nodiscard]] std::string_view typ() const { return typ_; }

 private:
  friend struct JwsAccess;
  std::string signing_input_;
  std::string payload_;
  std::string signature_;
  std::string kid_;
  std::string typ_;
  Algorithm algorithm_{};
};

struct VerifiedClaims {
  json::object claims;
  std::string kid;
  Algorithm algorithm{};
};

// Signature only; the payload must be a JSON object.
[[nodiscard]] std::expected<VerifiedClaims, JwtError> verify_jws(
    const CompactJws& token, const JwkSet& keys, const std::vector<Algorithm>& allowed);

struct JwtExpectations {
  std::vector<Algorithm> algorithms{Algorithm::RS256};
  std::optional<std::string> issuer{};    // compared byte for byte
  std::optional<std::string> audience{};  // must be `aud` or one of its members
  std::optional<std::string> type{};      // claim `type` (ours: `app`, `org`)
  bool require_issued_at = true;
  // Header `typ`, compared without case and without a leading `application/` (RFC 7515 4.1.9).
  std::optional<std::string> typ{};
};

// Verifies a compact JWS and returns its claims. Source: RFC 7515 5.2, RFC 7519 7.2, RFC 8725 3.
// Borrows its arguments for the call; keeps nothing. `now` is UTC; `leeway` at most kMaxLeeway.
// `exp` is always demanded, as an integer; a token is expired from the second `exp` + leeway on.
// Errors: JwtError; an absent claim is an error, never a default.
[[nodiscard]] std::expected<VerifiedClaims, JwtError> verify_jwt(const CompactJws& token,
                                                                 const JwkSet& keys,
                                                                 const JwtExpectations& expected,
                                                                 Instant now,
                                                                 std::chrono::seconds leeway);

// Header {"alg","kid","typ"} and the claims as given.
[[nodiscard]] std::string sign_jwt(const json::object& claims, const PrivateKey& key,
                                   Algorithm algorithm, std::string_view kid,
                                   std::string_view typ = "JWT");

}  // namespace gatehouse::jose
