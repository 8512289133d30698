// What the use cases share: the dependencies, the configuration in force, and the keepers of
// sessions and pins. One per gateway. Thread-safe.
#pragma once

#include <atomic>
#include <expected>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/ip.h"
#include "controlplane/evaluator_keys.h"
#include "controlplane/gateway.h"
#include "controlplane/limiter.h"
#include "controlplane/live_view.h"
#include "controlplane/pin_desk.h"
#include "controlplane/session_keeper.h"
#include "controlplane/tally.h"
#include "decision/snapshot.h"
#include "identity/provider.h"
#include "model/resources.h"
#include "posture/tanium/tanium.h"

namespace gatehouse::controlplane {

// Immutable; swapped whole by publication. A use case takes one and keeps it to its end.
struct Configuration {
  std::shared_ptr<const decision::Snapshot> snapshot;
  std::shared_ptr<const model::Resources> resources;
  std::shared_ptr<const policy::Documents> documents;              // of the resources
  std::map<std::string, posture::TaniumProfile> posture_profiles;  // by integration id
  // By identity provider id. They keep the provider's documents, so they live as long as this.
  std::map<std::string, std::shared_ptr<identity::IdentityProvider>> identity_providers;
};

// The browser that asks.
struct Browser {
  std::string secret;  // CF_Session; never empty
  IpAddress address;
  std::string reference;      // 32 hex: on pages, in logs and in the audit
  std::string session_token;  // CF_Authorization of the auth domain; may be empty
  std::string attempt{};      // CF_Attempt: attempt.h; may be empty
  std::string name{};         // `Firefox · Windows`; empty: not known
};

// Why a use case could not do what was asked; a refusal by policy is not one of these.
enum class FailureKind : std::uint8_t {
  NotReady,  // nothing has been configured yet
  StoreUnavailable,
  UnknownApplication,  // host, kid and path do not belong together
  RedirectRefused,     // redirect_url is not a path on that host
  TransactionInvalid,  // too old, of another browser, or not ours
  AlreadyUsed,         // what works once was used before
  MethodUnavailable,   // no such login method, or not for this application
  PinNotSetUp,
  TooManyRequests,
  ProviderUnreachable,
  ProviderMisbehaved,
  ProviderRefused,
  IdentityIncomplete,
  NotSignedIn,
};
[[nodiscard]] std::string_view to_string(FailureKind kind);

struct Failure {
  FailureKind kind = FailureKind::NotReady;
  std::string retry_url;  // where to begin again; may be empty
};

struct Gateway::Context {
  explicit Context(GatewayDependencies given);

  [[nodiscard]] std::shared_ptr<const Configuration> configuration() const;
  void set_configuration(std::shared_ptr<const Configuration> configuration);
  [[nodiscard]] Instant now() const { return dependencies.clock(); }
  // Empty when it is not known.
  [[nodiscard]] std::string_view country_of(const IpAddress& address) const {
    return dependencies.country_of ? dependencies.country_of(address) : std::string_view();
  }
  // Of the CF_Session cookie: what transactions carry.
  [[nodiscard]] std::string browser_hash(const Browser& browser) const;

  GatewayDependencies dependencies;
  std::atomic<std::uint64_t> audit_failures{0};
  SessionKeeper sessions;
  EvaluatorKeys evaluator_keys;
  Tally tally;  // of sign-ins, until it is stored
  LiveView live_view;
  // One-time codes that were redeemed for the same session, application and place: more at once
  // than somebody opens tabs means that the application sends the browser back again and again.
  Limiter arrivals{5, std::chrono::seconds{10}};
  // Logout tokens that were refused, by the address that sent them.
  Limiter refused_logout_tokens{30, std::chrono::seconds{60}};
  PinDesk pins;  // last: its thread uses what stands above

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Configuration> configuration_;
};
using Context = Gateway::Context;

[[nodiscard]] std::expected<std::shared_ptr<const Configuration>, Failure> configuration_in_force(
    const Context& context);

// Logs what the store said and answers StoreUnavailable.
[[nodiscard]] Failure store_failure(const storage::StoreError& error, std::string_view reference);
template <typename T>
[[nodiscard]] std::expected<T, Failure> from_store(storage::Result<T> result,
                                                   std::string_view reference) {
  if (!result) return std::unexpected(store_failure(result.error(), reference));
  if constexpr (std::is_void_v<T>)
    return {};
  else
    return std::move(*result);
}

}  // namespace gatehouse::controlplane
