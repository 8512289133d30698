// Our own tokens: the claims they have, and the checks of one that comes back. Thread-safe.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "controlplane/context.h"
#include "model/identity.h"

namespace gatehouse::controlplane {

inline constexpr std::string_view kGlobalTokenType = "org";
inline constexpr std::string_view kApplicationTokenType = "app";
inline constexpr std::string_view kEarlierSessionsClaim = "earlier_sessions";

// aud, exp, iat, iss, nbf, type. Source: facts/cloudflare-access-api.md 10.1.
[[nodiscard]] json::object token_claims(std::string_view issuer, std::string_view audience,
                                        std::string_view type, Instant now, Instant expires_at);
// Claims of a token of ours that counts now; whether its session lives is not looked at.
[[nodiscard]] std::optional<json::object> verify_own_token(const Context& context,
                                                           const Configuration& configuration,
                                                           std::string_view type,
                                                           std::optional<std::string> audience,
                                                           std::string_view token);
// identity_nonce, then the earlier sessions.
[[nodiscard]] std::vector<std::string> session_nonces(const json::object& global_token_claims);

struct VerifiedApplicationToken {
  const decision::CompiledApplication* application = nullptr;  // of the configuration
  model::Session session;
  json::object claims;
};
// An application token for an application on `host` (nullopt: on any) whose session lives and has
// not logged out of it, and that has not been revoked.
[[nodiscard]] std::expected<std::optional<VerifiedApplicationToken>, Failure>
verify_application_token(Context& context, const Configuration& configuration,
                         const Browser& browser, std::optional<std::string_view> host,
                         std::string_view token);

}  // namespace gatehouse::controlplane
