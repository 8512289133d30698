// The commands besides serve and demo. Each returns an exit code (serve.h).
#pragma once

#include <cstdint>
#include <string>

namespace gatehouse::apps {

enum class Output : std::uint8_t { Text, Json };

// Validates a configuration file completely without a running gateway.
[[nodiscard]] int check(const std::string& file, Output output);
// Asks the running gateway to put the file in force.
[[nodiscard]] int apply(const std::string& file, const std::string& state_directory, Output output);
[[nodiscard]] int status(const std::string& state_directory, Output output);

}  // namespace gatehouse::apps
