// OpenID Connect relying party: authorization code flow with PKCE S256, state, nonce, `iss` check.
// Source: OpenID Connect Core 1.0 3.1, Discovery 1.0, RFC 6749, RFC 7636, RFC 9207, RFC 9700.
#pragma once

#include <chrono>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/secret.h"
#include "base/time.h"
#include "identity/provider_identity.h"
#include "model/resources.h"
#include "net/http.h"
#include "net/http_client.h"

namespace gatehouse::identity {

enum class OidcFailure {
  ProviderUnreachable,  // discovery, token or keys: no answer, timeout, 5xx
  ProviderMisbehaved,   // an answer that is not what the protocol says
  Refused,              // the provider answered with `error`: access_denied and the like
  StateMismatch,        // callback without, or with another, state / iss / more than one code
  TokenRefused,         // the ID token does not verify (which check: message)
  IdentityIncomplete,   // no usable or verified e-mail
};
struct OidcError {
  OidcFailure failure;
  std::string code;     // [a-z_]{1,64}: the provider's `error`, sanitized, or the failed check
  std::string message;  // for the log and for administrators; no token, no claim value
};

// Reads config of an identity provider of type `oidc`: issuer (required), client_id, scopes
// (default openid email profile), auth_url, token_url, certs_url (default: discovery), claims,
// email_claim_name (default email), pkce_enabled (default true), prompt,
// allow_unverified_email (default false), token_auth_method (client_secret_basic | _post; default:
// as the provider announces), leeway_seconds (default 60), id_token_algorithms.
// Checked by validate_oidc_config when the configuration is read; pure.
struct FieldProblem {
  std::string field;
  std::string message;
};
[[nodiscard]] std::vector<FieldProblem> validate_oidc_config(const json::object& config);

// What the browser's sign-in must remember between the two halves (sealed in `state`).
struct OidcTransaction {
  std::string nonce;          // 32 bytes base64url
  std::string pkce_verifier;  // 32 bytes base64url; not used where pkce_enabled is false
};

// One per identity provider. Thread-safe; keeps discovery and keys for at most an hour, and asks
// for keys again (at most every 10 s) when a token names an unknown kid. A call takes at most ten
// seconds, and holds no lock while it waits for the provider. Borrows `client` for its life.
class OidcRelyingParty {
 public:
  [[nodiscard]] static std::expected<std::unique_ptr<OidcRelyingParty>, OidcError> make(
      const model::IdentityProvider& provider, const net::HttpClient& client);
  virtual ~OidcRelyingParty() = default;

  [[nodiscard]] virtual std::expected<std::string, OidcError> authorization_url(
      const OidcTransaction& transaction, std::string_view redirect_uri, std::string_view state,
      Instant now) = 0;

  // `query` is the raw query of the callback; its state has already been opened by the caller.
  // Checks error, code (exactly one), iss (RFC 9207), redeems the code, verifies the ID token,
  // asks userinfo when the ID token lacks the e-mail or a claim that the configuration names (its
  // `sub` must agree).
  [[nodiscard]] virtual std::expected<ProviderIdentity, OidcError> redeem(
      const OidcTransaction& transaction, std::string_view redirect_uri, std::string_view query,
      Instant now) = 0;
};

}  // namespace gatehouse::identity
