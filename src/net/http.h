// HTTP messages as plain values, shared by servers, clients and handlers. No Boost types here.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ip.h"

namespace gatehouse::net {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method;  // as sent: `GET`
  std::string target;  // raw request target
  std::string path;    // target up to `?`, not decoded
  std::string query;   // after `?`, not decoded
  Headers headers;     // as sent, trailers left out; lines of one name stand together, in order
  std::string body;
  std::optional<IpAddress> peer;  // who is connected; nullopt on a unix socket

  // The only value of that name (any case); nullopt when absent or sent more than once.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
  [[nodiscard]] std::size_t count(std::string_view name) const;
  // The first cookie of exactly that name over all Cookie lines; nullopt when absent. Names are
  // case-sensitive; the value is everything after the first `=`, quotes included.
  [[nodiscard]] std::optional<std::string> cookie(std::string_view name) const;
  // Decoded query or form parameter; nullopt when absent, repeated or badly encoded.
  [[nodiscard]] std::optional<std::string> query_parameter(std::string_view name) const;
  [[nodiscard]] std::optional<std::string> form_parameter(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  Headers headers;
  std::string body;
};

// Decodes `a=b&c=d`; nullopt when an escape is broken. Keeps order and repetitions.
[[nodiscard]] std::optional<std::vector<std::pair<std::string, std::string>>> parse_form(
    std::string_view text);

}  // namespace gatehouse::net
