// `gatehouse sessions`: who is signed in. Both halves: the command, and the answer of the running
// gateway (GET /sessions of the administration socket).
#pragma once

#include <string>

#include "apps/gatehouse/commands.h"
#include "controlplane/gateway.h"
#include "net/http.h"

namespace gatehouse::apps {

// `user`: address or id; empty: everybody.
[[nodiscard]] int sessions(const std::string& user, const std::string& state_directory,
                           Output output);

// Query `user`: 200 {"sessions": [...], "revoked_devices": [...]}, 422 or 503 {"error"}. Blocks on
// the store.
[[nodiscard]] net::HttpResponse answer_sessions(controlplane::Gateway::Context& context,
                                                const net::HttpRequest& request);

}  // namespace gatehouse::apps
