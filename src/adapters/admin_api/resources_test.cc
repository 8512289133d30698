// The kinds of resources: what is written is read back, and what only the gateway knows is added.
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <memory>
#include <set>
#include <thread>

#include "adapters/admin_api/test_api.h"
#include "base/encoding.h"
#include "crypto/digest.h"
#include "model/resources.h"

namespace gatehouse::adapters::admin_api {
namespace {

using test::Answer;
using test::TestApi;

json::object parsed(std::string_view text) { return json::parse(text).value().as_object(); }

std::string text_at(const json::value& object, std::string_view key) {
  const json::value* value = object.as_object().if_contains(key);
  return value == nullptr || !value->is_string() ? "" : std::string(value->get_string());
}

// Every key of `sent` but secrets stands in `shown` with the same value.
void expect_shown(const json::object& shown, const json::object& sent,
                  std::string_view where = "") {
  for (const auto& [key, value] : sent) {
    if (key.find("secret") != std::string_view::npos && value.is_string()) {
      EXPECT_FALSE(shown.contains(key)) << where << key;
      continue;
    }
    ASSERT_TRUE(shown.contains(key)) << where << key << " in " << json::serialize(shown);
    if (value.is_object()) {
      expect_shown(shown.at(key).as_object(), value.as_object(), std::string(key) + ".");
    } else {
      EXPECT_EQ(shown.at(key), value) << where << key;
    }
  }
}

std::string authority_certificate() {
  const std::shared_ptr<EVP_PKEY> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::shared_ptr<X509> certificate(X509_new(), X509_free);
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()), 1'700'000'000);
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), 1'900'000'000);
  X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate.get()), NID_commonName,
                             MBSTRING_UTF8, reinterpret_cast<const unsigned char*>("CA"), 2, -1, 0);
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
  X509_set_pubkey(certificate.get(), key.get());
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate.get(), certificate.get(), nullptr, nullptr, 0);
  const std::shared_ptr<X509_EXTENSION> extension(
      X509V3_EXT_conf_nid(nullptr, &context, NID_basic_constraints, "critical,CA:TRUE"),
      X509_EXTENSION_free);
  X509_add_ext(certificate.get(), extension.get(), -1);
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  const std::shared_ptr<BIO> bio(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_X509(bio.get(), certificate.get());
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

struct Kind {
  const char* name;
  std::string path;
  json::object body;
  json::object changed;
  std::string change = "PUT";
  int created = 201;
  int removed = 202;
  std::string id_key = "id";
  bool is_paged = true;
};

std::vector<Kind> kinds(TestApi& api) {
  const std::string integration =
      text_at(api.get("devices/posture/integration").result().at(0), "id");
  return {
      {"application", "access/apps",
       parsed(R"({"domain": "a.example.com/x", "type": "self_hosted", "name": "A",
                  "session_duration": "90m", "app_launcher_visible": false,
                  "allowed_idps": [], "auto_redirect_to_identity": true,
                  "logo_url": "https://example.com/a.png", "allow_iframe": true,
                  "cors_headers": {"allow_all_methods": true, "allowed_origins":
                     ["https://b.example.com"], "max_age": 5}})"),
       parsed(R"({"domain": "a.example.com", "type": "self_hosted", "name": "A2"})")},
      {"application of type bookmark", "access/apps",
       parsed(R"({"domain": "https://example.net/x", "type": "bookmark", "name": "B",
                  "app_launcher_visible": true})"),
       parsed(R"({"domain": "https://example.net/y", "type": "bookmark", "name": "B"})")},
      {"policy", "access/policies",
       parsed(R"({"name": "P", "decision": "allow", "include": [{"email_domain":
                  {"domain": "example.com"}}], "exclude": [], "require": [],
                  "session_duration": "30m", "purpose_justification_required": true,
                  "purpose_justification_prompt": "Why?", "approval_required": false,
                  "approval_groups": [], "isolation_required": false})"),
       parsed(R"({"name": "P2", "decision": "deny", "include": [{"everyone": {}}]})")},
      {"group", "access/groups",
       parsed(R"({"name": "G", "include": [{"email": {"email": "a@example.com"}}],
                  "exclude": [{"ip": {"ip": "192.0.2.0/24"}}], "require": [],
                  "is_default": false})"),
       parsed(R"({"name": "G2", "include": [{"everyone": {}}]})")},
      {"identity provider", "access/identity_providers",
       parsed(R"({"name": "GitHub", "type": "github", "config":
                  {"client_id": "id", "client_secret": "hidden-secret"}})"),
       parsed(R"({"name": "Hub", "type": "github", "config": {"client_id": "other"}})")},
      {"tag", "access/tags", parsed(R"({"name": "engineers"})"), parsed(R"({"name": "engineers"})"),
       "PUT", 201, 202, "name"},
      {"custom page", "access/custom_pages",
       parsed(R"({"name": "No", "type": "forbidden", "contract_version": 1})"),
       parsed(R"({"name": "Nope", "type": "forbidden", "custom_html": "<p>No</p>"})"), "PUT", 201,
       202, "uid"},
      {"posture rule", "devices/posture",
       parsed(R"({"name": "R", "type": "os_version", "description": "d", "schedule": "5m",
                  "expiration": "1h", "match": [{"platform": "windows"}], "input":
                  {"operating_system": "windows", "operator": ">=", "version": "10.0.1"}})"),
       parsed(R"({"name": "R2", "type": "firewall", "input":
                  {"operating_system": "mac", "enabled": true}})"),
       "PUT", 200, 200, "id", false},
      {"posture rule of ours",
       "devices/posture",
       {{"name", "T"},
        {"type", "tanium"},
        {"expiration", "1h"},
        {"input", {{"connection_id", integration}}}},
       {{"name", "T2"},
        {"type", "tanium"},
        {"expiration", "2h"},
        {"input", {{"connection_id", integration}}}},
       "PUT",
       200,
       200,
       "id",
       false},
      {"posture integration", "devices/posture/integration",
       parsed(R"({"name": "I", "type": "intune", "interval": "10m", "config":
                  {"client_id": "c", "client_secret": "hidden-secret", "customer_id": "t"}})"),
       parsed(R"({"name": "I2", "config": {"customer_id": "u"}})"), "PATCH", 200, 200, "id", false},
      {"list", "gateway/lists", parsed(R"({"name": "L", "type": "EMAIL", "description": "d"})"),
       parsed(R"({"name": "L2", "description": "e"})"), "PUT", 200, 200, "id", false},
      {"certificate",
       "access/certificates",
       {{"name", "C"}, {"certificate", authority_certificate()}},
       parsed(R"({"name": "C2", "associated_hostnames": []})"),
       "PUT",
       201,
       200},
  };
}

TEST(Resources, AreWrittenReadListedChangedAndRemoved) {
  TestApi api;
  for (Kind& kind : kinds(api)) {
    SCOPED_TRACE(kind.name);
    if (kind.path == "access/custom_pages") kind.body["custom_html"] = "<h1>No</h1>";
    const auto count = api.get(kind.path).result().as_array().size();

    const auto created = api.send("POST", kind.path, kind.body);
    ASSERT_EQ(created.status, kind.created) << created.text;
    const std::string id = text_at(created.result(), kind.id_key);
    const std::string one = kind.path + "/" + id;
    EXPECT_EQ(text_at(created.result(), "created_at"), "2027-01-15T08:00:00Z");
    EXPECT_EQ(text_at(created.result(), "updated_at"), "2027-01-15T08:00:00Z");

    const auto read = api.get(one);
    ASSERT_EQ(read.status, 200);
    expect_shown(read.result().as_object(), kind.body);
    expect_shown(read.result().as_object(), created.result().as_object());
    EXPECT_EQ(read.header("ETag"), created.header("ETag"));
    EXPECT_EQ(read.text.find("hidden-secret"), std::string::npos);

    const auto listed = api.get(kind.path);
    ASSERT_EQ(listed.result().as_array().size(), count + 1);
    EXPECT_EQ(text_at(listed.result().as_array().back(), kind.id_key), id);
    EXPECT_EQ(api.get(kind.path + "?page=2").result().as_array().size(),
              kind.is_paged ? 0U : count + 1);
    EXPECT_EQ(listed.document.at("result_info").at("total_count"), count + 1);

    // What was read can be written again and is the same: nothing changes.
    auto before = api.sequence();
    const auto again = api.send(kind.change, one, read.result());
    ASSERT_EQ(again.status, 200) << again.text;
    EXPECT_EQ(api.sequence(), before);
    EXPECT_EQ(again.header("ETag"), read.header("ETag"));
    EXPECT_EQ(api.get(one).text, read.text);

    // Somebody else was faster.
    const auto stale = api.send(kind.change, one, kind.changed, {{"If-Match", "\"old\""}});
    EXPECT_EQ(stale.status, 412);
    EXPECT_EQ(stale.code(), kChanged);
    EXPECT_EQ(api.send("DELETE", one, nullptr, {{"If-Match", "\"old\""}}).status, 412);
    EXPECT_EQ(api.sequence(), before);

    api.gateway.now += std::chrono::seconds{60};
    const auto changed =
        api.send(kind.change, one, kind.changed, {{"If-Match", "\"x\", " + read.header("ETag")}});
    ASSERT_EQ(changed.status, 200) << changed.text;
    const auto reread = api.get(one);
    expect_shown(reread.result().as_object(), kind.changed);
    EXPECT_EQ(text_at(reread.result(), "created_at"), text_at(read.result(), "created_at"));
    if (kind.body != kind.changed) {
      EXPECT_EQ(text_at(reread.result(), "updated_at"), "2027-01-15T08:01:00Z");
      EXPECT_NE(reread.header("ETag"), read.header("ETag"));
    }
    api.gateway.now -= std::chrono::seconds{60};

    const auto removed = api.send("DELETE", one);
    EXPECT_EQ(removed.status, kind.removed) << removed.text;
    before = api.sequence();
    for (const std::string method : {"GET", "DELETE"}) {
      const auto missing = api.send(method, one);
      EXPECT_EQ(missing.status, 404);
      EXPECT_EQ(missing.code(), kNotFound);
    }
    EXPECT_EQ(api.send(kind.change, one, kind.changed).status, 404);
    EXPECT_EQ(api.sequence(), before);
    EXPECT_EQ(api.get(kind.path).result().as_array().size(), count);
  }
}

TEST(Resources, WhatIsNeededElsewhereStays) {
  TestApi api;
  const auto find = [&](const std::string& path, const char* name) {
    return path + "/" + text_at(api.get(path + "?name=" + name).result().at(0), "id");
  };
  const auto before = api.sequence();
  for (const std::string& one :
       {find("access/groups", "machines"), find("access/identity_providers", "Code"),
        find("access/service_tokens", "backup")}) {
    const auto answer = api.send("DELETE", one);
    EXPECT_EQ(answer.status, 400) << one << answer.text;
    EXPECT_EQ(answer.code(), kInvalidRequest);
    EXPECT_NE(answer.message().find("in use"), std::string::npos) << answer.message();
  }
  EXPECT_EQ(api.sequence(), before);
}

TEST(Resources, ListsAreFiltered) {
  TestApi api;
  const std::string aud = text_at(api.get("access/apps").result().at(0), "aud");
  struct Case {
    std::string path;
    std::size_t count;
  };
  for (const Case& test : std::vector<Case>{{"access/apps?name=Wiki", 1},
                                            {"access/apps?name=i", 2},
                                            {"access/apps?name=i&exact=true", 0},
                                            {"access/apps?name=Wiki&exact=true", 1},
                                            {"access/apps?domain=wiki.example.com", 1},
                                            {"access/apps?domain=example.com", 5},
                                            {"access/apps?domain=example.com&exact=true", 0},
                                            {"access/apps?aud=" + aud, 1},
                                            {"access/apps?aud=" + aud.substr(1), 0},
                                            {"access/apps?search=PAYROLL", 1},
                                            {"access/apps?search=console", 1},
                                            {"access/apps?search=" + aud, 1},
                                            {"access/groups?name=machines", 1},
                                            {"access/groups?name=machine", 0},
                                            {"access/groups?search=CHIN", 1},
                                            {"access/service_tokens?name=backup", 1},
                                            {"access/service_tokens?search=u", 2},
                                            {"access/identity_providers?scim_enabled=true", 0},
                                            {"access/identity_providers?scim_enabled=false", 2}}) {
    SCOPED_TRACE(test.path);
    EXPECT_EQ(api.get(test.path).result().as_array().size(), test.count);
  }
}

TEST(Resources, AnApplicationKeepsItsAudience) {
  TestApi api;
  const auto created =
      api.send("POST", "access/apps", parsed(R"({"domain": "a.example.com", "type": "self_hosted",
                                           "aud": "mine", "id": "mine"})"));
  ASSERT_EQ(created.status, 201) << created.text;
  const std::string aud = text_at(created.result(), "aud");
  EXPECT_EQ(aud.size(), 64U);
  EXPECT_EQ(text_at(created.result(), "name"), "a.example.com");
  const auto changed =
      api.send("PUT", "access/apps/" + text_at(created.result(), "id"),
               parsed(R"({"domain": "b.example.com", "type": "self_hosted", "aud": "mine"})"));
  ASSERT_EQ(changed.status, 200) << changed.text;
  EXPECT_EQ(text_at(changed.result(), "aud"), aud);
  EXPECT_EQ(text_at(changed.result(), "domain"), "b.example.com");
}

class ApplicationPolicies : public testing::Test {
 protected:
  std::string make(const json::value& policies) {
    const auto created =
        api.send("POST", "access/apps",
                 {{"domain", "a.example.com"}, {"type", "self_hosted"}, {"policies", policies}});
    EXPECT_EQ(created.status, 201) << created.text;
    return "access/apps/" + text_at(created.result(), "id");
  }
  // name:precedence, in their order.
  std::string order(const std::string& app) {
    std::string text;
    const auto answer = api.get(app + "/policies");
    for (const json::value& policy : answer.result().as_array())
      text +=
          text_at(policy, "name") + ":" + std::to_string(policy.at("precedence").as_int64()) + " ";
    return text;
  }
  json::object policy(std::string_view name) {
    return {{"name", name},
            {"decision", "deny"},
            {"include", {json::object{{"everyone", json::object{}}}}}};
  }
  std::string reusable(std::string_view name) {
    const auto created = api.send("POST", "access/policies", policy(name));
    EXPECT_EQ(created.status, 201) << created.text;
    return text_at(created.result(), "id");
  }

  TestApi api;
};

TEST_F(ApplicationPolicies, InEveryFormOfTheOriginal) {
  const std::string first = reusable("first");
  const std::string second = reusable("second");
  auto own = policy("own");
  own["precedence"] = 7;
  const std::string app =
      make(json::array{json::value(first), json::object{{"id", second}, {"precedence", 9}}, own});
  EXPECT_EQ(order(app), "first:1 own:7 second:9 ");
  const auto shown = api.get(app).result().at("policies").as_array();
  ASSERT_EQ(shown.size(), 3U);
  EXPECT_EQ(shown[0].at("reusable"), true);
  EXPECT_EQ(shown[1].at("reusable"), false);
  EXPECT_EQ(shown[1].at("decision"), "deny");
  EXPECT_EQ(shown[1].at("require"), json::value(json::array{}));
  EXPECT_EQ(api.get("access/policies/" + first).result().at("app_count"), 1);
  EXPECT_EQ(api.get("access/policies").result().at(1).at("app_count"), 1);

  // Another order, one left out, one named by its id alone.
  const auto changed = api.send(
      "PUT", app,
      {{"domain", "a.example.com"},
       {"type", "self_hosted"},
       {"policies", json::array{json::value(second), json::object{{"id", shown[1].at("id")}}}}});
  ASSERT_EQ(changed.status, 200) << changed.text;
  EXPECT_EQ(order(app), "second:1 own:2 ");
  EXPECT_EQ(changed.result().at("policies").at(1).at("id"), shown[1].at("id"));

  // What an application was shown as is a link all the same; a link changes nothing of its policy.
  json::object whole = changed.result().as_object();
  ASSERT_EQ(api.send("PUT", app, whole).status, 200);
  EXPECT_EQ(order(app), "second:1 own:2 ");
  whole["policies"].as_array()[0].as_object()["decision"] = "bypass";
  const auto refused = api.send("PUT", app, whole);
  EXPECT_EQ(refused.status, 400);
  EXPECT_NE(refused.message().find("policies[0].decision: the policy is reusable"),
            std::string::npos)
      << refused.message();
  EXPECT_EQ(text_at(api.get("access/policies/" + second).result(), "decision"), "deny");

  // An application that does not speak of its policies keeps them.
  ASSERT_EQ(api.send("PUT", app, {{"domain", "c.example.com"}, {"type", "self_hosted"}}).status,
            200);
  EXPECT_EQ(order(app), "second:1 own:2 ");
  ASSERT_EQ(
      api.send("PUT", app,
               {{"domain", "c.example.com"}, {"type", "self_hosted"}, {"policies", json::array{}}})
          .status,
      200);
  EXPECT_EQ(order(app), "");
}

TEST_F(ApplicationPolicies, AreMadeChangedAndRemovedOneByOne) {
  const std::string linked = reusable("linked");
  const std::string app = make(json::array{});
  auto body = policy("one");
  const auto one = api.send("POST", app + "/policies", body);
  ASSERT_EQ(one.status, 201) << one.text;
  const std::string id = text_at(one.result(), "id");
  EXPECT_EQ(one.result().at("precedence"), 1);
  ASSERT_EQ(api.send("POST", app + "/policies", {{"id", linked}, {"precedence", 5}}).status, 201);
  ASSERT_EQ(api.send("POST", app + "/policies", policy("three")).status, 201);
  EXPECT_EQ(order(app), "one:1 linked:5 three:6 ");
  EXPECT_EQ(api.send("POST", app + "/policies", {{"id", linked}}).status, 400);

  const auto read = api.get(app + "/policies/" + id);
  EXPECT_EQ(read.result(), one.result());
  body["precedence"] = 8;
  body["session_duration"] = "1h";
  EXPECT_EQ(api.send("PUT", app + "/policies/" + id, body, {{"If-Match", "\"old\""}}).status, 412);
  const auto changed =
      api.send("PUT", app + "/policies/" + id, body, {{"If-Match", read.header("ETag")}});
  ASSERT_EQ(changed.status, 200) << changed.text;
  EXPECT_EQ(text_at(changed.result(), "session_duration"), "1h");
  EXPECT_EQ(order(app), "linked:5 three:6 one:8 ");

  // A reusable one is changed where it stands; only its place is the application's.
  const auto refused = api.send("PUT", app + "/policies/" + linked, policy("other"));
  EXPECT_EQ(refused.status, 400);
  EXPECT_NE(refused.message().find("name: the policy is reusable"), std::string::npos);
  EXPECT_EQ(api.send("PUT", app + "/policies/" + linked, {{"precedence", 9}}).status, 200);
  EXPECT_EQ(order(app), "three:6 one:8 linked:9 ");

  EXPECT_EQ(api.send("DELETE", app + "/policies/" + id).status, 202);
  EXPECT_EQ(api.get(app + "/policies/" + id).status, 404);
  EXPECT_EQ(api.send("DELETE", app + "/policies/" + linked).status, 202);
  EXPECT_EQ(order(app), "three:6 ");
  EXPECT_EQ(api.get("access/policies/" + linked).result().at("app_count"), 0);
  EXPECT_EQ(api.send("DELETE", app + "/policies/" + linked).status, 404);
}

TEST_F(ApplicationPolicies, AtOnceFromManySidesAreAllThere) {
  const std::string app = make(json::array{});
  constexpr int kSides = 4;
  constexpr int kEach = 5;
  std::vector<std::thread> sides;
  std::atomic<int> made{0};
  for (int side = 0; side < kSides; ++side) {
    sides.emplace_back([&, side] {
      for (int i = 0; i < kEach; ++i) {
        const auto name = std::to_string(side) + "-" + std::to_string(i);
        if (api.send("POST", app + "/policies", policy(name)).status == 201) ++made;
      }
    });
  }
  for (auto& side : sides) side.join();
  EXPECT_EQ(made, kSides * kEach);
  const auto answer = api.get(app + "/policies");
  std::set<std::int64_t> precedences;
  for (const json::value& policy : answer.result().as_array())
    precedences.insert(policy.at("precedence").as_int64());
  EXPECT_EQ(precedences.size(), static_cast<std::size_t>(kSides * kEach));
}

TEST_F(ApplicationPolicies, BecomeReusable) {
  const std::string app = make(json::array{policy("one"), policy("two")});
  const std::string id = text_at(api.get(app + "/policies").result().at(1), "id");
  const auto made = api.send("PUT", app + "/policies/" + id + "/make_reusable");
  ASSERT_EQ(made.status, 200) << made.text;
  EXPECT_EQ(made.result().at(0).at("id"), json::value(id));
  EXPECT_EQ(made.result().at(0).at("reusable"), true);
  EXPECT_EQ(order(app), "one:1 two:2 ");
  EXPECT_EQ(api.get("access/policies/" + id).result().at("app_count"), 1);
  EXPECT_EQ(api.send("PUT", app + "/policies/" + id + "/make_reusable").status, 400);
  EXPECT_EQ(api.send("DELETE", "access/policies/" + id).status, 400);
}

TEST(Resources, SettingsOfAnApplication) {
  TestApi api;
  const std::string settings =
      "access/apps/" + text_at(api.get("access/apps").result().at(0), "id") + "/settings";
  const auto set = api.send("PUT", settings, {{"allow_iframe", true}, {"skip_interstitial", true}});
  EXPECT_EQ(set.status, 202);
  EXPECT_EQ(set.result(), json::value({{"allow_iframe", true}, {"skip_interstitial", true}}));
  const auto patched = api.send("PATCH", settings, {{"allow_iframe", false}});
  EXPECT_EQ(patched.result(), json::value({{"allow_iframe", false}, {"skip_interstitial", true}}));
  const auto put = api.send("PUT", settings, {{"allow_iframe", true}});
  EXPECT_EQ(put.result(), json::value({{"allow_iframe", true}, {"skip_interstitial", false}}));
}

TEST(Resources, TokensOfAnApplicationAreRevoked) {
  TestApi api;
  const std::string app = "access/apps/" + text_at(api.get("access/apps").result().at(0), "id");
  EXPECT_EQ(api.send("POST", app + "/revoke_tokens").status, 202);
  const auto revocations = api.gateway.store->revocations(api.gateway.now).value();
  ASSERT_EQ(revocations.size(), 1U);
  EXPECT_EQ(revocations[0].kind, storage::RevocationKind::Application);
  EXPECT_EQ(api.send("POST", "access/apps/Wiki/revoke_tokens").status, 404);
}

TEST(Resources, OneOneTimePinAlone) {
  TestApi api;
  const auto before = api.sequence();
  const auto second =
      api.send("POST", "access/identity_providers",
               {{"name", "Pin"}, {"type", "onetimepin"}, {"config", json::object{}}});
  EXPECT_EQ(second.status, 409);
  EXPECT_EQ(second.code(), kConflict);
  EXPECT_EQ(second.header("x-should-retry"), "false");
  EXPECT_EQ(api.sequence(), before);
  const auto pin = api.get("access/identity_providers").result().at(0);
  EXPECT_EQ(pin.at("config").at("redirect_url"),
            "https://auth.example.com/cdn-cgi/access/callback");
}

TEST(Resources, AProvidersSecretIsKept) {
  TestApi api;
  const auto secret = [&] {
    const auto resources = api.gateway.gateway->resources();
    for (const auto& provider : resources->identity_providers)
      if (provider.type == "oidc")
        return std::string(model::secret_of(provider.secrets, "client_secret").reveal());
    return std::string();
  };
  const auto corp = api.get("access/identity_providers").result().at(1);
  const std::string one = "access/identity_providers/" + text_at(corp, "id");
  EXPECT_FALSE(corp.at("config").as_object().contains("client_secret"));
  json::object body = corp.as_object();
  body["name"] = "Corporate";
  ASSERT_EQ(api.send("PUT", one, body).status, 200);
  EXPECT_EQ(secret(), controlplane::test::kClientSecret);
  body["config"].as_object()["client_secret"] = "**********";
  ASSERT_EQ(api.send("PUT", one, body).status, 200);
  EXPECT_EQ(secret(), controlplane::test::kClientSecret);
  body["config"].as_object()["client_secret"] = "another";
  const auto changed = api.send("PUT", one, body);
  ASSERT_EQ(changed.status, 200);
  EXPECT_EQ(changed.text.find("another"), std::string::npos);
  EXPECT_EQ(secret(), "another");
}

class ServiceTokens : public testing::Test {
 protected:
  json::object make(const json::object& body) {
    const auto created = api.send("POST", "access/service_tokens", body);
    EXPECT_EQ(created.status, 201) << created.text;
    one = "access/service_tokens/" + text_at(created.result(), "id");
    return created.result().as_object();
  }
  [[nodiscard]] model::ServiceToken stored() const {
    const auto resources = api.gateway.gateway->resources();
    for (const auto& token : resources->service_tokens)
      if (one.ends_with(token.id)) return token;
    return {};
  }
  static std::string hash(std::string_view secret) { return hex_encode(crypto::sha256(secret)); }

  TestApi api;
  std::string one;
};

TEST_F(ServiceTokens, ShowTheirSecretOnce) {
  const auto created = make({{"name", "t"}});
  const std::string secret = text_at(created, "client_secret");
  EXPECT_EQ(secret.size(), 6U + 40U + 8U);
  EXPECT_TRUE(secret.starts_with("cfast_"));
  EXPECT_TRUE(text_at(created, "client_id").ends_with(".access"));
  EXPECT_EQ(text_at(created, "client_id").size(), 32U + 7U);
  EXPECT_EQ(text_at(created, "duration"), "8760h");
  EXPECT_EQ(text_at(created, "expires_at"), "2028-01-15T08:00:00Z");
  EXPECT_EQ(created.at("enabled"), true);
  EXPECT_EQ(stored().client_secret_hash, hash(secret));
  for (const std::string& path : {one, std::string("access/service_tokens")}) {
    const auto answer = api.get(path);
    EXPECT_EQ(answer.text.find("hash"), std::string::npos);
    EXPECT_EQ(answer.text.find(hash(secret)), std::string::npos);
    EXPECT_EQ(answer.text.find("\"client_secret\""), std::string::npos);
  }
  const auto removed = api.send("DELETE", one);
  EXPECT_EQ(removed.status, 200);
  EXPECT_EQ(text_at(removed.result(), "name"), "t");
  EXPECT_EQ(removed.text.find("hash"), std::string::npos);
}

TEST_F(ServiceTokens, EndByTheirDuration) {
  EXPECT_EQ(make({{"name", "forever"}, {"duration", "forever"}}).contains("expires_at"), false);
  EXPECT_EQ(stored().expires_at, std::nullopt);
  EXPECT_EQ(text_at(api.get(one).result(), "duration"), "forever");
  EXPECT_EQ(text_at(make({{"name", "hour"}, {"duration", "1h"}}), "expires_at"),
            "2027-01-15T09:00:00Z");
  // From its end, while that is to come.
  EXPECT_EQ(text_at(api.send("POST", one + "/refresh").result(), "expires_at"),
            "2027-01-15T10:00:00Z");
  api.gateway.now += std::chrono::hours{24};
  EXPECT_EQ(text_at(api.send("POST", one + "/refresh").result(), "expires_at"),
            "2027-01-16T09:00:00Z");
  // Another duration counts from now, the same one does not.
  api.gateway.now += std::chrono::seconds{60};
  EXPECT_EQ(text_at(api.send("PUT", one, {{"duration", "1h"}}).result(), "expires_at"),
            "2027-01-16T09:00:00Z");
  EXPECT_EQ(text_at(api.send("PUT", one, {{"duration", "2h"}}).result(), "expires_at"),
            "2027-01-16T10:01:00Z");
  const auto off = api.send("PUT", one, {{"enabled", false}});
  EXPECT_EQ(off.result().at("enabled"), false);
  EXPECT_EQ(text_at(off.result(), "name"), "hour");
  EXPECT_FALSE(stored().enabled);
}

TEST_F(ServiceTokens, OfAFileDoNotEndByARefresh) {
  one = "access/service_tokens/" +
        text_at(api.get("access/service_tokens?name=backup").result().at(0), "id");
  EXPECT_EQ(text_at(api.get(one).result(), "duration"), "forever");
  ASSERT_EQ(api.send("POST", one + "/refresh").status, 200);
  EXPECT_EQ(stored().expires_at, std::nullopt);
}

TEST_F(ServiceTokens, RotateWithAndWithoutOverlap) {
  const std::string first = text_at(make({{"name", "t"}}), "client_secret");
  const auto rotated = api.send("POST", one + "/rotate",
                                {{"previous_client_secret_expires_at", "2027-01-15T09:00:00Z"}});
  ASSERT_EQ(rotated.status, 200) << rotated.text;
  const std::string second = text_at(rotated.result(), "client_secret");
  EXPECT_NE(second, first);
  EXPECT_EQ(stored().client_secret_hash, hash(second));
  EXPECT_EQ(stored().previous_client_secret_hash, hash(first));
  EXPECT_EQ(stored().previous_client_secret_expires_at, api.gateway.now + std::chrono::hours{1});
  EXPECT_EQ(rotated.text.find(hash(first)), std::string::npos);

  const auto at_once = api.send("POST", one + "/rotate");
  ASSERT_EQ(at_once.status, 200) << at_once.text;
  EXPECT_EQ(stored().client_secret_hash, hash(text_at(at_once.result(), "client_secret")));
  EXPECT_EQ(stored().previous_client_secret_hash, "");

  // An end that has passed is none.
  ASSERT_EQ(api.send("POST", one + "/rotate",
                     {{"previous_client_secret_expires_at", "2027-01-15T08:00:00Z"}})
                .status,
            200);
  EXPECT_EQ(stored().previous_client_secret_hash, "");
}

TEST_F(ServiceTokens, RotateByTheirVersion) {
  const std::string first =
      text_at(make({{"name", "t"}, {"client_secret_version", 1}}), "client_secret");
  const auto same = api.send("PUT", one, {{"client_secret_version", 1}});
  EXPECT_EQ(same.result().as_object().contains("client_secret"), false);
  EXPECT_EQ(stored().client_secret_hash, hash(first));
  const auto next = api.send("PUT", one,
                             {{"client_secret_version", 2},
                              {"previous_client_secret_expires_at", "2027-01-15T09:00:00Z"}});
  ASSERT_EQ(next.status, 200) << next.text;
  EXPECT_EQ(stored().client_secret_hash, hash(text_at(next.result(), "client_secret")));
  EXPECT_EQ(stored().previous_client_secret_hash, hash(first));
  EXPECT_EQ(api.get(one).result().at("client_secret_version"), 2);
}

TEST(Resources, AnIntegrationsConfigIsChangedInPart) {
  TestApi api;
  const auto created =
      api.send("POST", "devices/posture/integration",
               parsed(R"({"name": "I", "type": "kolide", "interval": "10m", "config":
                          {"client_id": "c", "client_secret": "hidden-secret"}})"));
  ASSERT_EQ(created.status, 200) << created.text;
  // What every configuration of the original's description has.
  EXPECT_EQ(created.result().at("config"),
            json::value({{"client_id", "c"}, {"api_url", ""}, {"auth_url", ""}}));
  const std::string one = "devices/posture/integration/" + text_at(created.result(), "id");
  const auto secret = [&] {
    const auto resources = api.gateway.gateway->resources();
    for (const auto& integration : resources->posture_integrations)
      if (one.ends_with(integration.id))
        return std::string(model::secret_of(integration.secrets, "client_secret").reveal());
    return std::string();
  };
  ASSERT_EQ(api.send("PATCH", one, parsed(R"({"config": {"client_id": "d"}})")).status, 200);
  EXPECT_EQ(text_at(api.get(one).result().at("config"), "client_id"), "d");
  EXPECT_EQ(secret(), "hidden-secret");
  // Another type has another configuration.
  const auto other = api.send("PATCH", one, parsed(R"({"type": "intune"})"));
  EXPECT_EQ(other.status, 400) << other.text;
  EXPECT_EQ(api.send("PATCH", one,
                     parsed(R"({"type": "intune", "config": {"client_id": "e", "client_secret":
                                "other", "customer_id": "t"}})"))
                .status,
            200);
  EXPECT_EQ(secret(), "other");
}

TEST(Resources, CertificatesAndTheirHosts) {
  TestApi api;
  const std::string pem = authority_certificate();
  const auto created = api.send("POST", "access/certificates",
                                {{"name", "C"},
                                 {"certificate", pem},
                                 {"associated_hostnames", json::array{"wiki.example.com"}}});
  ASSERT_EQ(created.status, 201) << created.text;
  const std::string one = "access/certificates/" + text_at(created.result(), "id");
  EXPECT_EQ(text_at(created.result(), "expires_on"), "2030-03-17T17:46:40Z");
  EXPECT_TRUE(text_at(created.result(), "fingerprint").starts_with("SHA256 Fingerprint="));
  EXPECT_EQ(text_at(created.result(), "fingerprint").size(), 19U + 95U);

  const json::object plain{{"hostname", "wiki.example.com"},
                           {"china_network", false},
                           {"client_certificate_forwarding", false}};
  EXPECT_EQ(api.get("access/certificates/settings").result(), json::value(json::array{plain}));
  json::object forwarding = plain;
  forwarding["client_certificate_forwarding"] = true;
  const auto set =
      api.send("PUT", "access/certificates/settings", {{"settings", json::array{forwarding}}});
  EXPECT_EQ(set.status, 202) << set.text;
  EXPECT_EQ(set.result(), json::value(json::array{forwarding}));
  json::object other = plain;
  other["hostname"] = "other.example.com";
  EXPECT_EQ(
      api.send("PUT", "access/certificates/settings", {{"settings", json::array{other}}}).status,
      400);

  EXPECT_EQ(api.send("PUT", one, {{"name", "C"}}).status, 400);
  const auto another =
      api.send("PUT", one,
               {{"certificate", authority_certificate()}, {"associated_hostnames", json::array{}}});
  EXPECT_EQ(another.status, 400);
  const auto before = api.sequence();
  const auto refused = api.send("DELETE", one);
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.header("x-should-retry"), "false");
  EXPECT_EQ(api.sequence(), before);
  ASSERT_EQ(api.send("PUT", one, {{"associated_hostnames", json::array{}}}).status, 200);
  EXPECT_EQ(api.get("access/certificates/settings").result().as_array().size(), 0U);
  EXPECT_EQ(api.send("DELETE", one).status, 200);
}

TEST(Resources, TheOrganization) {
  TestApi api;
  EXPECT_EQ(text_at(api.get("access/organizations").result(), "auth_domain"), "auth.example.com");
  const auto second =
      api.send("POST", "access/organizations", {{"name", "x"}, {"auth_domain", "x.example.com"}});
  EXPECT_EQ(second.status, 409);
  const auto changed = api.send(
      "PUT", "access/organizations",
      parsed(R"({"session_duration": "2h30m", "login_design": {"header_text": "Hello"}})"));
  ASSERT_EQ(changed.status, 200) << changed.text;
  EXPECT_EQ(text_at(changed.result(), "name"), "Example Works");
  EXPECT_EQ(text_at(changed.result(), "session_duration"), "2h30m");
  EXPECT_EQ(text_at(changed.result().at("login_design"), "header_text"), "Hello");
  const auto without =
      api.send("PUT", "access/organizations", {{"login_design", nullptr}, {"name", "Works"}});
  EXPECT_FALSE(without.result().as_object().contains("login_design")) << without.text;
  EXPECT_EQ(text_at(without.result(), "session_duration"), "2h30m");
}

TEST(Resources, TagsAreCountedAndRenamed) {
  TestApi api;
  ASSERT_EQ(api.send("POST", "access/tags", {{"name", "a"}}).status, 201);
  ASSERT_EQ(api.send("POST", "access/tags", {{"name", "b c/d"}}).status, 201);
  EXPECT_EQ(api.send("POST", "access/tags", {{"name", "a"}}).status, 400);
  const auto app = api.send(
      "POST", "access/apps",
      {{"domain", "a.example.com"}, {"type", "self_hosted"}, {"tags", json::array{"a", "b c/d"}}});
  ASSERT_EQ(app.status, 201) << app.text;
  EXPECT_EQ(api.get("access/tags/b%20c%2Fd").result().at("app_count"), 1);
  EXPECT_EQ(api.send("DELETE", "access/tags/a").status, 400);
  EXPECT_EQ(api.send("PUT", "access/tags/a", {{"name", "b c/d"}}).status, 400);
  const auto renamed = api.send("PUT", "access/tags/a", {{"name", "z"}});
  ASSERT_EQ(renamed.status, 200) << renamed.text;
  EXPECT_EQ(renamed.result().at("app_count"), 1);
  EXPECT_EQ(api.get("access/tags/a").status, 404);
  EXPECT_EQ(api.get("access/apps/" + text_at(app.result(), "id")).result().at("tags"),
            json::value(json::array{"z", "b c/d"}));
}

TEST(Resources, CustomPagesAreListedWithoutThePage) {
  TestApi api;
  const auto created = api.send("POST", "access/custom_pages",
                                {{"name", "No"}, {"type", "forbidden"}, {"custom_html", "<p>No"}});
  ASSERT_EQ(created.status, 201) << created.text;
  EXPECT_FALSE(created.result().as_object().contains("custom_html"));
  EXPECT_FALSE(created.result().as_object().contains("id"));
  EXPECT_EQ(api.get("access/custom_pages").text.find("<p>"), std::string::npos);
  const std::string one = "access/custom_pages/" + text_at(created.result(), "uid");
  EXPECT_EQ(text_at(api.get(one).result(), "custom_html"), "<p>No");

  const auto sound = api.send("POST", "access/custom_pages/validate",
                              {{"template", "<p>No"}, {"type", "forbidden"}, {"version", 1}});
  EXPECT_EQ(sound.result(), json::value({{"errors", json::array{}},
                                         {"warnings", json::array{}},
                                         {"page_type", "forbidden"},
                                         {"version", 1}}));
  const auto scripted = api.send("POST", "access/custom_pages/validate",
                                 {{"template", "<SCRIPT>"}, {"type", "login"}});
  EXPECT_EQ(scripted.result().at("warnings").as_array().size(), 2U);
  const auto empty =
      api.send("POST", "access/custom_pages/validate", {{"template", ""}, {"type", "forbidden"}});
  EXPECT_EQ(empty.result().at("errors").as_array().size(), 1U);
}

TEST(Resources, BookmarksHaveTheIdOfThePath) {
  TestApi api;
  const std::string one = "access/bookmarks/6d7f4e4e-6a7c-4b53-9ab6-0c3b2b1f0a11";
  const json::object body{{"name", "B"},
                          {"domain", "example.net"},
                          {"logo_url", "https://example.net/l.png"},
                          {"app_launcher_visible", true}};
  EXPECT_EQ(api.send("PUT", one, body).status, 404);
  const auto created = api.send("POST", one, body);
  ASSERT_EQ(created.status, 200) << created.text;
  expect_shown(created.result().as_object(), body);
  EXPECT_EQ(api.send("POST", one, body).status, 400);
  EXPECT_EQ(api.send("PUT", one, {{"name", "B2"}, {"domain", "example.net"}}).status, 200);
  EXPECT_EQ(api.get("access/bookmarks").result().as_array().size(), 1U);
  // As the official library sends them: without a body.
  EXPECT_EQ(text_at(api.send("PUT", one).result(), "name"), "B2");
  const auto bare = api.send("POST", "access/bookmarks/7d7f4e4e-6a7c-4b53-9ab6-0c3b2b1f0a11");
  EXPECT_EQ(text_at(bare.result(), "name"), "Bookmark 7d7f4e4e") << bare.text;
  EXPECT_EQ(api.send("DELETE", one).status, 200);
  EXPECT_EQ(api.get(one).status, 404);
}

TEST(Resources, ItemsOfLists) {
  TestApi api;
  const auto created =
      api.send("POST", "gateway/lists", parsed(R"({"name": "L", "type": "IP", "items": [
                                           {"value": "192.0.2.1", "description": "one"},
                                           {"value": "192.0.2.2"}]})"));
  ASSERT_EQ(created.status, 200) << created.text;
  const std::string one = "gateway/lists/" + text_at(created.result(), "id");
  EXPECT_EQ(created.result().at("count"), 2);
  EXPECT_EQ(text_at(created.result().at("items").at(0), "created_at"), "2027-01-15T08:00:00Z");
  EXPECT_FALSE(api.get("gateway/lists").result().at(0).as_object().contains("items"));
  EXPECT_EQ(api.get("gateway/lists?type=EMAIL").result().as_array().size(), 0U);

  api.gateway.now += std::chrono::seconds{60};
  const auto edited =
      api.send("PATCH", one, parsed(R"({"remove": ["192.0.2.2", "192.0.2.9"], "append": [
                                          {"value": "192.0.2.3", "description": "three"},
                                          {"value": "192.0.2.1"}]})"));
  ASSERT_EQ(edited.status, 200) << edited.text;
  const auto items = api.get(one + "/items").result().as_array();
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[0], json::value({{"value", "192.0.2.1"},
                                   {"description", "one"},
                                   {"created_at", "2027-01-15T08:00:00Z"}}));
  EXPECT_EQ(text_at(items[1], "created_at"), "2027-01-15T08:01:00Z");
  EXPECT_EQ(api.get(one + "/items?page=2").result().as_array().size(), 0U);
  EXPECT_EQ(api.get(one + "/items?per_page=1&page=2").result().as_array().size(), 1U);

  const auto wrong = api.send("PATCH", one, parsed(R"({"append": [{"value": "192.0.2.4"},
                                                                  {"value": "x"}]})"));
  EXPECT_EQ(wrong.status, 400);
  EXPECT_NE(wrong.message().find("append[1].value"), std::string::npos) << wrong.message();
  EXPECT_EQ(api.send("PATCH", one, {{"remove", json::array{1}}}).status, 400);
  EXPECT_EQ(api.send("PATCH", one, {{"added", json::array{}}}).status, 400);
  EXPECT_EQ(api.send("PUT", one, {{"name", "L"}, {"type", "EMAIL"}}).status, 400);
  const auto renamed = api.send("PUT", one, {{"name", "L2"}});
  EXPECT_EQ(renamed.result().at("count"), 2);
}

TEST(Resources, EndingAPersonsSessions) {
  TestApi api;
  EXPECT_EQ(
      api.send("POST", "access/organizations/revoke_user", {{"email", "x@example.com"}}).result(),
      json::value(false));
  const auto user =
      api.gateway.store->sign_in_user("ada@example.com", "Ada", "u-1", api.gateway.now).value();
  EXPECT_EQ(
      api.send("POST", "access/organizations/revoke_user", {{"email", "Ada@example.com"}}).result(),
      json::value(true));
  EXPECT_EQ(api.send("POST", "access/organizations/revoke_user?devices=true",
                     {{"email", "ada@example.com"}, {"user_uid", user.id}, {"devices", true}})
                .result(),
            json::value(true));
  EXPECT_EQ(api.send("POST", "access/organizations/revoke_user",
                     {{"email", "ada@example.com"}, {"user_uid", "u-2"}})
                .status,
            400);
}

}  // namespace
}  // namespace gatehouse::adapters::admin_api
