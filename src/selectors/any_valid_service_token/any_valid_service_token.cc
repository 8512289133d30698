#include "selectors/any_valid_service_token/any_valid_service_token.h"

#include "base/try.h"
#include "selectors/service_token/service_token.h"

namespace gatehouse::selectors {
namespace {

using decision::Match;
using decision::Reason;
using decision::Truth;

class AnyValidServiceTokenMatcher final : public decision::Matcher {
 public:
  [[nodiscard]] Match match(const decision::Snapshot&, const decision::Evidence& evidence,
                            Instant now) const override {
    if (evidence.identity_only) return {Truth::Indeterminate, Reason::ServiceTokenNotPermitted};
    if (is_usable(evidence.service_token, now)) return decision::kTrue;
    return {Truth::False, Reason::ServiceTokenNotPermitted};
  }
  [[nodiscard]] std::string describe() const override { return "any valid service token"; }
  [[nodiscard]] decision::Observation observe(const decision::Snapshot&,
                                              const decision::Evidence& evidence) const override {
    return observe_service_token(evidence);
  }
};

}  // namespace

Compiled compile_any_valid_service_token(Values values, decision::Combine,
                                         const decision::CompileContext&) {
  for (std::size_t index = 0; index < values.size(); ++index)
    GATEHOUSE_TRY_VOID(ValueReader(*values[index], index).only({}));
  return std::make_unique<AnyValidServiceTokenMatcher>();
}

}  // namespace gatehouse::selectors
