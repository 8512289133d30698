#include "adapters/forward_auth/decision_log.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace gatehouse::adapters {
namespace {

constexpr mode_t kMode = 0640;

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

DecisionLog::DecisionLog(std::filesystem::path path, std::uint64_t max_bytes, unsigned files)
    : path_(std::move(path)),
      max_bytes_(max_bytes),
      files_(std::max(files, 1U)),
      thread_([this] { run(); }) {}

DecisionLog::~DecisionLog() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void DecisionLog::append(std::string record) {
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= kMaxQueuedRecords) {
      ++dropped_;
      return;
    }
    queue_.push_back(std::move(record));
  }
  changed_.notify_one();
}

void DecisionLog::run() {
  std::uint64_t reported = 0;
  for (;;) {
    std::vector<std::string> records;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ending_ || !queue_.empty(); });
      if (queue_.empty()) return;
      records.swap(queue_);
    }
    write(records);
    if (const std::uint64_t dropped = dropped_; dropped != reported) {
      spdlog::warn("{}: {} record(s) lost", path_.string(), dropped - reported);
      reported = dropped;
    }
  }
}

void DecisionLog::write(const std::vector<std::string>& records) {
  std::error_code none;
  std::uint64_t size = std::filesystem::file_size(path_, none);
  if (none) size = 0;
  int descriptor = -1;
  for (const auto& record : records) {
    if (size > 0 && size + record.size() + 1 > max_bytes_) {
      if (descriptor >= 0) ::close(std::exchange(descriptor, -1));
      rotate();
      size = 0;
    }
    if (descriptor < 0)
      descriptor = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, kMode);
    if (descriptor < 0 || !write_all(descriptor, record + "\n")) {
      ++dropped_;
      continue;
    }
    size += record.size() + 1;
  }
  if (descriptor >= 0) ::close(descriptor);
}

void DecisionLog::rotate() const {
  std::error_code absent;  // there may be fewer files than are kept
  const auto numbered = [this](unsigned number) {
    return number == 0 ? path_
                       : std::filesystem::path(path_.string() + "." + std::to_string(number));
  };
  if (files_ == 1) {
    std::filesystem::remove(path_, absent);
    return;
  }
  for (unsigned number = files_ - 1; number > 0; --number)
    std::filesystem::rename(numbered(number - 1), numbered(number), absent);
}

}  // namespace gatehouse::adapters
