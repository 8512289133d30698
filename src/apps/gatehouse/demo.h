// `gatehouse demo`: a complete gateway on this machine: a certificate, a demo application, one-time
// PINs on the console, a device agent on 17472, and the page of text that says where to go.
#pragma once

#include <cstdint>
#include <string>

namespace gatehouse::apps {

struct DemoOptions {
  std::string state_directory;  // made when absent; an existing gatehouse.yaml in it is kept
  std::uint16_t https_port = 8443;
  std::uint16_t agent_port = 17472;
  bool detach = false;  // leave it running in the background once it answers
};

[[nodiscard]] std::string default_demo_directory();
[[nodiscard]] int run_demo(const DemoOptions& options);
// Ends a demo that runs in the background.
[[nodiscard]] int stop_demo(const std::string& state_directory);

}  // namespace gatehouse::apps
