#include "controlplane/directory.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <tuple>
#include <type_traits>
#include <utility>

#include "base/encoding.h"
#include "base/try.h"
#include "controlplane/audit.h"
#include "platform/random.h"

namespace gatehouse::controlplane {
namespace {

constexpr std::size_t kMaxEvents = 1000;

template <typename T>
DirectoryResult<T> checked(storage::Result<T> result) {
  if (!result) {
    spdlog::error("directory_failed message=\"{}\"", result.error().message);
    return std::unexpected(DirectoryError::StoreUnavailable);
  }
  if constexpr (std::is_void_v<T>)
    return {};
  else
    return std::move(*result);
}

json::object summary(const storage::User& user) {
  return {{"email", user.email}, {"name", user.name}};
}

void record(Context& context, const Actor& actor, std::string_view what,
            const storage::User* before, const storage::User* after, json::object details = {}) {
  const storage::User& user = after != nullptr ? *after : *before;
  details["kind"] = "user";
  details["id"] = user.id;
  details["name"] = user.email;
  details["what"] = what;
  if (before != nullptr) details["before"] = summary(*before);
  if (after != nullptr) details["after"] = summary(*after);
  audit(context, actor, {audit_event::kResourceChanged, "", "", "", std::move(details)});
}

DirectoryResult<std::size_t> end_sessions(Context& context, std::string_view user_id) {
  const auto sessions =
      GATEHOUSE_TRY(checked(context.dependencies.store.live_sessions_of(user_id, context.now())));
  for (const auto& session : sessions)
    GATEHOUSE_TRY_VOID(checked(context.sessions.end(session.nonce)));
  return sessions.size();
}

DirectoryResult<std::string> read_address(std::string_view email) {
  auto address = model::canonical_email(email);
  if (!address) return std::unexpected(DirectoryError::BadAddress);
  return std::move(*address);
}

bool is_name(std::string_view name) {
  return name.size() <= kMaxUserNameBytes && is_valid_utf8(name) &&
         std::ranges::none_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

}  // namespace

std::string write_last_seen(json::object document, const model::Session& session) {
  model::Session identity_only;
  identity_only.identity = session.identity;
  identity_only.created_at = session.created_at;
  identity_only.expires_at = session.expires_at;
  return json::serialize(
      json::object{{"document", std::move(document)}, {"session", model::to_json(identity_only)}});
}

std::optional<LastSeen> read_last_seen(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const auto stored = json::parse(text, {text.size(), 64});
  if (!stored || !stored->is_object()) return std::nullopt;
  const auto* document = json::find_object(stored->get_object(), "document");
  const auto* written = json::find(stored->get_object(), "session");
  if (document == nullptr || written == nullptr) return std::nullopt;
  auto session = model::session_from_json(*written);
  if (!session) return std::nullopt;
  return LastSeen{*document, std::move(*session)};
}

std::string_view to_string(DirectoryError error) {
  switch (error) {
    case DirectoryError::StoreUnavailable:
      return "the store cannot be used; the gateway's log says why";
    case DirectoryError::NoSuchUser:
      return "there is no such user";
    case DirectoryError::BadAddress:
      return "must be an e-mail address such as `ada@example.com`";
    case DirectoryError::AddressTaken:
      return "another user has this address";
    case DirectoryError::BadName:
      return "must be text of at most 255 bytes without control characters";
  }
  return "it cannot be done";
}

DirectoryResult<storage::User> find_user(Context& context, std::string_view id) {
  auto user = GATEHOUSE_TRY(checked(context.dependencies.store.find_user(id)));
  if (!user || user->id != id) return std::unexpected(DirectoryError::NoSuchUser);
  return std::move(*user);
}

DirectoryResult<storage::User> add_user(Context& context, const Actor& actor,
                                        std::string_view email, std::string_view name) {
  storage::User user;
  user.email = GATEHOUSE_TRY(read_address(email));
  if (!is_name(name)) return std::unexpected(DirectoryError::BadName);
  user.id = random_uuid();
  user.name = name;
  user.created_at = context.now();
  user.updated_at = user.created_at;
  if (!GATEHOUSE_TRY(checked(context.dependencies.store.add_user(user))))
    return std::unexpected(DirectoryError::AddressTaken);
  record(context, actor, "added", nullptr, &user);
  return user;
}

DirectoryResult<storage::User> change_user(Context& context, const Actor& actor,
                                           std::string_view id, std::string_view email,
                                           std::string_view name) {
  const auto address = GATEHOUSE_TRY(read_address(email));
  if (!is_name(name)) return std::unexpected(DirectoryError::BadName);
  const auto before = GATEHOUSE_TRY(find_user(context, id));
  if (before.email == address && before.name == name) return before;
  if (!GATEHOUSE_TRY(
          checked(context.dependencies.store.change_user(id, address, name, context.now())))) {
    GATEHOUSE_TRY(find_user(context, id));  // somebody may just have removed them
    return std::unexpected(DirectoryError::AddressTaken);
  }
  json::object details;
  if (before.email != address) details["sessions"] = GATEHOUSE_TRY(end_sessions(context, id));
  auto after = GATEHOUSE_TRY(find_user(context, id));
  record(context, actor, "changed", &before, &after, std::move(details));
  return after;
}

DirectoryResult<void> remove_user(Context& context, const Actor& actor, std::string_view id) {
  const auto user = GATEHOUSE_TRY(find_user(context, id));
  // Before, so that a failure leaves a user who can be removed again; and after, for who was just
  // signing in.
  auto sessions = GATEHOUSE_TRY(end_sessions(context, id));
  if (!GATEHOUSE_TRY(checked(context.dependencies.store.remove_user(id))))
    return std::unexpected(DirectoryError::NoSuchUser);
  sessions += GATEHOUSE_TRY(end_sessions(context, id));
  record(context, actor, "removed", &user, nullptr, {{"sessions", sessions}});
  return {};
}

DirectoryResult<std::vector<UserSession>> sessions_of_user(Context& context,
                                                           const storage::User& user) {
  auto& store = context.dependencies.store;
  auto live = GATEHOUSE_TRY(checked(store.live_sessions_of(user.id, context.now())));
  std::vector<UserSession> sessions;
  if (live.empty()) return sessions;
  std::ranges::sort(live, [](const auto& a, const auto& b) {
    return std::tie(b.created_at, a.nonce) < std::tie(a.created_at, b.nonce);
  });
  storage::AuditQuery query;
  query.events = {std::string(audit_event::kAdmission)};
  query.actor = user.email;
  query.since = live.back().created_at;
  query.limit = kMaxEvents;
  const auto events = GATEHOUSE_TRY(checked(store.find_audit(query)));
  for (auto& session : live) {
    UserSession known{std::move(session), {}};
    for (const auto& event : events.items) {
      const auto text = [&](std::string_view key) {
        return std::string(json::find_string(event.details, key).value_or(""));
      };
      if (text("session") != known.session.nonce ||
          std::ranges::find(known.applications, event.application, &VisitedApplication::id) !=
              known.applications.end())
        continue;
      known.applications.push_back(
          {event.application, text("aud"), text("app_name"), text("app_domain")});
    }
    sessions.push_back(std::move(known));
  }
  return sessions;
}

DirectoryResult<std::vector<storage::AuditEvent>> failed_logins_of_user(Context& context,
                                                                        const storage::User& user) {
  storage::AuditQuery query;
  query.events = {std::string(audit_event::kSignInFailed), std::string(audit_event::kRefusal)};
  query.actor = user.email;
  query.since = context.now() - kFailedLoginsKept;
  query.limit = kMaxEvents;
  return GATEHOUSE_TRY(checked(context.dependencies.store.find_audit(query))).items;
}

DirectoryResult<model::Session> session_to_judge(Context& context, const storage::User& user) {
  auto live =
      GATEHOUSE_TRY(checked(context.dependencies.store.live_sessions_of(user.id, context.now())));
  if (const auto newest = std::ranges::max_element(live, {}, &model::Session::created_at);
      newest != live.end())
    return std::move(*newest);
  auto seen = read_last_seen(user.identity);
  model::Session session = seen ? std::move(seen->session) : model::Session{};
  session.identity.user_id = user.id;
  session.identity.email = user.email;
  session.identity.name = user.name;
  return session;
}

}  // namespace gatehouse::controlplane
