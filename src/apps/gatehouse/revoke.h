// `gatehouse revoke`: ends sessions and tokens, and bars devices. Both halves: the command, and the
// answer of the running gateway (POST /revoke of the administration socket).
#pragma once

#include <string>

#include "apps/gatehouse/commands.h"
#include "controlplane/gateway.h"
#include "net/http.h"

namespace gatehouse::apps {

// As the command line has it: exactly one of the five is given.
struct RevokeArguments {
  std::string session;  // nonce
  std::string user;     // address or id
  std::string device;
  std::string application;  // id, aud, name or domain
  std::string token;        // a token or its `jti`; `-`: read from stdin
  bool restore = false;     // only with `device`
};
[[nodiscard]] int revoke(const RevokeArguments& arguments, const std::string& state_directory,
                         Output output);

// {"what", "key", "restore"}: 200 {"what", "name", "sessions", "enforced"}, 422 or 503 {"error"}.
// Blocks on the store.
[[nodiscard]] net::HttpResponse answer_revoke(controlplane::Gateway::Context& context,
                                              const net::HttpRequest& request);

}  // namespace gatehouse::apps
