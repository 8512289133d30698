// Session records: whatever is accepted comes back from its own JSON unchanged.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/json.h"
#include "model/identity.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto document = json::parse(text);
  if (!document) return 0;
  const auto session = model::session_from_json(*document);
  if (!session) return 0;
  const std::string written = json::serialize(model::to_json(*session));
  const auto again = json::parse(written);
  if (!again) std::abort();
  const auto reread = model::session_from_json(*again);
  if (!reread || json::serialize(model::to_json(*reread)) != written) std::abort();
  static_cast<void>(model::canonical_email(session->identity.email));
  return 0;
}
