// Which inbound headers could be taken for an identity by an application or by us. Pure.
#pragma once

#include <string_view>

#include "enforcement/request.h"

namespace gatehouse::enforcement {

// `name` in lower case. A character other than a letter or digit counts as `-`, because servers
// behind CGI-like interfaces cannot tell `_`, `.` and `-` apart. What stands for the client's
// address or the original request (`x-forwarded-for`, ...) is set by nginx under its usual name;
// its other spellings are removed here.
[[nodiscard]] gh_header_kind classify_header(std::string_view name);

}  // namespace gatehouse::enforcement
