#include "apps/gatehouse/demo.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <expected>
#include <filesystem>
#include <iostream>
#include <optional>
#include <vector>

#include "apps/gatehouse/demo_application.h"
#include "apps/gatehouse/demo_certificates.h"
#include "apps/gatehouse/serve.h"
#include "base/encoding.h"
#include "base/try.h"
#include "platform/file.h"
#include "platform/process.h"

namespace gatehouse::apps {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kDomain = "gatehouse.localhost";
constexpr std::string_view kAdministrator = "admin@example.com";

std::string program(const char* name) {
  std::error_code error;
  return (fs::read_symlink("/proc/self/exe", error).parent_path() / name).string();
}

// What a command prints; an error when it fails.
std::expected<std::string, std::string> output_of(const std::vector<std::string>& arguments) {
  auto result = run_program(arguments, Collected::Output);
  if (!result) return std::unexpected(result.error().message);
  if (!result->succeeded)
    return std::unexpected("`" + arguments[0] + " " + arguments[1] + "` failed");
  return std::move(result->text);
}

std::string indented(std::string_view text, std::string_view by) {
  std::string result;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    result.append(by).append(text.substr(begin, end - begin)).append("\n");
    begin = end + 1;
  }
  return result;
}

std::string configuration_text(const DemoOptions& options, const DemoCertificates& certificates,
                               const std::string& application_socket,
                               const std::string& public_key) {
  return fmt::format(
      R"(# The demo's configuration. Change it while the demo runs, then: gatehouse apply THIS_FILE
# Every key is explained in docs/reference/configuration.md.
organization:
  name: Gatehouse demo
  auth_domain: auth.{domain}
  session_duration: 24h

listen:
  address: 127.0.0.1
  https_port: {port}
  http_port: 0

certificates:
  - hosts: ["*.{domain}"]
    certificate_file: {certificate}
    key_file: {key}

state_directory: {state}/state

identity_providers:
  - name: One-time PIN
    type: onetimepin

device_posture_integrations:
  - name: Demo agent
    type: tanium
    config:
      port: {agent_port}
      public_certificate: |
{public_key}
device_posture_rules:
  - name: Managed device
    type: tanium
    input:
      connection_id: Demo agent
      managed: true
    expiration: 3s        # asked again after 3 seconds, so that you can watch it; usually 1h

applications:
  - name: Demo application
    domain: app.{domain}
    session_duration: 8h
    decision_headers: true
    policies:
      - name: Everyone with a managed device
        decision: allow
        include:
          - everyone: {{}}
        require:
          - device_posture:
              integration_uid: Managed device

  - name: Dashboard
    type: dash_sso
    domain: dash.{domain}
    session_duration: 8h
    policies:
      - name: Administrators
        decision: allow
        dashboard_role: administrator
        include:
          - email:
              email: {administrator}

ingress:
  - hostname: app.{domain}
    service: unix:{application}
  - service: http_status:404
)",
      fmt::arg("domain", kDomain), fmt::arg("port", options.https_port),
      fmt::arg("administrator", kAdministrator),
      fmt::arg("certificate", certificates.certificate.string()),
      fmt::arg("key", certificates.key.string()), fmt::arg("state", options.state_directory),
      fmt::arg("agent_port", options.agent_port),
      fmt::arg("public_key", indented(public_key, "        ")),
      fmt::arg("application", application_socket));
}

struct Demo {
  fs::path directory;
  fs::path configuration;
  fs::path agent_state;
  DemoCertificates certificates;
  std::unique_ptr<net::HttpServer> application;
  pid_t agent = 0;
};

std::expected<Demo, std::string> prepare(const DemoOptions& options) {
  Demo demo;
  demo.directory = options.state_directory;
  demo.configuration = demo.directory / "gatehouse.yaml";
  demo.agent_state = demo.directory / "agent";
  const auto said = [](auto result) -> std::expected<void, std::string> {
    if (!result) return std::unexpected(result.error().message);
    return {};
  };
  GATEHOUSE_TRY_VOID(said(make_directory(demo.directory, 0711)));
  demo.certificates =
      GATEHOUSE_TRY(make_demo_certificates(demo.directory, "*." + std::string(kDomain)));
  const std::string agent = program("gatehouse-agent");
  const std::string origin = fmt::format("https://auth.{}:{}", kDomain, options.https_port);
  if (!fs::exists(demo.agent_state / "agent.json")) {
    (void)GATEHOUSE_TRY(
        output_of({agent, "init", "--state", demo.agent_state.string(), "--origin", origin}));
  }
  const std::string public_key =
      GATEHOUSE_TRY(output_of({agent, "public-key", "--state", demo.agent_state.string()}));
  const std::string socket = (demo.directory / "application.sock").string();
  if (!fs::exists(demo.configuration)) {
    GATEHOUSE_TRY_VOID(said(write_file_atomically(
        demo.configuration, configuration_text(options, demo.certificates, socket, public_key),
        0600)));
  }
  auto application = start_demo_application(socket);
  if (!application) return std::unexpected(application.error().message);
  demo.application = std::move(*application);
  // The agent is the visitor's to stop and start.
  const auto started = spawn({agent, "run", "--state", demo.agent_state.string(), "--port",
                              std::to_string(options.agent_port)},
                             {.standard_output = STDERR_FILENO});
  if (!started) return std::unexpected(started.error().message);
  demo.agent = *started;
  return demo;
}

// Nothing where an earlier demo has left a configuration without it.
std::string dashboard_text(const DemoOptions& options, const Demo& demo) {
  const std::string host = fmt::format("dash.{}", kDomain);
  if (read_file(demo.configuration).value_or("").find("domain: " + host) == std::string::npos)
    return {};
  return fmt::format(
      R"(  Dashboard       https://{}:{}/
                  for {}, the demo's administrator: sign in with that address
)",
      host, options.https_port, kAdministrator);
}

std::string page_of_text(const DemoOptions& options, const Demo& demo) {
  const std::string app = fmt::format("https://app.{}:{}/", kDomain, options.https_port);
  const std::string agent = program("gatehouse-agent");
  return fmt::format(
      R"(
  Gatehouse is running.

  Open            {app}
  Sign in with    any e-mail address; the one-time PIN appears on this console
                  (also in {console})
{dashboard}  Status          https://auth.{domain}:{port}/   your applications
                  {gatehouse} status --state {state}/state
  API             https://auth.{domain}:{port}/client/v4/   from this machine, with a token:
                  {gatehouse} tokens create --name me --state {state}/state
                  without one, as the owner of this gateway:
                  curl --unix-socket {state}/state/run/admin.sock http://gatehouse/client/v4/accounts

  The browser will warn about the certificate: the demo made its own authority. To trust it, import
  {authority}

  Then try this:
    the device is no longer managed    {agent} set --state {agent_state} --managed false
    and managed again                  {agent} set --state {agent_state} --managed true
    no agent at all                    kill {agent_pid}
    and running again                  {agent} run --state {agent_state} --port {agent_port} &
    another policy                     edit {configuration}
                                       {gatehouse} apply --yes {configuration}
  Reload the application after each: the device's answer is good for 3 seconds in this demo.

  Stop            {stop}
)",
      fmt::arg("app", app), fmt::arg("domain", kDomain), fmt::arg("port", options.https_port),
      fmt::arg("dashboard", dashboard_text(options, demo)),
      fmt::arg("gatehouse", program("gatehouse")), fmt::arg("state", options.state_directory),
      fmt::arg("console", options.state_directory + "/console.log"),
      fmt::arg("authority", demo.certificates.authority.string()), fmt::arg("agent", agent),
      fmt::arg("agent_state", demo.agent_state.string()), fmt::arg("agent_pid", demo.agent),
      fmt::arg("agent_port", options.agent_port),
      fmt::arg("configuration", demo.configuration.string()),
      fmt::arg("stop", options.detach ? program("gatehouse") + " demo --stop --state " +
                                            options.state_directory
                                      : "Ctrl-C"));
}

// Held while a demo runs in the directory; its file names the process.
class DemoLock {
 public:
  static std::expected<DemoLock, std::string> take(const fs::path& directory) {
    const fs::path path = directory / "demo.pid";
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
      return std::unexpected("cannot write `" + path.string() + "`: " + std::strerror(errno));
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      const std::string pid(trim(read_file(path, 64).value_or("")));
      ::close(fd);
      return std::unexpected("a demo is running in `" + directory.string() + "` (process " + pid +
                             "); stop it with: gatehouse demo --stop");
    }
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, pid.data(), pid.size(), 0) < 0) {
      ::close(fd);
      return std::unexpected("cannot write `" + path.string() + "`");
    }
    return DemoLock(fd);
  }
  DemoLock(DemoLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  DemoLock& operator=(DemoLock&&) = delete;
  ~DemoLock() {
    if (fd_ >= 0) ::close(fd_);
  }

 private:
  explicit DemoLock(int fd) : fd_(fd) {}
  int fd_;
};

// Serves until it is told to stop. `ready` receives the page of text.
int run(const DemoOptions& options, const std::function<void(const std::string&)>& ready) {
  auto lock = DemoLock::take(options.state_directory);
  if (!lock) {
    std::cerr << "gatehouse demo: " << lock.error() << "\n";
    return kExitFailure;
  }
  auto demo = prepare(options);
  if (!demo) {
    std::cerr << "gatehouse demo: " << demo.error() << "\n";
    return kExitFailure;
  }
  ServeOptions serving;
  serving.configuration_file = demo->configuration.string();
  serving.pin_delivery = [](const std::string& email, const std::string& code) {
    std::cout << "\n  One-time PIN for " << email << ":  " << code << "\n" << std::endl;
  };
  serving.on_ready = [&](const std::string&) { ready(page_of_text(options, *demo)); };
  const int code = serve(serving);
  ::kill(demo->agent, SIGTERM);
  ::waitpid(demo->agent, nullptr, 0);
  return code;
}

// In the background: the parent waits for the page of text, or for the child's end.
int run_detached(const DemoOptions& options) {
  const std::string console = options.state_directory + "/console.log";
  std::array<int, 2> channel{};
  if (::pipe2(channel.data(), O_CLOEXEC) != 0) return kExitFailure;
  const pid_t child = ::fork();
  if (child < 0) return kExitFailure;
  if (child == 0) {
    ::close(channel[0]);
    ::setsid();
    const int log =
        ::open(console.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    const int none = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (log < 0 || none < 0 || ::dup2(none, 0) < 0 || ::dup2(log, 1) < 0 || ::dup2(log, 2) < 0) {
      ::_exit(kExitFailure);
    }
    const int code = run(options, [&](const std::string& page) {
      for (std::size_t sent = 0; sent < page.size();) {
        const ssize_t count = ::write(channel[1], page.data() + sent, page.size() - sent);
        if (count <= 0) break;
        sent += static_cast<std::size_t>(count);
      }
      ::close(channel[1]);
    });
    std::exit(code);
  }
  ::close(channel[1]);
  std::string page;
  std::array<char, 4096> buffer{};
  for (ssize_t count; (count = ::read(channel[0], buffer.data(), buffer.size())) > 0;) {
    page.append(buffer.data(), static_cast<std::size_t>(count));
  }
  ::close(channel[0]);
  if (page.empty()) {
    int status = 0;
    ::waitpid(child, &status, 0);
    std::cerr << read_file(console, 1 << 20).value_or("the demo did not start\n");
    return WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : kExitFailure;
  }
  std::cout << page << std::flush;
  return kExitOk;
}

}  // namespace

std::string default_demo_directory() {
  if (::geteuid() == 0) return "/var/lib/gatehouse-demo";
  const char* home = std::getenv("HOME");
  return std::string(home != nullptr ? home : "/tmp") + "/.local/state/gatehouse-demo";
}

int run_demo(const DemoOptions& options) {
  std::error_code error;
  fs::create_directories(options.state_directory, error);
  if (error) {
    std::cerr << "gatehouse demo: cannot make `" << options.state_directory
              << "`: " << error.message() << "\n";
    return kExitFailure;
  }
  if (options.detach) return run_detached(options);
  return run(options, [](const std::string& page) { std::cout << page << std::flush; });
}

int stop_demo(const std::string& state_directory) {
  const auto text = read_file(fs::path(state_directory) / "demo.pid", 64);
  const pid_t pid = text ? static_cast<pid_t>(std::atol(text->c_str())) : 0;
  const int fd = ::open((fs::path(state_directory) / "demo.pid").c_str(), O_RDWR | O_CLOEXEC);
  const bool running = pid > 1 && fd >= 0 && ::flock(fd, LOCK_EX | LOCK_NB) != 0;
  if (fd >= 0) ::close(fd);
  if (!running) {
    std::cerr << "gatehouse demo: no demo is running in `" << state_directory << "`\n";
    return kExitFailure;
  }
  const int process = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  ::kill(pid, SIGTERM);
  pollfd watch{process, POLLIN, 0};
  const bool ended = process < 0 || ::poll(&watch, 1, 20'000) > 0;
  if (process >= 0) ::close(process);
  std::cout << (ended ? "The demo has stopped.\n" : "The demo is still stopping.\n");
  return ended ? kExitOk : kExitFailure;
}

}  // namespace gatehouse::apps
