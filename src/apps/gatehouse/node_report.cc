// What a running gateway says of itself.
#include <filesystem>
#include <utility>

#include "apps/gatehouse/node.h"
#include "base/json.h"
#include "controlplane/context.h"
#include "controlplane/directory.h"
#include "decision/snapshot.h"
#include "platform/clock.h"

namespace gatehouse::apps {
namespace {

std::string_view text_of(const json::object& from, std::string_view member) {
  return json::find_string(from, member).value_or("");
}

// The evidence of devices as it was then, by ages and signals of the line.
std::vector<model::PostureEvidence> posture_of(const json::object& evidence, Instant at) {
  constexpr std::string_view kPosture = "posture/";
  std::vector<model::PostureEvidence> posture;
  const auto* signals = json::find_object(evidence, "signals");
  for (const auto& [key, value] : evidence) {
    const std::string_view name = key;
    if (!name.starts_with(kPosture) || !value.is_int64()) continue;
    model::PostureEvidence one;
    one.integration_id = name.substr(kPosture.size());
    one.established_at = at - std::chrono::seconds{value.get_int64()};
    const auto* said =
        signals == nullptr ? nullptr : json::find_object(*signals, one.integration_id);
    if (said != nullptr) {
      one.managed = json::find_bool(*said, "managed");
      one.patch_compliant = json::find_bool(*said, "patch_compliant");
      one.last_checkin = parse_rfc3339(text_of(*said, "last_checkin"));
      if (const auto* score = json::find(*said, "vulnerability_score");
          score != nullptr && score->is_number())
        one.vulnerability_score = score->to_number<double>();
    }
    posture.push_back(std::move(one));
  }
  return posture;
}

// The session as it was: what is known of the person, with the devices of then. nullopt: nothing is
// known of them any more, and `note` says so.
std::optional<model::Session> session_of(controlplane::Context& context,
                                         const json::object& evidence, Instant at,
                                         std::string& note) {
  const auto live = context.dependencies.store.load_session(text_of(evidence, "session"), at);
  std::optional<model::Session> session = live ? *live : std::nullopt;
  if (!session) {
    const auto user = controlplane::find_user(context, text_of(evidence, "user"));
    auto known = user ? controlplane::session_to_judge(context, *user)
                      : std::unexpected(controlplane::DirectoryError::NoSuchUser);
    if (!known) {
      note = "the session has ended and the user is not known any more";
      return std::nullopt;
    }
    note = "the session has ended: the groups and claims are those of the user's last sign-in";
    session = std::move(*known);
  }
  session->identity.authenticated_at =
      at - std::chrono::seconds{json::find_int(evidence, "identity").value_or(0)};
  if (json::find_object(evidence, "signals") != nullptr) {
    session->posture = posture_of(evidence, at);
  } else {
    for (auto& one : posture_of(evidence, at))
      for (auto& held : session->posture)
        if (held.integration_id == one.integration_id) held.established_at = one.established_at;
  }
  return session;
}

std::optional<PastDecision> past_decision(controlplane::Context& context, const json::object& line,
                                          std::string& note) {
  const auto at = parse_rfc3339(text_of(line, "at"));
  PastDecision past;
  past.application_id = text_of(line, "application");
  if (!at || past.application_id.empty()) {
    note = "no application was found for this request";
    return std::nullopt;
  }
  past.at = *at;
  past.host = text_of(line, "host");
  past.address = text_of(line, "ip");
  const auto* evidence = json::find_object(line, "evidence");
  if (evidence == nullptr) return past;
  past.service_token_id = text_of(*evidence, "service_token");
  if (text_of(*evidence, "session").empty()) return past;
  past.session = session_of(context, *evidence, *at, note);
  return past.session ? std::optional(std::move(past)) : std::nullopt;
}

bool comes_to(const decision::Explanation& explanation, const json::object& line) {
  const bool passes = explanation.effect == decision::Effect::Allow ||
                      explanation.effect == decision::Effect::Bypass;
  return text_of(line, "effect") == decision::to_string(explanation.effect) &&
         text_of(line, "reason") ==
             (passes ? std::string_view() : decision::info(explanation.reason).code) &&
         text_of(line, "policy") == (explanation.decided_by ? explanation.decided_by->id : "");
}

}  // namespace

json::object Node::health() {
  json::object node_state{{"readable", false}};
  if (const auto reader = node_state_->make_reader(); reader && (*reader)->refresh()) {
    const auto sequence = (*reader)->snapshot_sequence();
    const auto heartbeat = (*reader)->heartbeat();
    node_state["readable"] = sequence.has_value();
    if (sequence && *sequence) node_state["sequence"] = **sequence;
    if (heartbeat) node_state["heartbeat_at"] = format_rfc3339(*heartbeat);
  }
  const bool store = store_->find_value("account_id").has_value();
  const auto snapshot = gateway_->snapshot();
  const bool well = store && routing_->is_serving() && node_state["readable"].as_bool();
  return {{"status", well ? "ok" : "degraded"},
          {"version", GATEHOUSE_VERSION},
          {"issuer", snapshot ? snapshot->issuer() : ""},
          {"sequence", snapshot ? snapshot->sequence() : 0},
          {"node_state", std::move(node_state)},
          {"nginx",
           {{"serving", routing_->is_serving()},
            {"pid", routing_->nginx_pid()},
            {"restarts", routing_->nginx_restarts()}}},
          {"store",
           {{"reachable", store},
            {"engine", file_.settings.store.starts_with("postgres") ? "postgresql" : "sqlite"}}}};
}

dataplane::DecisionLogFiles Node::decision_log_files() const {
  return {paths_.decision_log,
          std::filesystem::path(paths_.decision_log).parent_path() / kForwardAuthLog,
          settings().decision_log.files};
}

json::object Node::review(const json::object& line) {
  const auto configuration = gateway_->context().configuration();
  json::object review{{"explanation", nullptr}, {"text", ""}, {"exact", false}, {"note", ""}};
  if (!configuration) return review;
  std::string note;
  const auto past = past_decision(gateway_->context(), line, note);
  const auto explanation = past ? explain_past(*past, {*configuration->snapshot,
                                                       *configuration->resources,
                                                       {},
                                                       [this](const IpAddress& address) {
                                                         return std::string(country_of(address));
                                                       }})
                                : std::nullopt;
  if (past && !explanation) note = "the application has been removed since";
  if (explanation) {
    review["explanation"] = decision::to_json(*explanation);
    review["text"] = decision::to_text(*explanation);
    const bool is_exact = comes_to(*explanation, line);
    review["exact"] = is_exact;
    if (!is_exact && note.empty())
      note =
          "the configuration, or what is known of the person, has changed since: this is what it "
          "would be now";
  }
  review["note"] = note;
  return review;
}

StatusReport Node::status() {
  StatusReport report;
  if (const auto snapshot = gateway_->snapshot()) {
    report.issuer = snapshot->issuer();
    report.sequence = snapshot->sequence();
    report.applications = snapshot->applications().size();
  }
  if (const auto live = store_->live_sessions(system_now())) report.sessions = live->size();
  report.nginx_pid = routing_->nginx_pid();
  report.nginx_restarts = routing_->nginx_restarts();
  return report;
}

std::expected<decision::Explanation, std::string> Node::explain(const Question& question) {
  const auto configuration = gateway_->context().configuration();
  if (!configuration) return std::unexpected("nothing has been configured yet");
  const Instant now = system_now();
  const auto find_session = [&](const std::string& nonce) -> std::optional<model::Session> {
    auto session = gateway_->context().sessions.load(nonce, now);
    return session ? std::move(*session) : std::nullopt;
  };
  return answer_question(
      question,
      {*configuration->snapshot, *configuration->resources, find_session,
       [this](const IpAddress& address) { return std::string(country_of(address)); }},
      now);
}

}  // namespace gatehouse::apps
