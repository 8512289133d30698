#include <fmt/format.h>

#include <utility>

#include "adapters/access/endpoints.h"
#include "adapters/access/responses.h"
#include "base/encoding.h"
#include "controlplane/application_cookies.h"
#include "controlplane/session.h"
#include "controlplane/sign_in.h"
#include "pages/pages.h"

namespace gatehouse::adapters {
namespace {

std::string_view same_site_name(std::string_view attribute) {
  if (ascii_iequals(attribute, "strict")) return "Strict";
  if (ascii_iequals(attribute, "lax")) return "Lax";
  return "None";
}

// Log-out is a plain link; embedded in a foreign page it is an attack on the session.
bool is_embedded(const Call& call) {
  const auto destination = call.request.header("Sec-Fetch-Dest");
  return destination && *destination != "document";
}

net::HttpResponse refuse_embedded(const Call& call) {
  return message_response(call, 403, "Not from here", "Open this page itself to sign out.");
}

}  // namespace

net::HttpResponse get_home(const Call& call) {
  const auto home = controlplane::home(call.context, call.browser);
  if (!home) return failure_response(call, home.error());
  pages::Home page;
  page.email = home->email;
  page.sign_out_url = "/cdn-cgi/access/logout";
  for (const auto& link : home->applications)
    page.applications.push_back({link.name, link.url, link.obstacle});
  return html_response(200, pages::home_page({home->organization}, page));
}

net::HttpResponse get_global_logout(const Call& call) {
  if (is_embedded(call)) return refuse_embedded(call);
  const auto ended = controlplane::log_out_everywhere(call.context, call.browser);
  if (!ended) return failure_response(call, ended.error());
  // Whoever was refused and wants to use another account is led back.
  const auto refusal =
      controlplane::show_refusal(call.context, call.browser, call.query("transaction"));
  auto response = message_response(
      call, 200, "You are signed out", "You are signed out of every application of this gateway.",
      refusal ? refusal->retry_url : "", refusal ? "Sign in to " + refusal->application : "");
  set_cookie(response, {kTokenCookie, "", {}, "None"});
  return response;
}

net::HttpResponse get_authorized(const Call& call) {
  auto session =
      controlplane::redeem_code(call.context, call.browser, call.host, call.query("nonce"),
                                call.request.cookie(kAppSessionCookie).value_or(""));
  if (!session) {
    const auto& failure = session.error();
    if (failure.kind == controlplane::FailureKind::StoreUnavailable ||
        failure.kind == controlplane::FailureKind::NotReady)
      return failure_response(call, failure);
    return message_response(
        call, 400, "Invalid login session",
        "This sign-in was begun too long ago, in another browser, or is already "
        "over. Please begin again.",
        failure.retry_url, "Try again");
  }
  const auto same_site = same_site_name(session->same_site);
  auto response = redirect_response(call.request, session->redirect);
  if (same_site == "Strict") {
    // A browser that comes from another site does not send a Strict cookie along a redirect; it
    // does when this page itself leads on.
    response =
        message_response(call, 200, "You are signed in", "One moment.", session->redirect, "Go on");
    response.headers.emplace_back("Refresh", "0;url=" + session->redirect);
  }
  const auto lifetime = session->expires_at - call.context.now();
  const auto set_at = [&](std::string_view path) {
    set_cookie(response,
               {kTokenCookie, session->token, lifetime, same_site, session->http_only, path});
    if (!session->binding.empty())
      set_cookie(response, {kBindingCookie, session->binding, lifetime, same_site, true, path});
  };
  set_at(session->path);
  if (session->path != "/") set_at(controlplane::kEndpointCookiePath);
  return response;
}

net::HttpResponse get_application_logout(const Call& call) {
  if (is_embedded(call)) return refuse_embedded(call);
  const auto ended = controlplane::log_out_of_application(
      call.context, call.browser, call.host, call.request.cookie(kTokenCookie).value_or(""));
  if (!ended) return failure_response(call, ended.error());
  const auto configuration = call.context.configuration();
  auto response = message_response(
      call, 200, "You are signed out",
      "You are signed out of this application. The next visit signs you in again without questions "
      "as long as you are signed in to the gateway.",
      configuration ? configuration->snapshot->issuer() + "/cdn-cgi/access/logout" : "",
      "Sign out everywhere");
  if (!configuration) return response;
  for (const auto& path : controlplane::cookie_paths_on(*configuration->resources, call.host))
    for (const auto name : {kTokenCookie, kBindingCookie})
      set_cookie(response, {name, "", {}, "None", true, path});
  return response;
}

net::HttpResponse get_identity(const Call& call) {
  const auto identity = controlplane::identity_of(call.context, call.browser, call.host,
                                                  call.request.cookie(kTokenCookie).value_or(""),
                                                  call.request.cookie(kBindingCookie).value_or(""));
  if (identity) return json_response(200, *identity);
  const bool signed_out = identity.error().kind == controlplane::FailureKind::NotSignedIn;
  return json_response(signed_out ? 401 : 503,
                       {{"error", controlplane::to_string(identity.error().kind)},
                        {"reference", call.browser.reference}});
}

}  // namespace gatehouse::adapters
