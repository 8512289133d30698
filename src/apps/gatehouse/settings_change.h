// What a running gateway can take over of new settings, and what waits for its next start.
#pragma once

#include <string>
#include <vector>

#include "configuration/file.h"
#include "dataplane/log_rotation.h"

namespace gatehouse::apps {

struct SettingsChange {
  std::vector<std::string> at_once;  // names of settings
  std::vector<std::string> at_next_start;
  configuration::Settings settings;  // the running ones with everything that changes at once
};
[[nodiscard]] SettingsChange compare_settings(const configuration::Settings& running,
                                              const configuration::Settings& wanted);

[[nodiscard]] dataplane::LogLimits log_limits(const configuration::Settings& settings);

}  // namespace gatehouse::apps
