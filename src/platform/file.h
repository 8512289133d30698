// Files. Errors name the path and what the system said.
#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace gatehouse {

struct FileError {
  std::string message;  // "cannot read `/etc/x`: Permission denied"
};

[[nodiscard]] std::expected<std::string, FileError> read_file(const std::filesystem::path& path,
                                                              std::size_t max_bytes = 16 << 20);
// Writes beside the target, fsyncs and renames: readers see the old or the new content, whole.
[[nodiscard]] std::expected<void, FileError> write_file_atomically(
    const std::filesystem::path& path, std::string_view content, mode_t mode);
[[nodiscard]] std::expected<void, FileError> make_directory(const std::filesystem::path& path,
                                                            mode_t mode);

}  // namespace gatehouse
