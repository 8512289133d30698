// Selector `oidc`: see README.md.
#pragma once

#include "selectors/values.h"

namespace gatehouse::selectors {

[[nodiscard]] Compiled compile_oidc(Values values, decision::Combine combine,
                                    const decision::CompileContext& context);

}  // namespace gatehouse::selectors
