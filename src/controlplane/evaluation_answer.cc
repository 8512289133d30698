#include "controlplane/evaluation_answer.h"

#include "jose/jwt.h"

namespace gatehouse::controlplane {
namespace {

EvaluationError error_of(jose::JwtError error) {
  switch (error) {
    case jose::JwtError::UnsupportedAlgorithm:
      return EvaluationError::WrongAlgorithm;
    case jose::JwtError::UnknownKey:
      return EvaluationError::UnknownKey;
    case jose::JwtError::BadSignature:
      return EvaluationError::BadSignature;
    case jose::JwtError::MissingClaim:
      return EvaluationError::ClaimMissing;
    case jose::JwtError::Expired:
      return EvaluationError::Expired;
    case jose::JwtError::NotYetValid:
      return EvaluationError::WrongTime;
    case jose::JwtError::TooLarge:
    case jose::JwtError::Malformed:
    case jose::JwtError::CriticalHeader:
    case jose::JwtError::WrongIssuer:
    case jose::JwtError::WrongAudience:
    case jose::JwtError::WrongType:
      break;
  }
  return EvaluationError::Malformed;
}

}  // namespace

std::string_view to_string(EvaluationError error) {
  switch (error) {
    case EvaluationError::Unreachable:
      return "unreachable";
    case EvaluationError::UnexpectedStatus:
      return "unexpected_status";
    case EvaluationError::KeysUnusable:
      return "keys_unusable";
    case EvaluationError::Malformed:
      return "malformed_answer";
    case EvaluationError::WrongAlgorithm:
      return "wrong_algorithm";
    case EvaluationError::KeyMissing:
      return "key_missing";
    case EvaluationError::UnknownKey:
      return "unknown_key";
    case EvaluationError::BadSignature:
      return "bad_signature";
    case EvaluationError::ClaimMissing:
      return "claim_missing";
    case EvaluationError::WrongNonce:
      return "wrong_nonce";
    case EvaluationError::Expired:
      return "expired";
    case EvaluationError::WrongTime:
      return "wrong_time";
  }
  return "malformed_answer";
}

json::object evaluation_claims(json::object identity, std::string_view nonce, Instant now) {
  return {{"identity", std::move(identity)},
          {"nonce", nonce},
          {"iat", to_epoch_seconds(now)},
          {"exp", to_epoch_seconds(now + kEvaluationTokenLifetime)}};
}

std::expected<bool, EvaluationError> read_evaluation(std::string_view body,
                                                     const jose::JwkSet& keys,
                                                     std::string_view nonce, Instant now) {
  const auto fail = [](EvaluationError error) { return std::unexpected(error); };
  const auto document = json::parse(body, {.max_bytes = kMaxEvaluationAnswerBytes, .max_depth = 8});
  if (!document || !document->is_object()) return fail(EvaluationError::Malformed);
  const auto text = json::find_string(document->get_object(), "token");
  if (!text) return fail(EvaluationError::Malformed);
  const auto token = jose::CompactJws::parse(*text);
  if (!token) return fail(error_of(token.error()));
  if (token->algorithm() != jose::Algorithm::RS256) return fail(EvaluationError::WrongAlgorithm);
  if (token->kid().empty()) return fail(EvaluationError::KeyMissing);
  const auto verified = jose::verify_jwt(*token, keys, {}, now, kEvaluatorClockLeeway);
  if (!verified) return fail(error_of(verified.error()));
  const auto& claims = verified->claims;
  const auto said_nonce = json::find_string(claims, "nonce");
  const auto issued_at = json::find_int(claims, "iat");
  const auto expires_at = json::find_int(claims, "exp");
  const auto success = json::find_bool(claims, "success");
  if (!said_nonce || !issued_at || !expires_at || !success)
    return fail(EvaluationError::ClaimMissing);
  // INVARIANT 4: an answer counts for the question that was asked, and for no other.
  if (*said_nonce != nonce) return fail(EvaluationError::WrongNonce);
  const auto seconds = to_epoch_seconds(now);
  if (seconds >= *expires_at) return fail(EvaluationError::Expired);
  // From the future: verify_jwt. An old one was made before the question.
  if (*issued_at < seconds - (kEvaluationTokenLifetime + kEvaluatorClockLeeway).count())
    return fail(EvaluationError::WrongTime);
  return *success;
}

}  // namespace gatehouse::controlplane
