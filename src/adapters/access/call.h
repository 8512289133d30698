// One request to an access endpoint, read and ready for a use case.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "controlplane/context.h"
#include "controlplane/outcome.h"
#include "net/http.h"

namespace gatehouse::adapters {

struct Call {
  controlplane::Context& context;
  const net::HttpRequest& request;
  std::string argument;  // what follows the endpoint's path: the host of login/{host}
  std::string host;      // lower case, no port
  controlplane::Browser browser;
  bool is_new_browser = false;  // CF_Session was absent or not ours: browser.secret is fresh

  [[nodiscard]] std::string query(std::string_view name) const {
    return request.query_parameter(name).value_or("");
  }
  [[nodiscard]] std::string form(std::string_view name) const {
    return request.form_parameter(name).value_or("");
  }
  [[nodiscard]] std::string organization() const;
};

// The page for a use case that could not do what was asked.
[[nodiscard]] net::HttpResponse failure_response(const Call& call,
                                                 const controlplane::Failure& failure);
// The page, redirect and cookies of a step of a sign-in.
[[nodiscard]] net::HttpResponse outcome_response(const Call& call,
                                                 const controlplane::OutcomeOrFailure& outcome);
[[nodiscard]] net::HttpResponse message_response(const Call& call, int status, std::string title,
                                                 std::string text, std::string link_url = "",
                                                 std::string link_text = "");
void set_browser_cookie(const Call& call, net::HttpResponse& response);

}  // namespace gatehouse::adapters
