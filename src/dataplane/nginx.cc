#include "dataplane/nginx.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <vector>

#include "base/encoding.h"
#include "platform/file.h"

extern char** environ;

namespace gatehouse::dataplane {
namespace {

namespace fs = std::filesystem;

// A module built with AddressSanitizer needs the runtime before nginx's own allocations.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

std::vector<std::string> child_environment() {
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) result.emplace_back(*entry);
  if (kSanitized) {
    result.emplace_back("LD_PRELOAD=" + std::string(GATEHOUSE_ASAN_RUNTIME));
    result.emplace_back("ASAN_OPTIONS=detect_leaks=0");  // nginx frees nothing when it ends
  }
  return result;
}

struct Descriptor {
  explicit Descriptor(int value) : fd(value) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
  int fd;
};

std::expected<pid_t, NginxError> run(const std::vector<std::string>& arguments, int output) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  if (output >= 0) {
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  }
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  // Its own group: a Ctrl-C at the terminal is for us, and we end nginx in order. Signals that we
  // hold back for our own loop are nginx's to receive.
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  std::vector<char*> argv;
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const auto environment = child_environment();
  std::vector<char*> envp;
  for (const auto& entry : environment) envp.push_back(const_cast<char*>(entry.c_str()));
  envp.push_back(nullptr);
  pid_t pid = 0;
  const int code = ::posix_spawn(&pid, arguments.front().c_str(), &actions, &attributes,
                                 argv.data(), envp.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (code != 0) {
    return std::unexpected(
        NginxError{"cannot start `" + arguments.front() + "`: " + std::strerror(code)});
  }
  return pid;
}

}  // namespace

Nginx::Nginx(NginxOptions options) : options_(std::move(options)) {
  wake_ = ::eventfd(0, EFD_CLOEXEC);
}

Nginx::~Nginx() {
  stop();
  if (wake_ >= 0) ::close(wake_);
}

// Writes the candidate beside the configuration, lets nginx test it, and moves it into place.
std::expected<void, NginxError> Nginx::install(const std::string& configuration) {
  const fs::path prefix = options_.prefix;
  for (const fs::path& directory : {prefix, prefix / "tmp"}) {
    if (auto made = make_directory(directory, 0755); !made) {
      return std::unexpected(NginxError{made.error().message});
    }
  }
  const fs::path candidate = prefix / "nginx.conf.new";
  if (auto written = write_file_atomically(candidate, configuration, 0600); !written) {
    return std::unexpected(NginxError{written.error().message});
  }
  std::array<int, 2> channel{};
  if (::pipe2(channel.data(), O_CLOEXEC) != 0) {
    return std::unexpected(NginxError{"cannot make a pipe"});
  }
  const Descriptor reading(channel[0]);
  std::expected<pid_t, NginxError> pid = std::unexpected(NginxError{});
  {
    const Descriptor writing(channel[1]);
    pid = run({options_.binary, "-t", "-q", "-p", options_.prefix, "-c", candidate.string(), "-e",
               (prefix / "error.log").string()},
              writing.fd);
  }
  if (!pid) return std::unexpected(pid.error());
  std::string words;
  std::array<char, 4096> buffer{};
  for (ssize_t count; (count = ::read(reading.fd, buffer.data(), buffer.size())) != 0;) {
    if (count < 0 && errno != EINTR) break;
    if (count > 0 && words.size() < 64 * 1024)
      words.append(buffer.data(), static_cast<std::size_t>(count));
  }
  int status = 0;
  while (::waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return std::unexpected(
        NginxError{"nginx does not accept its configuration: " + std::string(trim(words))});
  }
  std::error_code error;
  fs::rename(candidate, prefix / "nginx.conf", error);
  if (error) return std::unexpected(NginxError{"cannot replace nginx.conf: " + error.message()});
  return {};
}

std::expected<void, NginxError> Nginx::spawn() {
  const fs::path prefix = options_.prefix;
  auto pid = run({options_.binary, "-p", options_.prefix, "-c", (prefix / "nginx.conf").string(),
                  "-e", (prefix / "error.log").string()},
                 -1);
  if (!pid) return std::unexpected(pid.error());
  master_ = *pid;
  return {};
}

// The living master that the pid file names, if it is an nginx of this prefix.
pid_t Nginx::running_master() const {
  const auto text = read_file(fs::path(options_.prefix) / "nginx.pid", 64);
  if (!text) return 0;
  const pid_t pid = static_cast<pid_t>(std::atol(text->c_str()));
  if (pid <= 1) return 0;
  const auto command = read_file("/proc/" + std::to_string(pid) + "/cmdline", 64 * 1024);
  if (!command || command->find("nginx") == std::string::npos ||
      command->find(options_.prefix) == std::string::npos) {
    return 0;
  }
  return pid;
}

bool Nginx::is_serving() const {
  const pid_t pid = master_;
  return pid != 0 && running_master() == pid;
}

std::expected<void, NginxError> Nginx::start(const std::string& configuration) {
  const std::lock_guard lock(mutex_);
  if (auto installed = install(configuration); !installed) return installed;
  if (const pid_t running = running_master(); running != 0) {
    struct stat module{};
    struct stat pid_file{};
    const std::string pid_path = options_.prefix + "/nginx.pid";
    // A reload keeps the code that is loaded, so a newer module needs another process.
    const bool older = ::stat(options_.module.c_str(), &module) == 0 &&
                       ::stat(pid_path.c_str(), &pid_file) == 0 &&
                       module.st_mtim.tv_sec >= pid_file.st_mtim.tv_sec;
    if (!older) {
      master_ = running;
      ::kill(running, SIGHUP);
      options_.log("nginx " + std::to_string(running) + " was running and is taken over");
    } else {
      ::kill(running, SIGQUIT);
      if (!wait_for_end(running, 5000)) {
        ::kill(running, SIGTERM);
        (void)wait_for_end(running, 5000);
      }
    }
  }
  if (master_ == 0) {
    if (auto spawned = spawn(); !spawned) return spawned;
  }
  supervisor_ = std::thread([this] { supervise(); });
  return {};
}

std::expected<void, NginxError> Nginx::reload(const std::string& configuration) {
  const std::lock_guard lock(mutex_);
  if (auto installed = install(configuration); !installed) return installed;
  if (const pid_t pid = master_; pid != 0) ::kill(pid, SIGHUP);
  return {};
}

// True when the process has ended (and, being a child, has been reaped).
bool Nginx::wait_for_end(pid_t pid, int timeout_ms) const {
  const Descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (process.fd >= 0) {
    pollfd watch{process.fd, POLLIN, 0};
    if (::poll(&watch, 1, timeout_ms) <= 0) return false;
  }
  ::waitpid(pid, nullptr, WNOHANG);
  return true;
}

void Nginx::supervise() {
  int pause_ms = 50;
  auto begun = std::chrono::steady_clock::now();
  while (!stopping_) {
    const pid_t pid = master_;
    if (pid != 0) {
      const Descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
      std::array<pollfd, 2> watch{pollfd{process.fd, POLLIN, 0}, pollfd{wake_, POLLIN, 0}};
      if (process.fd >= 0) ::poll(watch.data(), watch.size(), -1);
      if (stopping_) return;
      if (process.fd >= 0 && (watch[0].revents & POLLIN) == 0) continue;
      ::waitpid(pid, nullptr, WNOHANG);
      master_ = 0;
      // Workers outlive a killed master and would keep the ports: they give them up, finish what
      // they are doing, and go.
      ::kill(-pid, SIGQUIT);
      options_.log("nginx " + std::to_string(pid) + " has ended; it is started again");
      const auto lived = std::chrono::steady_clock::now() - begun;
      pause_ms = lived > std::chrono::seconds(10) ? 50 : std::min(pause_ms * 2, 5000);
    }
    pollfd watch{wake_, POLLIN, 0};
    ::poll(&watch, 1, pause_ms);
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    begun = std::chrono::steady_clock::now();
    if (auto spawned = spawn(); spawned) {
      ++restarts_;
    } else {
      options_.log(spawned.error().message);
      pause_ms = std::min(pause_ms * 2, 5000);
    }
  }
}

void Nginx::stop() {
  if (stopping_.exchange(true)) return;
  const std::uint64_t one = 1;
  if (wake_ >= 0 && ::write(wake_, &one, sizeof one) < 0)
    options_.log("cannot wake the supervisor");
  if (supervisor_.joinable()) supervisor_.join();
  const std::lock_guard lock(mutex_);
  const pid_t pid = master_.exchange(0);
  if (pid == 0) return;
  ::kill(pid, SIGQUIT);
  if (wait_for_end(pid, 5000)) return;
  ::kill(pid, SIGTERM);
  if (wait_for_end(pid, 5000)) return;
  ::kill(pid, SIGKILL);
  (void)wait_for_end(pid, 1000);
}

}  // namespace gatehouse::dataplane
