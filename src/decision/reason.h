// Why a request was not let through: stable API. The code is what programs and logs see; the
// remedy is what the person can do. docs/reference/reasons.md is compared with this table by a
// test.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace gatehouse::decision {

// Ordered from the easiest obstacle to the hardest: of several obstacles within one policy the
// hardest counts (all must go), of several policies the easiest (one suffices).
enum class Reason : std::uint8_t {
  None,  // nothing stands in the way

  // Everything is in order but a word of the person.
  PurposeRequired,

  // The device's state is not known: the exchange can establish it.
  PostureMissing,
  PostureStale,
  PostureUnreadable,
  // What an external evaluator says is not known: asking it can establish it.
  EvaluationMissing,
  EvaluationStale,

  // The device's state is known and not good enough.
  PostureNotManaged,
  PostureCheckinTooOld,
  PostureCheckinUnknown,
  PostureNotPatched,
  PostureVulnerable,
  PostureSignalMissing,

  // The person is not known (any more): sign in.
  NotSignedIn,
  SessionExpired,
  SessionRevoked,
  TokenInvalid,
  LoginMethodNotAllowed,
  AuthMethodMissing,
  AuthContextMissing,
  IdentityAttributeMissing,

  // The connection carries no client certificate that counts.
  CertificateRequired,
  CertificateInvalid,

  // Known, and not permitted.
  IdentityNotPermitted,
  EvaluationRefused,
  CertificateNotPermitted,
  ServiceTokenNotPermitted,
  CountryUnknown,
  CountryNotPermitted,
  NetworkNotPermitted,
  BlockedByPolicy,
  NoPolicyMatched,

  // Service credentials that cannot be used.
  ServiceTokenInvalid,
  ServiceTokenExpired,

  // The request itself, or the gateway.
  UnknownApplication,
  AmbiguousPath,
  NodeStateUnavailable,
  NodeStateTooOld,
  InternalError,

  // Outcomes of a posture exchange that produced no evidence (never stored as evidence).
  AgentUnreachable,
  PermissionDenied,
  BrowserUnsupported,
  PostureTokenInvalid,
  PostureTokenExpired,
  PostureTokenReplayed,
  PostureNonceMismatch,
  PostureProviderMisconfigured,
  DeviceRevoked,

  // Outcomes of a sign-in that brought no session, as far as the identity provider lets us know.
  DeviceNotCompliant,
  DeviceNotJoined,
  AppNotApproved,
  DevicePlatformNotSupported,
  DeviceNotIdentified,
  ConditionalAccessBlocked,
  UserNotAssigned,
  ConsentRequired,
  SignInCancelled,
  SecondFactorRequired,
  AuthContextRefused,
  AccountUnknown,
  AccountDisabled,
  AccountLocked,
  PasswordExpired,
  ProviderSessionEnded,
  LoginMethodMisconfigured,
  ProviderUnavailable,
  SignInLoop,
};
inline constexpr std::size_t kReasonCount = static_cast<std::size_t>(Reason::SignInLoop) + 1;

enum class Remedy : std::uint8_t {
  None,
  SignIn,
  UseAnotherLoginMethod,
  PresentCertificate,
  StatePurpose,
  CheckDevice,   // run the posture exchange (again)
  RepairDevice,  // enroll, start the agent, reconnect it
  ChangeBrowser,
  AskForAccess,
  RetryLater,
  GiveUp,
};

struct ReasonInfo {
  std::string_view code;  // `posture_stale`
  Remedy remedy;
  std::string_view title;   // for people: "Your device could not be checked"
  std::string_view advice;  // what to do next, one or two sentences
};

[[nodiscard]] const ReasonInfo& info(Reason reason);
[[nodiscard]] std::optional<Reason> parse_reason(std::string_view code);
[[nodiscard]] std::string_view to_string(Remedy remedy);
[[nodiscard]] constexpr Reason harder(Reason a, Reason b) { return a < b ? b : a; }
[[nodiscard]] constexpr Reason easier(Reason a, Reason b) { return a < b ? a : b; }

}  // namespace gatehouse::decision
