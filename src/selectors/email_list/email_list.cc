#include "selectors/email_list/email_list.h"

#include "base/try.h"
#include "decision/snapshot.h"

namespace gatehouse::selectors {
namespace {

using decision::Match;
using decision::Reason;
using decision::Truth;

class EmailListMatcher final : public decision::Matcher {
 public:
  EmailListMatcher(std::vector<std::uint32_t> lists, decision::Combine combine,
                   std::string description)
      : lists_(std::move(lists)), combine_(combine), description_(std::move(description)) {}

  [[nodiscard]] Match match(const decision::Snapshot& snapshot, const decision::Evidence& evidence,
                            Instant) const override {
    if (evidence.session == nullptr) return {Truth::Indeterminate, Reason::NotSignedIn};
    return combine_matches(lists_, combine_, [&](std::uint32_t list) -> Match {
      // Addresses in lists are canonical, so an address that must match nothing is in none.
      if (snapshot.list(list).emails.contains(evidence.canonical_email)) return decision::kTrue;
      return {Truth::False, Reason::IdentityNotPermitted};
    });
  }
  [[nodiscard]] std::string describe() const override { return description_; }
  [[nodiscard]] decision::Observation observe(const decision::Snapshot&,
                                              const decision::Evidence& evidence) const override {
    return observe_person(evidence, observed_email);
  }

 private:
  std::vector<std::uint32_t> lists_;  // never empty
  decision::Combine combine_;
  std::string description_;
};

}  // namespace

Compiled compile_email_list(Values values, decision::Combine combine,
                            const decision::CompileContext& context) {
  std::vector<std::string> names;
  auto lists = GATEHOUSE_TRY(read_values(
      values, "id", "must be the id or name of a list of type EMAIL", [&](std::string_view id) {
        names.emplace_back(id);
        return context.find_list(id, model::ListType::Email);
      }));
  return std::make_unique<EmailListMatcher>(std::move(lists), combine,
                                            describe_values("email list", "lists", combine, names));
}

}  // namespace gatehouse::selectors
