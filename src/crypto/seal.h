// Authenticated encryption of small texts: AES-256-GCM, the purpose bound as associated data, so
// that a value sealed for one use opens for no other. Pure: the nonce is an argument. Thread-safe.
// Form: 12 bytes nonce, ciphertext, 16 bytes tag.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::crypto {

inline constexpr std::size_t kSealKeyBytes = 32;
inline constexpr std::size_t kSealNonceBytes = 12;

// `nonce` is kSealNonceBytes fresh random bytes, `key` is kSealKeyBytes.
[[nodiscard]] std::string seal(std::string_view key, std::string_view nonce,
                               std::string_view purpose, std::string_view plain);
// Nothing when the key, the purpose or a single bit is wrong.
[[nodiscard]] std::optional<std::string> open_sealed(std::string_view key,
                                                     std::string_view purpose,
                                                     std::string_view sealed);

}  // namespace gatehouse::crypto
