#include <algorithm>
#include <cmath>

#include "base/encoding.h"
#include "base/try.h"
#include "crypto/digest.h"
#include "jose/jwt.h"
#include "model/limits.h"
#include "posture/tanium/tanium.h"

namespace gatehouse::posture {
namespace {

using std::chrono::seconds;

constexpr double kLastSecond = 253402300799.0;  // 9999-12-31T23:59:59Z; keeps sums in range
constexpr std::size_t kMaxSignalBytes = 256;    // a host name has at most 253

std::string_view audience_of(const TaniumProfile& profile, std::string_view audience) {
  return profile.audience.empty() ? audience : std::string_view(profile.audience);
}

std::optional<double> number(const json::value& value) {
  if (value.is_int64()) return static_cast<double>(value.get_int64());
  if (value.is_uint64()) return static_cast<double>(value.get_uint64());
  if (value.is_double() && std::isfinite(value.get_double())) return value.get_double();
  return std::nullopt;
}

std::optional<Instant> instant_of_seconds(const json::value& value, double unit) {
  const auto given = number(value);
  if (!given || *given < 0 || *given / unit > kLastSecond) return std::nullopt;
  return from_epoch_seconds(static_cast<std::int64_t>(std::floor(*given / unit)));
}

// NumericDate, RFC 7519 2: a fraction is permitted and cut off.
std::expected<std::optional<Instant>, TaniumError> time_claim(const json::object& claims,
                                                              std::string_view name) {
  const json::value* found = json::find(claims, name);
  if (!found) return std::nullopt;
  const auto instant = instant_of_seconds(*found, 1);
  if (!instant) return std::unexpected(TaniumError::Malformed);
  return instant;
}

TaniumError of_jwt_error(jose::JwtError error) {
  switch (error) {
    case jose::JwtError::UnsupportedAlgorithm:
    case jose::JwtError::UnknownKey:
    case jose::JwtError::BadSignature:
      return TaniumError::BadSignature;
    default:
      return TaniumError::Malformed;
  }
}

std::expected<json::object, TaniumError> verify_signature(const TaniumProfile& profile,
                                                          std::string_view token, Instant now) {
  if (token.size() > model::kMaxPostureTokenBytes) return std::unexpected(TaniumError::Malformed);
  const auto jws = jose::CompactJws::parse(token, model::kMaxPostureTokenBytes);
  if (!jws) return std::unexpected(of_jwt_error(jws.error()));
  // The keys are pinned, so the token's `kid` chooses nothing: every configured key is tried.
  bool any_in_validity = false;
  TaniumError error = TaniumError::BadSignature;
  for (const jose::PublicKey& key : profile.keys) {
    if (key.not_before() && now < *key.not_before()) continue;
    if (key.not_after() && now > *key.not_after()) continue;
    any_in_validity = true;
    if (!key.fits(jws->algorithm())) continue;
    const jose::JwkSet only({jose::Jwk{std::string(jws->kid()), std::nullopt, key}});
    auto verified = jose::verify_jws(*jws, only, profile.algorithms);
    if (verified) return std::move(verified->claims);
    error = of_jwt_error(verified.error());
  }
  return std::unexpected(any_in_validity ? error : TaniumError::KeyExpired);
}

// Whether a nonce was there and is ours; an absent one is an error where the profile demands it.
std::expected<bool, TaniumError> check_nonce(const TaniumProfile& profile,
                                             const json::value& payload, std::string_view nonce) {
  if (profile.nonce_mode == "none") return false;
  const json::value* found = json::at_pointer(payload, profile.claim_nonce);
  if (!found && profile.nonce_mode == "if_present") return false;
  const std::string expected = profile.nonce_encoding == "plain"
                                   ? std::string(nonce)
                                   : base64url_encode(crypto::sha256(nonce));
  if (nonce.empty() || !found || !found->is_string() ||
      !constant_time_equal(std::string_view(found->get_string()), expected)) {
    return std::unexpected(TaniumError::NonceMismatch);
  }
  return true;
}

bool is_audience(const json::value* claim, std::string_view expected) {
  if (!claim || expected.empty()) return false;
  if (claim->is_string()) return std::string_view(claim->get_string()) == expected;
  if (!claim->is_array()) return false;
  const json::array& list = claim->get_array();
  return std::any_of(list.begin(), list.end(), [&](const json::value& one) {
    return one.is_string() && std::string_view(one.get_string()) == expected;
  });
}

const json::value* mapped(const json::value& payload, const std::string& pointer) {
  return pointer.empty() ? nullptr : json::at_pointer(payload, pointer);
}

std::string text_signal(const json::value* claim) {
  if (!claim || !claim->is_string()) return {};
  const std::string_view text = claim->get_string();
  const bool is_plain =
      text.size() <= kMaxSignalBytes && std::none_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
      });
  return is_plain ? std::string(text) : std::string{};
}

std::optional<bool> managed_signal(const TaniumProfile& profile, const json::value* claim) {
  if (!claim || claim->is_null() || claim->is_structured()) return std::nullopt;
  return std::find(profile.managed_true_values.begin(), profile.managed_true_values.end(),
                   *claim) != profile.managed_true_values.end();
}

std::optional<Instant> last_checkin_signal(const TaniumProfile& profile, const json::value* claim,
                                           Instant established_at, Instant now) {
  if (!claim) return std::nullopt;
  std::optional<Instant> at;
  if (profile.last_checkin_format == "epoch") {
    at = instant_of_seconds(*claim, 1);
  } else if (profile.last_checkin_format == "epoch_ms") {
    at = instant_of_seconds(*claim, 1000);
  } else if (profile.last_checkin_format == "rfc3339") {
    if (claim->is_string()) at = parse_rfc3339(std::string_view(claim->get_string()));
  } else if (const auto age = instant_of_seconds(*claim, 1)) {
    at = established_at - age->time_since_epoch();
  }
  // A check-in that has not happened yet says nothing about the past.
  if (at && *at > now + profile.clock_skew) return std::nullopt;
  return at;
}

std::string replay_id(const TaniumProfile& profile, const json::object& claims,
                      std::string_view device_id, std::string_view token) {
  std::string content;
  if (const auto jti = json::find_string(claims, "jti"); jti && !jti->empty()) {
    const auto issuer = json::find_string(claims, "iss").value_or("");
    content = json::serialize(json::array{"jti", profile.integration_id, issuer, device_id, *jti});
  } else {
    // The signing input, not the token: an ECDSA signature has a second valid spelling.
    content = token.substr(0, token.rfind('.'));
  }
  return hex_encode(crypto::sha256(content));
}

}  // namespace

std::string_view to_string(TaniumError error) {
  switch (error) {
    case TaniumError::Malformed:
      return "the answer is not a token";
    case TaniumError::BadSignature:
      return "the answer is not signed with a configured key";
    case TaniumError::KeyExpired:
      return "every configured certificate has expired or is not valid yet";
    case TaniumError::WrongAudience:
      return "the answer is meant for another gateway";
    case TaniumError::WrongIssuer:
      return "the answer comes from another issuer";
    case TaniumError::NonceMismatch:
      return "the answer belongs to another question";
    case TaniumError::Expired:
      return "the answer is too old";
    case TaniumError::NotYetValid:
      return "the answer comes from the future";
    case TaniumError::MissingTime:
      return "the answer does not say when it was signed";
  }
  return "unknown";
}

json::object exchange_instructions(const TaniumProfile& profile, std::string_view nonce,
                                   std::string_view audience) {
  json::object fields;
  if (!profile.nonce_field.empty()) fields[profile.nonce_field] = nonce;
  if (!profile.audience_field.empty()) {
    fields[profile.audience_field] = audience_of(profile, audience);
  }
  for (const auto& extra : profile.extra) fields[extra.key()] = extra.value();

  json::array candidates;
  for (const std::string& candidate : profile.candidates) candidates.emplace_back(candidate);
  return {{"candidates", std::move(candidates)},
          {"method", profile.method},
          {"path", profile.path},
          {"encoding", profile.encoding},
          {"fields", std::move(fields)},
          {"token_source", profile.token_source},
          {"timeout_ms", profile.exchange_timeout.count()},
          {"target_address_space", profile.target_address_space}};
}

std::expected<TaniumAnswer, TaniumError> verify_tanium_answer(const TaniumProfile& profile,
                                                              std::string_view token,
                                                              std::string_view nonce,
                                                              std::string_view audience,
                                                              Instant now) {
  const json::value payload = GATEHOUSE_TRY(verify_signature(profile, token, now));
  const json::object& claims = payload.get_object();

  const bool is_nonce_ours = GATEHOUSE_TRY(check_nonce(profile, payload, nonce));

  if (!profile.claim_audience.empty() &&
      !is_audience(mapped(payload, profile.claim_audience), audience_of(profile, audience))) {
    return std::unexpected(TaniumError::WrongAudience);
  }
  if (!profile.issuer.empty() && json::find_string(claims, "iss") != profile.issuer) {
    return std::unexpected(TaniumError::WrongIssuer);
  }

  const auto issued_at = GATEHOUSE_TRY(time_claim(claims, "iat"));
  const auto expires_at = GATEHOUSE_TRY(time_claim(claims, "exp"));
  const auto not_before = GATEHOUSE_TRY(time_claim(claims, "nbf"));
  // Without iat only a nonce of ours shows that the answer was made for this question.
  if (!issued_at && (!expires_at || !is_nonce_ours)) {
    return std::unexpected(TaniumError::MissingTime);
  }
  const seconds skew = profile.clock_skew;
  if ((issued_at && *issued_at > now + skew) || (not_before && *not_before > now + skew)) {
    return std::unexpected(TaniumError::NotYetValid);
  }
  Instant refused_from = Instant::max();
  if (expires_at) refused_from = *expires_at + skew;
  if (issued_at) {
    refused_from = std::min(refused_from, *issued_at + profile.max_age + skew + seconds{1});
  }
  if (now >= refused_from) return std::unexpected(TaniumError::Expired);

  TaniumAnswer answer;
  model::PostureEvidence& evidence = answer.evidence;
  evidence.integration_id = profile.integration_id;
  evidence.established_at = issued_at ? std::min(*issued_at, now) : now;
  evidence.device_id = text_signal(mapped(payload, profile.claim_device_id));
  evidence.managed = managed_signal(profile, mapped(payload, profile.claim_managed));
  evidence.last_checkin = last_checkin_signal(profile, mapped(payload, profile.claim_last_checkin),
                                              evidence.established_at, now);
  if (const json::value* claim = mapped(payload, profile.claim_patch_status);
      claim && claim->is_bool()) {
    evidence.patch_compliant = claim->get_bool();
  }
  if (const json::value* claim = mapped(payload, profile.claim_vulnerability_score)) {
    evidence.vulnerability_score = number(*claim);
  }
  evidence.hostname = text_signal(mapped(payload, profile.claim_hostname));
  evidence.serial_number = text_signal(mapped(payload, profile.claim_serial_number));
  answer.replay_id = replay_id(profile, claims, evidence.device_id, token);
  answer.replay_until = refused_from;
  return answer;
}

}  // namespace gatehouse::posture
