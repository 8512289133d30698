#include "identity/okta/okta.h"

#include <algorithm>
#include <utility>

#include "base/try.h"
#include "identity/oidc/config_fields.h"
#include "identity/oidc/oidc.h"

namespace gatehouse::identity {
namespace {

// `groups` brings the groups that the application's groups claim is about.
constexpr std::string_view kScope = "openid email profile groups";

bool is_server_id(std::string_view id) {
  return std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

OidcConfig read_fields(ConfigFields& fields) {
  fields.only(
      {"okta_account", "authorization_server_id", "client_id", "claims", "email_claim_name"},
      "okta");
  OidcConfig config;
  config.issuer = fields.required_base_url("okta_account", "the URL of the organization");
  // Source: Okta, "Authorization servers": the organization's issuer is its URL.
  if (const std::string server = fields.text("authorization_server_id"); !is_server_id(server))
    fields.problem("authorization_server_id", "must be the id of an authorization server");
  else if (!server.empty())
    config.issuer += "/oauth2/" + server;
  config.client_id = fields.required_text("client_id", "the client id of the application");
  config.scope = kScope;
  config.claims = fields.texts("claims");
  if (const std::string claim = fields.text("email_claim_name"); !claim.empty())
    config.email_claim = claim;
  config.algorithms = {jose::Algorithm::RS256};
  return config;
}

}  // namespace

std::vector<FieldProblem> validate_okta_config(const json::object& config) {
  ConfigFields fields(config);
  (void)read_fields(fields);
  return fields.problems();
}

std::expected<OidcConfig, IdentityError> read_okta_config(const model::IdentityProvider& provider) {
  ConfigFields fields(provider.config);
  OidcConfig config = read_fields(fields);
  if (!fields.problems().empty()) return std::unexpected(fields.first_problem());
  config.client_secret = model::secret_of(provider.secrets, "client_secret");
  return config;
}

std::expected<std::unique_ptr<IdentityProvider>, IdentityError> make_okta(
    const model::IdentityProvider& provider, const net::HttpClient& client) {
  return make_oidc(GATEHOUSE_TRY(read_okta_config(provider)), client);
}

}  // namespace gatehouse::identity
