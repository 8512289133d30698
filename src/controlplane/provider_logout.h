// Log-out that an identity provider has a part in: it tells us that somebody has signed out there
// (OpenID Connect Back-Channel Logout 1.0), or somebody who signed out here goes there to do the
// same (RP-Initiated Logout 1.0). Thread-safe; blocks on the store and on the provider.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/context.h"

namespace gatehouse::controlplane {

enum class LogoutFailure : std::uint8_t {
  NotReady,
  StoreUnavailable,
  TooManyRequests,  // refused tokens from this address
  UnknownMethod,
  NotSupported,  // by this type of login method
  ProviderUnreachable,
  TokenRefused,
  AlreadyUsed,
};
struct LogoutError {
  LogoutFailure failure = LogoutFailure::NotReady;
  std::string message;  // for the provider's administrator
};
// Ends every session that the token's subject has through the login method `provider`; answers how
// many there were. `caller` is the provider's server. Each leaves an audit record.
[[nodiscard]] std::expected<std::size_t, LogoutError> accept_logout_token(Context& context,
                                                                          const Browser& caller,
                                                                          std::string_view provider,
                                                                          std::string_view token);

struct SignOutPlace {
  std::string id;    // of the login method
  std::string name;  // of the login method
};
// The login methods of the browser's live sessions at which people may sign out, each once.
[[nodiscard]] std::expected<std::vector<SignOutPlace>, Failure> sign_out_places(
    Context& context, const Browser& browser);
// Where to sign out at the login method; from there the way leads to the auth domain.
// Errors: NotReady, ProviderUnreachable, ProviderMisbehaved, MethodUnavailable.
[[nodiscard]] std::expected<std::string, Failure> sign_out_url(Context& context,
                                                               const Browser& browser,
                                                               std::string_view provider);

}  // namespace gatehouse::controlplane
