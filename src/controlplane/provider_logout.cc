#include "controlplane/provider_logout.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "base/try.h"
#include "controlplane/audit.h"
#include "controlplane/session.h"
#include "crypto/digest.h"
#include "platform/random.h"

namespace gatehouse::controlplane {
namespace {

using identity::IdentityFailure;

std::unexpected<LogoutError> refused(LogoutFailure failure, std::string message) {
  return std::unexpected(LogoutError{failure, std::move(message)});
}

template <typename T>
std::expected<T, LogoutError> stored(storage::Result<T> result, const Browser& caller) {
  auto checked = from_store(std::move(result), caller.reference);
  if (!checked) return refused(LogoutFailure::StoreUnavailable, "try again later");
  if constexpr (std::is_void_v<T>)
    return {};
  else
    return std::move(*checked);
}

identity::IdentityProvider* find_provider(const Configuration& configuration, std::string_view id) {
  const auto found = configuration.identity_providers.find(std::string(id));
  return found == configuration.identity_providers.end() ? nullptr : found->second.get();
}

LogoutError error_of(const identity::IdentityError& error) {
  if (error.code == "not_supported") return {LogoutFailure::NotSupported, error.message};
  if (error.failure == IdentityFailure::TokenRefused)
    return {LogoutFailure::TokenRefused, error.message};
  return {LogoutFailure::ProviderUnreachable, "the provider's keys cannot be had now"};
}

}  // namespace

std::expected<std::size_t, LogoutError> accept_logout_token(Context& context, const Browser& caller,
                                                            std::string_view provider_id,
                                                            std::string_view token) {
  const auto now = context.now();
  const auto configuration = context.configuration();
  if (!configuration) return refused(LogoutFailure::NotReady, "nothing has been configured yet");
  const auto address = limiter_key(caller.address);
  if (context.refused_logout_tokens.is_exhausted(address, now))
    return refused(LogoutFailure::TooManyRequests, "too many tokens were refused");
  auto* provider = find_provider(*configuration, provider_id);
  const auto notice =
      provider != nullptr
          ? provider->verify_logout(token, now)
          : std::unexpected(identity::IdentityError{IdentityFailure::Refused, "unknown_method",
                                                    "there is no such login method"});
  if (!notice) {
    // Only these are counted: who has the provider's word may send as many as there are people.
    static_cast<void>(context.refused_logout_tokens.admit(address, now));
    spdlog::warn("logout_token_refused method={} code={} message=\"{}\" reference={}",
                 provider != nullptr ? provider_id : "", notice.error().code,
                 notice.error().message, caller.reference);
    if (provider == nullptr) return refused(LogoutFailure::UnknownMethod, notice.error().message);
    return std::unexpected(error_of(notice.error()));
  }

  auto& store = context.dependencies.store;
  std::vector<std::pair<std::string, std::string>> sessions;  // nonce, address of the person
  // Read before the token is used up: without the store, the provider may send it again.
  GATEHOUSE_TRY_VOID(stored(store.visit_live_sessions(now,
                                                      [&](const model::Session& session) {
                                                        const auto& identity = session.identity;
                                                        if (identity.login_method == provider_id &&
                                                            identity.subject == notice->subject)
                                                          sessions.emplace_back(session.nonce,
                                                                                identity.email);
                                                      }),
                            caller));
  const std::string once = "logout/" + std::string(provider_id) + "/" +
                           base64url_encode(crypto::sha256(notice->token_id));
  if (!GATEHOUSE_TRY(stored(store.consume_once(once, notice->accepted_until, now), caller))) {
    static_cast<void>(context.refused_logout_tokens.admit(address, now));
    spdlog::warn("logout_token_refused method={} code=already_used reference={}", provider_id,
                 caller.reference);
    return refused(LogoutFailure::AlreadyUsed, "the logout token was used before");
  }
  for (const auto& [nonce, email] : sessions) {
    GATEHOUSE_TRY_VOID(stored(context.sessions.end(nonce), caller));
    audit(context, caller,
          {audit_event::kSessionEnded, email, "", "",
           json::object{{"why", "provider_logout"}, {"method", provider_id}}});
  }
  spdlog::info("provider_logout method={} sessions={} reference={}", provider_id, sessions.size(),
               caller.reference);
  return sessions.size();
}

std::expected<std::vector<SignOutPlace>, Failure> sign_out_places(Context& context,
                                                                  const Browser& browser) {
  const auto configuration = GATEHOUSE_TRY(configuration_in_force(context));
  const auto sessions = GATEHOUSE_TRY(live_sessions(context, browser));
  std::vector<SignOutPlace> places;
  for (const auto& method : configuration->resources->identity_providers) {
    if (std::ranges::none_of(sessions, [&](const model::Session& session) {
          return session.identity.login_method == method.id;
        }))
      continue;
    auto* provider = find_provider(*configuration, method.id);
    if (provider != nullptr && provider->may_sign_out()) places.push_back({method.id, method.name});
  }
  return places;
}

std::expected<std::string, Failure> sign_out_url(Context& context, const Browser& browser,
                                                 std::string_view provider_id) {
  const auto configuration = GATEHOUSE_TRY(configuration_in_force(context));
  auto* provider = find_provider(*configuration, provider_id);
  if (provider == nullptr) return std::unexpected(Failure{FailureKind::MethodUnavailable, {}});
  // Nothing waits for the answer: `state` only keeps one sign-out apart from another.
  auto url = provider->logout_url(configuration->snapshot->issuer() + "/", random_base64url(16),
                                  context.now());
  if (url) return std::move(*url);
  const auto& error = url.error();
  spdlog::warn("sign_out_unavailable method={} code={} message=\"{}\" reference={}", provider_id,
               error.code, error.message, browser.reference);
  if (error.failure == IdentityFailure::ProviderUnreachable)
    return std::unexpected(Failure{FailureKind::ProviderUnreachable, {}});
  if (error.failure == IdentityFailure::ProviderMisbehaved)
    return std::unexpected(Failure{FailureKind::ProviderMisbehaved, {}});
  return std::unexpected(Failure{FailureKind::MethodUnavailable, {}});
}

}  // namespace gatehouse::controlplane
