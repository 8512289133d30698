// What parses is serialized to something that parses.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto document = json::parse(text);
  if (!document) return 0;
  const std::string again = json::serialize(*document);
  if (!json::parse(again, {.max_bytes = again.size(), .max_depth = 32})) std::abort();
  return 0;
}
