// The small commands, and what the others share. Each returns an exit code (serve.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "configuration/file.h"
#include "net/http_client.h"

namespace gatehouse::apps {

enum class Output : std::uint8_t { Text, Json };

// Of an answer that grows with the installation.
inline constexpr std::size_t kMaxAnswerBytes = std::size_t{512} << 20;

// Status and body of the administration socket's answer, or an explanation on stderr. Waits a
// minute, or as long as the request says if that is longer.
[[nodiscard]] std::optional<std::pair<int, json::object>> ask_gateway(
    const std::string& state_directory, net::OutboundRequest request);

// For a terminal: control characters become `?`.
[[nodiscard]] std::string printable(std::string text);

// Columns as wide as they need to be, the first row for their names; made printable.
void print_table(std::vector<std::vector<std::string>> rows);

// Prints the problems and answers kExitUsage.
[[nodiscard]] int report(const std::vector<configuration::Problem>& problems, Output output);

// Asks at the terminal; false without one.
[[nodiscard]] bool confirmed(std::string_view question);
// Says that nothing was changed and how to go on; answers kExitUnconfirmed.
[[nodiscard]] int unconfirmed();

// Validates a configuration file completely without a running gateway.
[[nodiscard]] int check(const std::string& file, Output output);
[[nodiscard]] int status(const std::string& state_directory, Output output);

}  // namespace gatehouse::apps
