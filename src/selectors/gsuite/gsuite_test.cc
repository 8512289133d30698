#include "selectors/gsuite/gsuite.h"

#include "selectors/test_support.h"

namespace gatehouse::selectors {
namespace {

using decision::Combine;
using decision::Effect;
using decision::Reason;
using decision::Truth;
using testing::kNow;
using testing::Person;

constexpr std::string_view kOne =
    R"([{"email": "staff@corp.example", "identity_provider_id": "staff"}])";

TEST(Gsuite, AsksTheGroupsOfTheProvider) {
  const testing::IdentityCase cases[] = {
      {"in it",
       [](auto& identity) {
         identity.groups = {"x@y.example", "staff@corp.example"};
         identity.groups_known = true;
       },
       Truth::True, Reason::None},
      {"letter case does not count",
       [](auto& identity) {
         identity.groups = {"Staff@CORP.example"};
         identity.groups_known = true;
       },
       Truth::True, Reason::None},
      {"other domain",
       [](auto& identity) {
         identity.groups = {"staff@corp.example.evil.example"};
         identity.groups_known = true;
       },
       Truth::False, Reason::IdentityNotPermitted},
      {"longer",
       [](auto& identity) {
         identity.groups = {"staff@corp.example "};
         identity.groups_known = true;
       },
       Truth::False, Reason::IdentityNotPermitted},
      {"no address",
       [](auto& identity) {
         identity.groups = {"staff"};
         identity.groups_known = true;
       },
       Truth::False, Reason::IdentityNotPermitted},
      {"not stated", [](auto&) {}, Truth::Indeterminate, Reason::IdentityAttributeMissing},
      {"in none", [](auto& identity) { identity.groups_known = true; }, Truth::False,
       Reason::IdentityNotPermitted},
      {"in it, of a list that may be longer",
       [](auto& identity) { identity.groups = {"staff@corp.example"}; }, Truth::True, Reason::None},
      {"not in a list that may be longer",
       [](auto& identity) { identity.groups = {"admins@corp.example"}; }, Truth::Indeterminate,
       Reason::IdentityAttributeMissing},
      {"in it by another login method",
       [](auto& identity) {
         identity.groups = {"staff@corp.example"};
         identity.groups_known = true;
         identity.login_method = "id-others";
       },
       Truth::Indeterminate, Reason::LoginMethodNotAllowed},
  };
  testing::expect_cases(*testing::compile(compile_gsuite, kOne).value(), cases);
}

TEST(Gsuite, CombinesValues) {
  const auto truth = [](std::string_view values, Combine combine, std::vector<std::string> held) {
    Person person("a@b.example");
    person.session.identity.groups = std::move(held);
    person.session.identity.groups_known = true;
    return testing::compile(compile_gsuite, values, combine)
        .value()
        ->match(testing::empty_snapshot(), person.evidence(), kNow);
  };
  constexpr std::string_view kTwo =
      R"([{"email": "staff@corp.example",
          "identity_provider_id": "staff"},
          {"email": "admins@corp.example", "identity_provider_id": "staff"}])";
  EXPECT_EQ(truth(kTwo, Combine::Any, {"admins@corp.example"}).truth, Truth::True);
  EXPECT_EQ(truth(kTwo, Combine::All, {"admins@corp.example"}).truth, Truth::False);
  EXPECT_EQ(truth(kTwo, Combine::All, {"admins@corp.example", "x", "staff@corp.example"}).truth,
            Truth::True);
  EXPECT_EQ(truth(kTwo, Combine::All, {"staff@corp.example", "staff@corp.example"}).truth,
            Truth::False);
  // Of another provider as well.
  constexpr std::string_view kMixed =
      R"([{"email": "staff@corp.example",
          "identity_provider_id": "others"},
          {"email": "admins@corp.example", "identity_provider_id": "staff"},
          {"email": "admins@corp.example", "identity_provider_id": "others"}])";
  EXPECT_EQ(truth(kMixed, Combine::Any, {"admins@corp.example"}).truth, Truth::True);
  testing::expect_match(truth(kMixed, Combine::Any, {"staff@corp.example"}), Truth::Indeterminate,
                        Reason::LoginMethodNotAllowed, "any");
  testing::expect_match(truth(kMixed, Combine::All, {"staff@corp.example", "admins@corp.example"}),
                        Truth::Indeterminate, Reason::LoginMethodNotAllowed, "all");
}

TEST(Gsuite, InTheListsOfAPolicy) {
  Person person("a@b.example");
  auto& identity = person.session.identity;
  identity.groups = {"staff@corp.example"};
  identity.groups_known = true;
  testing::expect_lists(compile_gsuite, kOne, person.evidence(), testing::kAllowed,
                        {Effect::Deny, Reason::NoPolicyMatched});
  identity.groups.clear();
  testing::expect_lists(compile_gsuite, kOne, person.evidence(),
                        {Effect::Deny, Reason::IdentityNotPermitted}, testing::kAllowed);
  identity.groups_known = false;
  testing::expect_lists(compile_gsuite, kOne, person.evidence(),
                        {Effect::Deny, Reason::IdentityAttributeMissing},
                        {Effect::Deny, Reason::IdentityAttributeMissing});
  identity.login_method = "id-others";
  testing::expect_lists(compile_gsuite, kOne, person.evidence(),
                        {Effect::Challenge, Reason::LoginMethodNotAllowed},
                        {Effect::Challenge, Reason::LoginMethodNotAllowed});
}

TEST(Gsuite, SaysWhatItSaw) {
  const auto matcher = testing::compile(compile_gsuite, kOne).value();
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

TEST(Gsuite, NamesTheWrongField) {
  const testing::ErrorCase cases[] = {
      {R"([{}])", 0, "email"},
      {R"([{"email": "", "identity_provider_id": "staff"}])", 0, "email"},
      {R"([{"email": 5, "identity_provider_id": "staff"}])", 0, "email"},
      {R"([{"email": "staff@corp.example"}])", 0, "identity_provider_id"},
      {R"([{"email": "staff@corp.example", "identity_provider_id": "nobody"}])", 0,
       "identity_provider_id"},
      {R"([{"email": "staff@corp.example", "identity_provider_id": 7}])", 0,
       "identity_provider_id"},
      {R"([{"email": "staff@corp.example",
          "identity_provider_id": "staff"},
          {"email": "staff@corp.example", "identity_provider_id": "staff", "x": 1}])",
       1, "x"},
      {R"([{"email": "staff", "identity_provider_id": "staff"}])", 0, "email"},
      {R"([{"email": "staff@b.example ", "identity_provider_id": "staff"}])", 0, "email"},
  };
  testing::expect_errors(compile_gsuite, cases);
}

}  // namespace
}  // namespace gatehouse::selectors
