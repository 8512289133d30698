#include "selectors/certificate/certificate.h"

#include <fmt/format.h>

#include "base/try.h"

namespace gatehouse::selectors {
namespace {

using decision::Match;
using decision::Reason;
using decision::Truth;

class CertificateMatcher final : public decision::Matcher {
 public:
  [[nodiscard]] Match match(const decision::Snapshot&, const decision::Evidence& evidence,
                            Instant) const override {
    return certificate_obstacle(evidence).value_or(decision::kTrue);
  }
  [[nodiscard]] std::string describe() const override { return "any valid client certificate"; }
  [[nodiscard]] decision::Observation observe(const decision::Snapshot&,
                                              const decision::Evidence& evidence) const override {
    return observe_certificate(evidence);
  }
};

}  // namespace

std::optional<Match> certificate_obstacle(const decision::Evidence& evidence) {
  using State = decision::CertificateEvidence::State;
  if (evidence.identity_only) return Match{Truth::Indeterminate, Reason::CertificateRequired};
  switch (evidence.certificate.state) {
    case State::Valid:
      return std::nullopt;
    case State::None:
      return Match{Truth::False, Reason::CertificateRequired};
    case State::Invalid:
      return Match{Truth::Indeterminate, Reason::CertificateInvalid};
    case State::Unknown:
      break;
  }
  return Match{Truth::Indeterminate, evidence.certificate.when_unknown};
}

decision::Observation observe_certificate(const decision::Evidence& evidence) {
  using State = decision::CertificateEvidence::State;
  const decision::CertificateEvidence& held = evidence.certificate;
  switch (held.state) {
    case State::Valid:
      return {fmt::format("certificate of `{}`, serial {}", held.common_name, held.serial), {}};
    case State::None:
      return {"no certificate", {}};
    case State::Invalid:
      return {"a certificate that is not in order", {}};
    case State::Unknown:
      break;
  }
  return {"certificate not known", {}};
}

Compiled compile_certificate(Values values, decision::Combine, const decision::CompileContext&) {
  for (std::size_t index = 0; index < values.size(); ++index)
    GATEHOUSE_TRY_VOID(ValueReader(*values[index], index).only({}));
  return std::make_unique<CertificateMatcher>();
}

}  // namespace gatehouse::selectors
