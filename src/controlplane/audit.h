// The audit trail: every security-relevant event leaves a record. A failed append is logged and
// counted; it does not undo what happened. Thread-safe.
#pragma once

#include <string_view>

#include "controlplane/context.h"
#include "storage/store.h"

namespace gatehouse::controlplane {

namespace audit_event {
inline constexpr std::string_view kSignIn = "sign_in";
inline constexpr std::string_view kSignInFailed = "sign_in_failed";
inline constexpr std::string_view kRefusal = "refusal";
inline constexpr std::string_view kPostureResult = "posture_result";
inline constexpr std::string_view kPurposeStated = "purpose_stated";
inline constexpr std::string_view kEvaluationResult = "evaluation_result";
inline constexpr std::string_view kSessionEnded = "session_ended";
inline constexpr std::string_view kRevocation = "revocation";
inline constexpr std::string_view kRevocationLifted = "revocation_lifted";
inline constexpr std::string_view kResourcesApplied = "resources_applied";
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
// Without a browser.
void audit(Context& context, AuditEntry entry);

}  // namespace gatehouse::controlplane
