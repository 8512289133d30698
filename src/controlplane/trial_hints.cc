#include "controlplane/trial_hints.h"

#include <algorithm>
#include <array>
#include <utility>

namespace gatehouse::controlplane {
namespace {

constexpr auto kByCode = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"invalid_client",
     "The provider does not take the client ID with this client secret: copy the secret's value "
     "(not its id) again, and see whether it has expired."},
    {"unauthorized_client",
     "The provider does not let this client sign people in: see the client ID, and which flows its "
     "registration allows."},
    {"redirect_uri_mismatch",
     "Register this gateway's callback URL at the provider, exactly as it is."},
    {"invalid_grant",
     "The provider did not take its own code back: see that the callback URL is registered exactly "
     "as it is, and that the clocks agree."},
    {"access_denied",
     "The provider did not let this person in, or they cancelled: see whether the application is "
     "assigned to them."},
    {"consent_required", "An administrator of the provider has to consent for this client."},
    {"invalid_scope", "The provider does not know one of the scopes of this login method."},
    {"wrong_issuer", "See the issuer (or tenant) of this login method: the token is of another."},
    {"wrong_audience", "See the client ID of this login method: the token is for another client."},
    {"wrong_nonce", "The token belongs to another sign-in: try again in one tab."},
    {"expired", "The token has expired already: see the clocks of this host and the provider."},
    {"not_yet_valid",
     "The token comes from the future: see the clocks of this host and the provider."},
    {"bad_signature", "None of the provider's published keys made the token's signature."},
    {"unknown_key", "The provider's published keys do not have the one that signed the token."},
});

}  // namespace

std::string_view login_hint(const identity::IdentityError& error) {
  using identity::IdentityFailure;
  const auto* known = std::ranges::find(kByCode, std::string_view(error.code),
                                        [](const auto& one) { return one.first; });
  if (known != kByCode.end()) return known->second;
  switch (error.failure) {
    case IdentityFailure::ProviderUnreachable:
      return "See that this host reaches the provider: its addresses in the login method, name "
             "resolution, firewall, proxy, and `outbound_ca_file` for an authority of your own.";
    case IdentityFailure::ProviderMisbehaved:
      return "The provider answers something else than OpenID Connect says: see its addresses in "
             "the login method.";
    case IdentityFailure::Refused:
      return "The provider refused; its code says why.";
    case IdentityFailure::StateMismatch:
      return "The browser came back with the answer to another question: try again in one tab.";
    case IdentityFailure::TokenRefused:
      return "The provider's token does not pass the check that is named: see issuer and client ID "
             "of the login method, and the clocks.";
    case IdentityFailure::IdentityIncomplete:
      return "The provider does not say an e-mail address that it has verified: see the scopes, "
             "the "
             "claim of the address, and `allow_unverified_email`.";
  }
  return {};
}

std::string_view device_code(posture::TaniumError error) {
  switch (error) {
    case posture::TaniumError::Malformed:
      return "malformed";
    case posture::TaniumError::BadSignature:
      return "bad_signature";
    case posture::TaniumError::KeyExpired:
      return "key_expired";
    case posture::TaniumError::WrongAudience:
      return "wrong_audience";
    case posture::TaniumError::WrongIssuer:
      return "wrong_issuer";
    case posture::TaniumError::NonceMismatch:
      return "nonce_mismatch";
    case posture::TaniumError::Expired:
      return "expired";
    case posture::TaniumError::NotYetValid:
      return "not_yet_valid";
    case posture::TaniumError::MissingTime:
      return "missing_time";
  }
  return "malformed";
}

std::string_view device_hint(posture::TaniumError error) {
  switch (error) {
    case posture::TaniumError::Malformed:
      return "What answers on this port speaks of something else: see the port, and the exchange "
             "of the integration.";
    case posture::TaniumError::BadSignature:
      return "Paste the public certificate of the key that signs on this device; several may stand "
             "there while keys change.";
    case posture::TaniumError::KeyExpired:
      return "Paste the current public certificate into the integration.";
    case posture::TaniumError::WrongAudience:
      return "The answer is for another gateway: see `token.audience` of the integration.";
    case posture::TaniumError::WrongIssuer:
      return "See `token.issuer` of the integration.";
    case posture::TaniumError::NonceMismatch:
      return "The answer does not carry the question's nonce: see `token.nonce` and the nonce's "
             "claim of the integration.";
    case posture::TaniumError::Expired:
      return "The answer is older than `token.max_age` allows: see the clock of the device.";
    case posture::TaniumError::NotYetValid:
      return "See the clocks of the device and of this host.";
    case posture::TaniumError::MissingTime:
      return "The answer has neither `iat` nor `exp`, so its age cannot be known.";
  }
  return {};
}

std::string_view device_hint(decision::Reason reason) {
  switch (reason) {
    case decision::Reason::AgentUnreachable:
      return "Nothing answered on this device: see that the agent runs and listens on the "
             "integration's port, and that it allows requests from the auth domain.";
    case decision::Reason::PermissionDenied:
      return "The browser may not reach this device's own network: allow it for the auth domain in "
             "the browser's site settings.";
    case decision::Reason::BrowserUnsupported:
      return "This browser does not let pages ask the device itself: try Chrome, Edge or Firefox.";
    case decision::Reason::DeviceRevoked:
      return "This device was revoked; it can be restored below Devices.";
    default:
      return {};
  }
}

}  // namespace gatehouse::controlplane
