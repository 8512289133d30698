// A browser for tests: cookies by host, our router behind every address, nothing followed by
// itself.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controlplane/test_support.h"
#include "net/http.h"
#include "net/http_server.h"

namespace gatehouse::adapters::test {

// nginx and the control plane, as far as a browser can tell.
class Site {
 public:
  explicit Site(controlplane::test::TestGateway& gateway);
  controlplane::test::TestGateway& gateway;
  net::Router router;
  // Every response, to look for what must not be in one.
  std::vector<net::HttpResponse> answered;
};

class Browser {
 public:
  explicit Browser(Site& site, std::string address = "192.0.2.1")
      : address_(std::move(address)), site_(site) {}

  net::HttpResponse get(std::string_view url) { return send("GET", url, {}, ""); }
  net::HttpResponse post_form(std::string_view url,
                              const std::vector<std::pair<std::string, std::string>>& fields,
                              net::Headers headers = {});
  net::HttpResponse post_json(std::string_view url, const json::object& document,
                              net::Headers headers = {});
  net::HttpResponse send(std::string method, std::string_view url, net::Headers headers,
                         std::string body);
  // Follows redirects within the site; stops at the provider, at an application's own pages and at
  // everything that is no redirect.
  net::HttpResponse follow(net::HttpResponse response);

  // What nginx answers to a navigation without a session: begins with the application's cookie.
  std::string login_url(std::string_view application, std::string_view redirect = "/");
  std::string posture_url(std::string_view application, std::string_view redirect = "/");
  // Signs in with a code; answers the last response before the application.
  net::HttpResponse sign_in_with_code(std::string_view application,
                                      std::string_view email = "ada@example.com",
                                      std::string_view redirect = "/");
  net::HttpResponse sign_in_with_provider(std::string_view application,
                                          std::string_view redirect = "/");

  std::string& cookie(std::string_view host, std::string_view name) {
    return cookies_[std::string(host)][std::string(name)];
  }
  [[nodiscard]] const std::string& url() const { return url_; }  // of the last response

 private:
  std::string sign_in_parameters(std::string_view application, std::string_view redirect);

  std::string address_;
  Site& site_;
  std::map<std::string, std::map<std::string, std::string>> cookies_;
  std::string url_ = "https://auth.example.com/";
};

[[nodiscard]] std::string header(const net::HttpResponse& response, std::string_view name);
// The value of a hidden field; empty when there is none.
[[nodiscard]] std::string hidden_field(const net::HttpResponse& response, std::string_view name);
// The instructions on a posture page.
[[nodiscard]] json::object instructions(const net::HttpResponse& page);
// The nonce in them.
[[nodiscard]] std::string challenge(const json::object& instructions);
[[nodiscard]] bool contains(const net::HttpResponse& response, std::string_view text);

}  // namespace gatehouse::adapters::test
