#include "selectors/common_name/common_name.h"

#include "selectors/test_support.h"

namespace gatehouse::selectors {
namespace {

using decision::Combine;
using decision::Effect;
using decision::Reason;
using decision::Truth;
using testing::kNow;
using testing::Person;

using State = decision::CertificateEvidence::State;

constexpr std::string_view kOne = R"([{"common_name": "laptop.example.com"}])";

TEST(CommonName, ComparesExactly) {
  const auto matcher = testing::compile(compile_common_name, kOne).value();
  const struct {
    State state;
    std::string_view name;
    Truth truth;
    Reason reason;
  } cases[] = {
      {State::Valid, "laptop.example.com", Truth::True, Reason::None},
      {State::Valid, "Laptop.example.com", Truth::False, Reason::CertificateNotPermitted},
      {State::Valid, "laptop.example.com.", Truth::False, Reason::CertificateNotPermitted},
      {State::Valid, "server.example.com", Truth::False, Reason::CertificateNotPermitted},
      {State::Valid, "", Truth::False, Reason::CertificateNotPermitted},
      {State::None, "laptop.example.com", Truth::False, Reason::CertificateRequired},
      {State::Invalid, "laptop.example.com", Truth::Indeterminate, Reason::CertificateInvalid},
      {State::Unknown, "laptop.example.com", Truth::Indeterminate, Reason::CertificateRequired},
  };
  for (const auto& test : cases) {
    decision::Evidence evidence;
    evidence.certificate = {test.state, test.name, "0a"};
    testing::expect_match(matcher->match(testing::empty_snapshot(), evidence, kNow), test.truth,
                          test.reason, test.name);
    evidence.identity_only = true;
    testing::expect_match(matcher->match(testing::empty_snapshot(), evidence, kNow),
                          Truth::Indeterminate, Reason::CertificateRequired, "identity only");
  }
}

TEST(CommonName, CombinesValues) {
  constexpr std::string_view kTwo = R"([{"common_name": "a"}, {"common_name": "b"}])";
  decision::Evidence evidence;
  evidence.certificate = {State::Valid, "b", "0a"};
  const auto truth = [&](Combine combine) {
    return testing::compile(compile_common_name, kTwo, combine)
        .value()
        ->match(testing::empty_snapshot(), evidence, kNow)
        .truth;
  };
  EXPECT_EQ(truth(Combine::Any), Truth::True);
  EXPECT_EQ(truth(Combine::All), Truth::False);
}

TEST(CommonName, InTheListsOfAPolicy) {
  const Person person("a@b.example");
  auto evidence = person.evidence();
  evidence.certificate = {State::Valid, "laptop.example.com", "0a"};
  testing::expect_lists(compile_common_name, kOne, evidence, testing::kAllowed,
                        {Effect::Deny, Reason::NoPolicyMatched});
  evidence.certificate.common_name = "server";
  testing::expect_lists(compile_common_name, kOne, evidence,
                        {Effect::Deny, Reason::CertificateNotPermitted}, testing::kAllowed);
  evidence.certificate.state = State::Invalid;
  testing::expect_lists(compile_common_name, kOne, evidence,
                        {Effect::Deny, Reason::CertificateInvalid},
                        {Effect::Deny, Reason::CertificateInvalid});
}

TEST(CommonName, NamesTheWrongField) {
  const testing::ErrorCase cases[] = {
      {R"([{}])", 0, "common_name"},
      {R"([{"common_name": ""}])", 0, "common_name"},
      {R"([{"common_name": 1}])", 0, "common_name"},
      {R"([{"common_name": "a"}, {"common_name": "a", "serial": "0a"}])", 1, "serial"},
  };
  testing::expect_errors(compile_common_name, cases);
}

}  // namespace
}  // namespace gatehouse::selectors
