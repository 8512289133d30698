// Sealing to somebody's public key: X25519 (RFC 7748) with a key pair made for this one text, HKDF
// over the agreed secret and both public keys, then AES-256-GCM (seal.h). Pure: the random bytes
// are an argument. Thread-safe. Form: 32 bytes of the sender's public key, then what seal() made.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::crypto {

inline constexpr std::size_t kBoxKeyBytes = 32;

// `private_key` is kBoxKeyBytes fresh random bytes.
[[nodiscard]] std::string box_public_key(std::string_view private_key);
// `ephemeral` is kBoxKeyBytes fresh random bytes, for this text only. Nothing when `public_key` is
// no key that a secret can be agreed with.
[[nodiscard]] std::optional<std::string> seal_to_key(std::string_view public_key,
                                                     std::string_view ephemeral,
                                                     std::string_view purpose,
                                                     std::string_view plain);
// Nothing when the key, the purpose or a single bit is wrong.
[[nodiscard]] std::optional<std::string> open_with_key(std::string_view private_key,
                                                       std::string_view purpose,
                                                       std::string_view sealed);

}  // namespace gatehouse::crypto
