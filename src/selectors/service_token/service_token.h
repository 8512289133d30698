// Selector `service_token`: see README.md.
#pragma once

#include "selectors/values.h"

namespace gatehouse::selectors {

// Of the request, there, enabled and not expired at `now`.
[[nodiscard]] bool is_usable(const decision::CompiledServiceToken* token, Instant now);
[[nodiscard]] decision::Observation observe_service_token(const decision::Evidence& evidence);

[[nodiscard]] Compiled compile_service_token(Values values, decision::Combine combine,
                                             const decision::CompileContext& context);

}  // namespace gatehouse::selectors
