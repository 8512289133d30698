// What several operations say of users and sessions. Source: facts/cloudflare-access-api.md
// 8, 10.4.
#pragma once

#include "adapters/admin_api/call.h"
#include "controlplane/directory.h"

namespace gatehouse::adapters::admin_api {

[[nodiscard]] net::HttpResponse directory_failed(controlplane::DirectoryError error);
// An identity document with what only the API says of it.
[[nodiscard]] json::object complete_identity(json::object document, const model::Session& session,
                                             const std::string& account_id);
// Of a session that may be live or of the last sign-in.
[[nodiscard]] json::object identity_of_session(const Call& call, const storage::User& user,
                                               const model::Session& session);

}  // namespace gatehouse::adapters::admin_api
