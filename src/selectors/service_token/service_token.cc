#include "selectors/service_token/service_token.h"

#include "base/try.h"

namespace gatehouse::selectors {
namespace {

using decision::Match;
using decision::Reason;
using decision::Truth;

class ServiceTokenMatcher final : public decision::Matcher {
 public:
  explicit ServiceTokenMatcher(OneOf tokens) : tokens_(std::move(tokens)) {}

  [[nodiscard]] Match match(const decision::Snapshot&, const decision::Evidence& evidence,
                            Instant now) const override {
    if (evidence.identity_only) return {Truth::Indeterminate, Reason::ServiceTokenNotPermitted};
    const decision::CompiledServiceToken* token = evidence.service_token;
    if (is_usable(token, now) && tokens_.holds(token->id)) return decision::kTrue;
    return {Truth::False, Reason::ServiceTokenNotPermitted};
  }
  [[nodiscard]] std::string describe() const override { return tokens_.description(); }
  [[nodiscard]] decision::Observation observe(const decision::Snapshot&,
                                              const decision::Evidence& evidence) const override {
    return observe_service_token(evidence);
  }

 private:
  OneOf tokens_;
};

}  // namespace

bool is_usable(const decision::CompiledServiceToken* token, Instant now) {
  // Whoever verified the credentials has looked at these two; streams outlive that moment.
  return token != nullptr && token->enabled && (!token->expires_at || now < *token->expires_at);
}

decision::Observation observe_service_token(const decision::Evidence& evidence) {
  if (evidence.service_token == nullptr) return {"no service token", {}};
  return {"service token " + evidence.service_token->name, {}};
}

Compiled compile_service_token(Values values, decision::Combine combine,
                               const decision::CompileContext& context) {
  auto tokens = GATEHOUSE_TRY(
      read_values(values, "token_id", "must be the id or name of a service token",
                  [&](std::string_view id) { return context.find_service_token(id); }));
  return std::make_unique<ServiceTokenMatcher>(
      OneOf("service token", "service tokens", combine, std::move(tokens)));
}

}  // namespace gatehouse::selectors
