#include "platform/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "platform/descriptor.h"

extern char** environ;

namespace gatehouse {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (const auto& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

std::unexpected<ProcessError> cannot_start(const std::string& program, int error) {
  return std::unexpected(ProcessError{
      fmt::format("cannot start `{}`: {}", program, std::generic_category().message(error))});
}

}  // namespace

std::expected<pid_t, ProcessError> spawn(const std::vector<std::string>& arguments,
                                         const SpawnOptions& options) {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
  environment.insert(environment.end(), options.environment.begin(), options.environment.end());

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  if (options.standard_output >= 0)
    posix_spawn_file_actions_adddup2(&actions, options.standard_output, STDOUT_FILENO);
  if (options.standard_error >= 0)
    posix_spawn_file_actions_adddup2(&actions, options.standard_error, STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);

  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, arguments.front().c_str(), &actions, &attributes,
                                  pointers(arguments).data(), pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) return cannot_start(arguments.front(), error);
  return pid;
}

std::expected<ProcessResult, ProcessError> run_program(const std::vector<std::string>& arguments,
                                                       Collected collected,
                                                       std::vector<std::string> environment) {
  std::array<int, 2> channel{};
  if (::pipe2(channel.data(), O_CLOEXEC) != 0) return cannot_start(arguments.front(), errno);
  const Descriptor reading(channel[0]);
  Descriptor writing(channel[1]);
  const auto pid =
      spawn(arguments, {.standard_output = writing.get(),
                        .standard_error = collected == Collected::Output ? -1 : writing.get(),
                        .environment = std::move(environment)});
  writing = Descriptor();  // the end of its output is then the end of ours
  if (!pid) return std::unexpected(pid.error());
  ProcessResult result;
  std::array<char, 4096> buffer{};
  for (ssize_t count; (count = ::read(reading.get(), buffer.data(), buffer.size())) != 0;) {
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) break;
    const std::size_t room = kMaxProcessText - result.text.size();
    result.text.append(buffer.data(), std::min(room, static_cast<std::size_t>(count)));
  }
  int status = 0;
  while (::waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
  }
  result.succeeded = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return result;
}

bool wait_for_end(pid_t pid, int timeout_ms) {
  const Descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (process.valid()) {
    pollfd watch{process.get(), POLLIN, 0};
    if (::poll(&watch, 1, timeout_ms) <= 0) return false;
  }
  ::waitpid(pid, nullptr, WNOHANG);
  return true;
}

}  // namespace gatehouse
