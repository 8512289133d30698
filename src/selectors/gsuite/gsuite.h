// Selector `gsuite`: see README.md.
#pragma once

#include "selectors/values.h"

namespace gatehouse::selectors {

[[nodiscard]] Compiled compile_gsuite(Values values, decision::Combine combine,
                                      const decision::CompileContext& context);

}  // namespace gatehouse::selectors
