// Which key it is that makes a document ParseError::DuplicateKey. Pure, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"

namespace gatehouse::json {

// The first key that stands twice in one object; nullopt: there is none before the text goes wrong.
[[nodiscard]] std::optional<std::string> find_duplicate_key(std::string_view text,
                                                            const ParseLimits& limits = {});

}  // namespace gatehouse::json
