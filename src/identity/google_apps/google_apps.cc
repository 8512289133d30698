#include "identity/google_apps/google_apps.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "base/try.h"
#include "identity/google/google.h"
#include "identity/oidc/client.h"
#include "identity/oidc/config_fields.h"
#include "model/identity.h"
#include "model/limits.h"

namespace gatehouse::identity {
namespace {

constexpr std::string_view kDirectoryUrl = "https://admin.googleapis.com";
constexpr std::string_view kGroupScope =
    " https://www.googleapis.com/auth/admin.directory.group.readonly";
constexpr std::size_t kMaxGroupPages = 25;  // of 200
constexpr std::size_t kMaxPageTokenBytes = 1024;

using Groups = std::vector<std::string>;

GoogleAppsConfig read_fields(ConfigFields& fields) {
  fields.only({"client_id", "claims", "email_claim_name", "apps_domain", "prompt", "use_login_hint",
               "issuer", "directory_url"},
              "google-apps");
  GoogleAppsConfig config;
  config.oidc = read_google_fields(fields);
  config.oidc.scope += kGroupScope;
  config.apps_domain =
      ascii_lower(fields.required_text("apps_domain", "the domain of the Workspace"));
  config.directory_url = fields.base_url("directory_url", kDirectoryUrl);
  config.use_login_hint = fields.flag("use_login_hint", false);
  config.oidc.prompt = fields.text("prompt");
  if (const auto& prompt = config.oidc.prompt;
      !prompt.empty() && prompt != "none" && prompt != "consent" && prompt != "select_account")
    fields.problem("prompt", "must be none, consent or select_account");
  return config;
}

std::unexpected<IdentityError> misbehaved(std::string code, std::string message) {
  return std::unexpected(
      IdentityError{IdentityFailure::ProviderMisbehaved, std::move(code), std::move(message)});
}

class GoogleApps final : public IdentityProvider {
 public:
  GoogleApps(GoogleAppsConfig config, const net::HttpClient& client)
      : config_(std::move(config)), client_(client), oidc_(config_.oidc, client) {}

  std::expected<std::string, IdentityError> authorization_url(const SignInTransaction& transaction,
                                                              std::string_view redirect_uri,
                                                              std::string_view state,
                                                              const SignInWish& wish,
                                                              Instant now) override {
    SignInWish ours = wish;
    if (!config_.use_login_hint) ours.login_hint.clear();
    std::string url =
        GATEHOUSE_TRY(oidc_.authorization_url(transaction, redirect_uri, state, ours, now));
    // Google shows the Workspace's accounts only; `hd` of the ID token is what is believed.
    return url + "&hd=" + percent_encode(config_.apps_domain);
  }

  std::expected<Vouched, IdentityError> redeem(const SignInTransaction& transaction,
                                               std::string_view redirect_uri,
                                               std::string_view query, Instant now) override {
    const ProviderDeadline deadline;
    auto verified = GATEHOUSE_TRY(oidc_.redeem(transaction, redirect_uri, query, now, deadline));
    return vouched(verified, deadline);
  }

  std::expected<Vouched, IdentityError> refresh(const Secret& refresh_token,
                                                std::string_view subject, Instant now) override {
    const ProviderDeadline deadline;
    auto verified = GATEHOUSE_TRY(oidc_.refresh(refresh_token, now, deadline));
    auto refreshed = GATEHOUSE_TRY(vouched(verified, deadline));
    if (refreshed.identity.subject != subject)
      return misbehaved("wrong_subject", "the refreshed ID token is about another subject");
    return refreshed;
  }

 private:
  std::expected<Vouched, IdentityError> vouched(VerifiedTokens& verified,
                                                const ProviderDeadline& deadline) {
    auto identity = GATEHOUSE_TRY(identity_from_google_apps(verified.claims, config_));
    if (auto groups = groups_of(identity.email, verified.tokens, deadline)) {
      identity.groups = std::move(*groups);
      identity.groups_known = true;
    } else {
      // INVARIANT: what could not be fetched is not known; it is never an empty list.
      identity.groups_problem = std::move(groups).error().message;
    }
    return Vouched{std::move(identity), std::move(verified.tokens.refresh_token)};
  }

  std::expected<Groups, IdentityError> groups_of(std::string_view email,
                                                 const TokenResponse& tokens,
                                                 const ProviderDeadline& deadline) {
    if (!tokens.bearer)
      return misbehaved("missing_token", "there is no access token to ask the directory with");
    Groups groups;
    const std::string first = fmt::format("{}/admin/directory/v1/groups?userKey={}&maxResults=200",
                                          config_.directory_url, percent_encode(email));
    std::string next;
    for (std::size_t count = 0; count < kMaxGroupPages; ++count) {
      net::OutboundRequest request;
      request.url = next.empty() ? first : first + "&pageToken=" + percent_encode(next);
      request.headers = {{"Accept", "application/json"},
                         {"Authorization", "Bearer " + tokens.access_token}};
      const auto answer = GATEHOUSE_TRY(send_to_provider(client_, std::move(request), deadline));
      if (answer.status != 200)
        return std::unexpected(IdentityError{
            IdentityFailure::ProviderUnreachable, "directory_status",
            fmt::format("the directory answered {}{}", answer.status,
                        answer.status == 403
                            ? ": the Admin SDK must be enabled in the project, and the Workspace "
                              "must let its members see their groups"
                            : "")});
      auto page = GATEHOUSE_TRY(parse_google_group_page(answer.body));
      std::ranges::move(page.addresses, std::back_inserter(groups));
      next = std::move(page.next);
      if (next.empty()) return groups;
    }
    return misbehaved("too_many_groups", "the person is in more groups than a session holds");
  }

  const GoogleAppsConfig config_;
  const net::HttpClient& client_;
  OidcClient oidc_;
};

}  // namespace

std::vector<FieldProblem> validate_google_apps_config(const json::object& config) {
  ConfigFields fields(config);
  (void)read_fields(fields);
  return fields.problems();
}

std::expected<GoogleAppsConfig, IdentityError> read_google_apps_config(
    const model::IdentityProvider& provider) {
  ConfigFields fields(provider.config);
  GoogleAppsConfig config = read_fields(fields);
  if (!fields.problems().empty()) return std::unexpected(fields.first_problem());
  config.oidc.client_secret = model::secret_of(provider.secrets, "client_secret");
  return config;
}

std::expected<ProviderIdentity, IdentityError> identity_from_google_apps(
    const json::object& claims, const GoogleAppsConfig& config) {
  // Source: Google Identity, "OpenID Connect": the parameter `hd` is a wish, the claim an answer.
  if (ascii_lower(json::find_string(claims, "hd").value_or("")) != config.apps_domain)
    return std::unexpected(IdentityError{IdentityFailure::TokenRefused, "wrong_workspace",
                                         "the account is not of the configured Workspace"});
  auto identity = GATEHOUSE_TRY(identity_from_claims(claims, {}, config.oidc));
  identity.groups.clear();
  identity.groups_known = false;
  return identity;
}

std::expected<GoogleGroupPage, IdentityError> parse_google_group_page(std::string_view body) {
  const auto document = json::parse(body, {.max_bytes = model::kMaxProviderResponseBytes});
  if (!document || !document->is_object())
    return misbehaved("malformed_response", "the directory's list of groups is not one");
  const auto& object = document->get_object();
  GoogleGroupPage page;
  // A person in no group at all: the member is left out.
  if (const auto* groups = json::find(object, "groups"); groups != nullptr) {
    if (!groups->is_array())
      return misbehaved("malformed_response", "the directory's list of groups is not one");
    for (const auto& value : groups->get_array()) {
      const auto* group = value.if_object();
      const auto email = group == nullptr ? std::nullopt : json::find_string(*group, "email");
      auto address = email ? model::canonical_email(*email) : std::nullopt;
      if (!address)
        return misbehaved("malformed_response", "the directory names a group without an address");
      page.addresses.push_back(std::move(*address));
    }
  }
  page.next = json::find_string(object, "nextPageToken").value_or("");
  if (page.next.size() > kMaxPageTokenBytes)
    return misbehaved("malformed_response", "the directory's page token is too long");
  return page;
}

std::expected<std::unique_ptr<IdentityProvider>, IdentityError> make_google_apps(
    const model::IdentityProvider& provider, const net::HttpClient& client) {
  return std::make_unique<GoogleApps>(GATEHOUSE_TRY(read_google_apps_config(provider)), client);
}

}  // namespace gatehouse::identity
