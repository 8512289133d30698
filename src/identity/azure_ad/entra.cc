#include "identity/azure_ad/entra.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/encoding.h"
#include "base/try.h"
#include "identity/azure_ad/azure_ad.h"
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

// The words of the fields that say nothing wrong, and what is wrong with the others.
class Reader {
 public:
  explicit Reader(const json::object& config) : config_(config) {}

  void problem(std::string_view field, std::string message) {
    problems_.push_back({std::string(field), std::move(message)});
  }
  std::string text(std::string_view field) {
    const auto* value = json::find(config_, field);
    if (value == nullptr) return {};
    if (value->is_string() &&
        std::ranges::all_of(value->get_string(), [](char c) { return c > 0x20 && c < 0x7f; }))
      return std::string(value->get_string());
    problem(field, "must be a text without spaces");
    return {};
  }
  bool flag(std::string_view field) {
    const auto* value = json::find(config_, field);
    if (value == nullptr) return false;
    if (value->is_bool()) return value->get_bool();
    problem(field, "must be true or false");
    return false;
  }
  std::vector<std::string> texts(std::string_view field) {
    std::vector<std::string> list;
    const auto* value = json::find(config_, field);
    if (value == nullptr) return list;
    if (value->is_array())
      for (const auto& member : value->get_array())
        if (member.is_string() && !member.get_string().empty())
          list.emplace_back(member.get_string());
    if (!value->is_array() || list.size() != value->get_array().size())
      problem(field, "must be a list of texts");
    return list;
  }
  std::string url(std::string_view field, std::string_view otherwise) {
    std::string value = text(field);
    while (value.ends_with('/')) value.pop_back();
    if (value.empty()) return std::string(otherwise);
    if (is_provider_url(value) && value.find('?') == std::string::npos) return value;
    problem(field, "must be an https URL without a query, or http on a loopback host");
    return std::string(otherwise);
  }
  std::vector<FieldProblem> problems() && { return std::move(problems_); }

 private:
  const json::object& config_;
  std::vector<FieldProblem> problems_;
};

AzureAdConfig read_fields(Reader& reader) {
  AzureAdConfig config;
  config.directory_id = ascii_lower(reader.text("directory_id"));
  // Never `common` or a domain: the issuer of the tokens must be known beforehand.
  if (!is_uuid(config.directory_id))
    reader.problem("directory_id", "is required: the directory (tenant) id, a uuid");
  config.oidc.client_id = reader.text("client_id");
  if (config.oidc.client_id.empty())
    reader.problem("client_id", "is required: the application (client) id");
  (void)reader.text("client_secret");  // travels apart from the rest: IdentityProvider
  config.oidc.issuer =
      fmt::format("{}/{}/v2.0", reader.url("login_url", kLoginUrl), config.directory_id);
  config.graph_url = reader.url("graph_url", kGraphUrl);
  config.support_groups = reader.flag("support_groups");
  (void)reader.flag("conditional_access_enabled");
  config.oidc.scope = kScope;
  if (config.support_groups) config.oidc.scope += kGroupScope;
  config.oidc.claims = reader.texts("claims");
  config.oidc.prompt = reader.text("prompt");
  if (const auto& prompt = config.oidc.prompt;
      !prompt.empty() && prompt != "login" && prompt != "select_account" && prompt != "none")
    reader.problem("prompt", "must be login, select_account or none");
  if (auto claim = reader.text("email_claim_name"); !claim.empty())
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
  Reader reader(config);
  (void)read_fields(reader);
  return std::move(reader).problems();
}

std::expected<AzureAdConfig, IdentityError> read_azure_ad_config(
    const model::IdentityProvider& provider) {
  Reader reader(provider.config);
  AzureAdConfig config = read_fields(reader);
  if (const auto problems = std::move(reader).problems(); !problems.empty())
    return misbehaved("configuration_invalid",
                      "`" + problems.front().field + "` " + problems.front().message);
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
