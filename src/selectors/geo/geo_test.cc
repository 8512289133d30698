#include "selectors/geo/geo.h"

#include "selectors/test_support.h"

namespace gatehouse::selectors {
namespace {

using decision::Combine;
using decision::Effect;
using decision::Reason;
using decision::Truth;
using testing::kNow;
using testing::Person;

constexpr std::string_view kOne = R"([{"country_code": "de"}])";

TEST(Geo, ComparesTheCountry) {
  const auto matcher = testing::compile(compile_geo, kOne).value();
  const struct {
    std::string_view country;
    Truth truth;
    Reason reason;
    std::string_view seen;
  } cases[] = {
      {"DE", Truth::True, Reason::None, "country DE"},
      {"US", Truth::False, Reason::CountryNotPermitted, "country US"},
      {"", Truth::Indeterminate, Reason::CountryUnknown, "country not known"},
  };
  for (const auto& test : cases) {
    decision::Evidence evidence;
    evidence.country = test.country;
    testing::expect_match(matcher->match(testing::empty_snapshot(), evidence, kNow), test.truth,
                          test.reason, test.seen);
    EXPECT_EQ(matcher->observe(testing::empty_snapshot(), evidence).value, test.seen);
    evidence.identity_only = true;
    testing::expect_match(matcher->match(testing::empty_snapshot(), evidence, kNow),
                          Truth::Indeterminate, Reason::CountryUnknown, "identity only");
  }
}

TEST(Geo, CombinesValues) {
  constexpr std::string_view kTwo = R"([{"country_code": "DE"}, {"country_code": "US"}])";
  constexpr std::string_view kSame = R"([{"country_code": "DE"}, {"country_code": "de"}])";
  decision::Evidence evidence;
  evidence.country = "DE";
  const auto truth = [&](std::string_view values, Combine combine) {
    return testing::compile(compile_geo, values, combine)
        .value()
        ->match(testing::empty_snapshot(), evidence, kNow)
        .truth;
  };
  EXPECT_EQ(truth(kTwo, Combine::Any), Truth::True);
  EXPECT_EQ(truth(kTwo, Combine::All), Truth::False);
  EXPECT_EQ(truth(kSame, Combine::All), Truth::True);
}

TEST(Geo, InTheListsOfAPolicy) {
  const Person person("a@b.example");
  auto evidence = person.evidence();
  testing::expect_lists(compile_geo, kOne, evidence, {Effect::Deny, Reason::CountryUnknown},
                        {Effect::Deny, Reason::CountryUnknown});
  evidence.country = "DE";
  testing::expect_lists(compile_geo, kOne, evidence, testing::kAllowed,
                        {Effect::Deny, Reason::CountryNotPermitted});
  evidence.country = "US";
  testing::expect_lists(compile_geo, kOne, evidence, {Effect::Deny, Reason::CountryNotPermitted},
                        testing::kAllowed);
}

TEST(Geo, NamesTheWrongField) {
  const testing::ErrorCase cases[] = {
      {R"([{}])", 0, "country_code"},
      {R"([{"country_code": ""}])", 0, "country_code"},
      {R"([{"country_code": "D"}])", 0, "country_code"},
      {R"([{"country_code": "DEU"}])", 0, "country_code"},
      {R"([{"country_code": "D1"}])", 0, "country_code"},
      {R"([{"country_code": "ä"}])", 0, "country_code"},
      {R"([{"country_code": ["DE"]}])", 0, "country_code"},
      {R"([{"country_code": "DE"}, {"country_code": "DE", "x": 1}])", 1, "x"},
  };
  testing::expect_errors(compile_geo, cases);
}

}  // namespace
}  // namespace gatehouse::selectors
