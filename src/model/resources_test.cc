#include "model/resources.h"

#include <gtest/gtest.h>

namespace gatehouse::model {
namespace {

TEST(Action, HasTheNamesOfTheApi) {
  constexpr std::pair<Action, std::string_view> kNames[] = {{Action::Allow, "allow"},
                                                            {Action::Block, "deny"},
                                                            {Action::Bypass, "bypass"},
                                                            {Action::ServiceAuth, "non_identity"}};
  for (const auto& [action, name] : kNames) {
    EXPECT_EQ(to_string(action), name);
    EXPECT_EQ(parse_action(name), action);
  }
}

TEST(Action, RefusesOtherNames) {
  for (const auto* name : {"", "block", "Allow", "allow ", "service_auth", "non-identity"})
    EXPECT_EQ(parse_action(name), std::nullopt) << name;
}

TEST(Secrets, OneThatIsAbsentIsEmpty) {
  const ConfigSecrets secrets{{"client_secret", Secret("hunter2")}};
  EXPECT_EQ(secret_of(secrets, "client_secret").reveal(), "hunter2");
  EXPECT_TRUE(secret_of(secrets, "api_key").empty());
}

TEST(Kinds, OnlySomeHaveAnEffect) {
  for (const auto* type : {"onetimepin", "oidc"}) {
    IdentityProvider provider;
    provider.type = type;
    EXPECT_TRUE(can_sign_in(provider)) << type;
  }
  for (const auto* type : {"", "saml", "OIDC"}) {
    IdentityProvider provider;
    provider.type = type;
    EXPECT_FALSE(can_sign_in(provider)) << type;
  }
  for (const auto* type : {"tanium", "tanium_s2s", "intune", ""}) {
    PostureIntegration integration;
    integration.type = type;
    PostureRule rule;
    rule.type = type;
    EXPECT_EQ(can_check_devices(integration), std::string_view(type) == "tanium") << type;
    EXPECT_EQ(can_be_checked(rule), std::string_view(type) == "tanium") << type;
  }
  EXPECT_TRUE(is_protected(Application{}));
  Application bookmark;
  bookmark.type = ApplicationType::Bookmark;
  EXPECT_FALSE(is_protected(bookmark));
  EXPECT_TRUE(is_shown(CustomPageType::IdentityDenied));
  EXPECT_FALSE(is_shown(CustomPageType::Login));
}

}  // namespace
}  // namespace gatehouse::model
