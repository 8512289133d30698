#include "selectors/service_token/service_token.h"

#include "selectors/test_support.h"

namespace gatehouse::selectors {
namespace {

using decision::Reason;
using decision::Truth;

TEST(ServiceToken, MatchesAUsableTokenOfTheList) {
  using namespace std::chrono_literals;
  const auto matcher =
      testing::compile(compile_service_token, R"([{"token_id": "staff"}])").value();
  const struct {
    std::string_view name;
    std::string_view id;
    std::optional<Instant> expires_at;
    bool enabled;
    Truth truth;
    Reason reason;
  } cases[] = {
      {"for ever", "id-staff", std::nullopt, true, Truth::True, Reason::None},
      {"another", "id-others", std::nullopt, true, Truth::False, Reason::ServiceTokenNotPermitted},
      {"the second before", "id-staff", testing::kNow + 1s, true, Truth::True, Reason::None},
      {"expires now", "id-staff", testing::kNow, true, Truth::False,
       Reason::ServiceTokenNotPermitted},
      {"disabled", "id-staff", std::nullopt, false, Truth::False, Reason::ServiceTokenNotPermitted},
  };
  for (const auto& test : cases) {
    decision::CompiledServiceToken token;
    token.id = test.id;
    token.expires_at = test.expires_at;
    token.enabled = test.enabled;
    decision::Evidence evidence;
    evidence.service_token = &token;
    testing::expect_match(matcher->match(testing::empty_snapshot(), evidence, testing::kNow),
                          test.truth, test.reason, test.name);
  }
  testing::expect_match(matcher->match(testing::empty_snapshot(), {}, testing::kNow), Truth::False,
                        Reason::ServiceTokenNotPermitted, "none");
}

TEST(ServiceToken, APersonIsNone) {
  const auto matcher =
      testing::compile(compile_service_token, R"([{"token_id": "staff"}])").value();
  const testing::Person person("a@b.example");
  testing::expect_match(matcher->match(testing::empty_snapshot(), person.evidence(), testing::kNow),
                        Truth::False, Reason::ServiceTokenNotPermitted, "person");
}

TEST(ServiceToken, NamesTheWrongField) {
  const testing::ErrorCase cases[] = {
      {R"([{}])", 0, "token_id"},
      {R"([{"token_id": {}}])", 0, "token_id"},
      {R"([{"token_id": "nobody"}])", 0, "token_id"},
      {R"([{"token_id": "staff", "secret": "x"}])", 0, "secret"},
  };
  testing::expect_errors(compile_service_token, cases);
}

TEST(ServiceToken, SaysWhatItSaw) {
  const auto matcher =
      testing::compile(compile_service_token, R"([{"token_id": "staff"}])").value();
  decision::CompiledServiceToken token;
  token.name = "Robot";
  decision::Evidence evidence;
  EXPECT_EQ(matcher->observe(testing::empty_snapshot(), evidence).value, "no service token");
  evidence.service_token = &token;
  EXPECT_EQ(matcher->observe(testing::empty_snapshot(), evidence).value, "service token Robot");
}

}  // namespace
}  // namespace gatehouse::selectors
