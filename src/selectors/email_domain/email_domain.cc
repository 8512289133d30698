#include "selectors/email_domain/email_domain.h"

#include "base/encoding.h"
#include "base/try.h"
#include "model/identity.h"

namespace gatehouse::selectors {
namespace {

using decision::Match;
using decision::Reason;
using decision::Truth;

class EmailDomainMatcher final : public decision::Matcher {
 public:
  explicit EmailDomainMatcher(OneOf domains) : domains_(std::move(domains)) {}

  [[nodiscard]] Match match(const decision::Snapshot&, const decision::Evidence& evidence,
                            Instant) const override {
    if (evidence.session == nullptr) return {Truth::Indeterminate, Reason::NotSignedIn};
    // A canonical address has one `@`; an address that matches nothing is empty.
    const auto at = evidence.canonical_email.find('@');
    if (at != std::string_view::npos && domains_.holds(evidence.canonical_email.substr(at + 1)))
      return decision::kTrue;
    return {Truth::False, Reason::IdentityNotPermitted};
  }
  [[nodiscard]] std::string describe() const override { return domains_.description(); }
  [[nodiscard]] decision::Observation observe(const decision::Snapshot&,
                                              const decision::Evidence& evidence) const override {
    return observe_person(evidence, observed_email);
  }

 private:
  OneOf domains_;
};

std::optional<std::string> canonical_domain(std::string_view text) {
  if (text.starts_with('@')) text.remove_prefix(1);
  return model::is_ldh_domain(text) ? std::optional(ascii_lower(text)) : std::nullopt;
}

}  // namespace

Compiled compile_email_domain(Values values, decision::Combine combine,
                              const decision::CompileContext&) {
  auto domains = GATEHOUSE_TRY(
      read_values(values, "domain", "must be a domain such as `example.com`", canonical_domain));
  return std::make_unique<EmailDomainMatcher>(
      OneOf("email domain", "domains", combine, std::move(domains)));
}

}  // namespace gatehouse::selectors
