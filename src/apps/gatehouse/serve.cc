#include "apps/gatehouse/serve.h"

#include <arpa/inet.h>
#include <grp.h>
#include <netinet/in.h>
#include <signal.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <memory>
#include <mutex>
#include <tuple>

#include "adapters/access/access_endpoints.h"
#include "adapters/forward_auth/forward_auth.h"
#include "apps/gatehouse/admin_endpoints.h"
#include "base/try.h"
#include "controlplane/context.h"
#include "dataplane/log_rotation.h"
#include "dataplane/nginx.h"
#include "dataplane/nginx_config.h"
#include "decision/snapshot.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/mailer.h"
#include "node_state/node_state.h"
#include "platform/country_database.h"
#include "platform/file.h"
#include "selectors/registry.h"
#include "storage/store.h"

namespace gatehouse::apps {
namespace {

namespace fs = std::filesystem;

// What may be signalled: held back in every thread, received by the loop below.
sigset_t loop_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGHUP, SIGTERM, SIGINT}) sigaddset(&set, signal);
  return set;
}

std::string program_directory() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  return error ? std::string{} : program.parent_path().string();
}

// Beside the program: in a build tree, and as installed.
std::string find_module(const std::string& configured) {
  if (!configured.empty()) return configured;
  const fs::path here = program_directory();
  for (const fs::path& candidate : {here / "../modules/ngx_http_gatehouse_module.so",
                                    here / "../lib/gatehouse/ngx_http_gatehouse_module.so"}) {
    if (fs::exists(candidate)) return fs::canonical(candidate).string();
  }
  return {};
}

std::shared_ptr<const net::Mailer> make_mailer(const configuration::Settings& settings) {
  if (settings.smtp.host.empty()) return nullptr;
  net::SmtpOptions options;
  options.host = settings.smtp.host;
  options.port = settings.smtp.port;
  options.from = settings.smtp.from;
  options.username = settings.smtp.username;
  options.password = settings.smtp.password;
  options.extra_ca_file = settings.outbound_ca_file;
  switch (settings.smtp.security) {
    case configuration::SmtpSecurity::None:
      options.security = net::MailSecurity::None;
      break;
    case configuration::SmtpSecurity::StartTls:
      options.security = net::MailSecurity::StartTls;
      break;
    case configuration::SmtpSecurity::Tls:
      options.security = net::MailSecurity::Tls;
      break;
  }
  return net::make_smtp_mailer(std::move(options));
}

// Whether workers of this group can reach `directory`: every folder above it must let them through.
std::expected<void, std::string> reachable(const fs::path& directory, const std::string& group) {
  const ::group* entry = ::getgrnam(group.c_str());
  if (entry == nullptr) return std::unexpected("no such group `" + group + "` (nginx.user)");
  for (fs::path path = directory.parent_path(); !path.empty() && path != path.root_path();
       path = path.parent_path()) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) continue;
    const bool others = (status.st_mode & S_IXOTH) != 0;
    const bool own = status.st_gid == entry->gr_gid && (status.st_mode & S_IXGRP) != 0;
    if (!others && !own) {
      return std::unexpected("nginx workers (user `" + group + "`) cannot reach `" +
                             directory.string() + "`: `" + path.string() +
                             "` is closed to them; choose another state_directory or nginx.user");
    }
  }
  return {};
}

// nginx inherits the limit: two descriptors a proxied request.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 65536);
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// What a running gateway cannot take over.
std::vector<std::string> settings_for_next_start(const configuration::Settings& running,
                                                 const configuration::Settings& wanted) {
  std::vector<std::string> changed;
  const auto compare = [&](const char* name, const auto& a, const auto& b) {
    if (a != b) changed.emplace_back(name);
  };
  compare("state_directory", running.state_directory, wanted.state_directory);
  compare("store", running.store, wanted.store);
  compare("listen.https_port", running.listen.https_port, wanted.listen.https_port);
  compare("listen.public_https_port", running.listen.public_https_port,
          wanted.listen.public_https_port);
  compare("smtp",
          std::tie(running.smtp.host, running.smtp.port, running.smtp.security, running.smtp.from,
                   running.smtp.username),
          std::tie(wanted.smtp.host, wanted.smtp.port, wanted.smtp.security, wanted.smtp.from,
                   wanted.smtp.username));
  compare("smtp.password", running.smtp.password.reveal(), wanted.smtp.password.reveal());
  compare("nginx.binary", running.nginx_binary, wanted.nginx_binary);
  compare("nginx.module", running.nginx_module, wanted.nginx_module);
  compare("forward_auth",
          std::tie(running.forward_auth.address, running.forward_auth.port,
                   running.forward_auth.trusted_peers),
          std::tie(wanted.forward_auth.address, wanted.forward_auth.port,
                   wanted.forward_auth.trusted_peers));
  compare("outbound_ca_file", running.outbound_ca_file, wanted.outbound_ca_file);
  compare("log_level", running.log_level, wanted.log_level);
  return changed;
}

bool answers(const configuration::ListenSettings& listen) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(listen.https_port);
  if (::inet_pton(AF_INET, listen.address.c_str(), &address.sin_addr) != 1 ||
      address.sin_addr.s_addr == 0) {
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }
  const bool connected = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return connected;
}

// The running gateway. Members are destroyed in the reverse order: servers before what they use.
class Service {
 public:
  Service(const ServeOptions& options, configuration::File file)
      : options_(options),
        settings_(std::move(file.settings)),
        initial_(std::move(file.resources)) {}

  std::expected<void, std::string> start() {
    const std::lock_guard lock(reload_mutex_);  // an `apply` that comes early waits
    const bool root = ::geteuid() == 0;
    const std::string group = root ? settings_.nginx_user : "";
    const fs::path state = settings_.state_directory;
    for (const auto& [path, mode] : {std::pair{state, 0711},
                                     {state / "keys", 0700},
                                     {state / "run", 0711},
                                     {state / "log", 0750},
                                     {state / "nginx", 0755}}) {
      if (auto made = make_directory(path, static_cast<mode_t>(mode)); !made) {
        return std::unexpected(made.error().message);
      }
    }
    if (root) {
      GATEHOUSE_TRY_VOID(reachable(state / "node-state", group));
      GATEHOUSE_TRY_VOID(dataplane::let_workers_reopen(state / "log", group));
    }
    const std::string store_url =
        settings_.store.empty() ? "sqlite://" + (state / "gatehouse.db").string() : settings_.store;
    store_ = GATEHOUSE_TRY(said(storage::open_store(store_url)));
    vault_ = GATEHOUSE_TRY(said(controlplane::Vault::open(state / "keys", *store_, system_now())));
    node_state_ = GATEHOUSE_TRY(said(node_state::Writer::open(state / "node-state", group)));
    http_client_ = net::make_http_client(settings_.outbound_ca_file);
    open_countries(settings_.country_database);
    make_gateway();
    if (auto restored = gateway_->restore(); !restored) return std::unexpected(restored.error());

    paths_.prefix = (state / "nginx").string();
    paths_.node_state = (state / "node-state").string();
    paths_.access_socket = (state / "run" / "access.sock").string();
    paths_.decision_log = (state / "log" / "decisions.jsonl").string();
    paths_.module = find_module(settings_.nginx_module);
    if (paths_.module.empty()) {
      return std::unexpected("cannot find ngx_http_gatehouse_module.so: set nginx.module");
    }
    GATEHOUSE_TRY_VOID(start_servers(group));
    if (auto problems = gateway_->check(initial_); !problems.empty()) {
      return std::unexpected(options_.configuration_file + ": " + problems.front().pointer + ": " +
                             problems.front().message);
    }
    nginx_configuration_ =
        GATEHOUSE_TRY(said(dataplane::render_nginx_config(settings_, initial_, paths_, root)));
    if (auto applied = gateway_->apply(initial_, "configuration file"); !applied) {
      return std::unexpected(applied.error().front().pointer + ": " +
                             applied.error().front().message);
    }
    gateway_->tick();
    nginx_ = std::make_unique<dataplane::Nginx>(
        dataplane::NginxOptions{.binary = settings_.nginx_binary,
                                .prefix = paths_.prefix,
                                .module = paths_.module,
                                .log = [](const std::string& line) { spdlog::warn("{}", line); }});
    const auto files = dataplane::client_certificate_files(initial_, paths_);
    if (auto started = nginx_->start(nginx_configuration_, files); !started) {
      return std::unexpected(started.error().message);
    }
    decision_log_ = std::make_unique<dataplane::LogRotation>(
        paths_.decision_log, limits_of(settings_), [this] { nginx_->reopen_logs(); },
        [](const std::string& line) { spdlog::error("{}", line); });
    return {};
  }

  // False when nginx does not take connections within the time.
  bool wait_until_ready(std::chrono::seconds limit) const {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!nginx_->is_serving() || !answers(settings_.listen)) {
      if (std::chrono::steady_clock::now() > end) return false;
      ::usleep(5'000);
    }
    return true;
  }

  // Reads `path` and puts it in force, all of it or none. Serialized: SIGHUP and `apply` may meet.
  ReloadOutcome reload(const std::string& path, const std::string& actor) {
    const std::lock_guard lock(reload_mutex_);
    ReloadOutcome outcome;
    auto file = load_configuration(path);
    if (!file) {
      outcome.problems = file.error();
      return outcome;
    }
    const auto fail = [&](std::string field, std::string message) {
      outcome.problems.push_back({path, 0, std::move(field), std::move(message)});
      return outcome;
    };
    for (const auto& problem : gateway_->check(file->resources)) {
      outcome.problems.push_back(file->place(problem));
    }
    if (!outcome.problems.empty()) return outcome;
    auto rendered =
        dataplane::render_nginx_config(file->settings, file->resources, paths_, ::geteuid() == 0);
    if (!rendered) return fail("certificates", rendered.error().message);
    // New hosts before new policies: a host whose application is not there yet is refused.
    const auto files = dataplane::client_certificate_files(file->resources, paths_);
    if (*rendered != nginx_configuration_) {
      if (auto reloaded = nginx_->reload(*rendered, files); !reloaded) {
        return fail("", reloaded.error().message);
      }
      outcome.nginx_reloaded = true;
    } else if (actor == kSignalActor) {
      // Certificates may have been renewed in place.
      if (auto reloaded = nginx_->reload(*rendered, files); !reloaded) {
        return fail("", reloaded.error().message);
      }
      outcome.nginx_reloaded = true;
    }
    auto applied = gateway_->apply(file->resources, actor);
    if (!applied) {
      if (auto undone = nginx_->reload(nginx_configuration_); !undone) {
        spdlog::error("{}", undone.error().message);
      }
      for (const auto& problem : applied.error()) outcome.problems.push_back(file->place(problem));
      return outcome;
    }
    nginx_configuration_ = *rendered;
    decision_log_->set_limits(limits_of(file->settings));
    open_countries(file->settings.country_database);
    outcome.at_next_start = settings_for_next_start(settings_, file->settings);
    outcome.sequence = applied->sequence;
    outcome.changed = applied->changed;
    return outcome;
  }

  StatusReport status() {
    StatusReport report;
    report.issuer = gateway_->snapshot() ? gateway_->snapshot()->issuer() : "";
    report.sequence = gateway_->snapshot() ? gateway_->snapshot()->sequence() : 0;
    report.applications = gateway_->snapshot() ? gateway_->snapshot()->applications().size() : 0;
    if (const auto live = store_->live_sessions(system_now())) report.sessions = live->size();
    report.nginx_pid = nginx_ ? nginx_->master() : 0;
    report.nginx_restarts = nginx_ ? nginx_->restarts() : 0;
    return report;
  }

  std::expected<decision::Explanation, std::string> explain(const Question& question) {
    const auto configuration = gateway_->context().configuration();
    if (!configuration) return std::unexpected("nothing has been configured yet");
    const Instant now = system_now();
    const auto find_session = [&](const std::string& nonce) -> std::optional<model::Session> {
      auto session = gateway_->context().sessions.load(nonce, now);
      return session ? std::move(*session) : std::nullopt;
    };
    return answer_question(
        question,
        {*configuration->snapshot, *configuration->resources, find_session,
         [this](const IpAddress& address) { return std::string(country_of(address)); }},
        now);
  }

  void tick() {
    gateway_->tick();
    decision_log_->tick();
  }
  const configuration::Settings& settings() const { return settings_; }
  std::string issuer() const { return gateway_->snapshot()->issuer(); }

  void stop() {
    if (nginx_) nginx_->stop();
    if (forward_auth_server_) forward_auth_server_->stop(std::chrono::milliseconds(2000));
    if (access_server_) access_server_->stop(std::chrono::milliseconds(2000));
    if (admin_server_) admin_server_->stop(std::chrono::milliseconds(500));
  }

 private:
  // Any library's error as the text for the person who started us.
  template <typename T, typename E>
  static std::expected<T, std::string> said(std::expected<T, E> result) {
    if (!result) return std::unexpected(result.error().message);
    return std::move(*result);
  }

  static dataplane::LogLimits limits_of(const configuration::Settings& settings) {
    return {settings.decision_log.max_bytes, settings.decision_log.files};
  }

  void make_gateway() {
    controlplane::PinDelivery delivery = options_.pin_delivery;
    if (!delivery) {
      if (auto mailer = make_mailer(settings_)) {
        delivery = controlplane::deliver_by_mail(std::move(mailer), initial_.organization.name);
      }
    }
    const auto& listen = settings_.listen;
    gateway_ = controlplane::Gateway::make({
        .store = *store_,
        .vault = *vault_,
        .node_state = *node_state_,
        .http_client = *http_client_,
        .selectors = selectors::registry(),
        .clock = system_now,
        .pin_delivery = std::move(delivery),
        .public_https_port =
            listen.public_https_port != 0 ? listen.public_https_port : listen.https_port,
        .country_of = [this](const IpAddress& address) { return country_of(address); },
    });
  }

  // Without a usable file every country is unknown, which no policy takes for a permitted one.
  void open_countries(const std::string& path) {
    std::shared_ptr<const CountryDatabase> countries;
    if (!path.empty()) {
      if (auto opened = CountryDatabase::open(path)) {
        countries = std::move(*opened);
      } else {
        spdlog::error("{}: every country is unknown", opened.error().message);
      }
    }
    countries_.store(std::move(countries));
  }
  std::string_view country_of(const IpAddress& address) const {
    const auto countries = countries_.load();
    return countries ? countries->country_of(address) : std::string_view();
  }

  std::expected<void, std::string> start_servers(const std::string& group) {
    net::ServerOptions access;
    access.unix_path = paths_.access_socket;
    access.unix_mode = 0660;
    access.unix_group = group;
    access_server_ = GATEHOUSE_TRY(
        said(net::HttpServer::start(access, adapters::make_access_router(*gateway_))));
    net::ServerOptions admin;
    admin.unix_path = (fs::path(settings_.state_directory) / "run" / "admin.sock").string();
    admin.unix_mode = 0600;
    admin.store_threads = 1;
    admin_server_ = GATEHOUSE_TRY(said(net::HttpServer::start(
        admin,
        make_admin_router(
            [this](const std::string& path) { return reload(path, "gatehouse apply"); },
            [this] { return status(); },
            [this](const Question& question) { return explain(question); }, gateway_->context()))));
    return start_forward_auth();
  }

  std::expected<void, std::string> start_forward_auth() {
    const auto& settings = settings_.forward_auth;
    if (settings.port == 0) return {};
    forward_auth_log_ = std::make_unique<adapters::DecisionLog>(
        fs::path(settings_.state_directory) / "log" / "forward_auth.jsonl",
        settings_.decision_log.max_bytes, settings_.decision_log.files);
    adapters::ForwardAuthOptions options;
    options.trusted_peers = settings.trusted_peers;
    options.point = {
        .open_node_state = [this] { return node_state_->make_reader(); },
        .selectors = selectors::registry(),
        .log = [](const std::string& line) { spdlog::warn("forward-auth: {}", line); },
        .country_of = [this](const IpAddress& address) { return country_of(address); }};
    options.access = adapters::make_access_router(*gateway_);
    options.clock = system_now;
    options.log = forward_auth_log_.get();
    options.allow_sample = settings_.decision_log.allow_sample;
    net::ServerOptions listen;
    listen.address = settings.address;
    listen.port = settings.port;
    forward_auth_server_ = GATEHOUSE_TRY(said(
        net::HttpServer::start(listen, adapters::make_forward_auth_router(std::move(options)))));
    return {};
  }

  const ServeOptions& options_;
  configuration::Settings settings_;
  model::Resources initial_;
  dataplane::Paths paths_;
  std::string nginx_configuration_;
  std::mutex reload_mutex_;
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<controlplane::Vault> vault_;
  std::unique_ptr<node_state::Writer> node_state_;
  std::unique_ptr<net::HttpClient> http_client_;
  std::atomic<std::shared_ptr<const CountryDatabase>> countries_;  // null: all are unknown
  std::unique_ptr<controlplane::Gateway> gateway_;
  std::unique_ptr<net::HttpServer> access_server_;
  std::unique_ptr<net::HttpServer> admin_server_;
  std::unique_ptr<adapters::DecisionLog> forward_auth_log_;
  std::unique_ptr<net::HttpServer> forward_auth_server_;
  std::unique_ptr<dataplane::Nginx> nginx_;
  std::unique_ptr<dataplane::LogRotation> decision_log_;
};

void log_reload(const ReloadOutcome& outcome) {
  for (const auto& problem : outcome.problems)
    spdlog::error("{}", configuration::to_string(problem));
  if (!outcome.problems.empty()) {
    spdlog::error("the configuration was not changed: {} problem(s)", outcome.problems.size());
  } else {
    spdlog::info("configuration {} (sequence {})", outcome.changed ? "applied" : "unchanged",
                 outcome.sequence);
  }
  for (const auto& setting : outcome.at_next_start) {
    spdlog::warn("`{}` has changed and takes effect at the next start", setting);
  }
}

}  // namespace

int serve(const ServeOptions& options) {
  auto file = load_configuration(options.configuration_file);
  if (!file) {
    for (const auto& problem : file.error()) std::cerr << configuration::to_string(problem) << "\n";
    return kExitUsage;
  }
  spdlog::set_default_logger(spdlog::stderr_color_mt("gatehouse"));  // unbuffered
  spdlog::set_level(spdlog::level::from_str(file->settings.log_level));
  const sigset_t signals = loop_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();

  Service service(options, std::move(*file));
  if (auto started = service.start(); !started) {
    std::cerr << "gatehouse: " << started.error() << "\n";
    return kExitFailure;
  }
  if (!service.wait_until_ready(std::chrono::seconds(15))) {
    std::cerr << "gatehouse: nginx does not answer on port " << service.settings().listen.https_port
              << ": see " << service.settings().state_directory << "/nginx/error.log\n";
    return kExitFailure;
  }
  if (options.on_ready) {
    options.on_ready(service.issuer());
  } else {
    std::cout << "ready " << service.issuer() << std::endl;
  }
  const timespec interval{std::chrono::seconds(node_state::kHeartbeatInterval).count(), 0};
  auto next_tick = std::chrono::steady_clock::now() + node_state::kHeartbeatInterval;
  for (;;) {
    const int signal = ::sigtimedwait(&signals, nullptr, &interval);
    if (signal == SIGHUP) log_reload(service.reload(options.configuration_file, kSignalActor));
    if (signal == SIGTERM || signal == SIGINT) break;
    if (std::chrono::steady_clock::now() >= next_tick) {
      next_tick = std::chrono::steady_clock::now() + node_state::kHeartbeatInterval;
      service.tick();
    }
  }
  service.stop();
  return kExitOk;
}

}  // namespace gatehouse::apps
