// The pure half of the OpenID Connect relying party: configuration, documents and tokens in,
// checked values out. Opens nothing, reads no clock. Thread-safe. client.h is the half that
// fetches.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/secret.h"
#include "base/time.h"
#include "identity/provider.h"
#include "identity/provider_identity.h"
#include "jose/jwk.h"
#include "jose/jwt.h"
#include "model/resources.h"
#include "net/http_client.h"

namespace gatehouse::identity {

inline constexpr std::size_t kMaxIdTokenBytes = 64 * 1024;  // a few hundred group ids
inline constexpr std::size_t kMaxSubjectBytes = 255;        // OpenID Connect Core 1.0 2
inline constexpr std::size_t kMaxProviderUrlBytes = 2048;
inline constexpr std::size_t kMaxLogoutTokenIdBytes = 255;
inline constexpr std::chrono::seconds kMaxLogoutTokenAge{120};

enum class ClientAuthentication { Discovered, Basic, Post };
enum class Pkce { Enabled, Disabled };
enum class UnverifiedEmail { Refuse, Accept };
enum class LogoutTokens { Accept, Refuse };

struct OidcConfig {
  std::string issuer;
  std::string client_id;
  Secret client_secret;  // empty: a public client
  std::string scope;     // space-separated, contains `openid`
  // Empty: from the discovery document, which is not asked when all three are given.
  std::string auth_url;
  std::string token_url;
  std::string certs_url;
  std::string email_claim = "email";
  std::vector<std::string> claims;  // that rules and get-identity may look at
  std::string prompt;
  Pkce pkce = Pkce::Enabled;
  UnverifiedEmail unverified_email = UnverifiedEmail::Refuse;
  ClientAuthentication authentication = ClientAuthentication::Discovered;
  std::chrono::seconds leeway{60};
  std::vector<jose::Algorithm> algorithms;  // of the ID token; never HMAC
  LogoutTokens logout_tokens = LogoutTokens::Accept;
};
// Errors: the first problem of validate_oidc_config, as ProviderMisbehaved `configuration_invalid`.
[[nodiscard]] std::expected<OidcConfig, IdentityError> read_oidc_config(
    const model::IdentityProvider& provider);

// Whether we may send requests there: https; or http on a loopback host, where `issuer` (empty: the
// URL is the issuer) is plain http as well. No user, no fragment, no link-local, unspecified or
// multicast address, no other spelling of an IP address.
[[nodiscard]] bool is_provider_url(std::string_view url, std::string_view issuer = {});

struct ProviderMetadata {
  std::string authorization_endpoint;
  std::string token_endpoint;
  std::string jwks_uri;
  std::string userinfo_endpoint;     // empty: none
  std::string end_session_endpoint;  // empty: none that may be used
  bool iss_parameter_supported = false;
  bool basic_authentication = true;
};
[[nodiscard]] std::string discovery_url(std::string_view issuer);
// Where the configuration alone suffices.
[[nodiscard]] std::optional<ProviderMetadata> configured_metadata(const OidcConfig& config);
// The discovery document; configured URLs win over its own.
// Source: OpenID Connect Discovery 1.0 3, 4.3; RFC 9207 3; RP-Initiated Logout 1.0 2.1.
[[nodiscard]] std::expected<ProviderMetadata, IdentityError> parse_metadata(
    std::string_view document, const OidcConfig& config);
// Source: RFC 7517 5.
[[nodiscard]] std::expected<jose::JwkSet, IdentityError> parse_jwks(std::string_view document);

// Source: OpenID Connect Core 1.0 3.1.2.1, RFC 7636 4.3.
[[nodiscard]] std::string build_authorization_url(const OidcConfig& config,
                                                  const ProviderMetadata& metadata,
                                                  const SignInTransaction& transaction,
                                                  std::string_view redirect_uri,
                                                  std::string_view state, const SignInWish& wish);

// Source: OpenID Connect RP-Initiated Logout 1.0 2. The provider must have an end_session_endpoint.
[[nodiscard]] std::string build_logout_url(const OidcConfig& config,
                                           const ProviderMetadata& metadata,
                                           std::string_view return_to, std::string_view state);

// The authorization code of a callback. Source: RFC 6749 4.1.2, RFC 9207 2.4.
[[nodiscard]] std::expected<std::string, IdentityError> check_callback(
    std::string_view query, const OidcConfig& config, const ProviderMetadata& metadata);

// Redeems the code. Source: RFC 6749 4.1.3 and 2.3.1, RFC 7636 4.5.
[[nodiscard]] net::OutboundRequest build_token_request(const OidcConfig& config,
                                                       const ProviderMetadata& metadata,
                                                       const SignInTransaction& transaction,
                                                       std::string_view redirect_uri,
                                                       std::string_view code);
// Source: RFC 6749 6.
[[nodiscard]] net::OutboundRequest build_refresh_request(const OidcConfig& config,
                                                         const ProviderMetadata& metadata,
                                                         const Secret& refresh_token);
struct TokenResponse {
  std::string id_token;      // empty: none
  std::string access_token;  // empty: none
  Secret refresh_token;      // empty: none
  bool bearer = false;       // whether token_type says that userinfo may be asked with it
};
enum class IdToken : std::uint8_t { Required, Optional };
[[nodiscard]] std::expected<TokenResponse, IdentityError> parse_token_response(
    const net::HttpResponse& response, IdToken id_token);

// Why a token of the provider is refused, and whether asking for the keys once more can change the
// outcome.
struct IdTokenRefusal {
  IdentityError error;
  bool key_unknown = false;
};
// `nonce`: of the sign-in; none for a refresh.
// Source: OpenID Connect Core 1.0 3.1.3.7, 3.1.3.8 and 12.2.
[[nodiscard]] std::expected<json::object, IdTokenRefusal> verify_id_token(
    const TokenResponse& response, const jose::JwkSet& keys, const OidcConfig& config,
    std::optional<std::string_view> nonce, Instant now);
// The part of it that looks at claims whose signature, issuer, audience and times are verified.
[[nodiscard]] std::expected<void, IdentityError> check_id_token_claims(
    const json::object& claims, jose::Algorithm algorithm, const OidcConfig& config,
    std::optional<std::string_view> nonce, std::string_view access_token);

// A logout token. What it is about is everything of its `sub`, also when it names a `sid`; one that
// names a `sid` alone is refused.
// Source: OpenID Connect Back-Channel Logout 1.0 2.4 and 2.6.
[[nodiscard]] std::expected<LogoutNotice, IdTokenRefusal> verify_logout_token(
    std::string_view token, const jose::JwkSet& keys, const OidcConfig& config, Instant now);
// The part of it that looks at claims whose signature is verified.
[[nodiscard]] std::expected<LogoutNotice, IdentityError> check_logout_claims(
    const json::object& claims, const OidcConfig& config, Instant now);

// The userinfo response; its `sub` must be `subject`. Source: OpenID Connect Core 1.0 5.3.
[[nodiscard]] std::expected<json::object, IdentityError> parse_userinfo(
    const net::HttpResponse& response, std::string_view subject);

// Whether the e-mail address and every claim that the configuration names is there.
[[nodiscard]] bool is_complete(const json::object& claims, const OidcConfig& config);
// `userinfo` may be empty. A claim of the ID token wins; one of the wrong type counts as absent,
// except the e-mail address, where it is an error. Groups are known when the claim `groups` is a
// list of texts and not said to stand elsewhere (`_claim_names`, OpenID Connect Core
// 1.0 5.6.2; `hasgroups` of Entra ID). A claim of the configuration is a text, a number, a boolean,
// or a list of those.
[[nodiscard]] std::expected<ProviderIdentity, IdentityError> identity_from_claims(
    const json::object& id_token, const json::object& userinfo, const OidcConfig& config);

// The provider's `error` when it is [a-z_]{1,64}; anything else is `unrecognized_error`.
[[nodiscard]] std::string sanitized_error(std::string_view error);

// `AADSTS53000` of the description that Entra ID sends with an error; empty: none. The number is a
// code, the rest of the description is free text.
[[nodiscard]] std::string entra_code(std::string_view description);

// What IdentityError::code says for it: `bad_signature`.
[[nodiscard]] std::string_view code_of(jose::JwtError error);

}  // namespace gatehouse::identity
