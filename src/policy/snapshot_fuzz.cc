// Snapshot documents from the node state: any bytes give a snapshot or problems.
#include <cstdint>
#include <string_view>

#include "policy/snapshot_document.h"
#include "selectors/registry.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto document = gatehouse::json::parse({reinterpret_cast<const char*>(data), size});
  if (document) {
    static_cast<void>(
        gatehouse::policy::compile_snapshot(*document, gatehouse::selectors::registry()));
  }
  return 0;
}
