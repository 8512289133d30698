#include "adapters/access/access_endpoints.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>

#include "adapters/access/endpoints.h"
#include "adapters/access/responses.h"
#include "adapters/access/user_agent.h"
#include "base/encoding.h"
#include "base/json.h"
#include "controlplane/journey.h"
#include "model/limits.h"
#include "pages/pages.h"
#include "platform/random.h"

namespace gatehouse::adapters {
namespace {

using controlplane::Context;
using net::HttpRequest;
using net::HttpResponse;
using net::Pool;

constexpr std::size_t kBrowserSecretBytes = 32;
constexpr std::size_t kBrowserSecretText = 43;  // base64url of it
constexpr std::size_t kReferenceText = 32;

enum class Where : std::uint8_t { AuthDomain, ApplicationHosts };
// What a post must bring besides the right origin.
enum class Body : std::uint8_t { None, Form, Json };

struct Endpoint {
  std::string_view path;
  bool takes_host = false;  // the path goes on with `/{host}`, or with another name
  Where where = Where::AuthDomain;
  std::string_view method;
  bool answers_head = false;  // where a GET changes nothing
  Body body = Body::None;
  Pool pool = Pool::Store;
  HttpResponse (*handle)(const Call&) = nullptr;
};

constexpr auto kAuth = Where::AuthDomain;
constexpr auto kHosts = Where::ApplicationHosts;
constexpr std::array kEndpoints{
    Endpoint{"/", false, kAuth, "GET", true, Body::None, Pool::Store, get_home},
    Endpoint{"/cdn-cgi/access/sessions/end", false, kAuth, "POST", false, Body::Form, Pool::Store,
             post_end_session},
    Endpoint{"/cdn-cgi/access/sessions/end-all", false, kAuth, "POST", false, Body::Form,
             Pool::Store, post_end_all_sessions},
    Endpoint{"/cdn-cgi/access/login", true, kAuth, "GET", true, Body::None, Pool::Store, get_login},
    Endpoint{"/cdn-cgi/access/login", true, kAuth, "POST", false, Body::Form, Pool::Store,
             post_login},
    Endpoint{"/cdn-cgi/access/start", false, kAuth, "GET", false, Body::None,
             Pool::IdentityProvider, get_start},
    Endpoint{"/cdn-cgi/access/callback", false, kAuth, "GET", false, Body::None,
             Pool::IdentityProvider, get_callback},
    Endpoint{"/cdn-cgi/access/pin/request", false, kAuth, "POST", false, Body::Form, Pool::Store,
             post_pin_request},
    Endpoint{"/cdn-cgi/access/pin/verify", false, kAuth, "POST", false, Body::Form, Pool::Store,
             post_pin_verify},
    Endpoint{"/cdn-cgi/access/posture/result", false, kAuth, "POST", false, Body::Json, Pool::Store,
             post_posture_result},
    Endpoint{"/cdn-cgi/access/posture", false, kAuth, "GET", false, Body::None, Pool::Store,
             get_posture_page},
    Endpoint{"/cdn-cgi/access/posture", true, kAuth, "GET", false, Body::None,
             Pool::IdentityProvider, get_posture_start},
    Endpoint{"/cdn-cgi/access/purpose", true, kAuth, "GET", true, Body::None, Pool::Store,
             get_purpose},
    Endpoint{"/cdn-cgi/access/purpose", false, kAuth, "POST", false, Body::Form, Pool::Store,
             post_purpose},
    Endpoint{"/cdn-cgi/access/refused", false, kAuth, "GET", true, Body::None, Pool::Store,
             get_refused},
    Endpoint{"/cdn-cgi/access/test", false, kAuth, "GET", false, Body::None, Pool::IdentityProvider,
             get_test},
    Endpoint{"/cdn-cgi/access/logout", false, kAuth, "GET", false, Body::None, Pool::Store,
             get_global_logout},
    Endpoint{"/cdn-cgi/access/logout", true, kAuth, "GET", false, Body::None,
             Pool::IdentityProvider, get_provider_logout},
    Endpoint{"/cdn-cgi/access/backchannel-logout", true, kAuth, "POST", false, Body::Form,
             Pool::IdentityProvider, post_backchannel_logout},
    Endpoint{"/cdn-cgi/access/get-identity", false, kAuth, "GET", true, Body::None, Pool::Store,
             get_identity},
    Endpoint{"/cdn-cgi/access/cli", true, kAuth, "GET", true, Body::None, Pool::Store,
             get_transfer},
    Endpoint{"/cdn-cgi/access/cli", false, kAuth, "POST", false, Body::Form, Pool::Store,
             post_transfer},
    Endpoint{"/cdn-cgi/access/cli", false, kHosts, "GET", false, Body::None, Pool::Store,
             get_transfer_start},
    Endpoint{controlplane::kTransferReturnPath, false, kHosts, "GET", false, Body::None,
             Pool::Store, get_transfer_return},
    Endpoint{"/cdn-cgi/access/cli/application", false, kHosts, "GET", true, Body::None, Pool::Store,
             get_transfer_application},
    Endpoint{"/cdn-cgi/access/cli/transfer", true, kHosts, "GET", false, Body::None, Pool::Store,
             get_transfer_result},
    Endpoint{"/cdn-cgi/access/authorized", false, kHosts, "GET", false, Body::None, Pool::Store,
             get_authorized},
    Endpoint{"/cdn-cgi/access/logout", false, kHosts, "GET", false, Body::None, Pool::Store,
             get_application_logout},
    Endpoint{"/cdn-cgi/access/get-identity", false, kHosts, "GET", true, Body::None, Pool::Store,
             get_identity},
};

bool matches(const Endpoint& endpoint, std::string_view path) {
  if (!endpoint.takes_host) return path == endpoint.path;
  if (!path.starts_with(endpoint.path)) return false;
  const auto rest = path.substr(endpoint.path.size());
  return rest.size() > 1 && rest.front() == '/' && rest.find('/', 1) == std::string_view::npos;
}

// An exact path goes before one that takes a host: posture/result is not a host.
bool is_shadowed(const Endpoint& endpoint, std::string_view path) {
  return endpoint.takes_host &&
         std::any_of(kEndpoints.begin(), kEndpoints.end(), [&](const Endpoint& other) {
           return !other.takes_host && other.path == path;
         });
}

bool answers(const Endpoint& endpoint, std::string_view method) {
  return method == endpoint.method || (method == "HEAD" && endpoint.answers_head);
}

bool is_text_of(std::string_view text, std::size_t size, std::string_view alphabet) {
  return text.size() == size && text.find_first_not_of(alphabet) == std::string_view::npos;
}

std::string host_of(const HttpRequest& request) {
  const auto host = ascii_lower(request.header("Host").value_or(""));
  return host.substr(0, host.find(':'));
}

Call make_call(Context& context, const HttpRequest& request) {
  Call call{context, request, "", host_of(request), {}, false};
  const auto reference = request.header("Gatehouse-Request-Id").value_or("");
  call.browser.reference = is_text_of(reference, kReferenceText, "0123456789abcdef")
                               ? std::string(reference)
                               : random_hex(kReferenceText / 2);
  const auto secret = request.cookie(kBrowserCookie).value_or("");
  constexpr std::string_view kBase64Url =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  call.is_new_browser = !is_text_of(secret, kBrowserSecretText, kBase64Url);
  call.browser.secret = call.is_new_browser ? random_base64url(kBrowserSecretBytes) : secret;
  call.browser.session_token = request.cookie(kTokenCookie).value_or("");
  call.browser.name = browser_name(request.header("User-Agent").value_or(""));
  call.browser.attempt = request.cookie(kAttemptCookie).value_or("");
  return call;
}

// Defence in depth: what a post does is bound to the browser by its transaction anyway.
bool is_same_origin(const HttpRequest& request, std::string_view issuer) {
  if (request.count("Sec-Fetch-Site") > 0)
    return request.header("Sec-Fetch-Site") == "same-origin" &&
           (request.count("Origin") == 0 || request.header("Origin") == issuer ||
            request.header("Origin") == "null");
  return request.count("Origin") == 0 || request.header("Origin") == issuer;
}

bool has_content_type(const HttpRequest& request, std::string_view wanted) {
  const auto type = request.header("Content-Type").value_or("");
  return ascii_iequals(trim(type.substr(0, type.find(';'))), wanted);
}

// nullopt: the post may go on.
std::optional<HttpResponse> check_post(const Call& call, const Endpoint& endpoint,
                                       std::string_view issuer) {
  if (!is_same_origin(call.request, issuer)) return text_response(call, 403, "foreign", "/");
  if (call.request.body.size() > model::kMaxFormBytes) return text_response(call, 413, "too_large");
  const auto wanted =
      endpoint.body == Body::Json ? "application/json" : "application/x-www-form-urlencoded";
  if (!has_content_type(call.request, wanted)) return text_response(call, 415, "not_understood");
  return std::nullopt;
}

HttpResponse not_found(const Call& call) { return text_response(call, 404, "not_found"); }

HttpResponse method_not_allowed(const Call& call, std::string allowed) {
  auto response = text_response(call, 405, "method_not_allowed");
  response.headers.emplace_back("Allow", std::move(allowed));
  return response;
}

HttpResponse dispatch(Context& context, const HttpRequest& request) {
  auto call = make_call(context, request);
  const auto configuration = context.configuration();
  if (!configuration) return failure_response(call, {controlplane::FailureKind::NotReady, {}});
  const auto& snapshot = *configuration->snapshot;
  const bool on_auth_domain = call.host == snapshot.auth_domain();
  if (!on_auth_domain && !snapshot.knows_host(call.host)) return not_found(call);

  const Endpoint* found = nullptr;
  std::string allowed;
  for (const auto& endpoint : kEndpoints) {
    if ((endpoint.where == kAuth) != on_auth_domain || !matches(endpoint, request.path) ||
        is_shadowed(endpoint, request.path))
      continue;
    if (answers(endpoint, request.method)) found = &endpoint;
    if (!allowed.empty()) allowed += ", ";
    allowed += endpoint.method;
    if (endpoint.answers_head) allowed += ", HEAD";
  }
  if (allowed.empty()) return not_found(call);
  if (found == nullptr) return method_not_allowed(call, std::move(allowed));

  // nginx says who asks; without it no policy about networks could be decided.
  const auto address = IpAddress::parse(request.header("Gatehouse-Client-Ip").value_or(""));
  if (!address) return text_response(call, 400, "not_through_proxy");
  call.browser.address = *address;
  if (found->takes_host) call.argument = request.path.substr(found->path.size() + 1);
  if (found->body != Body::None) {
    if (auto refused = check_post(call, *found, snapshot.issuer())) return std::move(*refused);
  }
  return found->handle(call);
}

// Answered on the network thread: nothing in them waits.

HttpResponse get_only(Context& context, const HttpRequest& request, HttpResponse response) {
  if (request.method == "GET" || request.method == "HEAD") return response;
  return method_not_allowed(make_call(context, request), "GET, HEAD");
}

HttpResponse certs_response(const Context& context) {
  HttpResponse response;
  response.headers = {{"Content-Type", "application/json"},
                      {"Cache-Control", "public, max-age=300"},
                      {"Access-Control-Allow-Origin", "*"},
                      {"X-Content-Type-Options", "nosniff"}};
  response.body = json::serialize(context.dependencies.vault.certs_document());
  return response;
}

HttpResponse status_response(const Context& context) {
  const bool ready = context.configuration() != nullptr;
  return json_response(ready ? 200 : 503,
                       {{"status", ready ? "ok" : "not_ready"}, {"version", GATEHOUSE_VERSION}});
}

Pool pool_of(const HttpRequest& request) {
  for (const auto& endpoint : kEndpoints)
    if (matches(endpoint, request.path) && answers(endpoint, request.method)) return endpoint.pool;
  return Pool::Inline;  // 404 and 405
}

}  // namespace

net::Router make_access_router(controlplane::Gateway& gateway) {
  Context& context = gateway.context();
  return [&context](const HttpRequest& request) -> net::Route {
    const std::string_view path = request.path;
    if (path == "/cdn-cgi/access/certs")
      return {Pool::Inline, [&context](const HttpRequest& r) {
                return get_only(context, r, certs_response(context));
              }};
    if (path == "/cdn-cgi/access/status")
      return {Pool::Inline, [&context](const HttpRequest& r) {
                return get_only(context, r, status_response(context));
              }};
    if (path == "/cdn-cgi/access/static/gatehouse.css")
      return {Pool::Inline, [&context](const HttpRequest& r) {
                return get_only(context, r,
                                static_response(r, "text/css; charset=utf-8", pages::stylesheet()));
              }};
    if (path == "/cdn-cgi/access/static/posture.js")
      return {Pool::Inline, [&context](const HttpRequest& r) {
                return get_only(
                    context, r,
                    static_response(r, "text/javascript; charset=utf-8", pages::posture_script()));
              }};
    if (path == "/cdn-cgi/access/static/launcher.js")
      return {Pool::Inline, [&context](const HttpRequest& r) {
                return get_only(
                    context, r,
                    static_response(r, "text/javascript; charset=utf-8", pages::launcher_script()));
              }};
    if (path == "/cdn-cgi/access/static/theme.css")
      return {Pool::Inline, [&context](const HttpRequest& r) {
                const auto configuration = context.configuration();
                const auto css =
                    configuration ? pages::theme_stylesheet(configuration->snapshot->login_design())
                                  : std::string();
                return get_only(context, r, static_response(r, "text/css; charset=utf-8", css));
              }};
    return {pool_of(request), [&context](const HttpRequest& r) { return dispatch(context, r); }};
  };
}

}  // namespace gatehouse::adapters
