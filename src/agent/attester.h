// The agent's side of the loopback exchange LPX/1: one HTTP request in, one response out.
// docs/reference/agent.md. The browser is the only caller in mind, and every page of the web can
// reach the port, so each request is judged before anything of the device is looked at.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "agent/state.h"
#include "base/json.h"
#include "net/http.h"

namespace gatehouse::agent {

inline constexpr std::string_view kAttestPath = "/lpx/v1/attest";
inline constexpr std::size_t kMaxRequestBodyBytes = 8 * 1024;
inline constexpr std::chrono::seconds kTokenLifetime{60};

struct AttesterParts {
  jose::PrivateKey key;
  std::function<std::expected<AgentState, AgentError>()> state;  // asked for each request
  std::function<json::object()> device;                          // claim `device`
  std::function<std::string()> token_id;                         // claim `jti`, fresh
  std::function<void(const AgentError&)> on_unreadable_state;    // for the log
};

// Thread-safe. No I/O of its own beyond what the parts do.
class Attester {
 public:
  explicit Attester(AttesterParts parts);
  // `port` is the one the agent listens on: the Host header must name it.
  [[nodiscard]] net::HttpResponse handle(const net::HttpRequest& request, std::uint16_t port,
                                         Instant now);

 private:
  [[nodiscard]] net::HttpResponse answer_allowed(const net::HttpRequest& request,
                                                 const AgentState& state, const std::string& origin,
                                                 Instant now);
  [[nodiscard]] bool is_within_rate(const AgentState& state, const std::string& origin,
                                    Instant now);
  [[nodiscard]] std::string sign_token(const AgentState& state, const std::string& origin,
                                       std::string_view nonce, Instant now) const;

  const AttesterParts parts_;
  const std::string key_id_;
  std::mutex mutex_;
  Instant counted_second_{};                       // guarded by mutex_
  std::map<std::string, std::uint32_t> requests_;  // of that second; allowed origins only
};

}  // namespace gatehouse::agent
