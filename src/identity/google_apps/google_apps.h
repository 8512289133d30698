// Login method `google-apps`: accounts of one Google Workspace, and their groups. README.md.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "identity/oidc/protocol.h"
#include "identity/provider.h"
#include "identity/provider_identity.h"
#include "model/resources.h"
#include "net/http_client.h"

namespace gatehouse::identity {

struct GoogleAppsConfig {
  OidcConfig oidc;
  std::string apps_domain;    // lower case
  std::string directory_url;  // no slash at its end
  bool use_login_hint = false;
};
// Config: apps_domain (required), client_id, client_secret, prompt (none, consent, select_account),
// use_login_hint, claims, email_claim_name; for tests also issuer and directory_url. Pure.
[[nodiscard]] std::vector<FieldProblem> validate_google_apps_config(const json::object& config);
// Errors: ProviderMisbehaved `configuration_invalid`.
[[nodiscard]] std::expected<GoogleAppsConfig, IdentityError> read_google_apps_config(
    const model::IdentityProvider& provider);

// Demands that the account is the Workspace's (`hd`). Groups are not known yet.
[[nodiscard]] std::expected<ProviderIdentity, IdentityError> identity_from_google_apps(
    const json::object& claims, const GoogleAppsConfig& config);

struct GoogleGroupPage {
  std::vector<std::string> addresses;  // canonical
  std::string next;                    // page token; empty: this was the last
};
// Source: Admin SDK, Directory API v1, groups.list.
[[nodiscard]] std::expected<GoogleGroupPage, IdentityError> parse_google_group_page(
    std::string_view body);

[[nodiscard]] std::expected<std::unique_ptr<IdentityProvider>, IdentityError> make_google_apps(
    const model::IdentityProvider& provider, const net::HttpClient& client);

}  // namespace gatehouse::identity
