#include "apps/gatehouse/demo_application.h"

#include <string_view>

#include "base/encoding.h"
#include "base/json.h"
#include "base/time.h"

namespace gatehouse::apps {
namespace {

constexpr std::string_view kHead = R"(<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1"><title>Demo application</title>
<style>
:root{color-scheme:light dark;--line:#8884;--quiet:#767676;--good:#0a7d4b}
body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:8vh auto;padding:0 1.25rem}
h1{font-size:1.6rem;margin:0 0 .25rem}p{margin:.25rem 0 1.5rem;color:var(--quiet)}
.in{color:var(--good);font-weight:600}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.6rem 1.5rem;border-top:1px solid var(--line);
padding-top:1.25rem;margin:0}dt{color:var(--quiet)}dd{margin:0;overflow-wrap:anywhere}
details{margin-top:2rem}pre{white-space:pre-wrap;overflow-wrap:anywhere;font-size:.8rem;border:1px solid
var(--line);padding:1rem;border-radius:.5rem}@media(max-width:30rem){dl{grid-template-columns:1fr;gap:.1rem}
dd{margin-bottom:.8rem}}</style>
)";

std::string row(std::string_view name, std::string_view value, std::string_view id) {
  return "<dt>" + html_escape(name) + "</dt><dd id=\"" + std::string(id) + "\">" +
         html_escape(value.empty() ? "(not sent)" : value) + "</dd>";
}

std::string decoded(const net::HttpRequest& request, std::string_view name) {
  const auto value = request.header(name);
  return value ? percent_decode(*value).value_or(std::string(*value)) : std::string{};
}

// The assertion's claims, for show: an application must verify the signature before it believes them.
std::string claims_of(const net::HttpRequest& request) {
  const auto token = request.header("Cf-Access-Jwt-Assertion");
  if (!token) return "(no assertion)";
  const std::size_t begin = token->find('.');
  const std::size_t end = token->rfind('.');
  if (begin == std::string_view::npos || begin == end) return "(not a token)";
  return base64url_decode(token->substr(begin + 1, end - begin - 1)).value_or("(not a token)");
}

net::HttpResponse page(const net::HttpRequest& request) {
  std::string headers;
  for (const auto& [name, value] : request.headers) headers += name + ": " + value + "\n";
  std::string body(kHead);
  body += "<h1>Demo application</h1><p><span class=\"in\">You are in.</span> This is what the gateway "
          "told this application about you.</p><dl>";
  body += row("User", decoded(request, "Cf-Access-Authenticated-User-Email"), "user");
  body += row("Device", decoded(request, "Gatehouse-Device-Id"), "device");
  body += row("Policy", decoded(request, "Gatehouse-Policy-Name"), "policy");
  body += row("Request", decoded(request, "Gatehouse-Request-Id"), "request");
  body += "</dl><details><summary>The signed assertion</summary><pre id=\"claims\">" +
          html_escape(claims_of(request)) + "</pre></details><details><summary>Every header</summary><pre>" +
          html_escape(headers) +
          "</pre></details><p style=\"margin-top:2rem\"><a href=\"/cdn-cgi/access/logout\">Sign out of this "
          "application</a></p></html>";
  return {200, {{"Content-Type", "text/html; charset=utf-8"}, {"Cache-Control", "no-store"}}, body};
}

}  // namespace

std::expected<std::unique_ptr<net::HttpServer>, net::ServerError> start_demo_application(
    const std::string& unix_path) {
  net::ServerOptions options;
  options.unix_path = unix_path;
  options.unix_mode = 0666;  // nginx workers of another user connect; it says nothing secret
  return net::HttpServer::start(options, [](const net::HttpRequest&) {
    return net::Route{net::Pool::Inline, page};
  });
}

}  // namespace gatehouse::apps
