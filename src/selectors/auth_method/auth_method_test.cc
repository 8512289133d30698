#include "selectors/auth_method/auth_method.h"

#include "selectors/test_support.h"

namespace gatehouse::selectors {
namespace {

using decision::Combine;
using decision::Effect;
using decision::Reason;
using decision::Truth;
using testing::kNow;
using testing::Person;

constexpr std::string_view kOne = R"([{"auth_method": "mfa"}])";

TEST(AuthMethod, AsksHowThePersonSignedIn) {
  const testing::IdentityCase cases[] = {
      {"used", [](auto& identity) { identity.amr = {"pwd", "mfa"}; }, Truth::True, Reason::None},
      {"by whatever login method",
       [](auto& identity) {
         identity.amr = {"mfa"};
         identity.login_method = "id-others";
       },
       Truth::True, Reason::None},
      {"another one", [](auto& identity) { identity.amr = {"pwd"}; }, Truth::False,
       Reason::AuthMethodMissing},
      {"letter case counts", [](auto& identity) { identity.amr = {"MFA"}; }, Truth::False,
       Reason::AuthMethodMissing},
      {"longer", [](auto& identity) { identity.amr = {"mfa2"}; }, Truth::False,
       Reason::AuthMethodMissing},
      {"not stated", [](auto&) {}, Truth::Indeterminate, Reason::AuthMethodMissing},
  };
  testing::expect_cases(*testing::compile(compile_auth_method, kOne).value(), cases);
}

TEST(AuthMethod, CombinesValues) {
  constexpr std::string_view kTwo = R"([{"auth_method": "mfa"}, {"auth_method": "hwk"}])";
  Person person("a@b.example");
  person.session.identity.amr = {"mfa", "pwd"};
  const auto truth = [&](Combine combine) {
    return testing::compile(compile_auth_method, kTwo, combine)
        .value()
        ->match(testing::empty_snapshot(), person.evidence(), kNow)
        .truth;
  };
  EXPECT_EQ(truth(Combine::Any), Truth::True);
  EXPECT_EQ(truth(Combine::All), Truth::False);
  person.session.identity.amr = {"hwk", "mfa"};
  EXPECT_EQ(truth(Combine::All), Truth::True);
}

TEST(AuthMethod, InTheListsOfAPolicy) {
  Person person("a@b.example");
  auto& amr = person.session.identity.amr;
  testing::expect_lists(compile_auth_method, kOne, person.evidence(),
                        {Effect::Deny, Reason::AuthMethodMissing},
                        {Effect::Deny, Reason::AuthMethodMissing});
  amr = {"pwd"};
  testing::expect_lists(compile_auth_method, kOne, person.evidence(),
                        {Effect::Deny, Reason::AuthMethodMissing}, testing::kAllowed);
  amr = {"mfa"};
  testing::expect_lists(compile_auth_method, kOne, person.evidence(), testing::kAllowed,
                        {Effect::Deny, Reason::NoPolicyMatched});
}

TEST(AuthMethod, SaysWhatItSaw) {
  const auto matcher = testing::compile(compile_auth_method, kOne).value();
  Person person("a@b.example");
  person.session.identity.authenticated_at = kNow;
  EXPECT_EQ(matcher->observe(testing::empty_snapshot(), person.evidence()).value,
            "authentication methods not stated");
  person.session.identity.amr = {"pwd", "otp"};
  const auto seen = matcher->observe(testing::empty_snapshot(), person.evidence());
  EXPECT_EQ(seen.value, "pwd, otp");
  EXPECT_EQ(seen.established_at, kNow);
}

TEST(AuthMethod, NamesTheWrongField) {
  const testing::ErrorCase cases[] = {
      {R"([{}])", 0, "auth_method"},
      {R"([{"auth_method": ""}])", 0, "auth_method"},
      {R"([{"auth_method": ["mfa"]}])", 0, "auth_method"},
      {R"([{"auth_method": "m fa"}])", 0, "auth_method"},
      {R"([{"auth_method": "mfa"}, {"auth_method": "mfa", "x": 1}])", 1, "x"},
  };
  testing::expect_errors(compile_auth_method, cases);
  const auto of_length = [](std::size_t length) {
    return testing::compile(compile_auth_method,
                            R"([{"auth_method": ")" + std::string(length, 'x') + R"("}])");
  };
  EXPECT_TRUE(of_length(64));
  EXPECT_FALSE(of_length(65));
}

}  // namespace
}  // namespace gatehouse::selectors
