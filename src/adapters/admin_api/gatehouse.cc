// What goes beyond the v4 API, under accounts/{account_id}/gatehouse/: ingress, explain, the end of
// sessions, revocations, audit, health, API tokens, backup. The rest has files of its own.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <utility>

#include "adapters/admin_api/call.h"
#include "adapters/admin_api/query.h"
#include "adapters/admin_api/resources.h"
#include "base/encoding.h"
#include "base/time.h"
#include "base/try.h"
#include "controlplane/api_token.h"
#include "controlplane/audit.h"
#include "controlplane/revocation.h"

namespace gatehouse::adapters::admin_api {
namespace {

using controlplane::RevocationError;
using net::HttpResponse;

HttpResponse not_allowed(std::string_view why) {
  return failure(403,
                 {{kNotAllowed, fmt::format("method not allowed for this token: {}", why), ""}});
}

// Ingress: one list, whose order counts.

HttpResponse show_ingress(const Call& call) {
  const auto documents = documents_of(call);
  const auto* document =
      documents->find(policy::Kind::Ingress, policy::section_of(policy::Kind::Ingress));
  const auto* rules = document == nullptr ? nullptr : json::find_array(document->body, "rules");
  auto response = success(rules == nullptr ? json::array{} : *rules);
  if (document != nullptr) response.headers.emplace_back("ETag", etag_of(*document));
  return response;
}

HttpResponse replace_ingress(const Call& call) {
  auto body = call.any_body();
  if (!body) return body.error();
  if (!body->is_array()) return invalid("", "the body must be the list of all rules");
  const std::string id(policy::section_of(policy::Kind::Ingress));
  const json::object wanted{{"rules", std::move(*body)}};
  auto outcome = call.services.gateway.change(
      call.actor(),
      [&](const policy::Documents& documents)
          -> std::expected<std::vector<controlplane::Edit>, controlplane::ChangeError> {
        const auto* current = documents.find(policy::Kind::Ingress, id);
        if (!if_match(call, current == nullptr ? "" : etag_of(*current)))
          return change_error(controlplane::ChangeErrorKind::Changed);
        return std::vector<controlplane::Edit>{{policy::Kind::Ingress, id, wanted}};
      });
  if (outcome) return show_ingress(call);
  constexpr std::string_view kRules = "/rules";
  for (auto& problem : outcome.error().problems)
    if (problem.pointer.starts_with(kRules)) problem.pointer.erase(0, kRules.size());
  return change_failed(outcome.error());
}

HttpResponse explain(const Call& call) {
  const auto question = call.any_body();
  if (!question) return question.error();
  const auto answer = call.services.explain(*question);
  return answer ? success(*answer) : invalid("", answer.error());
}

// Who asks, and what they may do.
HttpResponse me(const Call& call) {
  const auto configuration = call.context().configuration();
  if (!configuration) return unavailable();
  const bool is_person = call.asker == Asker::Person;
  const std::string_view kind = is_person                     ? "person"
                                : call.asker == Asker::Socket ? "socket"
                                                              : "token";
  const std::string& issuer = configuration->snapshot->issuer();
  json::object answer{
      {"email", is_person ? json::value(call.token.name) : json::value(nullptr)},
      {"name", call.token.name},
      {"kind", kind},
      {"role", storage::to_string(call.token.role)},
      {"scopes", json::array(call.token.scopes.begin(), call.token.scopes.end())},
      {"account", {{"id", call.account_id}, {"name", configuration->resources->organization.name}}},
      {"auth_domain", std::string_view(issuer).substr(std::string_view("https://").size())},
      {"version", call.services.version}};
  if (is_person) answer["sign_out_url"] = issuer + "/cdn-cgi/access/logout";
  return success(std::move(answer));
}

HttpResponse health(const Call& call) { return success(call.services.health()); }

// Sessions and revocations.

HttpResponse revocation_failed(RevocationError error, std::string_view pointer) {
  if (error == RevocationError::StoreUnavailable) return unavailable();
  return invalid(pointer, controlplane::to_string(error));
}

HttpResponse revoked(std::string_view what, const controlplane::RevocationOutcome& outcome) {
  return success(json::object{{"what", what},
                              {"name", outcome.name},
                              {"sessions", outcome.sessions},
                              {"enforced", outcome.enforced}});
}

HttpResponse end_session(const Call& call) {
  const auto outcome =
      controlplane::revoke_session(call.context(), call.arguments.front(), call.actor());
  if (outcome) return revoked("session", *outcome);
  return outcome.error() == RevocationError::NoSuchSession ? not_found()
                                                           : revocation_failed(outcome.error(), "");
}

struct RevocationKind {
  std::string_view name;
  controlplane::RevocationResult (*revoke)(controlplane::Context&, std::string_view,
                                           const controlplane::Actor&);
};
constexpr std::array kRevocationKinds = std::to_array<RevocationKind>({
    {"session", controlplane::revoke_session},
    {"user", controlplane::revoke_user},
    {"device", controlplane::revoke_device},
    {"application", controlplane::revoke_application},
    {"token", controlplane::revoke_token},
});

HttpResponse revoke(const Call& call) {
  const auto body = call.body();
  if (!body) return body.error();
  const auto wrong = [] {
    return invalid("",
                   "exactly one of `session`, `user`, `device`, `application`, `token` must "
                   "say what to revoke");
  };
  if (body->size() != 1) return wrong();
  const auto& [name, value] = *body->begin();
  const auto kind =
      std::ranges::find(kRevocationKinds, std::string_view(name), &RevocationKind::name);
  if (kind == kRevocationKinds.end()) return wrong();
  const std::string pointer = fmt::format("/{}", kind->name);
  if (!value.is_string() || value.get_string().empty()) return invalid(pointer, "must be text");
  const auto outcome =
      kind->revoke(call.context(), std::string_view(value.get_string()), call.actor());
  return outcome ? revoked(kind->name, *outcome) : revocation_failed(outcome.error(), pointer);
}

HttpResponse list_revoked_devices(const Call& call) {
  const auto devices = controlplane::revoked_devices(call.context());
  if (!devices) return revocation_failed(devices.error(), "");
  json::array shown;
  for (const auto& device : *devices) shown.emplace_back(json::object{{"device_id", device}});
  return whole_list(std::move(shown));
}

HttpResponse restore_device(const Call& call) {
  const auto outcome =
      controlplane::restore_device(call.context(), call.arguments.front(), call.actor());
  if (outcome) return success(json::object{{"device_id", outcome->name}});
  return outcome.error() == RevocationError::DeviceNotRevoked
             ? not_found()
             : revocation_failed(outcome.error(), "");
}

// The audit trail.

// Hashes of secrets are nobody's business either.
void leave_out_secrets(json::value& value) {
  if (auto* object = value.if_object()) {
    object->erase("client_secret_hash");
    object->erase("previous_client_secret_hash");
    for (auto& member : *object) leave_out_secrets(member.value());
  } else if (auto* array = value.if_array()) {
    for (auto& element : *array) leave_out_secrets(element);
  }
}

std::expected<std::pair<storage::AuditQuery, Paging>, HttpResponse> audit_query_of(
    const Call& call) {
  storage::AuditQuery query;
  const auto paging = GATEHOUSE_TRY(paging_of(call, 100));
  query.offset = paging.offset();
  query.limit = paging.per_page;
  for (auto& event : call.queries("event"))
    if (!event.empty()) query.events.push_back(std::move(event));
  query.actor = call.query("actor").value_or("");
  if (GATEHOUSE_TRY(word_of(call, "actorOp", {"eq", "neq", "contains"})) == "neq")
    query.actor_match = storage::AuditQuery::Match::NotEqual;
  else if (call.query("actorOp") == "contains")
    query.actor_match = storage::AuditQuery::Match::Contains;
  query.application = call.query("application").value_or("");
  query.ip = call.query("ip").value_or("");
  query.since = GATEHOUSE_TRY(instant_of(call, "since"));
  query.until = GATEHOUSE_TRY(instant_of(call, "until"));
  query.oldest_first =
      GATEHOUSE_TRY(word_of(call, "direction", {"desc", "asc"})) == std::optional("asc");
  return std::pair{std::move(query), paging};
}

HttpResponse list_audit(const Call& call) {
  const auto asked = audit_query_of(call);
  if (!asked) return asked.error();
  const auto& [query, paging] = *asked;
  auto found = call.context().dependencies.store.find_audit(query);
  if (!found) return unavailable();
  json::array page;
  for (auto& event : found->items) {
    json::value details = std::move(event.details);
    leave_out_secrets(details);
    page.emplace_back(json::object{{"at", format_rfc3339(event.at)},
                                   {"event", event.event},
                                   {"actor", event.actor},
                                   {"ip", event.ip},
                                   {"application", event.application},
                                   {"reason", event.reason},
                                   {"details", std::move(details)}});
  }
  return list(std::move(page), paging.page, paging.per_page, found->total);
}

// API tokens.

json::object to_json(const storage::ApiToken& token) {
  json::array scopes;
  for (const auto& scope : token.scopes) scopes.emplace_back(scope);
  const auto instant = [](const std::optional<Instant>& at) {
    json::value text;
    if (at) text.emplace_string() = format_rfc3339(*at);
    return text;
  };
  return {{"id", token.id},
          {"name", token.name},
          {"role", storage::to_string(token.role)},
          {"scopes", std::move(scopes)},
          {"created_by", token.created_by},
          {"created_at", format_rfc3339(token.created_at)},
          {"expires_at", instant(token.expires_at)},
          {"last_used_at", instant(token.last_used_at)}};
}

void record_token(const Call& call, std::string_view event, const storage::ApiToken& token) {
  auto details = to_json(token);
  details.erase("last_used_at");
  controlplane::audit(call.context(), call.actor(), {event, "", "", "", std::move(details)});
}

HttpResponse list_tokens(const Call& call) {
  const auto tokens = call.context().dependencies.store.api_tokens();
  if (!tokens) return unavailable();
  json::array shown;
  for (const auto& token : *tokens) shown.emplace_back(to_json(token));
  return whole_list(std::move(shown));
}

std::expected<controlplane::NewApiToken, HttpResponse> wanted_token(const json::object& body) {
  controlplane::NewApiToken wanted;
  const auto fail = [](std::string_view pointer, std::string_view message) {
    return std::unexpected(invalid(pointer, message));
  };
  for (const auto& [key, value] : body) {
    const std::string pointer = fmt::format("/{}", std::string_view(key));
    const auto* text = value.if_string();
    if (key == "name") {
      if (text == nullptr) return fail(pointer, "must be text");
      wanted.name = *text;
    } else if (key == "role") {
      const auto role = text == nullptr ? std::nullopt : storage::parse_role(*text);
      if (!role) return fail(pointer, "must be one of administrator, read_only, help_desk");
      wanted.role = *role;
    } else if (key == "scopes") {
      if (!value.is_array()) return fail(pointer, "must be a list of families of the API");
      for (const auto& scope : value.get_array()) {
        if (!scope.is_string()) return fail(pointer, "must be a list of families of the API");
        wanted.scopes.emplace_back(scope.get_string());
      }
    } else if (key == "expires_at") {
      if (value.is_null()) continue;
      wanted.expires_at = text == nullptr ? std::nullopt : parse_rfc3339(*text);
      if (!wanted.expires_at) return fail(pointer, "must be a time such as `2030-01-31T08:00:00Z`");
    } else {
      return fail(pointer, "is not one of name, role, scopes, expires_at");
    }
  }
  return wanted;
}

HttpResponse token_failed(controlplane::ApiTokenError error) {
  switch (error) {
    case controlplane::ApiTokenError::NameMissing:
    case controlplane::ApiTokenError::NameTaken:
      return invalid("/name", controlplane::to_string(error));
    case controlplane::ApiTokenError::BadScope:
      return invalid("/scopes", controlplane::to_string(error));
    case controlplane::ApiTokenError::BadExpiry:
      return invalid("/expires_at", controlplane::to_string(error));
    case controlplane::ApiTokenError::StoreUnavailable:
      return unavailable();
  }
  return unavailable();
}

HttpResponse create_token(const Call& call) {
  const auto body = call.body();
  if (!body) return body.error();
  const auto wanted = wanted_token(*body);
  if (!wanted) return wanted.error();
  if (!controlplane::may_issue(call.token, *wanted))
    return not_allowed("it cannot issue one that may do more, or for longer, than itself");
  auto& context = call.context();
  const auto issued = controlplane::issue_api_token(context.dependencies.store, *wanted,
                                                    call.token.name, context.now());
  if (!issued) return token_failed(issued.error());
  record_token(call, controlplane::audit_event::kApiTokenIssued, issued->token);
  auto shown = to_json(issued->token);
  shown["token"] = issued->secret;
  return success(std::move(shown), 201);
}

HttpResponse remove_token(const Call& call) {
  auto& store = call.context().dependencies.store;
  const auto tokens = store.api_tokens();
  if (!tokens) return unavailable();
  const auto found = std::ranges::find(*tokens, call.arguments.front(), &storage::ApiToken::id);
  if (found == tokens->end()) return not_found();
  if (!controlplane::may_issue(call.token,
                               {found->name, found->role, found->scopes, call.token.expires_at}))
    return not_allowed("it cannot revoke one that may do more than itself");
  const auto removed = store.remove_api_token(found->id);
  if (!removed) return unavailable();
  if (!*removed) return not_found();
  record_token(call, controlplane::audit_event::kApiTokenRevoked, *found);
  return success(json::object{{"id", found->id}});
}

// The whole store as one text: it has to fit into memory.
HttpResponse back_up(const Call& call) {
  if (call.token.role != storage::Role::Administrator)
    return not_allowed("only an administrator may read everything");
  auto& context = call.context();
  std::ostringstream out;
  if (const auto dumped = context.dependencies.store.dump(out); !dumped) return unavailable();
  controlplane::audit(context, call.actor(),
                      {controlplane::audit_event::kBackup, "", "", "", json::object{}});
  return {200,
          {{"Content-Type", "application/x-ndjson"},
           {"Content-Disposition", "attachment; filename=\"gatehouse.backup\""}},
          std::move(out).str()};
}

}  // namespace

void add_gatehouse(std::vector<Operation>& operations) {
  const auto read = [&](std::string_view method, std::string_view pattern, std::string_view family,
                        HttpResponse (*handle)(const Call&)) {
    operations.push_back({method, pattern, family, Access::Read, handle});
  };
  const auto write = [&](std::string_view method, std::string_view pattern, std::string_view family,
                         HttpResponse (*handle)(const Call&)) {
    operations.push_back({method, pattern, family, Access::Write, handle});
  };
  read("GET", "gatehouse/ingress", "gatehouse/ingress", show_ingress);
  write("PUT", "gatehouse/ingress", "gatehouse/ingress", replace_ingress);
  read("POST", "gatehouse/explain", "gatehouse/explain", explain);
  read("GET", "gatehouse/me", controlplane::kOpenFamily, me);
  read("GET", "gatehouse/health", "gatehouse/health", health);
  write("DELETE", "gatehouse/sessions/{nonce}", "gatehouse/sessions", end_session);
  write("POST", "gatehouse/revocations", "gatehouse/revocations", revoke);
  read("GET", "gatehouse/revocations/devices", "gatehouse/revocations", list_revoked_devices);
  write("DELETE", "gatehouse/revocations/devices/{device_id}", "gatehouse/revocations",
        restore_device);
  read("GET", "gatehouse/audit", "gatehouse/audit", list_audit);
  read("GET", "gatehouse/api_tokens", "gatehouse/api_tokens", list_tokens);
  write("POST", "gatehouse/api_tokens", "gatehouse/api_tokens", create_token);
  write("DELETE", "gatehouse/api_tokens/{token_id}", "gatehouse/api_tokens", remove_token);
  read("GET", "gatehouse/store/backup", "gatehouse/store", back_up);
}

}  // namespace gatehouse::adapters::admin_api
