#include "identity/okta/okta.h"

#include <gtest/gtest.h>

#include "identity/scripted_provider.h"

namespace gatehouse::identity {
namespace {

using testing::kCallback;
using testing::kNow;

constexpr std::string_view kAccount = "https://corp.okta.example";

model::IdentityProvider provider(json::object config = {}) {
  model::IdentityProvider result;
  result.type = "okta";
  result.config = {{"okta_account", kAccount}, {"client_id", "gateway"}};
  for (const auto& member : config) result.config[member.key()] = member.value();
  result.secrets["client_secret"] = Secret("s");
  return result;
}

TEST(OktaConfig, NamesTheWrongField) {
  struct Case {
    json::object config;
    std::string_view field;
  };
  for (const auto& [config, field] : {
           Case{{{"okta_account", "corp.okta.example"}}, "okta_account"},
           Case{{{"okta_account", "http://corp.okta.example"}}, "okta_account"},
           Case{{{"okta_account", 1}}, "okta_account"},
           Case{{{"authorization_server_id", "a/b"}}, "authorization_server_id"},
           Case{{{"client_id", ""}}, "client_id"},
           Case{{{"claims", "department"}}, "claims"},
           Case{{{"issuer", kAccount}}, "issuer"},
       }) {
    const auto problems = validate_okta_config(provider(config).config);
    ASSERT_EQ(problems.size(), 1U) << field;
    EXPECT_EQ(problems[0].field, field);
  }
  EXPECT_TRUE(validate_okta_config(provider().config).empty());
}

TEST(OktaConfig, KnowsTheIssuer) {
  EXPECT_EQ(read_okta_config(provider())->issuer, kAccount);
  EXPECT_EQ(read_okta_config(provider({{"okta_account", "https://corp.okta.example/"},
                                       {"authorization_server_id", "default"}}))
                ->issuer,
            "https://corp.okta.example/oauth2/default");
}

TEST(Okta, GroupsAreKnownOnlyWhenItSaysThem) {
  testing::ScriptedProvider okta{std::string(kAccount)};
  const auto made = make_okta(provider(), okta);
  ASSERT_TRUE(made);
  const auto url = (*made)->authorization_url({"nonce-1", "verifier"}, kCallback, "s", {}, kNow);
  ASSERT_TRUE(url);
  EXPECT_NE(url->find("scope=openid%20email%20profile%20groups"), std::string::npos) << *url;

  okta.claims["groups"] = json::array{"Everyone", "Operations"};
  okta.issue();
  const auto known = (*made)->redeem({"nonce-1", "verifier"}, kCallback, "code=c&state=s", kNow);
  ASSERT_TRUE(known) << known.error().message;
  EXPECT_EQ(known->identity.email, "alice@corp.example");
  EXPECT_TRUE(known->identity.groups_known);
  EXPECT_EQ(known->identity.groups, (std::vector<std::string>{"Everyone", "Operations"}));

  okta.claims.erase("groups");
  okta.issue();
  const auto unknown = (*made)->redeem({"nonce-1", "verifier"}, kCallback, "code=c&state=s", kNow);
  ASSERT_TRUE(unknown);
  EXPECT_FALSE(unknown->identity.groups_known);
}

TEST(Okta, RefusesAnotherIssuersToken) {
  testing::ScriptedProvider okta{std::string(kAccount)};
  const auto made = make_okta(provider(), okta);
  okta.claims["iss"] = "https://other.okta.example";
  okta.issue();
  const auto refused = (*made)->redeem({"nonce-1", "verifier"}, kCallback, "code=c&state=s", kNow);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure, IdentityFailure::TokenRefused);
  EXPECT_EQ(refused.error().code, "wrong_issuer");
}

}  // namespace
}  // namespace gatehouse::identity
