// Login method `azureAD`: Entra ID, one tenant for each configured one. README.md.
// Source: Microsoft identity platform, OpenID Connect and authorization code flow v2.0; Microsoft
// Graph v1.0.
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <vector>

#include "base/json.h"
#include "identity/provider.h"
#include "model/resources.h"
#include "net/http_client.h"

namespace gatehouse::identity {

// Config: client_id, client_secret, directory_id (required: the tenant's uuid), support_groups
// (default false), conditional_access_enabled, prompt (login, select_account, none), claims,
// email_claim_name (looked at before `email` and `upn`); for tests and national clouds also
// login_url and graph_url. Pure.
[[nodiscard]] std::vector<FieldProblem> validate_azure_ad_config(const json::object& config);

[[nodiscard]] std::expected<std::unique_ptr<IdentityProvider>, IdentityError> make_azure_ad(
    const model::IdentityProvider& provider, const net::HttpClient& client);

// How Graph's requests to wait are obeyed: never beyond the ten seconds of a call.
using Wait = std::function<void(std::chrono::milliseconds)>;
[[nodiscard]] std::expected<std::unique_ptr<IdentityProvider>, IdentityError> make_azure_ad(
    const model::IdentityProvider& provider, const net::HttpClient& client, Wait wait);

}  // namespace gatehouse::identity
