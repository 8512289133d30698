// OpenID Connect relying party: authorization code flow with PKCE S256, state, nonce, `iss` check.
// Source: OpenID Connect Core 1.0 3.1 and 12, Discovery 1.0, RFC 6749, RFC 7636, RFC 9207, RFC
// 9700.
#pragma once

#include <expected>
#include <memory>
#include <vector>

#include "base/json.h"
#include "identity/oidc/protocol.h"
#include "identity/provider.h"
#include "model/resources.h"
#include "net/http_client.h"

namespace gatehouse::identity {

// Config of an identity provider of type `oidc`: issuer (required), client_id, scopes
// (default openid email profile), auth_url, token_url, certs_url (default: discovery), claims,
// email_claim_name (default email), pkce_enabled (default true), prompt,
// allow_unverified_email (default false), token_auth_method (client_secret_basic | _post; default:
// as the provider announces), leeway_seconds (default 60), id_token_algorithms.
// Checked when the configuration is read; pure.
[[nodiscard]] std::vector<FieldProblem> validate_oidc_config(const json::object& config);

// Keeps discovery and keys for at most an hour, and asks for keys again (at most every 10 s) when a
// token names an unknown kid. userinfo is asked when the ID token lacks the e-mail or a claim that
// the configuration names (its `sub` must agree).
[[nodiscard]] std::expected<std::unique_ptr<IdentityProvider>, IdentityError> make_oidc(
    const model::IdentityProvider& provider, const net::HttpClient& client);
// The same for a type whose configuration says less because more is known.
[[nodiscard]] std::unique_ptr<IdentityProvider> make_oidc(OidcConfig config,
                                                          const net::HttpClient& client);

}  // namespace gatehouse::identity
