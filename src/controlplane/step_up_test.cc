#include "controlplane/step_up.h"

#include <gtest/gtest.h>

namespace gatehouse::controlplane {
namespace {

model::Selector context(std::string_view id, std::string_view provider = "p1") {
  return {"auth_context", {{"ac_id", id}, {"identity_provider_id", provider}}};
}

TEST(StepUpTest, FindsWhatThePoliciesNameAndTheSessionLacks) {
  model::Resources resources;
  model::IdentityProvider provider;
  provider.id = "p1";
  provider.name = "Entra";
  resources.identity_providers.push_back(provider);
  model::Group group;
  group.id = "g1";
  group.include = {context("c3"), {"group", {{"id", "g1"}}}};
  resources.groups.push_back(group);
  model::Application application;
  model::Policy first, second;
  first.include = {{"everyone", {}}};
  first.require = {context("c1"), context("c9", "p2")};
  second.include = {{"group", {{"id", "g1"}}}, context("c1")};
  second.exclude = {context("c4", "Entra")};
  application.policies = {first, second};

  model::Identity identity;
  identity.login_method = "p1";
  using List = std::vector<std::string>;
  EXPECT_EQ(missing_auth_contexts(resources, application, identity), (List{"c1", "c3", "c4"}));
  identity.auth_contexts = {"c1", "c4"};
  EXPECT_EQ(missing_auth_contexts(resources, application, identity), (List{"c3"}));
  identity.login_method = "p2";
  EXPECT_EQ(missing_auth_contexts(resources, application, identity), (List{"c9"}));
  identity.login_method = "code";
  EXPECT_EQ(missing_auth_contexts(resources, application, identity), List{});
}

}  // namespace
}  // namespace gatehouse::controlplane
