#include "selectors/auth_method/auth_method.h"

#include <algorithm>

#include "base/try.h"

namespace gatehouse::selectors {
namespace {

using decision::Match;
using decision::Reason;
using decision::Truth;

class AuthMethodMatcher final : public decision::Matcher {
 public:
  AuthMethodMatcher(std::string description, decision::Combine combine,
                    std::vector<std::string> methods)
      : description_(std::move(description)), combine_(combine), methods_(std::move(methods)) {}

  [[nodiscard]] Match match(const decision::Snapshot&, const decision::Evidence& evidence,
                            Instant) const override {
    if (evidence.session == nullptr) return {Truth::Indeterminate, Reason::NotSignedIn};
    const auto& used = evidence.session->identity.amr;
    if (used.empty()) return {Truth::Indeterminate, Reason::AuthMethodMissing};
    return combine_matches(methods_, combine_, [&](const std::string& method) -> Match {
      if (std::ranges::find(used, method) != used.end()) return decision::kTrue;
      return {Truth::False, Reason::AuthMethodMissing};
    });
  }
  [[nodiscard]] std::string describe() const override { return description_; }
  [[nodiscard]] decision::Observation observe(const decision::Snapshot&,
                                              const decision::Evidence& evidence) const override {
    return observe_person(evidence, [](const model::Identity& identity) {
      return observed_list(identity.amr, "authentication methods not stated");
    });
  }

 private:
  std::string description_;
  decision::Combine combine_;
  std::vector<std::string> methods_;  // never empty
};

constexpr std::size_t kMaxMethodBytes = 64;  // those of RFC 8176 have at most six

std::optional<std::string> read_method(std::string_view text) {
  const bool plain = std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
  if (text.empty() || text.size() > kMaxMethodBytes || !plain) return std::nullopt;
  return std::string(text);
}

}  // namespace

Compiled compile_auth_method(Values values, decision::Combine combine,
                             const decision::CompileContext&) {
  auto methods = GATEHOUSE_TRY(
      read_values(values, "auth_method",
                  "must be an authentication method of RFC 8176 such as `mfa`", read_method));
  std::string description = describe_values("authentication method", "methods", combine, methods);
  return std::make_unique<AuthMethodMatcher>(std::move(description), combine, std::move(methods));
}

}  // namespace gatehouse::selectors
