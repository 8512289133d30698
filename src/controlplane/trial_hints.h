// What an administrator can do about a test that failed. Pure.
#pragma once

#include <string_view>

#include "decision/reason.h"
#include "identity/provider.h"
#include "posture/tanium/tanium.h"

namespace gatehouse::controlplane {

// Empty: nothing more to say.
[[nodiscard]] std::string_view login_hint(const identity::IdentityError& error);
// `invalid_signature`, ...: stable.
[[nodiscard]] std::string_view device_code(posture::TaniumError error);
[[nodiscard]] std::string_view device_hint(posture::TaniumError error);
// Of what the page reported.
[[nodiscard]] std::string_view device_hint(decision::Reason reason);

}  // namespace gatehouse::controlplane
