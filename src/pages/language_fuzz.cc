#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "pages/language.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view header(reinterpret_cast<const char*>(data), size);
  const auto language = gatehouse::pages::choose_language(header);
  if (static_cast<std::size_t>(language) >= gatehouse::pages::kLanguages.size()) std::abort();
  return 0;
}
