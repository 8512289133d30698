#include "selectors/login_method/login_method.h"

#include "selectors/test_support.h"

namespace gatehouse::selectors {
namespace {

using decision::Reason;
using decision::Truth;
using testing::Person;

TEST(LoginMethod, MatchesTheProviderOfTheSession) {
  const auto matcher = testing::compile(compile_login_method, R"([{"id": "staff"}])").value();
  const Person right("a@b.example", "id-staff");
  const Person wrong("a@b.example", "id-others");
  const Person unknown("a@b.example", "");
  const auto& snapshot = testing::empty_snapshot();
  testing::expect_match(matcher->match(snapshot, right.evidence(), testing::kNow), Truth::True,
                        Reason::None, "right");
  testing::expect_match(matcher->match(snapshot, wrong.evidence(), testing::kNow), Truth::False,
                        Reason::LoginMethodNotAllowed, "wrong");
  testing::expect_match(matcher->match(snapshot, unknown.evidence(), testing::kNow), Truth::False,
                        Reason::LoginMethodNotAllowed, "unknown");
  testing::expect_match(matcher->match(snapshot, {}, testing::kNow), Truth::Indeterminate,
                        Reason::NotSignedIn, "nobody");
}

TEST(LoginMethod, NamesTheWrongField) {
  const testing::ErrorCase cases[] = {
      {R"([{}])", 0, "id"},
      {R"([{"id": 1}])", 0, "id"},
      {R"([{"id": "nobody"}])", 0, "id"},
      {R"([{"id": "staff"}, {"id": "staff", "name": "x"}])", 1, "name"},
  };
  testing::expect_errors(compile_login_method, cases);
}

TEST(LoginMethod, SaysWhatItSaw) {
  const testing::Person person("a@b.example", "id-others");
  EXPECT_EQ(testing::compile(compile_login_method, R"([{"id": "staff"}])")
                .value()
                ->observe(testing::empty_snapshot(), person.evidence())
                .value,
            "id-others");
}

}  // namespace
}  // namespace gatehouse::selectors
