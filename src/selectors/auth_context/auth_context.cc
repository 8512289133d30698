#include "selectors/auth_context/auth_context.h"

#include <algorithm>

#include "base/try.h"
#include "selectors/provider.h"

namespace gatehouse::selectors {
namespace {

using decision::Match;
using decision::Reason;
using decision::Truth;

struct Wanted {
  std::string provider;
  std::string context;
};

class AuthContextMatcher final : public decision::Matcher {
 public:
  AuthContextMatcher(std::string description, decision::Combine combine, std::vector<Wanted> values)
      : description_(std::move(description)), combine_(combine), values_(std::move(values)) {}

  [[nodiscard]] Match match(const decision::Snapshot&, const decision::Evidence& evidence,
                            Instant) const override {
    return combine_matches(values_, combine_, [&](const Wanted& wanted) -> Match {
      if (const auto obstacle = provider_obstacle(evidence, wanted.provider)) return *obstacle;
      const auto& satisfied = evidence.session->identity.auth_contexts;
      if (satisfied.empty()) return {Truth::Indeterminate, Reason::AuthContextMissing};
      if (std::ranges::find(satisfied, wanted.context) != satisfied.end()) return decision::kTrue;
      return {Truth::False, Reason::AuthContextMissing};
    });
  }
  [[nodiscard]] std::string describe() const override { return description_; }
  [[nodiscard]] decision::Observation observe(const decision::Snapshot&,
                                              const decision::Evidence& evidence) const override {
    return observe_provider(evidence, values_, [](const model::Identity& identity) {
      return observed_list(identity.auth_contexts, "authentication contexts not stated");
    });
  }

 private:
  std::string description_;
  decision::Combine combine_;
  std::vector<Wanted> values_;  // never empty
};

}  // namespace

Compiled compile_auth_context(Values values, decision::Combine combine,
                              const decision::CompileContext& context) {
  std::vector<Wanted> wanted;
  std::vector<std::string> names;
  for (std::size_t index = 0; index < values.size(); ++index) {
    const ValueReader reader(*values[index], index);
    GATEHOUSE_TRY_VOID(reader.only({"id", "ac_id", "identity_provider_id"}));
    // The API's own number of the context; the provider's is `ac_id`.
    static_cast<void>(GATEHOUSE_TRY(reader.optional_text("id", "must be text")));
    names.push_back(GATEHOUSE_TRY(
        reader.text("ac_id", "must be the id of an authentication context such as `c1`")));
    wanted.push_back({GATEHOUSE_TRY(reader.identity_provider(context)), names.back()});
  }
  return std::make_unique<AuthContextMatcher>(
      describe_values("authentication context", "contexts", combine, names), combine,
      std::move(wanted));
}

}  // namespace gatehouse::selectors
