// Selector `any_valid_service_token`: see README.md.
#pragma once

#include "selectors/values.h"

namespace gatehouse::selectors {

[[nodiscard]] Compiled compile_any_valid_service_token(Values values, decision::Combine combine,
                                                       const decision::CompileContext& context);

}  // namespace gatehouse::selectors
