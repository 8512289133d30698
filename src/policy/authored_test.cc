#include "policy/authored.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "base/encoding.h"
#include "crypto/digest.h"
#include "jose/jwk.h"
#include "model/limits.h"
#include "policy/edit_for_test.h"
#include "selectors/registry.h"

namespace gatehouse::policy {
namespace {

const std::string& public_key_pem() {
  static const std::string kPem = jose::PrivateKey::generate_p256().public_key().to_spki_pem();
  return kPem;
}

constexpr std::string_view kBase = R"json({
  "organization": {"name": "Example", "auth_domain": "Auth.example.com"},
  "identity_providers": [
    {"name": "Pin", "type": "onetimepin"},
    {"name": "Corporate", "type": "oidc",
     "config": {"issuer": "https://login.example.com", "client_id": "gatehouse",
                "client_secret": "hunter2", "scopes": ["openid", "email"]}}
  ],
  "device_posture_integrations": [
    {"name": "Tanium", "type": "tanium", "config": {"token": {"max_age": "30s"}}}
  ],
  "device_posture_rules": [
    {"name": "Managed", "type": "tanium", "input": {"connection_id": "Tanium"}}
  ],
  "groups": [
    {"name": "Everybody", "include": [{"group": {"id": "Staff"}}]},
    {"name": "Staff", "include": [{"email_domain": {"domain": "example.com"}}],
     "require": [{"login_method": {"id": "Corporate"}}]}
  ],
  "service_tokens": [
    {"name": "Robot", "client_secret_hash":
     "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08",
     "expires_at": "2030-01-31T02:00:00+02:00"}
  ],
  "applications": [
    {"name": "Wiki", "domain": "wiki.example.com", "allowed_idps": ["Corporate"],
     "policies": [
       {"name": "Staff", "decision": "allow", "session_duration": "90m",
        "include": [{"group": {"id": "Everybody"}}],
        "exclude": [{"email": {"email": "mallory@example.com"}}],
        "require": [{"device_posture": {"integration_uid": "Managed"}}]},
       {"name": "Robots", "decision": "service_auth",
        "include": [{"service_token": {"token_id": "Robot"}}]}]},
    {"name": "Wiki admin", "domain": "wiki.example.com/admin",
     "policies": [{"name": "Staff", "decision": "block",
                   "include": [{"everyone": {}}]}]}
  ],
  "ingress": [
    {"hostname": "wiki.example.com", "service": "http://127.0.0.1:8080",
     "originRequest": {"connectTimeout": "5s"}},
    {"service": "http_status:404"}
  ]
})json";

json::value base_document() {
  json::value document = json::parse(kBase).value();
  put(document, "/device_posture_integrations/0/config/public_certificate",
      json::value(public_key_pem()));
  return document;
}

std::string read_problems(const json::value& document) {
  const auto resources = read_resources(document, selectors::registry());
  std::string text;
  if (resources) return text;
  for (const Problem& problem : resources.error()) {
    if (!text.empty()) text += '\n';
    text += problem.pointer + ": " + problem.message;
  }
  return text;
}

model::Resources base_resources() {
  const json::value document = base_document();
  EXPECT_EQ(read_problems(document), "");
  return read_resources(document, selectors::registry()).value();
}

TEST(Authored, ReadsEverything) {
  const model::Resources resources = base_resources();
  EXPECT_EQ(resources.organization.auth_domain, "auth.example.com");
  EXPECT_EQ(resources.organization.session_duration, std::chrono::hours(24));
  EXPECT_EQ(resources.organization.node_state_max_age, std::chrono::hours(24));

  ASSERT_EQ(resources.identity_providers.size(), 2u);
  const model::IdentityProvider& provider = resources.identity_providers[1];
  EXPECT_EQ(provider.id, uuid_v5("identity_provider", "Corporate"));
  EXPECT_EQ(model::secret_of(provider.secrets, "client_secret").reveal(), "hunter2");
  EXPECT_FALSE(provider.config.contains("client_secret"));
  EXPECT_EQ(provider.config.at("issuer"), "https://login.example.com");

  const model::PostureIntegration& integration = resources.posture_integrations.at(0);
  EXPECT_EQ(integration.config.at("port"), 17472);
  EXPECT_EQ(integration.config.at("token"), (json::object{{"max_age", "30s"}}));

  const model::PostureRule& rule = resources.posture_rules.at(0);
  EXPECT_EQ(rule.expiration, std::chrono::hours(1));
  EXPECT_EQ(rule.input, (json::object{{"connection_id", integration.id},
                                      {"managed", true},
                                      {"max_checkin_age", "168h"}}));

  const model::Group& everybody = resources.groups.at(0);
  const model::Group& staff = resources.groups.at(1);
  EXPECT_EQ(everybody.include.at(0).value, (json::object{{"id", staff.id}}));
  EXPECT_EQ(staff.require.at(0).value, (json::object{{"id", provider.id}}));

  const model::ServiceToken& token = resources.service_tokens.at(0);
  std::string client_id = token.id + ".access";
  std::erase(client_id, '-');
  EXPECT_EQ(token.client_id, client_id);
  EXPECT_EQ(token.client_secret_hash, hex_encode(crypto::sha256("test")));
  EXPECT_EQ(format_rfc3339(*token.expires_at), "2030-01-31T00:00:00Z");
  EXPECT_TRUE(token.enabled);

  const model::Application& wiki = resources.applications.at(0);
  EXPECT_EQ(wiki.id, uuid_v5("application", "Wiki"));
  EXPECT_EQ(wiki.audience, hex_encode(crypto::sha256("aud:" + wiki.id)));
  EXPECT_EQ(wiki.domains, std::vector<std::string>{"wiki.example.com"});
  EXPECT_EQ(wiki.allowed_idps, std::vector<std::string>{provider.id});
  ASSERT_EQ(wiki.policies.size(), 2u);
  EXPECT_EQ(wiki.policies[0].action, model::Action::Allow);
  EXPECT_EQ(wiki.policies[0].session_duration, std::chrono::minutes(90));
  EXPECT_EQ(wiki.policies[0].require.at(0).value, (json::object{{"integration_uid", rule.id}}));
  EXPECT_EQ(wiki.policies[1].action, model::Action::ServiceAuth);
  EXPECT_EQ(wiki.policies[1].include.at(0).value, (json::object{{"token_id", token.id}}));

  const model::Application& admin = resources.applications.at(1);
  EXPECT_EQ(admin.policies.at(0).action, model::Action::Block);
  // The same name in another application is another policy.
  EXPECT_NE(admin.policies[0].id, wiki.policies[0].id);

  ASSERT_EQ(resources.ingress.size(), 2u);
  EXPECT_EQ(resources.ingress[0].origin_request, (json::object{{"connectTimeout", "5s"}}));
  EXPECT_EQ(resources.ingress[1].hostname, "");
}

TEST(Authored, RoundTrip) {
  const model::Resources resources = base_resources();
  const json::object written = write_resources(resources, Secrets::Include);
  EXPECT_EQ(written.at("identity_providers").at(1).at("config").at("client_secret"), "hunter2");
  const auto again = read_resources(written, selectors::registry());
  ASSERT_TRUE(again) << read_problems(written);
  EXPECT_EQ(write_resources(*again, Secrets::Include), written);
  EXPECT_EQ(model::secret_of(again->identity_providers[1].secrets, "client_secret").reveal(),
            "hunter2");

  const json::object without = write_resources(resources, Secrets::Omit);
  EXPECT_EQ(json::serialize(without).find("hunter2"), std::string::npos);
  const auto stored = read_resources(without, selectors::registry());
  ASSERT_TRUE(stored) << read_problems(without);
  EXPECT_TRUE(stored->identity_providers[1].secrets.empty());
}

TEST(Authored, AllWaysOfNamingDomainsAreOneList) {
  json::value document = base_document();
  put(document, "/applications/0/self_hosted_domains",
      json::array{"wiki.example.com", "WIKI.example.com/docs/"});
  put(document, "/applications/0/destinations",
      json::parse(R"([{"type": "public", "uri": "wiki.example.com/api"}])").value());
  ASSERT_EQ(read_problems(document), "");
  const auto resources = read_resources(document, selectors::registry());
  EXPECT_EQ(resources->applications[0].domains,
            (std::vector<std::string>{"wiki.example.com", "wiki.example.com/docs",
                                      "wiki.example.com/api"}));
}

TEST(Authored, IdsStandWhereNamesDo) {
  json::value document = base_document();
  const std::string id = "0AB51C1C-1111-4222-8333-444455556666";
  put(document, "/device_posture_integrations/0/id", json::value(id));
  put(document, "/device_posture_rules/0/input/connection_id", json::value(id));
  ASSERT_EQ(read_problems(document), "");
  const auto resources = read_resources(document, selectors::registry());
  EXPECT_EQ(resources->posture_integrations[0].id, ascii_lower(id));
  EXPECT_EQ(resources->posture_rules[0].input.at("connection_id"), json::value(ascii_lower(id)));
}

// A change to the base document (`value` empty: the member is erased) and what is said about it.
struct Case {
  std::string_view name;
  std::string pointer;
  std::string value;
  std::string expected;
};

void apply(const Case& c, json::value& document) {
  if (c.value.empty()) {
    take_away(document, c.pointer);
  } else {
    put(document, c.pointer, json::parse(c.value).value());
  }
}

void check(std::span<const Case> cases) {
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    json::value document = base_document();
    apply(c, document);
    EXPECT_EQ(read_problems(document), c.expected);
  }
}

std::string escaped(std::string_view text) { return json::serialize(json::value(text)); }

TEST(Authored, OrganizationProblems) {
  const Case cases[] = {
      {"absent", "/organization", "", "/organization: is required"},
      {"not an object", "/organization", "[]", "/organization: must be an object"},
      {"no auth domain", "/organization/auth_domain", "", "/organization/auth_domain: is required"},
      {"auth domain with a port", "/organization/auth_domain", "\"auth.example.com:8443\"",
       "/organization/auth_domain: must not have a port"},
      {"auth domain wildcard", "/organization/auth_domain", "\"*.example.com\"",
       "/organization/auth_domain: must not be a wildcard"},
      {"session without unit", "/organization/session_duration", "\"24\"",
       "/organization/session_duration: must be a duration such as `24h` or `1h30m`, at most ten "
       "years"},
      {"session as a number", "/organization/session_duration", "24",
       "/organization/session_duration: must be a duration such as `24h` or `1h30m`, at most ten "
       "years"},
      {"session of nothing", "/organization/session_duration", "\"0s\"",
       "/organization/session_duration: must be at least `1s`"},
      {"shortest session", "/organization/session_duration", "\"1s\"", ""},
      {"fraction of a second", "/organization/session_duration", "\"1500ms\"",
       "/organization/session_duration: must be a whole number of seconds"},
      {"state age too short", "/organization/node_state_max_age", "\"14s\"",
       "/organization/node_state_max_age: must be at least `15s`"},
      {"shortest state age", "/organization/node_state_max_age", "\"15s\"", ""},
      {"misspelt key", "/organization/auth_domian", "\"a.example.com\"",
       "/organization/auth_domian: is not a known key; did you mean `auth_domain`?"},
      {"name as a number", "/organization/name", "2024", ""},
      {"name as a truth value", "/organization/name", "true",
       "/organization/name: must be text: put it in quotes"},
      {"name with a line break", "/organization/name", "\"a\\nb\"",
       "/organization/name: must not contain control characters or line breaks"},
  };
  check(cases);
}

TEST(Authored, NamesAndIds) {
  const Case cases[] = {
      {"no name", "/groups/1/name", "null",
       "/groups/1/name: is required\n"
       "/groups/0/include/0/group/id: there is no group `Staff`; known: Everybody"},
      {"empty name", "/service_tokens/0/name", "\"\"",
       "/service_tokens/0/name: must not be empty\n"
       "/applications/0/policies/1/include/0/service_token/token_id: there is no service token "
       "`Robot`"},
      {"name like an id", "/applications/1/name", "\"0ab51c1c-1111-4222-8333-444455556666\"",
       "/applications/1/name: must not look like an id"},
      {"long name", "/applications/1/name", "\"" + std::string(256, 'x') + "\"",
       "/applications/1/name: must have at most 255 bytes"},
      {"longest name", "/applications/1/name", "\"" + std::string(255, 'x') + "\"", ""},
      {"same name", "/applications/1/name", "\"Wiki\"",
       "/applications/1/name: `Wiki` is already the name of another application"},
      {"same policy name", "/applications/0/policies/1/name", "\"Staff\"",
       "/applications/0/policies/1/name: `Staff` is already the name of another policy of this "
       "application"},
      {"bad id", "/applications/1/id", "\"wiki\"",
       "/applications/1/id: must be a UUID; left out, it is derived from the name"},
      {"same id", "/applications/1/id", "\"" + uuid_v5("application", "Wiki") + "\"",
       "/applications/1/id: `" + uuid_v5("application", "Wiki") +
           "` is already the id of another application"},
      {"id that a later name gives", "/applications/0/id",
       "\"" + uuid_v5("application", "Wiki admin") + "\"",
       "/applications/1/id: `" + uuid_v5("application", "Wiki admin") +
           "` is already the id of another application"},
      {"not a list", "/groups", "{}",
       "/groups: must be a list\n"
       "/applications/0/policies/0/include/0/group/id: there is no group `Everybody`"},
      {"not an object", "/groups/0", "\"Staff\"",
       "/groups/0: must be an object\n"
       "/applications/0/policies/0/include/0/group/id: there is no group `Everybody`; known: "
       "Staff"},
  };
  check(cases);
}

TEST(Authored, ProviderProblems) {
  const Case cases[] = {
      {"no type", "/identity_providers/1/type", "", "/identity_providers/1/type: is required"},
      {"other type", "/identity_providers/1/type", "\"OIDC\"",
       "/identity_providers/1/type: must be one of: onetimepin, oidc, azureAD, saml, centrify, "
       "facebook, github, google-apps, google, linkedin, okta, onelogin, pingone, yandex, "
       "cloudflare"},
      {"second pin", "/identity_providers/2", R"({"name": "Pin 2", "type": "onetimepin"})",
       "/identity_providers/2/type: is already used: one `onetimepin` is enough"},
      {"pin with configuration", "/identity_providers/0/config", R"({"client_id": "x"})",
       "/identity_providers/0/config/client_id: is not a known key; known: redirect_url"},
      {"no config", "/identity_providers/1/config", "",
       "/identity_providers/1/config/issuer: is required: ID tokens count only from an issuer "
       "that is known beforehand; write the one that the provider states (the Access API has no "
       "such field)\n"
       "/identity_providers/1/config/client_id: is required"},
      {"empty client id", "/identity_providers/1/config/client_id", "\"\"",
       "/identity_providers/1/config/client_id: must not be empty"},
      {"client id of digits", "/identity_providers/1/config/client_id", "123", ""},
      {"issuer is no URL", "/identity_providers/1/config/issuer", "\"login.example.com\"",
       "/identity_providers/1/config/issuer: must be a URL such as "
       "`https://login.example.com/path`"},
      {"issuer with a query", "/identity_providers/1/config/issuer", "\"https://a.example?x\"",
       "/identity_providers/1/config/issuer: must not have a query"},
      {"token url is no URL", "/identity_providers/1/config/token_url", "\"ftp://a.example\"",
       "/identity_providers/1/config/token_url: must be a URL such as "
       "`https://login.example.com/path`"},
      {"secret is a list", "/identity_providers/1/config/client_secret", "[\"hunter2\"]",
       "/identity_providers/1/config/client_secret: must be text"},
  };
  check(cases);
}

TEST(Authored, PostureProblems) {
  const jose::PrivateKey key = jose::PrivateKey::generate_p256();
  const std::string certificate =
      key.self_signed_certificate("tanium", std::string(16, '\1'), from_epoch_seconds(1700000000),
                                  from_epoch_seconds(1900000000));
  const std::string not_pem =
      "is not PEM: it must be `-----BEGIN CERTIFICATE-----` or `-----BEGIN PUBLIC KEY-----` with "
      "all lines up to the END line";
  const std::string at = "/device_posture_integrations/0/config/public_certificate";
  const Case cases[] = {
      {"certificate", at, escaped(certificate), ""},
      {"two in one text", at, escaped(certificate + public_key_pem()), ""},
      {"two in a list", at, "[" + escaped(certificate) + "," + escaped(public_key_pem()) + "]", ""},
      {"no certificate", at, "", at + ": is required"},
      {"empty list", at, "[]", at + ": must not be empty"},
      {"not text", at, "{}", at + ": must be text"},
      {"not PEM", at, "\"MIIB\"", at + ": " + not_pem},
      {"broken PEM", at, escaped(certificate.substr(0, 200)), at + ": " + not_pem},
      {"private key", at, escaped(key.to_pem().reveal()),
       at + ": is a private key: write the public certificate or public key here, and make a new "
            "key if this file has been shared"},
      {"second is private", at,
       "[" + escaped(certificate) + "," + escaped(key.to_pem().reveal()) + "]",
       at + "/1: is a private key: write the public certificate or public key here, and make a "
            "new key if this file has been shared"},
      {"port 0", "/device_posture_integrations/0/config/port", "0",
       "/device_posture_integrations/0/config/port: must be a whole number from 1 to 65535"},
      {"port 1", "/device_posture_integrations/0/config/port", "1", ""},
      {"port 65535", "/device_posture_integrations/0/config/port", "65535", ""},
      {"port 65536", "/device_posture_integrations/0/config/port", "65536",
       "/device_posture_integrations/0/config/port: must be a whole number from 1 to 65535"},
      {"port as text", "/device_posture_integrations/0/config/port", "\"17472\"",
       "/device_posture_integrations/0/config/port: must be a whole number from 1 to 65535"},
      {"other integration type", "/device_posture_integrations/0/type", "\"jamf\"",
       "/device_posture_integrations/0/type: must be one of: tanium, workspace_one, "
       "crowdstrike_s2s, uptycs, intune, kolide, tanium_s2s, sentinelone_s2s, custom_s2s"},
      {"interval", "/device_posture_integrations/0/interval", "\"10m\"", ""},
      {"unknown connection", "/device_posture_rules/0/input/connection_id", "\"Tanum\"",
       "/device_posture_rules/0/input/connection_id: there is no device posture integration "
       "`Tanum`; did you mean `Tanium`?"},
      {"no input", "/device_posture_rules/0/input", "",
       "/device_posture_rules/0/input/connection_id: is required"},
      {"managed as text", "/device_posture_rules/0/input/managed", "\"yes\"",
       "/device_posture_rules/0/input/managed: must be true or false"},
      {"patched", "/device_posture_rules/0/input/patch_status", "\"compliant\"", ""},
      {"not patched", "/device_posture_rules/0/input/patch_status", "\"noncompliant\"",
       "/device_posture_rules/0/input/patch_status: must be one of: compliant"},
      {"score without comparison", "/device_posture_rules/0/input/vulnerability_score", "5",
       "/device_posture_rules/0/input/vulnerability_operator: is required: "
       "`vulnerability_operator` and `vulnerability_score` belong together"},
      {"comparison without score", "/device_posture_rules/0/input/vulnerability_operator", "\"<=\"",
       "/device_posture_rules/0/input/vulnerability_score: is required: "
       "`vulnerability_operator` and `vulnerability_score` belong together"},
      {"score is text", "/device_posture_rules/0/input",
       R"({"connection_id": "Tanium", "vulnerability_operator": "<", "vulnerability_score": "5"})",
       "/device_posture_rules/0/input/vulnerability_score: must be a number"},
      {"unknown comparison", "/device_posture_rules/0/input",
       R"({"connection_id": "Tanium", "vulnerability_operator": "=<", "vulnerability_score": 5})",
       "/device_posture_rules/0/input/vulnerability_operator: must be one of: <, <=, ==, >=, >"},
      {"score", "/device_posture_rules/0/input",
       R"({"connection_id": "Tanium", "vulnerability_operator": ">=",
           "vulnerability_score": -2.5})",
       ""},
      {"misspelt signal", "/device_posture_rules/0/input/patch_state", "\"compliant\"",
       "/device_posture_rules/0/input/patch_state: is not a known key; did you mean "
       "`patch_status`?"},
      {"check-in age in days", "/device_posture_rules/0/input/max_checkin_age", "\"7d\"",
       "/device_posture_rules/0/input/max_checkin_age: must be a duration such as `24h` or "
       "`1h30m`, at most ten years"},
      {"expiration of nothing", "/device_posture_rules/0/expiration", "\"0s\"",
       "/device_posture_rules/0/expiration: must be at least `1s`"},
  };
  check(cases);
}

TEST(Authored, ServiceTokenProblems) {
  const std::string second = R"({"name": "Second", "client_id": "x", "client_secret_hash": ")" +
                             std::string(64, 'a') + R"("})";
  const Case cases[] = {
      {"no hash", "/service_tokens/0/client_secret_hash", "",
       "/service_tokens/0/client_secret_hash: is required"},
      {"short hash", "/service_tokens/0/client_secret_hash", "\"9f86\"",
       "/service_tokens/0/client_secret_hash: must be the SHA-256 of the secret as 64 hex "
       "characters"},
      {"the secret itself", "/service_tokens/0/client_secret", "\"hunter2\"",
       "/service_tokens/0/client_secret: is not supported: write `client_secret_hash`, the hex "
       "SHA-256 of the secret"},
      {"bad expiry", "/service_tokens/0/expires_at", "\"tomorrow\"",
       "/service_tokens/0/expires_at: must be a time such as `2030-01-31T00:00:00Z`"},
      {"client id with a space", "/service_tokens/0/client_id", "\"a b\"",
       "/service_tokens/0/client_id: must be a short text without spaces"},
      {"second token", "/service_tokens/1", second, ""},
  };
  check(cases);
  json::value document = base_document();
  put(document, "/service_tokens/0/client_id", "x");
  put(document, "/service_tokens/1", json::parse(second).value());
  EXPECT_EQ(read_problems(document),
            "/service_tokens/1/client_id: `x` is already the client id of another service token");
}

TEST(Authored, RuleProblems) {
  const std::string kinds = [] {
    std::string text;
    for (const decision::SelectorKind& kind : selectors::registry()) {
      text += (text.empty() ? "; known: " : ", ") + std::string(kind.name);
    }
    return text;
  }();
  const std::string one_key =
      "must have exactly one key, the kind of rule, as in {\"email\": {\"email\": "
      "\"a@example.com\"}}";
  const std::string include = "/applications/0/policies/0/include";
  const Case cases[] = {
      {"no include", include, "",
       include + ": must have at least one rule: without one it can never match"},
      {"empty include", include, "[]",
       include + ": must have at least one rule: without one it can never match"},
      {"group without include", "/groups/1/include", "[]",
       "/groups/1/include: must have at least one rule: without one it can never match"},
      {"include is no list", include, "{}", include + ": must be a list"},
      {"require is no list", "/applications/0/policies/0/require", "\"everyone\"",
       "/applications/0/policies/0/require: must be a list"},
      {"rule is text", include + "/0", "\"everyone\"", include + "/0: must be an object"},
      {"rule of two kinds", include + "/0", R"({"everyone": {}, "ip": {"ip": "192.0.2.1"}})",
       include + "/0: " + one_key},
      {"rule of no kind", include + "/0", "{}", include + "/0: " + one_key},
      {"misspelt kind", include + "/0", R"({"emial": {"email": "a@example.com"}})",
       include + "/0/emial: is not a known kind of rule; did you mean `email`?"},
      {"unknown kind", include + "/0", R"({"user_risk_score": {}})",
       include + "/0/user_risk_score: is not a known kind of rule" + kinds},
      {"value is text", include + "/0", R"({"email": "a@example.com"})",
       include + "/0/email: must be an object"},
      {"unknown group", include + "/0/group/id", "\"Staf\"",
       include + "/0/group/id: there is no group `Staf`; did you mean `Staff`?"},
      {"unknown posture rule",
       "/applications/0/policies/0/require/0/device_posture/integration_uid", "\"Tanium\"",
       "/applications/0/policies/0/require/0/device_posture/integration_uid: there is no device "
       "posture rule `Tanium`; known: Managed"},
      {"unknown login method", "/groups/1/require/0/login_method/id", "\"Okta\"",
       "/groups/1/require/0/login_method/id: there is no identity provider `Okta`; known: "
       "Corporate, Pin"},
      {"unknown service token", "/applications/0/policies/1/include/0/service_token/token_id",
       "\"0ab51c1c-1111-4222-8333-444455556666\"",
       "/applications/0/policies/1/include/0/service_token/token_id: there is no service token "
       "`0ab51c1c-1111-4222-8333-444455556666`; known: Robot"},
      {"unknown decision", "/applications/0/policies/0/decision", "\"permit\"",
       "/applications/0/policies/0/decision: must be one of: allow, deny, bypass, non_identity"},
      {"no decision", "/applications/0/policies/0/decision", "",
       "/applications/0/policies/0/decision: is required"},
      {"purpose", "/applications/0/policies/0/purpose_justification_required", "true", ""},
      {"purpose as text", "/applications/0/policies/0/purpose_justification_required", "\"yes\"",
       "/applications/0/policies/0/purpose_justification_required: must be true or false"},
      {"longest prompt", "/applications/0/policies/0/purpose_justification_prompt",
       escaped(std::string(500, 'x')), ""},
      {"long prompt", "/applications/0/policies/0/purpose_justification_prompt",
       escaped(std::string(501, 'x')),
       "/applications/0/policies/0/purpose_justification_prompt: must have at most 500 bytes"},
  };
  check(cases);
}

TEST(Authored, EveryBadRuleOfAListIsReported) {
  json::value document = base_document();
  put(document, "/groups/1/include",
      json::parse(R"([
      {"email_domain": {"domain": "example.com"}}, {"email_domain": {}},
      {"group": {"id": "Nobody"}}, {"email_domain": {"domain": 5}}])")
          .value());
  const auto resources = read_resources(document, selectors::registry());
  ASSERT_FALSE(resources);
  std::vector<std::string> pointers;
  for (const Problem& problem : resources.error()) pointers.push_back(problem.pointer);
  EXPECT_EQ(pointers, (std::vector<std::string>{"/groups/1/include/2/group/id",
                                                "/groups/1/include/1/email_domain/domain",
                                                "/groups/1/include/3/email_domain/domain"}));
}

TEST(Authored, GroupsInACircle) {
  json::value document = base_document();
  put(document, "/groups/1/exclude", json::parse(R"([{"group": {"id": "Everybody"}}])").value());
  EXPECT_EQ(read_problems(document),
            "/groups/1: groups contain each other: Everybody -> Staff -> Everybody");
  document = base_document();
  put(document, "/groups/1/include", json::parse(R"([{"group": {"id": "Staff"}}])").value());
  EXPECT_EQ(read_problems(document), "/groups/1: groups contain each other: Staff -> Staff");
}

json::value nested_groups(std::size_t depth) {
  json::value document = base_document();
  json::array groups;
  for (std::size_t i = 0; i < depth; ++i) {
    json::array include;
    if (i + 1 < depth) {
      include.push_back(json::object{{"group", {{"id", "G" + std::to_string(i + 1)}}}});
    } else {
      include.push_back(json::object{{"everyone", json::object()}});
    }
    groups.push_back(json::object{{"name", "G" + std::to_string(i)}, {"include", include}});
  }
  document.as_object()["groups"] = groups;
  put(document, "/applications/0/policies/0/include/0/group/id", "G0");
  return document;
}

TEST(Authored, GroupDepth) {
  EXPECT_EQ(read_problems(nested_groups(model::kMaxGroupDepth)), "");
  EXPECT_EQ(read_problems(nested_groups(model::kMaxGroupDepth + 1)),
            "/groups/0: nests groups more than 16 deep");
  // Far beyond what a call stack would bear.
  EXPECT_EQ(read_problems(nested_groups(20000)), "/groups/19983: nests groups more than 16 deep");
}

TEST(Authored, ApplicationProblems) {
  const std::string domain = "/applications/1/domain";
  const Case cases[] = {
      {"no domain", domain, "", domain + ": is required"},
      {"only empty lists", "/applications/1",
       R"({"name": "X", "self_hosted_domains": [], "policies": []})", domain + ": is required"},
      {"scheme", domain, "\"https://wiki.example.com\"",
       domain + ": must not have a scheme: write it as `app.example.com`"},
      {"port", domain, "\"wiki.example.com:443\"", domain + ": must not have a port"},
      {"query", domain, "\"wiki.example.com/a?b\"", domain + ": must not have a query"},
      {"same domain", domain, "\"Wiki.example.com/\"",
       domain + ": `wiki.example.com` is already a domain of application `Wiki`"},
      {"auth domain", domain, "\"auth.example.com\"",
       domain + ": is the auth domain, which cannot also be an application"},
      {"no ingress", domain, "\"docs.example.com\"",
       domain + ": there is no ingress rule for host `docs.example.com`"},
      {"wildcard around an ingress host", domain, "\"*.example.com\"", ""},
      {"second list without ingress", "/applications/1/self_hosted_domains",
       R"(["wiki.example.com/admin", "docs.example.com"])",
       "/applications/1/self_hosted_domains/1: there is no ingress rule for host "
       "`docs.example.com`"},
      {"private destination", "/applications/1/destinations",
       R"([{"type": "private", "uri": "10.0.0.1"}])",
       "/applications/1/destinations/0/type: must be one of: public\n"
       "/applications/1/destinations/0/uri: must be a host name, not an IP address"},
      {"other type", "/applications/1/type", "\"saas\"",
       "/applications/1/type: must be one of: self_hosted, bookmark, dash_sso"},
      {"short aud", "/applications/1/aud", "\"abc\"",
       "/applications/1/aud: must be 64 hex characters; left out, it is derived from the id"},
      {"same aud", "/applications/1/aud",
       "\"" + hex_encode(crypto::sha256("aud:" + uuid_v5("application", "Wiki"))) + "\"",
       "/applications/1/aud: is already the `aud` of another application"},
      {"unknown login method", "/applications/0/allowed_idps/0", "\"Corprate\"",
       "/applications/0/allowed_idps/0: there is no identity provider `Corprate`; did you mean "
       "`Corporate`?"},
      {"login method is no text", "/applications/0/allowed_idps/0", "1",
       "/applications/0/allowed_idps/0: must be a line of text"},
      {"same site", "/applications/0/same_site_cookie_attribute", "\"None\"",
       "/applications/0/same_site_cookie_attribute: must be one of: none, lax, strict"},
      {"logo", "/applications/0/logo_url", "\"https://a.example/logo\"", ""},
      {"message with a control character", "/applications/0/custom_deny_message", "\"a\\u0007\"",
       "/applications/0/custom_deny_message: must not contain control characters"},
      {"message of two lines", "/applications/0/custom_deny_message", "\"a\\nb\\n\"", ""},
      {"longest message", "/applications/0/custom_deny_message", escaped(std::string(500, 'x')),
       ""},
      {"long message", "/applications/0/custom_deny_message", escaped(std::string(501, 'x')),
       "/applications/0/custom_deny_message: must have at most 500 bytes"},
      {"refusal address", "/applications/0/custom_deny_url", "\"/denied\"",
       "/applications/0/custom_deny_url: must be a URL such as "
       "`https://login.example.com/path`"},
      {"refusal address runs code", "/applications/0/custom_non_identity_deny_url",
       "\"javascript:alert(1)\"",
       "/applications/0/custom_non_identity_deny_url: must be a URL such as "
       "`https://login.example.com/path`"},
      {"page", "/applications/0/custom_pages", R"(["Refused"])",
       "/applications/0/custom_pages/0: there is no custom page `Refused`"},
      {"token header", "/applications/0/read_service_tokens_from_header", "\"Authorization\"", ""},
      {"no header", "/applications/0/read_service_tokens_from_header", "\"a b\"",
       "/applications/0/read_service_tokens_from_header: must be the name of a header such as "
       "`authorization`"},
      {"misspelt", "/applications/0/allowed_idp", "[]",
       "/applications/0/allowed_idp: is not a known key; did you mean `allowed_idps`?"},
  };
  check(cases);
}

TEST(Authored, DashboardProblems) {
  const std::string at = "/applications/2";
  const std::string whole = at +
                            "/domain: must be a whole host such as `dash.example.com`: the "
                            "dashboard has it to itself";
  const auto policy = [](std::string_view decision, std::string_view role) {
    return fmt::format(
        R"(, "policies": [{{"name": "a", "decision": "{}", "include": [{{"everyone": {{}}}}],
                           "dashboard_role": "{}"}}])",
        decision, role);
  };
  const struct {
    std::string_view name;
    std::string domain;
    std::string more;
    std::string expected;
  } cases[] = {
      {"needs no ingress rule", "dash.example.com", "", ""},
      {"a role for people", "dash.example.com", policy("allow", "help_desk"), ""},
      {"no such role", "dash.example.com", policy("allow", "root"),
       at + "/policies/0/dashboard_role: must be one of: administrator, read_only, help_desk"},
      {"a role for nobody", "dash.example.com", policy("bypass", "read_only"),
       at + "/policies/0/dashboard_role: must stand in a policy whose `decision` is allow"},
      {"a path", "dash.example.com/x", "", whole},
      {"a wildcard", "*.example.com", "", whole},
      {"the auth domain", "auth.example.com", "",
       at + "/domain: is the auth domain, which cannot also be an application"},
      {"an ingress rule of its own", "other.example.com", "",
       at + "/domain: `other.example.com` must not have an ingress rule: the gateway itself "
            "answers for the dashboard"},
      {"the host of another", "wiki.example.com", "",
       at + "/domain: `wiki.example.com` is already a domain of application `Wiki`"},
      {"a host with a path of another", "part.example.com", "",
       at + "/domain: `part.example.com` is a host of application `Wiki`; a dashboard has its host "
            "to itself"},
      {"two hosts", "dash.example.com", R"(, "self_hosted_domains": ["d.example.com"])", ""},
      {"calls from other sites", "dash.example.com", R"(, "cors_headers": {})",
       at + "/cors_headers: must not be set: no other site may call the dashboard"},
      {"preflights of other sites", "dash.example.com", R"(, "options_preflight_bypass": true)",
       at + "/options_preflight_bypass: must not be set: no other site may call the dashboard"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    json::value document = base_document();
    put(document, "/ingress/0/hostname", json::value("other.example.com"));
    put(document, "/ingress/1/hostname", json::value("*.example.com"));
    put(document, "/ingress/1/service", json::value("http://127.0.0.1:1"));
    put(document, "/applications/0/self_hosted_domains", json::array{"part.example.com/x"});
    put(document, at,
        json::parse(fmt::format(R"({{"name": "Dashboard", "type": "dash_sso", "domain": "{}"{}}})",
                                c.domain, c.more))
            .value());
    EXPECT_EQ(read_problems(document), c.expected);
    if (!c.expected.empty()) continue;
    const auto written = [](const json::value& from) {
      return write_resources(read_resources(from, selectors::registry()).value(), Secrets::Omit);
    };
    EXPECT_EQ(json::serialize(written(written(document))), json::serialize(written(document)));
  }
}

TEST(Authored, PathsThatDifferInCaseOnly) {
  json::value document = base_document();
  put(document, "/applications/0/domain", "wiki.example.com/Admin");
  EXPECT_EQ(read_problems(document),
            "/applications/1/domain: `wiki.example.com/admin` is already a domain of application "
            "`Wiki`");
}

TEST(Authored, IngressProblems) {
  const Case cases[] = {
      {"bad host", "/ingress/0/hostname", "\"wiki.example.com:80\"",
       "/ingress/0/hostname: must not have a port"},
      {"no host before the last", "/ingress/0/hostname", "",
       "/ingress/0/hostname: is required in every rule but the last\n"
       "/ingress/1/hostname: is never reached: an earlier rule takes all its requests"},
      {"no service", "/ingress/0/service", "", "/ingress/0/service: is required"},
      {"service with a path", "/ingress/0/service", "\"http://127.0.0.1:8080/base\"",
       "/ingress/0/service: must not have a path: write it as `http://127.0.0.1:8080`"},
      {"unreachable", "/ingress/1",
       R"({"hostname": "wiki.example.com", "path": "^/x", "service": "http://b"})",
       "/ingress/1/hostname: is never reached: an earlier rule takes all its requests"},
      {"catch-all with a service", "/ingress/1/service", "\"unix:/run/app.sock\"", ""},
      {"no ingress at all", "/ingress", "[]",
       "/applications/0/domain: there is no ingress rule for host `wiki.example.com`\n"
       "/applications/1/domain: there is no ingress rule for host `wiki.example.com`"},
      {"misspelt", "/ingress/0/originrequest", "{}",
       "/ingress/0/originrequest: is not a known key; did you mean `originRequest`?"},
      {"access", "/ingress/0/originRequest/access", "{}",
       "/ingress/0/originRequest/access: is not supported: protection is said in `applications`"},
      {"host header", "/ingress/0/originRequest/httpHostHeader", "\"a b\"",
       "/ingress/0/originRequest/httpHostHeader: must be a host name with or without a port"},
      {"relative CA", "/ingress/0/originRequest/caPool", "\"ca.pem\"",
       "/ingress/0/originRequest/caPool: must be an absolute path"},
      {"server name", "/ingress/0/originRequest/originServerName", "\"*.example.com\"",
       "/ingress/0/originRequest/originServerName: must not be a wildcard"},
      {"timeout", "/ingress/0/originRequest/connectTimeout", "5",
       "/ingress/0/originRequest/connectTimeout: must be a duration such as `24h` or `1h30m`, at "
       "most ten years"},
  };
  check(cases);
}

TEST(Authored, SeveralProblemsAtOnce) {
  json::value document = base_document();
  put(document, "/organization/auth_domain", "https://auth.example.com");
  put(document, "/applications/0/policies/0/decision", "permit");
  put(document, "/applications/1/typ", "self_hosted");
  EXPECT_EQ(read_problems(document),
            "/organization/auth_domain: must not have a scheme: write it as `app.example.com`\n"
            "/applications/0/policies/0/decision: must be one of: allow, deny, bypass, "
            "non_identity\n"
            "/applications/1/typ: is not a known key; did you mean `type`?");
  EXPECT_EQ(read_problems(json::value("x")), ": must be an object");
  EXPECT_EQ(read_problems(json::object()), "/organization: is required");
}

std::string testdata(const std::string& name) {
  std::ifstream in(std::string(GATEHOUSE_TESTDATA "/") + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// The base document and every other section, each with a member that is used.
json::value full_document() {
  json::value document = base_document();
  put(document, "/organization/custom_pages", json::object{{"forbidden", "Refused"}});
  put(document, "/organization/strict_service_token_auth", json::value(true));
  put(document, "/device_posture_rules/0/input/patch_status", "compliant");
  put(document, "/device_posture_rules/0/input/vulnerability_operator", "<");
  put(document, "/device_posture_rules/0/input/vulnerability_score", json::value(7.5));
  put(document, "/lists",
      json::parse(R"([
      {"name": "Board", "type": "EMAIL",
       "items": [{"value": "Alice@Example.com"}, "bob@example.com"]},
      {"name": "Offices", "type": "IP", "items": ["192.0.2.0/24", {"value": "2001:db8::1"}]},
      {"name": "Nobody", "type": "EMAIL", "items": []}])")
          .value());
  put(document, "/groups/1/exclude", json::parse(R"([{"email_list": {"id": "Nobody"}}])").value());
  put(document, "/groups/2",
      json::parse(R"({"name": "Directors", "include": [{"email_list": {"id": "Board"}}],
                      "require": [{"ip_list": {"id": "Offices"}}]})")
          .value());
  put(document, "/mtls_certificates",
      json::parse(R"([
      {"name": "Devices", "associated_hostnames": ["Wiki.example.com", "*.example.com"],
       "revoked_serial_numbers": ["0A:1B", "ff"]}])")
          .value());
  put(document, "/mtls_certificates/0/certificate", json::value(testdata("authority.pem")));
  put(document, "/mtls_certificates/0/crl", json::value(testdata("authority.crl")));
  put(document, "/custom_pages",
      json::parse(R"([
      {"name": "Refused", "type": "forbidden", "custom_html": "<h1>No</h1>\n<p>Sorry\n"},
      {"uid": "0AB51C1C-1111-4222-8333-444455556666", "name": "Stranger",
       "type": "identity_denied", "custom_html": "<h1>Who?</h1>"}])")
          .value());
  put(document, "/policies",
      json::parse(R"([
      {"name": "Directors", "decision": "allow", "reusable": true, "session_duration": "15m",
       "purpose_justification_required": true, "purpose_justification_prompt": "Why?\nSay.",
       "include": [{"group": {"id": "Directors"}}]},
      {"id": "11111111-1111-4111-8111-111111111111", "name": "Office", "decision": "bypass",
       "include": [{"ip": {"ip": "192.0.2.0/24"}}]}])")
          .value());
  put(document, "/applications/1/policies/1", "Directors");
  put(document, "/applications/2",
      json::parse(R"({
      "name": "Shop", "domain": "wiki.example.com/shop",
      "path_cookie_attribute": true, "enable_binding_cookie": true,
      "custom_deny_message": "Ask the help desk.\n", "custom_deny_url": "https://help.example/no",
      "custom_non_identity_deny_url": "http://help.example/device?x=1",
      "custom_pages": ["Stranger", "Refused"], "service_auth_401_redirect": true,
      "skip_interstitial": true, "read_service_tokens_from_header": "Authorization",
      "cors_headers": {"allow_all_headers": true, "allow_credentials": true,
        "allowed_headers": ["X-Requested-With"], "allowed_methods": ["GET", "PATCH"],
        "allowed_origins": ["https://App.example.com:443", "http://localhost:3000"],
        "max_age": 600},
      "policies": [
        {"id": "Directors", "precedence": 20},
        {"name": "Shoppers", "decision": "allow", "precedence": 3,
         "include": [{"everyone": {}}]},
        {"id": "11111111-1111-4111-8111-111111111111", "precedence": 7}]})")
          .value());
  put(document, "/applications/3",
      json::parse(R"({
      "name": "API", "domain": "wiki.example.com/api", "options_preflight_bypass": true})")
          .value());
  return document;
}

TEST(Authored, ReadsEverySection) {
  const json::value document = full_document();
  ASSERT_EQ(read_problems(document), "");
  const model::Resources resources = read_resources(document, selectors::registry()).value();

  ASSERT_EQ(resources.lists.size(), 3u);
  EXPECT_EQ(resources.lists[0].id, uuid_v5("list", "Board"));
  EXPECT_EQ(resources.lists[0].type, model::ListType::Email);
  EXPECT_EQ(resources.lists[0].items,
            (std::vector<std::string>{"Alice@Example.com", "bob@example.com"}));
  EXPECT_EQ(resources.lists[1].type, model::ListType::Ip);
  EXPECT_EQ(resources.groups.at(2).include.at(0).value,
            (json::object{{"id", resources.lists[0].id}}));
  EXPECT_EQ(resources.groups[2].require.at(0).value, (json::object{{"id", resources.lists[1].id}}));

  const model::MtlsCertificate& certificate = resources.certificates.at(0);
  EXPECT_EQ(certificate.certificate + "\n", testdata("authority.pem"));
  EXPECT_EQ(certificate.crl + "\n", testdata("authority.crl"));
  EXPECT_EQ(certificate.associated_hostnames,
            (std::vector<std::string>{"wiki.example.com", "*.example.com"}));
  EXPECT_EQ(certificate.revoked_serials, (std::vector<std::string>{"0a1b", "ff"}));

  ASSERT_EQ(resources.custom_pages.size(), 2u);
  EXPECT_EQ(resources.custom_pages[0].custom_html, "<h1>No</h1>\n<p>Sorry");
  EXPECT_EQ(resources.custom_pages[1].id, "0ab51c1c-1111-4222-8333-444455556666");
  EXPECT_EQ(resources.custom_pages[1].type, model::CustomPageType::IdentityDenied);
  EXPECT_EQ(resources.organization.forbidden_page, resources.custom_pages[0].id);
  EXPECT_EQ(resources.organization.identity_denied_page, "");

  const json::object& input = resources.posture_rules.at(0).input;
  EXPECT_EQ(input.at("patch_status"), "compliant");
  EXPECT_EQ(input.at("vulnerability_operator"), "<");
  EXPECT_EQ(input.at("vulnerability_score"), 7.5);

  ASSERT_EQ(resources.policies.size(), 2u);
  EXPECT_TRUE(resources.policies[0].reusable);
  EXPECT_EQ(resources.policies[0].id, uuid_v5("policy", "Directors"));
  EXPECT_TRUE(resources.policies[0].purpose_justification_required);
  EXPECT_EQ(resources.policies[0].purpose_justification_prompt, "Why?\nSay.");
  const model::Policy& copy = resources.applications.at(1).policies.at(1);
  EXPECT_EQ(copy.id, resources.policies[0].id);
  EXPECT_TRUE(copy.reusable);
  EXPECT_TRUE(copy.purpose_justification_required);
  EXPECT_EQ(copy.session_duration, std::chrono::minutes(15));
  EXPECT_FALSE(resources.applications[1].policies[0].reusable);

  const model::Application& shop = resources.applications.at(2);
  ASSERT_EQ(shop.policies.size(), 3u);
  EXPECT_EQ(shop.policies[0].name, "Shoppers");
  EXPECT_EQ(shop.policies[1].name, "Office");
  EXPECT_EQ(shop.policies[1].action, model::Action::Bypass);
  EXPECT_EQ(shop.policies[2].name, "Directors");
  EXPECT_TRUE(shop.path_cookie_attribute);
  EXPECT_TRUE(shop.enable_binding_cookie);
  EXPECT_EQ(shop.custom_deny_message, "Ask the help desk.");
  EXPECT_EQ(shop.custom_deny_url, "https://help.example/no");
  EXPECT_EQ(shop.custom_non_identity_deny_url, "http://help.example/device?x=1");
  EXPECT_EQ(shop.custom_pages,
            (std::vector<std::string>{resources.custom_pages[1].id, resources.custom_pages[0].id}));
  EXPECT_TRUE(shop.service_auth_401_redirect);
  EXPECT_TRUE(shop.skip_interstitial);
  EXPECT_EQ(shop.read_service_tokens_from_header, "authorization");
  EXPECT_FALSE(shop.options_preflight_bypass);
  ASSERT_TRUE(shop.cors_headers);
  EXPECT_TRUE(shop.cors_headers->allow_all_headers);
  EXPECT_TRUE(shop.cors_headers->allow_credentials);
  EXPECT_FALSE(shop.cors_headers->allow_all_origins);
  EXPECT_EQ(shop.cors_headers->allowed_headers, std::vector<std::string>{"X-Requested-With"});
  EXPECT_EQ(shop.cors_headers->allowed_methods, (std::vector<std::string>{"GET", "PATCH"}));
  EXPECT_EQ(shop.cors_headers->allowed_origins,
            (std::vector<std::string>{"https://app.example.com", "http://localhost:3000"}));
  EXPECT_EQ(shop.cors_headers->max_age, 600);
  const model::Application& api = resources.applications.at(3);
  EXPECT_TRUE(api.options_preflight_bypass);
  EXPECT_FALSE(api.cors_headers);
  EXPECT_TRUE(api.policies.empty());
}

TEST(Authored, EverySectionRoundTrips) {
  const model::Resources resources = read_resources(full_document(), selectors::registry()).value();
  const json::object written = write_resources(resources, Secrets::Include);
  // Through text, as the store and the API have it.
  const json::value again = json::parse(json::serialize(written)).value();
  ASSERT_EQ(read_problems(again), "");
  EXPECT_EQ(write_resources(read_resources(again, selectors::registry()).value(), Secrets::Include),
            written);
  EXPECT_EQ(written.at("applications").at(1).at("policies").at(1),
            json::value(resources.policies[0].id));
  EXPECT_EQ(written.at("policies").at(0).at("reusable"), true);
  EXPECT_FALSE(
      written.at("applications").at(1).at("policies").at(0).as_object().contains("reusable"));
}

// The seed that the fuzzer starts from is a whole, good document.
TEST(Authored, SeedIsRead) {
  const auto document = json::parse(testdata("authored_fuzz/complete.json"));
  ASSERT_TRUE(document);
  EXPECT_EQ(read_problems(*document), "");
}

void check_full(std::span<const Case> cases) {
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    json::value document = full_document();
    apply(c, document);
    EXPECT_EQ(read_problems(document), c.expected);
  }
}

TEST(Authored, ListProblems) {
  const std::string network =
      "must be an address or a network such as `192.0.2.0/24`, with no bits set beyond its prefix";
  const Case cases[] = {
      {"no type", "/lists/2/type", "", "/lists/2/type: is required"},
      {"type in lower case", "/lists/2/type", "\"email\"",
       "/lists/2/type: must be one of: EMAIL, IP"},
      {"same name", "/lists/2/name", "\"Board\"",
       "/lists/2/name: `Board` is already the name of another list\n"
       "/groups/1/exclude/0/email_list/id: there is no list `Nobody`; known: Board, Offices"},
      {"no address", "/lists/0/items/1", "\"bob\"",
       "/lists/0/items/1: must be an email address such as `alice@example.com`"},
      {"no address in an object", "/lists/0/items/0/value", "\"@example.com\"",
       "/lists/0/items/0/value: must be an email address such as `alice@example.com`"},
      {"network with bits beyond", "/lists/1/items/0", "\"192.0.2.1/24\"",
       "/lists/1/items/0: " + network},
      {"address in a list of networks", "/lists/1/items/1/value", "\"alice@example.com\"",
       "/lists/1/items/1/value: " + network},
      {"number", "/lists/1/items/0", "5",
       "/lists/1/items/0: must be text, or an object with a `value`"},
      {"item without value", "/lists/1/items/1", "{}", "/lists/1/items/1/value: is required"},
      {"item with a description", "/lists/1/items/1",
       R"({"value": "192.0.2.7", "description": "x"})", ""},
      {"item with another key", "/lists/1/items/1", R"({"value": "192.0.2.7", "comment": "x"})",
       "/lists/1/items/1/comment: is not a known key; known: created_at, description, value"},
      {"items are text", "/lists/2/items", "\"a@example.com\"", "/lists/2/items: must be a list"},
      {"no items", "/lists/2/items", "", ""},
      {"unknown list", "/groups/2/include/0/email_list/id", "\"Bord\"",
       "/groups/2/include/0/email_list/id: there is no list `Bord`; did you mean `Board`?"},
      {"list of the other type", "/groups/2/include/0/email_list/id", "\"Offices\"",
       "/groups/2/include/0/email_list/id: `Offices` is not a list of type EMAIL"},
      {"list of the other type for addresses", "/groups/2/require/0/ip_list/id", "\"Board\"",
       "/groups/2/require/0/ip_list/id: `Board` is not a list of type IP"},
      {"by id", "/groups/2/include/0/email_list/id", "\"" + uuid_v5("list", "Board") + "\"", ""},
  };
  check_full(cases);
}

TEST(Authored, MtlsCertificateProblems) {
  const std::string at = "/mtls_certificates/0";
  const jose::PrivateKey key = jose::PrivateKey::generate_p256();
  const std::string leaf =
      key.self_signed_certificate("device", std::string(16, '\1'), from_epoch_seconds(1700000000),
                                  from_epoch_seconds(1900000000));
  const Case cases[] = {
      {"no certificate", at + "/certificate", "", at + "/certificate: is required"},
      {"empty", at + "/certificate", "\"\\n\"", at + "/certificate: must not be empty"},
      {"not text", at + "/certificate", "{}", at + "/certificate: must be text"},
      {"not PEM", at + "/certificate", "\"MIIB\"",
       at + "/certificate: is not PEM: there is no `-----BEGIN CERTIFICATE-----`"},
      {"no authority", at + "/certificate", escaped(leaf),
       at + "/certificate: block 1 is not a certificate authority (basicConstraints without "
            "CA:TRUE)"},
      {"private key", at + "/certificate", escaped(key.to_pem().reveal()),
       at + "/certificate: holds a private key: it does not belong here, and should be replaced "
            "by a new one"},
      {"no list", at + "/crl", "", ""},
      {"certificate as list", at + "/crl", escaped(testdata("authority.pem")),
       at + "/crl: block 1 is a `CERTIFICATE`, not a revocation list"},
      {"serial number is decimal", at + "/revoked_serial_numbers/0", "12",
       at + "/revoked_serial_numbers/0: must be a serial number in hex, in quotes"},
      {"serial number is not hex", at + "/revoked_serial_numbers/0", "\"0x1f\"",
       at + "/revoked_serial_numbers/0: must be a serial number in hex, in quotes"},
      {"longest serial number", at + "/revoked_serial_numbers/0",
       "\"" + std::string(64, 'f') + "\"", ""},
      {"long serial number", at + "/revoked_serial_numbers/0", "\"" + std::string(65, 'f') + "\"",
       at + "/revoked_serial_numbers/0: must be a serial number in hex, in quotes"},
      {"host with a port", at + "/associated_hostnames/1", "\"wiki.example.com:443\"",
       at + "/associated_hostnames/1: must not have a port"},
      {"no hosts", at + "/associated_hostnames", "[]", ""},
      {"fingerprint", at + "/fingerprint", "\"x\"",
       at + "/fingerprint: is not supported: it follows from the certificate"},
      {"misspelt", at + "/associated_hosts", "[]",
       at + "/associated_hosts: is not a known key; did you mean `associated_hostnames`?"},
  };
  check_full(cases);
}

TEST(Authored, CustomPageProblems) {
  const Case cases[] = {
      {"type", "/custom_pages/1/type", "\"logout\"",
       "/custom_pages/1/type: must be one of: forbidden, identity_denied, login, interstitial\n"
       "/applications/2/custom_pages/1: `Refused` is a second page of type `forbidden`"},
      {"type without effect", "/custom_pages/1/type", "\"login\"", ""},
      {"no text", "/custom_pages/1/custom_html", "", "/custom_pages/1/custom_html: is required"},
      {"longest", "/custom_pages/1/custom_html", escaped(std::string(256 * 1024, 'x')), ""},
      {"too long", "/custom_pages/1/custom_html", escaped(std::string(256 * 1024 + 1, 'x')),
       "/custom_pages/1/custom_html: must have at most 262144 bytes"},
      {"two ids", "/custom_pages/1/id", "\"0ab51c1c-1111-4222-8333-444455556666\"",
       "/custom_pages/1/uid: must not stand beside `id`"},
      {"bad uid", "/custom_pages/1/uid", "\"x\"",
       "/custom_pages/1/uid: must be a UUID; left out, it is derived from the name"},
      {"organization: unknown", "/organization/custom_pages/identity_denied", "\"Strangr\"",
       "/organization/custom_pages/identity_denied: there is no custom page `Strangr`; did you "
       "mean `Stranger`?"},
      {"organization: of the other type", "/organization/custom_pages/forbidden", "\"Stranger\"",
       "/organization/custom_pages/forbidden: `Stranger` is a page of type `identity_denied`"},
      {"organization: other key", "/organization/custom_pages/login", "\"Stranger\"",
       "/organization/custom_pages/login: is not a known key; known: forbidden, identity_denied"},
      {"application: twice", "/applications/2/custom_pages/0", "\"Refused\"",
       "/applications/2/custom_pages/1: `Refused` is a second page of type `forbidden`"},
      {"not strict", "/organization/strict_service_token_auth", "false",
       "/organization/strict_service_token_auth: must be true: it is always on"},
  };
  check_full(cases);
}

TEST(Authored, ReusablePolicyProblems) {
  const std::string policies = "/applications/2/policies";
  const Case cases[] = {
      {"not reusable", "/policies/1/reusable", "false",
       "/policies/1/reusable: must be true: other policies stand in their application"},
      {"precedence of its own", "/policies/1/precedence", "1",
       "/policies/1/precedence: is not supported: it is said where an application names the "
       "policy"},
      {"same name", "/policies/1/name", "\"Directors\"",
       "/policies/1/name: `Directors` is already the name of another reusable policy\n" + policies +
           "/2/id: `Directors` is already the name of another policy of this application"},
      {"its rules are checked", "/policies/1/include/0", R"({"ip": {"ip": "x"}})",
       "/policies/1/include/0/ip/ip: must be an address or a network such as `192.0.2.0/24`, with "
       "no bits set beyond its prefix"},
      {"unknown name", "/applications/1/policies/1", "\"Director\"",
       "/applications/1/policies/1: there is no reusable policy `Director`; did you mean "
       "`Directors`?"},
      {"unknown id in a link", policies + "/2/id", "\"11111111-1111-4111-8111-111111111112\"",
       policies + "/2/id: there is no reusable policy `11111111-1111-4111-8111-111111111112`; "
                  "known: Directors, Office"},
      {"neither text nor object", "/applications/1/policies/1", "5",
       "/applications/1/policies/1: must be a policy, or the id or name of a reusable one"},
      {"twice", policies + "/2/id", "\"Directors\"",
       policies + "/2/id: `Directors` is already a policy of this application"},
      {"name of one of its own", policies + "/1/name", "\"Directors\"",
       policies + "/1/name: `Directors` is already the name of another policy of this "
                  "application"},
      {"id of a reusable one", policies + "/1/id", "\"11111111-1111-4111-8111-111111111111\"",
       policies +
           "/1/id: `11111111-1111-4111-8111-111111111111` is already the id of a reusable "
           "policy\n" +
           policies + "/2/id: `Office` is already a policy of this application"},
      {"same precedence", policies + "/2/precedence", "20",
       policies + "/2/precedence: `20` is already the precedence of another policy"},
      {"negative precedence", policies + "/2/precedence", "-1",
       policies + "/2/precedence: must be a whole number from 0 to 2147483647"},
      {"one without precedence", policies + "/2", "\"Office\"",
       policies + "/2: must have a `precedence`, since another policy of the list has one"},
      {"own one without precedence", policies + "/1/precedence", "",
       policies + "/1: must have a `precedence`, since another policy of the list has one"},
      {"link without precedence", policies + "/0/precedence", "",
       policies + "/0: must have a `precedence`, since another policy of the list has one"},
      {"empty object", policies + "/0", "{}",
       policies + "/0/name: is required\n" + policies + "/0/decision: is required\n" + policies +
           "/0/include: must have at least one rule: without one it can never match\n" + policies +
           "/0: must have a `precedence`, since another policy of the list has one"},
  };
  check_full(cases);
}

TEST(Authored, CorsProblems) {
  const std::string cors = "/applications/2/cors_headers";
  const std::string origin = "must be an origin such as `https://app.example.com`, without a path";
  const Case cases[] = {
      {"everybody with credentials", cors + "/allow_all_origins", "true",
       cors + "/allow_credentials: must not stand beside `allow_all_origins`: every web site could "
              "then act and read as the person who is signed in; name the origins in "
              "`allowed_origins`"},
      {"everybody without", cors, R"({"allow_all_origins": true})", ""},
      {"nothing", cors, "{}", ""},
      {"not an object", cors, "true", cors + ": must be an object"},
      {"asterisk", cors + "/allowed_origins/0", "\"*\"", cors + "/allowed_origins/0: " + origin},
      {"no scheme", cors + "/allowed_origins/0", "\"app.example.com\"",
       cors + "/allowed_origins/0: " + origin},
      {"path", cors + "/allowed_origins/0", "\"https://app.example.com/\"",
       cors + "/allowed_origins/0: " + origin},
      {"null", cors + "/allowed_origins/0", "\"null\"", cors + "/allowed_origins/0: " + origin},
      {"other scheme", cors + "/allowed_origins/0", "\"capacitor://localhost\"", ""},
      {"method in lower case", cors + "/allowed_methods/0", "\"get\"",
       cors + "/allowed_methods/0: must be one of: GET, POST, HEAD, PUT, DELETE, CONNECT, OPTIONS, "
              "TRACE, PATCH"},
      {"header", cors + "/allowed_headers/0", "\"X:\"",
       cors + "/allowed_headers/0: must be the name of a header; for all write "
              "`allow_all_headers`"},
      {"every header", cors + "/allowed_headers/0", "\"*\"",
       cors + "/allowed_headers/0: must be the name of a header; for all write "
              "`allow_all_headers`"},
      {"least age", cors + "/max_age", "-1", ""},
      {"less", cors + "/max_age", "-2", cors + "/max_age: must be a whole number from -1 to 86400"},
      {"most age", cors + "/max_age", "86400", ""},
      {"more", cors + "/max_age", "86401",
       cors + "/max_age: must be a whole number from -1 to 86400"},
      {"misspelt", cors + "/allow_origins", "[]",
       cors + "/allow_origins: is not a known key; did you mean `allowed_origins`?"},
      {"beside the bypass", "/applications/2/options_preflight_bypass", "true",
       "/applications/2/options_preflight_bypass: must not stand beside `cors_headers`: one lets "
       "the application answer preflights, the other the gateway"},
  };
  check_full(cases);
}

TEST(Authored, HeadersThatHoldNoServiceToken) {
  for (const std::string_view name :
       {"Cookie", "host", "Content-Length", "content_length", "transfer-encoding", "Connection",
        "CF-Access-Client-Id", "cf_access_token", "Cf-Access-Jwt-Assertion"}) {
    json::value document = base_document();
    put(document, "/applications/0/read_service_tokens_from_header", json::value(name));
    EXPECT_EQ(read_problems(document),
              "/applications/0/read_service_tokens_from_header: must not be `" + ascii_lower(name) +
                  "`, which has a meaning of its own");
  }
}

TEST(Authored, OtherTopLevelKeysAreTheCallers) {
  json::value document = base_document();
  document.as_object()["listen"] = json::object();
  EXPECT_EQ(read_problems(document), "");
}

}  // namespace
}  // namespace gatehouse::policy
