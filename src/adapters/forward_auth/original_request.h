// What another proxy says about the request that it asks about. Its words count only when the
// connection is a trusted peer's, which the caller checks. Pure, thread-safe.
// docs/guides/forward-auth.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "base/ip.h"
#include "base/ip_ranges.h"
#include "net/http.h"

namespace gatehouse::adapters {

enum class ForwardAuthForm : std::uint8_t {
  Forwarded,  // X-Forwarded-Method, -Proto, -Host, -Uri, -For: Traefik, Caddy, HAProxy, Apache
  Nginx,      // X-Original-Method, X-Original-URL, X-Real-IP: auth_request
  ExtAuthz,  // method and path of the request itself, X-Forwarded-Proto, -Host or Host, -For: Envoy
};

inline constexpr std::size_t kMaxMethodBytes = 32;
inline constexpr std::size_t kMaxHostBytes = 253;  // RFC 1035 2.3.4
inline constexpr std::size_t kMaxForwardedAddresses = 64;
// Below it stands the original path when Envoy asks.
inline constexpr std::string_view kExtAuthzPrefix = "/forward-auth/ext-authz";

struct OriginalRequest {
  std::string method;
  std::string host;    // lower case, no port
  std::string target;  // raw path and query, as it is forwarded
  IpAddress client;
};

// Errors are for the person who configures the proxy: "`X-Forwarded-Uri` is missing". What is
// missing, repeated, contradictory or not over TLS is an error, never a guess.
[[nodiscard]] std::expected<OriginalRequest, std::string> read_original_request(
    ForwardAuthForm form, const net::HttpRequest& request, const IpRanges& trusted_peers);

// Host and client address of a request that the proxy passes on as it is (sign-in, log-out): from
// X-Forwarded-Proto, -Host and -For; method and target are the request's own.
[[nodiscard]] std::expected<OriginalRequest, std::string> read_passed_on(
    const net::HttpRequest& request, const IpRanges& trusted_peers);

// The headers in which the proxy speaks in this form. `name` in lower case.
[[nodiscard]] bool is_of_the_proxy(ForwardAuthForm form, std::string_view name);

}  // namespace gatehouse::adapters
