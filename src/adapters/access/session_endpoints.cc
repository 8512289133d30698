#include <fmt/format.h>

#include <utility>

#include "adapters/access/endpoints.h"
#include "adapters/access/responses.h"
#include "base/encoding.h"
#include "controlplane/application_cookies.h"
#include "controlplane/launcher.h"
#include "controlplane/provider_logout.h"
#include "controlplane/session.h"
#include "controlplane/sign_in.h"
#include "pages/pages.h"

namespace gatehouse::adapters {
namespace {

constexpr std::string_view kEndPath = "/cdn-cgi/access/sessions/end";
constexpr std::string_view kEndAllPath = "/cdn-cgi/access/sessions/end-all";

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

net::HttpResponse refuse_embedded(const Call& call) { return text_response(call, 403, "embedded"); }

std::vector<pages::MessageLink> links_to(const Call& call,
                                         const std::vector<controlplane::SignOutPlace>& places) {
  std::vector<pages::MessageLink> links;
  for (const auto& place : places)
    links.push_back({"/cdn-cgi/access/logout/" + place.id,
                     pages::text(call.language(), "action.sign_out_at", {{"method", place.name}})});
  return links;
}

}  // namespace

net::HttpResponse get_home(const Call& call) {
  const auto search = call.query("q").substr(0, controlplane::kMaxSearchBytes);
  auto home = controlplane::home(call.context, call.browser, search);
  if (!home) return failure_response(call, home.error());
  pages::Home page;
  page.email = std::move(home->email);
  page.sign_out_url = "/cdn-cgi/access/logout";
  page.search = search;
  page.is_searchable = home->is_searchable;
  page.is_truncated = home->is_truncated;
  page.transaction = std::move(home->transaction);
  page.end_action = kEndPath;
  page.everywhere_action = kEndAllPath;
  page.now = call.context.now();
  std::vector<std::string> images;
  for (const auto& link : home->applications) {
    page.applications.push_back({link.name, link.url, link.obstacle, link.domain, link.logo_url});
    images.push_back(link.logo_url);
  }
  for (const auto& session : home->sessions) {
    auto place = session.address;
    if (!session.country.empty()) place += " (" + session.country + ")";
    page.sessions.push_back({session.handle, session.browser, std::move(place),
                             session.login_method, session.began, session.ends, session.is_this});
  }
  for (const auto& device : home->devices) {
    const auto& evidence = device.evidence;
    pages::DeviceEntry entry{evidence.hostname.empty() ? evidence.device_id : evidence.hostname,
                             device.integration,
                             evidence.established_at,
                             evidence.managed,
                             {},
                             !device.checks.empty()};
    for (const auto& check : device.checks)
      if (check.reason != decision::Reason::None)
        entry.failed.push_back({check.name, check.reason});
    page.devices.push_back(std::move(entry));
  }
  const auto branding = call.branding();
  auto response =
      page_response(branding, 200, pages::home_page(branding, page),
                    page.email.empty() ? PageKind::Plain : PageKind::Form, {}, std::move(images));
  // Its forms are bound to the browser.
  if (!page.email.empty()) set_browser_cookie(call, response);
  return response;
}

net::HttpResponse post_end_session(const Call& call) {
  const auto ended = controlplane::end_session_of(call.context, call.browser,
                                                  call.form("transaction"), call.form("session"));
  if (!ended) return failure_response(call, ended.error());
  if (*ended == controlplane::Ended::Outdated) return text_response(call, 400, "outdated", "/");
  if (*ended == controlplane::Ended::Another) return redirect_response(call.request, "/");
  auto response = text_response(call, 200, "signed_out");
  set_cookie(response, {kTokenCookie, "", {}, "None"});
  return response;
}

net::HttpResponse post_end_all_sessions(const Call& call) {
  // Asked before: afterwards nobody is signed in.
  const auto places = controlplane::sign_out_places(call.context, call.browser);
  if (!places) return failure_response(call, places.error());
  const auto ended =
      controlplane::end_all_sessions_of(call.context, call.browser, call.form("transaction"));
  if (!ended) return failure_response(call, ended.error());
  if (*ended == controlplane::Ended::Outdated) return text_response(call, 400, "outdated", "/");
  const auto language = call.language();
  auto response = message_response(call, 200, pages::text(language, "signed_out_everywhere.title"),
                                   pages::text(language, "signed_out_everywhere.text"), "", "",
                                   links_to(call, *places));
  set_cookie(response, {kTokenCookie, "", {}, "None"});
  return response;
}

net::HttpResponse get_global_logout(const Call& call) {
  if (is_embedded(call)) return refuse_embedded(call);
  const auto places = controlplane::sign_out_places(call.context, call.browser);
  if (!places) return failure_response(call, places.error());
  const auto ended = controlplane::log_out_everywhere(call.context, call.browser);
  if (!ended) return failure_response(call, ended.error());
  // Whoever was refused and wants to use another account is led back.
  const auto refusal =
      controlplane::show_refusal(call.context, call.browser, call.query("transaction"));
  const auto language = call.language();
  auto response = message_response(
      call, 200, pages::text(language, "signed_out.title"),
      pages::text(language, "signed_out.text"), refusal ? refusal->retry_url : "",
      refusal ? pages::text(language, "action.sign_in_to", {{"application", refusal->application}})
              : "",
      links_to(call, *places));
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
    return text_response(call, 400, "code_invalid", failure.retry_url, "action.try_again");
  }
  const auto same_site = same_site_name(session->same_site);
  auto response = redirect_response(call.request, session->redirect);
  if (same_site == "Strict") {
    // A browser that comes from another site does not send a Strict cookie along a redirect; it
    // does when this page itself leads on.
    response = text_response(call, 200, "signed_in", session->redirect);
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
  auto response = text_response(
      call, 200, "signed_out_application",
      configuration ? configuration->snapshot->issuer() + "/cdn-cgi/access/logout" : "",
      "action.sign_out_everywhere");
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
