// HTTPS out, over libcurl. Blocking: call it on the pool meant for it. Thread-safe. Certificates
// are verified, cookies and .netrc do not exist, proxies are those of the environment (https_proxy,
// ...).
#pragma once

#include <chrono>
#include <expected>
#include <memory>
#include <string>

#include "base/secret.h"
#include "net/http.h"

namespace gatehouse::net {

struct OutboundRequest {
  std::string method = "GET";
  std::string url;  // http or https only; anything else is Protocol
  std::string unix_socket;  // connect here instead of to the url's host; empty: no
  std::string resolve{};  // `HOST:PORT:ADDRESS`: where that host is; empty: as the system says
  Headers headers;
  std::string body;
  std::string basic_user;  // with basic_password: Authorization: Basic
  Secret basic_password;
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds timeout{10'000};  // for the whole exchange
  std::size_t max_response_bytes = 1 << 20;
};

enum class OutboundFailure { Timeout, Unreachable, Tls, TooLarge, Protocol };
struct OutboundError {
  OutboundFailure failure;
  std::string message;  // names host and cause, never a header or body
};

class HttpClient {
 public:
  virtual ~HttpClient() = default;
  // Any status is a success here; redirects are never followed.
  [[nodiscard]] virtual std::expected<HttpResponse, OutboundError> send(
      const OutboundRequest& request) const = 0;
};

// `extra_ca_file`: PEM bundle trusted besides the system's; empty: none.
[[nodiscard]] std::unique_ptr<HttpClient> make_http_client(const std::string& extra_ca_file);

}  // namespace gatehouse::net
