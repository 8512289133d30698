// Why somebody needs an application, where its policy asks for it: asked once a sign-in, kept on
// the session, written to the audit trail. Thread-safe; blocks on the store.
// docs/reference/wire.md.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "controlplane/context.h"
#include "controlplane/journey.h"
#include "controlplane/outcome.h"

namespace gatehouse::controlplane {

inline constexpr std::size_t kMaxPurposeCharacters = 500;

// The text as it is kept: line breaks and tabs are spaces, none at its ends. Other control
// characters, none and too many characters are errors.
[[nodiscard]] std::expected<std::string, InputError> read_purpose(std::string_view text);

// The question, when the policies ask it of this browser's session now; else where to go on.
[[nodiscard]] OutcomeOrFailure ask_purpose(Context& context, const Browser& browser,
                                           const LoginQuery& query);
// The answer. One that cannot be taken is asked for again.
[[nodiscard]] OutcomeOrFailure state_purpose(Context& context, const Browser& browser,
                                             std::string_view sealed, std::string_view text);

}  // namespace gatehouse::controlplane
