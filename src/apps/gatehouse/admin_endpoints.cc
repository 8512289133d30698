#include "apps/gatehouse/admin_endpoints.h"

#include <map>
#include <string>
#include <utility>

#include "apps/gatehouse/apply.h"
#include "apps/gatehouse/backup.h"
#include "apps/gatehouse/export.h"
#include "apps/gatehouse/keys.h"
#include "apps/gatehouse/node.h"
#include "apps/gatehouse/revoke.h"
#include "apps/gatehouse/sessions.h"
#include "apps/gatehouse/tokens.h"
#include "base/json.h"

namespace gatehouse::apps {
namespace {

net::HttpResponse answer(int status, const json::object& body) {
  return {status, {{"Content-Type", "application/json"}}, json::serialize(body)};
}

net::HttpResponse answer_status(Node& node) {
  const StatusReport now = node.status();
  return answer(200, {{"status", "ok"},
                      {"issuer", now.issuer},
                      {"sequence", now.sequence},
                      {"applications", now.applications},
                      {"sessions", now.sessions},
                      {"nginx_pid", now.nginx_pid},
                      {"nginx_restarts", now.nginx_restarts}});
}

net::HttpResponse answer_explain(Node& node, const net::HttpRequest& request) {
  const auto body = json::parse(request.body);
  if (!body) return answer(400, {{"error", "the question is not readable"}});
  const auto question = question_from_json(*body);
  if (!question) return answer(400, {{"error", question.error()}});
  const auto explanation = node.explain(*question);
  if (!explanation) return answer(422, {{"error", explanation.error()}});
  return answer(200, {{"explanation", decision::to_json(*explanation)},
                      {"text", decision::to_text(*explanation)}});
}

}  // namespace

net::Router make_admin_router(Node& node, net::Router api) {
  using Request = net::HttpRequest;
  std::map<std::string, net::Handler> handlers;
  const auto add = [&](const char* operation, net::HttpResponse (*handler)(Node&, const Request&)) {
    handlers[operation] = [&node, handler](const Request& request) {
      return handler(node, request);
    };
  };
  add("POST /plan", answer_plan);
  add("POST /apply", answer_apply);
  add("GET /status", [](Node& of, const Request&) { return answer_status(of); });
  add("POST /explain", answer_explain);
  add("POST /revoke", [](Node& of, const Request& request) {
    return answer_revoke(of.gateway().context(), request);
  });
  add("GET /sessions", [](Node& of, const Request& request) {
    return answer_sessions(of.gateway().context(), request);
  });
  add("GET /keys", answer_keys);
  add("POST /keys/rotate", answer_rotate_keys);
  add("POST /keys/rotate-master", answer_rotate_master_key);
  add("GET /tokens", answer_tokens);
  add("POST /tokens", answer_create_token);
  add("POST /tokens/revoke", answer_revoke_token);
  add("GET /export", answer_export);
  add("POST /backup", answer_backup);
  add("POST /restore", answer_restore);
  const net::Handler unknown = [](const Request&) { return answer(404, {{"error", "not found"}}); };
  return [handlers = std::move(handlers), api = std::move(api),
          unknown](const Request& request) -> net::Route {
    if (request.path.starts_with("/client/v4/")) return api(request);
    const auto found = handlers.find(request.method + " " + request.path);
    if (found == handlers.end()) return {net::Pool::Inline, unknown};
    return {net::Pool::Store, found->second};
  };
}

}  // namespace gatehouse::apps
