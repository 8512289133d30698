// What a running gateway says of itself.
#include <utility>

#include "apps/gatehouse/node.h"
#include "base/json.h"
#include "controlplane/context.h"
#include "dataplane/log_tail.h"
#include "decision/snapshot.h"
#include "platform/clock.h"

namespace gatehouse::apps {
namespace {

// How far back the API looks for decisions.
constexpr std::uint64_t kMaxDecisionBytes = std::uint64_t{64} << 20;

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

std::vector<json::object> Node::decisions(
    std::size_t limit, const std::function<bool(const json::object&)>& wanted) const {
  std::vector<json::object> found;
  if (limit == 0) return found;
  dataplane::read_newest_lines(
      paths_.decision_log, settings().decision_log.files, kMaxDecisionBytes,
      [&](std::string_view line) {
        auto decision = json::parse(line);
        if (decision && decision->is_object() && wanted(decision->get_object()))
          found.push_back(std::move(decision->get_object()));
        return found.size() < limit;
      });
  return found;
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
