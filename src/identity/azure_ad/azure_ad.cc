#include "identity/azure_ad/azure_ad.h"

#include <fmt/format.h>

#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "base/encoding.h"
#include "base/try.h"
#include "identity/azure_ad/entra.h"
#include "identity/oidc/client.h"

namespace gatehouse::identity {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kGroupsLifetime{300};
constexpr std::size_t kMaxCachedPeople = 1000;
constexpr int kMostRetries = 2;
constexpr seconds kPauseWithoutWord{1};  // after an error that does not say how long
constexpr milliseconds kLeftForAnAnswer{1000};

using Groups = std::vector<std::string>;

// What Graph said, for as long as it may be used. Thread-safe.
class GroupCache {
 public:
  std::optional<Groups> find(const std::string& person, Instant now) {
    const std::lock_guard lock(mutex_);
    const auto known = known_.find(person);
    if (known == known_.end() || known->second.at > now ||
        now - known->second.at >= kGroupsLifetime)
      return std::nullopt;
    return known->second.groups;
  }
  void put(const std::string& person, Groups groups, Instant now) {
    const std::lock_guard lock(mutex_);
    if (known_.size() >= kMaxCachedPeople) known_.clear();
    known_[person] = {std::move(groups), now};
  }
  void forget(const std::string& person) {
    const std::lock_guard lock(mutex_);
    known_.erase(person);
  }

  // Until when Graph wants no requests of this application.
  [[nodiscard]] bool is_throttled(Instant now) {
    const std::lock_guard lock(mutex_);
    return now < throttled_until_;
  }
  void throttle(Instant until) {
    const std::lock_guard lock(mutex_);
    throttled_until_ = std::max(throttled_until_, until);
  }

 private:
  struct Entry {
    Groups groups;
    Instant at{};
  };
  std::mutex mutex_;
  std::map<std::string, Entry> known_;  // by object id
  Instant throttled_until_{};
};

class AzureAd final : public IdentityProvider {
 public:
  AzureAd(AzureAdConfig config, const net::HttpClient& client, Wait wait)
      : config_(std::move(config)),
        client_(client),
        oidc_(config_.oidc, client),
        wait_(std::move(wait)) {}

  std::expected<std::string, IdentityError> authorization_url(const SignInTransaction& transaction,
                                                              std::string_view redirect_uri,
                                                              std::string_view state,
                                                              const SignInWish& wish,
                                                              Instant now) override {
    return oidc_.authorization_url(transaction, redirect_uri, state, entra_wish(wish, config_),
                                   now);
  }

  std::expected<Vouched, IdentityError> redeem(const SignInTransaction& transaction,
                                               std::string_view redirect_uri,
                                               std::string_view query, Instant now) override {
    const ProviderDeadline deadline;
    auto verified = oidc_.redeem(transaction, redirect_uri, query, now, deadline);
    if (!verified) return std::unexpected(explained(std::move(verified).error()));
    return vouched(std::move(*verified), now, deadline);
  }

  std::expected<Vouched, IdentityError> refresh(const Secret& refresh_token,
                                                std::string_view subject, Instant now) override {
    const ProviderDeadline deadline;
    auto verified = oidc_.refresh(refresh_token, now, deadline);
    if (!verified) return std::unexpected(explained(std::move(verified).error()));
    if (verified->claims.empty())
      return std::unexpected(IdentityError{IdentityFailure::ProviderMisbehaved, "missing_id_token",
                                           "the refresh brought no ID token"});
    groups_.forget(std::string(subject));  // asked for what is so now
    auto refreshed = GATEHOUSE_TRY(vouched(std::move(*verified), now, deadline));
    if (refreshed.identity.subject != subject)
      return std::unexpected(IdentityError{IdentityFailure::ProviderMisbehaved, "wrong_subject",
                                           "the refreshed ID token is about another person"});
    return refreshed;
  }

  // Entra ID sends no logout tokens; people can sign out there.
  bool may_sign_out() override { return oidc_.may_sign_out(); }
  std::expected<std::string, IdentityError> logout_url(std::string_view return_to,
                                                       std::string_view state,
                                                       Instant now) override {
    return oidc_.logout_url(return_to, state, now);
  }

 private:
  std::expected<Vouched, IdentityError> vouched(VerifiedTokens verified, Instant now,
                                                const ProviderDeadline& deadline) {
    auto identity = GATEHOUSE_TRY(identity_from_entra(verified.claims, config_));
    if (config_.support_groups && !identity.groups_known) {
      if (auto groups = groups_of(identity.subject, verified.tokens, now, deadline)) {
        identity.groups = std::move(*groups);
        identity.groups_known = true;
      } else {
        // INVARIANT: what could not be fetched is not known; it is never an empty list.
        identity.groups.clear();
        identity.groups_problem = std::move(groups).error().message;
      }
    }
    return Vouched{std::move(identity), std::move(verified.tokens.refresh_token)};
  }

  std::expected<Groups, IdentityError> groups_of(const std::string& person,
                                                 const TokenResponse& tokens, Instant now,
                                                 const ProviderDeadline& deadline) {
    if (auto known = groups_.find(person, now)) return std::move(*known);
    if (!tokens.bearer)
      return std::unexpected(IdentityError{IdentityFailure::ProviderMisbehaved, "missing_token",
                                           "there is no access token to ask Graph with"});
    Groups groups;
    std::string url = config_.graph_url +
                      "/v1.0/me/transitiveMemberOf/microsoft.graph.group"
                      "?$select=id&$top=999&$count=true";
    for (std::size_t count = 0; !url.empty(); ++count) {
      const auto answer = GATEHOUSE_TRY(ask_graph(url, tokens, now, deadline));
      auto page = GATEHOUSE_TRY(parse_group_page(answer.body, config_.graph_url));
      groups.insert(groups.end(), std::move_iterator(page.ids.begin()),
                    std::move_iterator(page.ids.end()));
      if (groups.size() > kMaxGroups || count == kMaxGroupPages)
        return std::unexpected(IdentityError{IdentityFailure::ProviderMisbehaved, "too_many_groups",
                                             "the person is in more groups than a session holds"});
      url = std::move(page.next);
    }
    groups_.put(person, groups, now);
    return groups;
  }

  // Source: Microsoft Graph throttling guidance: wait as long as it says.
  std::expected<net::HttpResponse, IdentityError> ask_graph(const std::string& url,
                                                            const TokenResponse& tokens,
                                                            Instant now,
                                                            const ProviderDeadline& deadline) {
    for (int attempt = 0;; ++attempt) {
      if (groups_.is_throttled(now)) return std::unexpected(graph_status(429));
      net::OutboundRequest request;
      request.url = url;
      request.headers = {{"Accept", "application/json"},
                         {"Authorization", "Bearer " + tokens.access_token},
                         {"ConsistencyLevel", "eventual"}};
      auto answer = GATEHOUSE_TRY(send_to_provider(client_, std::move(request), deadline));
      if (answer.status == 200) return answer;
      if (answer.status != 429 && answer.status != 503 && answer.status != 504)
        return std::unexpected(graph_status(answer.status));
      const auto said = retry_after(answer);
      const auto pause = said.value_or(kPauseWithoutWord);
      if (attempt == kMostRetries || pause + kLeftForAnAnswer > deadline.left()) {
        if (said) groups_.throttle(now + *said);
        return std::unexpected(graph_status(answer.status));
      }
      wait_(pause);
    }
  }

  static IdentityError graph_status(int status) {
    return {IdentityFailure::ProviderUnreachable, "graph_status",
            fmt::format("Graph answered {}{}", status,
                        status == 403 ? ": the permission GroupMember.Read.All and an "
                                        "administrator's consent to it are needed"
                                      : "")};
  }

  const AzureAdConfig config_;
  const net::HttpClient& client_;
  OidcClient oidc_;
  const Wait wait_;
  GroupCache groups_;
};

}  // namespace

std::expected<std::unique_ptr<IdentityProvider>, IdentityError> make_azure_ad(
    const model::IdentityProvider& provider, const net::HttpClient& client, Wait wait) {
  return std::make_unique<AzureAd>(GATEHOUSE_TRY(read_azure_ad_config(provider)), client,
                                   std::move(wait));
}

std::expected<std::unique_ptr<IdentityProvider>, IdentityError> make_azure_ad(
    const model::IdentityProvider& provider, const net::HttpClient& client) {
  return make_azure_ad(provider, client,
                       [](milliseconds pause) { std::this_thread::sleep_for(pause); });
}

}  // namespace gatehouse::identity
