// The local administration socket (mode 0600): what `gatehouse apply` and `gatehouse status` talk
// to.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <vector>

#include "apps/gatehouse/explain.h"
#include "configuration/file.h"
#include "controlplane/gateway.h"
#include "net/http_server.h"

namespace gatehouse::apps {

inline constexpr const char* kSignalActor = "SIGHUP";

struct ReloadOutcome {
  std::vector<configuration::Problem> problems;  // not empty: nothing was changed
  std::uint64_t sequence = 0;
  bool changed = false;
  bool nginx_reloaded = false;
  std::vector<std::string> at_next_start;  // settings that changed and wait for a restart
};

struct StatusReport {
  std::string issuer;
  std::uint64_t sequence = 0;
  std::size_t applications = 0;
  std::size_t sessions = 0;
  pid_t nginx_pid = 0;
  unsigned nginx_restarts = 0;
};

// POST /apply {"path"} and GET /status. JSON out; problems are 422 with the list.
// POST /explain, a Question: 200 {"explanation", "text"}, 422 {"error"}.
// POST /revoke and GET /sessions: revoke.h, sessions.h.
[[nodiscard]] net::Router make_admin_router(
    std::function<ReloadOutcome(const std::string& path)> reload,
    std::function<StatusReport()> status,
    std::function<std::expected<decision::Explanation, std::string>(const Question&)> explain,
    controlplane::Gateway::Context& context);

}  // namespace gatehouse::apps
