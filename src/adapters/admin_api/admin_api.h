// The administration API: /client/v4/..., in the shapes of the v4 API, and what goes beyond it
// under /client/v4/accounts/{account_id}/gatehouse/. api/openapi.yaml describes all of it;
// docs/guides/administration.md tells how to use it.
//
// Order of checks: route (404, code 7003), credentials (403, 10000), rate (429), account (403),
// role and scopes (403, 10001), body, handler. Writes are one at a time (Gateway::change); two
// edits of one resource: the later one wins, unless it says `If-Match` with the `ETag` that it read
// (412 otherwise).
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "adapters/admin_api/call.h"
#include "base/ip.h"
#include "net/http_server.h"
#include "storage/store.h"

namespace gatehouse::adapters {

// A person of the dashboard and what they may do.
struct PersonOfTheDashboard {
  storage::ApiToken authority;  // without id; the name is the e-mail address
  std::string session;          // what the limit counts by
};

struct AdminApiOptions {
  admin_api::Services services;
  // Whose requests count, by address; the API answers others 403. The client's address is what
  // nginx says in Gatehouse-Client-Ip.
  std::vector<IpNetwork> allowed_networks;
  int requests = 1200;  // a token and window; 0: no limit
  std::chrono::seconds window{300};
  // Whose every request is, without credentials, networks and limits: of a socket that only its
  // owner can open. The root of the admin socket is an Administrator without an id.
  std::optional<storage::ApiToken> trusted;
  // Who asks, instead of credentials in the request and of networks; an answer for nobody.
  // Thread-safe.
  std::function<std::expected<PersonOfTheDashboard, net::HttpResponse>(
      const net::HttpRequest& request, const IpAddress& client)>
      person{};
};
[[nodiscard]] net::Router make_admin_api_router(AdminApiOptions options);

}  // namespace gatehouse::adapters
