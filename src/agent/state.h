// The agent's state directory: `agent.json` and `device-key.pem`. docs/reference/agent.md
// The files are small and read afresh where they are needed; nothing is cached here. Thread-safe.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "jose/jwk.h"

namespace gatehouse::agent {

struct AgentError {
  std::string message;  // names the file and the field; never a key
};

struct AgentState {
  std::string device_id;                     // uuid
  std::string issuer = "gatehouse-agent";    // claim `iss`
  std::vector<std::string> allowed_origins;  // as a browser writes them
  bool managed = true;
  std::optional<Instant> last_checkin;  // unset: `now`, the moment of each answer
  std::optional<bool> patch_compliant;
  std::optional<double> vulnerability_score;
  std::string serial_number;               // empty: not reported
  std::uint32_t requests_per_second = 10;  // for each origin
};

inline constexpr std::size_t kMaxOrigins = 64;

// The origin as a browser writes it: https, host in lower case, no default port, no path. Takes
// capitals, `:443` and one `/` at the end; nothing for everything else.
[[nodiscard]] std::optional<std::string> canonical_origin(std::string_view text);

// `now`, an RFC 3339 instant, or an age such as `8d-ago`, `36h-ago`, `604801s-ago`. The inner value
// is unset for `now`; the outer one when the text is none of these.
[[nodiscard]] std::optional<std::optional<Instant>> parse_last_checkin(std::string_view text,
                                                                       Instant now);

// Pure. Unknown members are errors, as in every configuration.
[[nodiscard]] std::expected<AgentState, AgentError> parse_state(std::string_view text);
[[nodiscard]] std::string format_state(const AgentState& state);

[[nodiscard]] std::expected<AgentState, AgentError> load_state(const std::filesystem::path& dir);
// Readers see the old or the new file, whole.
[[nodiscard]] std::expected<void, AgentError> save_state(const std::filesystem::path& dir,
                                                         const AgentState& state);

// Refuses a key that others may read. EC P-256.
[[nodiscard]] std::expected<jose::PrivateKey, AgentError> load_device_key(
    const std::filesystem::path& dir);

// Makes directory (0700), key (0600) and agent.json. What is there stays: a second call replaces
// only the allowed origins, which must be canonical.
[[nodiscard]] std::expected<AgentState, AgentError> initialize(
    const std::filesystem::path& dir, const std::vector<std::string>& allowed_origins);

}  // namespace gatehouse::agent
