// Text encodings. Pure, thread-safe. Decoders are strict: what they accept, the encoder returns
// to the byte, so that one value has one spelling.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace gatehouse {

// RFC 4648 5 without padding. Decoding refuses padding, white space, other alphabets, and a last
// character whose unused bits are not zero.
[[nodiscard]] std::string base64url_encode(std::string_view bytes);
[[nodiscard]] std::optional<std::string> base64url_decode(std::string_view text);
// RFC 4648 4 with padding; white space is not accepted.
[[nodiscard]] std::string base64_encode(std::string_view bytes);
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);
// Lower case; decoding takes both cases.
[[nodiscard]] std::string hex_encode(std::string_view bytes);
[[nodiscard]] std::optional<std::string> hex_decode(std::string_view text);

// application/x-www-form-urlencoded percent coding of one component. Encoding leaves unreserved
// characters (RFC 3986 2.3) alone. Decoding refuses a broken escape; `+` is a space in forms only.
[[nodiscard]] std::string percent_encode(std::string_view text);
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text);
[[nodiscard]] std::optional<std::string> form_decode(std::string_view text);

// Escapes & < > " ' for HTML text and quoted attributes.
[[nodiscard]] std::string html_escape(std::string_view text);

[[nodiscard]] bool is_valid_utf8(std::string_view text);
// ASCII only; other bytes unchanged.
[[nodiscard]] std::string ascii_lower(std::string_view text);
[[nodiscard]] bool ascii_iequals(std::string_view left, std::string_view right);
[[nodiscard]] std::string_view trim(std::string_view text);

// Time depends on the lengths alone.
[[nodiscard]] bool constant_time_equal(std::string_view left, std::string_view right);

// UUIDs, RFC 9562, lower case with hyphens. v4 from 16 random bytes given by the caller; v5 from a
// name within a namespace: a UUID, or a label, whose namespace is its own v5 UUID as a DNS name.
[[nodiscard]] std::string uuid_v4(std::span<const std::uint8_t, 16> random);
[[nodiscard]] std::string uuid_v5(std::string_view namespace_label, std::string_view name);
[[nodiscard]] bool is_uuid(std::string_view text);

}  // namespace gatehouse
