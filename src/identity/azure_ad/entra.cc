#include "identity/azure_ad/entra.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/encoding.h"
#include "base/try.h"
#include "identity/azure_ad/azure_ad.h"
#include "identity/oidc/config_fields.h"
#include "model/limits.h"

namespace gatehouse::identity {
namespace {

using decision::Reason;

constexpr std::string_view kLoginUrl = "https://login.microsoftonline.com";
constexpr std::string_view kGraphUrl = "https://graph.microsoft.com";
constexpr std::string_view kScope = "openid profile email";
constexpr std::string_view kGroupScope = " User.Read GroupMember.Read.All";
constexpr std::size_t kMaxObjectIdBytes = 64;

std::unexpected<IdentityError> misbehaved(std::string code, std::string message) {
  return std::unexpected(
      IdentityError{IdentityFailure::ProviderMisbehaved, std::move(code), std::move(message)});
}
std::unexpected<IdentityError> token_refused(std::string code, std::string message) {
  return std::unexpected(
      IdentityError{IdentityFailure::TokenRefused, std::move(code), std::move(message)});
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-'
             : std::string_view("0123456789abcdefABCDEF").find(text[i]) == std::string_view::npos)
      return false;
  }
  return true;
}

AzureAdConfig read_fields(ConfigFields& fields) {
  AzureAdConfig config;
  config.directory_id = ascii_lower(fields.text("directory_id"));
  // Never `common` or a domain: the issuer of the tokens must be known beforehand.
  if (!is_uuid(config.directory_id))
    fields.problem("directory_id", "is required: the directory (tenant) id, a uuid");
  config.oidc.client_id = fields.text("client_id");
  if (config.oidc.client_id.empty())
    fields.problem("client_id", "is required: the application (client) id");
  (void)fields.text("client_secret");  // travels apart from the rest: IdentityProvider
  config.oidc.issuer =
      fmt::format("{}/{}/v2.0", fields.base_url("login_url", kLoginUrl), config.directory_id);
  config.graph_url = fields.base_url("graph_url", kGraphUrl);
  config.support_groups = fields.flag("support_groups", false);
  (void)fields.flag("conditional_access_enabled", false);
  config.oidc.scope = kScope;
  if (config.support_groups) config.oidc.scope += kGroupScope;
  config.oidc.claims = fields.texts("claims");
  config.oidc.prompt = fields.text("prompt");
  if (const auto& prompt = config.oidc.prompt;
      !prompt.empty() && prompt != "login" && prompt != "select_account" && prompt != "none")
    fields.problem("prompt", "must be login, select_account or none");
  if (auto claim = fields.text("email_claim_name"); !claim.empty())
    config.email_claims.push_back(std::move(claim));
  config.email_claims.insert(config.email_claims.end(), {"email", "upn"});
  config.oidc.authentication = ClientAuthentication::Post;
  config.oidc.algorithms = {jose::Algorithm::RS256, jose::Algorithm::PS256};
  return config;
}

// The number of `AADSTS53000`.
std::optional<unsigned> number_of(std::string_view code) {
  constexpr std::string_view kPrefix = "AADSTS";
  if (!code.starts_with(kPrefix)) return std::nullopt;
  code.remove_prefix(kPrefix.size());
  unsigned number = 0;
  const auto [end, error] = std::from_chars(code.data(), code.data() + code.size(), number);
  if (error != std::errc{} || end != code.data() + code.size()) return std::nullopt;
  return number;
}

struct Explanation {
  unsigned number;
  Reason reason;
};
constexpr std::array kExplanations{std::to_array<Explanation>({
    {50005, Reason::DevicePlatformNotSupported},
    {50011, Reason::LoginMethodMisconfigured},
    {50020, Reason::AccountUnknown},
    {50033, Reason::ProviderUnavailable},
    {50034, Reason::AccountUnknown},
    {50053, Reason::AccountLocked},
    {50055, Reason::PasswordExpired},
    {50057, Reason::AccountDisabled},
    {50058, Reason::ProviderSessionEnded},
    {50072, Reason::SecondFactorRequired},
    {50074, Reason::SecondFactorRequired},
    {50076, Reason::SecondFactorRequired},
    {50078, Reason::SecondFactorRequired},
    {50079, Reason::SecondFactorRequired},
    {50089, Reason::ProviderSessionEnded},
    {50097, Reason::DeviceNotIdentified},
    {50105, Reason::UserNotAssigned},
    {50129, Reason::DeviceNotJoined},
    {50131, Reason::ConditionalAccessBlocked},
    {50132, Reason::ProviderSessionEnded},
    {50133, Reason::ProviderSessionEnded},
    {50144, Reason::PasswordExpired},
    {50147, Reason::LoginMethodMisconfigured},
    {50155, Reason::DeviceNotIdentified},
    {50158, Reason::SecondFactorRequired},
    {50173, Reason::ProviderSessionEnded},
    {50187, Reason::DeviceNotIdentified},
    {50194, Reason::LoginMethodMisconfigured},
    {50196, Reason::SignInLoop},
    {53000, Reason::DeviceNotCompliant},
    {53001, Reason::DeviceNotJoined},
    {53002, Reason::AppNotApproved},
    {53003, Reason::ConditionalAccessBlocked},
    {53004, Reason::ConditionalAccessBlocked},
    {53009, Reason::AppNotApproved},
    {53010, Reason::ConditionalAccessBlocked},
    {53011, Reason::ConditionalAccessBlocked},
    {54005, Reason::ProviderSessionEnded},
    {65001, Reason::ConsentRequired},
    {65004, Reason::SignInCancelled},
    {70001, Reason::LoginMethodMisconfigured},
    {70002, Reason::LoginMethodMisconfigured},
    {70004, Reason::LoginMethodMisconfigured},
    {70008, Reason::ProviderSessionEnded},
    {70011, Reason::LoginMethodMisconfigured},
    {70043, Reason::ProviderSessionEnded},
    {90002, Reason::LoginMethodMisconfigured},
    {90006, Reason::ProviderUnavailable},
    {90024, Reason::ProviderUnavailable},
    {90033, Reason::ProviderUnavailable},
    {90055, Reason::ProviderUnavailable},
    {90094, Reason::ConsentRequired},
    {90095, Reason::ConsentRequired},
    {501481, Reason::LoginMethodMisconfigured},
    {530003, Reason::DeviceNotCompliant},
    {530032, Reason::ConditionalAccessBlocked},
    {530035, Reason::ConditionalAccessBlocked},
    {700016, Reason::LoginMethodMisconfigured},
    {700082, Reason::ProviderSessionEnded},
    {700084, Reason::ProviderSessionEnded},
    {7000215, Reason::LoginMethodMisconfigured},
    {7000222, Reason::LoginMethodMisconfigured},
})};
static_assert(std::ranges::is_sorted(kExplanations, {}, &Explanation::number));

}  // namespace

std::vector<FieldProblem> validate_azure_ad_config(const json::object& config) {
  ConfigFields fields(config);
  (void)read_fields(fields);
  return fields.problems();
}

std::expected<AzureAdConfig, IdentityError> read_azure_ad_config(
    const model::IdentityProvider& provider) {
  ConfigFields fields(provider.config);
  AzureAdConfig config = read_fields(fields);
  if (!fields.problems().empty()) return std::unexpected(fields.first_problem());
  config.oidc.client_secret = model::secret_of(provider.secrets, "client_secret");
  return config;
}

SignInWish entra_wish(SignInWish wish, const AzureAdConfig& config) {
  if (!wish.auth_contexts.empty()) {
    auto demanded = json::parse(wish.claims);
    json::object claims;
    if (demanded && demanded->is_object()) claims = demanded->get_object();
    json::object acrs{{"essential", true}};
    if (wish.auth_contexts.size() == 1) {
      acrs["value"] = wish.auth_contexts.front();
    } else {
      json::array values;
      for (const auto& context : wish.auth_contexts) values.emplace_back(context);
      acrs["values"] = std::move(values);
    }
    auto& id_token = claims["id_token"];
    if (!id_token.is_object()) id_token = json::object{};
    id_token.get_object()["acrs"] = std::move(acrs);
    wish.claims = json::serialize(claims);
  }
  // Entra ID refuses a hint beside the account picker.
  if ((wish.prompt.empty() ? config.oidc.prompt : wish.prompt) == "select_account")
    wish.login_hint.clear();
  return wish;
}

std::expected<ProviderIdentity, IdentityError> identity_from_entra(const json::object& claims,
                                                                   const AzureAdConfig& config) {
  // INVARIANT: the issuer names the tenant already; `tid` says so once more, or the token is odd.
  if (ascii_lower(json::find_string(claims, "tid").value_or("")) != config.directory_id)
    return token_refused("wrong_tenant", "the ID token is of another tenant");
  const auto oid = json::find_string(claims, "oid");
  if (!oid || !is_uuid(*oid))
    return token_refused("missing_object_id", "the ID token has no usable `oid`");
  // The domain's owner did not confirm the address: anybody could have written it there.
  const auto* edov = json::find(claims, "xms_edov");
  if (edov != nullptr &&
      !(json::find_bool(claims, "xms_edov") == true || json::find_int(claims, "xms_edov") == 1 ||
        json::find_string(claims, "xms_edov") == "1" ||
        json::find_string(claims, "xms_edov") == "true"))
    return std::unexpected(IdentityError{IdentityFailure::IdentityIncomplete, "unverified_email",
                                         "the owner of the e-mail's domain is not verified"});
  OidcConfig oidc = config.oidc;
  oidc.email_claim = config.email_claims.front();
  for (const auto& claim : config.email_claims) {
    if (json::find(claims, claim) == nullptr) continue;
    oidc.email_claim = claim;
    break;
  }
  auto identity = GATEHOUSE_TRY(identity_from_claims(claims, {}, oidc));
  identity.subject = ascii_lower(*oid);
  return identity;
}

std::expected<GroupPage, IdentityError> parse_group_page(std::string_view body,
                                                         std::string_view graph_url) {
  const auto document = json::parse(body, {.max_bytes = model::kMaxProviderResponseBytes});
  const auto* values = document && document->is_object()
                           ? json::find_array(document->get_object(), "value")
                           : nullptr;
  if (values == nullptr)
    return misbehaved("malformed_response", "Graph's list of groups is not one");
  GroupPage page;
  for (const auto& value : *values) {
    const auto* group = value.if_object();
    if (group == nullptr)
      return misbehaved("malformed_response", "Graph's list of groups has an odd entry");
    if (json::find_string(*group, "@odata.type").value_or("#microsoft.graph.group") !=
        "#microsoft.graph.group")
      continue;
    const auto id = json::find_string(*group, "id");
    if (!id || id->empty() || id->size() > kMaxObjectIdBytes)
      return misbehaved("malformed_response", "Graph's list of groups has an entry without id");
    page.ids.emplace_back(*id);
  }
  if (json::find(document->get_object(), "@odata.nextLink") != nullptr) {
    const auto next = json::find_string(document->get_object(), "@odata.nextLink").value_or("");
    // The access token goes there: nowhere but to Graph.
    if (!next.starts_with(std::string(graph_url) + "/") || !is_provider_url(next, graph_url))
      return misbehaved("malformed_response", "Graph's next page is not on Graph");
    page.next = next;
  }
  return page;
}

std::optional<std::chrono::seconds> retry_after(const net::HttpResponse& response) {
  for (const auto& [name, value] : response.headers) {
    if (!ascii_iequals(name, "retry-after")) continue;
    unsigned seconds = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
    if (error == std::errc{} && end == value.data() + value.size() && seconds <= 24 * 3600)
      return std::chrono::seconds(seconds);
  }
  return std::nullopt;
}

Reason reason_for_entra_code(std::string_view code) {
  const auto number = number_of(code);
  if (!number) return Reason::None;
  const auto found = std::ranges::lower_bound(kExplanations, *number, {}, &Explanation::number);
  return found != kExplanations.end() && found->number == *number ? found->reason : Reason::None;
}

IdentityError explained(IdentityError error) {
  if (error.hint != Reason::None) return error;
  error.hint = reason_for_entra_code(error.support_code);
  if (error.hint != Reason::None || error.failure != IdentityFailure::Refused) return error;
  // The words of the protocol, where there is no number or one that we do not know.
  constexpr auto kByError = std::to_array<std::pair<std::string_view, Reason>>({
      {"access_denied", Reason::SignInCancelled},
      {"consent_required", Reason::ConsentRequired},
      {"interaction_required", Reason::SecondFactorRequired},
      {"invalid_client", Reason::LoginMethodMisconfigured},
      {"login_required", Reason::ProviderSessionEnded},
      {"server_error", Reason::ProviderUnavailable},
      {"temporarily_unavailable", Reason::ProviderUnavailable},
      {"unauthorized_client", Reason::LoginMethodMisconfigured},
  });
  for (const auto& [name, reason] : kByError)
    if (error.code == name) error.hint = reason;
  return error;
}

}  // namespace gatehouse::identity
