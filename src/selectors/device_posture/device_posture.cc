#include "selectors/device_posture/device_posture.h"

#include <algorithm>

#include "base/try.h"
#include "decision/rules.h"
#include "model/limits.h"

namespace gatehouse::selectors {
namespace {

using decision::Combine;
using decision::CompiledPostureRule;
using decision::Match;
using decision::Reason;
using decision::Truth;

constexpr Match undecided(Reason reason) { return {Truth::Indeterminate, reason}; }
constexpr Match failed(Reason reason) { return {Truth::False, reason}; }

// INVARIANT: what is missing, stale, from the future or unreadable is Indeterminate, never True.
// Only `now` and configured durations are added and subtracted, so no instant from outside can
// overflow.
Match check(const CompiledPostureRule& rule, const decision::Evidence& evidence, Instant now) {
  if (evidence.session == nullptr) return undecided(Reason::NotSignedIn);
  if (evidence.identity_only) return undecided(Reason::PostureMissing);
  const auto& held = evidence.session->posture;
  const auto posture =
      std::ranges::find(held, rule.integration_id, &model::PostureEvidence::integration_id);
  if (posture == held.end()) return undecided(Reason::PostureMissing);

  const Instant latest = now + model::kMaxEvidenceSkew;
  if (posture->established_at < now - rule.max_evidence_age) return undecided(Reason::PostureStale);
  if (posture->established_at > latest) return undecided(Reason::PostureUnreadable);
  if (rule.require_managed) {
    if (!posture->managed) return undecided(Reason::PostureUnreadable);
    if (!*posture->managed) return failed(Reason::PostureNotManaged);
  }
  if (!posture->last_checkin) return undecided(Reason::PostureCheckinUnknown);
  if (*posture->last_checkin < now - rule.max_checkin_age)
    return failed(Reason::PostureCheckinTooOld);
  if (*posture->last_checkin > latest) return undecided(Reason::PostureUnreadable);
  return decision::kTrue;
}

class DevicePostureMatcher final : public decision::Matcher {
 public:
  DevicePostureMatcher(std::vector<std::uint32_t> rules, Combine combine, std::string description)
      : rules_(std::move(rules)), combine_(combine), description_(std::move(description)) {}

  [[nodiscard]] Match match(const decision::Snapshot& snapshot, const decision::Evidence& evidence,
                            Instant now) const override {
    Match match = check(snapshot.posture_rule(rules_.front()), evidence, now);
    for (const std::uint32_t rule : std::span(rules_).subspan(1)) {
      const Match next = check(snapshot.posture_rule(rule), evidence, now);
      match = combine_ == Combine::Any ? match_or(match, next) : match_and(match, next);
    }
    return match;
  }
  [[nodiscard]] std::string describe() const override { return description_; }

 private:
  std::vector<std::uint32_t> rules_;  // never empty
  Combine combine_;
  std::string description_;
};

}  // namespace

Compiled compile_device_posture(Values values, Combine combine,
                                const decision::CompileContext& context) {
  for (std::size_t index = 0; index < values.size(); ++index)
    if (const json::value* account = json::find(*values[index], "account_id");
        account != nullptr && !account->is_string())
      return std::unexpected(decision::SelectorError{index, "account_id", "must be text"});
  std::vector<std::string> names;
  auto rules = GATEHOUSE_TRY(read_values(values, "integration_uid",
                                         "must be the id or name of a device posture rule",
                                         [&](std::string_view id) {
                                           names.emplace_back(id);
                                           return context.find_posture_rule(id);
                                         },
                                         {"account_id"}));
  return std::make_unique<DevicePostureMatcher>(
      std::move(rules), combine, describe_values("device posture", "rules", combine, names));
}

}  // namespace gatehouse::selectors
