#include "controlplane/device_evidence.h"

#include <algorithm>
#include <utility>

#include "controlplane/session.h"

namespace gatehouse::controlplane {
namespace {

std::string_view outcome_of(decision::Truth truth) {
  switch (truth) {
    case decision::Truth::True:
      return "pass";
    case decision::Truth::False:
      return "fail";
    case decision::Truth::Indeterminate:
      break;
  }
  return "indeterminate";
}

json::array checks_of(const Context& context, const Configuration& configuration,
                      const model::PostureEvidence& evidence) {
  model::Session session;  // the rules look at nothing else of it
  session.posture.push_back(evidence);
  json::array checks;
  for (const auto& rule : configuration.resources->posture_rules) {
    if (json::find_string(rule.input, "connection_id") != std::string_view(evidence.integration_id))
      continue;
    const auto match = check_posture_rule(context, configuration, session, rule);
    const bool passes = match.truth == decision::Truth::True;
    checks.emplace_back(
        json::object{{"id", rule.id},
                     {"name", rule.name},
                     {"outcome", outcome_of(match.truth)},
                     {"reason", passes ? std::string_view() : decision::info(match.reason).code}});
  }
  return checks;
}

}  // namespace

json::object device_signals(const model::PostureEvidence& evidence) {
  json::object signals{{"managed", nullptr},
                       {"last_checkin", nullptr},
                       {"patch_compliant", nullptr},
                       {"vulnerability_score", nullptr}};
  if (evidence.managed) signals["managed"] = *evidence.managed;
  if (evidence.last_checkin) signals["last_checkin"] = format_rfc3339(*evidence.last_checkin);
  if (evidence.patch_compliant) signals["patch_compliant"] = *evidence.patch_compliant;
  if (evidence.vulnerability_score) signals["vulnerability_score"] = *evidence.vulnerability_score;
  return signals;
}

json::object device_evidence(const Context& context, const Configuration& configuration,
                             const model::PostureEvidence& evidence, Instant now) {
  json::object integration{{"id", evidence.integration_id}, {"name", ""}, {"type", ""}};
  const auto& integrations = configuration.resources->posture_integrations;
  const auto known =
      std::ranges::find(integrations, evidence.integration_id, &model::PostureIntegration::id);
  if (known != integrations.end()) {
    integration["name"] = known->name;
    integration["type"] = known->type;
  }
  return {{"device_id", evidence.device_id},
          {"hostname", evidence.hostname},
          {"serial_number", evidence.serial_number},
          {"integration_id", evidence.integration_id},
          {"integration", std::move(integration)},
          {"established_at", format_rfc3339(evidence.established_at)},
          {"age_seconds", (now - evidence.established_at).count()},
          {"signals", device_signals(evidence)},
          {"checks", checks_of(context, configuration, evidence)}};
}

}  // namespace gatehouse::controlplane
