// The audit trail: every security-relevant event leaves a record. A failed append is logged and
// counted; it does not undo what happened. Thread-safe.
#pragma once

#include <string_view>

#include "controlplane/context.h"
#include "storage/store.h"

namespace gatehouse::controlplane {

namespace audit_event {
inline constexpr std::string_view kSignIn = "sign_in";
inline constexpr std::string_view kAdmission = "admission";  // an application gave out its token
inline constexpr std::string_view kSignInFailed = "sign_in_failed";
inline constexpr std::string_view kRefusal = "refusal";
inline constexpr std::string_view kPostureResult = "posture_result";
inline constexpr std::string_view kPurposeStated = "purpose_stated";
inline constexpr std::string_view kEvaluationResult = "evaluation_result";
inline constexpr std::string_view kSessionEnded = "session_ended";
inline constexpr std::string_view kRevocation = "revocation";
inline constexpr std::string_view kRevocationLifted = "revocation_lifted";
inline constexpr std::string_view kResourceChanged = "resource_changed";
inline constexpr std::string_view kBackup = "backup";  // everything was read out
inline constexpr std::string_view kSigningKeysRotated = "signing_keys_rotated";
inline constexpr std::string_view kMasterKeyRotated = "master_key_rotated";
inline constexpr std::string_view kKeyRotationIntervalSet = "key_rotation_interval_set";
inline constexpr std::string_view kTestStarted = "test_started";  // trial.h
inline constexpr std::string_view kApiTokenIssued = "api_token_issued";
inline constexpr std::string_view kApiTokenRevoked = "api_token_revoked";
}  // namespace audit_event

struct AuditEntry {
  std::string_view event;
  std::string_view actor;        // e-mail address or `system`; empty: nobody known
  std::string_view application;  // id
  std::string_view reason;       // code
  json::object details;
};
// With the present moment, the browser's address and its reference.
void audit(Context& context, const Browser& browser, AuditEntry entry);
// With the present moment, and who changed something from where.
void audit(Context& context, const Actor& actor, AuditEntry entry);
// Without either.
void audit(Context& context, AuditEntry entry);

// Details of an attempt to get into an application: {"method", "connection", "country", "app_name",
// "app_domain", "aud"}. `method`: id of the identity provider, whose type is the connection; empty:
// not known.
[[nodiscard]] json::object attempt_details(const Context& context,
                                           const Configuration& configuration,
                                           const Browser& browser,
                                           const decision::CompiledApplication& application,
                                           std::string_view method);

}  // namespace gatehouse::controlplane
