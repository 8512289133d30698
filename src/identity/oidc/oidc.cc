#include "identity/oidc/oidc.h"

#include <utility>

#include "base/try.h"
#include "identity/oidc/client.h"
#include "identity/oidc/protocol.h"

namespace gatehouse::identity {
namespace {

class OidcProvider final : public IdentityProvider {
 public:
  OidcProvider(OidcConfig config, const net::HttpClient& client)
      : client_(std::move(config), client) {}

  std::expected<std::string, IdentityError> authorization_url(const SignInTransaction& transaction,
                                                              std::string_view redirect_uri,
                                                              std::string_view state,
                                                              const SignInWish& wish,
                                                              Instant now) override {
    return client_.authorization_url(transaction, redirect_uri, state, wish, now);
  }

  std::expected<Vouched, IdentityError> redeem(const SignInTransaction& transaction,
                                               std::string_view redirect_uri,
                                               std::string_view query, Instant now) override {
    const ProviderDeadline deadline;
    auto verified = GATEHOUSE_TRY(client_.redeem(transaction, redirect_uri, query, now, deadline));
    const std::string subject(json::find_string(verified.claims, "sub").value_or(""));
    return vouched(std::move(verified), subject, now, deadline);
  }

  std::expected<Vouched, IdentityError> refresh(const Secret& refresh_token,
                                                std::string_view subject, Instant now) override {
    const ProviderDeadline deadline;
    auto verified = GATEHOUSE_TRY(client_.refresh(refresh_token, now, deadline));
    if (verified.claims.empty()) verified.claims = {{"sub", subject}};
    // Core 1.0 12.2: the same person as at the beginning.
    if (json::find_string(verified.claims, "sub") != subject)
      return std::unexpected(IdentityError{IdentityFailure::ProviderMisbehaved, "wrong_subject",
                                           "the refreshed ID token is about another subject"});
    return vouched(std::move(verified), subject, now, deadline);
  }

  std::expected<LogoutNotice, IdentityError> verify_logout(std::string_view token,
                                                           Instant now) override {
    return client_.verify_logout(token, now);
  }
  bool may_sign_out() override { return client_.may_sign_out(); }
  std::expected<std::string, IdentityError> logout_url(std::string_view return_to,
                                                       std::string_view state,
                                                       Instant now) override {
    return client_.logout_url(return_to, state, now);
  }

 private:
  std::expected<Vouched, IdentityError> vouched(VerifiedTokens verified, std::string_view subject,
                                                Instant now, const ProviderDeadline& deadline) {
    json::object userinfo;
    if (!is_complete(verified.claims, client_.config()))
      userinfo = GATEHOUSE_TRY(client_.userinfo(verified.tokens, subject, now, deadline));
    return Vouched{GATEHOUSE_TRY(identity_from_claims(verified.claims, userinfo, client_.config())),
                   std::move(verified.tokens.refresh_token)};
  }

  OidcClient client_;
};

}  // namespace

std::expected<std::unique_ptr<IdentityProvider>, IdentityError> make_oidc(
    const model::IdentityProvider& provider, const net::HttpClient& client) {
  return make_oidc(GATEHOUSE_TRY(read_oidc_config(provider)), client);
}

std::unique_ptr<IdentityProvider> make_oidc(OidcConfig config, const net::HttpClient& client) {
  return std::make_unique<OidcProvider>(std::move(config), client);
}

}  // namespace gatehouse::identity
