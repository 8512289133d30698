#include "apps/gatehouse/statistics.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace gatehouse::apps {
namespace {

constexpr std::chrono::seconds kInterval{10};
constexpr std::uint64_t kMaxBytesAtOnce = std::uint64_t{4} << 20;

}  // namespace

std::string name_of_this_node(std::string_view state_directory) {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  return fmt::format("{}:{}", host.data(), state_directory);
}

Statistics::Statistics(storage::Store& store, controlplane::Tally& tally, Options options)
    : store_(store),
      tally_(tally),
      options_(std::move(options)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Statistics::~Statistics() {
  thread_.request_stop();
  thread_.join();
  (void)count();
}

void Statistics::run(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  while (!stop.stop_requested()) {
    if (!count()) continue;
    std::unique_lock lock(mutex);
    wake.wait_for(lock, stop, kInterval, [] { return false; });
  }
}

bool Statistics::count() {
  if (!position_is_known_) {
    auto known = store_.counted_position(options_.node);
    if (!known) return true;  // the store is away: later
    position_ = known->value_or("");
    position_is_known_ = true;
  }
  controlplane::Tally decisions;
  const auto now = options_.clock();
  const auto followed = dataplane::follow_decisions(
      options_.logs(), position_, kMaxBytesAtOnce,
      [&](const json::object& line) { controlplane::count_decision(decisions, line, now); });
  auto added = decisions.take();
  const auto sign_ins = tally_.take();
  added.counters.insert(added.counters.end(), sign_ins.counters.begin(), sign_ins.counters.end());
  added.node = options_.node;
  if (followed.position != position_) added.position = followed.position;
  if (added.counters.empty() && added.service_tokens.empty() && !added.position)
    return !followed.more;
  if (const auto stored = store_.add_counters(added); !stored) {
    spdlog::error("statistics_failed message=\"{}\"", stored.error().message);
    tally_.put_back(sign_ins);
    return true;
  }
  position_ = followed.position;
  return !followed.more;
}

}  // namespace gatehouse::apps
