#include "selectors/azure_ad/azure_ad.h"

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
    R"([{"id": "11112222-3333-4444-5555-66667777aaaa", "identity_provider_id": "staff"}])";

TEST(AzureAd, AsksTheGroupsOfTheProvider) {
  const testing::IdentityCase cases[] = {
      {"in it",
       [](auto& identity) {
         identity.groups = {"x", "11112222-3333-4444-5555-66667777aaaa"};
         identity.groups_known = true;
       },
       Truth::True, Reason::None},
      {"letter case does not count",
       [](auto& identity) {
         identity.groups = {"11112222-3333-4444-5555-66667777AAAA"};
         identity.groups_known = true;
       },
       Truth::True, Reason::None},
      {"a digit off",
       [](auto& identity) {
         identity.groups = {"11112222-3333-4444-5555-66667777aaab"};
         identity.groups_known = true;
       },
       Truth::False, Reason::IdentityNotPermitted},
      {"part of it",
       [](auto& identity) {
         identity.groups = {"11112222"};
         identity.groups_known = true;
       },
       Truth::False, Reason::IdentityNotPermitted},
      {"longer",
       [](auto& identity) {
         identity.groups = {"11112222-3333-4444-5555-66667777aaaa0"};
         identity.groups_known = true;
       },
       Truth::False, Reason::IdentityNotPermitted},
      {"not stated", [](auto&) {}, Truth::Indeterminate, Reason::IdentityAttributeMissing},
      {"in none", [](auto& identity) { identity.groups_known = true; }, Truth::False,
       Reason::IdentityNotPermitted},
      {"in it, of a list that may be longer",
       [](auto& identity) { identity.groups = {"11112222-3333-4444-5555-66667777aaaa"}; },
       Truth::True, Reason::None},
      {"not in a list that may be longer",
       [](auto& identity) { identity.groups = {"11112222-3333-4444-5555-66667777aaab"}; },
       Truth::Indeterminate, Reason::IdentityAttributeMissing},
      {"in it by another login method",
       [](auto& identity) {
         identity.groups = {"11112222-3333-4444-5555-66667777aaaa"};
         identity.groups_known = true;
         identity.login_method = "id-others";
       },
       Truth::Indeterminate, Reason::LoginMethodNotAllowed},
  };
  testing::expect_cases(*testing::compile(compile_azure_ad, kOne).value(), cases);
}

TEST(AzureAd, CombinesValues) {
  const auto truth = [](std::string_view values, Combine combine, std::vector<std::string> held) {
    Person person("a@b.example");
    person.session.identity.groups = std::move(held);
    person.session.identity.groups_known = true;
    return testing::compile(compile_azure_ad, values, combine)
        .value()
        ->match(testing::empty_snapshot(), person.evidence(), kNow);
  };
  constexpr std::string_view kTwo =
      R"([{"id": "11112222-3333-4444-5555-66667777aaaa",
          "identity_provider_id": "staff"},
          {"id": "11112222-3333-4444-5555-66667777aaab", "identity_provider_id": "staff"}])";
  EXPECT_EQ(truth(kTwo, Combine::Any, {"11112222-3333-4444-5555-66667777aaab"}).truth, Truth::True);
  EXPECT_EQ(truth(kTwo, Combine::All, {"11112222-3333-4444-5555-66667777aaab"}).truth,
            Truth::False);
  EXPECT_EQ(
      truth(kTwo, Combine::All,
            {"11112222-3333-4444-5555-66667777aaab", "x", "11112222-3333-4444-5555-66667777aaaa"})
          .truth,
      Truth::True);
  EXPECT_EQ(truth(kTwo, Combine::All,
                  {"11112222-3333-4444-5555-66667777aaaa", "11112222-3333-4444-5555-66667777aaaa"})
                .truth,
            Truth::False);
  // Of another provider as well.
  constexpr std::string_view kMixed =
      R"([{"id": "11112222-3333-4444-5555-66667777aaaa",
          "identity_provider_id": "others"},
          {"id": "11112222-3333-4444-5555-66667777aaab", "identity_provider_id": "staff"},
          {"id": "11112222-3333-4444-5555-66667777aaab", "identity_provider_id": "others"}])";
  EXPECT_EQ(truth(kMixed, Combine::Any, {"11112222-3333-4444-5555-66667777aaab"}).truth,
            Truth::True);
  testing::expect_match(truth(kMixed, Combine::Any, {"11112222-3333-4444-5555-66667777aaaa"}),
                        Truth::Indeterminate, Reason::LoginMethodNotAllowed, "any");
  testing::expect_match(
      truth(kMixed, Combine::All,
            {"11112222-3333-4444-5555-66667777aaaa", "11112222-3333-4444-5555-66667777aaab"}),
      Truth::Indeterminate, Reason::LoginMethodNotAllowed, "all");
}

TEST(AzureAd, InTheListsOfAPolicy) {
  Person person("a@b.example");
  auto& identity = person.session.identity;
  identity.groups = {"11112222-3333-4444-5555-66667777aaaa"};
  identity.groups_known = true;
  testing::expect_lists(compile_azure_ad, kOne, person.evidence(), testing::kAllowed,
                        {Effect::Deny, Reason::NoPolicyMatched});
  identity.groups.clear();
  testing::expect_lists(compile_azure_ad, kOne, person.evidence(),
                        {Effect::Deny, Reason::IdentityNotPermitted}, testing::kAllowed);
  identity.groups_known = false;
  testing::expect_lists(compile_azure_ad, kOne, person.evidence(),
                        {Effect::Deny, Reason::IdentityAttributeMissing},
                        {Effect::Deny, Reason::IdentityAttributeMissing});
  identity.login_method = "id-others";
  testing::expect_lists(compile_azure_ad, kOne, person.evidence(),
                        {Effect::Challenge, Reason::LoginMethodNotAllowed},
                        {Effect::Challenge, Reason::LoginMethodNotAllowed});
}

TEST(AzureAd, SaysWhatItSaw) {
  const auto matcher = testing::compile(compile_azure_ad, kOne).value();
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

TEST(AzureAd, NamesTheWrongField) {
  const testing::ErrorCase cases[] = {
      {R"([{}])", 0, "id"},
      {R"([{"id": "", "identity_provider_id": "staff"}])", 0, "id"},
      {R"([{"id": 5, "identity_provider_id": "staff"}])", 0, "id"},
      {R"([{"id": "11112222-3333-4444-5555-66667777aaaa"}])", 0, "identity_provider_id"},
      {R"([{"id": "11112222-3333-4444-5555-66667777aaaa", "identity_provider_id": "nobody"}])", 0,
       "identity_provider_id"},
      {R"([{"id": "11112222-3333-4444-5555-66667777aaaa", "identity_provider_id": 7}])", 0,
       "identity_provider_id"},
      {R"([{"id": "11112222-3333-4444-5555-66667777aaaa",
          "identity_provider_id": "staff"},
          {"id": "11112222-3333-4444-5555-66667777aaaa", "identity_provider_id": "staff",
           "x": 1}])",
       1, "x"},
  };
  testing::expect_errors(compile_azure_ad, cases);
}

}  // namespace
}  // namespace gatehouse::selectors
