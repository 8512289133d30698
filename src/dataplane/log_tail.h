// The newest lines of a log that LogRotation keeps, over all its files, newest first.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>

namespace gatehouse::dataplane {

// Calls `line` with each line (without its end; the borrow ends with the call) until it answers
// false, or until about `max_bytes` have been read. Reads FILE, FILE.1, ... up to FILE.<files - 1>.
// A rotation meanwhile neither repeats nor loses what was there at the beginning.
void read_newest_lines(const std::filesystem::path& file, unsigned files, std::uint64_t max_bytes,
                       const std::function<bool(std::string_view)>& line);

}  // namespace gatehouse::dataplane
