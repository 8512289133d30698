// nginx as the resources in force and the settings of this node need it. Thread-safe.
#pragma once

#include <expected>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "configuration/file.h"
#include "dataplane/nginx.h"
#include "dataplane/nginx_config.h"
#include "model/resources.h"

namespace gatehouse::apps {

class Routing {
 public:
  Routing(dataplane::Paths paths, configuration::Settings settings, bool as_root);

  // nginx serves these resources. An error text: it goes on as before. Nothing is done where its
  // configuration stays the same. Before start(): only whether it can be written.
  [[nodiscard]] std::expected<void, std::string> apply(const model::Resources& resources);
  // The same for the resources that it was given last.
  [[nodiscard]] std::expected<void, std::string> refresh();
  // With these resources, unless apply() has been given later ones already.
  [[nodiscard]] std::expected<void, std::string> start(const model::Resources& resources);
  void stop();

  [[nodiscard]] configuration::Settings settings() const;
  // What the next apply() or refresh() goes by.
  void set_settings(configuration::Settings settings);
  // With `on` the next one also reads what the configuration names again: certificates may have
  // been renewed in place.
  void set_renewal(bool on);
  [[nodiscard]] unsigned reloads() const;  // so far
  // nginx has its ports.
  [[nodiscard]] bool is_serving() const;
  [[nodiscard]] pid_t nginx_pid() const;  // 0: none
  [[nodiscard]] unsigned nginx_restarts() const;
  void reopen_logs() const;

 private:
  struct Wanted {
    std::string configuration;
    std::vector<dataplane::NamedFile> files;
  };
  [[nodiscard]] std::expected<Wanted, std::string> render(const model::Resources& resources) const;
  [[nodiscard]] std::expected<void, std::string> put(const model::Resources& resources);

  const dataplane::Paths paths_;
  const bool as_root_;
  mutable std::mutex mutex_;
  configuration::Settings settings_;
  std::optional<model::Resources> resources_;  // that were given last
  std::string in_force_;                       // nginx's configuration
  bool renewal_ = false;
  unsigned reloads_ = 0;
  bool started_ = false;
  dataplane::Nginx nginx_;
};

}  // namespace gatehouse::apps
