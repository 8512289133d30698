// The Tanium exchange: the browser asks the local client, whose signed answer is verified here.
// The real client's format is not public, so the exchange is an explicit profile (LPX/1) in which
// every unknown is configuration: docs/reference/tanium.md. Pure half: bytes ->
// evidence; there is no other half, the browser does the fetching.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "jose/jwk.h"
#include "model/identity.h"
#include "model/resources.h"

namespace gatehouse::posture {

struct TaniumProfile {
  std::string integration_id;
  std::uint16_t port = 17472;
  std::vector<jose::PublicKey> keys;  // from public_certificate, several for roll-over
  // exchange
  std::vector<std::string> candidates;  // base URLs with {port} filled in
  std::string method = "POST";          // POST, GET
  std::string path = "/lpx/v1/attest";
  std::string encoding = "json";  // json, query, form
  std::string nonce_field = "nonce";
  std::string audience_field = "aud";
  json::object extra;
  std::string token_source = "auto";  // auto, body, json:/pointer, header:Name
  std::chrono::milliseconds exchange_timeout{5000};
  std::string target_address_space = "loopback";  // empty: not sent
  // token
  std::vector<jose::Algorithm> algorithms;
  std::string issuer;                    // empty: any
  std::string audience;                  // empty: the issuer URL of the auth domain
  std::string nonce_mode = "required";   // required, if_present, none
  std::string nonce_encoding = "plain";  // plain, sha256_b64url
  std::chrono::seconds max_age{60};
  std::chrono::seconds clock_skew{30};
  // claims: RFC 6901 pointers into the verified payload; empty: the profile has no such claim
  std::string claim_nonce = "/nonce";
  std::string claim_audience = "/aud";  // empty: the audience is not checked
  std::string claim_device_id = "/sub";
  std::string claim_managed = "/managed";
  json::array managed_true_values;
  std::string claim_last_checkin = "/last_checkin";
  std::string last_checkin_format = "epoch";  // epoch, epoch_ms, rfc3339, seconds_ago
  std::string claim_patch_status = "/patch_status/compliant";
  std::string claim_vulnerability_score = "/vulnerability/score";
  std::string claim_hostname = "/device/hostname";
  std::string claim_serial_number = "/device/serial_number";
};

struct FieldProblem {
  std::string field;  // `public_certificate`, `exchange.method`
  std::string message;
};
// Every problem at once; unknown keys are problems. A private key pasted by mistake is named.
// A member that is null counts as absent.
[[nodiscard]] std::expected<TaniumProfile, std::vector<FieldProblem>> read_tanium_profile(
    const model::PostureIntegration& integration);

// What the posture page needs to ask the local client (docs/reference/tanium.md):
//   {"candidates": ["http://127.0.0.1:17472"],   origins, to be tried in order; also the CSP's
//    "method": "POST", "path": "/lpx/v1/attest",
//    "encoding": "json",                         json, form, query: how the fields are sent
//    "fields": {"nonce": "..", "aud": ".."},
//    "token_source": "auto",                     auto, body, json:/pointer, header:Name
//    "timeout_ms": 5000,
//    "target_address_space": "loopback"}         empty: do not pass it to fetch
// `audience` is the issuer URL of the auth domain; token.audience of the profile goes before it.
[[nodiscard]] json::object exchange_instructions(const TaniumProfile& profile,
                                                 std::string_view nonce, std::string_view audience);

enum class TaniumError {
  Malformed,     // not a token
  BadSignature,  // or an algorithm, key or certificate that does not count
  KeyExpired,    // every configured certificate is outside its validity
  WrongAudience,
  WrongIssuer,
  NonceMismatch,
  Expired,  // exp, or older than max_age
  NotYetValid,
  MissingTime,  // neither iat nor exp; or no iat where no nonce shows that it is fresh
};
[[nodiscard]] std::string_view to_string(TaniumError error);

struct TaniumAnswer {
  model::PostureEvidence evidence;
  std::string replay_id;   // 64 hex, of jti, else of the verified content: consume it once
  Instant replay_until{};  // from this second on the token is refused for its age anyway
};

// Verifies what the local client signed. Order and meaning of the checks: docs/reference/tanium.md.
// `nonce` and `audience` are the ones given to the page; a nonce is single-use: consume it before.
// A signal that is absent, of the wrong type or, for last_checkin, in the future beyond the skew
// stays unset. evidence.established_at is iat, never later than now (now when there is no iat).
[[nodiscard]] std::expected<TaniumAnswer, TaniumError> verify_tanium_answer(
    const TaniumProfile& profile, std::string_view token, std::string_view nonce,
    std::string_view audience, Instant now);

}  // namespace gatehouse::posture
