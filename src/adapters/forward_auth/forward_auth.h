// The policy enforcement point for proxies that ask over HTTP before they forward: nginx
// auth_request, Caddy forward_auth, Traefik ForwardAuth, HAProxy, Apache, Envoy ext_authz.
// docs/guides/forward-auth.md
//
//   /forward-auth                    the original request in X-Forwarded-*
//   /forward-auth/nginx              in X-Original-*; answers only what auth_request can relay
//   /forward-auth/nginx/answer       likewise; answers a refusal as the client gets it
//   /forward-auth/ext-authz/<path>   the request itself
//   everything else                  the access endpoints (sign-in, log-out), passed on by the
//   proxy
//
// 200 lets a request through, with the headers that the proxy copies into it; everything else is
// what the client gets.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "adapters/forward_auth/decision_log.h"
#include "base/ip.h"
#include "base/time.h"
#include "enforcement/point.h"
#include "net/http_server.h"

namespace gatehouse::adapters {

struct ForwardAuthOptions {
  std::vector<IpNetwork> trusted_peers;  // everybody else is answered 403
  enforcement::PointOptions point;
  net::Router access;  // of the access endpoints; expects what nginx tells them
  std::function<Instant()> clock;
  DecisionLog* log = nullptr;      // borrowed for the router's life
  std::uint32_t allow_sample = 0;  // one of so many allowed requests is logged; 0: none
};

// For one HttpServer: the decisions are made on its network thread, where the router runs.
[[nodiscard]] net::Router make_forward_auth_router(ForwardAuthOptions options);

}  // namespace gatehouse::adapters
