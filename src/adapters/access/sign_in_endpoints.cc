#include <utility>

#include "adapters/access/endpoints.h"
#include "adapters/access/responses.h"
#include "base/json.h"
#include "controlplane/attempt.h"
#include "controlplane/pin.h"
#include "controlplane/posture_exchange.h"
#include "controlplane/purpose.h"
#include "controlplane/sign_in.h"
#include "controlplane/trial.h"
#include "decision/reason.h"
#include "pages/pages.h"

namespace gatehouse::adapters {
namespace {

controlplane::LoginQuery login_query(const Call& call) {
  return {call.argument, call.query("kid"), call.query("redirect_url"), call.query("app_session")};
}

constexpr std::string_view kResultPath = "/cdn-cgi/access/posture/result";

void set_attempt_cookie(net::HttpResponse& response, std::string_view attempt) {
  set_cookie(response, {kAttemptCookie, attempt, controlplane::kAttemptLifetime, "Lax", true,
                        "/cdn-cgi/access"});
}

}  // namespace

net::HttpResponse get_login(const Call& call) {
  auto response =
      outcome_response(call, controlplane::log_in(call.context, call.browser, login_query(call)));
  set_browser_cookie(call, response);
  return response;
}

net::HttpResponse post_login(const Call& call) {
  return outcome_response(
      call, controlplane::choose_method(call.context, call.browser, call.form("transaction"),
                                        call.form("method")));
}

net::HttpResponse get_start(const Call& call) {
  const auto outcome =
      controlplane::start_method(call.context, call.browser, call.query("transaction"));
  auto response = outcome_response(call, outcome);
  if (outcome && outcome->attempt) set_attempt_cookie(response, *outcome->attempt);
  return response;
}

net::HttpResponse get_callback(const Call& call) {
  if (const auto test = controlplane::return_to_trial(call.context, call.browser,
                                                      call.query("state"), call.request.query))
    return outcome_response(call, *test);
  auto response = outcome_response(
      call, controlplane::return_from_provider(call.context, call.browser, call.query("state"),
                                               call.request.query));
  if (!call.browser.attempt.empty())
    set_attempt_cookie(response, controlplane::attempt_after_return(call.context, call.browser));
  return response;
}

net::HttpResponse post_pin_request(const Call& call) {
  if (const auto test = controlplane::request_trial_pin(
          call.context, call.browser, call.form("transaction"), call.form("email")))
    return outcome_response(call, *test);
  return outcome_response(
      call, controlplane::request_pin(call.context, call.browser, call.form("transaction"),
                                      call.form("email")));
}

net::HttpResponse post_pin_verify(const Call& call) {
  if (const auto test = controlplane::verify_trial_pin(call.context, call.browser,
                                                       call.form("transaction"), call.form("code")))
    return outcome_response(call, *test);
  return outcome_response(
      call, controlplane::verify_pin(call.context, call.browser, call.form("transaction"),
                                     call.form("code")));
}

net::HttpResponse get_posture_start(const Call& call) {
  auto response = outcome_response(
      call, controlplane::begin_posture_check(call.context, call.browser, login_query(call)));
  set_browser_cookie(call, response);
  return response;
}

net::HttpResponse device_page_response(const Call& call, controlplane::AskDevice page) {
  auto instructions = std::move(page.exchange);
  instructions["transaction"] = page.transaction;
  instructions["result_url"] = kResultPath;
  const auto branding = call.branding();
  return page_response(
      branding, 200,
      pages::posture_page(branding, {page.application, json::serialize(instructions)}),
      PageKind::Posture, page.origins);
}

net::HttpResponse get_posture_page(const Call& call) {
  auto page =
      controlplane::show_posture_page(call.context, call.browser, call.query("transaction"));
  return page ? device_page_response(call, std::move(*page)) : failure_response(call, page.error());
}

net::HttpResponse post_posture_result(const Call& call) {
  const auto document = json::parse(call.request.body, {64 * 1024, 4});
  if (!document || !document->is_object())
    return json_response(400, {{"error", "malformed"}, {"page", "/"}});
  const auto text = [&](std::string_view key) {
    return std::string(json::find_string(document->get_object(), key).value_or(""));
  };
  const controlplane::PostureResult result{text("transaction"), text("token"), text("error"),
                                           text("permission")};
  auto test = controlplane::receive_trial_result(call.context, call.browser, result);
  const auto reply = test
                         ? std::move(*test)
                         : controlplane::receive_posture_result(call.context, call.browser, result);
  if (!reply) {
    const auto& failure = reply.error();
    const int status = failure.kind == controlplane::FailureKind::StoreUnavailable ||
                               failure.kind == controlplane::FailureKind::NotReady
                           ? 503
                           : 400;
    return json_response(status, {{"error", controlplane::to_string(failure.kind)},
                                  {"page", failure.retry_url.empty() ? "/" : failure.retry_url}});
  }
  if (!reply->reason) return json_response(200, {{"next", reply->url}});
  return json_response(200,
                       {{"reason", decision::info(*reply->reason).code}, {"page", reply->url}});
}

net::HttpResponse get_purpose(const Call& call) {
  auto response = outcome_response(
      call, controlplane::ask_purpose(call.context, call.browser, login_query(call)));
  set_browser_cookie(call, response);
  return response;
}

net::HttpResponse post_purpose(const Call& call) {
  return outcome_response(
      call, controlplane::state_purpose(call.context, call.browser, call.form("transaction"),
                                        call.form("purpose")));
}

net::HttpResponse get_refused(const Call& call) {
  auto refusal = controlplane::show_refusal(call.context, call.browser, call.query("transaction"));
  if (!refusal) return failure_response(call, refusal.error());
  if (refusal->page) return html_response(403, *refusal->page, PageKind::Custom);
  pages::Refusal page;
  page.reason = refusal->reason;
  page.application = std::move(refusal->application);
  page.email = std::move(refusal->email);
  page.reference = std::move(refusal->reference);
  page.retry_url = std::move(refusal->retry_url);
  page.detail = std::move(refusal->message);
  page.support_code = std::move(refusal->support_code);
  page.sign_out_url = "/cdn-cgi/access/logout?transaction=" + call.query("transaction");
  const auto branding = call.branding();
  return page_response(branding, 403, pages::refusal_page(branding, page));
}

}  // namespace gatehouse::adapters
