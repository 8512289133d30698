#include <cstdlib>
#include <string_view>

#include "controlplane/journey.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (!gatehouse::controlplane::is_local_path(text)) return 0;
  // Whatever passes stays on the host that it is appended to.
  if (text.front() != '/' || text.starts_with("//") || text.starts_with("/\\")) std::abort();
  for (const char c : text)
    if (c <= 0x20 || c >= 0x7f) std::abort();
  return 0;
}
