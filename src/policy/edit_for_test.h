// Changes one place of a JSON document, for tables of bad documents.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "base/json.h"

namespace gatehouse::policy {

// Puts `replacement` where the pointer (without escapes) leads, making the last member if need be;
// an index at an array's end appends.
inline void put(json::value& document, std::string_view pointer, const json::value& replacement) {
  json::value* at = &document;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const std::size_t end = std::min(pointer.find('/'), pointer.size());
    const std::string token(pointer.substr(0, end));
    pointer.remove_prefix(end);
    if (json::array* array = at->if_array()) {
      const std::size_t index = std::stoul(token);
      if (index == array->size()) array->emplace_back(nullptr);
      at = &array->at(index);
    } else {
      at = &at->as_object()[token];
    }
  }
  *at = replacement;
}

inline void take_away(json::value& document, std::string_view pointer) {
  const std::size_t slash = pointer.rfind('/');
  const std::string_view parent = pointer.substr(0, slash);
  (parent.empty() ? document : document.at_pointer(parent))
      .as_object()
      .erase(pointer.substr(slash + 1));
}

}  // namespace gatehouse::policy
