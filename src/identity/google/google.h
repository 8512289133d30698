// Login method `google`: anybody's Google account. README.md. google_apps/ is for one Workspace.
#pragma once

#include <expected>
#include <memory>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "identity/oidc/config_fields.h"
#include "identity/oidc/protocol.h"
#include "identity/provider.h"
#include "model/resources.h"
#include "net/http_client.h"

namespace gatehouse::identity {

// Config: client_id, client_secret, claims, email_claim_name; for tests also issuer. Pure.
[[nodiscard]] std::vector<FieldProblem> validate_google_config(const json::object& config);

[[nodiscard]] std::expected<std::unique_ptr<IdentityProvider>, IdentityError> make_google(
    const model::IdentityProvider& provider, const net::HttpClient& client);

// The fields that both types of Google accounts have.
[[nodiscard]] OidcConfig read_google_fields(ConfigFields& fields);

}  // namespace gatehouse::identity
