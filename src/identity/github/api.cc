#include "identity/github/api.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "base/try.h"
#include "identity/github/github.h"
#include "identity/oidc/config_fields.h"
#include "model/limits.h"

namespace gatehouse::identity {
namespace {

constexpr std::string_view kLoginUrl = "https://github.com/login/oauth";
constexpr std::string_view kApiUrl = "https://api.github.com";
constexpr std::string_view kScope = "read:user user:email read:org";
constexpr std::size_t kMaxNameBytes = 255;
constexpr std::size_t kMaxSlugBytes = 100;
constexpr std::size_t kMaxTokenBytes = 512;

std::unexpected<IdentityError> misbehaved(std::string code, std::string message) {
  return std::unexpected(
      IdentityError{IdentityFailure::ProviderMisbehaved, std::move(code), std::move(message)});
}
std::unexpected<IdentityError> odd(std::string_view what) {
  return misbehaved("malformed_response", fmt::format("GitHub's {} cannot be read", what));
}

GithubConfig read_fields(ConfigFields& fields) {
  fields.only({"client_id", "login_url", "api_url"}, "github");
  GithubConfig config;
  config.login_url = fields.base_url("login_url", kLoginUrl);
  config.api_url = fields.base_url("api_url", kApiUrl);
  config.oauth.issuer = config.login_url;
  config.oauth.client_id = fields.required_text("client_id", "the client id of the OAuth app");
  config.oauth.scope = kScope;
  config.oauth.authentication = ClientAuthentication::Post;
  return config;
}

// Names of organizations and teams are compared with what policies say: printable ASCII without
// spaces, as GitHub's own rules have it.
bool is_slug(std::string_view text) {
  return !text.empty() && text.size() <= kMaxSlugBytes &&
         std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

std::expected<json::array, IdentityError> list_of(std::string_view body, std::string_view what) {
  auto document = json::parse(body, {.max_bytes = model::kMaxProviderResponseBytes});
  if (!document || !document->is_array()) return odd(what);
  return std::move(document->get_array());
}

}  // namespace

std::vector<FieldProblem> validate_github_config(const json::object& config) {
  ConfigFields fields(config);
  (void)read_fields(fields);
  return fields.problems();
}

std::expected<GithubConfig, IdentityError> read_github_config(
    const model::IdentityProvider& provider) {
  ConfigFields fields(provider.config);
  GithubConfig config = read_fields(fields);
  if (!fields.problems().empty()) return std::unexpected(fields.first_problem());
  config.oauth.client_secret = model::secret_of(provider.secrets, "client_secret");
  return config;
}

ProviderMetadata github_metadata(const GithubConfig& config) {
  ProviderMetadata metadata;
  metadata.authorization_endpoint = config.login_url + "/authorize";
  metadata.token_endpoint = config.login_url + "/access_token";
  return metadata;
}

std::expected<std::string, IdentityError> parse_github_token(const net::HttpResponse& response) {
  if (response.status >= 500 || response.status == 429)
    return std::unexpected(
        IdentityError{IdentityFailure::ProviderUnreachable, "token_endpoint_status",
                      fmt::format("the token endpoint answered {}", response.status)});
  const auto document = json::parse(response.body, {.max_bytes = model::kMaxProviderResponseBytes});
  if (!document || !document->is_object()) return odd("token response");
  const auto& object = document->get_object();
  if (const auto error = json::find_string(object, "error")) {
    const std::string code = sanitized_error(*error);
    return std::unexpected(IdentityError{
        IdentityFailure::Refused, code, fmt::format("the token endpoint answered `{}`", code),
        code == "incorrect_client_credentials" || code == "redirect_uri_mismatch"
            ? decision::Reason::LoginMethodMisconfigured
            : decision::Reason::None});
  }
  const auto token = json::find_string(object, "access_token");
  if (response.status != 200 || !token || token->empty() || token->size() > kMaxTokenBytes ||
      !std::ranges::all_of(*token, [](char c) { return c > 0x20 && c < 0x7f; }) ||
      !ascii_iequals(json::find_string(object, "token_type").value_or(""), "bearer"))
    return odd("token response");
  return std::string(*token);
}

std::expected<ProviderIdentity, IdentityError> parse_github_user(std::string_view body) {
  const auto document = json::parse(body, {.max_bytes = model::kMaxProviderResponseBytes});
  if (!document || !document->is_object()) return odd("user");
  const auto& object = document->get_object();
  const auto id = json::find_int(object, "id");
  if (!id || *id <= 0) return odd("user");
  ProviderIdentity identity;
  identity.subject = std::to_string(*id);
  for (const std::string_view field : {"name", "login"}) {
    const auto name = json::find_string(object, field);
    const auto is_plain = [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; };
    if (!name || name->empty() || name->size() > kMaxNameBytes ||
        !std::ranges::all_of(*name, is_plain))
      continue;
    identity.name = *name;
    break;
  }
  return identity;
}

std::expected<std::string, IdentityError> parse_github_emails(std::string_view body) {
  for (const auto& value : GATEHOUSE_TRY(list_of(body, "list of addresses"))) {
    const auto* entry = value.if_object();
    if (entry == nullptr || json::find_bool(*entry, "primary") != true) continue;
    if (json::find_bool(*entry, "verified") != true)
      return std::unexpected(IdentityError{IdentityFailure::IdentityIncomplete, "unverified_email",
                                           "GitHub has not verified the primary address"});
    if (auto email = model::canonical_email(json::find_string(*entry, "email").value_or("")))
      return std::move(*email);
    return std::unexpected(IdentityError{IdentityFailure::IdentityIncomplete, "unusable_email",
                                         "the primary address is not an e-mail address"});
  }
  return std::unexpected(IdentityError{IdentityFailure::IdentityIncomplete, "missing_email",
                                       "GitHub gives no primary address"});
}

std::expected<GithubPage, IdentityError> parse_github_organizations(std::string_view body) {
  GithubPage page;
  for (const auto& value : GATEHOUSE_TRY(list_of(body, "list of organizations"))) {
    const auto* entry = value.if_object();
    const auto login = entry == nullptr ? std::nullopt : json::find_string(*entry, "login");
    if (!login || !is_slug(*login)) return odd("list of organizations");
    page.organizations.push_back({std::string(*login), {}});
    ++page.entries;
  }
  return page;
}

std::expected<GithubPage, IdentityError> parse_github_teams(std::string_view body) {
  GithubPage page;
  for (const auto& value : GATEHOUSE_TRY(list_of(body, "list of teams"))) {
    const auto* entry = value.if_object();
    const auto slug = entry == nullptr ? std::nullopt : json::find_string(*entry, "slug");
    const auto* organization =
        entry == nullptr ? nullptr : json::find_object(*entry, "organization");
    const auto login =
        organization == nullptr ? std::nullopt : json::find_string(*organization, "login");
    if (!slug || !is_slug(*slug) || !login || !is_slug(*login)) return odd("list of teams");
    page.organizations.push_back({std::string(*login), {std::string(*slug)}});
    ++page.entries;
  }
  return page;
}

void merge_organizations(std::vector<model::GithubOrganization>& into,
                         std::vector<model::GithubOrganization> from) {
  for (auto& organization : from) {
    const auto same = std::ranges::find_if(
        into, [&](const auto& known) { return ascii_iequals(known.name, organization.name); });
    if (same == into.end())
      into.push_back(std::move(organization));
    else
      std::ranges::move(organization.teams, std::back_inserter(same->teams));
  }
}

}  // namespace gatehouse::identity
