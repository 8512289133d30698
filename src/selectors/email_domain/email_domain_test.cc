#include "selectors/email_domain/email_domain.h"

#include "selectors/test_support.h"

namespace gatehouse::selectors {
namespace {

using decision::Reason;
using decision::Truth;
using testing::Person;

TEST(EmailDomain, MatchesExactlyTheDomain) {
  for (const auto* value : {"corp.example", "Corp.EXAMPLE", "@corp.example"}) {
    const auto matcher =
        testing::compile(compile_email_domain, "[{\"domain\": \"" + std::string(value) + "\"}]")
            .value();
    const struct {
      std::string_view address;
      bool expected;
    } cases[] = {
        {"alice@corp.example", true},
        {"alice+x@CORP.example", true},
        {"alice@sub.corp.example", false},
        {"alice@evilcorp.example", false},
        {"alice@corp.example.", false},
        {"alice@corp.example.evil.example", false},
        {"alice@evil.example@corp.example", false},
        {"\"x\"@corp.example", false},
        {"corp.example", false},
        {"@corp.example", false},
        {"", false},
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
}

TEST(EmailDomain, NamesTheWrongField) {
  const testing::ErrorCase cases[] = {
      {R"([{}])", 0, "domain"},
      {R"([{"domain": true}])", 0, "domain"},
      {R"([{"domain": ""}])", 0, "domain"},
      {R"([{"domain": "@"}])", 0, "domain"},
      {R"([{"domain": "*.corp.example"}])", 0, "domain"},
      {R"([{"domain": "corp.example."}])", 0, "domain"},
      {R"([{"domain": "alice@corp.example"}])", 0, "domain"},
      {R"([{"domain": "a.example"}, {"domain": "b.example", "email": "x"}])", 1, "email"},
  };
  testing::expect_errors(compile_email_domain, cases);
}

}  // namespace
}  // namespace gatehouse::selectors
