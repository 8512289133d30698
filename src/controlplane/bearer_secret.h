// Secrets that programs carry in a header: API tokens and service tokens.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gatehouse::controlplane {

inline constexpr std::size_t kBearerSecretCharacters = 40;  // letters and digits: 238 bits
inline constexpr std::size_t kBearerChecksumCharacters = 8;

// The prefix, random characters, and a checksum of both, so that scanners recognise a leaked one.
[[nodiscard]] std::string make_bearer_secret(std::string_view prefix);
// Whether the text has that form; says nothing about who made it.
[[nodiscard]] bool has_bearer_form(std::string_view secret, std::string_view prefix);

}  // namespace gatehouse::controlplane
