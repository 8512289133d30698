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

}  // namespace
}  // namespace gatehouse::model
