#include "enforcement/decision_record.h"

namespace gatehouse::enforcement {
namespace {

constexpr std::size_t kShownKeyDigits = 16;  // enough to tell evaluators apart

// What devices said, so that a refusal can be explained when they say something else by now.
json::object signals_of(const std::vector<model::PostureEvidence>& posture) {
  json::object all;
  for (const auto& evidence : posture) {
    json::object signals{{"managed", nullptr},
                         {"last_checkin", nullptr},
                         {"patch_compliant", nullptr},
                         {"vulnerability_score", nullptr}};
    if (evidence.managed) signals["managed"] = *evidence.managed;
    if (evidence.last_checkin) signals["last_checkin"] = format_rfc3339(*evidence.last_checkin);
    if (evidence.patch_compliant) signals["patch_compliant"] = *evidence.patch_compliant;
    if (evidence.vulnerability_score)
      signals["vulnerability_score"] = *evidence.vulnerability_score;
    all[evidence.integration_id] = std::move(signals);
  }
  return all;
}

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
  ages["user"] = outcome.session->identity.user_id;
  ages["session"] = outcome.session->nonce;
  ages["identity"] = age(outcome.session->identity.authenticated_at);
  for (const auto& evidence : outcome.session->posture)
    ages["posture/" + evidence.integration_id] = age(evidence.established_at);
  for (const auto& evaluation : outcome.session->evaluations)
    ages["evaluation/" + evaluation.key.substr(0, kShownKeyDigits)] =
        age(evaluation.established_at);
  if (outcome.decision.effect == decision::Effect::Deny && !outcome.session->posture.empty())
    ages["signals"] = signals_of(outcome.session->posture);
  return ages;
}

}  // namespace gatehouse::enforcement
