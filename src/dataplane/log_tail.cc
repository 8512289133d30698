#include "dataplane/log_tail.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/encoding.h"
#include "crypto/digest.h"

namespace gatehouse::dataplane {
namespace {

constexpr std::uint64_t kBlock = 64 * 1024;
constexpr std::uint64_t kMaxFirstLine = std::uint64_t{1} << 20;
constexpr std::size_t kNameBytes = 8;

// Less than asked for where the file was emptied meanwhile.
std::string read_block(const Descriptor& descriptor, std::uint64_t offset, std::uint64_t length) {
  std::string block(length, '\0');
  const ssize_t count = ::pread(descriptor.get(), block.data(), length, static_cast<off_t>(offset));
  block.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
  return block;
}

std::string name_of(const Descriptor& descriptor, std::uint64_t size) {
  std::string first;
  while (first.size() < std::min(size, kMaxFirstLine)) {
    const auto block = read_block(descriptor, first.size(), std::min(kBlock, size - first.size()));
    if (block.empty()) return {};
    first += block;
    const auto end = first.find('\n');
    if (end == std::string::npos) continue;
    return hex_encode(crypto::sha256(first.substr(0, end)).substr(0, kNameBytes));
  }
  return {};
}

// Where the last line ends.
std::uint64_t complete_size(const Descriptor& descriptor, std::uint64_t size) {
  while (size > 0) {
    const std::uint64_t length = std::min(kBlock, size);
    const auto block = read_block(descriptor, size - length, length);
    if (block.size() != length) return 0;
    const auto end = block.rfind('\n');
    if (end != std::string::npos) return size - length + end + 1;
    size -= length;
  }
  return 0;
}

}  // namespace

LogFiles::LogFiles(const std::filesystem::path& file, unsigned files) {
  std::vector<ino_t> seen;
  for (unsigned number = 0; number < files; ++number) {
    const std::string path =
        number == 0 ? file.string() : file.string() + "." + std::to_string(number);
    Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status{};
    if (!descriptor.valid() || ::fstat(descriptor.get(), &status) != 0) continue;
    if (std::ranges::find(seen, status.st_ino) != seen.end()) continue;
    seen.push_back(status.st_ino);
    const auto size = complete_size(descriptor, static_cast<std::uint64_t>(status.st_size));
    std::string name = name_of(descriptor, size);
    opened_.push_back({std::move(descriptor), name.empty() ? 0 : size, std::move(name)});
  }
}

std::optional<std::size_t> LogFiles::find(std::string_view name) const {
  const auto found = std::ranges::find(opened_, name, &Opened::name);
  if (name.empty() || found == opened_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - opened_.begin());
}

LogPosition LogFiles::end() const {
  for (const auto& file : opened_)
    if (!file.name.empty()) return {file.name, file.size};
  return {};
}

LogFiles::Backward::Backward(const LogFiles& files, const std::optional<LogPosition>& before)
    : files_(files) {
  if (before) {
    const auto found = files.find(before->file);
    file_ = found.value_or(files.opened_.size());
    if (found) begin_ = std::min(before->offset, files.opened_[*found].size);
  } else if (!files.opened_.empty()) {
    begin_ = files.opened_.front().size;
  }
}

bool LogFiles::Backward::open_older() {
  if (file_ + 1 >= files_.opened_.size()) {
    file_ = files_.opened_.size();
    return false;
  }
  ++file_;
  begin_ = files_.opened_[file_].size;
  return true;
}

std::optional<std::string_view> LogFiles::Backward::next() {
  // INVARIANT: rest_ is what stands from begin_ up to the end of the next line to give out.
  while (file_ < files_.opened_.size()) {
    if (rest_.empty() && begin_ == 0) {
      if (!open_older()) break;
      continue;
    }
    const auto at = rest_.size() < 2 ? std::string::npos : rest_.rfind('\n', rest_.size() - 2);
    if (at == std::string::npos && begin_ > 0) {
      const std::uint64_t length = std::min(begin_, kBlock);
      const auto block = read_block(files_.opened_[file_].descriptor, begin_ - length, length);
      begin_ -= length;
      bytes_ += length;
      if (block.size() == length) {
        rest_.insert(0, block);
      } else {  // was emptied
        begin_ = 0;
        rest_.clear();
      }
      continue;
    }
    const std::size_t start = at == std::string::npos ? 0 : at + 1;
    line_ = rest_.substr(start, rest_.size() - 1 - start);
    start_ = begin_ + start;
    given_ = file_;
    rest_.resize(start);
    if (!line_.empty()) return line_;
  }
  return std::nullopt;
}

LogPosition LogFiles::Backward::position() const { return {files_.opened_[given_].name, start_}; }

LogPosition LogFiles::read_after(const LogPosition& after, std::uint64_t max_bytes,
                                 const std::function<bool(std::string_view)>& line) const {
  LogPosition reached = after;
  const auto found = find(after.file);
  for (std::size_t next = found ? *found + 1 : opened_.size(); next > 0; --next) {
    const auto& [descriptor, size, name] = opened_[next - 1];
    if (name.empty()) continue;
    std::uint64_t offset = found && next == *found + 1 ? after.offset : 0;
    std::string rest;
    while (offset + rest.size() < size) {
      if (max_bytes == 0) return reached;
      const std::uint64_t length = std::min({size - offset - rest.size(), kBlock, max_bytes});
      const auto block = read_block(descriptor, offset + rest.size(), length);
      if (block.empty()) break;  // was emptied
      max_bytes -= block.size();
      rest += block;
      std::size_t begin = 0;
      for (std::size_t end; (end = rest.find('\n', begin)) != std::string::npos; begin = end + 1) {
        const auto text = std::string_view(rest).substr(begin, end - begin);
        if (!text.empty() && !line(text)) return reached;
        reached = {name, offset + end + 1};
      }
      rest.erase(0, begin);
      offset += begin;
    }
  }
  return reached;
}

}  // namespace gatehouse::dataplane
