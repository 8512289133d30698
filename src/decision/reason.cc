#include "decision/reason.h"

#include <array>

namespace gatehouse::decision {
namespace {

struct Row {
  Reason reason;
  ReasonInfo info;
};

// In the order of the enumeration. Texts are for people: what happened, then what to do.
constexpr std::array<Row, kReasonCount> kReasons{{
    {Reason::None, {"none", Remedy::None, "Nothing stands in the way", "There is nothing to do."}},

    {Reason::PurposeRequired,
     {"purpose_required", Remedy::StatePurpose, "Say why you need this application",
      "Its owner asks everybody for a reason. Write one or two sentences and go on."}},

    {Reason::PostureMissing,
     {"posture_missing", Remedy::CheckDevice, "Your device has not been checked yet",
      "Let your browser check this device. It usually takes a few seconds."}},
    {Reason::PostureStale,
     {"posture_stale", Remedy::CheckDevice, "The last check of your device is too old",
      "Let your browser check this device again. It usually takes a few seconds."}},
    {Reason::PostureUnreadable,
     {"posture_unreadable", Remedy::CheckDevice, "The last check of your device is not clear",
      "Let your browser check this device again. If that does not help, make sure that the date "
      "and time of the device are right and ask your IT team."}},
    {Reason::EvaluationMissing,
     {"evaluation_missing", Remedy::CheckDevice, "A check of your account is missing",
      "Open the application again. If it does not help, tell your IT team that the external check "
      "does not answer."}},
    {Reason::EvaluationStale,
     {"evaluation_stale", Remedy::CheckDevice, "The last check of your account is too old",
      "Open the application again. If it does not help, tell your IT team that the external check "
      "does not answer."}},

    {Reason::PostureNotManaged,
     {"posture_not_managed", Remedy::RepairDevice,
      "This device is not managed by your organization",
      "Use a device that your organization manages, or ask your IT team to enroll this one."}},
    {Reason::PostureCheckinTooOld,
     {"posture_checkin_too_old", Remedy::RepairDevice,
      "This device has not reported to your organization for too long",
      "Connect the device to the internet, make sure that its management agent is running, wait a "
      "few minutes and try again."}},
    {Reason::PostureCheckinUnknown,
     {"posture_checkin_unknown", Remedy::RepairDevice,
      "We cannot tell when this device last reported to your organization",
      "Make sure that the device's management agent is running and connected. If it is, ask your "
      "IT "
      "team to look at it."}},
    {Reason::PostureNotPatched,
     {"posture_not_patched", Remedy::RepairDevice, "Updates are missing on this device",
      "Install the updates that wait on this device, restart it and try again."}},
    {Reason::PostureVulnerable,
     {"posture_vulnerable", Remedy::RepairDevice, "This device has too many known weaknesses",
      "Install the updates that wait on this device and its programs. If none do, ask your IT "
      "team."}},
    {Reason::PostureSignalMissing,
     {"posture_signal_missing", Remedy::RepairDevice,
      "The check of this device does not say everything this application needs",
      "Make sure that the device's management agent is running and up to date. If it is, ask your "
      "IT team to look at it."}},

    {Reason::NotSignedIn,
     {"not_signed_in", Remedy::SignIn, "You are not signed in", "Sign in to go on."}},
    {Reason::SessionExpired,
     {"session_expired", Remedy::SignIn, "Your session has ended",
      "It reached its time limit. Sign in again to go on."}},
    {Reason::SessionRevoked,
     {"session_revoked", Remedy::SignIn, "Your session was ended",
      "You or an administrator signed you out. Sign in again to go on."}},
    {Reason::TokenInvalid,
     {"token_invalid", Remedy::SignIn, "Your sign-in could not be recognized",
      "Sign in again. If this keeps happening, delete the cookies of this site."}},
    {Reason::LoginMethodNotAllowed,
     {"login_method_not_allowed", Remedy::UseAnotherLoginMethod,
      "This application needs another way to sign in",
      "Sign in again and choose one of the login methods that are offered."}},
    {Reason::AuthMethodMissing,
     {"auth_method_missing", Remedy::UseAnotherLoginMethod,
      "This application needs a stronger sign-in",
      "Sign out, and sign in again with a second factor such as a security key or an app."}},
    {Reason::AuthContextMissing,
     {"auth_context_missing", Remedy::SignIn, "This application needs a stronger sign-in",
      "Sign in again in the way your organization asks for this application."}},
    {Reason::IdentityAttributeMissing,
     {"identity_attribute_missing", Remedy::AskForAccess,
      "Your sign-in does not say what this application needs to know",
      "Sign in again. If it does not help, tell your IT team the reference shown here: your login "
      "method does not send all that a rule asks for."}},

    {Reason::CertificateRequired,
     {"certificate_required", Remedy::PresentCertificate, "This needs a client certificate",
      "Close the browser, open the application again and choose the certificate of your "
      "organization."}},
    {Reason::CertificateInvalid,
     {"certificate_invalid", Remedy::PresentCertificate, "Your client certificate cannot be used",
      "It has expired, was revoked or is not meant for this address. Ask your IT team for a new "
      "one."}},

    {Reason::IdentityNotPermitted,
     {"identity_not_permitted", Remedy::AskForAccess, "You do not have access",
      "You are signed in, but this account may not use the application. Use another account, or "
      "ask "
      "the owner of the application for access."}},
    {Reason::EvaluationRefused,
     {"evaluation_refused", Remedy::AskForAccess, "You do not have access",
      "You are signed in, but a check of your account said no. Ask the owner of the application "
      "for access."}},
    {Reason::CertificateNotPermitted,
     {"certificate_not_permitted", Remedy::AskForAccess,
      "Your client certificate does not open this application",
      "Use the certificate that belongs to it, or ask the owner of the application for access."}},
    {Reason::ServiceTokenNotPermitted,
     {"service_token_not_permitted", Remedy::AskForAccess, "This needs a service token",
      "Send the credentials of a service token that this application accepts, or ask its owner to "
      "accept yours."}},
    {Reason::CountryUnknown,
     {"country_unknown", Remedy::AskForAccess, "We cannot tell which country you are in",
      "Connect directly from a usual network, without anonymizing services, and try again."}},
    {Reason::CountryNotPermitted,
     {"country_not_permitted", Remedy::AskForAccess, "You cannot use this from your country",
      "Ask the owner of the application if you need it while you travel."}},
    {Reason::NetworkNotPermitted,
     {"network_not_permitted", Remedy::AskForAccess, "You cannot use this from your network",
      "Connect from a network that is allowed, such as your office or VPN, and try again."}},
    {Reason::BlockedByPolicy,
     {"blocked_by_policy", Remedy::AskForAccess, "You do not have access",
      "A rule of your organization blocks this request. If you think that is wrong, ask the owner "
      "of "
      "the application."}},
    {Reason::NoPolicyMatched,
     {"no_policy_matched", Remedy::AskForAccess, "You do not have access",
      "Nothing allows this request. Ask the owner of the application for access."}},

    {Reason::ServiceTokenInvalid,
     {"service_token_invalid", Remedy::GiveUp, "The service token is not valid",
      "Check the client id and the client secret. A disabled or deleted token has to be "
      "replaced."}},
    {Reason::ServiceTokenExpired,
     {"service_token_expired", Remedy::GiveUp, "The service token has expired",
      "Ask an administrator to extend or replace the service token."}},

    {Reason::UnknownApplication,
     {"unknown_application", Remedy::GiveUp, "There is no application at this address",
      "Check the address. If it is right, ask the owner of the application."}},
    {Reason::AmbiguousPath,
     {"ambiguous_path", Remedy::GiveUp, "This address is not written plainly",
      "Its path can be read in more than one way. Open the application and follow its own links."}},
    {Reason::NodeStateUnavailable,
     {"node_state_unavailable", Remedy::RetryLater, "The gateway is not ready",
      "Try again in a minute. If it stays like this, tell your IT team."}},
    {Reason::NodeStateTooOld,
     {"node_state_too_old", Remedy::RetryLater, "The gateway has lost touch",
      "It refuses requests until it has current rules again. Try again in a few minutes, and tell "
      "your IT team if it stays like this."}},
    {Reason::InternalError,
     {"internal_error", Remedy::RetryLater, "Something went wrong in the gateway",
      "Try again in a minute. If it happens again, tell your IT team the reference shown here."}},

    {Reason::AgentUnreachable,
     {"agent_unreachable", Remedy::RepairDevice, "No answer from the agent on this device",
      "Make sure that the security agent of your organization is installed and running on this "
      "device, then try again."}},
    {Reason::PermissionDenied,
     {"permission_denied", Remedy::CheckDevice, "Your browser was not allowed to check the device",
      "When the browser asks whether this site may look for apps and services on your device, "
      "choose "
      "to allow it. If it no longer asks, change that in the settings of this site and try "
      "again."}},
    {Reason::BrowserUnsupported,
     {"browser_unsupported", Remedy::ChangeBrowser, "This browser cannot check the device",
      "It does not let a site talk to the agent on your device. Open the application in a current "
      "Chrome, Edge or Firefox."}},
    {Reason::PostureTokenInvalid,
     {"posture_token_invalid", Remedy::RepairDevice, "The answer of the agent could not be trusted",
      "Try again. If it happens again, ask your IT team to repair the agent on this device."}},
    {Reason::PostureTokenExpired,
     {"posture_token_expired", Remedy::CheckDevice, "The answer of the agent came too late",
      "Try again. If it happens again, make sure that the date and time of the device are right."}},
    {Reason::PostureTokenReplayed,
     {"posture_token_replayed", Remedy::CheckDevice, "The answer of the agent was used before",
      "Each answer counts once. Start the check again."}},
    {Reason::PostureNonceMismatch,
     {"posture_nonce_mismatch", Remedy::CheckDevice,
      "The answer of the agent belongs to another check",
      "Close other windows of this check and start it again."}},
    {Reason::PostureProviderMisconfigured,
     {"posture_provider_misconfigured", Remedy::AskForAccess,
      "The device check is not set up correctly",
      "This is not your fault. Tell your IT team the reference shown here."}},
    {Reason::DeviceRevoked,
     {"device_revoked", Remedy::AskForAccess, "This device may no longer be used",
      "An administrator has withdrawn it. Use another device, or ask your IT team."}},

    {Reason::DeviceNotCompliant,
     {"device_not_compliant", Remedy::RepairDevice,
      "Your organization does not consider this device compliant",
      "Open the management app of your organization on this device (for example Company Portal), "
      "put right what it lists, wait a few minutes and try again. Or use a device that your "
      "organization manages."}},
    {Reason::DeviceNotJoined,
     {"device_not_joined", Remedy::RepairDevice, "This device is not joined to your organization",
      "Use a device that is joined to your organization, or ask your IT team to join or register "
      "this one."}},
    {Reason::AppNotApproved,
     {"app_not_approved", Remedy::ChangeBrowser,
      "This browser or app is not one that your organization approves",
      "Open the application in a browser or app that your organization approves, such as Microsoft "
      "Edge with your work profile."}},
    {Reason::DevicePlatformNotSupported,
     {"device_platform_not_supported", Remedy::ChangeBrowser,
      "Your organization does not permit this kind of device",
      "Use a device with an operating system that your organization supports. Your IT team knows "
      "which."}},
    {Reason::DeviceNotIdentified,
     {"device_not_identified", Remedy::ChangeBrowser,
      "The sign-in could not tell which device this is",
      "On a managed device, open the application in Microsoft Edge, or in Chrome or Firefox with "
      "the single sign-on for Windows turned on. A private window often hides the device."}},
    {Reason::ConditionalAccessBlocked,
     {"conditional_access_blocked", Remedy::AskForAccess, "Your organization blocks this sign-in",
      "A Conditional Access policy does not permit it from here, now or for this account. Ask your "
      "IT team and tell them the code shown here."}},
    {Reason::UserNotAssigned,
     {"user_not_assigned", Remedy::AskForAccess, "This login method is not open to your account",
      "An administrator has to assign your account or one of your groups to it. Ask your IT team, "
      "or sign in with another account."}},
    {Reason::ConsentRequired,
     {"consent_required", Remedy::AskForAccess,
      "An administrator has to approve this login method first",
      "Your organization has not consented to it yet. Tell your IT team the code shown here."}},
    {Reason::SignInCancelled,
     {"sign_in_cancelled", Remedy::SignIn, "The sign-in was cancelled",
      "Nothing has happened. Try again, or use another account."}},
    {Reason::SecondFactorRequired,
     {"second_factor_required", Remedy::SignIn, "Your organization asks for a second factor",
      "Try again and complete the sign-in with the second factor. If you have none yet, set one up "
      "when you are asked to."}},
    {Reason::AuthContextRefused,
     {"auth_context_refused", Remedy::AskForAccess,
      "The stronger sign-in that this application needs was not given",
      "You were asked to sign in again for this application, and your organization did not confirm "
      "what it asks for. Tell your IT team the reference shown here."}},
    {Reason::AccountUnknown,
     {"account_unknown", Remedy::UseAnotherLoginMethod,
      "This account does not belong to your organization",
      "Try again and choose your work account."}},
    {Reason::AccountDisabled,
     {"account_disabled", Remedy::AskForAccess, "Your account is disabled", "Ask your IT team."}},
    {Reason::AccountLocked,
     {"account_locked", Remedy::RetryLater, "Your account is locked for now",
      "Wait a while and try again. If you did not mistype your password, tell your IT team."}},
    {Reason::PasswordExpired,
     {"password_expired", Remedy::SignIn, "Your password has expired",
      "Change it where your organization lets you, and sign in again."}},
    {Reason::ProviderSessionEnded,
     {"provider_session_ended", Remedy::SignIn, "Your sign-in with your organization has ended",
      "It took too long, was ended, or your password has changed. Sign in again."}},
    {Reason::LoginMethodMisconfigured,
     {"login_method_misconfigured", Remedy::AskForAccess,
      "This login method is not set up correctly",
      "This is not your fault. Tell your IT team the code shown here, or use another login "
      "method."}},
    {Reason::ProviderUnavailable,
     {"provider_unavailable", Remedy::RetryLater,
      "Your organization's sign-in does not work at the moment", "Try again in a few minutes."}},
    {Reason::SignInLoop,
     {"sign_in_loop", Remedy::RetryLater, "You were sent to sign in again and again",
      "We have stopped it. Close other windows of this application, delete the cookies of this "
      "site if it happens again, and tell your IT team the reference shown here."}},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kReasons.size(); ++i)
    if (static_cast<std::size_t>(kReasons[i].reason) != i) return false;
  return true;
}
static_assert(in_order(), "info() indexes the table by the enumerator");

}  // namespace

const ReasonInfo& info(Reason reason) { return kReasons[static_cast<std::size_t>(reason)].info; }

std::optional<Reason> parse_reason(std::string_view code) {
  for (const auto& row : kReasons)
    if (row.info.code == code) return row.reason;
  return std::nullopt;
}

std::string_view to_string(Remedy remedy) {
  switch (remedy) {
    case Remedy::None:
      return "none";
    case Remedy::SignIn:
      return "sign_in";
    case Remedy::UseAnotherLoginMethod:
      return "use_another_login_method";
    case Remedy::PresentCertificate:
      return "present_certificate";
    case Remedy::StatePurpose:
      return "state_purpose";
    case Remedy::CheckDevice:
      return "check_device";
    case Remedy::RepairDevice:
      return "repair_device";
    case Remedy::ChangeBrowser:
      return "change_browser";
    case Remedy::AskForAccess:
      return "ask_for_access";
    case Remedy::RetryLater:
      return "retry_later";
    case Remedy::GiveUp:
      return "give_up";
  }
  return "give_up";
}

}  // namespace gatehouse::decision
