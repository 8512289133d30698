#include "policy/snapshot_document.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "base/encoding.h"
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

model::Resources resources() {
  json::value document = json::parse(R"json({
        "organization": {"name": "Example", "auth_domain": "auth.example.com",
                         "node_state_max_age": "2h"},
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
           "input": {"connection_id": "Tanium B", "managed": false, "max_checkin_age": "24h"}}],
        "groups": [
          {"name": "Outer", "include": [{"group": {"id": "Inner"}}]},
          {"name": "Inner", "include": [{"everyone": {}}],
           "exclude": [{"device_posture": {"integration_uid": "B"}}]}],
        "service_tokens": [
          {"name": "Robot", "expires_at": "2030-01-31T00:00:00Z", "enabled": false,
           "client_secret_hash":
             "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}],
        "applications": [
          {"name": "Wiki", "domain": "wiki.example.com", "session_duration": "8h",
           "self_hosted_domains": ["wiki.example.com/docs"], "decision_headers": true,
           "allowed_idps": ["Corporate"], "same_site_cookie_attribute": "lax",
           "http_only_cookie_attribute": false, "auto_redirect_to_identity": true,
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
                         "include": [{"group": {"id": "Outer"}}]}]}],
        "ingress": [{"service": "http://127.0.0.1:8080"}]
      })json")
                             .value();
  static const std::string kPem = jose::PrivateKey::generate_p256().public_key().to_spki_pem();
  for (const char* index : {"0", "1"}) {
    put(document, fmt::format("/device_posture_integrations/{}/config/public_certificate", index),
        json::value(kPem));
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

  ASSERT_EQ(snapshot->applications().size(), 3u);
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
      {"newer format", "/format", "2",
       "/format: must be 1: another version of the gateway wrote this"},
      {"format as text", "/format", "\"1\"",
       "/format: must be 1: another version of the gateway wrote this"},
      {"no sequence", "/sequence", "", "/sequence: must be a whole number"},
      {"negative sequence", "/sequence", "-1", "/sequence: must be a whole number"},
      {"largest sequence", "/sequence", "18446744073709551615", ""},
      {"no time", "/published_at", "", "/published_at: is required"},
      {"no issuer", "/organization/issuer", "", "/organization/issuer: is required"},
      {"no keys", "/keys/keys", "[]", "/keys: must be a set of public keys: "},
      {"keys absent", "/keys", "", "/keys: must be a set of public keys: "},
      {"new section", "/lists", "[]", "/lists: is not a known key"},
      {"new selector", "/applications/1/policies/0/include/0", R"({"moon_phase": {}})",
       "/applications/1/policies/0/include/0/moon_phase: is not a known kind of rule"},
      {"new action", "/applications/1/policies/0/decision", "\"isolate\"",
       "/applications/1/policies/0/decision: must be one of"},
      {"new posture type", "/device_posture_rules/0/type", "\"intune\"",
       "/device_posture_rules/0/type: must be one of: tanium"},
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

// The seed that the fuzzer starts from is a whole, good document.
TEST(SnapshotDocument, SeedCompiles) {
  std::ifstream in(GATEHOUSE_TESTDATA "/snapshot_fuzz/complete.json", std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const auto document = json::parse(text);
  ASSERT_TRUE(document);
  EXPECT_EQ(compile_problems(*document), "");
}

}  // namespace
}  // namespace gatehouse::policy
