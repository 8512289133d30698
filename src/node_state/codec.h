// The bytes of one record: 16 bytes of SHA-256 over the JSON text, then the text. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::node_state {

inline constexpr std::size_t kChecksumBytes = 16;

[[nodiscard]] std::string encode_record(std::string_view json_text);
// The JSON text inside `record`, or nullopt when the checksum does not fit.
[[nodiscard]] std::optional<std::string_view> decode_record(std::string_view record);

}  // namespace gatehouse::node_state
