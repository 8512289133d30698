// One request to an access endpoint, read and ready for a use case.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "adapters/access/responses.h"
#include "controlplane/context.h"
#include "controlplane/outcome.h"
#include "net/http.h"
#include "pages/pages.h"

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
  // How pages look for whoever asks: the organization's design, the browser's language.
  [[nodiscard]] pages::Branding branding() const;
  [[nodiscard]] pages::Language language() const;
};

// A page of ours in the language of `branding`; `images` beside the organization's logo.
[[nodiscard]] net::HttpResponse page_response(const pages::Branding& branding, int status,
                                              std::string html, PageKind kind = PageKind::Plain,
                                              const std::vector<std::string>& connect = {},
                                              std::vector<std::string> images = {});

// The page for a use case that could not do what was asked.
[[nodiscard]] net::HttpResponse failure_response(const Call& call,
                                                 const controlplane::Failure& failure);
// The page, redirect and cookies of a step of a sign-in.
[[nodiscard]] net::HttpResponse outcome_response(const Call& call,
                                                 const controlplane::OutcomeOrFailure& outcome);
// The page of the texts `key`.title and `key`.text, with a link on it whose label is the text
// `link_key`.
[[nodiscard]] net::HttpResponse text_response(const Call& call, int status, std::string_view key,
                                              std::string link_url = "",
                                              std::string_view link_key = "action.go_on");
[[nodiscard]] net::HttpResponse message_response(const Call& call, int status, std::string title,
                                                 std::string text, std::string link_url = "",
                                                 std::string link_text = "",
                                                 std::vector<pages::MessageLink> more_links = {});
void set_browser_cookie(const Call& call, net::HttpResponse& response);

}  // namespace gatehouse::adapters
