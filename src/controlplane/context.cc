#include "controlplane/context.h"

#include <spdlog/spdlog.h>

#include <utility>

namespace gatehouse::controlplane {

std::string_view to_string(FailureKind kind) {
  switch (kind) {
    case FailureKind::NotReady:
      return "not_ready";
    case FailureKind::StoreUnavailable:
      return "store_unavailable";
    case FailureKind::UnknownApplication:
      return "unknown_application";
    case FailureKind::RedirectRefused:
      return "redirect_refused";
    case FailureKind::TransactionInvalid:
      return "transaction_invalid";
    case FailureKind::AlreadyUsed:
      return "already_used";
    case FailureKind::MethodUnavailable:
      return "method_unavailable";
    case FailureKind::PinNotSetUp:
      return "pin_not_set_up";
    case FailureKind::TooManyRequests:
      return "too_many_requests";
    case FailureKind::ProviderUnreachable:
      return "provider_unreachable";
    case FailureKind::ProviderMisbehaved:
      return "provider_misbehaved";
    case FailureKind::ProviderRefused:
      return "provider_refused";
    case FailureKind::IdentityIncomplete:
      return "identity_incomplete";
    case FailureKind::NotSignedIn:
      return "not_signed_in";
  }
  return "unknown";
}

Gateway::Context::Context(GatewayDependencies given)
    : dependencies(std::move(given)),
      sessions(dependencies.store, dependencies.node_state),
      pins(dependencies.store, dependencies.vault, dependencies.clock, dependencies.pin_delivery) {}

std::shared_ptr<const Configuration> Gateway::Context::configuration() const {
  const std::lock_guard lock(mutex_);
  return configuration_;
}

void Gateway::Context::set_configuration(std::shared_ptr<const Configuration> configuration) {
  const std::lock_guard lock(mutex_);
  configuration_ = std::move(configuration);
}

std::string Gateway::Context::browser_hash(const Browser& browser) const {
  return dependencies.vault.keyed_hash("browser", browser.secret);
}

std::expected<std::shared_ptr<const Configuration>, Failure> configuration_in_force(
    const Context& context) {
  if (auto configuration = context.configuration()) return configuration;
  return std::unexpected(Failure{FailureKind::NotReady, {}});
}

Failure store_failure(const storage::StoreError& error, std::string_view reference) {
  spdlog::error("store_failed reference={} message=\"{}\"", reference, error.message);
  return {FailureKind::StoreUnavailable, {}};
}

}  // namespace gatehouse::controlplane
