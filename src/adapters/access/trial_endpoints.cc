#include <utility>

#include "adapters/access/endpoints.h"
#include "adapters/access/responses.h"
#include "controlplane/trial.h"

namespace gatehouse::adapters {

// Opened with a ticket; asks a device with a transaction; is the end without either.
net::HttpResponse get_test(const Call& call) {
  if (const auto ticket = call.query("ticket"); !ticket.empty()) {
    auto response =
        outcome_response(call, controlplane::open_trial(call.context, call.browser, ticket));
    set_browser_cookie(call, response);
    return response;
  }
  if (const auto transaction = call.query("transaction"); !transaction.empty()) {
    auto page = controlplane::show_trial_device(call.context, call.browser, transaction);
    return page ? device_page_response(call, std::move(*page))
                : failure_response(call, page.error());
  }
  return text_response(call, 200, "test_ended");
}

}  // namespace gatehouse::adapters
