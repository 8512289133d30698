// The people whom the gateway knows, for administrators: made by their first sign-in or by hand,
// what is known of them, their live sessions, what was refused them. Thread-safe; blocks on the
// store.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/context.h"
#include "model/identity.h"
#include "storage/store.h"

namespace gatehouse::controlplane {

// What a sign-in told of a user, as it is kept in storage::User::identity.
struct LastSeen {
  json::object document;   // identity_document() of then
  model::Session session;  // its identity alone: no nonce, no evidence
};
[[nodiscard]] std::string write_last_seen(json::object document, const model::Session& session);
// nullopt: never signed in, or before such things were kept.
[[nodiscard]] std::optional<LastSeen> read_last_seen(std::string_view text);

enum class DirectoryError : std::uint8_t {
  StoreUnavailable,
  NoSuchUser,
  BadAddress,
  AddressTaken,
  BadName,
};
[[nodiscard]] std::string_view to_string(DirectoryError error);  // for the administrator
template <typename T>
using DirectoryResult = std::expected<T, DirectoryError>;

inline constexpr std::size_t kMaxUserNameBytes = 255;

// Each leaves an audit record.
[[nodiscard]] DirectoryResult<storage::User> add_user(Context& context, const Actor& actor,
                                                      std::string_view email,
                                                      std::string_view name);
// With another address their sessions end, since those speak of the old one.
[[nodiscard]] DirectoryResult<storage::User> change_user(Context& context, const Actor& actor,
                                                         std::string_view id,
                                                         std::string_view email,
                                                         std::string_view name);
// And ends their sessions.
[[nodiscard]] DirectoryResult<void> remove_user(Context& context, const Actor& actor,
                                                std::string_view id);
[[nodiscard]] DirectoryResult<storage::User> find_user(Context& context, std::string_view id);

// An application that a session has been let into.
struct VisitedApplication {
  std::string id;
  std::string audience;
  std::string name;
  std::string domain;
};
struct UserSession {
  model::Session session;
  std::vector<VisitedApplication> applications;  // each once
};
// Live ones, newest first.
[[nodiscard]] DirectoryResult<std::vector<UserSession>> sessions_of_user(Context& context,
                                                                         const storage::User& user);

inline constexpr std::chrono::hours kFailedLoginsKept{7 * 24};
// Failed sign-ins and refusals of that time, newest first, at most 1000.
[[nodiscard]] DirectoryResult<std::vector<storage::AuditEvent>> failed_logins_of_user(
    Context& context, const storage::User& user);

// As whom to judge a user when nobody asks for anything: the newest live session with its evidence,
// else the identity of the last sign-in, else the address and name alone.
[[nodiscard]] DirectoryResult<model::Session> session_to_judge(Context& context,
                                                               const storage::User& user);

}  // namespace gatehouse::controlplane
