// A login method that leads the browser to an identity provider and back. One folder for each type;
// registry.h is the table of them. controlplane knows this interface only.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "base/time.h"
#include "decision/reason.h"
#include "identity/provider_identity.h"

namespace gatehouse::identity {

enum class IdentityFailure : std::uint8_t {
  ProviderUnreachable,  // no answer, timeout, 5xx: later it may be different
  ProviderMisbehaved,   // an answer that is not what the protocol says
  Refused,              // the provider answered with an error: access_denied and the like
  StateMismatch,        // callback without, or with another, state / iss / more than one code
  TokenRefused,         // the ID token does not verify (which check: message)
  IdentityIncomplete,   // no usable or verified e-mail
};
struct IdentityError {
  IdentityFailure failure;
  std::string code;     // [a-z_]{1,64}: the provider's `error`, sanitized, or the failed check
  std::string message;  // for the log and for administrators; no token, no claim value
  // What the person is told, where the provider lets us know more than that it failed.
  decision::Reason hint = decision::Reason::None;
  std::string support_code{};  // the provider's own, [A-Za-z0-9_-]{1,32}: `AADSTS53000`
  // A claims challenge: JSON for SignInWish::claims, with which asking again can help. Empty: none.
  std::string claims{};
};

struct FieldProblem {
  std::string field;  // of `config`; `a.b[0]` below it
  std::string message;
};

// What the browser's sign-in must remember between the two halves (sealed in `state`).
struct SignInTransaction {
  std::string nonce;          // 32 bytes base64url
  std::string pkce_verifier;  // 32 bytes base64url
};

// What this sign-in should be like. A provider that cannot be asked for one of these leaves it out;
// whoever wishes looks at the outcome.
struct SignInWish {
  std::vector<std::string> auth_contexts{};  // to be satisfied: `c1`
  std::string login_hint{};                  // who is expected
  std::string prompt{};                      // instead of the configured one
  std::string claims{};                      // of IdentityError::claims
};

// That the provider has ended somebody's session, as it told us behind the browser's back.
struct LogoutNotice {
  std::string subject;       // ProviderIdentity::subject
  std::string token_id;      // accepted once
  Instant accepted_until{};  // exclusive: from then on the token is too old
};

struct Vouched {
  ProviderIdentity identity;
  Secret refresh_token{};  // empty: the provider gave none
};

// One per configured login method. Thread-safe; a call takes at most ten seconds and holds no lock
// while it waits for the provider.
class IdentityProvider {
 public:
  virtual ~IdentityProvider() = default;

  // Where the browser is to go.
  [[nodiscard]] virtual std::expected<std::string, IdentityError> authorization_url(
      const SignInTransaction& transaction, std::string_view redirect_uri, std::string_view state,
      const SignInWish& wish, Instant now) = 0;

  // `query` is the raw query of the callback; its state has already been opened by the caller.
  [[nodiscard]] virtual std::expected<Vouched, IdentityError> redeem(
      const SignInTransaction& transaction, std::string_view redirect_uri, std::string_view query,
      Instant now) = 0;

  // Asks whether the provider still vouches for `subject` (ProviderIdentity), and for what it says
  // of them now. The refresh token that comes back replaces the one that was given; none: that one
  // stays good. ProviderUnreachable says nothing about the person; Refused says no.
  [[nodiscard]] virtual std::expected<Vouched, IdentityError> refresh(const Secret& refresh_token,
                                                                      std::string_view subject,
                                                                      Instant now) = 0;

  // A logout token that somebody posted, as unverified as they come. Whether it was used before is
  // for the caller to see.
  // Errors: TokenRefused; Refused `not_supported` where the type has no such tokens.
  [[nodiscard]] virtual std::expected<LogoutNotice, IdentityError> verify_logout(
      std::string_view token, Instant now) {
    static_cast<void>(token);
    static_cast<void>(now);
    return std::unexpected(IdentityError{IdentityFailure::Refused, "not_supported",
                                         "this type of login method has no logout tokens"});
  }

  // Whether logout_url() is worth asking for. Waits for nobody.
  [[nodiscard]] virtual bool may_sign_out() { return false; }
  // Where a person can end their session at the provider, who leads them to `return_to` afterwards.
  // Errors: Refused `not_supported` where there is no such place.
  [[nodiscard]] virtual std::expected<std::string, IdentityError> logout_url(
      std::string_view return_to, std::string_view state, Instant now) {
    static_cast<void>(return_to);
    static_cast<void>(state);
    static_cast<void>(now);
    return std::unexpected(IdentityError{IdentityFailure::Refused, "not_supported",
                                         "this login method has no place to sign out"});
  }
};

}  // namespace gatehouse::identity
