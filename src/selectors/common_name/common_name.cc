#include "selectors/common_name/common_name.h"

#include "base/try.h"
#include "selectors/certificate/certificate.h"

namespace gatehouse::selectors {
namespace {

using decision::Match;
using decision::Reason;
using decision::Truth;

class CommonNameMatcher final : public decision::Matcher {
 public:
  explicit CommonNameMatcher(OneOf names) : names_(std::move(names)) {}

  [[nodiscard]] Match match(const decision::Snapshot&, const decision::Evidence& evidence,
                            Instant) const override {
    if (const auto obstacle = certificate_obstacle(evidence)) return *obstacle;
    if (names_.holds(evidence.certificate.common_name)) return decision::kTrue;
    return {Truth::False, Reason::CertificateNotPermitted};
  }
  [[nodiscard]] std::string describe() const override { return names_.description(); }
  [[nodiscard]] decision::Observation observe(const decision::Snapshot&,
                                              const decision::Evidence& evidence) const override {
    return observe_certificate(evidence);
  }

 private:
  OneOf names_;  // never empty texts, so a certificate without a name matches none
};

}  // namespace

Compiled compile_common_name(Values values, decision::Combine combine,
                             const decision::CompileContext&) {
  auto names = GATEHOUSE_TRY(read_values(
      values, "common_name", "must be the common name of a certificate", [](std::string_view text) {
        return text.empty() ? std::nullopt : std::optional(std::string(text));
      }));
  return std::make_unique<CommonNameMatcher>(
      OneOf("common name", "names", combine, std::move(names)));
}

}  // namespace gatehouse::selectors
