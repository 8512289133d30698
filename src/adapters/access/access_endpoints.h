// /cdn-cgi/access/*: HTTP in, use cases of the control plane, HTTP out. The only place where
// sign-in turns into status codes, cookies and headers. docs/reference/wire.md. Thread-safe.
#pragma once

#include "controlplane/gateway.h"
#include "net/http_server.h"

namespace gatehouse::adapters {

// Borrows the gateway; it must outlive the server that uses the router.
[[nodiscard]] net::Router make_access_router(controlplane::Gateway& gateway);

}  // namespace gatehouse::adapters
