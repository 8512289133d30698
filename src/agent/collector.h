// One small collector a folder: it adds what it can find out to the claim `device` and leaves out
// what it cannot. Collectors read the machine, need no privileges and are called for each answer.
// Adding one: its folder, and one line in the table of collectors.cc. Thread-safe.
#pragma once

#include "base/json.h"

namespace gatehouse::agent {

using Collector = void (*)(json::object& device);

// What all collectors found.
[[nodiscard]] json::object collect_device();

}  // namespace gatehouse::agent
