#include "dataplane/nginx.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <vector>

#include "base/encoding.h"
#include "platform/descriptor.h"
#include "platform/file.h"
#include "platform/process.h"

namespace gatehouse::dataplane {
namespace {

namespace fs = std::filesystem;

// A module built with AddressSanitizer needs the runtime before nginx's own allocations.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

std::vector<std::string> environment() {
  if (!kSanitized) return {};
  return {"LD_PRELOAD=" + std::string(GATEHOUSE_ASAN_RUNTIME),
          "ASAN_OPTIONS=detect_leaks=0"};  // nginx frees nothing when it ends
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
std::expected<void, NginxError> Nginx::install(const std::string& configuration,
                                               const std::vector<NamedFile>& files) {
  const fs::path prefix = options_.prefix;
  for (const fs::path& directory : {prefix, prefix / "tmp"}) {
    if (auto made = make_directory(directory, 0755); !made) {
      return std::unexpected(NginxError{made.error().message});
    }
  }
  for (const auto& file : files) {
    if (fs::exists(file.path)) continue;
    if (auto written = write_file_atomically(file.path, file.content, 0644); !written) {
      return std::unexpected(NginxError{written.error().message});
    }
  }
  const fs::path candidate = prefix / "nginx.conf.new";
  if (auto written = write_file_atomically(candidate, configuration, 0600); !written) {
    return std::unexpected(NginxError{written.error().message});
  }
  const auto tested = run_program({options_.binary, "-t", "-q", "-p", options_.prefix, "-c",
                                   candidate.string(), "-e", (prefix / "error.log").string()},
                                  Collected::OutputAndErrors, environment());
  if (!tested) return std::unexpected(NginxError{tested.error().message});
  if (!tested->succeeded) {
    return std::unexpected(
        NginxError{"nginx does not accept its configuration: " + std::string(trim(tested->text))});
  }
  std::error_code error;
  fs::rename(candidate, prefix / "nginx.conf", error);
  if (error) return std::unexpected(NginxError{"cannot replace nginx.conf: " + error.message()});
  return {};
}

std::expected<void, NginxError> Nginx::spawn() {
  const fs::path prefix = options_.prefix;
  const auto pid =
      gatehouse::spawn({options_.binary, "-p", options_.prefix, "-c",
                        (prefix / "nginx.conf").string(), "-e", (prefix / "error.log").string()},
                       {.environment = environment()});
  if (!pid) return std::unexpected(NginxError{pid.error().message});
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

std::expected<void, NginxError> Nginx::start(const std::string& configuration,
                                             const std::vector<NamedFile>& files) {
  const std::lock_guard lock(mutex_);
  if (auto installed = install(configuration, files); !installed) return installed;
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

std::expected<void, NginxError> Nginx::reload(const std::string& configuration,
                                              const std::vector<NamedFile>& files) {
  const std::lock_guard lock(mutex_);
  if (auto installed = install(configuration, files); !installed) return installed;
  if (const pid_t pid = master_; pid != 0) ::kill(pid, SIGHUP);
  return {};
}

void Nginx::reopen_logs() const {
  if (const pid_t pid = master_; pid != 0) ::kill(pid, SIGUSR1);
}

void Nginx::supervise() {
  int pause_ms = 50;
  auto begun = std::chrono::steady_clock::now();
  while (!stopping_) {
    const pid_t pid = master_;
    if (pid != 0) {
      const Descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
      std::array<pollfd, 2> watch{pollfd{process.get(), POLLIN, 0}, pollfd{wake_, POLLIN, 0}};
      if (process.valid()) ::poll(watch.data(), watch.size(), -1);
      if (stopping_) return;
      if (process.valid() && (watch[0].revents & POLLIN) == 0) continue;
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
