#include "identity/google/google.h"

#include <utility>

#include "identity/oidc/oidc.h"

namespace gatehouse::identity {
namespace {

// Source: Google Identity, "OpenID Connect": discovery document.
constexpr std::string_view kIssuer = "https://accounts.google.com";
constexpr std::string_view kScope = "openid email profile";

OidcConfig read_fields(ConfigFields& fields) {
  fields.only({"client_id", "claims", "email_claim_name", "issuer"}, "google");
  return read_google_fields(fields);
}

}  // namespace

OidcConfig read_google_fields(ConfigFields& fields) {
  OidcConfig config;
  config.issuer = fields.base_url("issuer", kIssuer);
  config.client_id = fields.required_text("client_id", "the client id of the OAuth client");
  config.scope = kScope;
  config.claims = fields.texts("claims");
  if (const std::string claim = fields.text("email_claim_name"); !claim.empty())
    config.email_claim = claim;
  config.authentication = ClientAuthentication::Post;
  config.logout_tokens = LogoutTokens::Refuse;  // Google has none
  config.algorithms = {jose::Algorithm::RS256};
  return config;
}

std::vector<FieldProblem> validate_google_config(const json::object& config) {
  ConfigFields fields(config);
  (void)read_fields(fields);
  return fields.problems();
}

std::expected<std::unique_ptr<IdentityProvider>, IdentityError> make_google(
    const model::IdentityProvider& provider, const net::HttpClient& client) {
  ConfigFields fields(provider.config);
  OidcConfig config = read_fields(fields);
  if (!fields.problems().empty()) return std::unexpected(fields.first_problem());
  config.client_secret = model::secret_of(provider.secrets, "client_secret");
  return make_oidc(std::move(config), client);
}

}  // namespace gatehouse::identity
