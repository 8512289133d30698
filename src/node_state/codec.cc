#include "node_state/codec.h"

#include "crypto/digest.h"

namespace gatehouse::node_state {

std::string encode_record(std::string_view json_text) {
  std::string record = crypto::sha256(json_text);
  record.resize(kChecksumBytes);
  record.append(json_text);
  return record;
}

std::optional<std::string_view> decode_record(std::string_view record) {
  if (record.size() <= kChecksumBytes) return std::nullopt;
  const std::string_view text = record.substr(kChecksumBytes);
  const std::string digest = crypto::sha256(text);
  if (std::string_view(digest).substr(0, kChecksumBytes) != record.substr(0, kChecksumBytes)) {
    return std::nullopt;
  }
  return text;
}

}  // namespace gatehouse::node_state
