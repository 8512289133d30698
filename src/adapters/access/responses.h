// Responses of the access endpoints: every header that goes with a page, a redirect, a cookie.
// Pure, thread-safe.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "net/http.h"

namespace gatehouse::adapters {

inline constexpr std::string_view kBrowserCookie = "CF_Session";
inline constexpr std::string_view kTokenCookie = "CF_Authorization";
inline constexpr std::string_view kAttemptCookie = "CF_Attempt";
inline constexpr std::string_view kBindingCookie = "CF_Binding";
inline constexpr std::string_view kAppSessionCookie = "CF_AppSession";
inline constexpr std::chrono::seconds kBrowserCookieLifetime{4 * 3600};

// What a page does besides being read.
enum class PageKind : std::uint8_t {
  Plain,
  Form,     // its posts carry our origin, so the referrer policy is same-origin
  Posture,  // may connect to the local agent
  Custom,   // the administrator's own
};
[[nodiscard]] net::HttpResponse html_response(int status, std::string html,
                                              PageKind kind = PageKind::Plain,
                                              const std::vector<std::string>& connect = {},
                                              const std::vector<std::string>& images = {});
[[nodiscard]] net::HttpResponse json_response(int status, const json::object& document);
// 302 after GET and HEAD, 303 after POST.
[[nodiscard]] net::HttpResponse redirect_response(const net::HttpRequest& request, std::string url);
[[nodiscard]] net::HttpResponse static_response(const net::HttpRequest& request,
                                                std::string_view content_type,
                                                std::string_view content);

struct Cookie {
  std::string_view name;
  std::string_view value;  // empty: the cookie is deleted
  std::chrono::seconds max_age{};
  std::string_view same_site;  // None, Lax, Strict
  bool http_only = true;
  std::string_view path = "/";
};
// Host-only, Secure.
void set_cookie(net::HttpResponse& response, const Cookie& cookie);

}  // namespace gatehouse::adapters
