// The local administration socket (mode 0600): what the commands talk to. Who may open it owns the
// gateway.
#pragma once

#include "net/http_server.h"

namespace gatehouse::apps {

class Node;

// JSON in and out; errors are {"error"}, problems of a configuration file 422 {"problems"}.
//   POST /plan {"path", "prune"?}            what `apply` would do, and the `plan` to agree to
//   POST /apply {"path", "prune"?, "plan"?}  409: what it would do is not that plan any more
//   GET /status
//   POST /explain, a Question: {"explanation", "text"}
//   POST /revoke, GET /sessions              revoke.h, sessions.h
//   GET /keys, POST /keys/rotate, ...        keys.h
//   GET /tokens, POST /tokens, ...           tokens.h
//   GET /export                              export.h
//   POST /backup, POST /restore              backup.h
//   /client/v4/...                           `api`: the administration API, as root
// Borrows the node.
[[nodiscard]] net::Router make_admin_router(Node& node, net::Router api);

}  // namespace gatehouse::apps
