#include "selectors/email/email.h"

#include "base/try.h"
#include "model/identity.h"

namespace gatehouse::selectors {
namespace {

using decision::Match;
using decision::Reason;
using decision::Truth;

class EmailMatcher final : public decision::Matcher {
 public:
  explicit EmailMatcher(OneOf addresses) : addresses_(std::move(addresses)) {}

  [[nodiscard]] Match match(const decision::Snapshot&, const decision::Evidence& evidence,
                            Instant) const override {
    if (evidence.session == nullptr) return {Truth::Indeterminate, Reason::NotSignedIn};
    if (addresses_.holds(evidence.canonical_email)) return decision::kTrue;
    return {Truth::False, Reason::IdentityNotPermitted};
  }
  [[nodiscard]] std::string describe() const override { return addresses_.description(); }
  [[nodiscard]] decision::Observation observe(const decision::Snapshot&,
                                              const decision::Evidence& evidence) const override {
    return observe_person(evidence, observed_email);
  }

 private:
  OneOf addresses_;  // canonical, so never empty
};

}  // namespace

Compiled compile_email(Values values, decision::Combine combine, const decision::CompileContext&) {
  auto addresses = GATEHOUSE_TRY(read_values(values, "email",
                                             "must be an email address such as `alice@example.com`",
                                             model::canonical_email));
  return std::make_unique<EmailMatcher>(OneOf("email", "addresses", combine, std::move(addresses)));
}

}  // namespace gatehouse::selectors
