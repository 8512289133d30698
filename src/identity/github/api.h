// The pure half of `github`: configuration and GitHub's answers in, checked values out. Opens
// nothing, reads no clock. Thread-safe.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "identity/oidc/protocol.h"
#include "identity/provider.h"
#include "identity/provider_identity.h"
#include "model/identity.h"
#include "model/resources.h"
#include "net/http.h"

namespace gatehouse::identity {

inline constexpr std::size_t kGithubPageSize = 100;
inline constexpr std::size_t kMaxGithubPages = 10;

struct GithubConfig {
  OidcConfig oauth;  // what OAuth 2.0 and OpenID Connect have in common
  std::string login_url;
  std::string api_url;
};
// Errors: ProviderMisbehaved `configuration_invalid`.
[[nodiscard]] std::expected<GithubConfig, IdentityError> read_github_config(
    const model::IdentityProvider& provider);
[[nodiscard]] ProviderMetadata github_metadata(const GithubConfig& config);

// The access token. GitHub says that a code is bad with status 200.
[[nodiscard]] std::expected<std::string, IdentityError> parse_github_token(
    const net::HttpResponse& response);
// GET /user: the numeric id is the subject, since names can be given away.
[[nodiscard]] std::expected<ProviderIdentity, IdentityError> parse_github_user(
    std::string_view body);
// GET /user/emails: the primary address, which must be verified.
[[nodiscard]] std::expected<std::string, IdentityError> parse_github_emails(std::string_view body);

struct GithubPage {
  std::size_t entries = 0;  // of the page as it came
  std::vector<model::GithubOrganization> organizations;
};
// GET /user/orgs.
[[nodiscard]] std::expected<GithubPage, IdentityError> parse_github_organizations(
    std::string_view body);
// GET /user/teams: each with the organization it belongs to.
[[nodiscard]] std::expected<GithubPage, IdentityError> parse_github_teams(std::string_view body);
// Joins what pages say about the same organizations.
void merge_organizations(std::vector<model::GithubOrganization>& into,
                         std::vector<model::GithubOrganization> from);

}  // namespace gatehouse::identity
