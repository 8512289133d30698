// `gatehouse apply`: shows what a configuration file would change in the running gateway, asks, and
// puts it in force.
#pragma once

#include <string>

#include "apps/gatehouse/commands.h"
#include "net/http.h"

namespace gatehouse::apps {

class Node;

struct ApplyArguments {
  std::string file;
  std::string state_directory;  // empty: the file's
  bool prune = false;           // also remove what was made through the API
  bool yes = false;             // do not ask
};
[[nodiscard]] int apply(const ApplyArguments& arguments, Output output);

// POST /plan and POST /apply of the administration socket.
[[nodiscard]] net::HttpResponse answer_plan(Node& node, const net::HttpRequest& request);
[[nodiscard]] net::HttpResponse answer_apply(Node& node, const net::HttpRequest& request);

}  // namespace gatehouse::apps
