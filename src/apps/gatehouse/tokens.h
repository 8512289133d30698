// `gatehouse tokens`: credentials of the administration API. Both halves: the command, and the
// answers of the running gateway. docs/guides/administration.md
#pragma once

#include <string>
#include <vector>

#include "apps/gatehouse/commands.h"
#include "net/http.h"

namespace gatehouse::apps {

class Node;

// As the command line has it.
struct TokenArguments {
  std::string action = "list";  // list, create or revoke
  std::string name;             // of revoke: name or id
  std::string role;
  std::vector<std::string> scopes;
  std::string lifetime;  // duration; empty: until it is revoked
};
[[nodiscard]] int tokens(const TokenArguments& arguments, const std::string& state_directory,
                         Output output);

// GET /tokens: 200 {"tokens": [{"id", "name", "role", "scopes", "created_by", "created_at",
// "expires_at", "last_used_at"}]}. POST /tokens {"name", "role", "scopes", "lifetime"}: 200
// {"token", "secret"}. POST /tokens/revoke {"name"}: 200 {"token"}. 422 or 503 {"error"}. They
// block on the store.
[[nodiscard]] net::HttpResponse answer_tokens(Node& node, const net::HttpRequest& request);
[[nodiscard]] net::HttpResponse answer_create_token(Node& node, const net::HttpRequest& request);
[[nodiscard]] net::HttpResponse answer_revoke_token(Node& node, const net::HttpRequest& request);

}  // namespace gatehouse::apps
