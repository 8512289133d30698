#include "adapters/access/responses.h"

#include <fmt/format.h>

#include <utility>

#include "pages/pages.h"

namespace gatehouse::adapters {
namespace {

net::HttpResponse dynamic_response(int status, std::string_view referrer_policy = "no-referrer",
                                   std::string_view loopback = "()") {
  net::HttpResponse response;
  response.status = status;
  response.headers = {
      {"Cache-Control", "no-store"},
      {"X-Content-Type-Options", "nosniff"},
      {"X-Frame-Options", "DENY"},
      {"Referrer-Policy", std::string(referrer_policy)},
      {"Permissions-Policy",
       fmt::format("loopback-network={0}, local-network=(), local-network-access={0}", loopback)},
  };
  return response;
}

}  // namespace

net::HttpResponse html_response(int status, std::string html, PageKind kind,
                                const std::vector<std::string>& connect,
                                const std::vector<std::string>& images) {
  auto response = dynamic_response(status, kind == PageKind::Form ? "same-origin" : "no-referrer",
                                   kind == PageKind::Posture ? "(self)" : "()");
  response.headers.emplace_back("Content-Security-Policy",
                                kind == PageKind::Custom
                                    ? std::string(pages::custom_page_policy())
                                    : pages::content_security_policy(connect, images));
  response.headers.emplace_back("Content-Type", "text/html; charset=utf-8");
  response.body = std::move(html);
  return response;
}

net::HttpResponse json_response(int status, const json::object& document) {
  auto response = dynamic_response(status);
  response.headers.emplace_back("Content-Type", "application/json");
  response.body = json::serialize(document);
  return response;
}

net::HttpResponse redirect_response(const net::HttpRequest& request, std::string url) {
  auto response = dynamic_response(request.method == "POST" ? 303 : 302);
  response.headers.emplace_back("Location", std::move(url));
  return response;
}

net::HttpResponse static_response(const net::HttpRequest& request, std::string_view content_type,
                                  std::string_view content) {
  net::HttpResponse response;
  // Pages name the content by its hash; whoever asks without one gets what is there now.
  const bool versioned = request.query_parameter("v").has_value();
  response.headers = {
      {"Cache-Control", versioned ? "public, max-age=31536000, immutable" : "public, max-age=300"},
      {"Content-Type", std::string(content_type)},
      {"X-Content-Type-Options", "nosniff"},
  };
  response.body = content;
  return response;
}

void set_cookie(net::HttpResponse& response, const Cookie& cookie) {
  response.headers.emplace_back(
      "Set-Cookie",
      fmt::format("{}={}; Path={}; Secure; {}SameSite={}; Max-Age={}", cookie.name, cookie.value,
                  cookie.path, cookie.http_only ? "HttpOnly; " : "", cookie.same_site,
                  cookie.value.empty() ? 0 : cookie.max_age.count()));
}

}  // namespace gatehouse::adapters
