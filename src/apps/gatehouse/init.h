// `gatehouse init`: what a first installation needs, and nothing twice: configuration file, store,
// keys, and the first API token.
#pragma once

#include <string>
#include <vector>

#include "apps/gatehouse/commands.h"

namespace gatehouse::apps {

// As the command line has it; empty or 0: not given.
struct InitArguments {
  std::string file = "/etc/gatehouse/gatehouse.yaml";
  std::string auth_domain;
  std::string name;  // of the organization
  std::string certificate;
  std::string key;
  std::string state_directory = "/var/lib/gatehouse";
  std::string store;
  std::string listen = "0.0.0.0:443";
  int http_port = 80;
  std::string dashboard;                    // host; empty: none
  std::vector<std::string> administrators;  // addresses of those who may open it
  bool new_token = false;
};
// Asks for what is missing when there is a terminal. A second run changes nothing, except for
// another token with `new_token`, or when there is none.
[[nodiscard]] int init(InitArguments arguments, Output output);

}  // namespace gatehouse::apps
