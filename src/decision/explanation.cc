#include "decision/explanation.h"

#include <algorithm>
#include <string_view>

#include "base/encoding.h"

namespace gatehouse::decision {
namespace {

using Kind = TraceEntry::Kind;

std::string_view outcome_name(Truth truth) {
  switch (truth) {
    case Truth::True:
      return "true";
    case Truth::False:
      return "false";
    case Truth::Indeterminate:
      return "unknown";
  }
  return "unknown";
}

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::Policy:
      return "policy";
    case Kind::List:
      return "list";
    case Kind::Selector:
      return "selector";
    case Kind::Group:
      return "group";
  }
  return "list";
}

std::string joined(const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& value : values) {
    if (!text.empty()) text += ", ";
    text += value;
  }
  return text;
}

std::string attributes_text(const model::Attributes& attributes) {
  std::vector<std::string> parts;
  for (const auto& [name, values] : attributes) parts.push_back(name + "=" + joined(values));
  return joined(parts);
}

// The two largest units: `3s`, `5m 2s`, `2h`, `4d 1h`.
std::string span_text(std::int64_t seconds) {
  constexpr std::pair<std::int64_t, char> kUnits[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}};
  for (std::size_t i = 0; i < std::size(kUnits); ++i) {
    const auto [unit, letter] = kUnits[i];
    if (seconds < unit) continue;
    const auto next = i + 1 < std::size(kUnits) ? kUnits[i + 1] : std::pair{std::int64_t{1}, 's'};
    std::string text = std::to_string(seconds / unit) + letter;
    if (const auto rest = seconds % unit / next.first; rest != 0)
      text += " " + std::to_string(rest) + next.second;
    return text;
  }
  return std::to_string(seconds) + "s";
}

std::string age_text(Instant established_at, Instant now) {
  const std::int64_t age = to_epoch_seconds(now) - to_epoch_seconds(established_at);
  return age < 0 ? span_text(-age) + " in the future" : span_text(age) + " old";
}

// Names and claims come from outside, and the text goes to terminals and logs.
std::string printable(std::string_view text) {
  std::string out;
  if (!is_valid_utf8(text)) return "(not UTF-8)";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool c1_control = byte == 0xc2 && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (c1_control) ++i;
    out += byte < 0x20 || byte == 0x7f || c1_control ? '?' : text[i];
  }
  return out;
}

std::string posture_text(const model::PostureEvidence& posture, Instant now) {
  const auto yes_or_no = [](std::optional<bool> value, std::string_view name) {
    return std::string(name) + (!value ? " unknown" : *value ? " yes" : " no");
  };
  std::string text = yes_or_no(posture.managed, "managed");
  text += ", check-in " +
          (posture.last_checkin ? age_text(*posture.last_checkin, now) : std::string("unknown"));
  text += ", " + yes_or_no(posture.patch_compliant, "patched");
  if (posture.vulnerability_score)
    text += ", vulnerability score " + json::serialize(*posture.vulnerability_score);
  return text;
}

std::string certificate_text(const CertificateEvidence& certificate) {
  switch (certificate.state) {
    case CertificateEvidence::State::None:
      return "none";
    case CertificateEvidence::State::Valid:
      return "valid, common name `" + std::string(certificate.common_name) + "`";
    case CertificateEvidence::State::Invalid:
      return "not valid";
    case CertificateEvidence::State::Unknown:
      return "not known";
  }
  return "not known";
}

std::vector<ExplainedInput> inputs_of(const CompiledApplication& application,
                                      const Evidence& evidence, Instant now) {
  std::vector<ExplainedInput> inputs;
  const auto add = [&](std::string name, std::string value,
                       std::optional<Instant> established_at = std::nullopt) {
    inputs.push_back({std::move(name), std::move(value), established_at});
  };
  add("client address", evidence.no_request ? "no request" : evidence.client_ip.to_string());
  add("country", evidence.country.empty() ? "unknown" : std::string(evidence.country));
  if (evidence.cors_preflight) add("request", "CORS preflight");
  add("client certificate", certificate_text(evidence.certificate));
  if (evidence.service_token != nullptr)
    add("service token", evidence.service_token->name);
  else
    add("service token", "none");
  if (evidence.session == nullptr) {
    add("user", "nobody signed in");
    return inputs;
  }
  const model::Session& session = *evidence.session;
  const model::Identity& identity = session.identity;
  add("user", identity.email +
                  (evidence.canonical_email.empty() ? " (an address that matches no rule)" : ""));
  add("login method", identity.login_method, identity.authenticated_at);
  if (identity.groups_known || !identity.groups.empty())
    add("groups", identity.groups.empty() ? "none" : joined(identity.groups));
  if (!identity.amr.empty()) add("authentication methods", joined(identity.amr));
  if (!identity.auth_contexts.empty())
    add("authentication contexts", joined(identity.auth_contexts));
  if (!identity.claims.empty()) add("claims", attributes_text(identity.claims));
  if (!identity.saml_attributes.empty())
    add("SAML attributes", attributes_text(identity.saml_attributes));
  for (const model::GithubOrganization& organization : identity.organizations)
    add("organization",
        organization.name +
            (organization.teams.empty() ? std::string() : ": " + joined(organization.teams)));
  for (const std::string& integration : application.posture_integrations) {
    const auto held =
        std::ranges::find(session.posture, integration, &model::PostureEvidence::integration_id);
    if (held == session.posture.end())
      add("posture of " + integration, "none");
    else
      add("posture of " + integration, posture_text(*held, now), held->established_at);
  }
  for (const Evaluator& evaluator : application.evaluators) {
    const auto held =
        std::ranges::find(session.evaluations, evaluator.key, &model::EvaluationEvidence::key);
    const std::string name = "answer of " + evaluator.evaluate_url;
    if (held == session.evaluations.end())
      add(name, "none");
    else
      add(name, held->success ? "success" : "no success", held->established_at);
  }
  const auto purpose =
      std::ranges::find(session.purposes, application.audience, &model::Purpose::audience);
  if (purpose != session.purposes.end()) add("purpose", purpose->text, purpose->stated_at);
  return inputs;
}

void put_match(json::object& into, const Match& match) {
  into["outcome"] = outcome_name(match.truth);
  into["reason"] = info(match.reason).code;
}

void put_age(json::object& into, const std::optional<Instant>& established_at, Instant now) {
  if (!established_at) return;
  into["established_at"] = format_rfc3339(*established_at);
  into["age_seconds"] = to_epoch_seconds(now) - to_epoch_seconds(*established_at);
}

void put_policy(json::object& into, const ExplainedPolicy& policy) {
  into["id"] = policy.id;
  into["name"] = policy.name;
  into["action"] = model::to_string(policy.action);
}

// The entries deeper than `depth` that follow `next`, as a list; moves `next` behind them.
json::array parts_json(const Trace& trace, std::size_t& next, int depth, Instant now) {
  json::array parts;
  while (next < trace.size() && trace[next].depth > depth) {
    const TraceEntry& entry = trace[next++];
    json::object part{{"kind", kind_name(entry.kind)}, {"name", entry.what}};
    put_match(part, entry.match);
    if (!entry.seen.value.empty()) part["saw"] = entry.seen.value;
    put_age(part, entry.seen.established_at, now);
    if (json::array inner = parts_json(trace, next, entry.depth, now); !inner.empty())
      part["parts"] = std::move(inner);
    parts.push_back(std::move(part));
  }
  return parts;
}

bool is_decider(const Explanation& explanation, const Trace& trace, std::size_t entry) {
  // The walk ends with the policy that decides.
  return explanation.decided_by &&
         std::ranges::none_of(trace.begin() + static_cast<std::ptrdiff_t>(entry) + 1, trace.end(),
                              [](const TraceEntry& later) { return later.kind == Kind::Policy; });
}

std::string outcome_text(const Match& match) {
  std::string text(outcome_name(match.truth));
  if (match.truth != Truth::True) text += ", " + std::string(info(match.reason).code);
  return text;
}

}  // namespace

Explanation explain(const Snapshot& snapshot, const CompiledApplication& application,
                    const Evidence& evidence, Instant now) {
  Explanation made;
  made.at = now;
  made.application_id = application.id;
  made.application_name = application.name;
  made.application_hostname = application.hostname;
  made.inputs = inputs_of(application, evidence, now);
  const Decision decision = evaluate(snapshot, application, evidence, now, &made.trace);
  made.effect = decision.effect;
  made.reason = decision.reason;
  made.challenge = decision.challenge;
  const auto values = [](const CompiledPolicy& policy) {
    return ExplainedPolicy{policy.id, policy.name, policy.action};
  };
  if (decision.policy != nullptr) made.decided_by = values(*decision.policy);
  // The rules of the policy hold; this is what it asks beside them.
  if (decision.reason == Reason::PurposeRequired)
    made.trace.push_back({.kind = Kind::List,
                          .depth = 1,
                          .what = "a purpose was stated for this application",
                          .match = {Truth::False, Reason::PurposeRequired}});
  const auto asked =
      static_cast<std::size_t>(std::ranges::count(made.trace, Kind::Policy, &TraceEntry::kind));
  for (std::size_t i = asked; i < application.policies.size(); ++i)
    made.not_asked.push_back(values(application.policies[i]));
  return made;
}

json::object to_json(const Explanation& explanation) {
  json::array inputs;
  for (const ExplainedInput& input : explanation.inputs) {
    json::object one{{"name", input.name}, {"value", input.value}};
    put_age(one, input.established_at, explanation.at);
    inputs.push_back(std::move(one));
  }
  json::array policies;
  for (std::size_t next = 0; next < explanation.trace.size();) {
    const std::size_t at = next++;
    const TraceEntry& entry = explanation.trace[at];
    json::object policy{{"kind", "policy"}};
    put_policy(policy, {entry.id, entry.what, *entry.action});
    policy["asked"] = true;
    policy["decided"] = is_decider(explanation, explanation.trace, at);
    put_match(policy, entry.match);
    policy["parts"] = parts_json(explanation.trace, next, 0, explanation.at);
    policies.push_back(std::move(policy));
  }
  for (const ExplainedPolicy& one : explanation.not_asked) {
    json::object policy{{"kind", "policy"}};
    put_policy(policy, one);
    policy["asked"] = false;
    policy["decided"] = false;
    policies.push_back(std::move(policy));
  }
  json::value decided_by;
  if (explanation.decided_by) put_policy(decided_by.emplace_object(), *explanation.decided_by);
  const ReasonInfo& told = info(explanation.reason);
  return {{"at", format_rfc3339(explanation.at)},
          {"application",
           {{"id", explanation.application_id},
            {"name", explanation.application_name},
            {"hostname", explanation.application_hostname}}},
          {"effect", to_string(explanation.effect)},
          {"reason", told.code},
          {"challenge", to_string(explanation.challenge)},
          {"policy", std::move(decided_by)},
          {"told",
           {{"title", told.title}, {"advice", told.advice}, {"remedy", to_string(told.remedy)}}},
          {"inputs", std::move(inputs)},
          {"policies", std::move(policies)}};
}

std::string to_text(const Explanation& explanation) {
  std::string text;
  const auto line = [&text](std::size_t indent, std::string_view content) {
    text.append(indent, ' ').append(printable(content)).append("\n");
  };
  const auto policy_title = [](model::Action action, const std::string& name) {
    return std::string(model::to_string(action)) + " `" + name + "`: ";
  };
  std::string result(to_string(explanation.effect));
  if (explanation.reason != Reason::None)
    result += ", " + std::string(info(explanation.reason).code);
  if (explanation.challenge != Challenge::None)
    result += ", asks for " + std::string(to_string(explanation.challenge));
  line(0, explanation.application_name + " (" + explanation.application_hostname + ") at " +
              format_rfc3339(explanation.at));
  line(0, "decision: " + result);
  line(0, "decided by: " + (explanation.decided_by ? "policy `" + explanation.decided_by->name + "`"
                            : explanation.effect == Effect::Bypass
                                ? std::string("the application, which lets CORS preflights through")
                                : std::string("no policy, and what none allows is refused")));
  line(0, "");
  line(0, "asked with");
  std::size_t width = 0;
  for (const ExplainedInput& input : explanation.inputs) width = std::max(width, input.name.size());
  for (const ExplainedInput& input : explanation.inputs) {
    std::string row = input.name + std::string(width - input.name.size() + 2, ' ') + input.value;
    if (input.established_at) row += " (" + age_text(*input.established_at, explanation.at) + ")";
    line(2, row);
  }
  line(0, "");
  line(0, "policies, in order");
  for (std::size_t i = 0; i < explanation.trace.size(); ++i) {
    const TraceEntry& entry = explanation.trace[i];
    const auto indent = static_cast<std::size_t>(2 + 2 * entry.depth);
    std::string row =
        entry.kind == Kind::Policy ? policy_title(*entry.action, entry.what) : entry.what + ": ";
    row += outcome_text(entry.match);
    if (entry.kind == Kind::Policy && is_decider(explanation, explanation.trace, i))
      row += " (this one decides)";
    if (!entry.seen.value.empty()) row += "; saw " + entry.seen.value;
    if (entry.seen.established_at)
      row += " (" + age_text(*entry.seen.established_at, explanation.at) + ")";
    line(indent, row);
  }
  for (const ExplainedPolicy& policy : explanation.not_asked)
    line(2, policy_title(policy.action, policy.name) + "not asked");
  if (explanation.trace.empty() && explanation.not_asked.empty()) line(2, "none");
  const ReasonInfo& told = info(explanation.reason);
  line(0, "");
  line(0, explanation.reason == Reason::None ? "the request goes through" : "the person is told");
  if (explanation.reason != Reason::None) {
    line(2, told.title);
    line(2, told.advice);
    line(2, "remedy: " + std::string(to_string(told.remedy)));
  }
  return text;
}

}  // namespace gatehouse::decision
