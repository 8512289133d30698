#include "selectors/certificate/certificate.h"

#include "selectors/test_support.h"

namespace gatehouse::selectors {
namespace {

using decision::Effect;
using decision::Reason;
using decision::Truth;
using testing::kNow;
using testing::Person;

using State = decision::CertificateEvidence::State;

TEST(Certificate, MatchesAValidOne) {
  const auto matcher = testing::compile(compile_certificate, "[{}, {}]").value();
  const struct {
    State state;
    Truth truth;
    Reason reason;
    std::string_view seen;
  } cases[] = {
      {State::None, Truth::False, Reason::CertificateRequired, "no certificate"},
      {State::Valid, Truth::True, Reason::None, "certificate of `laptop`, serial 0a"},
      {State::Invalid, Truth::Indeterminate, Reason::CertificateInvalid,
       "a certificate that is not in order"},
      {State::Unknown, Truth::Indeterminate, Reason::CertificateRequired, "certificate not known"},
  };
  for (const auto& test : cases) {
    decision::Evidence evidence;
    evidence.certificate = {test.state, "laptop", "0a"};
    testing::expect_match(matcher->match(testing::empty_snapshot(), evidence, kNow), test.truth,
                          test.reason, test.seen);
    EXPECT_EQ(matcher->observe(testing::empty_snapshot(), evidence).value, test.seen);
    evidence.identity_only = true;
    testing::expect_match(matcher->match(testing::empty_snapshot(), evidence, kNow),
                          Truth::Indeterminate, Reason::CertificateRequired, "identity only");
  }
}

TEST(Certificate, InTheListsOfAPolicy) {
  const Person person("a@b.example");
  auto evidence = person.evidence();
  testing::expect_lists(compile_certificate, "[{}]", evidence,
                        {Effect::Deny, Reason::CertificateRequired}, testing::kAllowed);
  evidence.certificate.state = State::Valid;
  testing::expect_lists(compile_certificate, "[{}]", evidence, testing::kAllowed,
                        {Effect::Deny, Reason::NoPolicyMatched});
  evidence.certificate.state = State::Invalid;
  testing::expect_lists(compile_certificate, "[{}]", evidence,
                        {Effect::Deny, Reason::CertificateInvalid},
                        {Effect::Deny, Reason::CertificateInvalid});
  evidence.certificate.state = State::Unknown;
  testing::expect_lists(compile_certificate, "[{}]", evidence,
                        {Effect::Deny, Reason::CertificateRequired},
                        {Effect::Deny, Reason::CertificateRequired});
}

TEST(Certificate, HasNoFields) {
  const testing::ErrorCase cases[] = {{R"([{"common_name": "x"}])", 0, "common_name"}};
  testing::expect_errors(compile_certificate, cases);
}

}  // namespace
}  // namespace gatehouse::selectors
