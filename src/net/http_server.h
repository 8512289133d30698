// An HTTP/1.1 server on a unix socket or a loopback address. Reading, writing and deadlines are
// asynchronous on one thread; handlers are ordinary functions that run on the pool of their route.
// Thread-safe. An exception of a handler is answered with 500 and counted.
//
// Strict where parsers disagree (RFC 9112): 400 for a CR or LF alone, folded lines, a request
// target that does not begin with `/`, Content-Length that is repeated, not digits or beside
// Transfer-Encoding, any coding but `chunked`, and anything but one Host in HTTP/1.1. Then 431 and
// 413 beyond the limits, 408 past a deadline, 503 with Retry-After when the pool is full. Pipelined
// requests are answered one after another. The server writes Content-Length and Connection itself.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/http.h"

namespace gatehouse::net {

// One pool per kind of waiting, so that one slow neighbour cannot starve the rest.
enum class Pool : std::uint8_t { Inline, Store, IdentityProvider, PostureProvider };

using Handler = std::function<HttpResponse(const HttpRequest&)>;

struct Route {
  Pool pool = Pool::Store;
  Handler handler;
};
// Chooses the route of a request from its method, path and headers; runs on the network thread and
// must not block.
using Router = std::function<Route(const HttpRequest&)>;

struct ServerOptions {
  std::string unix_path;  // either this (mode below) ...
  unsigned unix_mode = 0600;
  std::string unix_group;              // chgrp the socket; empty: leave
  std::string address = "127.0.0.1";   // ... or an address and port
  std::uint16_t port = 0;              // 0: any free
  std::size_t max_connections = 4096;  // further ones are closed at once
  std::size_t max_header_bytes = 48 * 1024;
  std::size_t max_body_bytes = 256 * 1024;
  std::chrono::milliseconds header_deadline{10'000};  // first byte (or connection) to empty line
  std::chrono::milliseconds body_deadline{30'000};    // for the whole body, and for the response
  std::chrono::milliseconds idle_deadline{60'000};    // between requests of one connection
  std::size_t store_threads = 4;
  std::size_t identity_provider_threads = 16;
  std::size_t posture_provider_threads = 4;
  std::size_t max_queued = 1024;  // a pool; beyond it 503
};

struct ServerError {
  std::string message;  // "cannot listen on `127.0.0.1:17472`: Address already in use"
};

class HttpServer {
 public:
  [[nodiscard]] static std::expected<std::unique_ptr<HttpServer>, ServerError> start(
      ServerOptions options, Router router);
  virtual ~HttpServer() = default;  // stops and joins
  [[nodiscard]] virtual std::uint16_t port() const = 0;
  // Stops accepting, lets running handlers end and answer (at most `grace`), joins. A handler that
  // takes longer is waited for, its answer is not sent. Not from a handler.
  virtual void stop(std::chrono::milliseconds grace) = 0;
  // Exceptions of handlers and routers so far.
  [[nodiscard]] virtual std::uint64_t failed_handlers() const = 0;
};

}  // namespace gatehouse::net
