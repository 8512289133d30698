#include <array>
#include <optional>
#include <utility>

#include "base/encoding.h"
#include "base/try.h"
#include "controlplane/session.h"
#include "controlplane/token.h"
#include "crypto/digest.h"

namespace gatehouse::controlplane {
namespace {

// The positions of posture rules, to compile a selector as the snapshot's own are compiled.
class PostureRulesOnly final : public decision::CompileContext {
 public:
  explicit PostureRulesOnly(const model::Resources& resources) : resources_(resources) {}
  std::optional<std::uint32_t> find_group(std::string_view) const override { return std::nullopt; }
  std::optional<std::uint32_t> find_posture_rule(std::string_view id) const override {
    for (std::uint32_t i = 0; i < resources_.posture_rules.size(); ++i)
      if (resources_.posture_rules[i].id == id) return i;
    return std::nullopt;
  }
  std::optional<std::string> find_login_method(std::string_view) const override {
    return std::nullopt;
  }
  std::optional<std::string> find_service_token(std::string_view) const override {
    return std::nullopt;
  }
  std::optional<std::uint32_t> find_list(std::string_view, model::ListType) const override {
    return std::nullopt;
  }

 private:
  const model::Resources& resources_;
};

}  // namespace

// The answer of the selector itself, so that what is shown is what decides.
decision::Match check_posture_rule(const Context& context, const Configuration& configuration,
                                   const model::Session& session, const model::PostureRule& rule) {
  const json::object value{{"integration_uid", rule.id}};
  const std::array<const json::object*, 1> values{&value};
  for (const auto& kind : context.dependencies.selectors) {
    if (kind.name != "device_posture") continue;
    const auto matcher =
        kind.compile(values, decision::Combine::Any, PostureRulesOnly(*configuration.resources));
    if (!matcher) break;
    decision::Evidence evidence;
    evidence.session = &session;
    return (*matcher)->match(*configuration.snapshot, evidence, context.now());
  }
  return {decision::Truth::Indeterminate, decision::Reason::PostureProviderMisconfigured};
}

namespace {

json::object device_posture(const Context& context, const Configuration& configuration,
                            const model::Session& session) {
  json::object checks;
  for (const auto& rule : configuration.resources->posture_rules) {
    const auto match = check_posture_rule(context, configuration, session, rule);
    const bool success = match.truth == decision::Truth::True;
    json::object check{
        {"id", rule.id},          {"type", rule.type},
        {"rule_name", rule.name}, {"description", ""},
        {"success", success},     {"error", success ? "" : decision::info(match.reason).code},
        {"timestamp", nullptr},   {"data", json::object{}}};
    const auto integration = json::find_string(rule.input, "connection_id");
    for (const auto& evidence : session.posture) {
      if (!integration || evidence.integration_id != *integration) continue;
      check["timestamp"] = format_rfc3339(evidence.established_at);
      json::object data{{"device_id", evidence.device_id}};
      if (evidence.managed) data["managed"] = *evidence.managed;
      if (evidence.last_checkin) data["last_checkin"] = format_rfc3339(*evidence.last_checkin);
      if (evidence.patch_compliant) data["patch_compliant"] = *evidence.patch_compliant;
      if (evidence.vulnerability_score) data["vulnerability_score"] = *evidence.vulnerability_score;
      check["data"] = std::move(data);
    }
    checks[rule.id] = std::move(check);
  }
  return checks;
}

json::object texts(const model::Attributes& attributes) {
  json::object document;
  for (const auto& [name, values] : attributes) {
    if (values.size() == 1) {
      document[name] = values.front();
      continue;
    }
    json::array list;
    for (const auto& value : values) list.emplace_back(value);
    document[name] = std::move(list);
  }
  return document;
}

// A token that is bound says nothing to a browser without its other half.
bool is_bound(const VerifiedApplicationToken& token, std::string_view binding) {
  return !binding.empty() &&
         constant_time_equal(json::find_string(token.claims, "binding").value_or(""),
                             hex_encode(crypto::sha256(binding)));
}

}  // namespace

json::object identity_document(const Context& context, const Configuration& configuration,
                               std::string ip, const model::Session& session, Instant issued_at) {
  const auto& identity = session.identity;
  json::array groups;
  for (const auto& group : identity.groups)
    groups.emplace_back(json::object{{"id", group}, {"name", group}});
  json::array amr;
  for (const auto& method : identity.amr) amr.emplace_back(method);
  const auto address = IpAddress::parse(ip);
  const auto country = address ? context.country_of(*address) : std::string_view();
  std::string type;
  for (const auto& provider : configuration.resources->identity_providers)
    if (provider.id == identity.login_method) type = provider.type;
  return {{"id", identity.subject},
          {"name", identity.name},
          {"email", identity.email},
          {"amr", std::move(amr)},
          {"idp", json::object{{"id", identity.login_method}, {"type", type}}},
          {"geo", json::object{{"country", country}}},
          {"user_uuid", identity.user_id},
          {"groups", std::move(groups)},
          {"ip", std::move(ip)},
          {"auth_status", "NONE"},
          {"common_name", ""},
          {"service_token_id", ""},
          {"service_token_status", false},
          {"is_warp", false},
          {"is_gateway", false},
          {"devicePosture", device_posture(context, configuration, session)},
          {"oidc_fields", texts(identity.claims)},
          {"iat", to_epoch_seconds(issued_at)},
          {"version", 2}};
}

std::expected<json::object, Failure> identity_of(Context& context, const Browser& browser,
                                                 std::string_view host, std::string_view token,
                                                 std::string_view binding) {
  const auto document_of = [&](const Configuration& from, const model::Session& session,
                               const json::object& claims) {
    return identity_document(context, from, browser.address.to_string(), session,
                             from_epoch_seconds(json::find_int(claims, "iat").value_or(0)));
  };
  const auto configuration = GATEHOUSE_TRY(configuration_in_force(context));
  std::optional<std::string_view> application_host = host;
  if (host == configuration->snapshot->auth_domain()) {
    const auto claims = verify_own_token(context, *configuration, kGlobalTokenType,
                                         configuration->snapshot->issuer(), token);
    const auto sessions = GATEHOUSE_TRY(live_sessions(context, browser));
    if (claims && !sessions.empty()) return document_of(*configuration, sessions.front(), *claims);
    // @cloudflare/pages-plugin-cloudflare-access brings here the token that the application
    // received.
    application_host = std::nullopt;
  }
  const auto verified = GATEHOUSE_TRY(
      verify_application_token(context, *configuration, browser, application_host, token));
  // An application's server has the token alone, which is why the auth domain does not ask for
  // more.
  if (!verified || (application_host && verified->application->enable_binding_cookie &&
                    !is_bound(*verified, binding)))
    return std::unexpected(Failure{FailureKind::NotSignedIn, {}});
  return document_of(*configuration, verified->session, verified->claims);
}

}  // namespace gatehouse::controlplane
