#include "apps/gatehouse/serve.h"

#include <signal.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <utility>

#include "apps/gatehouse/node.h"
#include "node_state/node_state.h"

namespace gatehouse::apps {
namespace {

// What may be signalled: held back in every thread, received by the loop below.
sigset_t loop_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGHUP, SIGTERM, SIGINT}) sigaddset(&set, signal);
  return set;
}

// nginx inherits the limit: two descriptors a proxied request.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 65536);
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

void log_answer(const ApplyAnswer& answer) {
  for (const auto& problem : answer.problems)
    spdlog::error("{}", configuration::to_string(problem));
  if (!answer.problems.empty()) {
    spdlog::error("the configuration was not changed: {} problem(s)", answer.problems.size());
  } else {
    spdlog::info("configuration {} (sequence {})", answer.changed ? "applied" : "unchanged",
                 answer.sequence);
  }
  for (const auto& setting : answer.at_next_start)
    spdlog::warn("`{}` has changed and takes effect at the next start", setting);
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

  Node node(options, std::move(*file));
  if (auto started = node.start(); !started) {
    std::cerr << "gatehouse: " << started.error() << "\n";
    return kExitFailure;
  }
  if (!node.wait_until_ready(std::chrono::seconds(15))) {
    const auto settings = node.settings();
    std::cerr << "gatehouse: nginx does not answer on port " << settings.listen.https_port
              << ": see " << settings.state_directory << "/nginx/error.log\n";
    return kExitFailure;
  }
  if (options.on_ready) {
    options.on_ready(node.issuer());
  } else {
    std::cout << "ready " << node.issuer() << std::endl;
  }
  const timespec interval{std::chrono::seconds(node_state::kHeartbeatInterval).count(), 0};
  auto next_tick = std::chrono::steady_clock::now() + node_state::kHeartbeatInterval;
  for (;;) {
    const int signal = ::sigtimedwait(&signals, nullptr, &interval);
    if (signal == SIGHUP) {
      log_answer(node.apply(options.configuration_file,
                            {.actor = "SIGHUP", .options = {.only_if_new = true}, .renew = true}));
    }
    if (signal == SIGTERM || signal == SIGINT) break;
    if (std::chrono::steady_clock::now() >= next_tick) {
      next_tick = std::chrono::steady_clock::now() + node_state::kHeartbeatInterval;
      node.tick();
    }
  }
  node.stop();
  return kExitOk;
}

}  // namespace gatehouse::apps
