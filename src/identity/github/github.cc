#include "identity/github/github.h"

#include <fmt/format.h>

#include <utility>

#include "base/try.h"
#include "identity/github/api.h"
#include "identity/oidc/client.h"

namespace gatehouse::identity {
namespace {

using Organizations = std::vector<model::GithubOrganization>;
using ParsePage = std::expected<GithubPage, IdentityError> (*)(std::string_view body);

class Github final : public IdentityProvider {
 public:
  Github(GithubConfig config, const net::HttpClient& client)
      : config_(std::move(config)), metadata_(github_metadata(config_)), client_(client) {}

  std::expected<std::string, IdentityError> authorization_url(const SignInTransaction& transaction,
                                                              std::string_view redirect_uri,
                                                              std::string_view state,
                                                              const SignInWish& wish,
                                                              Instant) override {
    SignInWish ours;
    ours.prompt = wish.prompt;  // select_account
    return build_authorization_url(config_.oauth, metadata_, transaction, redirect_uri, state,
                                   ours);
  }

  std::expected<Vouched, IdentityError> redeem(const SignInTransaction& transaction,
                                               std::string_view redirect_uri,
                                               std::string_view query, Instant) override {
    const ProviderDeadline deadline;
    const std::string code = GATEHOUSE_TRY(check_callback(query, config_.oauth, metadata_));
    const auto answer = GATEHOUSE_TRY(send_to_provider(
        client_, build_token_request(config_.oauth, metadata_, transaction, redirect_uri, code),
        deadline));
    const std::string token = GATEHOUSE_TRY(parse_github_token(answer));
    const std::string user = GATEHOUSE_TRY(ask("/user", token, deadline));
    auto identity = GATEHOUSE_TRY(parse_github_user(user));
    const std::string emails = GATEHOUSE_TRY(ask("/user/emails?per_page=100", token, deadline));
    identity.email = GATEHOUSE_TRY(parse_github_emails(emails));
    // An organization that has not approved the OAuth app is left out without a word, so that these
    // are never known to be all: who is not seen in one may still be in it.
    if (auto organizations = organizations_of(token, deadline))
      identity.organizations = std::move(*organizations);
    else
      identity.groups_problem = std::move(organizations).error().message;
    return Vouched{std::move(identity), {}};
  }

  std::expected<Vouched, IdentityError> refresh(const Secret&, std::string_view, Instant) override {
    return std::unexpected(IdentityError{IdentityFailure::ProviderMisbehaved, "no_refresh",
                                         "GitHub's OAuth apps have no refresh tokens"});
  }

 private:
  std::expected<Organizations, IdentityError> organizations_of(
      const std::string& token, const ProviderDeadline& deadline) const {
    Organizations all;
    GATEHOUSE_TRY_VOID(collect("/user/orgs", parse_github_organizations, token, deadline, all));
    GATEHOUSE_TRY_VOID(collect("/user/teams", parse_github_teams, token, deadline, all));
    return all;
  }

  std::expected<void, IdentityError> collect(std::string_view path, ParsePage parse,
                                             const std::string& token,
                                             const ProviderDeadline& deadline,
                                             Organizations& into) const {
    for (std::size_t page = 1; page <= kMaxGithubPages; ++page) {
      const std::string body = GATEHOUSE_TRY(
          ask(fmt::format("{}?per_page={}&page={}", path, kGithubPageSize, page), token, deadline));
      auto found = GATEHOUSE_TRY(parse(body));
      merge_organizations(into, std::move(found.organizations));
      if (found.entries < kGithubPageSize) return {};
    }
    return std::unexpected(IdentityError{IdentityFailure::ProviderMisbehaved,
                                         "too_many_organizations",
                                         "the person is in more teams than a session holds"});
  }

  std::expected<std::string, IdentityError> ask(std::string_view target, const std::string& token,
                                                const ProviderDeadline& deadline) const {
    net::OutboundRequest request;
    request.url = fmt::format("{}{}", config_.api_url, target);
    request.headers = {{"Accept", "application/vnd.github+json"},
                       {"X-GitHub-Api-Version", "2022-11-28"},
                       {"User-Agent", "gatehouse"},
                       {"Authorization", "Bearer " + token}};
    auto answer = GATEHOUSE_TRY(send_to_provider(client_, std::move(request), deadline));
    if (answer.status == 200) return std::move(answer.body);
    return std::unexpected(IdentityError{
        answer.status >= 500 || answer.status == 429 || answer.status == 403
            ? IdentityFailure::ProviderUnreachable  // 403: its rate limit
            : IdentityFailure::ProviderMisbehaved,
        "api_status", fmt::format("GitHub answered {} for its users", answer.status)});
  }

  const GithubConfig config_;
  const ProviderMetadata metadata_;
  const net::HttpClient& client_;
};

}  // namespace

std::expected<std::unique_ptr<IdentityProvider>, IdentityError> make_github(
    const model::IdentityProvider& provider, const net::HttpClient& client) {
  return std::make_unique<Github>(GATEHOUSE_TRY(read_github_config(provider)), client);
}

}  // namespace gatehouse::identity
