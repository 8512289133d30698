#include "selectors/auth_context/auth_context.h"

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
    R"([{"id": "any", "ac_id": "c1", "identity_provider_id": "staff"}])";

TEST(AuthContext, AsksWhatTheSignInSatisfied) {
  const testing::IdentityCase cases[] = {
      {"satisfied", [](auto& identity) { identity.auth_contexts = {"c2", "c1"}; }, Truth::True,
       Reason::None},
      {"another one", [](auto& identity) { identity.auth_contexts = {"c2"}; }, Truth::False,
       Reason::AuthContextMissing},
      {"longer", [](auto& identity) { identity.auth_contexts = {"c10"}; }, Truth::False,
       Reason::AuthContextMissing},
      {"letter case counts", [](auto& identity) { identity.auth_contexts = {"C1"}; }, Truth::False,
       Reason::AuthContextMissing},
      {"not stated", [](auto&) {}, Truth::Indeterminate, Reason::AuthContextMissing},
      {"by another login method",
       [](auto& identity) {
         identity.auth_contexts = {"c1"};
         identity.login_method = "id-others";
       },
       Truth::Indeterminate, Reason::LoginMethodNotAllowed},
  };
  testing::expect_cases(*testing::compile(compile_auth_context, kOne).value(), cases);
}

TEST(AuthContext, CombinesValues) {
  constexpr std::string_view kTwo = R"([{"ac_id": "c1", "identity_provider_id": "staff"},
                                        {"ac_id": "c2", "identity_provider_id": "staff"}])";
  Person person("a@b.example");
  person.session.identity.auth_contexts = {"c1"};
  const auto truth = [&](Combine combine) {
    return testing::compile(compile_auth_context, kTwo, combine)
        .value()
        ->match(testing::empty_snapshot(), person.evidence(), kNow)
        .truth;
  };
  EXPECT_EQ(truth(Combine::Any), Truth::True);
  EXPECT_EQ(truth(Combine::All), Truth::False);
  person.session.identity.auth_contexts = {"c1", "c2"};
  EXPECT_EQ(truth(Combine::All), Truth::True);
}

TEST(AuthContext, InTheListsOfAPolicy) {
  Person person("a@b.example");
  auto& held = person.session.identity.auth_contexts;
  testing::expect_lists(compile_auth_context, kOne, person.evidence(),
                        {Effect::Challenge, Reason::AuthContextMissing},
                        {Effect::Challenge, Reason::AuthContextMissing});
  held = {"c2"};
  testing::expect_lists(compile_auth_context, kOne, person.evidence(),
                        {Effect::Challenge, Reason::AuthContextMissing}, testing::kAllowed);
  held = {"c1"};
  testing::expect_lists(compile_auth_context, kOne, person.evidence(), testing::kAllowed,
                        {Effect::Deny, Reason::NoPolicyMatched});
}

TEST(AuthContext, SaysWhatItSaw) {
  const auto matcher = testing::compile(compile_auth_context, kOne).value();
  Person person("a@b.example");
  EXPECT_EQ(matcher->observe(testing::empty_snapshot(), person.evidence()).value,
            "authentication contexts not stated");
  person.session.identity.auth_contexts = {"c1", "c2"};
  EXPECT_EQ(matcher->observe(testing::empty_snapshot(), person.evidence()).value, "c1, c2");
}

TEST(AuthContext, NamesTheWrongField) {
  const testing::ErrorCase cases[] = {
      {R"([{}])", 0, "ac_id"},
      {R"([{"ac_id": "", "identity_provider_id": "staff"}])", 0, "ac_id"},
      {R"([{"id": 7, "ac_id": "c1", "identity_provider_id": "staff"}])", 0, "id"},
      {R"([{"ac_id": "c1"}])", 0, "identity_provider_id"},
      {R"([{"ac_id": "c1", "identity_provider_id": "nobody"}])", 0, "identity_provider_id"},
      {R"([{"ac_id": "c1", "identity_provider_id": "staff", "x": 1}])", 0, "x"},
  };
  testing::expect_errors(compile_auth_context, cases);
}

}  // namespace
}  // namespace gatehouse::selectors
