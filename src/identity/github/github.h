// Login method `github`: OAuth 2.0 with GitHub, organizations and teams. README.md.
// Source: GitHub Docs, "Authorizing OAuth apps"; REST API 2022-11-28.
#pragma once

#include <expected>
#include <memory>
#include <vector>

#include "base/json.h"
#include "identity/provider.h"
#include "model/resources.h"
#include "net/http_client.h"

namespace gatehouse::identity {

// Config: client_id, client_secret (both required); for GitHub Enterprise Server and tests also
// login_url and api_url. Pure.
[[nodiscard]] std::vector<FieldProblem> validate_github_config(const json::object& config);

[[nodiscard]] std::expected<std::unique_ptr<IdentityProvider>, IdentityError> make_github(
    const model::IdentityProvider& provider, const net::HttpClient& client);

}  // namespace gatehouse::identity
