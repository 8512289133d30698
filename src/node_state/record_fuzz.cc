// Any bytes as a record: decoded only with their checksum, and then only as a session, as
// revocations or as nothing.
#include <cstdint>
#include <string_view>

#include "base/json.h"
#include "model/identity.h"
#include "node_state/codec.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto inspect = [](std::string_view text) {
    const auto document = json::parse(text);
    if (!document) return;
    (void)model::session_from_json(*document);
    (void)model::revocations_from_json(*document);
  };
  if (const auto text = node_state::decode_record(bytes)) inspect(*text);
  const std::string record = node_state::encode_record(bytes);
  if (const auto text = node_state::decode_record(record)) inspect(*text);
  return 0;
}
