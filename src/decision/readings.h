// The ways in which software reads a request path. A gateway that understands a path in one way in
// front of an application that understands it in another protects the wrong thing.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

namespace gatehouse::decision {

// No escape, dot segment, empty segment, parameter, backslash, control or non-ASCII byte: every
// application reads the path alike, but for letter case and a file name extension.
[[nodiscard]] bool is_plain_path(std::string_view path);

// Calls `visit` with `path` and with every other reading of it: what any sequence of these steps
// makes of it, each of which some server, framework or language library takes:
//   percent-decoding (all of it; all but slashes; %uXXXX), again and again; broken escapes dropped
//   UTF-8 decoded carelessly (overlong forms), fullwidth and look-alike dots, slashes and letters
//   backslashes as slashes; empty segments dropped; dot segments resolved; `//host` taken off
//   `;parameters` taken off; the rest cut off at NUL, CR, LF, `?`, `#`, `;`; control bytes dropped
//   spaces, dots and NTFS stream names at the end of a segment dropped
// `path` begins with `/`, and so does every reading.
// Returns false when `visit` did, and when the path has more readings than anybody would write
// (kMaxReadings, kMaxReadingBytes): then what it means is not known. Pure, thread-safe.
[[nodiscard]] bool all_readings(std::string_view path,
                                const std::function<bool(std::string_view)>& visit);

inline constexpr std::size_t kMaxReadings = 128;
inline constexpr std::size_t kMaxReadingBytes = 32 * 1024;  // of all readings together

// Characters that some normalization turns into ASCII text and that no step above does (circled,
// mathematical, superscript letters ...). A path with one may mean anything.
[[nodiscard]] bool has_compatibility_characters(std::string_view path);

}  // namespace gatehouse::decision
