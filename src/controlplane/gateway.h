// The policy administrator (NIST SP 800-207): everything the access endpoints and the commands do,
// as synchronous use cases. Each use case has its own file: publication, sign_in, pin,
// posture_exchange, session, audit. Thread-safe; calls block on the store, on an identity provider
// or on mail, so they run on the pool that net::Route names.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "base/time.h"
#include "controlplane/vault.h"
#include "decision/matcher.h"
#include "model/resources.h"
#include "net/http_client.h"
#include "net/mailer.h"
#include "node_state/node_state.h"
#include "platform/clock.h"
#include "policy/authored.h"
#include "storage/store.h"

namespace gatehouse::controlplane {

// How a one-time PIN reaches its owner. Called on a background thread of the gateway.
using PinDelivery = std::function<void(const std::string& email, const std::string& code)>;
// Mail with the code; failures are logged without address or code.
[[nodiscard]] PinDelivery deliver_by_mail(std::shared_ptr<const net::Mailer> mailer,
                                          std::string organization);

struct GatewayDependencies {
  storage::Store& store;
  Vault& vault;
  node_state::Writer& node_state;
  const net::HttpClient& http_client;
  decision::SelectorRegistry selectors;
  Clock clock;
  PinDelivery pin_delivery;  // empty: one-time PIN answers that it is not set up
  std::uint16_t public_https_port = 443;
  // ISO 3166-1 alpha-2, upper case; empty: unknown. Absent: every country is unknown.
  std::function<std::string_view(const IpAddress&)> country_of{};
};

struct ApplyOutcome {
  std::uint64_t sequence = 0;
  bool changed = false;        // false: what is in force is already exactly this
  bool hosts_changed = false;  // hosts, ingress or certificates: nginx must be reloaded
};

class Gateway {
 public:
  [[nodiscard]] static std::unique_ptr<Gateway> make(GatewayDependencies dependencies);
  virtual ~Gateway() = default;  // joins its background thread

  // Checks deeply (profiles of posture and identity providers on top of policy's checks), stores
  // and publishes to the node state. On problems nothing changes. Serialized.
  [[nodiscard]] virtual std::expected<ApplyOutcome, std::vector<policy::Problem>> apply(
      const model::Resources& resources, const std::string& actor) = 0;
  // The same checks without effect.
  [[nodiscard]] virtual std::vector<policy::Problem> check(const model::Resources& resources) = 0;
  // At start: what the store has is published again, snapshot, sessions and assertions; false when
  // the store has no resources yet.
  [[nodiscard]] virtual std::expected<bool, std::string> restore() = 0;
  // Every node_state::kHeartbeatInterval: heartbeat, readers' check, assertions about to
  // expire, purge now and then. Rebuilds the node state when it has been deleted.
  virtual void tick() = 0;

  [[nodiscard]] virtual std::shared_ptr<const decision::Snapshot> snapshot() const = 0;
  [[nodiscard]] virtual std::shared_ptr<const model::Resources> resources() const = 0;

  // The use cases of the access endpoints (adapters/access) are declared in their own headers and
  // reached through this context.
  struct Context;
  [[nodiscard]] virtual Context& context() = 0;
};

}  // namespace gatehouse::controlplane
