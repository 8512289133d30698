#include "controlplane/journey.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/encoding.h"
#include "controlplane/sign_in.h"
#include "controlplane/test_support.h"
#include "controlplane/transaction.h"
#include "crypto/digest.h"
#include "model/limits.h"

namespace gatehouse::controlplane {
namespace {

using test::sample_document;
using test::TestGateway;

TEST(LocalPath, StaysOnItsHost) {
  struct Case {
    std::string text;
    bool expected;
  };
  const std::array cases{
      Case{"/", true},
      Case{"/a/b?c=d&e=https://evil.example/", true},
      Case{"/a%20b", true},
      Case{"/?q=a\\b", false},
      Case{"/a//b", true},
      Case{"", false},
      Case{"a", false},
      Case{"//evil.example", false},
      Case{"///evil.example", false},
      Case{"/\\evil.example", false},
      Case{"\\/evil.example", false},
      Case{"/%2fevil.example", false},
      Case{"/%2Fevil.example", false},
      Case{"/%5cevil.example", false},
      Case{"%2fevil.example", false},
      Case{"/a\\b", false},
      Case{"https://evil.example/", false},
      Case{"javascript:alert(1)", false},
      Case{" /", false},
      Case{"/a b", false},
      Case{"/\t/evil.example", false},
      Case{"/\r\nSet-Cookie: a=b", false},
      Case{std::string("/\0", 2), false},
      Case{"/\x7f", false},
      Case{"/caf\xc3\xa9", false},
      Case{"/%", false},
      Case{"/%zz", false},
      Case{"/cdn-cgi/access/logout", false},
      Case{"/CDN-CGI/access/logout", false},
      Case{"/cdn%2dcgi/access/authorized?nonce=x", false},
      Case{"/" + std::string(model::kMaxUrlBytes - 1, 'a'), true},
      Case{"/" + std::string(model::kMaxUrlBytes, 'a'), false},
  };
  for (const auto& c : cases) EXPECT_EQ(is_local_path(c.text), c.expected) << c.text;
}

// What is let through is appended to `https://host`: the browser must still be on that host.
TEST(LocalPath, KnownAttacksNeverLeaveTheHost) {
  std::ifstream file(std::string(GATEHOUSE_SHARED_TESTKIT) + "/hostile/open-redirect.txt");
  if (!file) GTEST_SKIP() << "no test kit";
  std::string line;
  int lines = 0;
  while (std::getline(file, line)) {
    ++lines;
    if (!is_local_path(line)) continue;
    EXPECT_TRUE(line.starts_with('/') && !line.starts_with("//") && !line.starts_with("/\\"))
        << line;
  }
  EXPECT_GT(lines, 500);
}

class JourneyTest : public testing::Test {
 protected:
  JourneyTest() { gateway_.apply(sample_document()); }
  LoginQuery wiki() {
    return {"wiki.example.com", gateway_.application("Wiki").audience, "/page?x=1",
            base64url_encode(crypto::sha256("n1"))};
  }
  TestGateway gateway_;
};

TEST_F(JourneyTest, HostKidAndPathBelongTogether) {
  const auto journey = begin_journey(gateway_.context(), wiki());
  ASSERT_TRUE(journey);
  EXPECT_EQ(application_url(gateway_.context(), *journey), "https://wiki.example.com/page?x=1");
  struct Case {
    std::string_view name;
    std::string host;
    std::string application;
    std::string redirect;
    FailureKind expected;
  };
  const std::array cases{
      Case{"another application's kid", "wiki.example.com", "Admin", "/",
           FailureKind::UnknownApplication},
      Case{"unknown host", "evil.example", "Wiki", "/", FailureKind::UnknownApplication},
      Case{"the auth domain itself", "auth.example.com", "Wiki", "/",
           FailureKind::UnknownApplication},
      Case{"a port", "wiki.example.com:444", "Wiki", "/", FailureKind::UnknownApplication},
      Case{"a final dot", "wiki.example.com.", "Wiki", "/", FailureKind::UnknownApplication},
      Case{"a user", "wiki.example.com@evil.example", "Wiki", "/", FailureKind::UnknownApplication},
      Case{"outside the application's path", "admin.example.com", "Admin", "/other",
           FailureKind::UnknownApplication},
      Case{"to another host", "wiki.example.com", "Wiki", "//evil.example",
           FailureKind::RedirectRefused},
  };
  for (const auto& c : cases) {
    const auto refused = begin_journey(
        gateway_.context(), {c.host, gateway_.application(c.application).audience, c.redirect, ""});
    ASSERT_FALSE(refused) << c.name;
    EXPECT_EQ(refused.error().kind, c.expected) << c.name;
  }
  auto query = wiki();
  query.app_session = "short";
  EXPECT_EQ(begin_journey(gateway_.context(), query).error().kind, FailureKind::TransactionInvalid);
  query = wiki();
  query.host = "WIKI.example.com";
  EXPECT_EQ(begin_journey(gateway_.context(), query).value().host, "wiki.example.com");
}

// Identity providers of a type that is only kept are offered to nobody.
TEST_F(JourneyTest, OnlyMethodsThatWorkAreOffered) {
  auto document = sample_document();
  document["identity_providers"].as_array().push_back(
      {{"name", "SSO"}, {"type", "saml"}, {"config", json::object{}}});
  auto& applications = document["applications"].as_array();
  applications.push_back({{"name", "Link"}, {"type", "bookmark"}, {"domain", "x.example"}});
  applications[0].as_object()["allowed_idps"] = json::array{"Code", "SSO"};
  applications[3].as_object()["allowed_idps"] = json::array{"SSO"};
  gateway_.apply(document);
  const auto journey = begin_journey(gateway_.context(), wiki());
  ASSERT_TRUE(journey);
  const auto methods = login_methods(*journey);
  ASSERT_EQ(methods.size(), 1U);
  EXPECT_EQ(methods[0].name, "Code");

  auto query = wiki();
  query.host = "admin.example.com";
  query.audience = gateway_.application("Admin").audience;
  query.redirect = "/console";
  const auto refused = log_in(gateway_.context(), {}, query);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, FailureKind::MethodUnavailable);
}

TEST_F(JourneyTest, CarriesOnlyWhatFitsIntoUrls) {
  auto query = wiki();
  query.redirect = "/page?" + std::string(5000, 'q');
  EXPECT_EQ(begin_journey(gateway_.context(), query).value().redirect, "/page");
  query.redirect = "/" + std::string(5000, 'p');
  EXPECT_EQ(begin_journey(gateway_.context(), query).value().redirect, "/");
}

TEST(Journey, LinksCarryThePublicPort) {
  TestGateway gateway(8443);
  gateway.apply(sample_document());
  const auto journey = begin_journey(
      gateway.context(), {"wiki.example.com", gateway.application("Wiki").audience, "/a", ""});
  ASSERT_TRUE(journey);
  EXPECT_EQ(application_url(gateway.context(), *journey), "https://wiki.example.com:8443/a");
  EXPECT_TRUE(login_url(*journey).starts_with(
      "https://auth.example.com:8443/cdn-cgi/access/login/wiki.example.com?kid="));
}

TEST_F(JourneyTest, TransactionsAreBoundToStepBrowserAndTime) {
  auto& context = gateway_.context();
  const Browser browser{"browser-one", {}, "r", ""};
  const Browser other{"browser-two", {}, "r", ""};
  Transaction transaction;
  transaction.step = Step::Callback;
  transaction.redirect = "/ä\"'";
  transaction.integrations = {"one", "two"};
  const auto sealed = seal_transaction(context, browser, transaction, model::kSignInLifetime);

  const auto opened = open_transaction(context, browser, Step::Callback, sealed);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->redirect, transaction.redirect);
  EXPECT_EQ(opened->integrations, transaction.integrations);
  EXPECT_FALSE(opened->id.empty());
  for (int step = 0; step <= static_cast<int>(Step::Refused); ++step)
    EXPECT_EQ(open_transaction(context, browser, static_cast<Step>(step), sealed).has_value(),
              static_cast<Step>(step) == Step::Callback)
        << step;
  EXPECT_FALSE(open_transaction(context, other, Step::Callback, sealed));
  EXPECT_FALSE(open_transaction(context, browser, Step::Callback, sealed + "A"));
  EXPECT_FALSE(open_transaction(context, browser, Step::Callback, ""));
  EXPECT_FALSE(open_transaction(context, browser, Step::Callback, std::string(100'000, 'A')));

  gateway_.now += model::kSignInLifetime - std::chrono::seconds{1};
  EXPECT_TRUE(open_transaction(context, browser, Step::Callback, sealed));
  gateway_.now += std::chrono::seconds{1};
  EXPECT_FALSE(open_transaction(context, browser, Step::Callback, sealed));
}

}  // namespace
}  // namespace gatehouse::controlplane
