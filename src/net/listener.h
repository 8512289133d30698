// Opens the listening socket of a server. Blocking but immediate; thread-safe.
#pragma once

#include <cstdint>
#include <expected>

#include "net/http_server.h"

namespace gatehouse::net {

struct Listener {
  int descriptor = -1;     // owned by the caller
  int family = 0;          // AF_UNIX, AF_INET or AF_INET6
  std::uint16_t port = 0;  // the one in use; 0 for a unix socket
};

// Binds and listens as the options say. A socket file on which nobody answers any more is replaced;
// group and mode stand before the first connection can be made.
[[nodiscard]] std::expected<Listener, ServerError> open_listener(const ServerOptions& options);

}  // namespace gatehouse::net
