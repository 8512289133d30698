// `gatehouse serve`: wires every part by hand, starts nginx, and waits for signals.
#pragma once

#include <functional>
#include <string>

#include "configuration/file.h"
#include "controlplane/gateway.h"

namespace gatehouse::apps {

// Exit codes of every command; docs/reference/commands.md.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;      // it was understood and did not work
inline constexpr int kExitUsage = 2;        // the command line or the configuration is wrong
inline constexpr int kExitUnconfirmed = 3;  // nobody said yes; nothing was changed

struct ServeOptions {
  std::string configuration_file;
  // Replaces mail, in the demo only.
  controlplane::PinDelivery pin_delivery;
  // Called once when the first request can be answered; default: prints `ready URL`.
  std::function<void(const std::string& issuer)> on_ready;
};

// Returns an exit code after SIGTERM or SIGINT. SIGHUP reads the configuration again.
[[nodiscard]] int serve(const ServeOptions& options);

// Reads and parses a configuration file; prints the problems to stderr, one a line.
[[nodiscard]] std::expected<configuration::File, std::vector<configuration::Problem>>
load_configuration(const std::string& path);

// The store of these settings: the one that is named, else SQLite in the state directory.
[[nodiscard]] std::string store_url(const configuration::Settings& settings);

}  // namespace gatehouse::apps
