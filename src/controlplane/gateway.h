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
#include "policy/documents.h"
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
  // Makes nginx serve the hosts of these resources, before policies that need them are published.
  // An error text: nothing was changed. Absent: nothing to do.
  std::function<std::expected<void, std::string>(const model::Resources&)> apply_routing{};
};

// Who changes something: for the audit trail.
struct Actor {
  std::string name;  // `configuration file`, `gatehouse apply`, or the API token's name
  std::string ip;
  std::string reference;  // of the request
};

// One resource as it is to be; nullopt: removed. Secrets stand in the body where they are new; one
// that is left out is kept.
struct Edit {
  policy::Kind kind = policy::Kind::Organization;
  std::string id;
  std::optional<json::object> body;
};
enum class ChangeErrorKind : std::uint8_t {
  Invalid,  // problems: what is wrong with which edit
  NotFound,
  InUse,             // something else needs it; problems say what
  Conflict,          // with what is there already; problems say what
  Changed,           // since the caller read it (If-Match)
  StoreUnavailable,  // nothing changed
  NotEnforceable,    // nginx did not take it; nothing changed
};
struct ChangeProblem {
  std::size_t edit = 0;
  std::string pointer;  // RFC 6901, into that edit's body
  std::string message;
};
struct ChangeError {
  ChangeErrorKind kind = ChangeErrorKind::Invalid;
  std::vector<ChangeProblem> problems;
};
// Decides on the edits by what is in force. Called again, with what is in force then, when another
// node was faster: so nothing that others wrote is lost. Must not call the gateway.
using MakeEdits =
    std::function<std::expected<std::vector<Edit>, ChangeError>(const policy::Documents&)>;

struct ApplyOutcome {
  std::uint64_t sequence = 0;
  bool changed = false;        // false: what is in force is already exactly this
  bool hosts_changed = false;  // hosts, ingress or certificates: nginx has been reloaded
};

// What putting a file in force does to one resource.
struct PlannedChange {
  enum class What : std::uint8_t { Add, Change, Remove };
  What what = What::Change;
  policy::Kind kind = policy::Kind::Organization;
  std::string id;
  std::string name;
  std::vector<std::string> fields;  // that differ, top level; of a change only
};
// A file owns what it wrote: what it no longer has is removed. What was made through the API stays,
// unless `prune`.
struct ApplyOptions {
  bool prune = false;
  // Nothing happens when this very file was the last one applied, whatever was changed since: a
  // restart does not undo what administrators did.
  bool only_if_new = false;
  // apply_routing is called even where no host changes: what it goes by besides resources has.
  bool reroute = false;
};

class Gateway {
 public:
  [[nodiscard]] static std::unique_ptr<Gateway> make(GatewayDependencies dependencies);
  virtual ~Gateway() = default;  // joins its background thread

  // Checks deeply (profiles of posture and identity providers on top of policy's checks), stores
  // and publishes to the node state. On problems nothing changes. Serialized.
  [[nodiscard]] virtual std::expected<ApplyOutcome, ChangeError> change(const Actor& actor,
                                                                        const MakeEdits& make) = 0;
  // The same for all that a file says; problems are places in the whole authored form.
  [[nodiscard]] virtual std::expected<ApplyOutcome, std::vector<policy::Problem>> apply(
      const model::Resources& resources, const Actor& actor, ApplyOptions options = {}) = 0;
  // What apply() would do.
  [[nodiscard]] virtual std::expected<std::vector<PlannedChange>, std::vector<policy::Problem>>
  plan(const model::Resources& resources, ApplyOptions options = {}) = 0;
  // The same checks without effect.
  [[nodiscard]] virtual std::vector<policy::Problem> check(const model::Resources& resources) = 0;
  // At start: what the store has is published again, snapshot, sessions and assertions; false when
  // the store has no resources yet.
  [[nodiscard]] virtual std::expected<bool, std::string> restore() = 0;
  // Every node_state::kHeartbeatInterval: heartbeat, readers' check, assertions about to
  // expire, purge now and then. Rebuilds the node state when it has been deleted.
  virtual void tick() = 0;
  // Takes over what other nodes have changed in the store since the last call: resources, sessions,
  // revocations, signing keys. Cheap when nothing has. False: the store cannot be read.
  [[nodiscard]] virtual bool follow() = 0;
  // The signing keys are others: snapshot and assertions are made and published anew.
  virtual void republish() = 0;

  [[nodiscard]] virtual std::shared_ptr<const decision::Snapshot> snapshot() const = 0;
  [[nodiscard]] virtual std::shared_ptr<const model::Resources> resources() const = 0;

  // The use cases of the access endpoints (adapters/access) are declared in their own headers and
  // reached through this context.
  struct Context;
  [[nodiscard]] virtual Context& context() = 0;
};

}  // namespace gatehouse::controlplane
