#include "dataplane/log_rotation.h"

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace gatehouse::dataplane {
namespace {

namespace fs = std::filesystem;

fs::path numbered(const fs::path& file, unsigned number) {
  return file.string() + "." + std::to_string(number);
}

}  // namespace

LogRotation::LogRotation(fs::path file, LogLimits limits, std::function<void()> reopen,
                         std::function<void(const std::string&)> log)
    : file_(std::move(file)), reopen_(std::move(reopen)), log_(std::move(log)), limits_(limits) {}

void LogRotation::set_limits(LogLimits limits) {
  const std::lock_guard lock(mutex_);
  limits_ = limits;
}

// The oldest first, so that every name is free when it is needed.
std::expected<void, std::string> LogRotation::rotate(unsigned files) const {
  std::error_code error;
  for (unsigned number = files; number-- > 0;) {
    const fs::path from = number == 0 ? file_ : numbered(file_, number);
    if (number + 1 == files) {
      if (number > 0) fs::remove(from, error);
    } else {
      fs::rename(from, numbered(file_, number + 1), error);
    }
    if (error && error != std::errc::no_such_file_or_directory) {
      return std::unexpected("cannot rotate `" + from.string() + "`: " + error.message());
    }
    error.clear();
  }
  if (files == 1) {
    fs::resize_file(file_, 0, error);  // nginx appends: it goes on at the new end
    if (error) return std::unexpected("cannot empty `" + file_.string() + "`: " + error.message());
  }
  return {};
}

void LogRotation::tick() {
  const std::lock_guard lock(mutex_);
  std::error_code error;
  const std::uintmax_t size = fs::file_size(file_, error);
  if (error || size <= limits_.max_bytes) return;
  const auto rotated = rotate(limits_.files);
  if (rotated) {
    failing_ = false;
    reopen_();
    return;
  }
  std::string problem = rotated.error();
  fs::resize_file(file_, 0, error);
  problem += error ? "; cannot empty it: " + error.message() : "; it is emptied instead";
  if (!failing_) log_(problem);
  failing_ = true;
}

std::expected<void, std::string> let_workers_reopen(const fs::path& directory,
                                                    const std::string& group) {
  const ::group* entry = ::getgrnam(group.c_str());
  if (entry == nullptr) return std::unexpected("no such group `" + group + "` (nginx.user)");
  if (::chown(directory.c_str(), static_cast<uid_t>(-1), entry->gr_gid) != 0 ||
      ::chmod(directory.c_str(), 0750) != 0) {
    return std::unexpected("cannot give `" + directory.string() + "` to the group `" + group +
                           "`: " + std::strerror(errno));
  }
  return {};
}

}  // namespace gatehouse::dataplane
