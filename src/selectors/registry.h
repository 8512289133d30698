// Every selector kind this build knows, in alphabetical order. Generated from the folder list in
// selectors/CMakeLists.txt; main hands it down.
#pragma once

#include "decision/matcher.h"

namespace gatehouse::selectors {

[[nodiscard]] decision::SelectorRegistry registry();

}  // namespace gatehouse::selectors
