// Selector `external_evaluation`: see README.md.
#pragma once

#include "selectors/values.h"

namespace gatehouse::selectors {

[[nodiscard]] Compiled compile_external_evaluation(Values values, decision::Combine combine,
                                                   const decision::CompileContext& context);

}  // namespace gatehouse::selectors
