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
#include "adapters/forward_auth/forward_auth.h"
#include "apps/gatehouse/admin_endpoints.h"
#include "apps/gatehouse/backup.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/try.h"
#include "controlplane/context.h"
#include "controlplane/signing_keys.h"
#include "crypto/digest.h"
#include "dataplane/log_tail.h"
#include "decision/snapshot.h"
#include "model/limits.h"
#include "net/mailer.h"
#include "platform/clock.h"
#include "platform/descriptor.h"
#include "platform/file.h"
#include "selectors/registry.h"

namespace gatehouse::apps {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxApiBody = std::size_t{4} << 20;
// How far back the API looks for decisions.
constexpr std::uint64_t kMaxDecisionBytes = std::uint64_t{64} << 20;
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

dataplane::LogLimits limits_of(const configuration::Settings& settings) {
  return {settings.decision_log.max_bytes, settings.decision_log.files};
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
  paths_.decision_log = (state / "log" / "decisions.jsonl").string();
  paths_.module = find_module(file_.settings.nginx_module);
  if (paths_.module.empty())
    return std::unexpected("cannot find ngx_http_gatehouse_module.so: set nginx.module");
  routing_ = std::make_unique<Routing>(paths_, file_.settings, root);
  decision_log_ = std::make_unique<dataplane::LogRotation>(
      paths_.decision_log, limits_of(file_.settings), [this] { routing_->reopen_logs(); },
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

std::expected<void, std::string> Node::start_forward_auth() {
  const auto& settings = file_.settings.forward_auth;
  if (settings.port == 0) return {};
  const auto& log = file_.settings.decision_log;
  forward_auth_log_ = std::make_unique<adapters::DecisionLog>(
      fs::path(file_.settings.state_directory) / "log" / "forward_auth.jsonl", log.max_bytes,
      log.files);
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
              [this](std::size_t limit, const std::function<bool(const json::object&)>& wanted) {
                return decisions(limit, wanted);
              },
          .version = GATEHOUSE_VERSION};
}

json::object Node::health() {
  json::object node_state{{"readable", false}};
  if (const auto reader = node_state_->make_reader(); reader && (*reader)->refresh()) {
    const auto sequence = (*reader)->snapshot_sequence();
    const auto heartbeat = (*reader)->heartbeat();
    node_state["readable"] = sequence.has_value();
    if (sequence && *sequence) node_state["sequence"] = **sequence;
    if (heartbeat) node_state["heartbeat_at"] = format_rfc3339(*heartbeat);
  }
  const bool store = store_->find_value("account_id").has_value();
  const auto snapshot = gateway_->snapshot();
  const bool well = store && routing_->is_serving() && node_state["readable"].as_bool();
  return {{"status", well ? "ok" : "degraded"},
          {"version", GATEHOUSE_VERSION},
          {"issuer", snapshot ? snapshot->issuer() : ""},
          {"sequence", snapshot ? snapshot->sequence() : 0},
          {"node_state", std::move(node_state)},
          {"nginx",
           {{"serving", routing_->is_serving()},
            {"pid", routing_->nginx_pid()},
            {"restarts", routing_->nginx_restarts()}}},
          {"store",
           {{"reachable", store},
            {"engine", file_.settings.store.starts_with("postgres") ? "postgresql" : "sqlite"}}}};
}

std::vector<json::object> Node::decisions(
    std::size_t limit, const std::function<bool(const json::object&)>& wanted) const {
  std::vector<json::object> found;
  if (limit == 0) return found;
  dataplane::read_newest_lines(
      paths_.decision_log, settings().decision_log.files, kMaxDecisionBytes,
      [&](std::string_view line) {
        auto decision = json::parse(line);
        if (decision && decision->is_object() && wanted(decision->get_object()))
          found.push_back(std::move(decision->get_object()));
        return found.size() < limit;
      });
  return found;
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

Plan Node::plan_of(const configuration::File& file, const std::string& text,
                   const controlplane::ApplyOptions& options) {
  Plan plan;
  plan.settings.settings = settings();
  if (file.has_settings) plan.settings = compare_settings(settings(), file.settings);
  std::string all = text;
  if (file.has_resources) {
    auto changes = gateway_->plan(file.resources, options);
    if (!changes) {
      for (const auto& problem : changes.error()) plan.problems.push_back(file.place(problem));
      return plan;
    }
    plan.changes = std::move(*changes);
  }
  for (const auto& change : plan.changes) {
    all += '\n' + change.id + std::to_string(static_cast<int>(change.what));
    for (const auto& field : change.fields) all += ' ' + field;
  }
  plan.digest = hex_encode(crypto::sha256(all));
  return plan;
}

Plan Node::plan(const std::string& path, const controlplane::ApplyOptions& options) {
  const std::lock_guard lock(apply_mutex_);
  auto file = load_configuration(path);
  if (!file) return {.problems = file.error(), .changes = {}, .settings = {}, .digest = {}};
  return plan_of(*file, read_file(path, model::kMaxConfigurationBytes).value_or(""), options);
}

ApplyAnswer Node::apply(const std::string& path, const ApplyRequest& request) {
  const std::lock_guard lock(apply_mutex_);
  ApplyAnswer answer;
  auto file = load_configuration(path);
  if (!file) {
    answer.problems = file.error();
    return answer;
  }
  if (request.plan) {
    const Plan now = plan_of(*file, read_file(path, model::kMaxConfigurationBytes).value_or(""),
                             request.options);
    answer.problems = now.problems;
    answer.plan_is_stale = now.problems.empty() && now.digest != *request.plan;
    if (!answer.problems.empty() || answer.plan_is_stale) return answer;
  }
  const configuration::Settings before = settings();
  SettingsChange change;
  change.settings = before;
  if (file->has_settings) change = compare_settings(before, file->settings);
  const unsigned reloads = routing_->reloads();
  routing_->set_settings(change.settings);
  routing_->set_renewal(request.renew);
  const auto fail = [&](const std::vector<policy::Problem>& problems) {
    for (const auto& problem : problems) answer.problems.push_back(file->place(problem));
    routing_->set_renewal(false);
    routing_->set_settings(before);
    if (auto undone = routing_->refresh(); !undone)
      spdlog::error("routing_not_restored message=\"{}\"", undone.error());
    return answer;
  };
  answer.sequence = gateway_->snapshot()->sequence();
  if (file->has_resources) {
    auto options = request.options;
    options.reroute = request.renew || !change.at_once.empty();
    const auto applied = gateway_->apply(
        file->resources, {.name = request.actor, .ip = "", .reference = ""}, options);
    if (!applied) return fail(applied.error());
    answer.sequence = applied->sequence;
    answer.changed = applied->changed;
  }
  // Where no resource has changed.
  if (const auto routed = routing_->refresh(); !routed) return fail({{"", routed.error()}});
  answer.nginx_reloaded = routing_->reloads() != reloads;
  answer.changed = answer.changed || !change.at_once.empty();
  answer.at_next_start = std::move(change.at_next_start);
  decision_log_->set_limits(limits_of(change.settings));
  if (request.renew || change.settings.country_database != before.country_database)
    open_countries(change.settings.country_database);
  if (change.settings.api != before.api) make_api_router(change.settings.api);
  return answer;
}

StatusReport Node::status() {
  StatusReport report;
  if (const auto snapshot = gateway_->snapshot()) {
    report.issuer = snapshot->issuer();
    report.sequence = snapshot->sequence();
    report.applications = snapshot->applications().size();
  }
  if (const auto live = store_->live_sessions(system_now())) report.sessions = live->size();
  report.nginx_pid = routing_->nginx_pid();
  report.nginx_restarts = routing_->nginx_restarts();
  return report;
}

std::expected<decision::Explanation, std::string> Node::explain(const Question& question) {
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

void Node::tick() {
  if (const auto resources = gateway_->resources())
    organization_.store(std::make_shared<const std::string>(resources->organization.name));
  gateway_->tick();
  controlplane::rotate_if_due(gateway_->context(), [this] { gateway_->republish(); });
  decision_log_->tick();
}

std::string Node::issuer() const { return gateway_->snapshot()->issuer(); }

void Node::stop() {
  follower_.request_stop();
  routing_->stop();
  for (auto* server : {&forward_auth_server_, &api_server_, &access_server_}) {
    if (*server) (*server)->stop(std::chrono::milliseconds(2000));
  }
  if (admin_server_) admin_server_->stop(std::chrono::milliseconds(500));
  if (follower_.joinable()) follower_.join();
}

}  // namespace gatehouse::apps
