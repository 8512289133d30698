// A gateway with the sample applications and a browser in front of it, for tests of sign-in.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "adapters/access/test_browser.h"
#include "jose/jwt.h"

namespace gatehouse::adapters::test {

inline constexpr std::string_view kAuth = "https://auth.example.com";

class SignInTest : public testing::Test {
 protected:
  SignInTest() { gateway_.apply(controlplane::test::sample_document()); }

  json::object token_claims(const std::string& token) {
    return jose::verify_jws(jose::CompactJws::parse(token).value(),
                            gateway_.vault->verification_keys(), {jose::Algorithm::RS256})
        .value()
        .claims;
  }
  // The page that asks for the code, in this browser.
  net::HttpResponse ask_for_code(Browser& browser, std::string_view email = "ada@example.com",
                                 std::string_view application = "Wiki") {
    const auto page = browser.get(browser.login_url(application));
    return browser.post_form(
        "/cdn-cgi/access/pin/request",
        {{"transaction", hidden_field(page, "transaction")}, {"email", std::string(email)}});
  }
  net::HttpResponse give_code(Browser& browser, const net::HttpResponse& page, std::string code) {
    return browser.post_form(
        "/cdn-cgi/access/pin/verify",
        {{"transaction", hidden_field(page, "transaction")}, {"code", std::move(code)}});
  }
  // The URL with the one-time code, not yet opened.
  std::string authorized_url(Browser& browser, std::string_view application = "Wiki",
                             std::string_view redirect = "/") {
    const auto page = browser.get(browser.login_url(application, redirect));
    if (page.status == 302) return header(page, "Location");
    const auto entry = browser.post_form(
        "/cdn-cgi/access/pin/request",
        {{"transaction", hidden_field(page, "transaction")}, {"email", "ada@example.com"}});
    return header(give_code(browser, entry, gateway_.last_code()), "Location");
  }

  controlplane::test::TestGateway gateway_;
  Site site_{gateway_};
  Browser browser_{site_};
};

}  // namespace gatehouse::adapters::test
