// The CORS protocol on answers that are the gateway's own: preflights, and refusals that a script
// of an allowed origin may read. Pure. Source: Fetch standard 3.2 (HTTP extensions) and 4.8
// (CORS-preflight fetch).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/resources.h"

namespace gatehouse::enforcement {

using Headers = std::vector<std::pair<std::string, std::string>>;

// Origins are compared as browsers send them, byte for byte.
[[nodiscard]] bool is_allowed_origin(const model::CorsHeaders& cors, std::string_view origin);
// For an answer to this origin; `Vary` alone when it is not allowed.
[[nodiscard]] Headers cors_headers(const model::CorsHeaders& cors, std::string_view origin);
// For the answer to a preflight of an allowed origin: names the method and the headers that were
// asked for and are allowed, none otherwise, so that the browser refuses.
[[nodiscard]] Headers preflight_headers(const model::CorsHeaders& cors, std::string_view origin,
                                        std::string_view method, std::string_view headers);

}  // namespace gatehouse::enforcement
