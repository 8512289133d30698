#include "dataplane/log_tail.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "platform/descriptor.h"

namespace gatehouse::dataplane {
namespace {

constexpr std::uint64_t kBlock = 64 * 1024;

struct Opened {
  Descriptor descriptor;
  std::uint64_t size = 0;
};

// All at once, so that a rotation does not move them while they are read.
std::vector<Opened> open_all(const std::filesystem::path& file, unsigned files) {
  std::vector<Opened> opened;
  std::vector<ino_t> seen;
  for (unsigned number = 0; number < files; ++number) {
    const std::string path =
        number == 0 ? file.string() : file.string() + "." + std::to_string(number);
    Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status{};
    if (!descriptor.valid() || ::fstat(descriptor.get(), &status) != 0) continue;
    if (std::ranges::find(seen, status.st_ino) != seen.end()) continue;
    seen.push_back(status.st_ino);
    opened.push_back({std::move(descriptor), static_cast<std::uint64_t>(status.st_size)});
  }
  return opened;
}

}  // namespace

void read_newest_lines(const std::filesystem::path& file, unsigned files, std::uint64_t max_bytes,
                       const std::function<bool(std::string_view)>& line) {
  for (const auto& [descriptor, size] : open_all(file, files)) {
    std::string rest;  // the beginning of the text that has been read and not been given out
    for (std::uint64_t end = size; end > 0;) {
      if (max_bytes == 0) return;
      const std::uint64_t length = std::min({end, kBlock, max_bytes});
      std::string block(length, '\0');
      const ssize_t count =
          ::pread(descriptor.get(), block.data(), length, static_cast<off_t>(end - length));
      if (count < 0 || static_cast<std::uint64_t>(count) != length) break;  // was emptied
      end -= length;
      max_bytes -= length;
      rest.insert(0, block);
      for (std::size_t at; (at = rest.rfind('\n')) != std::string::npos; rest.resize(at)) {
        const std::string_view found = std::string_view(rest).substr(at + 1);
        if (!found.empty() && !line(found)) return;
      }
    }
    if (!rest.empty() && max_bytes > 0 && !line(rest)) return;
  }
}

}  // namespace gatehouse::dataplane
