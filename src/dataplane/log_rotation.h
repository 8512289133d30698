// Keeps the decision log bounded: a file that has grown beyond its limit becomes FILE.1, FILE.1
// becomes FILE.2, and so on; the oldest goes. nginx is then told to open its logs again.
// Thread-safe.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>

namespace gatehouse::dataplane {

struct LogLimits {
  std::uint64_t max_bytes = 0;
  unsigned files = 1;  // kept, the current one included
};

class LogRotation {
 public:
  // `reopen`: makes the writer open `file` anew. It may go on writing to the old one until then.
  LogRotation(std::filesystem::path file, LogLimits limits, std::function<void()> reopen,
              std::function<void(const std::string&)> log);

  void set_limits(LogLimits limits);
  // Called every few seconds. A file that cannot be renamed is emptied instead, so that a log never
  // fills the disk; what fails is said once, until it works again.
  void tick();

 private:
  [[nodiscard]] std::expected<void, std::string> rotate(unsigned files) const;

  const std::filesystem::path file_;
  const std::function<void()> reopen_;
  const std::function<void(const std::string&)> log_;
  std::mutex mutex_;
  LogLimits limits_;
  bool failing_ = false;
};

// nginx's workers open their logs again themselves: the directory is given to their group.
[[nodiscard]] std::expected<void, std::string> let_workers_reopen(
    const std::filesystem::path& directory, const std::string& group);

}  // namespace gatehouse::dataplane
