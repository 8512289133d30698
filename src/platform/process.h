// Programs that we start. Each has a process group of its own (a Ctrl-C at the terminal is for us,
// and we end it in order), an empty standard input, and receives the signals that we hold back.
// Thread-safe.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

namespace gatehouse {

struct ProcessError {
  std::string message;  // "cannot start `/usr/sbin/nginx`: No such file or directory"
};

struct SpawnOptions {
  int standard_output = -1;  // descriptors, borrowed for the call; -1: ours
  int standard_error = -1;
  std::vector<std::string> environment{};  // `NAME=value`, beside ours
};
// `arguments`: the program's path first. Whoever spawns waits.
[[nodiscard]] std::expected<pid_t, ProcessError> spawn(const std::vector<std::string>& arguments,
                                                       const SpawnOptions& options = {});

enum class Collected : std::uint8_t { Output, OutputAndErrors };
struct ProcessResult {
  bool succeeded = false;  // exit code 0
  std::string text;        // at most kMaxProcessText
};
inline constexpr std::size_t kMaxProcessText = 64 * 1024;
// Runs it to its end.
[[nodiscard]] std::expected<ProcessResult, ProcessError> run_program(
    const std::vector<std::string>& arguments, Collected collected,
    std::vector<std::string> environment = {});

// True when the process has ended within the time (and, being a child, has been reaped).
[[nodiscard]] bool wait_for_end(pid_t pid, int timeout_ms);

}  // namespace gatehouse
