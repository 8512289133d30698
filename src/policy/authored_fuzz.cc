// The authored form: any JSON gives resources or problems, and what was read says the same when it
// is written and read again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "policy/authored.h"
#include "selectors/registry.h"

namespace policy = gatehouse::policy;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto document = gatehouse::json::parse({reinterpret_cast<const char*>(data), size});
  if (!document) return 0;
  const auto registry = gatehouse::selectors::registry();
  const auto resources = policy::read_resources(*document, registry);
  if (!resources) {
    if (resources.error().empty()) std::abort();
    for (const auto& problem : resources.error())
      if (problem.message.empty()) std::abort();
    return 0;
  }
  const auto written = policy::write_resources(*resources, policy::Secrets::Include);
  const auto again = policy::read_resources(written, registry);
  if (!again || policy::write_resources(*again, policy::Secrets::Include) != written) std::abort();
  return 0;
}
