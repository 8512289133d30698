#include "selectors/okta/okta.h"

#include "selectors/test_support.h"

namespace gatehouse::selectors {
namespace {

using decision::Combine;
using decision::Effect;
using decision::Reason;
using decision::Truth;
using testing::kNow;
using testing::Person;

constexpr std::string_view kOne = R"([{"name": "Staff", "identity_provider_id": "staff"}])";

TEST(Okta, AsksTheGroupsOfTheProvider) {
  const testing::IdentityCase cases[] = {
      {"in it",
       [](auto& identity) {
         identity.groups = {"x", "Staff"};
         identity.groups_known = true;
       },
       Truth::True, Reason::None},
      {"letter case counts",
       [](auto& identity) {
         identity.groups = {"staff"};
         identity.groups_known = true;
       },
       Truth::False, Reason::IdentityNotPermitted},
      {"longer",
       [](auto& identity) {
         identity.groups = {"Staff "};
         identity.groups_known = true;
       },
       Truth::False, Reason::IdentityNotPermitted},
      {"part of it",
       [](auto& identity) {
         identity.groups = {"Sta"};
         identity.groups_known = true;
       },
       Truth::False, Reason::IdentityNotPermitted},
      {"empty name",
       [](auto& identity) {
         identity.groups = {""};
         identity.groups_known = true;
       },
       Truth::False, Reason::IdentityNotPermitted},
      {"not stated", [](auto&) {}, Truth::Indeterminate, Reason::IdentityAttributeMissing},
      {"in none", [](auto& identity) { identity.groups_known = true; }, Truth::False,
       Reason::IdentityNotPermitted},
      {"in it, of a list that may be longer", [](auto& identity) { identity.groups = {"Staff"}; },
       Truth::True, Reason::None},
      {"not in a list that may be longer", [](auto& identity) { identity.groups = {"Admins"}; },
       Truth::Indeterminate, Reason::IdentityAttributeMissing},
      {"in it by another login method",
       [](auto& identity) {
         identity.groups = {"Staff"};
         identity.groups_known = true;
         identity.login_method = "id-others";
       },
       Truth::Indeterminate, Reason::LoginMethodNotAllowed},
  };
  testing::expect_cases(*testing::compile(compile_okta, kOne).value(), cases);
}

TEST(Okta, CombinesValues) {
  const auto truth = [](std::string_view values, Combine combine, std::vector<std::string> held) {
    Person person("a@b.example");
    person.session.identity.groups = std::move(held);
    person.session.identity.groups_known = true;
    return testing::compile(compile_okta, values, combine)
        .value()
        ->match(testing::empty_snapshot(), person.evidence(), kNow);
  };
  constexpr std::string_view kTwo =
      R"([{"name": "Staff", "identity_provider_id": "staff"}, {"name": "Admins",
          "identity_provider_id": "staff"}])";
  EXPECT_EQ(truth(kTwo, Combine::Any, {"Admins"}).truth, Truth::True);
  EXPECT_EQ(truth(kTwo, Combine::All, {"Admins"}).truth, Truth::False);
  EXPECT_EQ(truth(kTwo, Combine::All, {"Admins", "x", "Staff"}).truth, Truth::True);
  EXPECT_EQ(truth(kTwo, Combine::All, {"Staff", "Staff"}).truth, Truth::False);
  // Of another provider as well.
  constexpr std::string_view kMixed =
      R"([{"name": "Staff", "identity_provider_id": "others"}, {"name": "Admins",
          "identity_provider_id": "staff"}, {"name": "Admins", "identity_provider_id": "others"}])";
  EXPECT_EQ(truth(kMixed, Combine::Any, {"Admins"}).truth, Truth::True);
  testing::expect_match(truth(kMixed, Combine::Any, {"Staff"}), Truth::Indeterminate,
                        Reason::LoginMethodNotAllowed, "any");
  testing::expect_match(truth(kMixed, Combine::All, {"Staff", "Admins"}), Truth::Indeterminate,
                        Reason::LoginMethodNotAllowed, "all");
}

TEST(Okta, InTheListsOfAPolicy) {
  Person person("a@b.example");
  auto& identity = person.session.identity;
  identity.groups = {"Staff"};
  identity.groups_known = true;
  testing::expect_lists(compile_okta, kOne, person.evidence(), testing::kAllowed,
                        {Effect::Deny, Reason::NoPolicyMatched});
  identity.groups.clear();
  testing::expect_lists(compile_okta, kOne, person.evidence(),
                        {Effect::Deny, Reason::IdentityNotPermitted}, testing::kAllowed);
  identity.groups_known = false;
  testing::expect_lists(compile_okta, kOne, person.evidence(),
                        {Effect::Deny, Reason::IdentityAttributeMissing},
                        {Effect::Deny, Reason::IdentityAttributeMissing});
  identity.login_method = "id-others";
  testing::expect_lists(compile_okta, kOne, person.evidence(),
                        {Effect::Challenge, Reason::LoginMethodNotAllowed},
                        {Effect::Challenge, Reason::LoginMethodNotAllowed});
}

TEST(Okta, SaysWhatItSaw) {
  const auto matcher = testing::compile(compile_okta, kOne).value();
  Person person("a@b.example");
  auto& identity = person.session.identity;
  identity.authenticated_at = kNow;
  const auto seen = [&] { return matcher->observe(testing::empty_snapshot(), person.evidence()); };
  EXPECT_EQ(seen().value, "groups not stated");
  EXPECT_EQ(seen().established_at, kNow);
  identity.groups = {"x", "y", "z"};
  EXPECT_EQ(seen().value, "3 groups, perhaps more");
  identity.groups_known = true;
  EXPECT_EQ(seen().value, "3 groups");
  identity.login_method = "id-others";
  EXPECT_EQ(seen().value, "signed in with another login method");
  EXPECT_EQ(matcher->observe(testing::empty_snapshot(), {}).value, "nobody signed in");
}

TEST(Okta, NamesTheWrongField) {
  const testing::ErrorCase cases[] = {
      {R"([{}])", 0, "name"},
      {R"([{"name": "", "identity_provider_id": "staff"}])", 0, "name"},
      {R"([{"name": 5, "identity_provider_id": "staff"}])", 0, "name"},
      {R"([{"name": "Staff"}])", 0, "identity_provider_id"},
      {R"([{"name": "Staff", "identity_provider_id": "nobody"}])", 0, "identity_provider_id"},
      {R"([{"name": "Staff", "identity_provider_id": 7}])", 0, "identity_provider_id"},
      {R"([{"name": "Staff", "identity_provider_id": "staff"}, {"name": "Staff",
          "identity_provider_id": "staff", "x": 1}])",
       1, "x"},
  };
  testing::expect_errors(compile_okta, cases);
}

}  // namespace
}  // namespace gatehouse::selectors
