#include "apps/gatehouse/admin_endpoints.h"

#include "apps/gatehouse/revoke.h"
#include "apps/gatehouse/sessions.h"
#include "base/json.h"

namespace gatehouse::apps {
namespace {

net::HttpResponse answer(int status, const json::object& body) {
  return {status, {{"Content-Type", "application/json"}}, json::serialize(body)};
}

json::array to_json(const std::vector<configuration::Problem>& problems) {
  json::array list;
  for (const auto& problem : problems) {
    list.push_back(json::object{{"file", problem.file},
                                {"line", problem.line},
                                {"field", problem.field},
                                {"message", problem.message}});
  }
  return list;
}

}  // namespace

net::Router make_admin_router(
    std::function<ReloadOutcome(const std::string& path)> reload,
    std::function<StatusReport()> status,
    std::function<std::expected<decision::Explanation, std::string>(const Question&)> explain,
    controlplane::Gateway::Context& context) {
  const net::Handler apply = [reload = std::move(reload)](const net::HttpRequest& request) {
    const auto body = json::parse(request.body);
    const auto path =
        body && body->is_object() ? json::find_string(body->get_object(), "path") : std::nullopt;
    if (!path || !path->starts_with("/")) {
      return answer(400, {{"error", "`path` must be the absolute path of a configuration file"}});
    }
    const ReloadOutcome outcome = reload(std::string(*path));
    if (!outcome.problems.empty()) return answer(422, {{"problems", to_json(outcome.problems)}});
    json::array waiting;
    for (const auto& setting : outcome.at_next_start) waiting.emplace_back(setting);
    return answer(200, {{"sequence", outcome.sequence},
                        {"changed", outcome.changed},
                        {"nginx_reloaded", outcome.nginx_reloaded},
                        {"at_next_start", std::move(waiting)}});
  };
  const net::Handler report = [status = std::move(status)](const net::HttpRequest&) {
    const StatusReport now = status();
    return answer(200, {{"status", "ok"},
                        {"issuer", now.issuer},
                        {"sequence", now.sequence},
                        {"applications", now.applications},
                        {"sessions", now.sessions},
                        {"nginx_pid", now.nginx_pid},
                        {"nginx_restarts", now.nginx_restarts}});
  };
  const net::Handler explained = [explain = std::move(explain)](const net::HttpRequest& request) {
    const auto body = json::parse(request.body);
    const auto question = body ? question_from_json(*body) : std::nullopt;
    if (!question) return answer(400, {{"error", "the question is not readable"}});
    const auto explanation = explain(*question);
    if (!explanation) return answer(422, {{"error", explanation.error()}});
    return answer(200, {{"explanation", decision::to_json(*explanation)},
                        {"text", decision::to_text(*explanation)}});
  };
  const net::Handler revoked = [&context](const net::HttpRequest& request) {
    return answer_revoke(context, request);
  };
  const net::Handler listed = [&context](const net::HttpRequest& request) {
    return answer_sessions(context, request);
  };
  const net::Handler unknown = [](const net::HttpRequest&) {
    return answer(404, {{"error", "not found"}});
  };
  return [apply, report, explained, revoked, listed,
          unknown](const net::HttpRequest& request) -> net::Route {
    if (request.method == "POST" && request.path == "/apply") return {net::Pool::Store, apply};
    if (request.method == "GET" && request.path == "/status") return {net::Pool::Store, report};
    if (request.method == "POST" && request.path == "/explain")
      return {net::Pool::Store, explained};
    if (request.method == "POST" && request.path == "/revoke") return {net::Pool::Store, revoked};
    if (request.method == "GET" && request.path == "/sessions") return {net::Pool::Store, listed};
    return {net::Pool::Inline, unknown};
  };
}

}  // namespace gatehouse::apps
