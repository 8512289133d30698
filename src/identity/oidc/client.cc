#include "identity/oidc/client.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/try.h"
#include "model/limits.h"

namespace gatehouse::identity {
namespace {

using std::chrono::milliseconds;

IdentityError unreachable(std::string message) {
  return {IdentityFailure::ProviderUnreachable, "unreachable", std::move(message)};
}

}  // namespace

milliseconds ProviderDeadline::left() const {
  return std::chrono::duration_cast<milliseconds>(until_ - std::chrono::steady_clock::now());
}

std::expected<net::HttpResponse, IdentityError> send_to_provider(const net::HttpClient& client,
                                                                 net::OutboundRequest request,
                                                                 const ProviderDeadline& deadline) {
  request.timeout = deadline.left();
  if (request.timeout <= milliseconds::zero())
    return std::unexpected(unreachable("the provider does not answer in time"));
  request.connect_timeout = std::min(request.connect_timeout, request.timeout);
  request.max_response_bytes = model::kMaxProviderResponseBytes;
  auto answer = client.send(request);
  if (answer) return std::move(*answer);
  switch (answer.error().failure) {
    case net::OutboundFailure::TooLarge:
    case net::OutboundFailure::Protocol:
      return std::unexpected(IdentityError{IdentityFailure::ProviderMisbehaved,
                                           "unacceptable_response",
                                           std::move(answer).error().message});
    case net::OutboundFailure::Timeout:
    case net::OutboundFailure::Unreachable:
    case net::OutboundFailure::Tls:
      break;
  }
  return std::unexpected(unreachable(std::move(answer).error().message));
}

std::expected<std::string, IdentityError> OidcClient::authorization_url(
    const SignInTransaction& transaction, std::string_view redirect_uri, std::string_view state,
    const SignInWish& wish, Instant now) {
  const auto metadata = GATEHOUSE_TRY(this->metadata(now, ProviderDeadline()));
  return build_authorization_url(config_, *metadata, transaction, redirect_uri, state, wish);
}

std::expected<VerifiedTokens, IdentityError> OidcClient::redeem(
    const SignInTransaction& transaction, std::string_view redirect_uri, std::string_view query,
    Instant now, const ProviderDeadline& deadline) {
  const auto metadata = GATEHOUSE_TRY(this->metadata(now, deadline));
  const std::string code = GATEHOUSE_TRY(check_callback(query, config_, *metadata));
  const auto answer = GATEHOUSE_TRY(
      send(build_token_request(config_, *metadata, transaction, redirect_uri, code), deadline));
  VerifiedTokens verified;
  verified.tokens = GATEHOUSE_TRY(parse_token_response(answer, IdToken::Required));
  verified.claims =
      GATEHOUSE_TRY(verified_claims(verified.tokens, *metadata, transaction.nonce, now, deadline));
  return verified;
}

std::expected<VerifiedTokens, IdentityError> OidcClient::refresh(const Secret& refresh_token,
                                                                 Instant now,
                                                                 const ProviderDeadline& deadline) {
  const auto metadata = GATEHOUSE_TRY(this->metadata(now, deadline));
  const auto answer =
      GATEHOUSE_TRY(send(build_refresh_request(config_, *metadata, refresh_token), deadline));
  VerifiedTokens verified;
  verified.tokens = GATEHOUSE_TRY(parse_token_response(answer, IdToken::Optional));
  if (!verified.tokens.id_token.empty())
    verified.claims =
        GATEHOUSE_TRY(verified_claims(verified.tokens, *metadata, std::nullopt, now, deadline));
  return verified;
}

template <typename T>
std::expected<T, IdentityError> OidcClient::with_keys(
    const ProviderMetadata& metadata, Instant now, const ProviderDeadline& deadline,
    const std::function<std::expected<T, IdTokenRefusal>(const jose::JwkSet&)>& verify) {
  const Keys::Fetch fetch = [&]() -> std::expected<jose::JwkSet, IdentityError> {
    const std::string body = GATEHOUSE_TRY(get(metadata.jwks_uri, deadline));
    return parse_jwks(body);
  };
  const auto keys = GATEHOUSE_TRY(keys_.get(now, deadline, fetch));
  auto verified = verify(*keys);
  if (!verified && verified.error().key_unknown) {
    if (const auto newer = keys_.newer_than(keys, now, deadline, fetch); newer != keys)
      verified = verify(*newer);
  }
  if (!verified) return std::unexpected(std::move(verified).error().error);
  return std::move(*verified);
}

std::expected<LogoutNotice, IdentityError> OidcClient::verify_logout(std::string_view token,
                                                                     Instant now) {
  if (config_.logout_tokens == LogoutTokens::Refuse)
    return std::unexpected(IdentityError{IdentityFailure::Refused, "not_supported",
                                         "this type of login method has no logout tokens"});
  const ProviderDeadline deadline;
  const auto metadata = GATEHOUSE_TRY(this->metadata(now, deadline));
  return with_keys<LogoutNotice>(*metadata, now, deadline, [&](const jose::JwkSet& keys) {
    return verify_logout_token(token, keys, config_, now);
  });
}

bool OidcClient::may_sign_out() {
  if (configured_metadata(config_)) return false;
  const auto known = metadata_.last();
  return !known || !known->end_session_endpoint.empty();
}

std::expected<std::string, IdentityError> OidcClient::logout_url(std::string_view return_to,
                                                                 std::string_view state,
                                                                 Instant now) {
  const auto metadata = GATEHOUSE_TRY(this->metadata(now, ProviderDeadline()));
  if (metadata->end_session_endpoint.empty())
    return std::unexpected(IdentityError{IdentityFailure::Refused, "not_supported",
                                         "the provider names no place to sign out"});
  return build_logout_url(config_, *metadata, return_to, state);
}

std::expected<json::object, IdentityError> OidcClient::userinfo(const TokenResponse& tokens,
                                                                std::string_view subject,
                                                                Instant now,
                                                                const ProviderDeadline& deadline) {
  const auto metadata = GATEHOUSE_TRY(this->metadata(now, deadline));
  if (!tokens.bearer || metadata->userinfo_endpoint.empty()) return json::object{};
  net::OutboundRequest request;
  request.url = metadata->userinfo_endpoint;
  request.headers = {{"Accept", "application/json"},
                     {"Authorization", "Bearer " + tokens.access_token}};
  const auto answer = GATEHOUSE_TRY(send(std::move(request), deadline));
  return parse_userinfo(answer, subject);
}

OidcClient::Metadata::Outcome OidcClient::metadata(Instant now, const ProviderDeadline& deadline) {
  return metadata_.get(now, deadline, [&]() -> std::expected<ProviderMetadata, IdentityError> {
    if (auto configured = configured_metadata(config_)) return std::move(*configured);
    const std::string body = GATEHOUSE_TRY(get(discovery_url(config_.issuer), deadline));
    return parse_metadata(body, config_);
  });
}

std::expected<json::object, IdentityError> OidcClient::verified_claims(
    const TokenResponse& tokens, const ProviderMetadata& metadata,
    std::optional<std::string_view> nonce, Instant now, const ProviderDeadline& deadline) {
  return with_keys<json::object>(metadata, now, deadline, [&](const jose::JwkSet& keys) {
    return verify_id_token(tokens, keys, config_, nonce, now);
  });
}

std::expected<std::string, IdentityError> OidcClient::get(const std::string& url,
                                                          const ProviderDeadline& deadline) const {
  net::OutboundRequest request;
  request.url = url;
  request.headers = {{"Accept", "application/json"}};
  auto answer = GATEHOUSE_TRY(send(std::move(request), deadline));
  if (answer.status != 200)
    return std::unexpected(IdentityError{
        answer.status >= 500 || answer.status == 429 ? IdentityFailure::ProviderUnreachable
                                                     : IdentityFailure::ProviderMisbehaved,
        "unexpected_status", fmt::format("`{}` answered {}", url, answer.status)});
  return std::move(answer.body);
}

}  // namespace gatehouse::identity
