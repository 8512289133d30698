// The half of the OpenID Connect relying party that fetches: what `oidc` and the types that speak
// OpenID Connect in a dialect of their own are made of. protocol.h is the pure half.
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/secret.h"
#include "base/time.h"
#include "identity/oidc/protocol.h"
#include "identity/provider.h"
#include "jose/jwk.h"
#include "net/http.h"
#include "net/http_client.h"

namespace gatehouse::identity {

// For all exchanges of one call together.
class ProviderDeadline {
 public:
  [[nodiscard]] std::chrono::milliseconds left() const;

 private:
  std::chrono::steady_clock::time_point until_ =
      std::chrono::steady_clock::now() + std::chrono::seconds{10};
};

// Sends within the deadline; failures of the connection become ProviderUnreachable or
// ProviderMisbehaved. Any status is a success here.
[[nodiscard]] std::expected<net::HttpResponse, IdentityError> send_to_provider(
    const net::HttpClient& client, net::OutboundRequest request, const ProviderDeadline& deadline);

// A document of the provider, at most an hour old. One thread fetches, the others wait for its
// outcome; the lock is never held meanwhile. Thread-safe.
template <typename T>
class CachedDocument {
 public:
  using Shared = std::shared_ptr<const T>;
  using Outcome = std::expected<Shared, IdentityError>;
  using Fetch = std::function<std::expected<T, IdentityError>()>;

  Outcome get(Instant now, const ProviderDeadline& deadline, const Fetch& fetch) {
    return load(now, nullptr, deadline, fetch);
  }

  // The one that was fetched last, however old; null: none.
  Shared last() {
    const std::lock_guard lock(mutex_);
    return document_;
  }

  // A newer document than `seen`; `seen` itself when it was refetched within kRefetchInterval, or
  // when the provider cannot give another one now.
  Shared newer_than(const Shared& seen, Instant now, const ProviderDeadline& deadline,
                    const Fetch& fetch) {
    auto outcome = load(now, seen, deadline, fetch);
    return outcome ? std::move(*outcome) : seen;
  }

 private:
  static constexpr std::chrono::seconds kLifetime{3600};
  static constexpr std::chrono::seconds kRefetchInterval{10};

  Outcome load(Instant now, const Shared& seen, const ProviderDeadline& deadline,
               const Fetch& fetch) {
    std::promise<Outcome> promise;
    {
      std::unique_lock lock(mutex_);
      const bool fresh = document_ && fetched_at_ <= now && now - fetched_at_ < kLifetime;
      if (fresh && document_ != seen) return document_;
      if (in_flight_.valid()) {
        const auto other = in_flight_;
        lock.unlock();
        if (other.wait_for(deadline.left()) != std::future_status::ready)
          return std::unexpected(IdentityError{IdentityFailure::ProviderUnreachable, "unreachable",
                                               "the provider does not answer in time"});
        return other.get();
      }
      if (fresh) {
        if (refetched_at_ && *refetched_at_ <= now && now - *refetched_at_ < kRefetchInterval)
          return document_;
        refetched_at_ = now;
      }
      in_flight_ = promise.get_future().share();
    }
    Outcome outcome = std::unexpected(IdentityError{IdentityFailure::ProviderUnreachable,
                                                    "unreachable", "the fetch did not finish"});
    {
      const Completion completion{*this, promise, outcome, now};
      if (auto fetched = fetch())
        outcome = std::make_shared<const T>(std::move(*fetched));
      else
        outcome = std::unexpected(std::move(fetched).error());
    }
    return outcome;
  }

  // Publishes the outcome also when the fetch throws: nobody may wait for a fetch that is over.
  struct Completion {
    CachedDocument& cache;
    std::promise<Outcome>& promise;
    const Outcome& outcome;
    Instant now;
    ~Completion() {
      {
        const std::lock_guard lock(cache.mutex_);
        if (outcome) {
          cache.document_ = *outcome;
          cache.fetched_at_ = now;
        }
        cache.in_flight_ = {};
      }
      promise.set_value(outcome);
    }
  };

  std::mutex mutex_;
  Shared document_;
  Instant fetched_at_{};
  std::optional<Instant> refetched_at_;
  std::shared_future<Outcome> in_flight_;
};

struct VerifiedTokens {
  json::object claims;  // of the ID token; empty: a refresh brought none
  TokenResponse tokens;
};

// Thread-safe. Borrows `client` for its life.
class OidcClient {
 public:
  OidcClient(OidcConfig config, const net::HttpClient& client)
      : config_(std::move(config)), client_(client) {}

  [[nodiscard]] const OidcConfig& config() const { return config_; }

  [[nodiscard]] std::expected<std::string, IdentityError> authorization_url(
      const SignInTransaction& transaction, std::string_view redirect_uri, std::string_view state,
      const SignInWish& wish, Instant now);
  // Checks the callback, redeems its code, verifies the ID token.
  [[nodiscard]] std::expected<VerifiedTokens, IdentityError> redeem(
      const SignInTransaction& transaction, std::string_view redirect_uri, std::string_view query,
      Instant now, const ProviderDeadline& deadline);
  // Source: OpenID Connect Core 1.0 12.
  [[nodiscard]] std::expected<VerifiedTokens, IdentityError> refresh(
      const Secret& refresh_token, Instant now, const ProviderDeadline& deadline);
  // Source: OpenID Connect Back-Channel Logout 1.0 2.6.
  [[nodiscard]] std::expected<LogoutNotice, IdentityError> verify_logout(std::string_view token,
                                                                         Instant now);
  // True also where the discovery document has not been read yet.
  [[nodiscard]] bool may_sign_out();
  // Source: OpenID Connect RP-Initiated Logout 1.0 2.
  [[nodiscard]] std::expected<std::string, IdentityError> logout_url(std::string_view return_to,
                                                                     std::string_view state,
                                                                     Instant now);
  // Empty where the provider has no userinfo endpoint or the access token cannot be shown there.
  [[nodiscard]] std::expected<json::object, IdentityError> userinfo(
      const TokenResponse& tokens, std::string_view subject, Instant now,
      const ProviderDeadline& deadline);

 private:
  using Metadata = CachedDocument<ProviderMetadata>;
  using Keys = CachedDocument<jose::JwkSet>;

  Metadata::Outcome metadata(Instant now, const ProviderDeadline& deadline);
  std::expected<json::object, IdentityError> verified_claims(const TokenResponse& tokens,
                                                             const ProviderMetadata& metadata,
                                                             std::optional<std::string_view> nonce,
                                                             Instant now,
                                                             const ProviderDeadline& deadline);
  // `verify` with the provider's keys, once more with newer ones where that can help.
  template <typename T>
  std::expected<T, IdentityError> with_keys(
      const ProviderMetadata& metadata, Instant now, const ProviderDeadline& deadline,
      const std::function<std::expected<T, IdTokenRefusal>(const jose::JwkSet&)>& verify);
  std::expected<std::string, IdentityError> get(const std::string& url,
                                                const ProviderDeadline& deadline) const;
  std::expected<net::HttpResponse, IdentityError> send(net::OutboundRequest request,
                                                       const ProviderDeadline& deadline) const {
    return send_to_provider(client_, std::move(request), deadline);
  }

  const OidcConfig config_;
  const net::HttpClient& client_;
  Metadata metadata_;
  Keys keys_;
};

}  // namespace gatehouse::identity
