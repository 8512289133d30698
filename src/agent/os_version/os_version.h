// Collector: `os` (`linux`), and from /etc/os-release `os_distribution` (ID) and `os_version`
// (VERSION_ID). Source: os-release(5).
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

namespace gatehouse::agent {

struct OsRelease {
  std::string id;
  std::string version_id;
};
// Pure. Lines that are no assignment are skipped; the last assignment of a name counts; a value
// that is not valid UTF-8 stays empty.
[[nodiscard]] OsRelease parse_os_release(std::string_view text);

void collect_os_version(json::object& device);

}  // namespace gatehouse::agent
