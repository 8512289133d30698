#include "enforcement/decision_record.h"

namespace gatehouse::enforcement {
namespace {

constexpr std::size_t kShownKeyDigits = 16;  // enough to tell evaluators apart

}  // namespace

bool DecisionSample::takes(decision::Effect effect) {
  if (effect == decision::Effect::Deny || effect == decision::Effect::Bypass) return true;
  if (effect != decision::Effect::Allow || one_in_ == 0) return false;
  if (++allowed_ < one_in_) return false;
  allowed_ = 0;
  return true;
}

json::object evidence_ages(const EnforcementPoint::Outcome& outcome, Instant now) {
  const auto age = [now](Instant at) { return (now - at).count(); };
  json::object ages;
  if (outcome.service_token != nullptr) ages["service_token"] = outcome.service_token->id;
  if (outcome.session == nullptr) return ages;
  ages["identity"] = age(outcome.session->identity.authenticated_at);
  for (const auto& evidence : outcome.session->posture)
    ages["posture/" + evidence.integration_id] = age(evidence.established_at);
  for (const auto& evaluation : outcome.session->evaluations)
    ages["evaluation/" + evaluation.key.substr(0, kShownKeyDigits)] =
        age(evaluation.established_at);
  return ages;
}

}  // namespace gatehouse::enforcement
