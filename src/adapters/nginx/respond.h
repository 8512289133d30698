// What a client is told when its request is not let through: who gets a redirect, a page or JSON.
// Pure. docs/reference/wire.md, "A request to an application without a session".
#pragma once

#include <string>
#include <string_view>

#include "adapters/nginx/core.h"
#include "adapters/nginx/worker.h"

namespace gatehouse::adapters {

struct Response {
  int status = 403;
  std::string content_type;
  std::string body;
  std::string location;
  std::string set_cookie;
  std::string audience;
  std::string domain;
  std::string content_security_policy;
};

// `random_session` is 16 random bytes, used when the browser has no CF_AppSession yet.
[[nodiscard]] Response respond(const Worker::Outcome& outcome, const decision::Snapshot* snapshot,
                               const gh_request& request, const gh_particulars& particulars,
                               std::string_view random_session);

}  // namespace gatehouse::adapters
