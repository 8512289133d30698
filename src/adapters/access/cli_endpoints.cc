#include <utility>

#include "adapters/access/endpoints.h"
#include "adapters/access/responses.h"
#include "controlplane/cli_transfer.h"
#include "pages/pages.h"
#include "platform/random.h"

namespace gatehouse::adapters {
namespace {

constexpr std::string_view kConfirmPath = "/cdn-cgi/access/cli";
constexpr std::chrono::seconds kAppSessionLifetime{24 * 3600};

controlplane::TransferQuery query_of(const Call& call) {
  return {call.query("path"), call.query("key"), call.query("id")};
}

net::HttpResponse failed(const Call& call, const controlplane::Failure& failure) {
  if (failure.kind == controlplane::FailureKind::MethodUnavailable)
    return text_response(call, 403, "transfer_bound");
  return failure_response(call, failure);
}

net::HttpResponse json_failure(const Call& call, const controlplane::Failure& failure) {
  const bool later = failure.kind == controlplane::FailureKind::NotReady ||
                     failure.kind == controlplane::FailureKind::StoreUnavailable;
  return json_response(later ? 503 : 404, {{"error", controlplane::to_string(failure.kind)},
                                           {"reference", call.browser.reference}});
}

}  // namespace

net::HttpResponse get_transfer_application(const Call& call) {
  const auto audience =
      controlplane::transfer_audience(call.context, call.host, call.query("path"));
  if (!audience) return json_failure(call, audience.error());
  return json_response(200, {{"aud", *audience}});
}

net::HttpResponse get_transfer_start(const Call& call) {
  auto secret = call.request.cookie(kAppSessionCookie).value_or("");
  const bool is_new = secret.empty();
  if (is_new) secret = "n" + random_hex(16);
  auto url = controlplane::begin_transfer(call.context, call.host, query_of(call), secret);
  if (!url) return failed(call, url.error());
  auto response = redirect_response(call.request, std::move(*url));
  if (is_new) set_cookie(response, {kAppSessionCookie, secret, kAppSessionLifetime, "Lax"});
  return response;
}

net::HttpResponse get_transfer_return(const Call& call) {
  auto url = controlplane::continue_transfer(call.context, call.host, query_of(call));
  return url ? redirect_response(call.request, std::move(*url)) : failed(call, url.error());
}

net::HttpResponse get_transfer(const Call& call) {
  const auto question =
      controlplane::ask_transfer(call.context, call.browser, call.argument, query_of(call));
  if (!question) return failed(call, question.error());
  const auto branding = call.branding();
  auto response = page_response(
      branding, 200,
      pages::transfer_page(branding,
                           {question->application, question->host, question->email, question->code,
                            std::string(kConfirmPath), question->transaction}),
      PageKind::Form);
  set_browser_cookie(call, response);
  return response;
}

net::HttpResponse post_transfer(const Call& call) {
  const auto done =
      controlplane::confirm_transfer(call.context, call.browser, call.form("transaction"));
  return done ? text_response(call, 200, "transfer_done") : failed(call, done.error());
}

net::HttpResponse get_transfer_result(const Call& call) {
  const auto sealed =
      controlplane::take_transfer(call.context, call.browser.reference, call.argument);
  if (!sealed) return json_failure(call, sealed.error());
  if (!*sealed) return json_response(404, {{"error", "nothing_waits"}});
  return json_response(200, {{"sealed", **sealed}});
}

}  // namespace gatehouse::adapters
