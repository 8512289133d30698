// Fields that have no effect, and resources that are only kept: checked, written back as they were,
// never in a snapshot.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "base/time.h"
#include "jose/jwk.h"
#include "policy/authored.h"
#include "policy/edit_for_test.h"
#include "policy/fields.h"
#include "policy/snapshot_document.h"
#include "selectors/registry.h"

namespace gatehouse::policy {
namespace {

// With ids, so that what is written can be compared member by member.
constexpr std::string_view kDocument = R"json({
  "organization": {
    "auth_domain": "auth.example.com", "name": "Example",
    "strict_service_token_auth": true, "deny_unmatched_requests": true,
    "deny_unmatched_requests_exempted_zone_names": [], "auto_redirect_to_identity": true,
    "allow_authenticate_via_warp": false, "warp_auth_non_browser_401": false,
    "warp_auth_session_duration": "24h", "is_ui_read_only": true,
    "ui_read_only_toggle_reason": "inert-reason", "user_seat_expiration_inactive_time": "730h",
    "login_design": {"background_color": "#c5ed1b", "text_color": "#c5ed1b",
                     "logo_path": "https://example.com/logo.png", "header_text": "shown-header",
                     "footer_text": "shown-footer"},
    "mfa_config": {"session_duration": "24h"}, "mfa_required_for_all_apps": false,
    "mfa_piv_key_requirements": {"pin_policy": "always", "require_fips_device": true,
                                 "ssh_key_size": [256, 2048], "ssh_key_type": ["ecdsa"],
                                 "touch_policy": "always"},
    "service_token_inactivity": {"enabled": false, "inactivity_threshold_days": 30,
                                 "action": "disable"},
    "trusted_accounts": []},
  "identity_providers": [
    {"id": "10000000-0000-4000-8000-000000000001", "name": "Pin", "type": "onetimepin",
     "config": {"redirect_url": "https://auth.example.com/cdn-cgi/access/callback"}},
    {"id": "10000000-0000-4000-8000-000000000002", "name": "Entra", "type": "azureAD",
     "config": {"client_id": "abc", "client_secret": "hunter2", "directory_id": "tenant",
                "support_groups": true, "conditional_access_enabled": true, "prompt": "login",
                "claims": ["groups"], "email_claim_name": "mail"},
     "scim_config": {"enabled": false, "identity_update_behavior": "no_action",
                     "seat_deprovision": false, "user_deprovision": true}},
    {"id": "10000000-0000-4000-8000-000000000003", "name": "Saml", "type": "saml",
     "config": {"issuer_url": "urn:saml", "sso_target_url": "https://idp.example.com/sso",
                "idp_public_certs": ["MIIB"], "attributes": ["email"],
                "email_attribute_name": "email", "sign_request": true, "enable_encryption": false,
                "force_authn": true, "max_sso_url_length": 2000,
                "header_attributes": [{"attribute_name": "a", "header_name": "b"}]}},
    {"id": "10000000-0000-4000-8000-000000000004", "name": "Github", "type": "github",
     "config": {"client_id": "abc", "client_secret": "hunter2"}}],
  "device_posture_integrations": [
    {"id": "20000000-0000-4000-8000-000000000001", "name": "Tanium", "type": "tanium",
     "interval": "10m", "config": {"port": 17472}},
    {"id": "20000000-0000-4000-8000-000000000002", "name": "Intune", "type": "intune",
     "interval": "10m",
     "config": {"client_id": "abc", "client_secret": "hunter2", "customer_id": "tenant"}},
    {"id": "20000000-0000-4000-8000-000000000003", "name": "Custom", "type": "custom_s2s",
     "interval": "1m",
     "config": {"api_url": "https://posture.example.com/", "access_client_id": "id",
                "access_client_secret": "hunter2"}}],
  "device_posture_rules": [
    {"id": "30000000-0000-4000-8000-000000000001", "name": "Managed", "type": "tanium",
     "description": "inert-description", "schedule": "5m", "expiration": "2h",
     "match": [{"platform": "windows"}, {"platform": "mac"}],
     "input": {"connection_id": "20000000-0000-4000-8000-000000000001"}},
    {"id": "30000000-0000-4000-8000-000000000002", "name": "Compliant", "type": "intune",
     "input": {"connection_id": "20000000-0000-4000-8000-000000000002",
               "compliance_status": "compliant"}},
    {"id": "30000000-0000-4000-8000-000000000003", "name": "Version", "type": "os_version",
     "input": {"operating_system": "windows", "operator": ">=", "version": "10.0.1"}},
    {"id": "30000000-0000-4000-8000-000000000004", "name": "Gateway", "type": "gateway",
     "input": {}}],
  "lists": [
    {"id": "40000000-0000-4000-8000-000000000001", "name": "Board", "type": "EMAIL",
     "description": "inert-description",
     "items": [{"value": "alice@example.com", "description": "inert-alice",
                "created_at": "2026-01-01T00:00:00Z"}, {"value": "bob@example.com"}]}],
  "groups": [
    {"id": "50000000-0000-4000-8000-000000000001", "name": "Staff", "is_default": true,
     "include": [{"everyone": {}}], "exclude": [], "require": []}],
  "service_tokens": [
    {"id": "60000000-0000-4000-8000-000000000001", "name": "Robot",
     "client_id": "robot.access", "duration": "8760h", "expires_at": "2030-01-31T00:00:00Z",
     "client_secret_version": 3, "enabled": true,
     "client_secret_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
     "previous_client_secret_hash":
       "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
     "previous_client_secret_expires_at": "2026-12-01T00:00:00Z"},
    {"id": "60000000-0000-4000-8000-000000000002", "name": "Eternal", "duration": "forever",
     "client_secret_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}],
  "custom_pages": [
    {"id": "70000000-0000-4000-8000-000000000001", "name": "Refused", "type": "forbidden",
     "contract_version": 2, "custom_html": "<p>No"},
    {"id": "70000000-0000-4000-8000-000000000002", "name": "Welcome", "type": "login",
     "custom_html": "inert-page"}],
  "tags": [{"name": "engineering"}, {"name": "inert-tag"}],
  "bookmarks": [
    {"id": "80000000-0000-4000-8000-000000000001", "name": "Inert-bookmark",
     "domain": "https://example.com/start", "logo_url": "https://example.com/logo.png",
     "app_launcher_visible": false}],
  "policies": [
    {"id": "90000000-0000-4000-8000-000000000001", "name": "Everybody", "decision": "allow",
     "include": [{"everyone": {}}], "exclude": [], "require": [], "reusable": true,
     "approval_required": false, "approval_groups": [], "isolation_required": false,
     "connection_rules": {}, "mfa_config": {"mfa_disabled": true}}],
  "applications": [
    {"id": "a0000000-0000-4000-8000-000000000001", "name": "Wiki", "type": "self_hosted",
     "domain": "wiki.example.com", "self_hosted_domains": ["wiki.example.com"],
     "destinations": [{"type": "public", "uri": "wiki.example.com", "overrides": []}],
     "app_launcher_visible": true, "logo_url": "https://example.com/inert-logo.png",
     "tags": ["engineering", "inert-tag"], "allow_iframe": true,
     "allow_authenticate_via_warp": false, "eager_redirect_cookie_setting": true,
     "use_clientless_isolation_app_launcher_url": false,
     "custom_pages": ["70000000-0000-4000-8000-000000000001",
                      "70000000-0000-4000-8000-000000000002"],
     "scim_config": {"enabled": false, "idp_uid": "x", "remote_uri": "https://scim.example.com"},
     "oauth_configuration": {"enabled": false, "grant": {"session_duration": "1h"}},
     "mfa_config": {"mfa_disabled": true, "allowed_authenticators": ["totp"]},
     "policies": [
       {"id": "90000000-0000-4000-8000-000000000001", "precedence": 4},
       {"id": "90000000-0000-4000-8000-000000000002", "name": "Own", "decision": "allow",
        "precedence": 9, "include": [{"everyone": {}}], "exclude": [],
        "require": [{"device_posture":
                     {"integration_uid": "30000000-0000-4000-8000-000000000002"}}],
        "approval_required": false, "isolation_required": false}]},
    {"id": "a0000000-0000-4000-8000-000000000002", "type": "bookmark", "name": "Inert-link",
     "domain": "https://example.com/anything", "logo_url": "https://example.com/logo.png",
     "app_launcher_visible": true, "tags": ["engineering"], "policies": []},
    {"id": "a0000000-0000-4000-8000-000000000003", "domain": "wiki.example.com/plain",
     "policies": ["90000000-0000-4000-8000-000000000001"]}],
  "ingress": [{"hostname": "wiki.example.com", "service": "http://127.0.0.1:8080"}]
})json";

json::value document() {
  static const std::string kPem = jose::PrivateKey::generate_p256().public_key().to_spki_pem();
  json::value document = json::parse(kDocument).value();
  put(document, "/device_posture_integrations/0/config/public_certificate", json::value(kPem));
  put(document, "/mtls_certificates",
      json::parse(R"([{"id": "b0000000-0000-4000-8000-000000000001", "name": "Devices",
        "associated_hostnames": ["wiki.example.com"],
        "settings": [{"hostname": "wiki.example.com", "china_network": false,
                      "client_certificate_forwarding": true}]}])")
          .value());
  std::ifstream in(GATEHOUSE_TESTDATA "/authority.pem", std::ios::binary);
  std::string pem{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  while (pem.ends_with('\n')) pem.pop_back();
  put(document, "/mtls_certificates/0/certificate", json::value(pem));
  return document;
}

std::string problems_of(const json::value& document, Secrets secrets = Secrets::Include) {
  const auto resources = read_resources(document, selectors::registry(), secrets);
  std::string text;
  if (resources) return text;
  for (const Problem& problem : resources.error()) {
    if (!text.empty()) text += '\n';
    text += problem.pointer + ": " + problem.message;
  }
  return text;
}

model::Resources resources() {
  EXPECT_EQ(problems_of(document()), "");
  return read_resources(document(), selectors::registry()).value();
}

// What stands in `authored` stands in `written`; members may have been added.
void expect_within(const json::value& authored, const json::value& written,
                   const std::string& place) {
  if (const json::object* object = authored.if_object(); object && written.is_object()) {
    for (const auto& member : *object) {
      const json::value* there = json::find(written.get_object(), member.key());
      const std::string at = place + "/" + std::string(member.key());
      ASSERT_NE(there, nullptr) << at;
      expect_within(member.value(), *there, at);
    }
    return;
  }
  const json::array* array = authored.if_array();
  if (array != nullptr && written.is_array() && array->size() == written.get_array().size()) {
    for (std::size_t i = 0; i < array->size(); ++i) {
      expect_within((*array)[i], written.get_array()[i], place + "/" + std::to_string(i));
    }
    return;
  }
  EXPECT_EQ(authored, written) << place;
}

TEST(Kept, IsReadBackAsItWasWritten) {
  const json::object written = write_resources(resources(), Secrets::Include);
  expect_within(document(), written, "");
  const json::value again = json::parse(json::serialize(written)).value();
  ASSERT_EQ(problems_of(again), "");
  EXPECT_EQ(write_resources(read_resources(again, selectors::registry()).value(), Secrets::Include),
            written);
}

TEST(Kept, SecretsAreNeverShown) {
  const std::string text = json::serialize(write_resources(resources(), Secrets::Omit));
  EXPECT_FALSE(text.contains("hunter2"));
  EXPECT_TRUE(text.contains("\"directory_id\""));
  const model::Resources all = resources();
  EXPECT_EQ(model::secret_of(all.posture_integrations[2].secrets, "access_client_secret").reveal(),
            "hunter2");
  EXPECT_FALSE(all.posture_integrations[2].config.contains("access_client_secret"));
}

TEST(Kept, SecretsAreMissedOnlyWhereTheyBelong) {
  json::value without = document();
  take_away(without, "/device_posture_integrations/1/config/client_secret");
  EXPECT_EQ(problems_of(without, Secrets::Omit), "");
  EXPECT_EQ(problems_of(without),
            "/device_posture_integrations/1/config/client_secret: is required");
}

TEST(Kept, IsInNoSnapshot) {
  const json::object snapshot = make_snapshot_document(resources(), {});
  const std::string text = json::serialize(snapshot);
  for (const std::string_view inert :
       {"inert-", "Inert-", "hunter2", "precedence", "approval_required", "8760h", "duration\":\"f",
        "client_secret_version", "is_default", "mfa", "logo_url", "destinations", "schedule",
        "bookmark", "compliance_status", "os_version\",\"input", "china_network", "scim"}) {
    EXPECT_FALSE(text.contains(inert)) << inert;
  }
  ASSERT_EQ(snapshot.at("applications").as_array().size(), 2u);
  EXPECT_EQ(snapshot.at("applications").at(0).at("custom_pages"),
            (json::array{"70000000-0000-4000-8000-000000000001"}));
  EXPECT_TRUE(text.contains("previous_client_secret_hash"));
}

TEST(Kept, TheSnapshotAsksNobodyForEvidenceThatCannotCome) {
  PublicationContext context;
  context.issuer = "https://auth.example.com";
  json::object jwk = jose::PrivateKey::generate_rsa().public_key().to_jwk();
  jwk["kid"] = "k1";
  jwk["alg"] = "RS256";
  context.jwks = {jwk};
  const json::value written = make_snapshot_document(resources(), context);
  const auto snapshot = compile_snapshot(written, selectors::registry());
  ASSERT_TRUE(snapshot) << snapshot.error().front().pointer << snapshot.error().front().message;
  const auto* wiki = (*snapshot)->find_application("wiki.example.com", "/");
  ASSERT_NE(wiki, nullptr);
  EXPECT_TRUE(wiki->posture_integrations.empty());
  EXPECT_EQ((*snapshot)->posture_rule(1).type, "intune");
  EXPECT_EQ((*snapshot)->posture_rule(1).integration_id, "");
  const auto* token = (*snapshot)->service_token_by_client_id("robot.access");
  ASSERT_NE(token, nullptr);
  EXPECT_EQ(token->previous_secret_sha256.size(), 32u);
  EXPECT_EQ(format_rfc3339(token->previous_expires_at), "2026-12-01T00:00:00Z");
}

TEST(Kept, ANameThatIsLeftOutIsTheDomain) {
  EXPECT_EQ(resources().applications.at(2).name, "wiki.example.com/plain");
  json::value document = policy::document();
  put(document, "/applications/2",
      json::parse(R"({"self_hosted_domains": ["Wiki.example.com/Other/"]})").value());
  ASSERT_EQ(problems_of(document), "");
  EXPECT_EQ(read_resources(document, selectors::registry())->applications.at(2).name,
            "wiki.example.com/Other");
  put(document, "/applications/2",
      json::parse(R"({"destinations": [{"type": "public", "uri": "wiki.example.com/x"}]})")
          .value());
  ASSERT_EQ(problems_of(document), "");
  EXPECT_EQ(read_resources(document, selectors::registry())->applications.at(2).name,
            "wiki.example.com/x");
}

TEST(Kept, ABookmarkHasNoDomains) {
  const model::Resources all = resources();
  const model::Application& link = all.applications.at(1);
  EXPECT_EQ(link.type, model::ApplicationType::Bookmark);
  EXPECT_TRUE(link.domains.empty());
  EXPECT_EQ(link.kept.at("domain"), "https://example.com/anything");
}

struct Case {
  std::string_view name;
  std::string pointer;
  std::string value;
  std::string expected;  // after the pointer, when it begins with a colon
};

TEST(Kept, Problems) {
  const std::string mfa =
      "the identity provider asks for second factors; require `auth_method` or `auth_context`";
  const std::string approval = "nobody is asked for approval at sign-in";
  const std::string client = "there is no device client";
  const std::string scim = "people and groups come from the identity provider at every sign-in";
  const std::string organization = "/organization/";
  const std::string wiki = "/applications/0/";
  const std::string own = "/applications/0/policies/1/";
  const std::string rules = "/device_posture_rules/";
  const std::string integrations = "/device_posture_integrations/";
  const std::string token = "/service_tokens/0/";
  const Case cases[] = {
      // The organization.
      {"unmatched requests", organization + "deny_unmatched_requests", "false",
       ": must be true: it is always on"},
      {"not strict", organization + "strict_service_token_auth", "false",
       ": must be true: it is always on"},
      {"exempted zones", organization + "deny_unmatched_requests_exempted_zone_names", R"(["x"])",
       ": is not supported: a host without an application is always refused"},
      {"device client", organization + "allow_authenticate_via_warp", "true",
       ": must be false: " + client},
      {"second factors for all", organization + "mfa_required_for_all_apps", "true",
       ": must be false: " + mfa},
      {"second factors", organization + "mfa_config/allowed_authenticators", R"(["totp"])",
       ": is not supported: " + mfa},
      {"shortest seat", organization + "user_seat_expiration_inactive_time", R"("729h")",
       ": must be at least `730h`"},
      {"inactive tokens", organization + "service_token_inactivity/enabled", "true",
       ": must be false: unused service tokens stay; give them a `duration`"},
      {"misspelt design", organization + "login_design/header", R"("x")",
       ": is not a known key; known: background_color, footer_text, header_text, logo_path, "
       "text_color"},
      {"long design", organization + "login_design/header_text",
       "\"" + std::string(2049, 'x') + "\"", ": must have at most 2048 bytes"},
      {"longest design", organization + "login_design/header_text",
       "\"" + std::string(2048, 'x') + "\"", ""},
      {"design is text", organization + "login_design", R"("x")", ": must be an object"},
      {"no design", organization + "login_design", "null", ""},
      // Identity providers.
      {"scim", "/identity_providers/1/scim_config/enabled", "true", ": must be false: " + scim},
      {"scim secret", "/identity_providers/1/scim_config/secret", R"("x")",
       ": is not supported: " + scim},
      {"prompt", "/identity_providers/1/config/prompt", R"("consent")",
       ": must be one of: login, select_account, none"},
      {"field of another type", "/identity_providers/3/config/directory_id", R"("x")",
       ": is not a known key; known: api_url, client_id, client_secret, login_url"},
      {"claims", "/identity_providers/1/config/claims", R"(["a", 1])",
       "/1: must be a line of text"},
      {"sso url", "/identity_providers/2/config/sso_target_url", R"("javascript:x")",
       ": must be a URL such as `https://login.example.com/path`"},
      // Posture.
      {"no interval", integrations + "1/interval", "null", ": is required"},
      {"none for ours", integrations + "0/interval", "null", ""},
      {"short interval", integrations + "1/interval", R"("59s")", ": must be at least `1m`"},
      {"no customer", integrations + "1/config/customer_id", "null", ": is required"},
      {"empty secret", integrations + "1/config/client_secret", R"("")", ": must not be empty"},
      {"rule type", rules + "2/type", R"("os")",
       ": must be one of: file, application, tanium, gateway, warp, disk_encryption, "
       "serial_number, sentinelone, carbonblack, firewall, os_version, domain_joined, "
       "client_certificate, client_certificate_v2, antivirus, unique_client_id, kolide, "
       "tanium_s2s, crowdstrike_s2s, intune, workspace_one, sentinelone_s2s, custom_s2s"},
      {"no version", rules + "2/input/version", "null", ": is required"},
      {"operator", rules + "2/input/operator", R"("=>")", ": must be one of: <, <=, >, >=, =="},
      {"platform", rules + "0/match/0/platform", R"("beos")",
       ": must be one of: windows, mac, linux, android, ios, chromeos"},
      {"short schedule", rules + "0/schedule", R"("59s")", ": must be at least `1m`"},
      {"no schedule", rules + "0/schedule", R"("")", ""},
      {"other integration", rules + "1/input/connection_id",
       R"("20000000-0000-4000-8000-000000000001")",
       ": `20000000-0000-4000-8000-000000000001` is an integration of type `tanium`; this rule "
       "needs one of its own type"},
      {"ours by another", rules + "0/input/connection_id", R"("Intune")",
       ": `Intune` is an integration of type `intune`; this rule needs one of its own type"},
      {"no integration", rules + "1/input/connection_id", R"("Intun")",
       ": there is no device posture integration `Intun`; did you mean `Intune`?"},
      {"last seen", rules + "0/input/eid_last_seen", R"("7d")",
       ": is not supported: write `max_checkin_age`"},
      {"score", rules + "0/input/total_score", "5",
       ": is not supported: write `vulnerability_score`"},
      {"something for the gateway", rules + "3/input/x", "1", ": is not a known key"},
      // Lists, groups, pages, tags, bookmarks.
      {"description of a list", "/lists/0/description", "1", ": must be text"},
      {"default group", "/groups/0/is_default", "[]", ": must be true or false"},
      {"contract", "/custom_pages/0/contract_version", "-1",
       ": must be a whole number from 0 to 2147483647"},
      {"settings", "/mtls_certificates/0/settings/0/hostname", "null", ": is required"},
      {"same tag", "/tags/1/name", R"("engineering")",
       ": `engineering` is already the name of another tag\n"
       "/applications/0/tags/1: there is no tag `inert-tag`; known: engineering"},
      {"no tag", "/tags/0/name", R"("")",
       ": must not be empty\n"
       "/applications/0/tags/0: there is no tag `engineering`; known: inert-tag\n"
       "/applications/1/tags/0: there is no tag `engineering`; known: inert-tag"},
      {"tag with an id", "/tags/0/id", R"("x")", ": is not a known key; known: name"},
      {"misspelt tag", wiki + "tags/0", R"("enginering")",
       ": there is no tag `enginering`; did you mean `engineering`?"},
      {"bookmark logo", "/bookmarks/0/logo_url", R"("logo.png")",
       ": must be a URL such as `https://login.example.com/path`"},
      // Applications.
      {"device client for one", wiki + "allow_authenticate_via_warp", "true",
       ": must be false: " + client},
      {"isolated launcher", wiki + "use_clientless_isolation_app_launcher_url", "true",
       ": must be false: there is no remote browser"},
      {"scim on", wiki + "scim_config/enabled", "true", ": must be false: " + scim},
      {"scim not said to be off", wiki + "scim_config/enabled", "null", ": must be false: " + scim},
      {"scim credentials", wiki + "scim_config/authentication", R"({"scheme": "httpbasic"})",
       ": is not supported: " + scim},
      {"empty scim", wiki + "scim_config", "{}", ""},
      {"oauth", wiki + "oauth_configuration/enabled", "true",
       ": must be false: the gateway registers no OAuth clients; machines use service tokens"},
      {"second factors of one", wiki + "mfa_config/mfa_disabled", "false",
       ": must be true: " + mfa},
      {"override", wiki + "destinations/0/overrides",
       R"([{"behavior": "public", "path_pattern": "/x"}])",
       ": is not supported: make an application of its own for such a path"},
      {"bookmark with a session", "/applications/1/session_duration", R"("1h")",
       ": is not a known key; known: app_launcher_visible, aud, domain, id, logo_url, name, "
       "policies, tags, type"},
      // Policies.
      {"approval", own + "approval_required", "true", ": must be false: " + approval},
      {"approvers", own + "approval_groups", R"([{"approvals_needed": 1}])",
       ": is not supported: " + approval},
      {"isolation", own + "isolation_required", "true",
       ": must be false: there is no remote browser"},
      {"clipboard", own + "connection_rules", R"({"rdp": {}})",
       ": is not supported: only web applications are protected"},
      {"second factors of a policy", own + "mfa_config", R"({"allowed_authenticators": ["totp"]})",
       "/mfa_disabled: must be true: " + mfa},
      {"no second factors", own + "mfa_config", "null", ""},
      {"reusable", own + "reusable", "true",
       ": must be false: a reusable policy stands in `policies` of the whole file; name it here"},
      {"not reusable", own + "reusable", "false", ""},
      {"link with an account", wiki + "policies/0/account_id", R"("x")", ""},
      // Service tokens.
      {"duration without an end", token + "expires_at", "null",
       ": is required beside a `duration`, which says for how long a refresh extends it"},
      {"forever and an end", token + "duration", R"("forever")",
       ": must not be `forever` beside an `expires_at`"},
      {"duration in years", token + "duration", R"("1y")",
       ": must be a duration such as `24h` or `1h30m`, at most ten years"},
      {"previous secret without an end", token + "previous_client_secret_expires_at", "null",
       ": is required beside `previous_client_secret_hash`"},
      {"end without a previous secret", token + "previous_client_secret_hash", "null", ""},
      {"previous secret itself", token + "previous_client_secret_hash", R"("hunter2")",
       ": must be the SHA-256 of the secret as 64 hex characters"},
      {"version", token + "client_secret_version", R"("2")",
       ": must be a whole number from 0 to 2147483647"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    json::value changed = document();
    put(changed, c.pointer, json::parse(c.value).value());
    EXPECT_EQ(problems_of(changed), c.expected.empty() ? "" : c.pointer + c.expected);
  }
}

// Every type that is kept asks for what the API asks for.
TEST(Kept, TypesNeedTheirFields) {
  for (const std::string_view type : integration_types()) {
    SCOPED_TRACE(type);
    if (type == "tanium") continue;
    json::value changed = document();
    put(changed, "/device_posture_integrations/3",
        json::object{{"name", "New"}, {"type", type}, {"interval", "1h"}});
    EXPECT_TRUE(problems_of(changed).contains("client_secret: is required"));
    json::object config;
    for (const Field& field : integration_config_fields(type)) {
      config[field.key] = field.kind == Field::Kind::Url ? "https://a.example" : "x";
    }
    put(changed, "/device_posture_integrations/3/config", config);
    EXPECT_EQ(problems_of(changed), "");
  }
  for (const std::string_view type : provider_types()) {
    SCOPED_TRACE(type);
    if (type == "onetimepin" || type == "oidc") continue;
    json::value changed = document();
    put(changed, "/identity_providers/4",
        json::object{{"name", "New"}, {"type", type}, {"config", json::object{}}});
    EXPECT_EQ(problems_of(changed), "");
    put(changed, "/identity_providers/4/config/clientid", "x");
    EXPECT_TRUE(problems_of(changed).contains("/identity_providers/4/config/clientid: is not a"));
  }
  for (const std::string_view type : posture_rule_types()) {
    SCOPED_TRACE(type);
    json::value changed = document();
    put(changed, "/device_posture_rules/4",
        json::object{{"name", "New"}, {"type", type}, {"input", json::object{}}});
    bool needs = type == "tanium";
    for (const Field& field : posture_rule_input_fields(type)) needs = needs || field.required;
    EXPECT_EQ(problems_of(changed).contains(": is required"), needs);
  }
}

TEST(Kept, SecretsAreKnownByTheirKeys) {
  const auto check = [](std::span<const Field> fields) {
    for (const Field& field : fields) {
      const bool listed =
          std::ranges::find(kSecretConfigKeys, field.key) != std::ranges::end(kSecretConfigKeys);
      EXPECT_EQ(field.kind == Field::Kind::Secret, listed) << field.key;
    }
  };
  for (const std::string_view type : provider_types()) check(provider_config_fields(type));
  for (const std::string_view type : integration_types()) check(integration_config_fields(type));
}

// The reference page names every field and every type that is kept.
TEST(Kept, IsDocumented) {
  std::ifstream in(GATEHOUSE_TESTDATA "/../../../docs/reference/configuration.md");
  const std::string page{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  ASSERT_FALSE(page.empty());
  const auto expect_word = [&](std::string_view word) {
    EXPECT_TRUE(page.contains("`" + std::string(word) + "`") ||
                page.contains("." + std::string(word) + "`"))
        << word;
  };
  for (const auto fields :
       {kept_organization_fields(), kept_provider_fields(), kept_integration_fields(),
        kept_posture_rule_fields(), kept_list_fields(), kept_list_item_fields(),
        kept_group_fields(), kept_service_token_fields(), kept_certificate_fields(),
        kept_page_fields(), kept_bookmark_fields(), kept_policy_fields(), kept_launcher_fields(),
        kept_application_fields(), kept_destination_fields()}) {
    for (const Field& field : fields) expect_word(field.key);
  }
  for (const std::string_view type : provider_types()) {
    expect_word(type);
    for (const Field& field : provider_config_fields(type)) expect_word(field.key);
  }
  for (const std::string_view type : integration_types()) {
    expect_word(type);
    for (const Field& field : integration_config_fields(type)) expect_word(field.key);
  }
  for (const std::string_view type : posture_rule_types()) {
    expect_word(type);
    for (const Field& field : posture_rule_input_fields(type)) expect_word(field.key);
  }
}

}  // namespace
}  // namespace gatehouse::policy
