#include "selectors/login_method/login_method.h"

#include "base/try.h"

namespace gatehouse::selectors {
namespace {

using decision::Match;
using decision::Reason;
using decision::Truth;

class LoginMethodMatcher final : public decision::Matcher {
 public:
  explicit LoginMethodMatcher(OneOf methods) : methods_(std::move(methods)) {}

  [[nodiscard]] Match match(const decision::Snapshot&, const decision::Evidence& evidence,
                            Instant) const override {
    if (evidence.session == nullptr) return {Truth::Indeterminate, Reason::NotSignedIn};
    if (methods_.holds(evidence.session->identity.login_method)) return decision::kTrue;
    return {Truth::False, Reason::LoginMethodNotAllowed};
  }
  [[nodiscard]] std::string describe() const override { return methods_.description(); }
  [[nodiscard]] decision::Observation observe(const decision::Snapshot&,
                                              const decision::Evidence& evidence) const override {
    return observe_person(evidence,
                          [](const model::Identity& identity) { return identity.login_method; });
  }

 private:
  OneOf methods_;
};

}  // namespace

Compiled compile_login_method(Values values, decision::Combine combine,
                              const decision::CompileContext& context) {
  auto methods = GATEHOUSE_TRY(
      read_values(values, "id", "must be the id or name of an identity provider",
                  [&](std::string_view id) { return context.find_login_method(id); }));
  return std::make_unique<LoginMethodMatcher>(
      OneOf("login method", "identity providers", combine, std::move(methods)));
}

}  // namespace gatehouse::selectors
