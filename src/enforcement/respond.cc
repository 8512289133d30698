#include "enforcement/respond.h"

#include <algorithm>
#include <iterator>
#include <memory>

#include "base/encoding.h"
#include "crypto/digest.h"
#include "enforcement/cors.h"
#include "pages/pages.h"

namespace gatehouse::enforcement {
namespace {

using decision::Challenge;
using decision::Effect;
using decision::Reason;
using decision::Remedy;

constexpr std::size_t kAppSessionHexDigits = 32;

std::string_view view(const gh_text& text) { return {text.data, text.size}; }

bool contains(std::string_view text, std::string_view part) {
  return ascii_lower(text).find(part) != std::string::npos;
}

// A person looks at the answer.
bool wants_page(const gh_particulars& particulars) {
  if (!view(particulars.upgrade).empty()) return false;
  if (ascii_iequals(view(particulars.x_requested_with), "XMLHttpRequest")) return false;
  if (contains(view(particulars.content_type), "application/grpc")) return false;
  if (!view(particulars.sec_fetch_mode).empty()) {
    return view(particulars.sec_fetch_mode) == "navigate";
  }
  return contains(view(particulars.accept), "text/html");
}

// A redirect loses a body, so only these may be sent somewhere else and come back.
bool can_be_sent_away(const gh_particulars& particulars) {
  return view(particulars.method) == "GET" || view(particulars.method) == "HEAD";
}

bool is_cors_preflight(const gh_particulars& particulars) {
  return view(particulars.method) == "OPTIONS" &&
         !view(particulars.access_control_request_method).empty();
}

// The cookie that binds the sign-in to this browser: what it has, or a new one.
bool is_app_session(std::string_view value) {
  return value.size() == kAppSessionHexDigits + 1 && value.front() == 'n' &&
         value.find_first_not_of("0123456789abcdef", 1) == std::string_view::npos;
}

// The path and query to come back to. What is not an ordinary target comes back to the start.
std::string return_target(std::string_view target) {
  if (target.empty() || target.front() != '/' || target.starts_with("//") ||
      target.find('\\') != std::string_view::npos) {
    return "/";
  }
  return std::string(target);
}

int status_of(const decision::Decision& decision, const gh_particulars& particulars) {
  switch (decision.reason) {
    case Reason::NodeStateUnavailable:
    case Reason::NodeStateTooOld:
    case Reason::InternalError:
      return 503;
    case Reason::AmbiguousPath:
      return 400;
    case Reason::ServiceTokenInvalid:
    case Reason::ServiceTokenExpired:
      return 401;
    default:
      break;
  }
  if (decision.effect == Effect::Challenge && !is_cors_preflight(particulars)) return 401;
  return 403;
}

// Where a challenge can be met, on the auth domain.
struct WaysOn {
  std::string sign_in;
  std::string device;
  std::string purpose;
  [[nodiscard]] const std::string& of(Challenge challenge) const {
    switch (challenge) {
      case Challenge::SignIn:
        return sign_in;
      case Challenge::Purpose:
        return purpose;
      case Challenge::Posture:
      case Challenge::None:
        break;
    }
    return device;
  }
};

WaysOn ways_on(const decision::Snapshot& snapshot, const std::string& audience,
               const gh_request& request, std::string_view app_session) {
  const std::string parameters =
      std::string(view(request.host)) + "?kid=" + audience +
      "&redirect_url=" + percent_encode(return_target(view(request.target))) +
      "&app_session=" + base64url_encode(crypto::sha256(app_session));
  const std::string endpoints = snapshot.issuer() + "/cdn-cgi/access/";
  return {endpoints + "login/" + parameters, endpoints + "posture/" + parameters,
          endpoints + "purpose/" + parameters};
}

// Programs that were meant to bring a service token are told so instead of being sent to a page.
bool is_strict(const decision::CompiledApplication& application) {
  return application.service_auth_401_redirect &&
         std::ranges::any_of(application.policies, [](const auto& policy) {
           return policy.action == model::Action::ServiceAuth;
         });
}

struct OwnAnswer {
  std::string url;                          // to go to instead; empty: none
  std::shared_ptr<const std::string> page;  // to show instead; null: none
};
// What the administrator wants people to see instead of our refusal page.
OwnAnswer instead_of_ours(const decision::CompiledApplication& application, Reason reason) {
  switch (pages::refusal_kind(reason)) {
    case pages::RefusalKind::Identity:
      return {application.custom_deny_url, application.identity_denied_page};
    case pages::RefusalKind::NonIdentity:
      return {application.custom_non_identity_deny_url, application.forbidden_page};
    case pages::RefusalKind::Other:
      break;
  }
  return {};
}

void set_header(Response& response, std::string_view name, std::string value) {
  for (auto& [key, old] : response.headers)
    if (key == name) old = std::move(value);
}

void send_to(Response& response, std::string url) {
  std::erase_if(response.headers,
                [](const auto& header) { return header.first == "WWW-Authenticate"; });
  response.status = 302;
  response.location = std::move(url);
}

}  // namespace

std::string_view Response::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return {};
}

Response respond(const EnforcementPoint::Outcome& outcome, const decision::Snapshot* snapshot,
                 const gh_request& request, const gh_particulars& particulars,
                 std::string_view random_session) {
  const decision::Decision& decision = outcome.decision;
  const decision::CompiledApplication* application =
      snapshot == nullptr ? nullptr : outcome.application;
  Response response;
  response.status = status_of(decision, particulars);
  response.headers = {{"Cache-Control", "private, no-store"},
                      {"Referrer-Policy", "no-referrer"},
                      {"X-Content-Type-Options", "nosniff"},
                      {"Content-Security-Policy", pages::content_security_policy()}};
  const bool refused = response.status == 401 || response.status == 403;
  if (application != nullptr && application->cors_headers) {
    const auto& cors = *application->cors_headers;
    const auto origin = view(particulars.origin);
    if (outcome.preflight && refused && is_allowed_origin(cors, origin)) {
      response.status = 204;
      std::ranges::move(
          preflight_headers(cors, origin, view(particulars.access_control_request_method),
                            view(particulars.access_control_request_headers)),
          std::back_inserter(response.headers));
      return response;
    }
    std::ranges::move(cors_headers(cors, origin), std::back_inserter(response.headers));
  }
  if (response.status == 401)
    response.headers.emplace_back("WWW-Authenticate", "Cloudflare-Access");

  const bool page = wants_page(particulars);
  WaysOn ways;
  OwnAnswer own;
  if (application != nullptr) {
    std::string app_session(view(particulars.app_session));
    const bool fresh = !is_app_session(app_session);
    if (fresh) app_session = "n" + hex_encode(random_session);
    ways = ways_on(*snapshot, application->audience, request, app_session);
    const bool repair = decision::info(decision.reason).remedy == Remedy::RepairDevice;
    const bool leads_away = decision.effect == Effect::Challenge || repair;
    if (leads_away && page && fresh) {
      response.headers.emplace_back("Set-Cookie",
                                    "CF_AppSession=" + app_session +
                                        "; Path=/; Max-Age=86400; Secure; HttpOnly; SameSite=Lax");
    }
    // A refusal for the device's sake is asked again: the page over there shows the outcome and
    // comes back here only with an allowance, so it cannot go round in circles.
    const bool strict = decision.challenge == Challenge::SignIn && is_strict(*application);
    if (page && leads_away && !strict && can_be_sent_away(particulars)) {
      send_to(response, ways.of(decision.challenge));
      return response;
    }
    if (page && decision.effect == Effect::Deny) {
      own = instead_of_ours(*application, decision.reason);
      if (!own.url.empty() && can_be_sent_away(particulars)) {
        send_to(response, std::move(own.url));
        return response;
      }
    }
    response.headers.emplace_back("CF-Access-Aud", application->audience);
    response.headers.emplace_back("CF-Access-Domain", view(request.host));
  }
  if (own.page != nullptr) {
    set_header(response, "Content-Security-Policy", std::string(pages::custom_page_policy()));
    response.content_type = "text/html; charset=utf-8";
    response.body = *own.page;
    return response;
  }

  pages::Refusal refusal;
  refusal.reason = decision.reason;
  if (application != nullptr) {
    refusal.application = application->name;
    if (decision.effect == Effect::Deny &&
        pages::refusal_kind(decision.reason) != pages::RefusalKind::Other)
      refusal.detail = application->custom_deny_message;
  }
  if (outcome.session != nullptr) refusal.email = outcome.session->identity.email;
  refusal.reference = view(particulars.request_id);
  if (page) {
    // An evaluator that said no is asked again over there.
    if (decision.effect == Effect::Challenge || decision.reason == Reason::EvaluationRefused)
      refusal.retry_url = ways.of(decision.challenge);
    if (decision.effect == Effect::Deny && application != nullptr) {
      refusal.sign_out_url = snapshot->issuer() + "/cdn-cgi/access/logout";
    }
    pages::Branding branding;
    branding.language = pages::choose_language(view(particulars.accept_language));
    if (snapshot != nullptr) {
      branding.organization = snapshot->organization_name();
      branding.design = snapshot->login_design();
    }
    set_header(response, "Content-Security-Policy",
               pages::content_security_policy({}, {branding.design.logo_path}));
    response.headers.emplace_back("Content-Language", pages::tag(branding.language));
    response.headers.emplace_back("Vary", "Accept-Language");
    response.content_type = "text/html; charset=utf-8";
    response.body = pages::refusal_page(branding, refusal);
  } else {
    response.content_type = "application/json";
    response.body = pages::refusal_json(
        refusal, decision.effect == Effect::Challenge ? std::string_view(ways.sign_in) : "");
  }
  return response;
}

}  // namespace gatehouse::enforcement
