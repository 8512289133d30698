// Login method `okta`: OpenID Connect with an Okta organization or one of its authorization
// servers. README.md.
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

// Config: okta_account (required: the organization's URL), authorization_server_id (default: the
// organization itself), client_id, client_secret, claims, email_claim_name. Pure.
[[nodiscard]] std::vector<FieldProblem> validate_okta_config(const json::object& config);
// Errors: ProviderMisbehaved `configuration_invalid`.
[[nodiscard]] std::expected<OidcConfig, IdentityError> read_okta_config(
    const model::IdentityProvider& provider);

[[nodiscard]] std::expected<std::unique_ptr<IdentityProvider>, IdentityError> make_okta(
    const model::IdentityProvider& provider, const net::HttpClient& client);

}  // namespace gatehouse::identity
