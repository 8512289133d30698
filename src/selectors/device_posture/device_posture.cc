#include "selectors/device_posture/device_posture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/try.h"
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
  // Nothing brings evidence: sending anybody for it would be in vain.
  if (rule.integration_id.empty()) return undecided(Reason::PostureProviderMisconfigured);
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
  if (rule.require_patched) {
    if (!posture->patch_compliant) return undecided(Reason::PostureSignalMissing);
    if (!*posture->patch_compliant) return failed(Reason::PostureNotPatched);
  }
  if (const auto& limit = rule.vulnerability_score) {
    const auto& score = posture->vulnerability_score;
    if (!score || std::isnan(*score)) return undecided(Reason::PostureSignalMissing);
    if (!decision::holds(*score, limit->comparison, limit->value))
      return failed(Reason::PostureVulnerable);
  }
  return decision::kTrue;
}

// Without a clock, so with instants instead of ages.
std::string in_words(const model::PostureEvidence& posture) {
  std::string text = !posture.managed   ? "managed not stated"
                     : *posture.managed ? "managed"
                                        : "not managed";
  text += posture.last_checkin ? ", checked in at " + format_rfc3339(*posture.last_checkin)
                               : ", check-in not stated";
  if (posture.patch_compliant) text += *posture.patch_compliant ? ", patched" : ", not patched";
  if (posture.vulnerability_score)
    text += fmt::format(", vulnerability score {}", *posture.vulnerability_score);
  return text;
}

class DevicePostureMatcher final : public decision::Matcher {
 public:
  DevicePostureMatcher(std::vector<std::uint32_t> rules, Combine combine, std::string description)
      : rules_(std::move(rules)), combine_(combine), description_(std::move(description)) {}

  [[nodiscard]] Match match(const decision::Snapshot& snapshot, const decision::Evidence& evidence,
                            Instant now) const override {
    return combine_matches(rules_, combine_, [&](std::uint32_t rule) {
      return check(snapshot.posture_rule(rule), evidence, now);
    });
  }
  [[nodiscard]] std::string describe() const override { return description_; }
  // Of every integration that the rules look at; the oldest statement gives the time.
  [[nodiscard]] decision::Observation observe(const decision::Snapshot& snapshot,
                                              const decision::Evidence& evidence) const override {
    if (evidence.session == nullptr) return {"nobody signed in", {}};
    decision::Observation seen;
    for (const model::PostureEvidence& posture : evidence.session->posture) {
      if (std::ranges::none_of(rules_, [&](std::uint32_t rule) {
            return snapshot.posture_rule(rule).integration_id == posture.integration_id;
          }))
        continue;
      if (!seen.value.empty()) seen.value += "; ";
      seen.value += in_words(posture);
      seen.established_at = seen.established_at
                                ? std::min(*seen.established_at, posture.established_at)
                                : posture.established_at;
    }
    if (seen.value.empty()) seen.value = "no check of the device";
    return seen;
  }

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
