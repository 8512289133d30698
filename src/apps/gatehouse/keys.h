// `gatehouse keys`: the signing keys and the master key. Both halves: the command, and the answers
// of the running gateway. docs/guides/keys.md
#pragma once

#include <string>

#include "apps/gatehouse/commands.h"
#include "net/http.h"

namespace gatehouse::apps {

class Node;

// `action`: list, rotate or rotate-master.
[[nodiscard]] int keys(const std::string& action, const std::string& state_directory,
                       Output output);

// GET /keys, POST /keys/rotate, POST /keys/rotate-master: 200 {"keys": [{"kid", "state",
// "created_at", "retires_at"}], "last_key_rotation_at", "days_until_next_rotation",
// "key_rotation_interval_days", "master_key_file"}; 422 or 503 {"error"}. They block on the store.
[[nodiscard]] net::HttpResponse answer_keys(Node& node, const net::HttpRequest& request);
[[nodiscard]] net::HttpResponse answer_rotate_keys(Node& node, const net::HttpRequest& request);
[[nodiscard]] net::HttpResponse answer_rotate_master_key(Node& node,
                                                         const net::HttpRequest& request);

}  // namespace gatehouse::apps
