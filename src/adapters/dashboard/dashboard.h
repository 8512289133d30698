// The dashboard, an application behind the gateway that the gateway itself answers: its files, and
// the administration API for the person who is signed in to it. Behind nginx, whose module has let
// the request through, on a socket of its own.
//
//   /client/v4/...    the API. The assertion is judged again, with the same enforcement point, so
//                     that what a person may do is what the policy that allows them says at this
//                     moment (`dashboard_role`), and nothing depends on nginx alone
//   everything else   the files
//
// INVARIANT 8: a request to the API counts only when a page of this host has sent it: it carries
// `X-Requested-With: gatehouse-dashboard`, for which a browser asks before it goes to another
// origin and gets no permission, and `Sec-Fetch-Site` and `Origin`, where they are said, say the
// same.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "adapters/admin_api/call.h"
#include "adapters/dashboard/web_files.h"
#include "base/time.h"
#include "enforcement/point.h"
#include "net/http_server.h"

namespace gatehouse::adapters {

// Of one session.
inline constexpr int kDashboardRequests = 3000;
inline constexpr std::chrono::seconds kDashboardWindow{300};

struct DashboardOptions {
  admin_api::Services services;
  enforcement::PointOptions point;
  std::function<Instant()> clock;
  std::shared_ptr<const WebFiles> files;  // null: they have not been built
  int requests = kDashboardRequests;
};
[[nodiscard]] net::Router make_dashboard_router(DashboardOptions options);

}  // namespace gatehouse::adapters
