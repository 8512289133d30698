// Request paths: an application is only named when every origin of test_origins.h would serve the
// path under it.
#include <cstdint>
#include <cstdlib>

#include "decision/snapshot.h"
#include "decision/test_origins.h"

namespace {

using namespace gatehouse::decision;

const std::set<std::string> kPatterns = {"/", "/admin", "/public"};

std::shared_ptr<const Snapshot> make_snapshot() {
  SnapshotBuilder builder;
  for (const auto& pattern : kPatterns) {
    CompiledApplication application;
    application.name = application.audience = pattern;
    builder.add_application(std::move(application), {"h.example" + pattern});
  }
  return builder.finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto snapshot = make_snapshot();
  std::string raw(reinterpret_cast<const char*>(data), size);
  raw = raw.substr(0, raw.find_first_of("?\n"));
  const auto located = snapshot->locate("h.example", raw);
  if (located.ambiguous) return 0;
  for (const auto& origin : testing::kOrigins)
    if (located.application->name != testing::owner(origin.path(raw), kPatterns)) std::abort();
  return 0;
}
