// A log of JSON lines that never makes its user wait: a bounded queue, and a thread of its own that
// writes and rotates (`x.jsonl`, `x.jsonl.1`, ...). Thread-safe.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace gatehouse::adapters {

inline constexpr std::size_t kMaxQueuedRecords = 4096;

class DecisionLog {
 public:
  // `max_bytes` of one file; `files` are kept, the current one included.
  DecisionLog(std::filesystem::path path, std::uint64_t max_bytes, unsigned files);
  ~DecisionLog();  // writes what is queued
  DecisionLog(const DecisionLog&) = delete;
  DecisionLog& operator=(const DecisionLog&) = delete;

  // `record` without line end. Dropped and counted when the queue is full.
  void append(std::string record);
  // Records that were dropped or could not be written, so far.
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  void run();
  void write(const std::vector<std::string>& records);
  void rotate() const;

  const std::filesystem::path path_;
  const std::uint64_t max_bytes_;
  const unsigned files_;
  std::atomic<std::uint64_t> dropped_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> queue_;  // under mutex_
  bool ending_ = false;             // likewise
  std::thread thread_;
};

}  // namespace gatehouse::adapters
