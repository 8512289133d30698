// How a person at a command line gets the token of an application: `gatehouse access` makes a key
// pair and a secret, the browser signs in as always and confirms on a page of the auth domain, and
// the token waits for five minutes, sealed to that key, under the digest of the secret. What is
// handed over is a token of that application alone, never the global session. Thread-safe; blocks
// on the store. docs/reference/wire.md.
#pragma once

#include <chrono>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "controlplane/context.h"
#include "controlplane/outcome.h"

namespace gatehouse::controlplane {

inline constexpr std::chrono::seconds kTransferLifetime{300};
inline constexpr std::size_t kMaxTransfers = 2000;  // at a time, of all nodes
inline constexpr std::string_view kTransferPurpose = "gatehouse access transfer 1";

struct TransferQuery {
  std::string path;  // on the application's host; empty: /
  std::string key;   // base64url of the command's X25519 public key
  std::string id;    // transfer_id() of its secret
};

// What the command waits under. `secret`: base64url of 32 random bytes.
[[nodiscard]] std::string transfer_id(std::string_view secret);
// What page and command both show, so that a link from somebody else is noticed: `K7QM-2XWD`.
[[nodiscard]] std::string transfer_code(std::string_view public_key);

// `aud` of the application at host and path. Errors: UnknownApplication, RedirectRefused, NotReady.
[[nodiscard]] std::expected<std::string, Failure> transfer_audience(const Context& context,
                                                                    std::string_view host,
                                                                    std::string_view path);
// The login URL of a browser that begins on the application's host. `app_session`: its
// CF_AppSession. Errors: as above, and TransactionInvalid for a key or id that is none.
[[nodiscard]] std::expected<std::string, Failure> begin_transfer(const Context& context,
                                                                 std::string_view host,
                                                                 const TransferQuery& query,
                                                                 std::string_view app_session);
// Where a browser that has signed in confirms: on the auth domain, where no script of an
// application can do it.
[[nodiscard]] std::expected<std::string, Failure> continue_transfer(const Context& context,
                                                                    std::string_view host,
                                                                    const TransferQuery& query);

struct TransferQuestion {
  std::string application;
  std::string email;
  std::string host;
  std::string code;
  std::string transaction;
};
// Errors: NotSignedIn also where the policies do not let this person in now; MethodUnavailable
// where tokens count together with a cookie of the browser.
[[nodiscard]] std::expected<TransferQuestion, Failure> ask_transfer(Context& context,
                                                                    const Browser& browser,
                                                                    std::string_view host,
                                                                    const TransferQuery& query);
// The person said yes; answers the application's name. Works once: AlreadyUsed.
[[nodiscard]] std::expected<std::string, Failure> confirm_transfer(Context& context,
                                                                   const Browser& browser,
                                                                   std::string_view sealed);
// What waits under this secret, sealed to the command's key, base64url; it is given out once.
// nullopt: nothing, not yet, or not any more.
[[nodiscard]] std::expected<std::optional<std::string>, Failure> take_transfer(
    Context& context, std::string_view reference, std::string_view secret);

}  // namespace gatehouse::controlplane
