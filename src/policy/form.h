// The two forms that resources are written in.
#pragma once

#include <cstdint>

namespace gatehouse::policy {

enum class Form : std::uint8_t {
  Authored,  // everything an administrator writes
  Snapshot,  // what nginx workers need: no secrets, providers by name only, no ingress
};

}  // namespace gatehouse::policy
