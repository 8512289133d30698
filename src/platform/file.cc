#include "platform/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "platform/descriptor.h"
#include "platform/random.h"

namespace gatehouse {
namespace {

std::unexpected<FileError> failed(std::string_view what, const std::filesystem::path& path,
                                  int error) {
  return std::unexpected(FileError{fmt::format("cannot {} `{}`: {}", what, path.string(),
                                               std::generic_category().message(error))});
}

bool write_all(int descriptor, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(descriptor, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

std::expected<std::string, FileError> read_file(const std::filesystem::path& path,
                                                std::size_t max_bytes) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return failed("read", path, errno);
  std::string content;
  std::string buffer(64 * 1024, '\0');
  for (;;) {
    const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed("read", path, errno);
    if (count == 0) return content;
    // Counted while reading, for the size that stat gives can change and devices have none.
    if (content.size() + static_cast<std::size_t>(count) > max_bytes)
      return std::unexpected(FileError{
          fmt::format("cannot read `{}`: larger than {} bytes", path.string(), max_bytes)});
    content.append(buffer, 0, static_cast<std::size_t>(count));
  }
}

std::expected<void, FileError> write_file_atomically(const std::filesystem::path& path,
                                                     std::string_view content, mode_t mode) {
  const std::filesystem::path temporary = path.string() + "." + random_hex(8) + ".tmp";
  Descriptor file(
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return failed("write", path, errno);
  // fchmod rather than open's mode: the umask does not apply to it.
  if (!write_all(file.get(), content) || ::fchmod(file.get(), mode) != 0 ||
      ::fsync(file.get()) != 0 || !file.close() || ::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary.c_str());
    return failed("write", path, error);
  }
  // The rename is durable once the directory is.
  const std::filesystem::path parent = path.has_parent_path() ? path.parent_path() : ".";
  const Descriptor directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid() || ::fsync(directory.get()) != 0) return failed("write", path, errno);
  return {};
}

std::expected<void, FileError> make_directory(const std::filesystem::path& path, mode_t mode) {
  std::error_code error;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  if (error) return failed("create", path, error.value());
  if (::mkdir(path.c_str(), mode) == 0) {
    if (::chmod(path.c_str(), mode) != 0) return failed("create", path, errno);
    return {};
  }
  const int reason = errno;
  if (reason == EEXIST && std::filesystem::is_directory(path, error)) return {};
  return failed("create", path, reason);
}

}  // namespace gatehouse
