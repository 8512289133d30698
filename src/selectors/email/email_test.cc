#include "selectors/email/email.h"

#include "selectors/test_support.h"

namespace gatehouse::selectors {
namespace {

using decision::Combine;
using decision::Reason;
using decision::Truth;
using testing::Person;

TEST(Email, MatchesExactlyTheAddress) {
  const auto matcher =
      testing::compile(compile_email, R"([{"email": "Alice@Corp.example"}])").value();
  const struct {
    std::string_view address;
    bool expected;
  } cases[] = {
      {"alice@corp.example", true},
      {"ALICE@CORP.EXAMPLE", true},
      {"bob@corp.example", false},
      {"alice@corp.example.evil.example", false},
      {"alice@sub.corp.example", false},
      {"alice+x@corp.example", false},
      {"alice@corp.example@evil.example", false},
      {"\u0430lice@corp.example", false},
      {"", false},
      {"alice@corp.example ", false},
  };
  for (const auto& test : cases) {
    const Person person(test.address);
    testing::expect_match(
        matcher->match(testing::empty_snapshot(), person.evidence(), testing::kNow),
        test.expected ? Truth::True : Truth::False,
        test.expected ? Reason::None : Reason::IdentityNotPermitted, test.address);
  }
  testing::expect_match(matcher->match(testing::empty_snapshot(), {}, testing::kNow),
                        Truth::Indeterminate, Reason::NotSignedIn, "nobody");
}

TEST(Email, CombinesValues) {
  const auto two = R"([{"email": "alice@a.example"}, {"email": "bob@a.example"}])";
  const auto same = R"([{"email": "alice@a.example"}, {"email": "ALICE@a.example"}])";
  const auto holds = [](std::string_view values, Combine combine, std::string_view address) {
    const Person person(address);
    return testing::compile(compile_email, values, combine)
               .value()
               ->match(testing::empty_snapshot(), person.evidence(), testing::kNow)
               .truth == Truth::True;
  };
  EXPECT_TRUE(holds(two, Combine::Any, "alice@a.example"));
  EXPECT_TRUE(holds(two, Combine::Any, "bob@a.example"));
  EXPECT_FALSE(holds(two, Combine::Any, "carol@a.example"));
  EXPECT_FALSE(holds(two, Combine::All, "alice@a.example"));
  EXPECT_TRUE(holds(same, Combine::All, "alice@a.example"));
}

TEST(Email, Describes) {
  EXPECT_EQ(testing::compile(compile_email, R"([{"email": "A@b.example"}])").value()->describe(),
            "email is `a@b.example`");
  EXPECT_EQ(
      testing::compile(compile_email, R"([{"email": "a@b.example"}, {"email": "c@b.example"}])")
          .value()
          ->describe(),
      "email is one of 2 addresses");
}

TEST(Email, NamesTheWrongField) {
  const testing::ErrorCase cases[] = {
      {R"([{}])", 0, "email"},
      {R"([{"email": 1}])", 0, "email"},
      {R"([{"email": null}])", 0, "email"},
      {R"([{"email": ""}])", 0, "email"},
      {R"([{"email": "alice"}])", 0, "email"},
      {R"([{"email": "alice@b.example"}, {"email": "*@b.example "}])", 1, "email"},
      {R"([{"email": "alice@b.example", "domain": "b.example"}])", 0, "domain"},
      {R"([{"Email": "alice@b.example"}])", 0, "Email"},
  };
  testing::expect_errors(compile_email, cases);
}

TEST(Email, SaysWhatItSaw) {
  const auto matcher = testing::compile(compile_email, R"([{"email": "a@b.example"}])").value();
  Person person("Alice@corp.example");
  person.session.identity.authenticated_at = testing::kNow;
  const auto seen = matcher->observe(testing::empty_snapshot(), person.evidence());
  EXPECT_EQ(seen.value, "Alice@corp.example");
  EXPECT_EQ(seen.established_at, testing::kNow);
  EXPECT_EQ(matcher->observe(testing::empty_snapshot(), {}).value, "nobody signed in");
  EXPECT_EQ(matcher->observe(testing::empty_snapshot(), Person("").evidence()).value, "no address");
}

}  // namespace
}  // namespace gatehouse::selectors
