#include "base/json.h"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <cmath>
#include <optional>
#include <vector>

#include "base/encoding.h"
#include "base/json_duplicate.h"

namespace gatehouse::json {
namespace {

namespace bj = boost::json;

// Builds the value while it is parsed, and keeps the keys of the open objects to find duplicates:
// Boost.JSON itself keeps the last one, and two parsers that keep different ones are an attack.
class Builder {
 public:
  static constexpr std::size_t max_object_size = object::max_size();
  static constexpr std::size_t max_array_size = array::max_size();
  static constexpr std::size_t max_key_size = bj::string::max_size();
  static constexpr std::size_t max_string_size = bj::string::max_size();

  [[nodiscard]] value release() { return stack_.release(); }
  [[nodiscard]] const std::optional<std::string>& duplicate() const { return duplicate_; }

  bool on_document_begin(bj::error_code&) {
    stack_.reset();
    return true;
  }
  bool on_document_end(bj::error_code&) { return true; }
  bool on_object_begin(bj::error_code&) { return true; }
  bool on_object_end(std::size_t count, bj::error_code& error) {
    // INVARIANT: the innermost object's keys are the last `count`; those of objects inside it are
    // gone already.
    const auto begin = keys_.end() - static_cast<std::ptrdiff_t>(count);
    std::sort(begin, keys_.end());
    if (const auto twice = std::adjacent_find(begin, keys_.end()); twice != keys_.end()) {
      duplicate_ = *twice;
      error = bj::error::syntax;
      return false;
    }
    keys_.erase(begin, keys_.end());
    stack_.push_object(count);
    return true;
  }
  bool on_array_begin(bj::error_code&) { return true; }
  bool on_array_end(std::size_t count, bj::error_code&) {
    stack_.push_array(count);
    return true;
  }
  bool on_key_part(bj::string_view part, std::size_t, bj::error_code&) {
    partial_key_.append(part.data(), part.size());
    stack_.push_chars(part);
    return true;
  }
  bool on_key(bj::string_view part, std::size_t, bj::error_code&) {
    partial_key_.append(part.data(), part.size());
    keys_.push_back(std::move(partial_key_));
    partial_key_.clear();
    stack_.push_key(part);
    return true;
  }
  bool on_string_part(bj::string_view part, std::size_t, bj::error_code&) {
    stack_.push_chars(part);
    return true;
  }
  bool on_string(bj::string_view part, std::size_t, bj::error_code&) {
    stack_.push_string(part);
    return true;
  }
  bool on_number_part(bj::string_view, bj::error_code&) { return true; }
  bool on_int64(std::int64_t number, bj::string_view, bj::error_code&) {
    stack_.push_int64(number);
    return true;
  }
  bool on_uint64(std::uint64_t number, bj::string_view, bj::error_code&) {
    stack_.push_uint64(number);
    return true;
  }
  bool on_double(double number, bj::string_view, bj::error_code& error) {
    if (!std::isfinite(number)) {
      error = bj::error::exponent_overflow;
      return false;
    }
    stack_.push_double(number);
    return true;
  }
  bool on_bool(bool flag, bj::error_code&) {
    stack_.push_bool(flag);
    return true;
  }
  bool on_null(bj::error_code&) {
    stack_.push_null();
    return true;
  }
  bool on_comment_part(bj::string_view, bj::error_code&) { return false; }
  bool on_comment(bj::string_view, bj::error_code&) { return false; }

 private:
  bj::value_stack stack_;
  std::vector<std::string> keys_;
  std::string partial_key_;
  std::optional<std::string> duplicate_;
};

}  // namespace

std::string_view to_string(ParseError error) {
  switch (error) {
    case ParseError::TooLarge:
      return "the document is too large";
    case ParseError::TooDeep:
      return "the document is nested too deeply";
    case ParseError::Syntax:
      return "the document is not JSON";
    case ParseError::DuplicateKey:
      return "an object names a key twice";
    case ParseError::InvalidUtf8:
      return "the document is not UTF-8";
  }
  return "the document is not JSON";
}

std::expected<value, ParseError> parse(std::string_view text, const ParseLimits& limits) {
  if (text.size() > limits.max_bytes) return std::unexpected(ParseError::TooLarge);
  if (!is_valid_utf8(text)) return std::unexpected(ParseError::InvalidUtf8);

  bj::parse_options options;
  options.max_depth = limits.max_depth;
  bj::basic_parser<Builder> parser(options);
  bj::error_code error;
  const std::size_t consumed = parser.write_some(false, text.data(), text.size(), error);
  if (parser.handler().duplicate()) return std::unexpected(ParseError::DuplicateKey);
  if (error == bj::error::too_deep) return std::unexpected(ParseError::TooDeep);
  if (error || consumed != text.size() || !parser.done())
    return std::unexpected(ParseError::Syntax);
  return parser.handler().release();
}

std::optional<std::string> find_duplicate_key(std::string_view text, const ParseLimits& limits) {
  if (text.size() > limits.max_bytes) return std::nullopt;
  bj::parse_options options;
  options.max_depth = limits.max_depth;
  bj::basic_parser<Builder> parser(options);
  bj::error_code error;
  parser.write_some(false, text.data(), text.size(), error);
  return parser.handler().duplicate();
}

const value* find(const object& from, std::string_view key) { return from.if_contains(key); }

std::optional<std::string_view> find_string(const object& from, std::string_view key) {
  const value* found = find(from, key);
  if (found == nullptr || !found->is_string()) return std::nullopt;
  const bj::string& text = found->get_string();
  return std::string_view(text.data(), text.size());
}

std::optional<std::int64_t> find_int(const object& from, std::string_view key) {
  const value* found = find(from, key);
  if (found == nullptr) return std::nullopt;
  if (found->is_int64()) return found->get_int64();
  if (found->is_uint64() && std::in_range<std::int64_t>(found->get_uint64()))
    return static_cast<std::int64_t>(found->get_uint64());
  return std::nullopt;
}

std::optional<bool> find_bool(const object& from, std::string_view key) {
  const value* found = find(from, key);
  if (found == nullptr || !found->is_bool()) return std::nullopt;
  return found->get_bool();
}

const object* find_object(const object& from, std::string_view key) {
  const value* found = find(from, key);
  return found == nullptr ? nullptr : found->if_object();
}

const array* find_array(const object& from, std::string_view key) {
  const value* found = find(from, key);
  return found == nullptr ? nullptr : found->if_array();
}

const value* at_pointer(const value& from, std::string_view pointer) {
  const value* here = &from;
  while (!pointer.empty()) {
    if (pointer.front() != '/') return nullptr;
    pointer.remove_prefix(1);
    const std::string_view token = pointer.substr(0, pointer.find('/'));
    pointer.remove_prefix(token.size());
    if (const array* elements = here->if_array()) {
      // RFC 6901 4: digits without a leading zero; `-` names no existing element.
      if (token.empty() || (token.size() > 1 && token.front() == '0')) return nullptr;
      std::size_t index = 0;
      const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), index);
      if (error != std::errc() || end != token.data() + token.size()) return nullptr;
      here = elements->if_contains(index);
    } else if (const object* members = here->if_object()) {
      std::string key;
      for (std::size_t i = 0; i < token.size(); ++i) {
        if (token[i] != '~') {
          key += token[i];
          continue;
        }
        if (++i == token.size() || (token[i] != '0' && token[i] != '1')) return nullptr;
        key += token[i] == '0' ? '~' : '/';
      }
      here = find(*members, key);
    } else {
      return nullptr;
    }
    if (here == nullptr) return nullptr;
  }
  return here;
}

std::string serialize(const value& document) { return bj::serialize(document); }

}  // namespace gatehouse::json
