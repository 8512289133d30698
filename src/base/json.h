// Strict JSON for untrusted bytes: RFC 8259, plus no duplicate keys, a depth and a size. Pure.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::json {

using boost::json::array;
using boost::json::object;
using boost::json::value;

enum class ParseError { TooLarge, TooDeep, Syntax, DuplicateKey, InvalidUtf8 };
[[nodiscard]] std::string_view to_string(ParseError error);

struct ParseLimits {
  std::size_t max_bytes = 1 << 20;
  std::size_t max_depth = 32;
};

// Thread-safe. Refuses trailing text, comments, NaN, a byte order mark.
[[nodiscard]] std::expected<value, ParseError> parse(std::string_view text,
                                                     const ParseLimits& limits = {});

// Typed look-ups; nullptr or nullopt when absent or of another type. Borrow from the object.
[[nodiscard]] const value* find(const object& from, std::string_view key);
[[nodiscard]] std::optional<std::string_view> find_string(const object& from, std::string_view key);
[[nodiscard]] std::optional<std::int64_t> find_int(const object& from, std::string_view key);
[[nodiscard]] std::optional<bool> find_bool(const object& from, std::string_view key);
[[nodiscard]] const object* find_object(const object& from, std::string_view key);
[[nodiscard]] const array* find_array(const object& from, std::string_view key);

// RFC 6901 pointer into a value, without exceptions. The empty pointer is the value itself.
[[nodiscard]] const value* at_pointer(const value& from, std::string_view pointer);

// Keys in insertion order, no white space.
[[nodiscard]] std::string serialize(const value& document);

}  // namespace gatehouse::json
