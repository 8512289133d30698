#include "apps/gatehouse/demo_application.h"

#include <string_view>

#include "base/encoding.h"
#include "base/json.h"
#include "base/time.h"

namespace gatehouse::apps {
namespace {

constexpr std::string_view kHead = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Demo application</title>
<link rel="icon" href="data:,">
<style>
:root { color-scheme: light dark; --page: #f4f6f6; --card: #fff; --line: #d9dfdf; --text: #172322;
  --muted: #52605f; --accent: #0b655f; --tint: #e8f2f1; }
@media (prefers-color-scheme: dark) {
  :root { --page: #101717; --card: #182121; --line: #2d3a3a; --text: #e6eeed; --muted: #a3b1b0;
    --accent: #6fd3c7; --tint: #1d2f2e; }
}
* { box-sizing: border-box; }
body { margin: 0; padding: 7vh 1.25rem 2rem; background: var(--page); color: var(--text);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 44rem; margin: 0 auto; }
h1 { margin: 0 0 .25rem; font-size: 1.4375rem; line-height: 1.25; }
.lead { margin: 0 0 1.5rem; color: var(--muted); }
.in { margin-right: .375rem; padding: .125rem .625rem; border-radius: 1rem; background: var(--tint);
  color: var(--accent); font-weight: 600; white-space: nowrap; }
.card { margin-bottom: 1rem; padding: 1.5rem 2rem; background: var(--card);
  border: 1px solid var(--line); border-radius: 1rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .75rem 2rem; margin: 0; }
dt { color: var(--muted); }
dd { margin: 0; overflow-wrap: anywhere; }
#user, #policy { font-weight: 600; }
#device, #request { font-size: .875rem; }
details.card { padding-block: .875rem; }
summary { cursor: pointer; }
pre { margin: .75rem 0 .25rem; overflow-wrap: anywhere; white-space: pre-wrap; color: var(--muted);
  font: .8125rem/1.5 ui-monospace, Menlo, Consolas, monospace; }
a { color: var(--accent); text-underline-offset: .2em; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
@media (max-width: 30rem) {
  body { padding-top: 1.5rem; }
  .card { padding: 1.25rem; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: .75rem; }
  dd:last-child { margin-bottom: 0; }
}
</style>
</head>
<body>
<main>
)";

std::string row(std::string_view name, std::string_view value, std::string_view id) {
  return "<dt>" + html_escape(name) + "</dt><dd id=\"" + std::string(id) + "\">" +
         html_escape(value.empty() ? "(not sent)" : value) + "</dd>";
}

std::string decoded(const net::HttpRequest& request, std::string_view name) {
  const auto value = request.header(name);
  return value ? percent_decode(*value).value_or(std::string(*value)) : std::string{};
}

// The assertion's claims, for show: an application must verify the signature before it believes
// them.
std::string claims_of(const net::HttpRequest& request) {
  const auto token = request.header("Cf-Access-Jwt-Assertion");
  if (!token) return "(no assertion)";
  const std::size_t begin = token->find('.');
  const std::size_t end = token->rfind('.');
  if (begin == std::string_view::npos || begin == end) return "(not a token)";
  return base64url_decode(token->substr(begin + 1, end - begin - 1)).value_or("(not a token)");
}

std::string details(std::string_view title, std::string_view content, std::string_view id) {
  return "<details class=\"card\"><summary>" + std::string(title) + "</summary><pre id=\"" +
         std::string(id) + "\">" + html_escape(content) + "</pre></details>\n";
}

net::HttpResponse page(const net::HttpRequest& request) {
  std::string headers;
  for (const auto& [name, value] : request.headers) headers += name + ": " + value + "\n";
  std::string body(kHead);
  body +=
      "<h1>Demo application</h1>\n<p class=\"lead\"><span class=\"in\">You are in</span> This is "
      "what the gateway told this application about you.</p>\n<dl class=\"card\">";
  body += row("User", decoded(request, "Cf-Access-Authenticated-User-Email"), "user");
  body += row("Device", decoded(request, "Gatehouse-Device-Id"), "device");
  body += row("Policy", decoded(request, "Gatehouse-Policy-Name"), "policy");
  body += row("Request", decoded(request, "Gatehouse-Request-Id"), "request");
  body += "</dl>\n" + details("The signed assertion", claims_of(request), "claims") +
          details("Every header", headers, "headers") +
          "<p><a href=\"/cdn-cgi/access/logout\">Sign out of this application</a></p>\n"
          "</main>\n</body>\n</html>\n";
  return {200, {{"Content-Type", "text/html; charset=utf-8"}, {"Cache-Control", "no-store"}}, body};
}

}  // namespace

std::expected<std::unique_ptr<net::HttpServer>, net::ServerError> start_demo_application(
    const std::string& unix_path) {
  net::ServerOptions options;
  options.unix_path = unix_path;
  options.unix_mode = 0666;  // nginx workers of another user connect; it says nothing secret
  return net::HttpServer::start(
      options, [](const net::HttpRequest&) { return net::Route{net::Pool::Inline, page}; });
}

}  // namespace gatehouse::apps
