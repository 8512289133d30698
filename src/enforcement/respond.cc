#include "enforcement/respond.h"

#include "base/encoding.h"
#include "crypto/digest.h"
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
  Response response;
  response.status = status_of(decision, particulars);
  response.headers = {{"Cache-Control", "private, no-store"},
                      {"Referrer-Policy", "no-referrer"},
                      {"X-Content-Type-Options", "nosniff"},
                      {"Content-Security-Policy", pages::content_security_policy()}};
  if (response.status == 401)
    response.headers.emplace_back("WWW-Authenticate", "Cloudflare-Access");

  std::string sign_in_url;
  std::string device_url;
  if (snapshot != nullptr && outcome.application != nullptr) {
    const std::string host(view(request.host));
    std::string app_session(view(particulars.app_session));
    const bool fresh = !is_app_session(app_session);
    if (fresh) app_session = "n" + hex_encode(random_session);
    const std::string parameters =
        host + "?kid=" + outcome.application->audience +
        "&redirect_url=" + percent_encode(return_target(view(request.target))) +
        "&app_session=" + base64url_encode(crypto::sha256(app_session));
    sign_in_url = snapshot->issuer() + "/cdn-cgi/access/login/" + parameters;
    device_url = snapshot->issuer() + "/cdn-cgi/access/posture/" + parameters;
    const bool leads_away = decision.effect == Effect::Challenge ||
                            decision::info(decision.reason).remedy == Remedy::RepairDevice;
    if (leads_away && wants_page(particulars)) {
      if (fresh) {
        response.headers.emplace_back(
            "Set-Cookie", "CF_AppSession=" + app_session +
                              "; Path=/; Max-Age=86400; Secure; HttpOnly; SameSite=Lax");
      }
      if (can_be_sent_away(particulars)) {
        // A refusal for the device's sake is asked again: the page over there shows the outcome and
        // comes back here only with an allowance, so it cannot go round in circles.
        std::erase_if(response.headers,
                      [](const auto& header) { return header.first == "WWW-Authenticate"; });
        response.status = 302;
        response.location = decision.challenge == Challenge::SignIn ? sign_in_url : device_url;
        return response;
      }
    }
    response.headers.emplace_back("CF-Access-Aud", outcome.application->audience);
    response.headers.emplace_back("CF-Access-Domain", host);
  }

  pages::Refusal refusal;
  refusal.reason = decision.reason;
  if (outcome.application != nullptr) refusal.application = outcome.application->name;
  if (outcome.session != nullptr) refusal.email = outcome.session->identity.email;
  refusal.reference = view(particulars.request_id);
  if (wants_page(particulars)) {
    refusal.retry_url = decision.challenge == Challenge::SignIn ? sign_in_url : std::string{};
    if (decision.effect == Effect::Deny && outcome.application != nullptr) {
      refusal.sign_out_url = snapshot->issuer() + "/cdn-cgi/access/logout";
    }
    pages::Branding branding;
    if (snapshot != nullptr) branding.organization = snapshot->organization_name();
    response.content_type = "text/html; charset=utf-8";
    response.body = pages::refusal_page(branding, refusal);
  } else {
    response.content_type = "application/json";
    response.body = pages::refusal_json(
        refusal, decision.effect == Effect::Challenge ? std::string_view(sign_in_url) : "");
  }
  return response;
}

}  // namespace gatehouse::enforcement
