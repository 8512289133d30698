// The present moment, for those who may ask. Pure code takes an Instant instead.
#pragma once

#include <functional>

#include "base/time.h"

namespace gatehouse {

// Handed down by main; tests hand down their own. Thread-safe.
using Clock = std::function<Instant()>;
[[nodiscard]] Instant system_now();

}  // namespace gatehouse
