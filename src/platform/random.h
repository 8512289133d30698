// Random bytes from the operating system's generator (OpenSSL RAND_bytes). Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace gatehouse {

[[nodiscard]] std::string random_bytes(std::size_t count);
[[nodiscard]] std::string random_hex(std::size_t bytes);
[[nodiscard]] std::string random_base64url(std::size_t bytes);
[[nodiscard]] std::string random_uuid();
// Uniform in [0, bound).
[[nodiscard]] std::uint32_t random_below(std::uint32_t bound);

}  // namespace gatehouse
