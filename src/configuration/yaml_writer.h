// JSON value -> YAML text for people, which parse_yaml (yaml.h) reads back as the same value. Pure.
#pragma once

#include <string>

#include "base/json.h"

namespace gatehouse::configuration {

// Block style, two columns a level, keys in the object's order. Long texts are block scalars;
// quotes stand only where a text would be read as something else, here or by other readers of YAML.
// Ends with a line break.
[[nodiscard]] std::string write_yaml(const json::value& value);

}  // namespace gatehouse::configuration
