// Sign-in for applications that want a client certificate: the auth domain never sees it, so it
// settles everything else and leaves the certificate to the application's host.
#include <gtest/gtest.h>

#include <filesystem>

#include "adapters/access/sign_in_fixture.h"
#include "platform/file.h"

namespace gatehouse::adapters {
namespace {

namespace fs = std::filesystem;
using controlplane::test::sample_document;
using test::Browser;
using test::contains;
using test::header;
using test::hidden_field;

const fs::path kAuthority = fs::path(GATEHOUSE_TESTDATA).parent_path().parent_path().parent_path() /
                            "crypto/testdata/client_certificates_fuzz/authority.pem";
constexpr std::string_view kAuthorized =
    "https://wiki.example.com/cdn-cgi/access/authorized?nonce=";

class CertificateSignInTest : public test::SignInTest {
 protected:
  // Wiki: the staff, and whatever `more` requires besides a certificate.
  json::object document(const char* more, std::string_view host = "wiki.example.com") {
    auto made = sample_document();
    made["mtls_certificates"] = {{{"name", "Authority"},
                                  {"certificate", read_file(kAuthority).value()},
                                  {"associated_hostnames", {json::value(host)}}}};
    auto& require = policy_of(made)["require"];
    require = json::parse(more).value();
    require.as_array().push_back(json::object{{"certificate", json::object{}}});
    return made;
  }
  static json::object& policy_of(json::object& document) {
    return document["applications"].as_array()[0].as_object()["policies"].as_array()[0].as_object();
  }
  // The answer to the right code, not followed.
  net::HttpResponse sign_in(Browser& browser) {
    const auto page = ask_for_code(browser);
    return give_code(browser, page, gateway_.last_code());
  }
};

TEST_F(CertificateSignInTest, EndsAtTheApplicationWhichDecides) {
  gateway_.apply(document("[]"));
  const auto answer = sign_in(browser_);
  ASSERT_TRUE(header(answer, "Location").starts_with(kAuthorized)) << answer.body;
  const auto arrived = browser_.get(header(answer, "Location"));
  EXPECT_EQ(header(arrived, "Location"), "/");
  EXPECT_EQ(token_claims(browser_.cookie("wiki.example.com", "CF_Authorization")).at("email"),
            "ada@example.com");
  EXPECT_TRUE(gateway_.audit("refusal").empty());
  // Again, with the session that there is now.
  EXPECT_TRUE(
      header(browser_.get(browser_.login_url("Wiki")), "Location").starts_with(kAuthorized));
}

TEST_F(CertificateSignInTest, IsRefusedWhereNoAuthorityCounts) {
  gateway_.apply(document("[]", "other.example.com"));
  const auto answer = browser_.follow(sign_in(browser_));
  EXPECT_EQ(answer.status, 403);
  EXPECT_TRUE(contains(answer, "certificate_required"));
}

TEST_F(CertificateSignInTest, EverythingElseIsStillDecidedHere) {
  struct Case {
    const char* name;
    const char* required;
    std::string url;   // where it ends
    std::string page;  // what that shows
  };
  const Case cases[] = {
      {"the person", R"([{"email": {"email": "bob@example.com"}}])", "/cdn-cgi/access/refused?",
       "identity_not_permitted"},
      {"the network", R"([{"ip": {"ip": "198.51.100.0/24"}}])", "/cdn-cgi/access/refused?",
       "network_not_permitted"},
      {"the device", R"([{"device_posture": {"integration_uid": "managed"}}])",
       "/cdn-cgi/access/posture?", "data-instructions"},
      // Leaving this to the application would go in circles.
      {"the login method", R"([{"login_method": {"id": "Corp"}}])", "/cdn-cgi/access/login/",
       "name=\"method\""},
  };
  gateway_.apply(document("[]"));
  ASSERT_TRUE(header(browser_.follow(sign_in(browser_)), "Location") == "/");
  for (const Case& test : cases) {
    gateway_.apply(document(test.required));
    const auto answer = browser_.follow(browser_.get(browser_.login_url("Wiki")));
    EXPECT_NE(browser_.url().find(test.url), std::string::npos) << test.name << browser_.url();
    EXPECT_TRUE(contains(answer, test.page)) << test.name << ": " << answer.body;
  }
}

TEST_F(CertificateSignInTest, ThePurposeIsAskedWhenTheApplicationSendsForIt) {
  auto made = document("[]");
  policy_of(made)["purpose_justification_required"] = true;
  policy_of(made)["purpose_justification_prompt"] = "Which ticket?";
  gateway_.apply(made);
  ASSERT_TRUE(header(sign_in(browser_), "Location").starts_with(kAuthorized));
  auto url = browser_.login_url("Wiki");
  url.replace(url.find("/access/login/"), 14, "/access/purpose/");
  const auto page = browser_.get(url);
  EXPECT_EQ(page.status, 200);
  EXPECT_TRUE(contains(page, "Which ticket?"));
  const auto answer = browser_.post_form(
      "/cdn-cgi/access/purpose",
      {{"transaction", hidden_field(page, "transaction")}, {"purpose", "ticket 12"}});
  EXPECT_TRUE(header(answer, "Location").starts_with(kAuthorized)) << header(answer, "Location");
  EXPECT_EQ(gateway_.audit("purpose_stated").size(), 1U);
  // Said once, it is not asked again.
  EXPECT_TRUE(header(browser_.get(url), "Location").starts_with(kAuthorized));
}

TEST_F(CertificateSignInTest, TheStartPageOffersSuchAnApplication) {
  gateway_.apply(document("[]"));
  static_cast<void>(sign_in(browser_));
  const auto page = browser_.get("https://auth.example.com/");
  EXPECT_TRUE(contains(page, "href=\"https://wiki.example.com/\"")) << page.body;
}

TEST_F(CertificateSignInTest, TheTokenSaysTheCountryOfTheBrowser) {
  gateway_.context().dependencies.country_of = [](const IpAddress& address) -> std::string_view {
    return address.to_string() == "192.0.2.1" ? "DE" : "";
  };
  const auto country_of = [&](Browser& browser) {
    static_cast<void>(browser.follow(browser.sign_in_with_code("Wiki")));
    const auto token = browser.cookie("wiki.example.com", "CF_Authorization");
    return std::string(token_claims(token).at("country").as_string());
  };
  EXPECT_EQ(country_of(browser_), "DE");
  const auto identity = browser_.get("https://wiki.example.com/cdn-cgi/access/get-identity");
  EXPECT_EQ(json::parse(identity.body)->as_object().at("geo").as_object().at("country"), "DE");
  Browser elsewhere(site_, "192.0.2.2");
  EXPECT_EQ(country_of(elsewhere), "");
}

}  // namespace
}  // namespace gatehouse::adapters
