// Collector: `hostname`, as the kernel has it.
#pragma once

#include "base/json.h"

namespace gatehouse::agent {

void collect_hostname(json::object& device);

}  // namespace gatehouse::agent
