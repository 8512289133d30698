// The commands besides serve and demo. Each returns an exit code (serve.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/json.h"
#include "net/http_client.h"

namespace gatehouse::apps {

enum class Output : std::uint8_t { Text, Json };

// Status and body of the administration socket's answer, or an explanation on stderr.
[[nodiscard]] std::optional<std::pair<int, json::object>> ask_gateway(
    const std::string& state_directory, net::OutboundRequest request);

// For a terminal: control characters become `?`.
[[nodiscard]] std::string printable(std::string text);

// Validates a configuration file completely without a running gateway.
[[nodiscard]] int check(const std::string& file, Output output);
// Asks the running gateway to put the file in force.
[[nodiscard]] int apply(const std::string& file, const std::string& state_directory, Output output);
[[nodiscard]] int status(const std::string& state_directory, Output output);

}  // namespace gatehouse::apps
