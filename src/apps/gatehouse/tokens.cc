#include "apps/gatehouse/tokens.h"

#include <fmt/format.h>

#include <iostream>
#include <optional>
#include <string_view>

#include "apps/gatehouse/node.h"
#include "apps/gatehouse/serve.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/time.h"
#include "controlplane/api_token.h"
#include "controlplane/audit.h"
#include "controlplane/context.h"

namespace gatehouse::apps {
namespace {

const controlplane::Actor kActor{"gatehouse tokens", "", ""};

net::HttpResponse answer(int status, const json::object& body) {
  return {status, {{"Content-Type", "application/json"}}, json::serialize(body)};
}

net::HttpResponse unavailable(const storage::StoreError& error) {
  return answer(503, {{"error", error.message}});
}

json::object to_json(const storage::ApiToken& token) {
  json::array scopes;
  for (const auto& scope : token.scopes) scopes.emplace_back(scope);
  json::object object{{"id", token.id},
                      {"name", token.name},
                      {"role", storage::to_string(token.role)},
                      {"scopes", std::move(scopes)},
                      {"created_by", token.created_by},
                      {"created_at", format_rfc3339(token.created_at)}};
  if (token.expires_at) object["expires_at"] = format_rfc3339(*token.expires_at);
  if (token.last_used_at) object["last_used_at"] = format_rfc3339(*token.last_used_at);
  return object;
}

std::string text_of(const json::object& object, std::string_view key) {
  return std::string(json::find_string(object, key).value_or(""));
}

std::string scopes_of(const json::object& token) {
  std::string all;
  const auto* scopes = json::find_array(token, "scopes");
  if (scopes == nullptr || scopes->empty()) return "all";
  for (const auto& scope : *scopes)
    if (scope.is_string()) all.append(all.empty() ? "" : " ").append(scope.get_string());
  return all;
}

void print_list(const json::object& body) {
  std::vector<std::vector<std::string>> rows{
      {"ID", "NAME", "ROLE", "SCOPES", "MADE", "EXPIRES", "LAST USED"}};
  if (const auto* list = json::find_array(body, "tokens")) {
    for (const auto& entry : *list) {
      const auto* token = entry.if_object();
      if (token == nullptr) continue;
      rows.push_back({text_of(*token, "id"), text_of(*token, "name"), text_of(*token, "role"),
                      scopes_of(*token), text_of(*token, "created_at"),
                      token->contains("expires_at") ? text_of(*token, "expires_at") : "never",
                      token->contains("last_used_at") ? text_of(*token, "last_used_at") : "never"});
    }
  }
  if (rows.size() == 1)
    std::cout << "There is no token.\n";
  else
    print_table(std::move(rows));
}

struct Endpoint {
  std::string_view action;
  const char* method;
  const char* path;
};
constexpr Endpoint kEndpoints[] = {{"list", "GET", "/tokens"},
                                   {"create", "POST", "/tokens"},
                                   {"revoke", "POST", "/tokens/revoke"}};

}  // namespace

int tokens(const TokenArguments& arguments, const std::string& state_directory, Output output) {
  if (arguments.action != "list" && arguments.name.empty()) {
    std::cerr << "gatehouse: --name is required\n";
    return kExitUsage;
  }
  if (!is_valid_utf8(arguments.name)) {
    std::cerr << "gatehouse: --name: is not UTF-8\n";
    return kExitUsage;
  }
  net::OutboundRequest request;
  for (const auto& [action, method, path] : kEndpoints) {
    if (action != arguments.action) continue;
    request.method = method;
    request.url = std::string("http://gatehouse") + path;
  }
  if (request.method == "POST") {
    json::array scopes;
    for (const auto& scope : arguments.scopes) scopes.emplace_back(scope);
    request.headers = {{"Content-Type", "application/json"}};
    request.body = json::serialize(json::object{{"name", arguments.name},
                                                {"role", arguments.role},
                                                {"scopes", std::move(scopes)},
                                                {"lifetime", arguments.lifetime}});
  }
  const auto reply = ask_gateway(state_directory, request);
  if (!reply) return kExitFailure;
  const auto& [status, body] = *reply;
  if (status != 200) {
    std::cerr << "gatehouse: "
              << json::find_string(body, "error").value_or("the gateway refused it") << "\n";
    return kExitFailure;
  }
  if (output == Output::Json) {
    std::cout << json::serialize(body) << "\n";
  } else if (arguments.action == "list") {
    print_list(body);
  } else if (arguments.action == "create") {
    std::cout << "Shown this once:\n\n  " << text_of(body, "secret") << "\n";
  } else {
    std::cout << "Revoked. The next request with it is refused.\n";
  }
  return kExitOk;
}

net::HttpResponse answer_tokens(Node& node, const net::HttpRequest&) {
  const auto stored = node.store().api_tokens();
  if (!stored) return unavailable(stored.error());
  json::array list;
  for (const auto& token : *stored) list.emplace_back(to_json(token));
  return answer(200, {{"tokens", std::move(list)}});
}

net::HttpResponse answer_create_token(Node& node, const net::HttpRequest& request) {
  auto& context = node.gateway().context();
  const auto body = json::parse(request.body);
  const auto* object = body ? body->if_object() : nullptr;
  if (object == nullptr) return answer(400, {{"error", "the request is not readable"}});
  const auto refuse = [](std::string_view message) { return answer(422, {{"error", message}}); };
  controlplane::NewApiToken wanted;
  wanted.name = text_of(*object, "name");
  const auto role = storage::parse_role(text_of(*object, "role"));
  if (!role) return refuse("`role` must be one of: administrator, read_only, help_desk");
  wanted.role = *role;
  if (const auto* scopes = json::find_array(*object, "scopes")) {
    for (const auto& scope : *scopes) {
      if (!scope.is_string()) return refuse("`scopes` must be texts");
      wanted.scopes.emplace_back(scope.get_string());
    }
  }
  if (const auto lifetime = text_of(*object, "lifetime"); !lifetime.empty()) {
    const auto duration = parse_duration(lifetime);
    if (!duration || *duration < std::chrono::seconds{1})
      return refuse("`lifetime` must be a duration such as `720h`, up to 10 years");
    wanted.expires_at = context.now() + std::chrono::floor<std::chrono::seconds>(*duration);
  }
  const auto issued =
      controlplane::issue_api_token(node.store(), wanted, kActor.name, context.now());
  if (!issued)
    return answer(issued.error() == controlplane::ApiTokenError::StoreUnavailable ? 503 : 422,
                  {{"error", controlplane::to_string(issued.error())}});
  auto token = to_json(issued->token);
  controlplane::audit(context, kActor,
                      {controlplane::audit_event::kApiTokenIssued, "", "", "", token});
  return answer(200, {{"token", std::move(token)}, {"secret", issued->secret}});
}

net::HttpResponse answer_revoke_token(Node& node, const net::HttpRequest& request) {
  const auto body = json::parse(request.body);
  const auto* object = body ? body->if_object() : nullptr;
  const auto name = object ? json::find_string(*object, "name") : std::nullopt;
  if (!name) return answer(400, {{"error", "the request is not readable"}});
  const auto stored = node.store().api_tokens();
  if (!stored) return unavailable(stored.error());
  const storage::ApiToken* found = nullptr;
  // An id before a name that looks like one.
  for (const auto& token : *stored)
    if (token.id == *name || (found == nullptr && token.name == *name)) found = &token;
  if (found == nullptr) return answer(422, {{"error", "there is no such token"}});
  const auto removed = node.store().remove_api_token(found->id);
  if (!removed) return unavailable(removed.error());
  auto token = to_json(*found);
  controlplane::audit(node.gateway().context(), kActor,
                      {controlplane::audit_event::kApiTokenRevoked, "", "", "", token});
  return answer(200, {{"token", std::move(token)}});
}

}  // namespace gatehouse::apps
