// Finds the end of an HTTP/1.1 request head in bytes as they arrive and refuses the framing tricks
// that parsers disagree about. Pure, thread-safe. Source: RFC 9112 2.2, 5.1, 5.2.
#pragma once

#include <cstddef>
#include <string_view>

namespace gatehouse::net {

enum class HeadState { Incomplete, Complete, Malformed };

struct HeadScan {
  HeadState state = HeadState::Incomplete;
  std::size_t bytes = 0;  // Complete: length of the head with its empty line
};

// `scanned` is how much of `received` an earlier call has already found Incomplete.
// Malformed: a CR or LF alone, another control character, a line that begins with white space
// (obs-fold), or an empty request line.
[[nodiscard]] HeadScan scan_head(std::string_view received, std::size_t scanned);

}  // namespace gatehouse::net
