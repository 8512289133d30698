// One step of a sign-in that has begun: everything it must remember, sealed into a text that the
// browser carries (wire.md). Nothing is stored before a sign-in comes back.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "controlplane/context.h"

namespace gatehouse::controlplane {

// Each is sealed for its own purpose: a transaction of one step opens for no other.
enum class Step : std::uint8_t {
  Choose,      // the chooser has been shown
  Start,       // `method` is to be started
  PinAddress,  // the page asks for the address
  PinCode,     // the page asks for the code of pin `nonce`
  Callback,    // `state` of an OpenID Connect request
  Posture,     // the devices' integrations still to ask
  Exchange,    // one question to the local agent, `nonce`
  Refused,     // the refusal to show
  Purpose,     // the page asks why the application is needed
  // Of a test (trial.h), which `session` names.
  TrialCallback,
  TrialPinAddress,
  TrialPinCode,
  TrialDevice,    // the page that asks the local agent
  TrialExchange,  // one question to it
  Transfer,       // the page asks whether command line `nonce` with key `verifier` gets a token
};

struct Transaction {
  Step step = Step::Choose;
  std::string id;        // random; what is consumed where a step works once
  std::string audience;  // of the application
  std::string host;
  std::string redirect;     // path and query on that host
  std::string app_session;  // base64url SHA-256 of its CF_AppSession
  std::string method;       // identity provider id
  std::string nonce;        // OpenID Connect nonce, pin id, challenge to the agent
  std::string verifier;     // PKCE
  std::string email;        // PinCode, Refused
  std::string session;      // nonce of the signed-in session: Posture, Exchange, Purpose
  std::vector<std::string> integrations;  // first: the one asked now
  std::string reason;                     // code: of the refusal, or of an earlier failed exchange
  std::string reference;                  // Refused: of the request that was refused
  std::string support_code{};             // Refused: the provider's own
  // Start, Callback: what the provider is asked for besides who somebody is.
  std::vector<std::string> auth_contexts{};  // in the order of asking; the last one is asked now
  std::string claims{};                      // a claims challenge
  std::string prompt{};
  bool repeated = false;  // Start, Callback: because the provider wanted it asked again, once
  Instant expires_at{};   // set by seal_transaction
};

// Binds it to the browser and lets it live for `lifetime` from now.
[[nodiscard]] std::string seal_transaction(const Context& context, const Browser& browser,
                                           Transaction transaction, std::chrono::seconds lifetime);
// Demands step, browser and time. Errors: TransactionInvalid.
[[nodiscard]] std::expected<Transaction, Failure> open_transaction(const Context& context,
                                                                   const Browser& browser,
                                                                   Step step,
                                                                   std::string_view sealed);

}  // namespace gatehouse::controlplane
