// Digests over OpenSSL 3. Pure, thread-safe. Results are raw bytes.
#pragma once

#include <string>
#include <string_view>

namespace gatehouse::crypto {

[[nodiscard]] std::string sha256(std::string_view bytes);
[[nodiscard]] std::string hmac_sha256(std::string_view key, std::string_view bytes);
// RFC 5869 with an empty salt; 32 bytes for the named purpose.
[[nodiscard]] std::string derive_key(std::string_view master_key, std::string_view purpose);

}  // namespace gatehouse::crypto
