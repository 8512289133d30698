#include "apps/gatehouse/routing.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "base/try.h"

namespace gatehouse::apps {

Routing::Routing(dataplane::Paths paths, configuration::Settings settings, bool as_root)
    : paths_(std::move(paths)),
      as_root_(as_root),
      settings_(std::move(settings)),
      nginx_({.binary = settings_.nginx_binary,
              .prefix = paths_.prefix,
              .module = paths_.module,
              .log = [](const std::string& line) { spdlog::warn("{}", line); }}) {}

std::expected<Routing::Wanted, std::string> Routing::render(
    const model::Resources& resources) const {
  auto text = dataplane::render_nginx_config(settings_, resources, paths_, as_root_);
  if (!text) return std::unexpected(text.error().message);
  return Wanted{std::move(*text), dataplane::client_certificate_files(resources, paths_)};
}

std::expected<void, std::string> Routing::put(const model::Resources& resources) {
  Wanted wanted = GATEHOUSE_TRY(render(resources));
  if (!started_ || (wanted.configuration == in_force_ && !renewal_)) return {};
  if (auto reloaded = nginx_.reload(wanted.configuration, wanted.files); !reloaded)
    return std::unexpected(reloaded.error().message);
  ++reloads_;
  renewal_ = false;
  in_force_ = std::move(wanted.configuration);
  return {};
}

std::expected<void, std::string> Routing::apply(const model::Resources& resources) {
  const std::lock_guard lock(mutex_);
  GATEHOUSE_TRY_VOID(put(resources));
  resources_ = resources;
  return {};
}

std::expected<void, std::string> Routing::refresh() {
  const std::lock_guard lock(mutex_);
  return resources_ ? put(*resources_) : std::expected<void, std::string>();
}

std::expected<void, std::string> Routing::start(const model::Resources& resources) {
  const std::lock_guard lock(mutex_);
  if (!resources_) resources_ = resources;
  Wanted wanted = GATEHOUSE_TRY(render(*resources_));
  if (auto started = nginx_.start(wanted.configuration, wanted.files); !started)
    return std::unexpected(started.error().message);
  started_ = true;
  in_force_ = std::move(wanted.configuration);
  return {};
}

void Routing::stop() { nginx_.stop(); }

configuration::Settings Routing::settings() const {
  const std::lock_guard lock(mutex_);
  return settings_;
}

void Routing::set_settings(configuration::Settings settings) {
  const std::lock_guard lock(mutex_);
  settings_ = std::move(settings);
}

void Routing::set_renewal(bool on) {
  const std::lock_guard lock(mutex_);
  renewal_ = on;
}

unsigned Routing::reloads() const {
  const std::lock_guard lock(mutex_);
  return reloads_;
}

bool Routing::is_serving() const { return nginx_.is_serving(); }
pid_t Routing::nginx_pid() const { return nginx_.master(); }
unsigned Routing::nginx_restarts() const { return nginx_.restarts(); }
void Routing::reopen_logs() const { nginx_.reopen_logs(); }

}  // namespace gatehouse::apps
