// What a client is told when its request is not let through: who gets a redirect, a page or JSON.
// Pure. docs/reference/wire.md, "A request to an application without a session".
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "enforcement/point.h"
#include "enforcement/request.h"

namespace gatehouse::enforcement {

struct Response {
  int status = 403;
  std::string content_type;
  std::string body;
  std::string location;  // empty: none
  // All others, in order; an empty value is not sent.
  std::vector<std::pair<std::string, std::string>> headers;
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

// `random_session` is 16 random bytes, used when the browser has no CF_AppSession yet.
[[nodiscard]] Response respond(const EnforcementPoint::Outcome& outcome,
                               const decision::Snapshot* snapshot, const gh_request& request,
                               const gh_particulars& particulars, std::string_view random_session);

}  // namespace gatehouse::enforcement
