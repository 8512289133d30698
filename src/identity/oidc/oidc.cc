#include "identity/oidc/oidc.h"

#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <utility>

#include "base/try.h"
#include "identity/oidc/protocol.h"
#include "model/limits.h"

namespace gatehouse::identity {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::seconds kDocumentLifetime{3600};
constexpr std::chrono::seconds kRefetchInterval{10};
constexpr milliseconds kProviderTimeout{10'000};  // for all exchanges of one call together

OidcError unreachable(std::string message) {
  return {OidcFailure::ProviderUnreachable, "unreachable", std::move(message)};
}

class Deadline {
 public:
  [[nodiscard]] milliseconds left() const {
    return std::chrono::duration_cast<milliseconds>(until_ - SteadyClock::now());
  }

 private:
  SteadyClock::time_point until_ = SteadyClock::now() + kProviderTimeout;
};

// A document of the provider, at most kDocumentLifetime old. One thread fetches, the others wait
// for its outcome; the lock is never held meanwhile. Thread-safe.
template <typename T>
class CachedDocument {
 public:
  using Shared = std::shared_ptr<const T>;
  using Outcome = std::expected<Shared, OidcError>;
  using Fetch = std::function<std::expected<T, OidcError>()>;

  Outcome get(Instant now, const Deadline& deadline, const Fetch& fetch) {
    return load(now, nullptr, deadline, fetch);
  }

  // A newer document than `seen`; `seen` itself when it was refetched within kRefetchInterval, or
  // when the provider cannot give another one now.
  Shared newer_than(const Shared& seen, Instant now, const Deadline& deadline, const Fetch& fetch) {
    auto outcome = load(now, seen, deadline, fetch);
    return outcome ? std::move(*outcome) : seen;
  }

 private:
  Outcome load(Instant now, const Shared& seen, const Deadline& deadline, const Fetch& fetch) {
    std::promise<Outcome> promise;
    {
      std::unique_lock lock(mutex_);
      const bool fresh = document_ && fetched_at_ <= now && now - fetched_at_ < kDocumentLifetime;
      if (fresh && document_ != seen) return document_;
      if (in_flight_.valid()) {
        const auto other = in_flight_;
        lock.unlock();
        if (other.wait_for(deadline.left()) != std::future_status::ready)
          return std::unexpected(unreachable("the provider does not answer in time"));
        return other.get();
      }
      if (fresh) {
        if (refetched_at_ && *refetched_at_ <= now && now - *refetched_at_ < kRefetchInterval)
          return document_;
        refetched_at_ = now;
      }
      in_flight_ = promise.get_future().share();
    }
    Outcome outcome = std::unexpected(unreachable("the fetch did not finish"));
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

class RelyingParty final : public OidcRelyingParty {
 public:
  RelyingParty(OidcConfig config, const net::HttpClient& client)
      : config_(std::move(config)), client_(client) {}

  std::expected<std::string, OidcError> authorization_url(const OidcTransaction& transaction,
                                                          std::string_view redirect_uri,
                                                          std::string_view state,
                                                          Instant now) override {
    const auto metadata = GATEHOUSE_TRY(this->metadata(now, Deadline()));
    return build_authorization_url(config_, *metadata, transaction, redirect_uri, state);
  }

  std::expected<ProviderIdentity, OidcError> redeem(const OidcTransaction& transaction,
                                                    std::string_view redirect_uri,
                                                    std::string_view query, Instant now) override {
    const Deadline deadline;
    const auto metadata = GATEHOUSE_TRY(this->metadata(now, deadline));
    const std::string code = GATEHOUSE_TRY(check_callback(query, config_, *metadata));
    const auto answer = GATEHOUSE_TRY(
        send(build_token_request(config_, *metadata, transaction, redirect_uri, code), deadline));
    const TokenResponse tokens = GATEHOUSE_TRY(parse_token_response(answer));
    const json::object claims =
        GATEHOUSE_TRY(verified_claims(tokens, *metadata, transaction.nonce, now, deadline));
    json::object userinfo;
    if (!is_complete(claims, config_) && tokens.bearer && !metadata->userinfo_endpoint.empty())
      userinfo = GATEHOUSE_TRY(ask_userinfo(tokens, *metadata, claims, deadline));
    return identity_from_claims(claims, userinfo, config_);
  }

 private:
  using Metadata = CachedDocument<ProviderMetadata>;
  using Keys = CachedDocument<jose::JwkSet>;

  Metadata::Outcome metadata(Instant now, const Deadline& deadline) {
    return metadata_.get(now, deadline, [&]() -> std::expected<ProviderMetadata, OidcError> {
      if (auto configured = configured_metadata(config_)) return std::move(*configured);
      const std::string body = GATEHOUSE_TRY(get(discovery_url(config_.issuer), deadline));
      return parse_metadata(body, config_);
    });
  }

  std::expected<json::object, OidcError> verified_claims(const TokenResponse& tokens,
                                                         const ProviderMetadata& metadata,
                                                         std::string_view nonce, Instant now,
                                                         const Deadline& deadline) {
    const Keys::Fetch fetch = [&]() -> std::expected<jose::JwkSet, OidcError> {
      const std::string body = GATEHOUSE_TRY(get(metadata.jwks_uri, deadline));
      return parse_jwks(body);
    };
    const auto keys = GATEHOUSE_TRY(keys_.get(now, deadline, fetch));
    auto claims = verify_id_token(tokens, *keys, config_, nonce, now);
    if (!claims && claims.error().key_unknown) {
      if (const auto newer = keys_.newer_than(keys, now, deadline, fetch); newer != keys)
        claims = verify_id_token(tokens, *newer, config_, nonce, now);
    }
    if (!claims) return std::unexpected(std::move(claims).error().error);
    return std::move(*claims);
  }

  std::expected<json::object, OidcError> ask_userinfo(const TokenResponse& tokens,
                                                      const ProviderMetadata& metadata,
                                                      const json::object& claims,
                                                      const Deadline& deadline) const {
    net::OutboundRequest request;
    request.url = metadata.userinfo_endpoint;
    request.headers = {{"Accept", "application/json"},
                       {"Authorization", "Bearer " + tokens.access_token}};
    const auto answer = GATEHOUSE_TRY(send(std::move(request), deadline));
    return parse_userinfo(answer, json::find_string(claims, "sub").value_or(""));
  }

  std::expected<std::string, OidcError> get(const std::string& url,
                                            const Deadline& deadline) const {
    net::OutboundRequest request;
    request.url = url;
    request.headers = {{"Accept", "application/json"}};
    auto answer = GATEHOUSE_TRY(send(std::move(request), deadline));
    if (answer.status != 200)
      return std::unexpected(
          OidcError{answer.status >= 500 || answer.status == 429 ? OidcFailure::ProviderUnreachable
                                                                 : OidcFailure::ProviderMisbehaved,
                    "unexpected_status", fmt::format("`{}` answered {}", url, answer.status)});
    return std::move(answer.body);
  }

  std::expected<net::HttpResponse, OidcError> send(net::OutboundRequest request,
                                                   const Deadline& deadline) const {
    request.timeout = deadline.left();
    if (request.timeout <= milliseconds::zero())
      return std::unexpected(unreachable("the provider does not answer in time"));
    request.connect_timeout = std::min(request.connect_timeout, request.timeout);
    request.max_response_bytes = model::kMaxProviderResponseBytes;
    auto answer = client_.send(request);
    if (answer) return std::move(*answer);
    switch (answer.error().failure) {
      case net::OutboundFailure::TooLarge:
      case net::OutboundFailure::Protocol:
        return std::unexpected(OidcError{OidcFailure::ProviderMisbehaved, "unacceptable_response",
                                         std::move(answer).error().message});
      case net::OutboundFailure::Timeout:
      case net::OutboundFailure::Unreachable:
      case net::OutboundFailure::Tls:
        break;
    }
    return std::unexpected(unreachable(std::move(answer).error().message));
  }

  const OidcConfig config_;
  const net::HttpClient& client_;
  Metadata metadata_;
  Keys keys_;
};

}  // namespace

std::expected<std::unique_ptr<OidcRelyingParty>, OidcError> OidcRelyingParty::make(
    const model::IdentityProvider& provider, const net::HttpClient& client) {
  return std::make_unique<RelyingParty>(GATEHOUSE_TRY(read_oidc_config(provider)), client);
}

}  // namespace gatehouse::identity
