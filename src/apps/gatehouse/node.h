// A running gateway: every part of it, wired by hand. serve.cc gives it its signals and its end,
// admin_endpoints.cc the local administration socket.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "adapters/admin_api/call.h"
#include "adapters/forward_auth/decision_log.h"
#include "apps/gatehouse/explain.h"
#include "apps/gatehouse/routing.h"
#include "apps/gatehouse/serve.h"
#include "apps/gatehouse/settings_change.h"
#include "apps/gatehouse/statistics.h"
#include "configuration/file.h"
#include "controlplane/gateway.h"
#include "controlplane/vault.h"
#include "dataplane/decision_logs.h"
#include "dataplane/log_rotation.h"
#include "decision/explanation.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "node_state/node_state.h"
#include "platform/country_database.h"
#include "storage/store.h"

namespace gatehouse::apps {

struct ApplyRequest {
  std::string actor;
  controlplane::ApplyOptions options{};
  // nginx reads its certificates again even where nothing else has changed.
  bool renew = false;
  // Of the plan that was shown: whoever agreed to it gets that or nothing.
  std::optional<std::string> plan{};
};
struct ApplyAnswer {
  std::vector<configuration::Problem> problems;  // not empty: nothing was changed
  bool plan_is_stale = false;                    // nothing was changed either
  std::uint64_t sequence = 0;
  bool changed = false;
  bool nginx_reloaded = false;
  std::vector<std::string> at_next_start;  // settings that changed and wait for a restart
};

struct Plan {
  std::vector<configuration::Problem> problems;
  std::vector<controlplane::PlannedChange> changes;
  SettingsChange settings;
  std::string digest;  // of all that: ApplyRequest::plan
};

struct StatusReport {
  std::string issuer;
  std::uint64_t sequence = 0;
  std::size_t applications = 0;
  std::size_t sessions = 0;
  pid_t nginx_pid = 0;
  unsigned nginx_restarts = 0;
};

inline constexpr std::string_view kForwardAuthLog = "forward_auth.jsonl";

// Thread-safe once started.
class Node {
 public:
  Node(const ServeOptions& options, configuration::File file);
  ~Node();

  [[nodiscard]] std::expected<void, std::string> start();
  // False when nginx does not take connections within the time.
  [[nodiscard]] bool wait_until_ready(std::chrono::seconds limit) const;
  // Every node_state::kHeartbeatInterval.
  void tick();
  void stop();

  // Reads `path` and puts it in force, all of it or none. Serialized: SIGHUP and `apply` may meet.
  [[nodiscard]] ApplyAnswer apply(const std::string& path, const ApplyRequest& request);
  [[nodiscard]] Plan plan(const std::string& path, const controlplane::ApplyOptions& options);
  [[nodiscard]] StatusReport status();
  [[nodiscard]] std::expected<decision::Explanation, std::string> explain(const Question& question);

  [[nodiscard]] controlplane::Gateway& gateway() { return *gateway_; }
  [[nodiscard]] storage::Store& store() { return *store_; }
  [[nodiscard]] controlplane::Vault& vault() { return *vault_; }
  [[nodiscard]] configuration::Settings settings() const { return routing_->settings(); }
  [[nodiscard]] std::string issuer() const;

 private:
  [[nodiscard]] std::expected<void, std::string> make_directories(const std::string& group) const;
  [[nodiscard]] std::expected<void, std::string> open_stores(const std::string& group);
  [[nodiscard]] std::expected<void, std::string> put_file_in_force();
  [[nodiscard]] std::expected<void, std::string> start_servers(const std::string& group);
  [[nodiscard]] std::expected<void, std::string> start_dashboard(const std::string& group);
  [[nodiscard]] std::expected<void, std::string> start_forward_auth();
  void make_gateway();
  void open_countries(const std::string& path);
  [[nodiscard]] std::string_view country_of(const IpAddress& address) const;
  void make_api_router(const configuration::ApiSettings& settings);
  [[nodiscard]] adapters::admin_api::Services api_services();
  [[nodiscard]] json::object health();
  [[nodiscard]] dataplane::DecisionLogFiles decision_log_files() const;
  [[nodiscard]] json::object review(const json::object& line);
  [[nodiscard]] Plan plan_of(const configuration::File& file, const std::string& text,
                             const controlplane::ApplyOptions& options);
  void follow(const std::stop_token& stop);

  const ServeOptions& options_;
  configuration::File file_;  // as it was at the start
  dataplane::Paths paths_;
  std::mutex apply_mutex_;
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<controlplane::Vault> vault_;
  std::unique_ptr<node_state::Writer> node_state_;
  std::unique_ptr<net::HttpClient> http_client_;
  std::atomic<std::shared_ptr<const CountryDatabase>> countries_;  // null: all are unknown
  // What mails say; by the heartbeat.
  std::atomic<std::shared_ptr<const std::string>> organization_{
      std::make_shared<const std::string>()};
  std::unique_ptr<Routing> routing_;
  std::unique_ptr<controlplane::Gateway> gateway_;
  std::atomic<std::shared_ptr<const net::Router>> api_router_;
  std::unique_ptr<net::HttpServer> access_server_;
  std::unique_ptr<net::HttpServer> admin_server_;
  std::unique_ptr<net::HttpServer> api_server_;
  std::unique_ptr<net::HttpServer> dashboard_server_;
  std::unique_ptr<adapters::DecisionLog> forward_auth_log_;
  std::unique_ptr<net::HttpServer> forward_auth_server_;
  std::unique_ptr<dataplane::LogRotation> decision_log_;
  std::unique_ptr<Statistics> statistics_;
  std::jthread follower_;  // last: it uses what stands above
};

}  // namespace gatehouse::apps
