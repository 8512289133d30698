// The frame around every operation: routes, credentials, rights, limits, bodies.
#include "adapters/admin_api/admin_api.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "adapters/admin_api/operations.h"
#include "adapters/admin_api/test_api.h"
#include "platform/file.h"

namespace gatehouse::adapters::admin_api {
namespace {

using test::Answer;
using test::TestApi;

constexpr std::string_view kUnknownId = "6d7f4e4e-6a7c-4b53-9ab6-0c3b2b1f0a11";

// Of all errors.
std::string messages(const Answer& answer) {
  std::string text;
  for (const json::value& error : answer.document.at("errors").as_array())
    text += std::string(error.at("message").as_string()) + "\n";
  return text;
}

void expect_error(const Answer& answer, int status, int code, std::string_view says) {
  EXPECT_EQ(answer.status, status) << answer.text;
  EXPECT_EQ(answer.document.at("success"), false);
  EXPECT_TRUE(answer.result().is_null());
  EXPECT_TRUE(answer.document.at("messages").as_array().empty());
  EXPECT_EQ(answer.code(), code) << messages(answer);
  EXPECT_NE(messages(answer).find(says), std::string::npos) << messages(answer) << says;
}

TEST(AdminApi, EveryAnswerHasTheEnvelopeAndItsHeaders) {
  TestApi api;
  const auto answer = api.send("GET", "access/groups", nullptr,
                               {{"Gatehouse-Request-Id", "0123456789abcdef0123456789abcdef"}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.document.at("success"), true);
  EXPECT_TRUE(answer.document.at("errors").as_array().empty());
  EXPECT_TRUE(answer.document.at("messages").as_array().empty());
  EXPECT_EQ(
      answer.document.at("result_info"),
      json::value(
          {{"page", 1}, {"per_page", 1000}, {"count", 1}, {"total_count", 1}, {"total_pages", 1}}));
  EXPECT_EQ(answer.header("Cache-Control"), "no-store");
  EXPECT_EQ(answer.header("Content-Type"), "application/json");
  EXPECT_EQ(answer.header("cf-ray"), "0123456789abcdef");
  EXPECT_EQ(api.get("nothing").header("cf-ray").size(), 16U);
}

TEST(AdminApi, Routes) {
  TestApi api;
  struct Case {
    const char* name;
    std::string method;
    std::string path;
    int status;
    int code;
    std::string says;
  };
  const std::string base = "/client/v4/accounts/" + api.account;
  const std::vector<Case> cases{
      {"another tree", "GET", "/client/v5/accounts", 404, kNoRoute, "/client/v5/accounts"},
      {"the root", "GET", "/client/v4/", 404, kNoRoute, "Could not route"},
      {"unknown", "GET", "access/nothing", 404, kNoRoute, "Could not route"},
      {"an empty id", "GET", "access/groups/", 404, kNoRoute, "Could not route"},
      {"a broken escape", "GET", "access/groups/%zz", 404, kNoRoute, "Could not route"},
      {"no UTF-8", "GET", "access/tags/%ff", 404, kNoRoute, "Could not route"},
      {"too deep", "GET", "access/groups/a/b", 404, kNoRoute, "Could not route"},
      {"control characters are not repeated", "GET", "/client/v4/\r\nx", 404, kNoRoute, "v4/??x"},
      {"no such group", "GET", "access/groups/" + std::string(kUnknownId), 404, kNotFound,
       "access.api.error.not_found"},
      {"an id that is none", "GET", "access/groups/..%2f..", 404, kNotFound, "not_found"},
      {"another method", "PATCH", "access/groups", 405, kNotAllowed, "method not allowed"},
      {"of the account", "POST", base, 405, kNotAllowed, "method not allowed"},
      {"SSH certificates", "GET", "access/apps/ca", 404, kNoRoute, "SSH"},
      {"SSH certificates of one", "POST", "access/apps/" + std::string(kUnknownId) + "/ca", 404,
       kNoRoute, "SSH"},
      {"gateway SSH", "GET", "access/gateway_ca", 404, kNoRoute, "SSH"},
      {"seats", "PATCH", "access/seats", 404, kNoRoute, "seats"},
      {"MCP portals", "GET", "access/ai-controls/mcp/portals", 404, kNoRoute, "MCP"},
      {"SAML", "GET", "access/saml_certificates", 404, kNoRoute, "SAML"},
      {"SCIM", "GET", "access/identity_providers/x/scim/users", 404, kNoRoute, "SCIM"},
      {"WARP", "GET", "devices/policy", 404, kNoRoute, "device client"},
      {"gateway rules", "GET", "gateway/rules", 404, kNoRoute, "filters no traffic"},
      {"not in zones", "GET", "/client/v4/zones/" + api.account + "/access/policies", 404, kNoRoute,
       "Could not route"},
      {"a query that is none", "GET", "access/groups?name=%zz", 400, kInvalidRequest, "query"},
  };
  for (const Case& test : cases) {
    SCOPED_TRACE(test.name);
    expect_error(api.send(test.method, test.path), test.status, test.code, test.says);
  }
  const auto wrong_method = api.send("PATCH", "access/groups");
  EXPECT_EQ(wrong_method.header("Allow"), "GET, HEAD, OPTIONS, POST");
  const auto options = api.send("OPTIONS", "access/groups");
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.header("Allow"), "GET, HEAD, OPTIONS, POST");
  EXPECT_EQ(options.header("Access-Control-Allow-Origin"), "");
  EXPECT_EQ(api.send("HEAD", "access/groups").status, 200);
  // `integration` is not the id of a rule.
  EXPECT_EQ(api.get("devices/posture/integration").result().as_array().size(), 2U);
  EXPECT_EQ(api.get("devices/posture").result().as_array().size(), 2U);
  EXPECT_EQ(api.get("/client/v4/zones/" + api.account + "/access/apps").status, 200);
}

TEST(AdminApi, WhatClientsLookUpFirst) {
  TestApi api;
  const auto account = api.get("/client/v4/accounts/" + api.account);
  EXPECT_EQ(account.result().at("id"), json::value(api.account));
  EXPECT_EQ(account.result().at("name"), "Example Works");
  const auto zone = api.get("/client/v4/zones/" + api.account);
  EXPECT_EQ(zone.result().at("name"), "auth.example.com");
  EXPECT_EQ(zone.result().at("account").at("id"), json::value(api.account));
  EXPECT_EQ(api.get("/client/v4/accounts").result().as_array().size(), 1U);
  EXPECT_EQ(api.get("/client/v4/accounts?page=2").result().as_array().size(), 0U);
  EXPECT_EQ(api.get("/client/v4/zones?name=auth.example.com").result().as_array().size(), 1U);
  EXPECT_EQ(api.get("/client/v4/zones?name=example.com").result().as_array().size(), 0U);
  const auto token = api.get("/client/v4/user/tokens/verify");
  EXPECT_EQ(token.result().at("status"), "active");
  EXPECT_EQ(token.result().at("id").as_string().size(), 32U);
}

TEST(AdminApi, Credentials) {
  TestApi api;
  struct Case {
    const char* name;
    net::Headers headers;
    int status;
    int code;
    std::string says;
  };
  const std::string bearer = "Bearer " + api.secret;
  const std::vector<Case> refused{
      {"none", {{"Authorization", ""}}, 403, kAuthentication, "Authentication error"},
      {"nobody's", {{"Authorization", "Bearer gh_x"}}, 403, kAuthentication, "Authentication"},
      {"an empty one", {{"Authorization", "Bearer "}}, 403, kAuthentication, "Authentication"},
      {"cut short",
       {{"Authorization", bearer.substr(0, bearer.size() - 1)}},
       403,
       kAuthentication,
       "Authentication"},
      {"another scheme", {{"Authorization", "Basic YTpi"}}, 400, kInvalidHeaders, "Bearer"},
      {"twice",
       {{"Authorization", bearer}, {"Authorization", bearer}},
       400,
       kInvalidHeaders,
       "`Authorization` is there more than once"},
      {"a key twice",
       {{"Authorization", ""}, {"X-Auth-Key", api.secret}, {"X-Auth-Key", api.secret}},
       400,
       kInvalidHeaders,
       "`X-Auth-Key` is there more than once"},
      {"no address", {{"Gatehouse-Client-Ip", ""}}, 400, kInvalidHeaders, "whose request"},
      {"another address",
       {{"Gatehouse-Client-Ip", "192.0.2.1"}},
       403,
       kUnauthorized,
       "`api.allow_from`"},
  };
  for (const Case& test : refused) {
    SCOPED_TRACE(test.name);
    expect_error(api.send("GET", "access/groups", nullptr, test.headers), test.status, test.code,
                 test.says);
  }
  for (const net::Headers& headers : std::vector<net::Headers>{
           {{"Authorization", "bearer " + api.secret}},
           {{"Authorization", ""}, {"X-Auth-Email", "a@example.com"}, {"X-Auth-Key", api.secret}},
           {{"Authorization", ""}, {"X-Auth-User-Service-Key", api.secret}}}) {
    EXPECT_EQ(api.send("GET", "access/groups", nullptr, headers).status, 200);
  }
}

TEST(AdminApi, TokensEnd) {
  TestApi api;
  const auto token = api.issue("short", storage::Role::Administrator, {},
                               api.gateway.now + std::chrono::seconds{60});
  const net::Headers headers{{"Authorization", "Bearer " + token.secret}};
  api.gateway.now += std::chrono::seconds{59};
  EXPECT_EQ(api.send("GET", "access/groups", nullptr, headers).status, 200);
  api.gateway.now += std::chrono::seconds{1};
  expect_error(api.send("GET", "access/groups", nullptr, headers), 403, kAuthentication, "");
}

TEST(AdminApi, AnotherAccountIsRefusedBeforeAnythingElse) {
  TestApi api;
  for (const std::string prefix : {"/client/v4/accounts/", "/client/v4/zones/"}) {
    for (const std::string& id : {std::string(32, '0'), std::string("account_id"),
                                  std::string("%2e%2e"), api.account + "0"}) {
      SCOPED_TRACE(prefix + id);
      expect_error(api.get(prefix + id + "/access/apps"), 403, kUnauthorized, api.account);
    }
  }
  const auto before = api.sequence();
  expect_error(api.send("POST", "/client/v4/accounts/" + std::string(32, 'a') + "/access/groups",
                        {{"name", "g"}, {"include", json::array{}}}),
               403, kUnauthorized, "one account");
  EXPECT_EQ(api.sequence(), before);
}

TEST(AdminApi, RolesAndScopes) {
  TestApi api;
  struct Case {
    const char* name;
    storage::Role role;
    std::vector<std::string> scopes;
    bool reads_groups;
    bool writes_groups;
    bool revokes;
  };
  const std::vector<Case> cases{
      {"all rights", storage::Role::Administrator, {}, true, true, true},
      {"read only", storage::Role::ReadOnly, {}, true, false, false},
      {"help desk", storage::Role::HelpDesk, {}, false, false, true},
      {"groups alone", storage::Role::Administrator, {"access/groups"}, true, true, false},
      {"others alone", storage::Role::Administrator, {"access/apps"}, false, false, false},
      {"groups, reading", storage::Role::ReadOnly, {"access/groups"}, true, false, false},
  };
  for (const Case& test : cases) {
    SCOPED_TRACE(test.name);
    const auto token = api.issue(test.name, test.role, test.scopes);
    const net::Headers headers{{"Authorization", "Bearer " + token.secret}};
    const auto before = api.sequence();
    const auto read = api.send("GET", "access/groups", nullptr, headers);
    EXPECT_EQ(read.status, test.reads_groups ? 200 : 403);
    const auto write = api.send(
        "POST", "access/groups",
        {{"name", test.name}, {"include", {json::object{{"email", {{"email", "a@example.com"}}}}}}},
        headers);
    EXPECT_EQ(write.status, test.writes_groups ? 201 : 403);
    if (!test.writes_groups) {
      EXPECT_EQ(write.code(), kNotAllowed);
      EXPECT_NE(messages(write).find("change `access/groups`"), std::string::npos);
      EXPECT_EQ(api.sequence(), before);
    }
    const auto revoked = api.send("POST", "access/organizations/revoke_user",
                                  {{"email", "nobody@example.com"}}, headers);
    EXPECT_EQ(revoked.status, test.revokes ? 200 : 403);
  }
}

TEST(AdminApi, RateOfEachToken) {
  TestApi api([](AdminApiOptions& options) {
    options.requests = 3;
    options.window = std::chrono::seconds{300};
  });
  const auto other = api.issue("other", storage::Role::ReadOnly);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(api.get("access/groups").status, 200);
  const auto refused = api.get("access/groups");
  expect_error(refused, 429, kRateLimited, "3 requests in 300 s");
  EXPECT_EQ(refused.header("Retry-After"), "300");
  EXPECT_EQ(api.send("GET", "access/groups", nullptr, {{"Authorization", "Bearer " + other.secret}})
                .status,
            200);
  api.gateway.now += std::chrono::seconds{299};
  EXPECT_EQ(api.get("access/groups").status, 429);
  api.gateway.now += std::chrono::seconds{1};
  EXPECT_EQ(api.get("access/groups").status, 200);
  // Guessing is limited by address.
  const net::Headers guess{{"Authorization", "Bearer guess"}};
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(api.send("GET", "access/groups", nullptr, guess).status, 403);
  EXPECT_EQ(api.send("GET", "access/groups", nullptr, guess).status, 429);
}

TEST(AdminApi, ATrustedSocketNeedsNoCredentials) {
  TestApi api([](AdminApiOptions& options) {
    options.trusted = storage::ApiToken{.id = "",
                                        .name = "root",
                                        .secret_hash = "",
                                        .role = storage::Role::Administrator,
                                        .scopes = {},
                                        .created_by = "",
                                        .created_at = {},
                                        .expires_at = {},
                                        .last_used_at = {}};
    options.requests = 1;
    options.allowed_networks.clear();
  });
  const net::Headers none{{"Authorization", ""}, {"Gatehouse-Client-Ip", ""}};
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(api.send("GET", "access/groups", nullptr, none).status, 200);
}

TEST(AdminApi, Pages) {
  TestApi api;
  struct Case {
    std::string query;
    std::size_t count;
    std::int64_t page;
    std::int64_t per_page;
  };
  for (const Case& test : std::vector<Case>{{"", 5, 1, 1000},
                                            {"?per_page=2", 2, 1, 2},
                                            {"?per_page=2&page=3", 1, 3, 2},
                                            {"?per_page=2&page=4", 0, 4, 2},
                                            {"?page=2", 0, 2, 1000},
                                            {"?page=999999999", 0, 999999999, 1000},
                                            {"?page=0&per_page=0", 5, 1, 1000},
                                            {"?per_page=1000", 5, 1, 1000},
                                            {"?something=else", 5, 1, 1000}}) {
    SCOPED_TRACE(test.query);
    const auto answer = api.get("access/apps" + test.query);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.result().as_array().size(), test.count);
    const auto& info = answer.document.at("result_info");
    EXPECT_EQ(info.at("page"), test.page);
    EXPECT_EQ(info.at("per_page"), test.per_page);
    EXPECT_EQ(info.at("count"), test.count);
    EXPECT_EQ(info.at("total_count"), 5);
  }
  for (const std::string query : {"page=-1", "page=x", "page=1.5", "page=99999999999999999999",
                                  "per_page=1001", "per_page=-5", "per_page=ten", "page=1;2"}) {
    SCOPED_TRACE(query);
    expect_error(api.get("access/apps?" + query), 400, kInvalidRequest,
                 "`" + query.substr(0, query.find('=')) + "`");
  }
}

TEST(AdminApi, BodiesThatAreNone) {
  TestApi api;
  std::string deep(64, '[');
  deep += std::string(64, ']');
  struct Case {
    const char* name;
    std::string body;
    std::string says;
    std::string type = "application/json";
    int code = kInvalidRequest;
  };
  const std::vector<Case> cases{
      {"empty", "", "empty"},
      {"not JSON", "{", "not JSON"},
      {"text after it", "{} {}", "not JSON"},
      {"a comment", "{/**/}", "not JSON"},
      {"not a number", R"({"name": NaN})", "not JSON"},
      {"a list", "[]", "must be a JSON object"},
      {"text", R"("x")", "must be a JSON object"},
      {"null", "null", "must be a JSON object"},
      {"a key twice", R"({"name": "a", "name": "b"})", "twice"},
      {"a key twice, inside", R"({"include": [{"email": {"email": "a", "email": "b"}}]})", "twice"},
      {"too deep", R"({"name": )" + deep + "}", "deeply"},
      {"not UTF-8", "{\"name\": \"\xff\"}", "not UTF-8"},
      {"too large", R"({"name": ")" + std::string(kMaxBodyBytes, 'a') + "\"}", "too large"},
      {"a form", "name=a", "`application/json`", "application/x-www-form-urlencoded",
       kInvalidHeaders},
      {"text/plain", "{}", "`application/json`", "text/plain", kInvalidHeaders},
  };
  const auto before = api.sequence();
  for (const Case& test : cases) {
    SCOPED_TRACE(test.name);
    for (const std::string target :
         {"access/groups", "access/apps", "access/service_tokens", "access/tags"}) {
      expect_error(api.send_text("POST", target, test.body, {{"Content-Type", test.type}}), 400,
                   test.code, test.says);
    }
  }
  EXPECT_EQ(api.sequence(), before);
  EXPECT_EQ(api.send_text("POST", "access/tags", R"({"name": "a"})",
                          {{"Content-Type", "application/json; charset=utf-8"}})
                .status,
            201);
}

TEST(AdminApi, ProblemsNameTheFieldAndChangeNothing) {
  TestApi api;
  const auto app =
      std::string(api.get("access/apps?name=Wiki").result().at(0).at("id").as_string());
  const auto policy =
      std::string(api.get("access/apps/" + app).result().at("policies").at(0).at("id").as_string());
  const auto token =
      std::string(api.get("access/service_tokens").result().at(0).at("id").as_string());
  const auto provider =
      std::string(api.get("access/identity_providers").result().at(0).at("id").as_string());
  struct Case {
    const char* name;
    std::string method;
    std::string path;
    std::string body;
    std::string says;
  };
  const std::vector<Case> cases{
      {"no name", "POST", "access/groups", R"({"include": [{"everyone": {}}]})", "name"},
      {"name of another type", "POST", "access/groups",
       R"({"name": 1.5, "include": [{"everyone": {}}]})", "name"},
      {"a name that is too long", "POST", "access/groups",
       R"({"name": ")" + std::string(5000, 'a') + R"(", "include": [{"everyone": {}}]})", "name"},
      {"rules that are none", "POST", "access/groups", R"({"name": "g", "include": {}})",
       "include"},
      {"an unknown rule", "POST", "access/groups", R"({"name": "g", "include": [{"nothing": {}}]})",
       "include[0]"},
      {"a rule with another value", "POST", "access/groups",
       R"({"name": "g", "include": [{"email": {"email": 1}}]})", "include[0].email.email"},
      {"an unknown key", "POST", "access/groups",
       R"({"name": "g", "include": [{"everyone": {}}], "incldue": []})", "incldue"},
      {"another id", "PUT", "access/apps/" + app, R"({"id": "x", "domain": "a.example.com"})",
       "id"},
      {"no such type", "POST", "access/apps", R"({"domain": "a.example.com", "type": "saas"})",
       "type"},
      {"a host that is none", "POST", "access/apps",
       R"({"name": "a", "domain": "https://a.example.com", "type": "self_hosted"})", "domain"},
      {"a domain that is taken", "POST", "access/apps",
       R"({"name": "a", "domain": "wiki.example.com", "type": "self_hosted"})", "domain"},
      {"no such tag", "POST", "access/apps",
       R"({"name": "a", "domain": "a.example.com", "type": "self_hosted", "tags": ["none"]})",
       "tags[0]"},
      {"policies of another type", "POST", "access/apps",
       R"({"name": "a", "domain": "a.example.com", "type": "self_hosted", "policies": {}})",
       "policies"},
      {"a policy that is none", "POST", "access/apps",
       R"({"name": "a", "domain": "a.example.com", "type": "self_hosted", "policies": [1]})",
       "policies[0]"},
      {"no such policy", "POST", "access/apps",
       R"({"name": "a", "domain": "a.example.com", "type": "self_hosted", "policies": [")" +
           std::string(kUnknownId) + R"("]})",
       "policies[0]"},
      {"a policy of another application", "POST", "access/apps",
       R"({"name": "a", "domain": "a.example.com", "type": "self_hosted", "policies": [{"id": ")" +
           policy + R"("}]})",
       "policies[0].id"},
      {"one precedence twice", "POST", "access/apps",
       R"({"name": "a", "domain": "a.example.com", "type": "self_hosted", "policies": [
           {"name": "a", "decision": "deny", "include": [{"everyone": {}}], "precedence": 1},
           {"name": "b", "decision": "deny", "include": [{"everyone": {}}], "precedence": 1}]})",
       "policies[1].precedence: policy precedences must be unique"},
      {"a policy without a decision", "POST", "access/apps/" + app + "/policies",
       R"({"name": "b", "include": [{"everyone": {}}]})", "decision"},
      {"a policy without a name", "POST", "access/apps/" + app + "/policies",
       R"({"session_duration": "24h"})", "name"},
      {"a precedence that is taken", "POST", "access/apps/" + app + "/policies",
       R"({"name": "b", "decision": "deny", "include": [{"everyone": {}}], "precedence": 1})",
       "precedence"},
      {"a precedence that is none", "POST", "access/apps/" + app + "/policies",
       R"({"name": "b", "decision": "deny", "include": [{"everyone": {}}], "precedence": -1})",
       "precedence"},
      {"a session that is no duration", "PUT", "access/apps/" + app + "/policies/" + policy,
       R"({"name": "staff", "decision": "allow", "include": [{"everyone": {}}],
           "session_duration": "soon"})",
       ": session_duration"},
      {"no setting", "PATCH", "access/apps/" + app + "/settings", R"({"name": true})", "name"},
      {"a setting of another type", "PATCH", "access/apps/" + app + "/settings",
       R"({"allow_iframe": "yes"})", "allow_iframe"},
      {"approval", "POST", "access/policies",
       R"({"name": "p", "decision": "allow", "include": [{"everyone": {}}],
           "approval_required": true})",
       "approval_required"},
      {"a secret of one's own", "POST", "access/service_tokens",
       R"({"name": "t", "client_secret_hash": "00"})", "client_secret_hash"},
      {"a duration that is none", "POST", "access/service_tokens",
       R"({"name": "t", "duration": "a year"})", "duration"},
      {"an overlap that is no time", "POST", "access/service_tokens/" + token + "/rotate",
       R"({"previous_client_secret_expires_at": "tomorrow"})", "previous_client_secret_expires_at"},
      {"a certificate that is none", "POST", "access/certificates",
       R"({"name": "c", "certificate": "x"})", "certificate"},
      {"a provider of no type", "POST", "access/identity_providers",
       R"({"name": "p", "type": "nothing", "config": {}})", "type"},
      {"another id of a provider", "PUT", "access/identity_providers/" + provider,
       R"({"id": ")" + app + R"(", "name": "Code", "type": "onetimepin", "config": {}})", "id"},
      {"a tag without a name", "POST", "access/tags", "{}", "name"},
      {"a page of no type", "POST", "access/custom_pages",
       R"({"name": "p", "type": "nothing", "custom_html": "x"})", "type"},
      {"a page without a page", "POST", "access/custom_pages",
       R"({"name": "p", "type": "forbidden"})", "custom_html"},
      {"a bookmark's id", "POST", "access/bookmarks/x", R"({"name": "b"})", "bookmark_id"},
      {"a posture rule of no type", "POST", "devices/posture",
       R"({"name": "r", "type": "nothing", "input": {}})", "type"},
      {"a posture rule without input", "POST", "devices/posture",
       R"({"name": "r", "type": "intune", "input": {"compliance_status": "compliant"}})",
       "connection_id"},
      {"an integration without a secret", "POST", "devices/posture/integration",
       R"({"name": "i", "type": "kolide", "interval": "10m", "config": {"client_id": "x"}})",
       "config.client_secret"},
      {"a list of no type", "POST", "gateway/lists", R"({"name": "l", "type": "NOTHING"})", "type"},
      {"an item that is none", "POST", "gateway/lists",
       R"({"name": "l", "type": "IP", "items": [{"value": "x"}]})", "items[0].value"},
      {"an organization's host", "PUT", "access/organizations", R"({"auth_domain": "a b"})",
       "auth_domain"},
      {"nobody to revoke", "POST", "access/organizations/revoke_user", "{}", "email"},
  };
  const auto before = api.sequence();
  for (const Case& test : cases) {
    SCOPED_TRACE(test.name);
    expect_error(api.send_text(test.method, test.path, test.body), 400, kInvalidRequest, test.says);
    EXPECT_EQ(api.sequence(), before);
  }
  const auto answer = api.send_text("POST", "access/groups",
                                    R"({"name": "g", "include": [{"email": {"email": 1}}]})");
  EXPECT_EQ(answer.document.at("errors").at(0).at("source").at("pointer"),
            "/include/0/email/email");
}

TEST(AdminApi, WhatTheGatewaySaysOfAChange) {
  using Kind = controlplane::ChangeErrorKind;
  struct Case {
    Kind kind;
    int status;
    int code;
    std::string message;
    std::string header;  // that tells clients when to try again
    std::string value;
  };
  for (const Case& test : std::vector<Case>{
           {Kind::Invalid, 400, kInvalidRequest,
            "access.api.error.invalid_request: a/b[0].c: is wrong", "", ""},
           {Kind::NotFound, 404, kNotFound, "access.api.error.not_found", "", ""},
           {Kind::InUse, 400, kInvalidRequest, "access.api.error.invalid_request: in use: is wrong",
            "", ""},
           {Kind::Conflict, 409, kConflict, "access.api.error.conflict: is wrong", "x-should-retry",
            "false"},
           {Kind::Changed, 412, kChanged, "access.api.error.precondition_failed", "", ""},
           {Kind::StoreUnavailable, 503, kUnavailable, "nothing was changed", "Retry-After", "1"},
           {Kind::NotEnforceable, 503, kUnavailable, "nothing was changed: is wrong",
            "x-should-retry", "false"}}) {
    auto response = change_failed({test.kind, {{0, "/a~1b/0/c", "is wrong"}}});
    SCOPED_TRACE(response.body);
    EXPECT_EQ(response.status, test.status);
    const Answer answer{response.status, response.headers, response.body,
                        json::parse(response.body).value().as_object()};
    EXPECT_EQ(answer.code(), test.code);
    EXPECT_NE(answer.message().find(test.message), std::string::npos);
    EXPECT_EQ(answer.header(test.header), test.value);
  }
}

TEST(AdminApi, EveryPatternIsWrittenOnceForAMethod) {
  const OperationTable table;
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (const Operation& operation : table.operations()) {
    EXPECT_TRUE(seen.emplace(operation.method, operation.pattern).second) << operation.pattern;
    const auto families = controlplane::api_families();
    EXPECT_NE(std::ranges::find(families, operation.family), families.end()) << operation.family;
    EXPECT_EQ(why_not_served(operation.pattern), std::nullopt) << operation.pattern;
  }
}

// Whatever the official library sends is understood and judged.
TEST(AdminApi, RequestsOfTheOfficialLibrary) {
  const std::filesystem::path file =
      std::filesystem::path(GATEHOUSE_SHARED_TESTKIT) / "cf-api" / "sdk-requests.json";
  const auto text = read_file(file);
  if (!text) GTEST_SKIP() << "there is no " << file;
  const auto requests =
      json::parse(*text, {.max_bytes = std::size_t{16} << 20, .max_depth = 32}).value();
  TestApi api;
  std::size_t judged = 0;
  for (const json::value& request : requests.as_array()) {
    const auto& object = request.as_object();
    std::string path(object.at("path").as_string());
    SCOPED_TRACE(std::string(object.at("method").as_string()) + " " + path);
    for (const std::string_view word : {"/accounts/", "/zones/"}) {
      if (!path.starts_with(word)) continue;
      const auto end = path.find('/', word.size());
      path = std::string(word) + api.account + path.substr(end);
    }
    const json::value* body = json::find(object, "body");
    const auto answer = api.send(std::string(object.at("method").as_string()), "/client/v4" + path,
                                 body == nullptr ? json::value(nullptr) : *body);
    EXPECT_GE(answer.status, 200);
    EXPECT_LT(answer.status, 500) << answer.text;
    EXPECT_NE(answer.status, 405);
    EXPECT_TRUE(answer.document.contains("success"));
    EXPECT_EQ(answer.document.at("success").as_bool(), answer.status < 300);
    ++judged;
  }
  EXPECT_GT(judged, 300U);
}

}  // namespace
}  // namespace gatehouse::adapters::admin_api
