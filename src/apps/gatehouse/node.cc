#include "apps/gatehouse/node.h"

#include <arpa/inet.h>
#include <grp.h>
#include <netinet/in.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <utility>

#include "adapters/access/access_endpoints.h"
#include "adapters/admin_api/admin_api.h"
#include "adapters/dashboard/dashboard.h"
#include "adapters/forward_auth/forward_auth.h"
#include "apps/gatehouse/admin_endpoints.h"
#include "apps/gatehouse/backup.h"
#include "base/json.h"
#include "base/try.h"
#include "controlplane/context.h"
#include "decision/snapshot.h"
#include "net/mailer.h"
#include "platform/clock.h"
#include "platform/descriptor.h"
#include "platform/file.h"
#include "selectors/registry.h"

namespace gatehouse::apps {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxApiBody = std::size_t{4} << 20;
// A shorter wait than the bound of one second, so that an end need not wait for it.
constexpr std::chrono::milliseconds kFollowWait{250};
constexpr std::chrono::seconds kFollowInterval{1};

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
    std::error_code error;  // a place that this user may not look into is none
    const fs::path found = fs::canonical(candidate, error);
    if (!error) return found.string();
  }
  return {};
}

// Beside the program: as installed, and in a build tree, beside which tools/web builds it.
fs::path find_web_directory(const std::string& configured) {
  if (!configured.empty()) return configured;
  const fs::path here = program_directory();
  std::error_code error;
  if (fs::exists(here / "../CMakeCache.txt", error)) return (here / "../../web").lexically_normal();
  return (here / "../share/gatehouse/web").lexically_normal();
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

bool answers(const configuration::ListenSettings& listen) {
  const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return false;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(listen.https_port);
  if (::inet_pton(AF_INET, listen.address.c_str(), &address.sin_addr) != 1 ||
      address.sin_addr.s_addr == 0) {
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }
  return ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

// Any library's error as the text for the person who started us.
template <typename T, typename E>
std::expected<T, std::string> said(std::expected<T, E> result) {
  if (!result) return std::unexpected(result.error().message);
  if constexpr (std::is_void_v<T>)
    return {};
  else
    return std::move(*result);
}

// Who may open the administration socket owns the gateway.
storage::ApiToken root_of_the_socket() {
  storage::ApiToken root;
  root.name = "administration socket";
  root.role = storage::Role::Administrator;
  return root;
}

}  // namespace

Node::Node(const ServeOptions& options, configuration::File file)
    : options_(options), file_(std::move(file)) {}

Node::~Node() = default;

std::expected<void, std::string> Node::start() {
  const std::lock_guard lock(apply_mutex_);  // an `apply` that comes early waits
  const bool root = ::geteuid() == 0;
  const std::string group = root ? file_.settings.nginx_user : "";
  GATEHOUSE_TRY_VOID(make_directories(group));
  GATEHOUSE_TRY_VOID(open_stores(group));
  const fs::path state = file_.settings.state_directory;
  paths_.prefix = (state / "nginx").string();
  paths_.node_state = (state / "node-state").string();
  paths_.access_socket = (state / "run" / "access.sock").string();
  paths_.api_socket = (state / "run" / "api.sock").string();
  paths_.dashboard_socket = (state / "run" / "dashboard.sock").string();
  paths_.decision_log = (state / "log" / "decisions.jsonl").string();
  paths_.module = find_module(file_.settings.nginx_module);
  if (paths_.module.empty())
    return std::unexpected("cannot find ngx_http_gatehouse_module.so: set nginx.module");
  routing_ = std::make_unique<Routing>(paths_, file_.settings, root);
  decision_log_ = std::make_unique<dataplane::LogRotation>(
      paths_.decision_log, log_limits(file_.settings), [this] { routing_->reopen_logs(); },
      [](const std::string& line) { spdlog::error("{}", line); });
  make_gateway();
  const bool restored = GATEHOUSE_TRY(gateway_->restore());
  if (!restored && !file_.has_resources) {
    return std::unexpected(options_.configuration_file +
                           ": nothing has been configured yet: `organization` is required here, or "
                           "restore a backup first");
  }
  GATEHOUSE_TRY_VOID(start_servers(group));
  if (file_.has_resources) GATEHOUSE_TRY_VOID(put_file_in_force());
  tick();
  GATEHOUSE_TRY_VOID(routing_->start(*gateway_->resources()));
  statistics_ = std::make_unique<Statistics>(
      *store_, gateway_->context().tally,
      Statistics::Options{.node = name_of_this_node(state.string()),
                          .logs = [this] { return decision_log_files(); },
                          .clock = system_now});
  follower_ = std::jthread([this](const std::stop_token& stop) { follow(stop); });
  return {};
}

std::expected<void, std::string> Node::make_directories(const std::string& group) const {
  const fs::path state = file_.settings.state_directory;
  for (const auto& [path, mode] : {std::pair{state, 0711},
                                   {state / "keys", 0700},
                                   {state / "run", 0711},
                                   {state / "log", 0750},
                                   {state / "nginx", 0755}}) {
    GATEHOUSE_TRY_VOID(said(make_directory(path, static_cast<mode_t>(mode))));
  }
  remove_leftovers(state / "run");
  if (group.empty()) return {};
  GATEHOUSE_TRY_VOID(reachable(state / "node-state", group));
  return dataplane::let_workers_reopen(state / "log", group);
}

std::expected<void, std::string> Node::open_stores(const std::string& group) {
  const configuration::Settings& settings = file_.settings;
  const fs::path state = settings.state_directory;
  store_ = GATEHOUSE_TRY(said(storage::open_store(store_url(settings))));
  vault_ = GATEHOUSE_TRY(said(controlplane::Vault::open(state / "keys", *store_, system_now())));
  node_state_ = GATEHOUSE_TRY(said(node_state::Writer::open(state / "node-state", group)));
  http_client_ = net::make_http_client(settings.outbound_ca_file);
  open_countries(settings.country_database);
  return {};
}

void Node::make_gateway() {
  const configuration::Settings& settings = file_.settings;
  controlplane::PinDelivery delivery = options_.pin_delivery;
  if (!delivery) {
    if (auto mailer = make_mailer(settings)) {
      delivery = [this, mailer](const std::string& email, const std::string& code) {
        controlplane::deliver_by_mail(mailer, *organization_.load())(email, code);
      };
    }
  }
  const auto& listen = settings.listen;
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
      .apply_routing =
          [this](const model::Resources& resources) { return routing_->apply(resources); },
  });
}

// A file that was applied before changes nothing: what administrators did since stays.
std::expected<void, std::string> Node::put_file_in_force() {
  const auto applied =
      gateway_->apply(file_.resources, {.name = "configuration file", .ip = "", .reference = ""},
                      {.only_if_new = true});
  if (applied) return {};
  const auto& problem = applied.error().front();
  return std::unexpected(configuration::to_string(file_.place(problem)));
}

// Without a usable file every country is unknown, which no policy takes for a permitted one.
void Node::open_countries(const std::string& path) {
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

std::string_view Node::country_of(const IpAddress& address) const {
  const auto countries = countries_.load();
  return countries ? countries->country_of(address) : std::string_view();
}

std::expected<void, std::string> Node::start_servers(const std::string& group) {
  net::ServerOptions access;
  access.unix_path = paths_.access_socket;
  access.unix_mode = 0660;
  access.unix_group = group;
  access_server_ =
      GATEHOUSE_TRY(said(net::HttpServer::start(access, adapters::make_access_router(*gateway_))));

  // Threads of its own: administrators do not hold up those who sign in.
  net::ServerOptions api = access;
  api.unix_path = paths_.api_socket;
  api.max_body_bytes = kMaxApiBody;
  make_api_router(file_.settings.api);
  api_server_ = GATEHOUSE_TRY(said(net::HttpServer::start(
      api, [this](const net::HttpRequest& request) { return (*api_router_.load())(request); })));

  GATEHOUSE_TRY_VOID(start_dashboard(group));

  net::ServerOptions admin;
  admin.unix_path = (fs::path(file_.settings.state_directory) / "run" / "admin.sock").string();
  admin.unix_mode = 0600;
  admin.max_body_bytes = kMaxApiBody;
  admin_server_ = GATEHOUSE_TRY(said(net::HttpServer::start(
      admin, make_admin_router(
                 *this, adapters::make_admin_api_router({.services = api_services(),
                                                         .allowed_networks = {},
                                                         .trusted = root_of_the_socket()})))));
  return start_forward_auth();
}

std::expected<void, std::string> Node::start_dashboard(const std::string& group) {
  adapters::DashboardOptions options{
      .services = api_services(),
      .point = {.open_node_state = [this] { return node_state_->make_reader(); },
                .selectors = selectors::registry(),
                .log = [](const std::string& line) { spdlog::warn("dashboard: {}", line); },
                .country_of = [this](const IpAddress& address) { return country_of(address); }},
      .clock = system_now,
      .files = nullptr};
  if (auto files =
          adapters::WebFiles::read(find_web_directory(file_.settings.dashboard.web_directory))) {
    options.files = std::move(*files);
  } else {
    spdlog::warn("the dashboard has no pages: {}", files.error());
  }
  net::ServerOptions listen;
  listen.unix_path = paths_.dashboard_socket;
  listen.unix_mode = 0660;
  listen.unix_group = group;
  listen.max_body_bytes = kMaxApiBody;
  dashboard_server_ = GATEHOUSE_TRY(
      said(net::HttpServer::start(listen, adapters::make_dashboard_router(std::move(options)))));
  return {};
}

std::expected<void, std::string> Node::start_forward_auth() {
  const auto& settings = file_.settings.forward_auth;
  if (settings.port == 0) return {};
  const auto& log = file_.settings.decision_log;
  forward_auth_log_ = std::make_unique<adapters::DecisionLog>(
      fs::path(file_.settings.state_directory) / "log" / kForwardAuthLog, log.max_bytes, log.files);
  adapters::ForwardAuthOptions options;
  options.trusted_peers = settings.trusted_peers;
  options.point = {.open_node_state = [this] { return node_state_->make_reader(); },
                   .selectors = selectors::registry(),
                   .log = [](const std::string& line) { spdlog::warn("forward-auth: {}", line); },
                   .country_of = [this](const IpAddress& address) { return country_of(address); }};
  options.access = adapters::make_access_router(*gateway_);
  options.clock = system_now;
  options.log = forward_auth_log_.get();
  options.allow_sample = log.allow_sample;
  net::ServerOptions listen;
  listen.address = settings.address;
  listen.port = settings.port;
  forward_auth_server_ = GATEHOUSE_TRY(
      said(net::HttpServer::start(listen, adapters::make_forward_auth_router(std::move(options)))));
  return {};
}

void Node::make_api_router(const configuration::ApiSettings& settings) {
  api_router_.store(std::make_shared<const net::Router>(
      adapters::make_admin_api_router({.services = api_services(),
                                       .allowed_networks = settings.allow_from,
                                       .requests = settings.requests_per_5_minutes,
                                       .trusted = {}})));
}

adapters::admin_api::Services Node::api_services() {
  return {.gateway = *gateway_,
          .explain = [this](const json::value& body) -> std::expected<json::object, std::string> {
            const auto question = GATEHOUSE_TRY(question_from_json(body));
            const auto explanation = GATEHOUSE_TRY(explain(question));
            return json::object{{"explanation", decision::to_json(explanation)},
                                {"text", decision::to_text(explanation)}};
          },
          .health = [this] { return health(); },
          .decisions =
              [this](const dataplane::DecisionsAsked& asked) {
                return dataplane::find_decisions(decision_log_files(), asked);
              },
          .review = [this](const json::object& line) { return review(line); },
          .version = GATEHOUSE_VERSION};
}

bool Node::wait_until_ready(std::chrono::seconds limit) const {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!routing_->is_serving() || !answers(file_.settings.listen)) {
    if (std::chrono::steady_clock::now() > end) return false;
    ::usleep(5'000);
  }
  return true;
}

// What other nodes change in the store is taken over here. What is in force stays in force while
// the store is away.
void Node::follow(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  bool reachable = true;
  auto followed = std::chrono::steady_clock::now();
  while (!stop.stop_requested()) {
    const bool changed = store_->wait_for_change(kFollowWait);
    const auto now = std::chrono::steady_clock::now();
    if (!changed && now - followed < kFollowInterval) continue;
    followed = now;
    const bool done = gateway_->follow();
    if (done != reachable) {
      reachable = done;
      const auto asked = store_->find_value("account_id");
      if (done) {
        spdlog::info("store_reachable");
      } else if (!asked) {
        spdlog::error("store_unreachable message=\"{}\"", asked.error().message);
      }
    }
    if (done) continue;
    std::unique_lock lock(mutex);
    wake.wait_for(lock, stop, kFollowInterval, [] { return false; });
  }
}

void Node::tick() {
  if (const auto resources = gateway_->resources())
    organization_.store(std::make_shared<const std::string>(resources->organization.name));
  gateway_->tick();
  decision_log_->tick();
}

std::string Node::issuer() const { return gateway_->snapshot()->issuer(); }

void Node::stop() {
  follower_.request_stop();
  routing_->stop();
  for (auto* server : {&forward_auth_server_, &dashboard_server_, &api_server_, &access_server_}) {
    if (*server) (*server)->stop(std::chrono::milliseconds(2000));
  }
  if (admin_server_) admin_server_->stop(std::chrono::milliseconds(500));
  if (follower_.joinable()) follower_.join();
  statistics_.reset();  // counts what is left
}

}  // namespace gatehouse::apps
