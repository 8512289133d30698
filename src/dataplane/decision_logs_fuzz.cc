// Cursors, as clients send them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "dataplane/decision_logs.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse::dataplane;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const DecisionLogFiles none{"/nonexistent/a", "/nonexistent/b", 2};
  const auto take = [](const gatehouse::json::object&) { return Take::Yes; };
  for (const bool is_older : {true, false}) {
    const auto found = find_decisions(none, {1, is_older ? text : "", is_older ? "" : text, take});
    if (found && !found->lines.empty()) std::abort();
    // What is answered is taken again.
    if (found && !find_decisions(none, {1, "", found->newer, take})) std::abort();
  }
  return 0;
}
