#include "selectors/oidc/oidc.h"

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
    R"([{"claim_name": "role", "claim_value": "admin", "identity_provider_id": "staff"}])";
constexpr std::string_view kTwo =
    R"([{"claim_name": "role", "claim_value": "admin",
          "identity_provider_id": "staff"},
          {"claim_name": "team", "claim_value": "ops", "identity_provider_id": "staff"}])";

TEST(Oidc, ComparesOneAttribute) {
  const testing::IdentityCase cases[] = {
      {"has it", [](auto& identity) { identity.claims["role"] = {"user", "admin"}; }, Truth::True,
       Reason::None},
      {"letter case counts", [](auto& identity) { identity.claims["role"] = {"Admin"}; },
       Truth::False, Reason::IdentityNotPermitted},
      {"longer", [](auto& identity) { identity.claims["role"] = {"admin "}; }, Truth::False,
       Reason::IdentityNotPermitted},
      {"without values", [](auto& identity) { identity.claims["role"]; }, Truth::False,
       Reason::IdentityNotPermitted},
      {"absent", [](auto&) {}, Truth::Indeterminate, Reason::IdentityAttributeMissing},
      {"another one", [](auto& identity) { identity.claims["Role"] = {"admin"}; },
       Truth::Indeterminate, Reason::IdentityAttributeMissing},
      {"of the other protocol",
       [](auto& identity) { identity.saml_attributes["role"] = {"admin"}; }, Truth::Indeterminate,
       Reason::IdentityAttributeMissing},
      {"by another login method",
       [](auto& identity) {
         identity.claims["role"] = {"admin"};
         identity.login_method = "id-others";
       },
       Truth::Indeterminate, Reason::LoginMethodNotAllowed},
  };
  testing::expect_cases(*testing::compile(compile_oidc, kOne).value(), cases);
}

TEST(Oidc, CombinesValues) {
  Person person("a@b.example");
  person.session.identity.claims["role"] = {"admin"};
  const auto any = testing::compile(compile_oidc, kTwo, Combine::Any).value();
  const auto all = testing::compile(compile_oidc, kTwo, Combine::All).value();
  const auto match = [&](const decision::Matcher& matcher) {
    return matcher.match(testing::empty_snapshot(), person.evidence(), kNow);
  };
  testing::expect_match(match(*any), Truth::True, Reason::None, "any");
  testing::expect_match(match(*all), Truth::Indeterminate, Reason::IdentityAttributeMissing, "all");
  person.session.identity.claims["team"] = {"ops"};
  testing::expect_match(match(*all), Truth::True, Reason::None, "both");
  person.session.identity.claims["team"] = {"dev"};
  testing::expect_match(match(*all), Truth::False, Reason::IdentityNotPermitted, "wrong team");
}

TEST(Oidc, InTheListsOfAPolicy) {
  Person person("a@b.example");
  testing::expect_lists(compile_oidc, kOne, person.evidence(),
                        {Effect::Deny, Reason::IdentityAttributeMissing},
                        {Effect::Deny, Reason::IdentityAttributeMissing});
  person.session.identity.claims["role"] = {"user"};
  testing::expect_lists(compile_oidc, kOne, person.evidence(),
                        {Effect::Deny, Reason::IdentityNotPermitted}, testing::kAllowed);
  person.session.identity.claims["role"] = {"admin"};
  testing::expect_lists(compile_oidc, kOne, person.evidence(), testing::kAllowed,
                        {Effect::Deny, Reason::NoPolicyMatched});
  person.session.identity.login_method = "id-others";
  testing::expect_lists(compile_oidc, kOne, person.evidence(),
                        {Effect::Challenge, Reason::LoginMethodNotAllowed},
                        {Effect::Challenge, Reason::LoginMethodNotAllowed});
}

// Values may be confidential.
TEST(Oidc, SaysHowManyValuesItSaw) {
  const auto matcher = testing::compile(compile_oidc, kTwo).value();
  Person person("a@b.example");
  person.session.identity.authenticated_at = kNow;
  person.session.identity.claims["role"] = {"secret"};
  const auto seen = matcher->observe(testing::empty_snapshot(), person.evidence());
  EXPECT_EQ(seen.value, "`role` has 1 value, `team` not stated");
  EXPECT_EQ(seen.established_at, kNow);
}

TEST(Oidc, NamesTheWrongField) {
  const testing::ErrorCase cases[] = {
      {R"([{}])", 0, "claim_name"},
      {R"([{"claim_name": "", "claim_value": "x", "identity_provider_id": "staff"}])", 0,
       "claim_name"},
      {R"([{"claim_name": "role", "identity_provider_id": "staff"}])", 0, "claim_value"},
      {R"([{"claim_name": "role", "claim_value": true, "identity_provider_id": "staff"}])", 0,
       "claim_value"},
      {R"([{"claim_name": "role", "claim_value": "", "identity_provider_id": "staff"}])", 0,
       "claim_value"},
      {R"([{"claim_name": "role", "claim_value": "x"}])", 0, "identity_provider_id"},
      {R"([{"claim_name": "role", "claim_value": "admin",
          "identity_provider_id": "staff"},
          {"claim_name": "role", "claim_value": "x", "identity_provider_id": "nobody"}])",
       1, "identity_provider_id"},
      {R"([{"claim_name": "role", "claim_value": "x", "identity_provider_id": "staff", "y": 1}])",
       0, "y"},
  };
  testing::expect_errors(compile_oidc, cases);
}

}  // namespace
}  // namespace gatehouse::selectors
