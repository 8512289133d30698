#include "identity/azure_ad/azure_ad.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>

#include "base/check.h"
#include "base/encoding.h"
#include "identity/azure_ad/entra.h"
#include "identity/scripted_provider.h"
#include "jose/jwt.h"

namespace gatehouse::identity {
namespace {

using decision::Reason;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Answer = std::expected<net::HttpResponse, net::OutboundError>;

constexpr Instant kNow{seconds{1'800'000'000}};
constexpr std::string_view kTenant = "11111111-2222-4333-8444-555555555555";
constexpr std::string_view kIssuer =
    "https://login.microsoftonline.com/11111111-2222-4333-8444-555555555555/v2.0";
constexpr std::string_view kToken = "https://login.example/token";
constexpr std::string_view kGroups =
    "https://graph.microsoft.com/v1.0/me/transitiveMemberOf/microsoft.graph.group"
    "?$select=id&$top=999&$count=true";
constexpr std::string_view kOid = "aaaaaaaa-0000-4000-8000-000000000001";
constexpr std::string_view kEngineering = "0a0a0a0a-0000-4000-8000-000000000001";

const jose::PrivateKey& key() {
  static const jose::PrivateKey instance = jose::PrivateKey::generate_rsa();
  return instance;
}

net::HttpResponse response(const json::value& body, int status = 200, net::Headers headers = {}) {
  return {status, std::move(headers), json::serialize(body)};
}

struct World {
  testing::ScriptedClient client;
  model::IdentityProvider provider;
  json::object claims;
  std::vector<milliseconds> waits;

  World() {
    provider.type = "azureAD";
    provider.config = {{"client_id", "gateway"}, {"directory_id", kTenant}};
    provider.secrets["client_secret"] = Secret("s");
    claims = {{"iss", kIssuer},
              {"aud", "gateway"},
              {"sub", "pairwise"},
              {"tid", kTenant},
              {"oid", kOid},
              {"iat", to_epoch_seconds(kNow)},
              {"exp", to_epoch_seconds(kNow) + 3600},
              {"nonce", "nonce-1"},
              {"email", "Alice@Corp.Example"},
              {"groups", json::array{kEngineering}}};
    client.answers(std::string(kIssuer) + "/.well-known/openid-configuration",
                   {response({{"issuer", kIssuer},
                              {"authorization_endpoint", "https://login.example/authorize"},
                              {"token_endpoint", kToken},
                              {"jwks_uri", "https://login.example/keys"},
                              {"token_endpoint_auth_methods_supported",
                               json::array{"client_secret_basic", "client_secret_post"}}})});
    auto jwk = key().public_key().to_jwk();
    jwk["kid"] = "k";
    client.answers("https://login.example/keys",
                   {response(json::object{{"keys", json::array{jwk}}})});
  }
  void issue() {
    client.answers(
        kToken, {response({{"id_token", jose::sign_jwt(claims, key(), jose::Algorithm::RS256, "k")},
                           {"access_token", "at"},
                           {"refresh_token", "rt-2"},
                           {"token_type", "Bearer"}})});
  }
  std::unique_ptr<IdentityProvider> make() {
    auto made = make_azure_ad(provider, client, [this](milliseconds w) { waits.push_back(w); });
    GATEHOUSE_CHECK(made.has_value(), "the test's configuration is valid");
    return std::move(*made);
  }
  std::expected<Vouched, IdentityError> redeem(IdentityProvider& azure, Instant now = kNow) {
    issue();
    return azure.redeem({"nonce-1", "verifier"}, "https://auth.example/cdn-cgi/access/callback",
                        "code=c&state=s", now);
  }
};

TEST(AzureAdConfig, NamesTheWrongField) {
  struct Case {
    std::string_view name;
    std::function<void(json::object&)> change;
    std::string_view field;  // empty: nothing is wrong
  };
  const Case cases[] = {
      {"whole", [](auto&) {}, ""},
      {"no tenant", [](auto& c) { c.erase("directory_id"); }, "directory_id"},
      {"any tenant", [](auto& c) { c["directory_id"] = "common"; }, "directory_id"},
      {"a domain", [](auto& c) { c["directory_id"] = "corp.example"; }, "directory_id"},
      {"no client", [](auto& c) { c.erase("client_id"); }, "client_id"},
      {"groups as text", [](auto& c) { c["support_groups"] = "yes"; }, "support_groups"},
      {"another prompt", [](auto& c) { c["prompt"] = "consent"; }, "prompt"},
      {"claims", [](auto& c) { c["claims"] = "groups"; }, "claims"},
      {"plain http", [](auto& c) { c["login_url"] = "http://login.example"; }, "login_url"},
      {"link-local", [](auto& c) { c["graph_url"] = "https://169.254.169.254"; }, "graph_url"},
      {"a test provider",
       [](auto& c) {
         c["login_url"] = "http://localhost:9401";
         c["graph_url"] = "http://localhost:9401";
       },
       ""},
      {"a national cloud", [](auto& c) { c["login_url"] = "https://login.microsoftonline.us/"; },
       ""},
  };
  for (const auto& c : cases) {
    auto config = World().provider.config;
    c.change(config);
    const auto problems = validate_azure_ad_config(config);
    ASSERT_EQ(problems.empty(), c.field.empty()) << c.name;
    if (!problems.empty()) {
      EXPECT_EQ(problems.front().field, c.field) << c.name;
    }
  }
}

TEST(AzureAdRedeem, BelievesOnlyItsTenant) {
  struct Case {
    std::string_view name;
    std::function<void(json::object&)> change;
    std::string_view code;  // empty: admitted
  };
  const Case cases[] = {
      {"as it should be", [](auto&) {}, ""},
      {"another tenant's issuer",
       [](auto& c) {
         c["iss"] = "https://login.microsoftonline.com/99999999-8888-4777-8666-555555555555/v2.0";
       },
       "wrong_issuer"},
      {"another tenant in tid", [](auto& c) { c["tid"] = "99999999-8888-4777-8666-555555555555"; },
       "wrong_tenant"},
      {"no tid", [](auto& c) { c.erase("tid"); }, "wrong_tenant"},
      {"no oid", [](auto& c) { c.erase("oid"); }, "missing_object_id"},
      {"an odd oid", [](auto& c) { c["oid"] = "alice"; }, "missing_object_id"},
      {"the e-mail's domain is not verified", [](auto& c) { c["xms_edov"] = false; },
       "unverified_email"},
      {"it is", [](auto& c) { c["xms_edov"] = true; }, ""},
      {"no address", [](auto& c) { c.erase("email"); }, "missing_email"},
      {"an odd address", [](auto& c) { c["email"] = nullptr; }, "unusable_email"},
      {"the preferred name is no address",
       [](auto& c) {
         c.erase("email");
         c["preferred_username"] = "root@corp.example";
       },
       "missing_email"},
  };
  for (const auto& c : cases) {
    World world;
    c.change(world.claims);
    const auto azure = world.make();
    const auto outcome = world.redeem(*azure);
    ASSERT_EQ(outcome.has_value(), c.code.empty()) << c.name;
    if (outcome) {
      EXPECT_EQ(outcome->identity.subject, kOid) << c.name;
      EXPECT_EQ(outcome->identity.email, "alice@corp.example") << c.name;
      EXPECT_EQ(outcome->refresh_token.reveal(), "rt-2");
    } else {
      EXPECT_EQ(outcome.error().code, c.code) << c.name;
    }
  }
}

TEST(AzureAdRedeem, FindsTheAddressInOrder) {
  World world;
  world.provider.config["email_claim_name"] = "verified";
  world.claims["upn"] = "upn@corp.example";
  const auto azure = world.make();
  EXPECT_EQ(world.redeem(*azure)->identity.email, "alice@corp.example");
  world.claims["verified"] = "first@corp.example";
  EXPECT_EQ(world.redeem(*azure)->identity.email, "first@corp.example");
  world.claims.erase("verified");
  world.claims.erase("email");
  EXPECT_EQ(world.redeem(*azure)->identity.email, "upn@corp.example");
}

TEST(AzureAdAuthorizationUrl, AsksForContextsAndChallenges) {
  World world;
  const auto azure = world.make();
  const auto url = [&](const SignInWish& wish) {
    return azure->authorization_url({"n", "v"}, "https://a/cb", "s", wish, kNow).value();
  };
  EXPECT_EQ(url({}).find("claims="), std::string::npos);
  EXPECT_NE(url({}).find("scope=openid%20profile%20email&"), std::string::npos);
  const auto claims_of = [&](const SignInWish& wish) {
    return entra_wish(wish, *read_azure_ad_config(world.provider)).claims;
  };
  EXPECT_EQ(claims_of({.auth_contexts = {"c1"}}),
            R"({"id_token":{"acrs":{"essential":true,"value":"c1"}}})");
  EXPECT_EQ(claims_of({.auth_contexts = {"c1", "c2"}}),
            R"({"id_token":{"acrs":{"essential":true,"values":["c1","c2"]}}})");
  EXPECT_EQ(claims_of({.claims = R"({"access_token":{"x":null}})"}),
            R"({"access_token":{"x":null}})");
  EXPECT_EQ(claims_of({.auth_contexts = {"c1"}, .claims = R"({"access_token":{"x":null}})"}),
            R"({"access_token":{"x":null},"id_token":{"acrs":{"essential":true,"value":"c1"}}})");
  EXPECT_NE(url({.login_hint = "a@b.example"}).find("login_hint="), std::string::npos);
  EXPECT_EQ(url({.login_hint = "a@b.example", .prompt = "select_account"}).find("login_hint="),
            std::string::npos);
}

json::object page(std::vector<std::string_view> ids, std::string_view next = "") {
  json::array values;
  for (const auto id : ids) values.emplace_back(json::object{{"id", id}});
  json::object document{{"value", std::move(values)}};
  if (!next.empty()) document["@odata.nextLink"] = next;
  return document;
}

void overage(World& world) {
  world.provider.config["support_groups"] = true;
  world.claims.erase("groups");
  world.claims["_claim_names"] = json::object{{"groups", "src1"}};
}

TEST(AzureAdGroups, ComeFromTheTokenOrFromGraph) {
  const std::string second = "https://graph.microsoft.com/v1.0/me/x?$skiptoken=1";
  const auto busy = [](int status, std::string wait) {
    net::Headers headers;
    if (!wait.empty()) headers.emplace_back("Retry-After", wait);
    return response(json::object{}, status, headers);
  };
  struct Case {
    std::string_view name;
    std::vector<net::HttpResponse> first;
    std::vector<net::HttpResponse> second;
    bool known;
    std::vector<std::string> groups;
    std::vector<int> waits;  // seconds
  };
  const Case cases[] = {
      {"one page", {response(page({"g1", "g2"}))}, {}, true, {"g1", "g2"}, {}},
      {"two pages",
       {response(page({"g1"}, second))},
       {response(page({"g2"}))},
       true,
       {"g1", "g2"},
       {}},
      {"roles are no groups",
       {response(json::object{
           {"value",
            json::array{
                json::object{{"@odata.type", "#microsoft.graph.directoryRole"}, {"id", "r"}},
                json::object{{"@odata.type", "#microsoft.graph.group"}, {"id", "g1"}}}}})},
       {},
       true,
       {"g1"},
       {}},
      {"none at all", {response(page({}))}, {}, true, {}, {}},
      {"throttled for a moment", {busy(429, "2"), response(page({"g1"}))}, {}, true, {"g1"}, {2}},
      {"unavailable for a moment", {busy(503, ""), response(page({"g1"}))}, {}, true, {"g1"}, {1}},
      {"throttled too often", {busy(429, "1")}, {}, false, {}, {1, 1}},
      {"throttled for too long", {busy(429, "60")}, {}, false, {}, {}},
      {"unavailable", {busy(503, "")}, {}, false, {}, {1, 1}},
      {"forbidden", {busy(403, "")}, {}, false, {}, {}},
      {"not JSON", {net::HttpResponse{200, {}, "<html>"}}, {}, false, {}, {}},
      {"the next page is elsewhere",
       {response(page({"g1"}, "https://evil.example/v1.0/x"))},
       {},
       false,
       {},
       {}},
      {"the next page's host begins alike",
       {response(page({"g1"}, "https://graph.microsoft.com.evil.example/"))},
       {},
       false,
       {},
       {}},
      {"the second page fails", {response(page({"g1"}, second))}, {busy(500, "")}, false, {}, {}},
      {"pages without end", {response(page({"g1"}, kGroups))}, {}, false, {}, {}},
  };
  for (const auto& c : cases) {
    World world;
    overage(world);
    const auto azure = world.make();
    world.client.answers(kGroups, c.first);
    if (!c.second.empty()) world.client.answers(second, c.second);
    const auto outcome = world.redeem(*azure);
    ASSERT_TRUE(outcome) << c.name << outcome.error().message;
    EXPECT_EQ(outcome->identity.groups_known, c.known) << c.name;
    EXPECT_EQ(outcome->identity.groups, c.groups) << c.name;
    EXPECT_EQ(outcome->identity.groups_problem.empty(), c.known) << c.name;
    ASSERT_EQ(world.waits.size(), c.waits.size()) << c.name;
    for (std::size_t i = 0; i < c.waits.size(); ++i)
      EXPECT_EQ(world.waits[i], seconds(c.waits[i])) << c.name;
  }
}

TEST(AzureAdGroups, GraphIsAskedOnlyWhenItMustBe) {
  World listed;
  listed.provider.config["support_groups"] = true;
  auto azure = listed.make();
  EXPECT_EQ(listed.redeem(*azure)->identity.groups, std::vector{std::string(kEngineering)});
  EXPECT_EQ(listed.client.count(kGroups), 0U);

  World not_wanted;
  overage(not_wanted);
  not_wanted.provider.config["support_groups"] = false;
  azure = not_wanted.make();
  EXPECT_FALSE(not_wanted.redeem(*azure)->identity.groups_known);
  EXPECT_EQ(not_wanted.client.count(kGroups), 0U);

  World world;
  overage(world);
  azure = world.make();
  world.client.answers(kGroups, {response(page({"g1"}))});
  EXPECT_TRUE(world.redeem(*azure)->identity.groups_known);
  EXPECT_TRUE(world.redeem(*azure, kNow + seconds{299})->identity.groups_known);
  EXPECT_EQ(world.client.count(kGroups), 1U);
  world.client.answers(kGroups, {response(page({"g2"}))});
  EXPECT_EQ(world.redeem(*azure, kNow + seconds{300})->identity.groups,
            std::vector<std::string>{"g2"});
  // A refresh asks for what is so now.
  world.client.answers(kGroups, {response(page({"g3"}))});
  const auto refreshed = azure->refresh(Secret("rt"), kOid, kNow + seconds{301});
  ASSERT_TRUE(refreshed) << refreshed.error().message;
  EXPECT_EQ(refreshed->identity.groups, std::vector<std::string>{"g3"});
}

TEST(AzureAdGroups, GraphIsLeftInPeaceForAsLongAsItSays) {
  World world;
  overage(world);
  const auto azure = world.make();
  world.client.answers(kGroups, {response(json::object{}, 429, {{"Retry-After", "60"}})});
  EXPECT_FALSE(world.redeem(*azure)->identity.groups_known);
  world.client.answers(kGroups, {response(page({"g1"}))});
  EXPECT_FALSE(world.redeem(*azure, kNow + seconds{59})->identity.groups_known);
  EXPECT_EQ(world.client.count(kGroups), 1U);
  EXPECT_TRUE(world.redeem(*azure, kNow + seconds{60})->identity.groups_known);
}

TEST(AzureAdErrors, EachHasItsReasonAndItsCode) {
  struct Case {
    std::string_view error;
    std::string_view description;
    Reason reason;
    std::string_view support_code;
  };
  const Case cases[] = {
      {"access_denied", "AADSTS53000: device", Reason::DeviceNotCompliant, "AADSTS53000"},
      {"access_denied", "AADSTS53001: device", Reason::DeviceNotJoined, "AADSTS53001"},
      {"access_denied", "AADSTS53002: app", Reason::AppNotApproved, "AADSTS53002"},
      {"access_denied", "AADSTS53003: blocked", Reason::ConditionalAccessBlocked, "AADSTS53003"},
      {"interaction_required", "AADSTS50105: user", Reason::UserNotAssigned, "AADSTS50105"},
      {"consent_required", "AADSTS65001: consent", Reason::ConsentRequired, "AADSTS65001"},
      {"invalid_grant", "AADSTS50076: mfa", Reason::SecondFactorRequired, "AADSTS50076"},
      {"unauthorized_client", "AADSTS700016: app", Reason::LoginMethodMisconfigured,
       "AADSTS700016"},
      {"access_denied", "AADSTS65004: declined", Reason::SignInCancelled, "AADSTS65004"},
      {"access_denied", "AADSTS530003: managed", Reason::DeviceNotCompliant, "AADSTS530003"},
      {"access_denied", "AADSTS123: unheard of", Reason::SignInCancelled, "AADSTS123"},
      {"access_denied", "", Reason::SignInCancelled, ""},
      {"invalid_grant", "", Reason::None, ""},
      {"temporarily_unavailable", "", Reason::ProviderUnavailable, ""},
      {"invalid_client", "AADSTS7000215: secret", Reason::LoginMethodMisconfigured,
       "AADSTS7000215"},
  };
  for (const auto& c : cases) {
    // At the token endpoint and at the callback alike.
    World world;
    const auto azure = world.make();
    world.client.answers(kToken, {response({{"error", c.error},
                                            {"error_description", c.description},
                                            {"claims", R"({"access_token":{}})"}},
                                           400)});
    const auto at_token = azure->redeem({"nonce-1", "v"}, "https://a/cb", "code=c&state=s", kNow);
    ASSERT_FALSE(at_token) << c.description;
    EXPECT_EQ(at_token.error().hint, c.reason) << c.error << c.description;
    EXPECT_EQ(at_token.error().support_code, c.support_code) << c.description;
    EXPECT_EQ(at_token.error().claims, R"({"access_token":{}})");
    const auto at_callback =
        azure->redeem({"nonce-1", "v"}, "https://a/cb",
                      "state=s&error=" + std::string(c.error) +
                          "&error_description=" + percent_encode(c.description),
                      kNow);
    ASSERT_FALSE(at_callback) << c.description;
    EXPECT_EQ(at_callback.error().hint, c.reason) << c.error << c.description;
    const auto refreshed = azure->refresh(Secret("rt"), kOid, kNow);
    ASSERT_FALSE(refreshed);
    EXPECT_EQ(refreshed.error().hint, c.reason) << c.description;
  }
  EXPECT_EQ(reason_for_entra_code("AADSTS53000x"), Reason::None);
  EXPECT_EQ(reason_for_entra_code("53000"), Reason::None);
}

TEST(AzureAdRefresh, IsAboutTheSamePerson) {
  World world;
  world.claims.erase("nonce");
  world.issue();
  const auto azure = world.make();
  EXPECT_TRUE(azure->refresh(Secret("rt"), kOid, kNow));
  const auto other = azure->refresh(Secret("rt"), "aaaaaaaa-0000-4000-8000-000000000002", kNow);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, "wrong_subject");
}

}  // namespace
}  // namespace gatehouse::identity
