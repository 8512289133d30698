#include "adapters/forward_auth/original_request.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/encoding.h"
#include "base/try.h"

namespace gatehouse::adapters {
namespace {

using net::HttpRequest;
template <typename T>
using Read = std::expected<T, std::string>;

std::unexpected<std::string> wrong(std::string_view header, std::string_view what) {
  return std::unexpected("`" + std::string(header) + "` " + std::string(what));
}

Read<std::string_view> only(const HttpRequest& request, std::string_view name) {
  const auto value = request.header(name);
  if (!value) return wrong(name, request.count(name) == 0 ? "is missing" : "is repeated");
  return *value;
}

// The only value of that header, through `parse(header, text)`.
template <typename Parse>
auto read(const HttpRequest& request, std::string_view name, Parse parse)
    -> decltype(parse(name, name)) {
  const auto value = only(request, name);
  if (!value) return std::unexpected(value.error());
  return parse(name, *value);
}

// RFC 9110 9.1: a token.
Read<std::string> read_method(std::string_view header, std::string_view text) {
  constexpr std::string_view kTokenMarks = "!#$%&'*+-.^_`|~";
  const bool token = std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kTokenMarks.find(c) != std::string_view::npos;
  });
  if (text.empty() || text.size() > kMaxMethodBytes || !token)
    return wrong(header, "is not a method");
  return std::string(text);
}

// The host as nginx keeps it: lower case, without port and without the root's dot.
Read<std::string> read_host(std::string_view header, std::string_view text) {
  const auto colon = text.find(':');
  if (colon != std::string_view::npos) {
    const auto port = text.substr(colon + 1);
    if (port.empty() || port.size() > 5 ||
        port.find_first_not_of("0123456789") != std::string_view::npos)
      return wrong(header, "is not a host");
    text = text.substr(0, colon);
  }
  if (text.ends_with('.')) text.remove_suffix(1);
  std::string host = ascii_lower(text);
  if (host.empty() || host.size() > kMaxHostBytes || host.front() == '.' ||
      host.find("..") != std::string::npos ||
      host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-._") != std::string::npos)
    return wrong(header, "is not a host");
  return host;
}

// What stands in a request line: begins with `/`, no white space, no control characters.
Read<std::string> read_target(std::string_view header, std::string_view text) {
  const bool clean = std::ranges::none_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte <= 0x20 || byte == 0x7f;
  });
  if (!text.starts_with('/') || !clean) return wrong(header, "is not a path with query");
  return std::string(text);
}

// Sessions travel in cookies that must not be seen on the way, and there is no sign-in without TLS.
Read<void> demand_tls(std::string_view header, std::string_view scheme) {
  if (ascii_iequals(scheme, "https") || ascii_iequals(scheme, "wss")) return {};
  return wrong(header, "is not https: applications are reached over TLS only");
}

Read<IpAddress> read_address(std::string_view header, std::string_view text) {
  const auto address = IpAddress::parse(text);
  if (!address) return wrong(header, "is not an address");
  return *address;
}

// The right-most address that is not a trusted peer's: each peer adds at the right who asked it,
// and what stands further left is the client's own word. When every hop is trusted, the first.
Read<IpAddress> read_forwarded_for(const HttpRequest& request, const IpRanges& trusted) {
  constexpr std::string_view kName = "X-Forwarded-For";
  std::string_view rest = GATEHOUSE_TRY(only(request, kName));
  IpAddress client;
  for (std::size_t i = 0; i < kMaxForwardedAddresses; ++i) {
    const auto comma = rest.rfind(',');
    const auto text = trim(comma == std::string_view::npos ? rest : rest.substr(comma + 1));
    const auto address = IpAddress::parse(text);
    if (!address) return wrong(kName, "holds something that is not an address");
    client = *address;
    if (comma == std::string_view::npos || !trusted.contains(client)) return client;
    rest = rest.substr(0, comma);
  }
  return wrong(kName, "has too many addresses");
}

Read<OriginalRequest> read_forwarded(const HttpRequest& request, const IpRanges& trusted) {
  OriginalRequest original;
  GATEHOUSE_TRY_VOID(read(request, "X-Forwarded-Proto", demand_tls));
  original.method = GATEHOUSE_TRY(read(request, "X-Forwarded-Method", read_method));
  original.host = GATEHOUSE_TRY(read(request, "X-Forwarded-Host", read_host));
  original.target = GATEHOUSE_TRY(read(request, "X-Forwarded-Uri", read_target));
  original.client = GATEHOUSE_TRY(read_forwarded_for(request, trusted));
  return original;
}

Read<OriginalRequest> read_nginx(const HttpRequest& request) {
  constexpr std::string_view kUrl = "X-Original-URL";
  OriginalRequest original;
  original.method = GATEHOUSE_TRY(read(request, "X-Original-Method", read_method));
  const std::string_view url = GATEHOUSE_TRY(only(request, kUrl));
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos) return wrong(kUrl, "is not a URL");
  GATEHOUSE_TRY_VOID(demand_tls(kUrl, url.substr(0, scheme)));
  const std::string_view rest = url.substr(scheme + 3);
  const auto slash = rest.find('/');
  if (slash == std::string_view::npos) return wrong(kUrl, "has no path");
  original.host = GATEHOUSE_TRY(read_host(kUrl, rest.substr(0, slash)));
  original.target = GATEHOUSE_TRY(read_target(kUrl, rest.substr(slash)));
  original.client = GATEHOUSE_TRY(read(request, "X-Real-IP", read_address));
  return original;
}

// Envoy says the client's address a second time, of what it takes for external ones.
Read<void> agree_with_envoy(const HttpRequest& request, const IpAddress& client) {
  constexpr std::string_view kName = "x-envoy-external-address";
  if (request.count(kName) == 0) return {};
  const IpAddress address = GATEHOUSE_TRY(read(request, kName, read_address));
  if (address != client) return wrong(kName, "contradicts `X-Forwarded-For`");
  return {};
}

}  // namespace

Read<OriginalRequest> read_passed_on(const HttpRequest& request, const IpRanges& trusted_peers) {
  OriginalRequest original{
      .method = request.method, .host = {}, .target = request.target, .client = {}};
  GATEHOUSE_TRY_VOID(read(request, "X-Forwarded-Proto", demand_tls));
  original.host = GATEHOUSE_TRY(read(request, "X-Forwarded-Host", read_host));
  original.client = GATEHOUSE_TRY(read_forwarded_for(request, trusted_peers));
  return original;
}

Read<OriginalRequest> read_original_request(ForwardAuthForm form, const HttpRequest& request,
                                            const IpRanges& trusted_peers) {
  switch (form) {
    case ForwardAuthForm::Forwarded:
      return read_forwarded(request, trusted_peers);
    case ForwardAuthForm::Nginx:
      return read_nginx(request);
    case ForwardAuthForm::ExtAuthz:
      break;
  }
  OriginalRequest original{.method = request.method, .host = {}, .target = {}, .client = {}};
  GATEHOUSE_TRY_VOID(read(request, "X-Forwarded-Proto", demand_tls));
  original.host = GATEHOUSE_TRY(read(request, "Host", read_host));
  original.target = GATEHOUSE_TRY(
      read_target("path", std::string_view(request.target).substr(kExtAuthzPrefix.size())));
  original.client = GATEHOUSE_TRY(read_forwarded_for(request, trusted_peers));
  GATEHOUSE_TRY_VOID(agree_with_envoy(request, original.client));
  return original;
}

bool is_of_the_proxy(ForwardAuthForm form, std::string_view name) {
  switch (form) {
    case ForwardAuthForm::Forwarded:
      return name == "x-forwarded-method" || name == "x-forwarded-uri";
    case ForwardAuthForm::Nginx:
      return name == "x-original-method" || name == "x-original-url";
    case ForwardAuthForm::ExtAuthz:
      break;
  }
  return false;
}

}  // namespace gatehouse::adapters
