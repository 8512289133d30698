#include <utility>

#include "adapters/access/endpoints.h"
#include "adapters/access/responses.h"
#include "base/json.h"
#include "controlplane/pin.h"
#include "controlplane/posture_exchange.h"
#include "controlplane/purpose.h"
#include "controlplane/sign_in.h"
#include "decision/reason.h"
#include "pages/pages.h"

namespace gatehouse::adapters {
namespace {

controlplane::LoginQuery login_query(const Call& call) {
  return {call.argument, call.query("kid"), call.query("redirect_url"), call.query("app_session")};
}

constexpr std::string_view kResultPath = "/cdn-cgi/access/posture/result";

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
  return outcome_response(
      call, controlplane::start_method(call.context, call.browser, call.query("transaction")));
}

net::HttpResponse get_callback(const Call& call) {
  return outcome_response(
      call, controlplane::return_from_provider(call.context, call.browser, call.query("state"),
                                               call.request.query));
}

net::HttpResponse post_pin_request(const Call& call) {
  return outcome_response(
      call, controlplane::request_pin(call.context, call.browser, call.form("transaction"),
                                      call.form("email")));
}

net::HttpResponse post_pin_verify(const Call& call) {
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

net::HttpResponse get_posture_page(const Call& call) {
  auto page =
      controlplane::show_posture_page(call.context, call.browser, call.query("transaction"));
  if (!page) return failure_response(call, page.error());
  auto instructions = std::move(page->exchange);
  instructions["transaction"] = page->transaction;
  instructions["result_url"] = kResultPath;
  return html_response(200,
                       pages::posture_page({call.organization()},
                                           {page->application, json::serialize(instructions)}),
                       PageKind::Posture, page->origins);
}

net::HttpResponse post_posture_result(const Call& call) {
  const auto document = json::parse(call.request.body, {64 * 1024, 4});
  if (!document || !document->is_object())
    return json_response(400, {{"error", "malformed"}, {"page", "/"}});
  const auto text = [&](std::string_view key) {
    return std::string(json::find_string(document->get_object(), key).value_or(""));
  };
  const auto reply = controlplane::receive_posture_result(
      call.context, call.browser,
      {text("transaction"), text("token"), text("error"), text("permission")});
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
  page.sign_out_url = "/cdn-cgi/access/logout?transaction=" + call.query("transaction");
  return html_response(403, pages::refusal_page({call.organization()}, page));
}

}  // namespace gatehouse::adapters
