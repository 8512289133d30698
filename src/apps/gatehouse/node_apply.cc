// Putting a file in force in a running gateway.
#include <spdlog/spdlog.h>

#include <utility>

#include "apps/gatehouse/node.h"
#include "base/encoding.h"
#include "crypto/digest.h"
#include "decision/snapshot.h"
#include "model/limits.h"
#include "platform/file.h"

namespace gatehouse::apps {

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
  decision_log_->set_limits(log_limits(change.settings));
  if (request.renew || change.settings.country_database != before.country_database)
    open_countries(change.settings.country_database);
  if (change.settings.api != before.api) make_api_router(change.settings.api);
  return answer;
}

}  // namespace gatehouse::apps
