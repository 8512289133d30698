#include "platform/clock.h"

#include <chrono>

namespace gatehouse {

Instant system_now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

}  // namespace gatehouse
