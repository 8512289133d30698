// Sign-in by one-time PIN, seen from the browser: the address, then the code. Thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "controlplane/context.h"
#include "controlplane/journey.h"
#include "controlplane/outcome.h"

namespace gatehouse::controlplane {

// The page that asks for the address. `method`: id of the one-time PIN provider.
[[nodiscard]] OutcomeOrFailure start_pin(Context& context, const Browser& browser,
                                         const Journey& journey, std::string_view method);
// The answer is the same for every well-formed address. Errors: TransactionInvalid, PinNotSetUp,
// TooManyRequests (by client and browser, never by address), ...
[[nodiscard]] OutcomeOrFailure request_pin(Context& context, const Browser& browser,
                                           std::string_view sealed, std::string_view address);
// Whether what was typed is the code of this pin: None, or what the page says is wrong with it.
[[nodiscard]] std::expected<InputError, Failure> try_pin(Context& context, const Browser& browser,
                                                         std::string_view pin,
                                                         std::string_view typed);
[[nodiscard]] OutcomeOrFailure verify_pin(Context& context, const Browser& browser,
                                          std::string_view sealed, std::string_view code);

}  // namespace gatehouse::controlplane
