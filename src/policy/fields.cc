#include "policy/fields.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <utility>

#include "base/time.h"
#include "model/login_design.h"
#include "policy/syntax.h"

namespace gatehouse::policy {
namespace {

using Kind = Field::Kind;
using std::chrono::hours;
using std::chrono::minutes;
using Words = std::span<const std::string_view>;

constexpr std::string_view kMfaAdvice =
    "the identity provider asks for second factors; require `auth_method` or `auth_context`";
constexpr std::string_view kApprovalAdvice = "nobody is asked for approval at sign-in";
constexpr std::string_view kDeviceClientAdvice = "there is no device client";
constexpr std::string_view kIsolationAdvice = "there is no remote browser";
constexpr std::string_view kScimAdvice =
    "people and groups come from the identity provider at "
    "every sign-in";
constexpr std::string_view kClientAdvice =
    "the gateway registers no OAuth clients; machines use service tokens";

constexpr Field required(std::string_view key, Kind kind = Kind::Text) {
  return {.key = key, .kind = kind, .required = true};
}
constexpr Field optional(std::string_view key, Kind kind = Kind::Text) {
  return {.key = key, .kind = kind};
}
constexpr Field one_of(std::string_view key, Words choices) {
  return {.key = key, .kind = Kind::OneOf, .choices = choices};
}
constexpr Field required_one_of(std::string_view key, Words choices) {
  return {.key = key, .kind = Kind::OneOf, .required = true, .choices = choices};
}
constexpr Field some_of(std::string_view key, Words choices) {
  return {.key = key, .kind = Kind::SomeOf, .choices = choices};
}
constexpr Field only(Kind kind, std::string_view key, std::string_view advice) {
  return {.key = key, .kind = kind, .advice = advice};
}
constexpr Field said(Kind kind, std::string_view key, std::string_view advice) {
  return {.key = key, .kind = kind, .required = true, .advice = advice};
}
constexpr Field nested(Kind kind, std::string_view key, const Fields& fields) {
  return {.key = key, .kind = kind, .nested = &fields};
}

// --- what is kept beside what has an effect

constexpr std::array kSecondFactors{std::to_array<std::string_view>(
    {"totp", "biometrics", "security_key", "piv_key", "ssh_fido2_key"})};
constexpr std::array kMfaFields{std::to_array<Field>({
    said(Kind::On, "mfa_disabled", kMfaAdvice),
    some_of("allowed_authenticators", kSecondFactors),
    optional("session_duration", Kind::Duration),
})};
constexpr Fields kMfa{kMfaFields};

constexpr std::array kOrganizationMfaFields{std::to_array<Field>({
    only(Kind::Empty, "allowed_authenticators", kMfaAdvice),
    optional("amr_matching_session_duration", Kind::Duration),
    only(Kind::Empty, "required_aaguids", kMfaAdvice),
    optional("session_duration", Kind::Duration),
})};
constexpr Fields kOrganizationMfa{kOrganizationMfaFields};
constexpr std::array kPinPolicies{std::to_array<std::string_view>({"never", "once", "always"})};
constexpr std::array kTouchPolicies{std::to_array<std::string_view>({"never", "always", "cached"})};
constexpr std::array kSshKeyTypes{std::to_array<std::string_view>({"ecdsa", "ed25519", "rsa"})};
constexpr std::array kPivKeyFields{std::to_array<Field>({
    one_of("pin_policy", kPinPolicies),
    optional("require_fips_device", Kind::Flag),
    optional("ssh_key_size", Kind::Any),
    some_of("ssh_key_type", kSshKeyTypes),
    one_of("touch_policy", kTouchPolicies),
})};
constexpr Fields kPivKey{kPivKeyFields};
constexpr std::array kLoginDesignFields{std::to_array<Field>({
    optional("background_color", Kind::Color),
    optional("text_color", Kind::Color),
    optional("logo_path", Kind::Image),
    optional("header_text", Kind::Lines),
    optional("footer_text", Kind::Lines),
})};
constexpr Fields kLoginDesign{kLoginDesignFields};
constexpr std::array kInactivityActions{std::to_array<std::string_view>({"disable", "delete"})};
constexpr std::array kInactivityFields{std::to_array<Field>({
    only(Kind::Off, "enabled", "unused service tokens stay; give them a `duration`"),
    optional("inactivity_threshold_days", Kind::Whole),
    one_of("action", kInactivityActions),
})};
constexpr Fields kInactivity{kInactivityFields};
constexpr std::array kOrganizationFields{std::to_array<Field>({
    only(Kind::On, "strict_service_token_auth", "it is always on"),
    only(Kind::On, "deny_unmatched_requests", "it is always on"),
    only(Kind::Empty, "deny_unmatched_requests_exempted_zone_names",
         "a host without an application is always refused"),
    optional("auto_redirect_to_identity", Kind::Flag),
    only(Kind::Off, "allow_authenticate_via_warp", kDeviceClientAdvice),
    only(Kind::Off, "warp_auth_non_browser_401", kDeviceClientAdvice),
    optional("warp_auth_session_duration", Kind::Duration),
    optional("is_ui_read_only", Kind::Flag),
    optional("ui_read_only_toggle_reason", Kind::Lines),
    {.key = "user_seat_expiration_inactive_time", .kind = Kind::Duration, .least = hours(730)},
    nested(Kind::Object, "login_design", kLoginDesign),
    nested(Kind::Object, "mfa_config", kOrganizationMfa),
    only(Kind::Off, "mfa_required_for_all_apps", kMfaAdvice),
    nested(Kind::Object, "mfa_piv_key_requirements", kPivKey),
    nested(Kind::Object, "service_token_inactivity", kInactivity),
    only(Kind::Empty, "trusted_accounts", "there is one account"),
})};

constexpr std::array kIdentityUpdates{
    std::to_array<std::string_view>({"automatic", "reauth", "no_action"})};
constexpr std::array kProviderScimFields{std::to_array<Field>({
    only(Kind::Off, "enabled", kScimAdvice),
    one_of("identity_update_behavior", kIdentityUpdates),
    optional("scim_base_url"),
    optional("seat_deprovision", Kind::Flag),
    only(Kind::Empty, "secret", kScimAdvice),
    optional("user_deprovision", Kind::Flag),
})};
constexpr Fields kProviderScim{kProviderScimFields};
constexpr std::array kProviderFields{std::to_array<Field>({
    nested(Kind::Object, "scim_config", kProviderScim),
    optional("saml_certificate_set_id"),
})};

constexpr std::array kIntegrationFields{std::to_array<Field>({
    {.key = "interval", .kind = Kind::Duration, .least = minutes(1)},
})};

constexpr std::array kPlatforms{
    std::to_array<std::string_view>({"windows", "mac", "linux", "android", "ios", "chromeos"})};
constexpr std::array kMatchFields{std::to_array<Field>({one_of("platform", kPlatforms)})};
constexpr Fields kMatch{kMatchFields};
constexpr std::array kPostureRuleFields{std::to_array<Field>({
    optional("description", Kind::Lines),
    {.key = "schedule", .kind = Kind::Duration, .least = minutes(1)},
    nested(Kind::Objects, "match", kMatch),
})};

constexpr std::array kListFields{std::to_array<Field>({optional("description", Kind::Lines)})};
constexpr std::array kListItemFields{
    std::to_array<Field>({optional("description", Kind::Lines), optional("created_at")})};
constexpr std::array kGroupFields{std::to_array<Field>({optional("is_default", Kind::Flag)})};
constexpr std::array kServiceTokenFields{
    std::to_array<Field>({optional("client_secret_version", Kind::Whole)})};
constexpr std::array kHostSettingFields{std::to_array<Field>({
    required("hostname"),
    optional("china_network", Kind::Flag),
    optional("client_certificate_forwarding", Kind::Flag),
})};
constexpr Fields kHostSetting{kHostSettingFields};
constexpr std::array kCertificateFields{
    std::to_array<Field>({nested(Kind::Objects, "settings", kHostSetting)})};
constexpr std::array kPageFields{std::to_array<Field>({optional("contract_version", Kind::Whole)})};
constexpr std::array kBookmarkFields{std::to_array<Field>({
    optional("domain"),
    optional("logo_url", Kind::Url),
    optional("app_launcher_visible", Kind::Flag),
})};
constexpr std::array kPolicyFields{std::to_array<Field>({
    only(Kind::Off, "approval_required", kApprovalAdvice),
    only(Kind::Empty, "approval_groups", kApprovalAdvice),
    only(Kind::Off, "isolation_required", kIsolationAdvice),
    only(Kind::Empty, "connection_rules", "only web applications are protected"),
    nested(Kind::Object, "mfa_config", kMfa),
})};

constexpr std::array kLauncherFields{std::to_array<Field>({
    optional("app_launcher_visible", Kind::Flag),
    optional("logo_url", Kind::Url),
})};
constexpr std::array kApplicationScimFields{std::to_array<Field>({
    said(Kind::Off, "enabled", kScimAdvice),
    optional("idp_uid"),
    optional("remote_uri", Kind::Url),
    optional("deactivate_on_delete", Kind::Flag),
    optional("mappings", Kind::Any),
    only(Kind::Empty, "authentication", kScimAdvice),
})};
constexpr Fields kApplicationScim{kApplicationScimFields};
constexpr std::array kOauthFields{std::to_array<Field>({
    said(Kind::Off, "enabled", kClientAdvice),
    optional("dynamic_client_registration", Kind::Any),
    optional("grant", Kind::Any),
})};
constexpr Fields kOauth{kOauthFields};
constexpr std::array kApplicationFields{std::to_array<Field>({
    optional("allow_iframe", Kind::Flag),
    only(Kind::Off, "allow_authenticate_via_warp", kDeviceClientAdvice),
    optional("eager_redirect_cookie_setting", Kind::Flag),
    only(Kind::Off, "use_clientless_isolation_app_launcher_url", kIsolationAdvice),
    nested(Kind::Object, "mfa_config", kMfa),
    nested(Kind::Object, "scim_config", kApplicationScim),
    nested(Kind::Object, "oauth_configuration", kOauth),
})};
constexpr std::array kDestinationFields{std::to_array<Field>({
    only(Kind::Empty, "overrides", "make an application of its own for such a path"),
})};

// --- configurations by type

struct ByType {
  std::string_view type;
  std::span<const Field> fields;
};
std::span<const Field> find(std::span<const ByType> table, std::string_view type) {
  const auto found =
      std::find_if(table.begin(), table.end(), [&](const ByType& row) { return row.type == type; });
  return found == table.end() ? std::span<const Field>() : found->fields;
}
template <std::size_t N>
constexpr std::array<std::string_view, N> types_of(const std::array<ByType, N>& table) {
  std::array<std::string_view, N> types;
  for (std::size_t i = 0; i < N; ++i) types[i] = table[i].type;
  return types;
}

#define GATEHOUSE_OAUTH_CLIENT optional("client_id"), optional("client_secret", Kind::Secret)
#define GATEHOUSE_OAUTH_CLAIMS optional("claims", Kind::Texts), optional("email_claim_name")
constexpr std::array kRedirectFields{std::to_array<Field>({optional("redirect_url")})};
constexpr std::array kCloudflareFields{std::to_array<Field>(
    {optional("redirect_url"), optional("restrict_to_account_members", Kind::Flag)})};
constexpr std::array kOauthClientFields{std::to_array<Field>({GATEHOUSE_OAUTH_CLIENT})};
constexpr std::array kAzurePrompts{
    std::to_array<std::string_view>({"login", "select_account", "none"})};
constexpr std::array kAzureFields{std::to_array<Field>(
    {GATEHOUSE_OAUTH_CLIENT, GATEHOUSE_OAUTH_CLAIMS,
     optional("conditional_access_enabled", Kind::Flag), optional("directory_id"),
     optional("graph_url", Kind::Url), optional("login_url", Kind::Url),
     one_of("prompt", kAzurePrompts), optional("support_groups", Kind::Flag)})};
constexpr std::array kGithubFields{std::to_array<Field>(
    {GATEHOUSE_OAUTH_CLIENT, optional("api_url", Kind::Url), optional("login_url", Kind::Url)})};
constexpr std::array kGoogleFields{std::to_array<Field>(
    {GATEHOUSE_OAUTH_CLIENT, GATEHOUSE_OAUTH_CLAIMS, optional("issuer", Kind::Url)})};
constexpr std::array kGooglePrompts{
    std::to_array<std::string_view>({"none", "consent", "select_account"})};
constexpr std::array kGoogleAppsFields{std::to_array<Field>(
    {GATEHOUSE_OAUTH_CLIENT, GATEHOUSE_OAUTH_CLAIMS, optional("apps_domain"),
     optional("directory_url", Kind::Url), optional("issuer", Kind::Url),
     one_of("prompt", kGooglePrompts), optional("use_login_hint", Kind::Flag)})};
constexpr std::array kOktaFields{
    std::to_array<Field>({GATEHOUSE_OAUTH_CLIENT, GATEHOUSE_OAUTH_CLAIMS,
                          optional("authorization_server_id"), optional("okta_account")})};
constexpr std::array kOneloginFields{std::to_array<Field>(
    {GATEHOUSE_OAUTH_CLIENT, GATEHOUSE_OAUTH_CLAIMS, optional("onelogin_account")})};
constexpr std::array kPingoneFields{std::to_array<Field>(
    {GATEHOUSE_OAUTH_CLIENT, GATEHOUSE_OAUTH_CLAIMS, optional("ping_env_id")})};
constexpr std::array kCentrifyFields{
    std::to_array<Field>({GATEHOUSE_OAUTH_CLIENT, GATEHOUSE_OAUTH_CLAIMS,
                          optional("centrify_account"), optional("centrify_app_id")})};
#undef GATEHOUSE_OAUTH_CLIENT
#undef GATEHOUSE_OAUTH_CLAIMS
constexpr std::array kHeaderAttributeFields{
    std::to_array<Field>({optional("attribute_name"), optional("header_name")})};
constexpr Fields kHeaderAttribute{kHeaderAttributeFields};
constexpr std::array kSamlFields{std::to_array<Field>(
    {optional("issuer_url"), optional("sso_target_url", Kind::Url),
     optional("idp_public_certs", Kind::Any), optional("attributes", Kind::Texts),
     optional("email_attribute_name"), nested(Kind::Objects, "header_attributes", kHeaderAttribute),
     optional("sign_request", Kind::Flag), optional("enable_encryption", Kind::Flag),
     optional("force_authn", Kind::Flag), optional("max_sso_url_length", Kind::Number)})};
constexpr std::array kProviders{std::to_array<ByType>({
    {"onetimepin", kRedirectFields},
    {"oidc", {}},
    {"azureAD", kAzureFields},
    {"saml", kSamlFields},
    {"centrify", kCentrifyFields},
    {"facebook", kOauthClientFields},
    {"github", kGithubFields},
    {"google-apps", kGoogleAppsFields},
    {"google", kGoogleFields},
    {"linkedin", kOauthClientFields},
    {"okta", kOktaFields},
    {"onelogin", kOneloginFields},
    {"pingone", kPingoneFields},
    {"yandex", kOauthClientFields},
    {"cloudflare", kCloudflareFields},
})};
constexpr auto kProviderTypes = types_of(kProviders);

constexpr std::array kWorkspaceOneFields{
    std::to_array<Field>({required("api_url", Kind::Url), required("auth_url", Kind::Url),
                          required("client_id"), required("client_secret", Kind::Secret)})};
constexpr std::array kCrowdstrikeFields{
    std::to_array<Field>({required("api_url", Kind::Url), required("client_id"),
                          required("client_secret", Kind::Secret), required("customer_id")})};
constexpr std::array kUptycsFields{
    std::to_array<Field>({required("api_url", Kind::Url), required("client_key", Kind::Secret),
                          required("client_secret", Kind::Secret), required("customer_id")})};
constexpr std::array kIntuneFields{std::to_array<Field>(
    {required("client_id"), required("client_secret", Kind::Secret), required("customer_id")})};
constexpr std::array kKolideFields{
    std::to_array<Field>({required("client_id"), required("client_secret", Kind::Secret)})};
constexpr std::array kTaniumServiceFields{std::to_array<Field>(
    {required("api_url", Kind::Url), required("client_secret", Kind::Secret),
     optional("access_client_id"), optional("access_client_secret", Kind::Secret)})};
constexpr std::array kSentineloneServiceFields{std::to_array<Field>(
    {required("api_url", Kind::Url), required("client_secret", Kind::Secret)})};
constexpr std::array kCustomServiceFields{
    std::to_array<Field>({required("api_url", Kind::Url), required("access_client_id"),
                          required("access_client_secret", Kind::Secret)})};
constexpr std::array kIntegrations{std::to_array<ByType>({
    {"tanium", {}},
    {"workspace_one", kWorkspaceOneFields},
    {"crowdstrike_s2s", kCrowdstrikeFields},
    {"uptycs", kUptycsFields},
    {"intune", kIntuneFields},
    {"kolide", kKolideFields},
    {"tanium_s2s", kTaniumServiceFields},
    {"sentinelone_s2s", kSentineloneServiceFields},
    {"custom_s2s", kCustomServiceFields},
})};
constexpr auto kIntegrationTypes = types_of(kIntegrations);

constexpr std::array kComparisons{std::to_array<std::string_view>({"<", "<=", ">", ">=", "=="})};
constexpr std::array kDesktops{std::to_array<std::string_view>({"windows", "linux", "mac"})};
constexpr std::array kMobiles{std::to_array<std::string_view>({"android", "ios", "chromeos"})};
constexpr std::array kWindows{std::to_array<std::string_view>({"windows"})};
constexpr std::array kFirewalled{std::to_array<std::string_view>({"windows", "mac"})};
constexpr std::array kKeyUsages{std::to_array<std::string_view>({"clientAuth", "emailProtection"})};
constexpr std::array kTrustStores{std::to_array<std::string_view>({"system", "user"})};
constexpr std::array kCompliances{
    std::to_array<std::string_view>({"compliant", "noncompliant", "unknown"})};
constexpr std::array kIntuneCompliances{std::to_array<std::string_view>(
    {"compliant", "noncompliant", "unknown", "notapplicable", "ingraceperiod", "error"})};
constexpr std::array kDeviceStates{
    std::to_array<std::string_view>({"online", "offline", "unknown"})};
constexpr std::array kAuthStates{
    std::to_array<std::string_view>({"Good", "Notified", "Will Block", "Blocked"})};
constexpr std::array kRiskLevels{
    std::to_array<std::string_view>({"low", "medium", "high", "critical"})};
constexpr std::array kNetworkStatuses{
    std::to_array<std::string_view>({"connected", "disconnected", "disconnecting", "connecting"})};
constexpr std::array kOperationalStates{std::to_array<std::string_view>(
    {"na", "partially_disabled", "auto_fully_disabled", "fully_disabled", "auto_partially_disabled",
     "disabled_error", "db_corruption"})};

constexpr std::array kFileInput{std::to_array<Field>(
    {required_one_of("operating_system", kDesktops), required("path"),
     optional("exists", Kind::Flag), optional("sha256"), optional("thumbprint")})};
constexpr std::array kProgramInput{
    std::to_array<Field>({required_one_of("operating_system", kDesktops), required("path"),
                          optional("sha256"), optional("thumbprint")})};
constexpr std::array kClientIdInput{
    std::to_array<Field>({required("id"), required_one_of("operating_system", kMobiles)})};
constexpr std::array kDomainInput{
    std::to_array<Field>({required_one_of("operating_system", kWindows), optional("domain")})};
constexpr std::array kVersionInput{std::to_array<Field>(
    {required_one_of("operating_system", kPlatforms), required_one_of("operator", kComparisons),
     required("version"), optional("os_distro_name"), optional("os_distro_revision"),
     optional("os_version_extra")})};
constexpr std::array kFirewallInput{std::to_array<Field>(
    {required("enabled", Kind::Flag), required_one_of("operating_system", kFirewalled)})};
constexpr std::array kSerialInput{std::to_array<Field>({required("id")})};
constexpr std::array kDiskInput{std::to_array<Field>(
    {optional("checkDisks", Kind::Texts), optional("requireAll", Kind::Flag)})};
constexpr std::array kCertificateInput{
    std::to_array<Field>({required("certificate_id"), required("cn")})};
constexpr std::array kLocationFields{
    std::to_array<Field>({optional("paths", Kind::Texts), some_of("trust_stores", kTrustStores)})};
constexpr Fields kLocation{kLocationFields};
constexpr std::array kCertificate2Input{std::to_array<Field>(
    {required("certificate_id"), required("check_private_key", Kind::Flag),
     required_one_of("operating_system", kDesktops), optional("cn"),
     some_of("extended_key_usage", kKeyUsages), nested(Kind::Object, "locations", kLocation),
     optional("subject_alternative_names", Kind::Texts)})};
constexpr std::array kAntivirusInput{
    std::to_array<Field>({optional("update_window_days", Kind::Number)})};
constexpr std::array kWorkspaceOneInput{std::to_array<Field>(
    {required("connection_id"), required_one_of("compliance_status", kCompliances)})};
constexpr std::array kIntuneInput{std::to_array<Field>(
    {required("connection_id"), required_one_of("compliance_status", kIntuneCompliances)})};
constexpr std::array kCrowdstrikeInput{
    std::to_array<Field>({required("connection_id"), one_of("operator", kComparisons),
                          optional("os"), optional("overall"), optional("sensor_config"),
                          optional("version"), one_of("versionOperator", kComparisons),
                          optional("last_seen"), one_of("state", kDeviceStates)})};
constexpr std::array kKolideInput{
    std::to_array<Field>({required("connection_id"), some_of("auth_state", kAuthStates),
                          one_of("countOperator", kComparisons), optional("issue_count")})};
constexpr std::array kTaniumServiceInput{std::to_array<Field>(
    {required("connection_id"), optional("eid_last_seen"), one_of("operator", kComparisons),
     one_of("risk_level", kRiskLevels), one_of("scoreOperator", kComparisons),
     optional("total_score", Kind::Number)})};
constexpr std::array kSentineloneServiceInput{std::to_array<Field>(
    {required("connection_id"), optional("active_threats", Kind::Number),
     optional("infected", Kind::Flag), optional("is_active", Kind::Flag),
     one_of("network_status", kNetworkStatuses), one_of("operational_state", kOperationalStates),
     one_of("operator", kComparisons)})};
constexpr std::array kCustomServiceInput{
    std::to_array<Field>({required("connection_id"), required_one_of("operator", kComparisons),
                          required("score", Kind::Number)})};
constexpr std::array kPostureRules{std::to_array<ByType>({
    {"file", kFileInput},
    {"application", kProgramInput},
    {"tanium", {}},
    {"gateway", {}},
    {"warp", {}},
    {"disk_encryption", kDiskInput},
    {"serial_number", kSerialInput},
    {"sentinelone", kProgramInput},
    {"carbonblack", kProgramInput},
    {"firewall", kFirewallInput},
    {"os_version", kVersionInput},
    {"domain_joined", kDomainInput},
    {"client_certificate", kCertificateInput},
    {"client_certificate_v2", kCertificate2Input},
    {"antivirus", kAntivirusInput},
    {"unique_client_id", kClientIdInput},
    {"kolide", kKolideInput},
    {"tanium_s2s", kTaniumServiceInput},
    {"crowdstrike_s2s", kCrowdstrikeInput},
    {"intune", kIntuneInput},
    {"workspace_one", kWorkspaceOneInput},
    {"sentinelone_s2s", kSentineloneServiceInput},
    {"custom_s2s", kCustomServiceInput},
})};
constexpr auto kPostureRuleTypes = types_of(kPostureRules);

// --- reading

class FieldReader {
 public:
  FieldReader(ObjectReader& reader, Problems& problems, json::object& into,
              model::ConfigSecrets* secrets, Secrets presence)
      : reader_(reader), problems_(problems), into_(into), secrets_(secrets), presence_(presence) {}

  void read(const Field& field) {
    const json::value* found = reader_.value(field.key);
    if (found == nullptr) {
      if (!field.required) return;
      if (field.kind == Kind::Secret && presence_ == Secrets::Omit) return;
      return reader_.problem(field.key, missing(field));
    }
    const std::size_t before = problems_.size();
    check(field, *found);
    if (problems_.size() == before && field.kind != Kind::Secret) into_[field.key] = *found;
  }

 private:
  static std::string missing(const Field& field) {
    if (field.kind == Kind::On) return advised("must be true", field);
    if (field.kind == Kind::Off) return advised("must be false", field);
    return "is required";
  }
  static std::string advised(std::string_view text, const Field& field) {
    return field.advice.empty() ? std::string(text) : fmt::format("{}: {}", text, field.advice);
  }

  void check(const Field& field, const json::value& value) {
    const std::string_view key = field.key;
    switch (field.kind) {
      case Kind::Text:
      case Kind::Url:
      case Kind::Color:
      case Kind::Image:
        return check_text(field);
      case Kind::Lines:
        return static_cast<void>(reader_.lines(key, kMaxKeptTextBytes));
      case Kind::Duration:
        if (const auto* text = value.if_string(); text != nullptr && text->empty()) return;
        return static_cast<void>(reader_.duration(key, field.least));
      case Kind::Flag:
        return static_cast<void>(reader_.boolean(key, false));
      case Kind::Off:
        if (reader_.boolean(key, false)) reader_.problem(key, advised("must be false", field));
        return;
      case Kind::On:
        // What is no flag has been reported, and counts as the fallback.
        if (!reader_.boolean(key, true)) reader_.problem(key, advised("must be true", field));
        return;
      case Kind::Number:
        return static_cast<void>(reader_.number(key));
      case Kind::Whole:
        return static_cast<void>(
            reader_.integer(key, 0, 0, std::numeric_limits<std::int32_t>::max()));
      case Kind::OneOf:
        return static_cast<void>(reader_.one_of(key, "", field.choices));
      case Kind::SomeOf:
      case Kind::Texts:
        return check_texts(field);
      case Kind::Empty:
        return check_empty(field, value);
      case Kind::Any:
        if (json::serialize(value).size() > kMaxKeptValueBytes) {
          reader_.problem(key, fmt::format("must have at most {} bytes", kMaxKeptValueBytes));
        }
        return;
      case Kind::Secret:
        if (const auto secret = reader_.text(key, ObjectReader::Numbers::Accept)) {
          if (secret->empty() && field.required) return reader_.problem(key, "must not be empty");
          if (!secret->empty()) (*secrets_)[std::string(key)] = Secret(*secret);
        }
        return;
      case Kind::Object:
        if (const json::object* object = reader_.object(key)) {
          check_nested(field, *object, Path(reader_.path(), key));
        }
        return;
      case Kind::Objects: {
        const Path list_path(reader_.path(), key);
        for_each_object(reader_.list(key), list_path, problems_,
                        [&](std::size_t, const json::object& object, const Path& path) {
                          check_nested(field, object, path);
                        });
        return;
      }
    }
  }

  void check_text(const Field& field) {
    const auto text = reader_.text(field.key);
    if (!text) return;
    if (text->empty() && field.required) return reader_.problem(field.key, "must not be empty");
    const std::size_t most =
        field.kind == Kind::Image ? model::kMaxImageAddressBytes : kMaxKeptTextBytes;
    if (text->size() > most) {
      reader_.problem(field.key, fmt::format("must have at most {} bytes", most));
    } else if (field.kind == Kind::Url && !text->empty()) {
      if (auto problem = url_problem(*text)) reader_.problem(field.key, *problem);
    } else if (field.kind == Kind::Color && !text->empty() && !model::parse_color(*text)) {
      reader_.problem(field.key, "must be a colour such as `#0b655f`");
    } else if (field.kind == Kind::Image && !text->empty() && !model::is_image_address(*text)) {
      reader_.problem(field.key,
                      "must be the https address of an image, or an image as "
                      "`data:image/png;base64,...` (jpeg, gif, webp and svg+xml as well)");
    }
  }

  void check_texts(const Field& field) {
    const Path path(reader_.path(), field.key);
    for (const auto& [index, text] : reader_.texts(field.key)) {
      if (text.size() > kMaxKeptTextBytes) {
        problems_.add(Path(path, index),
                      fmt::format("must have at most {} bytes", kMaxKeptTextBytes));
      } else if (field.kind == Kind::SomeOf && std::find(field.choices.begin(), field.choices.end(),
                                                         text) == field.choices.end()) {
        problems_.add(Path(path, index),
                      fmt::format("must be one of: {}", fmt::join(field.choices, ", ")));
      }
    }
  }

  void check_empty(const Field& field, const json::value& value) {
    const bool empty = (value.is_array() && value.get_array().empty()) ||
                       (value.is_object() && value.get_object().empty()) ||
                       (value.is_string() && value.get_string().empty());
    if (!empty) reader_.problem(field.key, advised("is not supported", field));
  }

  void check_nested(const Field& field, const json::object& object, const Path& path) {
    if (object.empty() && field.kind == Kind::Object) return;
    ObjectReader reader(object, path, problems_);
    json::object unused;  // the whole object is kept
    read_fields(reader, field.nested->all, problems_, unused, secrets_, presence_);
    reader.finish();
  }

  ObjectReader& reader_;
  Problems& problems_;
  json::object& into_;
  model::ConfigSecrets* secrets_;
  Secrets presence_;
};

}  // namespace

void read_fields(ObjectReader& reader, std::span<const Field> fields, Problems& problems,
                 json::object& into, model::ConfigSecrets* secrets, Secrets presence) {
  FieldReader field_reader(reader, problems, into, secrets, presence);
  for (const Field& field : fields) field_reader.read(field);
}

std::span<const Field> kept_organization_fields() { return kOrganizationFields; }
std::span<const Field> kept_provider_fields() { return kProviderFields; }
std::span<const Field> kept_integration_fields() { return kIntegrationFields; }
std::span<const Field> kept_posture_rule_fields() { return kPostureRuleFields; }
std::span<const Field> kept_list_fields() { return kListFields; }
std::span<const Field> kept_list_item_fields() { return kListItemFields; }
std::span<const Field> kept_group_fields() { return kGroupFields; }
std::span<const Field> kept_service_token_fields() { return kServiceTokenFields; }
std::span<const Field> kept_certificate_fields() { return kCertificateFields; }
std::span<const Field> kept_page_fields() { return kPageFields; }
std::span<const Field> kept_bookmark_fields() { return kBookmarkFields; }
std::span<const Field> kept_policy_fields() { return kPolicyFields; }
std::span<const Field> kept_launcher_fields() { return kLauncherFields; }
std::span<const Field> kept_application_fields() { return kApplicationFields; }
std::span<const Field> kept_destination_fields() { return kDestinationFields; }

std::span<const std::string_view> provider_types() { return kProviderTypes; }
std::span<const Field> provider_config_fields(std::string_view type) {
  return find(kProviders, type);
}
std::span<const std::string_view> integration_types() { return kIntegrationTypes; }
std::span<const Field> integration_config_fields(std::string_view type) {
  return find(kIntegrations, type);
}
std::span<const std::string_view> posture_rule_types() { return kPostureRuleTypes; }
std::span<const Field> posture_rule_input_fields(std::string_view type) {
  return find(kPostureRules, type);
}

bool has_secret(std::string_view type, std::string_view key) {
  if (type == "oidc") return key == "client_secret";
  for (const auto fields : {provider_config_fields(type), integration_config_fields(type)}) {
    for (const Field& field : fields) {
      if (field.key == key && field.kind == Kind::Secret) return true;
    }
  }
  return false;
}

}  // namespace gatehouse::policy
