// Configuration files: any bytes give a configuration or problems, each naming the file.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "configuration/file.h"
#include "selectors/registry.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto read = [](const std::string& path) -> std::optional<std::string> {
    if (path.ends_with("absent")) return std::nullopt;
    return "content\n";
  };
  const auto file = gatehouse::configuration::parse("gatehouse.yaml", "/etc/gatehouse",
                                                    {reinterpret_cast<const char*>(data), size},
                                                    gatehouse::selectors::registry(), read);
  if (file) return 0;
  if (file.error().empty()) std::abort();
  for (const auto& problem : file.error()) {
    if (problem.message.empty() || problem.line < 0) std::abort();
    if (!to_string(problem).starts_with("gatehouse.yaml:")) std::abort();
  }
  return 0;
}
