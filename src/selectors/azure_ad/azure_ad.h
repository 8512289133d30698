// Selector `azureAD`: see README.md.
#pragma once

#include "selectors/values.h"

namespace gatehouse::selectors {

[[nodiscard]] Compiled compile_azure_ad(Values values, decision::Combine combine,
                                        const decision::CompileContext& context);

}  // namespace gatehouse::selectors
