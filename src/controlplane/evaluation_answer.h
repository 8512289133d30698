// The pure half of external evaluation: what is asked, and what of an answer counts. Thread-safe.
// docs/reference/external-evaluation.md; source: facts/cloudflare-access-api.md 12.
#pragma once

#include <chrono>
#include <expected>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/time.h"
#include "jose/jwk.h"

namespace gatehouse::controlplane {

inline constexpr std::chrono::seconds kEvaluationTokenLifetime{60};
inline constexpr std::chrono::seconds kEvaluatorClockLeeway{30};
inline constexpr std::size_t kMaxEvaluationAnswerBytes = 32 * 1024;

// Why there is no evidence: stable codes in the audit trail.
enum class EvaluationError : std::uint8_t {
  Unreachable,  // no answer in time, or no connection
  UnexpectedStatus,
  KeysUnusable,  // keys_url: no answer, or not a key set
  Malformed,     // not {"token": <JWS>}, or too large
  WrongAlgorithm,
  KeyMissing,  // the token names no key
  UnknownKey,
  BadSignature,
  ClaimMissing,  // nonce, iat, exp or success: absent or of the wrong type
  WrongNonce,
  Expired,
  WrongTime,  // iat is not about now
};
[[nodiscard]] std::string_view to_string(EvaluationError error);

// The claims of the token that the evaluator gets.
[[nodiscard]] json::object evaluation_claims(json::object identity, std::string_view nonce,
                                             Instant now);
// Yes or no, from the body of a 200: {"token": JWT}, RS256 with `kid`, claims success, nonce, iat,
// exp. `exp` is compared without leeway.
[[nodiscard]] std::expected<bool, EvaluationError> read_evaluation(std::string_view body,
                                                                   const jose::JwkSet& keys,
                                                                   std::string_view nonce,
                                                                   Instant now);

}  // namespace gatehouse::controlplane
