// access/users. Source: facts/cloudflare-access-api.md 8.
#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include "adapters/admin_api/call.h"
#include "adapters/admin_api/people.h"
#include "adapters/admin_api/resources.h"
#include "base/time.h"
#include "controlplane/directory.h"
#include "controlplane/session.h"

namespace gatehouse::adapters::admin_api {
namespace {

using controlplane::DirectoryError;
using net::HttpResponse;
using storage::User;

constexpr std::string_view kFamily = "access/users";
constexpr std::size_t kPerPage = 1000;

// Everybody has a seat: there is nothing to count.
json::object to_json(const User& user, std::size_t sessions) {
  json::object shown{{"id", user.id},
                     {"uid", user.id},
                     {"email", user.email},
                     {"name", user.name},
                     {"access_seat", true},
                     {"gateway_seat", false},
                     {"seat_uid", user.id},
                     {"active_session_count", sessions},
                     {"created_at", format_rfc3339(user.created_at)},
                     {"updated_at", format_rfc3339(user.updated_at)}};
  if (user.last_login_at) shown["last_successful_login"] = format_rfc3339(*user.last_login_at);
  return shown;
}

std::string etag_of_user(const User& user) {
  return etag_of(user.id, {{"email", user.email}, {"name", user.name}});
}

// One user, with what costs a look-up.
HttpResponse show(const Call& call, const User& user, int status = 200) {
  const auto sessions =
      call.context().dependencies.store.live_sessions_of(user.id, call.context().now());
  if (!sessions) return unavailable();
  std::set<std::string_view> devices;
  for (const auto& session : *sessions)
    for (const auto& evidence : session.posture) devices.insert(evidence.device_id);
  auto shown = to_json(user, sessions->size());
  shown["active_device_count"] = devices.size();
  auto response = success(std::move(shown), status);
  response.headers.emplace_back("ETag", etag_of_user(user));
  return response;
}

HttpResponse list_users(const Call& call) {
  const auto paging = paging_of(call, kPerPage);
  if (!paging) return paging.error();
  storage::UserQuery query;
  query.name = call.query("name").value_or("");
  query.search = call.query("search").value_or("");
  query.offset = paging->offset();
  query.limit = paging->per_page;
  if (const auto email = call.query("email"); email && !email->empty()) {
    const auto address = model::canonical_email(*email);
    if (!address) return list({}, paging->page, paging->per_page, 0);  // nobody's
    query.email = *address;
  }
  auto& store = call.context().dependencies.store;
  const auto found = store.users(query);
  if (!found) return unavailable();
  std::vector<std::string> ids;
  for (const auto& user : found->items) ids.push_back(user.id);
  const auto sessions = store.count_live_sessions(ids, call.context().now());
  if (!sessions) return unavailable();
  json::array users;
  for (const auto& user : found->items) {
    const auto count = sessions->find(user.id);
    users.emplace_back(to_json(user, count == sessions->end() ? 0 : count->second));
  }
  return list(std::move(users), paging->page, paging->per_page, found->total);
}

struct Wanted {
  std::string email;
  std::string name;
};
std::expected<Wanted, HttpResponse> wanted_of(const Call& call, bool name_is_required) {
  const auto body = call.body();
  if (!body) return std::unexpected(body.error());
  // What is only shown may come back as it was read.
  if (auto unknown =
          unknown_member(*body, {"email", "name", "id", "uid", "access_seat", "gateway_seat",
                                 "seat_uid", "active_session_count", "active_device_count",
                                 "created_at", "updated_at", "last_successful_login"}))
    return std::unexpected(std::move(*unknown));
  Wanted wanted;
  const auto email = json::find_string(*body, "email");
  if (!email) return std::unexpected(invalid("/email", "must be an e-mail address"));
  wanted.email = *email;
  const auto* name = json::find(*body, "name");
  if (name != nullptr && name->is_string())
    wanted.name = name->get_string();
  else if (name_is_required || (name != nullptr && !name->is_null()))
    return std::unexpected(invalid("/name", "must be text"));
  return wanted;
}

HttpResponse create_user(const Call& call) {
  const auto wanted = wanted_of(call, false);
  if (!wanted) return wanted.error();
  const auto user =
      controlplane::add_user(call.context(), call.actor(), wanted->email, wanted->name);
  return user ? show(call, *user, 201) : directory_failed(user.error());
}

// Calls `handle` with the user of the path.
template <typename Handle>
Handler with_user(Handle handle) {
  return [handle = std::move(handle)](const Call& call) -> HttpResponse {
    const auto user = controlplane::find_user(call.context(), call.arguments.front());
    return user ? handle(call, *user) : directory_failed(user.error());
  };
}

// One change of a user at a time, so that nothing comes between If-Match and the change.
template <typename Handle>
Handler changing_user(const std::shared_ptr<std::mutex>& one_at_a_time, Handle handle) {
  return [one_at_a_time, handle = with_user([handle](const Call& call, const User& user) {
                           if (!if_match(call, etag_of_user(user))) return precondition_failed();
                           return handle(call, user);
                         })](const Call& call) {
    const std::lock_guard lock(*one_at_a_time);
    return handle(call);
  };
}

HttpResponse replace_user(const Call& call, const User& user) {
  const auto wanted = wanted_of(call, true);
  if (!wanted) return wanted.error();
  const auto changed =
      controlplane::change_user(call.context(), call.actor(), user.id, wanted->email, wanted->name);
  return changed ? show(call, *changed) : directory_failed(changed.error());
}

HttpResponse remove_user(const Call& call, const User& user) {
  const auto removed = controlplane::remove_user(call.context(), call.actor(), user.id);
  return removed ? success(nullptr, 202) : directory_failed(removed.error());
}

HttpResponse active_sessions(const Call& call, const User& user) {
  const auto sessions = controlplane::sessions_of_user(call.context(), user);
  if (!sessions) return directory_failed(sessions.error());
  json::array shown;
  for (const auto& [session, applications] : *sessions) {
    json::object apps;
    for (const auto& application : applications)
      apps[application.audience] = json::object{{"hostname", application.domain},
                                                {"name", application.name},
                                                {"type", "self_hosted"},
                                                {"uid", application.id}};
    const auto begin = to_epoch_seconds(session.created_at);
    const auto end = to_epoch_seconds(session.expires_at);
    shown.emplace_back(json::object{{"name", session.nonce},
                                    {"expiration", end},
                                    {"metadata", json::object{{"apps", std::move(apps)},
                                                              {"expires", end},
                                                              {"iat", begin},
                                                              {"nonce", session.nonce},
                                                              {"ttl", end - begin}}}});
  }
  return whole_list(std::move(shown));
}

HttpResponse active_session(const Call& call, const User& user) {
  auto& context = call.context();
  const auto session = context.sessions.load(call.arguments.at(1), context.now());
  if (!session) return unavailable();
  if (!*session || (*session)->identity.user_id != user.id) return not_found();
  auto document = identity_of_session(call, user, **session);
  document["isActive"] = true;
  return success(std::move(document));
}

HttpResponse failed_logins(const Call& call, const User& user) {
  const auto events = controlplane::failed_logins_of_user(call.context(), user);
  if (!events) return directory_failed(events.error());
  json::array shown;
  for (const auto& event : *events) {
    const auto text = [&](std::string_view key) {
      return json::find_string(event.details, key).value_or("");
    };
    shown.emplace_back(
        json::object{{"expiration", to_epoch_seconds(event.at + controlplane::kFailedLoginsKept)},
                     {"metadata", json::object{{"app_name", text("app_name")},
                                               {"app_domain", text("app_domain")},
                                               {"app_uid", event.application},
                                               {"aud", text("aud")},
                                               {"connection", text("connection")},
                                               {"country", text("country")},
                                               {"datetime", format_rfc3339(event.at)},
                                               {"ip_address", event.ip},
                                               {"ray_id", text("reference").substr(0, 16)},
                                               {"reason", event.reason},
                                               {"user_email", user.email},
                                               {"user_uuid", user.id}}}});
  }
  return whole_list(std::move(shown));
}

HttpResponse last_seen_identity(const Call& call, const User& user) {
  auto seen = controlplane::read_last_seen(user.identity);
  if (!seen) return not_found();
  return success(complete_identity(std::move(seen->document), seen->session, call.account_id));
}

}  // namespace

HttpResponse directory_failed(DirectoryError error) {
  switch (error) {
    case DirectoryError::StoreUnavailable:
      return unavailable();
    case DirectoryError::NoSuchUser:
      return not_found();
    case DirectoryError::BadAddress:
    case DirectoryError::AddressTaken:
      return invalid("/email", controlplane::to_string(error));
    case DirectoryError::BadName:
      return invalid("/name", controlplane::to_string(error));
  }
  return unavailable();
}

json::object complete_identity(json::object document, const model::Session& session,
                               const std::string& account_id) {
  json::object devices;
  const model::PostureEvidence* newest = nullptr;
  for (const auto& evidence : session.posture) {
    devices[evidence.device_id] =
        json::object{{"last_authenticated", to_epoch_seconds(evidence.established_at)}};
    if (newest == nullptr || newest->established_at < evidence.established_at) newest = &evidence;
  }
  // A check that has not been made has no time; the API says nothing then.
  if (auto* checks = document.if_contains("devicePosture");
      checks != nullptr && checks->is_object())
    for (auto& check : checks->get_object())
      if (auto* result = check.value().if_object();
          result != nullptr && result->contains("timestamp") && result->at("timestamp").is_null())
        result->erase("timestamp");
  document["account_id"] = account_id;
  document["device_id"] = newest == nullptr ? "" : newest->device_id;
  document["device_sessions"] = std::move(devices);
  document["mtls_auth"] = json::object{{"auth_status", "NONE"},
                                       {"cert_issuer_dn", ""},
                                       {"cert_issuer_ski", ""},
                                       {"cert_presented", false},
                                       {"cert_serial", ""}};
  return document;
}

json::object identity_of_session(const Call& call, const User& user,
                                 const model::Session& session) {
  const auto configuration = call.context().configuration();
  if (!configuration) return {};
  // A session does not know from where it was begun; the last sign-in does.
  std::string ip;
  const auto authenticated_at = session.identity.authenticated_at;
  const auto seen = controlplane::read_last_seen(user.identity);
  if (seen && seen->session.identity.authenticated_at == authenticated_at &&
      seen->session.identity.login_method == session.identity.login_method)
    ip = json::find_string(seen->document, "ip").value_or("");
  return complete_identity(
      controlplane::identity_document(call.context(), *configuration, std::move(ip), session,
                                      authenticated_at),
      session, call.account_id);
}

void add_users(std::vector<Operation>& operations) {
  const auto one_at_a_time = std::make_shared<std::mutex>();
  const std::string_view users = "access/users";
  const std::string_view user = "access/users/{user_id}";
  operations.push_back({"GET", users, kFamily, Access::Read, list_users});
  operations.push_back({"POST", users, kFamily, Access::Write, create_user});
  operations.push_back(
      {"GET", user, kFamily, Access::Read,
       with_user([](const Call& call, const User& found) { return show(call, found); })});
  operations.push_back(
      {"PUT", user, kFamily, Access::Write, changing_user(one_at_a_time, replace_user)});
  operations.push_back(
      {"DELETE", user, kFamily, Access::Write, changing_user(one_at_a_time, remove_user)});
  operations.push_back({"GET", "access/users/{user_id}/active_sessions", kFamily, Access::Read,
                        with_user(active_sessions)});
  operations.push_back({"GET", "access/users/{user_id}/active_sessions/{nonce}", kFamily,
                        Access::Read, with_user(active_session)});
  operations.push_back({"GET", "access/users/{user_id}/failed_logins", kFamily, Access::Read,
                        with_user(failed_logins)});
  operations.push_back({"GET", "access/users/{user_id}/last_seen_identity", kFamily, Access::Read,
                        with_user(last_seen_identity)});
}

}  // namespace gatehouse::adapters::admin_api
