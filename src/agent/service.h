// The agent on its loopback port: 127.0.0.1, and ::1 where the machine has IPv6.
#pragma once

#include <chrono>
#include <expected>
#include <memory>

#include "agent/attester.h"
#include "platform/clock.h"

namespace gatehouse::agent {

inline constexpr std::uint16_t kDefaultPort = 17472;

struct ServiceOptions {
  std::uint16_t port = kDefaultPort;          // 0: any free
  std::size_t max_connections = 128;          // for each address
  std::chrono::milliseconds deadline{5'000};  // for a head, a body, and between requests
};

// Thread-safe once started.
class Service {
 public:
  // `attester` must outlive the service. Only 127.0.0.1 is needed; has_ipv6 tells about ::1.
  [[nodiscard]] static std::expected<std::unique_ptr<Service>, AgentError> start(
      const ServiceOptions& options, Attester& attester, Clock clock);
  virtual ~Service() = default;  // stops and joins
  [[nodiscard]] virtual std::uint16_t port() const = 0;
  [[nodiscard]] virtual bool has_ipv6() const = 0;
};

}  // namespace gatehouse::agent
