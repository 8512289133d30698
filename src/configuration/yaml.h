// YAML 1.2 text -> JSON value, with the line of every value. Pure.
// Plain scalars become null, booleans and numbers as the core schema has them, with one deviation:
// only decimals in their usual spelling are numbers (`007`, `0x10`, `+1` and `.inf` stay text), so
// that a name loses nothing. Quoted and block scalars are always text.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace gatehouse::configuration {

inline constexpr std::size_t kMaxYamlDepth = 32;
// Values, and bytes of text, after aliases have been expanded.
inline constexpr std::size_t kMaxYamlValues = 4'000'000;

// The lines of a value and of what is in it: one child for each member, in the value's own order.
struct LineTree {
  int line = 0;  // 1-based; of the key, where there is one
  std::vector<LineTree> children;
};

struct YamlProblem {
  int line = 0;
  std::string field;
  std::string message;
};

struct YamlDocument {
  json::value value;
  LineTree lines;
};

// One document of at most kMaxConfigurationBytes. Syntax errors, tags, several documents, nesting
// and expansion beyond the limits end the reading; every duplicate key is reported.
[[nodiscard]] std::expected<YamlDocument, std::vector<YamlProblem>> parse_yaml(
    std::string_view text);

// applications[0].policies[1].name, from left to right.
void append_key(std::string& field, std::string_view key);
void append_index(std::string& field, std::size_t index);

// Where an RFC 6901 pointer leads: its field, and the line of the value or, when it is absent, of
// the nearest one around it (0: the whole document).
struct Position {
  int line = 0;
  std::string field;
};
[[nodiscard]] Position locate(const YamlDocument& document, std::string_view pointer);

}  // namespace gatehouse::configuration
