#include "policy/snapshot_document.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "base/encoding.h"
#include "base/ip.h"
#include "policy/edit_for_test.h"
#include "selectors/registry.h"

namespace gatehouse::policy {
namespace {

json::object public_jwk() {
  static const json::object kJwk = [] {
    json::object jwk = jose::PrivateKey::generate_rsa().public_key().to_jwk();
    jwk["kid"] = "k1";
    jwk["alg"] = "RS256";
    jwk["use"] = "sig";
    return jwk;
  }();
  return kJwk;
}

std::string testdata(const std::string& name) {
  std::ifstream in(std::string(GATEHOUSE_TESTDATA "/") + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

model::Resources resources() {
  json::value document = json::parse(R"json({
        "organization": {"name": "Example", "auth_domain": "auth.example.com",
                         "node_state_max_age": "2h", "custom_pages": {"forbidden": "Closed"}},
        "lists": [
          {"name": "Board", "type": "EMAIL", "items": ["Alice@Example.com"]},
          {"name": "Offices", "type": "IP", "items": ["192.0.2.0/24", "2001:db8::/32"]}],
        "mtls_certificates": [
          {"name": "A", "associated_hostnames": ["wiki.example.com", "shop.example.com"]},
          {"name": "B", "associated_hostnames": ["wiki.example.com", "*.example.com"],
           "revoked_serial_numbers": ["1f"]},
          {"name": "C"}],
        "custom_pages": [
          {"name": "Closed", "type": "forbidden", "custom_html": "<h1>Closed</h1>"},
          {"name": "Wiki closed", "type": "forbidden", "custom_html": "<h1>No wiki</h1>"},
          {"name": "Stranger", "type": "identity_denied", "custom_html": "<h1>Who?</h1>"}],
        "policies": [
          {"name": "Board", "decision": "allow", "purpose_justification_required": true,
           "purpose_justification_prompt": "Why?", "include": [{"group": {"id": "Board"}}]}],
        "identity_providers": [
          {"name": "Corporate", "type": "oidc",
           "config": {"issuer": "https://login.example.com", "client_id": "gatehouse",
                      "client_secret": "hunter2"}}],
        "device_posture_integrations": [
          {"name": "Tanium A", "type": "tanium", "config": {}},
          {"name": "Tanium B", "type": "tanium", "config": {}}],
        "device_posture_rules": [
          {"name": "A", "type": "tanium", "input": {"connection_id": "Tanium A"}},
          {"name": "B", "type": "tanium", "expiration": "10m",
           "input": {"connection_id": "Tanium B", "managed": false, "max_checkin_age": "24h",
                     "patch_status": "compliant", "vulnerability_operator": "<=",
                     "vulnerability_score": 40}}],
        "groups": [
          {"name": "Outer", "include": [{"group": {"id": "Inner"}}]},
          {"name": "Inner", "include": [{"everyone": {}}],
           "exclude": [{"device_posture": {"integration_uid": "B"}}]},
          {"name": "Board", "include": [{"email_list": {"id": "Board"}}],
           "require": [{"ip_list": {"id": "Offices"}},
                       {"external_evaluation": {"evaluate_url": "https://eval.example/e",
                                                "keys_url": "https://eval.example/k",
                                                "expiration": "5m"}}]},
          {"name": "At home", "include": [{"geo": {"country_code": "DE"}}]}],
        "service_tokens": [
          {"name": "Robot", "expires_at": "2030-01-31T00:00:00Z", "enabled": false,
           "client_secret_hash":
             "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}],
        "applications": [
          {"name": "Wiki", "domain": "wiki.example.com", "session_duration": "8h",
           "self_hosted_domains": ["wiki.example.com/docs"], "decision_headers": true,
           "allowed_idps": ["Corporate"], "same_site_cookie_attribute": "lax",
           "http_only_cookie_attribute": false, "auto_redirect_to_identity": true,
           "custom_pages": ["Wiki closed", "Stranger"], "enable_binding_cookie": true,
           "cors_headers": {"allowed_origins": ["https://app.example.com"]},
           "policies": [
             {"name": "Everyone", "decision": "allow", "session_duration": "30m",
              "include": [{"group": {"id": "Outer"}}],
              "require": [{"device_posture": {"integration_uid": "A"}}]},
             {"name": "Robots", "decision": "non_identity",
              "include": [{"service_token": {"token_id": "Robot"}}]}]},
          {"name": "Shop", "domain": "shop.example.com",
           "policies": [{"name": "All", "decision": "bypass", "include": [{"everyone": {}}]}]},
          {"name": "Nested", "domain": "nested.example.com",
           "policies": [{"name": "G", "decision": "allow",
                         "include": [{"group": {"id": "Outer"}}]}]},
          {"name": "Board", "domain": "board.example.com", "custom_pages": ["Stranger"],
           "policies": [
             "Board",
             {"name": "Others", "decision": "allow", "include": [{"group": {"id": "At home"}}],
              "exclude": [{"external_evaluation": {"evaluate_url": "https://eval.example/e",
                                                   "keys_url": "https://eval.example/k"}}],
              "require": [{"external_evaluation": {"evaluate_url": "https://other.example/e",
                                                   "keys_url": "https://other.example/k"}}]}]}],
        "ingress": [{"service": "http://127.0.0.1:8080"}]
      })json")
                             .value();
  static const std::string kPem = jose::PrivateKey::generate_p256().public_key().to_spki_pem();
  for (const char* index : {"0", "1"}) {
    put(document, fmt::format("/device_posture_integrations/{}/config/public_certificate", index),
        json::value(kPem));
  }
  for (const char* index : {"0", "1", "2"}) {
    put(document, fmt::format("/mtls_certificates/{}/certificate", index),
        json::value(testdata("authority.pem")));
  }
  auto read = read_resources(document, selectors::registry());
  if (read) return *read;
  for (const Problem& problem : read.error()) {
    ADD_FAILURE() << problem.pointer << ": " << problem.message;
  }
  return {};
}

json::value document_of(const model::Resources& from) {
  PublicationContext context;
  context.sequence = 42;
  context.published_at = from_epoch_seconds(1700000000);
  context.issuer = "https://auth.example.com:8443";
  context.jwks = {public_jwk()};
  return make_snapshot_document(from, context);
}

std::string compile_problems(const json::value& document) {
  const auto snapshot = compile_snapshot(document, selectors::registry());
  std::string text;
  if (snapshot) return text;
  for (const Problem& problem : snapshot.error()) {
    if (!text.empty()) text += '\n';
    text += problem.pointer + ": " + problem.message;
  }
  return text;
}

TEST(SnapshotDocument, HoldsNoSecretsAndCompiles) {
  const model::Resources from = resources();
  const json::value document = document_of(from);
  const std::string text = json::serialize(document);
  EXPECT_EQ(text.find("hunter2"), std::string::npos);
  EXPECT_EQ(text.find("gatehouse"), std::string::npos);  // no provider configuration at all
  ASSERT_EQ(compile_problems(document), "");
  // What nginx workers read went through text.
  ASSERT_EQ(compile_problems(json::parse(text).value()), "");

  const auto snapshot = compile_snapshot(document, selectors::registry()).value();
  EXPECT_EQ(snapshot->sequence(), 42u);
  EXPECT_EQ(snapshot->issuer(), "https://auth.example.com:8443");
  EXPECT_EQ(snapshot->auth_domain(), "auth.example.com");
  EXPECT_EQ(snapshot->organization_name(), "Example");
  EXPECT_EQ(snapshot->node_state_max_age(), std::chrono::hours(2));
  ASSERT_EQ(snapshot->keys().keys().size(), 1u);
  EXPECT_EQ(snapshot->keys().keys()[0].kid, "k1");

  ASSERT_EQ(snapshot->applications().size(), 4u);
  const auto* wiki = snapshot->find_application("wiki.example.com", "/docs/x");
  ASSERT_NE(wiki, nullptr);
  EXPECT_EQ(wiki->id, from.applications[0].id);
  EXPECT_EQ(wiki->audience, from.applications[0].audience);
  EXPECT_EQ(wiki->name, "Wiki");
  EXPECT_EQ(wiki->hostname, "wiki.example.com");
  EXPECT_EQ(wiki->session_duration, std::chrono::hours(8));
  EXPECT_EQ(wiki->allowed_idps, from.applications[0].allowed_idps);
  EXPECT_EQ(wiki->same_site_cookie_attribute, "lax");
  EXPECT_FALSE(wiki->http_only_cookie_attribute);
  EXPECT_TRUE(wiki->auto_redirect_to_identity);
  EXPECT_TRUE(wiki->decision_headers);
  EXPECT_TRUE(wiki->enable_binding_cookie);
  ASSERT_TRUE(wiki->cors_headers);
  EXPECT_EQ(wiki->cors_headers->allowed_origins,
            std::vector<std::string>{"https://app.example.com"});
  ASSERT_EQ(wiki->policies.size(), 2u);
  EXPECT_EQ(wiki->policies[0].action, model::Action::ServiceAuth);
  EXPECT_EQ(wiki->policies[1].name, "Everyone");
  EXPECT_EQ(wiki->policies[1].session_duration, std::chrono::minutes(30));
  EXPECT_EQ(wiki->policies[1].rules.include.size(), 1u);
  EXPECT_EQ(wiki->policies[1].rules.require.size(), 1u);

  const auto& rule = snapshot->posture_rule(1);
  EXPECT_EQ(rule.integration_id, from.posture_integrations[1].id);
  EXPECT_FALSE(rule.require_managed);
  EXPECT_EQ(rule.max_checkin_age, std::chrono::hours(24));
  EXPECT_EQ(rule.max_evidence_age, std::chrono::minutes(10));
  EXPECT_TRUE(rule.require_patched);
  ASSERT_TRUE(rule.vulnerability_score);
  EXPECT_EQ(rule.vulnerability_score->comparison, decision::Comparison::LessOrEqual);
  EXPECT_EQ(rule.vulnerability_score->value, 40);
  EXPECT_FALSE(snapshot->posture_rule(0).require_patched);
  EXPECT_FALSE(snapshot->posture_rule(0).vulnerability_score);
  EXPECT_EQ(snapshot->group(1).name, "Inner");

  const auto* token = snapshot->service_token_by_client_id(from.service_tokens[0].client_id);
  ASSERT_NE(token, nullptr);
  EXPECT_EQ(hex_encode(token->secret_sha256), from.service_tokens[0].client_secret_hash);
  EXPECT_EQ(token->expires_at, from.service_tokens[0].expires_at);
  EXPECT_FALSE(token->enabled);
}

TEST(SnapshotDocument, PostureIntegrationsAreFoundThroughGroups) {
  const model::Resources from = resources();
  const auto snapshot = compile_snapshot(document_of(from), selectors::registry()).value();
  std::vector<std::string> both{from.posture_integrations[0].id, from.posture_integrations[1].id};
  std::sort(both.begin(), both.end());
  const auto integrations_of = [&](std::string_view host) {
    return snapshot->find_application(host, "/")->posture_integrations;
  };
  EXPECT_EQ(integrations_of("wiki.example.com"), both);
  EXPECT_EQ(integrations_of("shop.example.com"), std::vector<std::string>{});
  EXPECT_EQ(integrations_of("nested.example.com"),
            std::vector<std::string>{from.posture_integrations[1].id});
}

TEST(SnapshotDocument, RefusesWhatItDoesNotKnow) {
  struct {
    std::string_view name;
    std::string_view pointer;
    std::string_view value;  // empty: erased
    std::string_view expected;
  } cases[] = {
      {"no format", "/format", "", "/format: is required"},
      {"older format", "/format", "1",
       "/format: must be 2: another version of the gateway wrote this"},
      {"newer format", "/format", "3",
       "/format: must be 2: another version of the gateway wrote this"},
      {"format as text", "/format", "\"2\"",
       "/format: must be 2: another version of the gateway wrote this"},
      {"no sequence", "/sequence", "", "/sequence: must be a whole number"},
      {"negative sequence", "/sequence", "-1", "/sequence: must be a whole number"},
      {"largest sequence", "/sequence", "18446744073709551615", ""},
      {"no time", "/published_at", "", "/published_at: is required"},
      {"no issuer", "/organization/issuer", "", "/organization/issuer: is required"},
      {"no keys", "/keys/keys", "[]", "/keys: must be a set of public keys: "},
      {"keys absent", "/keys", "", "/keys: must be a set of public keys: "},
      {"new section", "/tags", "[]", "/tags: is not a known key"},
      {"section of the authored form", "/policies", "[]", "/policies: is not a known key"},
      {"named policy", "/applications/1/policies/0", "\"All\"",
       "/applications/1/policies/0: there is no reusable policy `All`"},
      {"new type of list", "/lists/0/type", "\"URL\"", "/lists/0/type: must be one of: EMAIL, IP"},
      {"bad list item", "/lists/0/items/0/value", "\"alice\"",
       "/lists/0/items/0/value: must be an email address"},
      {"bad authority", "/mtls_certificates/0/certificate", "\"x\"",
       "/mtls_certificates/0/certificate: is not PEM"},
      {"dangling page", "/organization/custom_pages/forbidden", "\"Nowhere\"",
       "/organization/custom_pages/forbidden: there is no custom page `Nowhere`"},
      {"dangling page of an application", "/applications/0/custom_pages/0", "\"Nowhere\"",
       "/applications/0/custom_pages/0: there is no custom page `Nowhere`"},
      {"new selector", "/applications/1/policies/0/include/0", R"({"moon_phase": {}})",
       "/applications/1/policies/0/include/0/moon_phase: is not a known kind of rule"},
      {"new action", "/applications/1/policies/0/decision", "\"isolate\"",
       "/applications/1/policies/0/decision: must be one of"},
      {"new posture type", "/device_posture_rules/0/type", "\"jamf\"",
       "/device_posture_rules/0/type: must be one of: file, application, tanium, "},
      {"input of a type without evidence", "/device_posture_rules/0/type", "\"intune\"",
       "/device_posture_rules/0/input: is not a known key"},
      {"bookmark", "/applications/1", R"({"name": "x", "type": "bookmark"})",
       "/applications/1/type: must not be bookmark"},
      {"dangling group", "/groups/0/include/0/group/id", "\"Nobody\"",
       "/groups/0/include/0/group/id: there is no group `Nobody`"},
      {"dangling login method", "/applications/0/allowed_idps/0", "\"Nobody\"",
       "/applications/0/allowed_idps/0: there is no identity provider `Nobody`"},
      {"circle", "/groups/1/include/0", R"({"group": {"id": "Outer"}})",
       "/groups/1: groups contain each other: Outer -> Inner -> Outer"},
      {"domain with a port", "/applications/1/domain", "\"a.example.com:1\"",
       "/applications/1/domain: must not have a port"},
  };
  const json::value good = document_of(resources());
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    json::value document = good;
    if (c.value.empty()) {
      take_away(document, c.pointer);
    } else {
      put(document, c.pointer, json::parse(c.value).value());
    }
    const std::string problems = compile_problems(document);
    EXPECT_EQ(problems.substr(0, c.expected.size()), c.expected);
    EXPECT_EQ(problems.empty(), c.expected.empty()) << problems;
    EXPECT_EQ(problems.find('\n'), std::string::npos) << problems;
  }
  EXPECT_EQ(compile_problems(json::array()), ": must be an object");
}

TEST(SnapshotDocument, ReusablePoliciesStandInTheirApplications) {
  const model::Resources from = resources();
  const json::value document = document_of(from);
  EXPECT_EQ(document.at("applications").at(3).at("policies").at(0).at("id"),
            json::value(from.policies[0].id));
  const auto snapshot = compile_snapshot(document, selectors::registry()).value();
  const auto* board = snapshot->find_application("board.example.com", "/");
  ASSERT_NE(board, nullptr);
  ASSERT_EQ(board->policies.size(), 2u);
  EXPECT_EQ(board->policies[0].id, from.policies[0].id);
  EXPECT_TRUE(board->policies[0].purpose_justification_required);
  EXPECT_EQ(board->policies[0].purpose_justification_prompt, "Why?");
  EXPECT_EQ(board->policies[0].rules.include.size(), 1u);
  EXPECT_FALSE(board->policies[1].purpose_justification_required);
}

TEST(SnapshotDocument, Lists) {
  const auto snapshot = compile_snapshot(document_of(resources()), selectors::registry()).value();
  const decision::CompiledList& board = snapshot->list(0);
  EXPECT_EQ(board.name, "Board");
  EXPECT_EQ(board.type, model::ListType::Email);
  EXPECT_EQ(board.emails.size(), 1u);
  EXPECT_TRUE(board.emails.contains(std::string_view("alice@example.com")));
  const decision::CompiledList& offices = snapshot->list(1);
  EXPECT_EQ(offices.type, model::ListType::Ip);
  EXPECT_TRUE(offices.networks.contains(*IpAddress::parse("192.0.2.255")));
  EXPECT_TRUE(offices.networks.contains(*IpAddress::parse("2001:db8:ffff::1")));
  EXPECT_FALSE(offices.networks.contains(*IpAddress::parse("192.0.3.0")));
}

TEST(SnapshotDocument, ClientCertificatesBelongToTheirHosts) {
  const auto snapshot = compile_snapshot(document_of(resources()), selectors::registry()).value();
  const auto* wiki = snapshot->client_certificates("wiki.example.com");
  const auto* shop = snapshot->client_certificates("shop.example.com");
  const auto* others = snapshot->client_certificates("board.example.com");
  EXPECT_NE(wiki, nullptr);
  EXPECT_NE(shop, nullptr);
  EXPECT_NE(others, nullptr);
  EXPECT_NE(wiki, shop);
  EXPECT_NE(wiki, others);
  EXPECT_NE(shop, others);
  EXPECT_EQ(snapshot->client_certificates("example.com"), nullptr);
  EXPECT_EQ(snapshot->client_certificates("a.b.example.com"), nullptr);
}

TEST(SnapshotDocument, WhatDecisionsNeedIsFoundThroughGroups) {
  const auto snapshot = compile_snapshot(document_of(resources()), selectors::registry()).value();
  const auto* board = snapshot->find_application("board.example.com", "/");
  EXPECT_TRUE(board->uses_country);
  ASSERT_EQ(board->evaluators.size(), 2u);
  const auto find = [&](std::string_view evaluate_url, std::string_view keys_url) {
    const std::string key = decision::evaluation_key(evaluate_url, keys_url);
    return std::find_if(board->evaluators.begin(), board->evaluators.end(),
                        [&](const decision::Evaluator& entry) { return entry.key == key; });
  };
  const auto shared = find("https://eval.example/e", "https://eval.example/k");
  ASSERT_NE(shared, board->evaluators.end());
  EXPECT_EQ(shared->evaluate_url, "https://eval.example/e");
  EXPECT_EQ(shared->keys_url, "https://eval.example/k");
  EXPECT_EQ(shared->max_age, std::chrono::minutes(5));  // the strictest
  const auto other = find("https://other.example/e", "https://other.example/k");
  ASSERT_NE(other, board->evaluators.end());
  EXPECT_EQ(other->max_age, std::chrono::hours(1));
  const auto* wiki = snapshot->find_application("wiki.example.com", "/");
  EXPECT_FALSE(wiki->uses_country);
  EXPECT_TRUE(wiki->evaluators.empty());
}

TEST(SnapshotDocument, PagesAreTheApplicationsElseTheOrganizations) {
  const auto snapshot = compile_snapshot(document_of(resources()), selectors::registry()).value();
  const auto* wiki = snapshot->find_application("wiki.example.com", "/");
  const auto* shop = snapshot->find_application("shop.example.com", "/");
  const auto* board = snapshot->find_application("board.example.com", "/");
  EXPECT_EQ(*wiki->forbidden_page, "<h1>No wiki</h1>");
  EXPECT_EQ(*wiki->identity_denied_page, "<h1>Who?</h1>");
  EXPECT_EQ(*shop->forbidden_page, "<h1>Closed</h1>");
  EXPECT_EQ(shop->identity_denied_page, nullptr);
  // One text, however many show it.
  EXPECT_EQ(board->forbidden_page, shop->forbidden_page);
  EXPECT_EQ(board->identity_denied_page, wiki->identity_denied_page);
}

// The seed that the fuzzer starts from is a whole, good document.
TEST(SnapshotDocument, SeedCompiles) {
  const auto document = json::parse(testdata("snapshot_fuzz/complete.json"));
  ASSERT_TRUE(document);
  EXPECT_EQ(compile_problems(*document), "");
}

}  // namespace
}  // namespace gatehouse::policy
