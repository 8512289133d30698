// Counts what happens on this node into the store, every ten seconds and at the end: its decision
// logs, and the sign-ins that were tallied meanwhile. A restart counts nothing twice; a crash loses
// the sign-ins of ten seconds at most.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "controlplane/tally.h"
#include "dataplane/decision_logs.h"
#include "platform/clock.h"
#include "storage/store.h"

namespace gatehouse::apps {

// Tells the nodes of one store apart, and stays the same over restarts.
[[nodiscard]] std::string name_of_this_node(std::string_view state_directory);

class Statistics {
 public:
  struct Options {
    std::string node;
    std::function<dataplane::DecisionLogFiles()> logs;
    Clock clock;
  };
  // Borrows store and tally. Starts a thread.
  Statistics(storage::Store& store, controlplane::Tally& tally, Options options);
  ~Statistics();  // counts once more
  Statistics(const Statistics&) = delete;
  Statistics& operator=(const Statistics&) = delete;

 private:
  void run(const std::stop_token& stop);
  // False: there is more to count at once.
  [[nodiscard]] bool count();

  storage::Store& store_;
  controlplane::Tally& tally_;
  const Options options_;
  std::string position_;
  bool position_is_known_ = false;
  std::jthread thread_;  // last: it uses what stands above
};

}  // namespace gatehouse::apps
