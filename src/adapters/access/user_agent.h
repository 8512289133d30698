// What a browser is called, for people who look at their sessions. Pure.
#pragma once

#include <string>
#include <string_view>

namespace gatehouse::adapters {

// `Firefox · Windows`, from a User-Agent header; one half when only that is known, else empty.
// Says nothing that a client could not have made up.
[[nodiscard]] std::string browser_name(std::string_view user_agent);

}  // namespace gatehouse::adapters
