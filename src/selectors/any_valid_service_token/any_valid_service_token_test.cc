#include "selectors/any_valid_service_token/any_valid_service_token.h"

#include "selectors/test_support.h"

namespace gatehouse::selectors {
namespace {

using decision::Effect;
using decision::Reason;
using decision::Truth;
using testing::kNow;
using testing::Person;

TEST(AnyValidServiceToken, MatchesAUsableToken) {
  using namespace std::chrono_literals;
  const auto matcher = testing::compile(compile_any_valid_service_token, "[{}, {}]").value();
  const struct {
    std::string_view name;
    std::optional<Instant> expires_at;
    bool enabled;
    bool identity_only;
    Truth truth;
    Reason reason;
  } cases[] = {
      {"for ever", std::nullopt, true, false, Truth::True, Reason::None},
      {"the second before", kNow + 1s, true, false, Truth::True, Reason::None},
      {"expires now", kNow, true, false, Truth::False, Reason::ServiceTokenNotPermitted},
      {"disabled", std::nullopt, false, false, Truth::False, Reason::ServiceTokenNotPermitted},
      {"identity only", std::nullopt, true, true, Truth::Indeterminate,
       Reason::ServiceTokenNotPermitted},
  };
  for (const auto& test : cases) {
    decision::CompiledServiceToken token;
    token.name = "Robot";
    token.expires_at = test.expires_at;
    token.enabled = test.enabled;
    decision::Evidence evidence;
    evidence.service_token = &token;
    evidence.identity_only = test.identity_only;
    testing::expect_match(matcher->match(testing::empty_snapshot(), evidence, kNow), test.truth,
                          test.reason, test.name);
    EXPECT_EQ(matcher->observe(testing::empty_snapshot(), evidence).value, "service token Robot");
  }
  testing::expect_match(matcher->match(testing::empty_snapshot(), {}, kNow), Truth::False,
                        Reason::ServiceTokenNotPermitted, "none");
  EXPECT_EQ(matcher->observe(testing::empty_snapshot(), {}).value, "no service token");
}

TEST(AnyValidServiceToken, InTheListsOfAPolicy) {
  const Person person("a@b.example");
  auto evidence = person.evidence();
  testing::expect_lists(compile_any_valid_service_token, "[{}]", evidence,
                        {Effect::Deny, Reason::ServiceTokenNotPermitted}, testing::kAllowed);
  const decision::CompiledServiceToken token;
  evidence.service_token = &token;
  testing::expect_lists(compile_any_valid_service_token, "[{}]", evidence, testing::kAllowed,
                        {Effect::Deny, Reason::NoPolicyMatched});
}

TEST(AnyValidServiceToken, HasNoFields) {
  const testing::ErrorCase cases[] = {{R"([{}, {"token_id": "staff"}])", 1, "token_id"}};
  testing::expect_errors(compile_any_valid_service_token, cases);
}

}  // namespace
}  // namespace gatehouse::selectors
