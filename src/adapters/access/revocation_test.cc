// What people notice of a revocation, through the endpoints of the control plane.
#include "controlplane/revocation.h"

#include "adapters/access/sign_in_fixture.h"

namespace gatehouse::adapters {
namespace {

using controlplane::test::agent_token;
using controlplane::test::kStart;
using std::chrono::seconds;
using test::Browser;
using test::challenge;
using test::contains;
using test::header;
using test::instructions;

constexpr std::string_view kAdmin = "admin@example.com";

class RevokedTest : public test::SignInTest {
 protected:
  // Status of get-identity with the application's cookie.
  int identity(Browser& browser, std::string_view host = "wiki.example.com") {
    return browser.get("https://" + std::string(host) + "/cdn-cgi/access/get-identity").status;
  }
  std::string& token(Browser& browser, std::string_view host = "wiki.example.com") {
    return browser.cookie(host, "CF_Authorization");
  }
  std::string nonce(Browser& browser) {
    return std::string(token_claims(token(browser)).at("identity_nonce").as_string());
  }
};

TEST_F(RevokedTest, EveryApplicationTokenHasAnIdOfItsOwn) {
  browser_.sign_in_with_code("Wiki");
  const auto first = token_claims(token(browser_));
  ASSERT_TRUE(first.contains("jti"));
  EXPECT_EQ(first.at("jti").as_string().size(), 22U);
  browser_.follow(browser_.get(browser_.login_url("Wiki")));
  EXPECT_NE(token_claims(token(browser_)).at("jti"), first.at("jti"));
}

TEST_F(RevokedTest, ASessionAndAUser) {
  Browser second(site_);
  Browser third(site_);
  for (Browser* browser : {&browser_, &second, &third}) browser->sign_in_with_code("Wiki");
  ASSERT_TRUE(controlplane::revoke_session(gateway_.context(), nonce(browser_), kAdmin));
  EXPECT_EQ(identity(browser_), 401);
  EXPECT_EQ(identity(second), 200);
  EXPECT_EQ(browser_.get(browser_.login_url("Wiki")).status, 200) << "signs in anew";
  EXPECT_EQ(controlplane::revoke_user(gateway_.context(), "ada@example.com", kAdmin)->sessions, 2U);
  EXPECT_EQ(identity(second), 401);
  EXPECT_EQ(identity(third), 401);
  gateway_.now += seconds{601};  // as many codes as one address gets have been sent
  browser_.sign_in_with_code("Wiki");
  EXPECT_EQ(identity(browser_), 200);
}

TEST_F(RevokedTest, AnApplicationsTokensAreReplacedWithoutAQuestion) {
  browser_.sign_in_with_code("Wiki");
  const auto old = token(browser_);
  ASSERT_TRUE(controlplane::revoke_application(gateway_.context(), "Wiki", kAdmin));
  EXPECT_EQ(identity(browser_), 401);
  EXPECT_EQ(identity(browser_, "auth.example.com"), 200);
  // Also within the same second: the new token is not among the dead.
  browser_.follow(browser_.get(browser_.login_url("Wiki")));
  EXPECT_NE(token(browser_), old);
  EXPECT_EQ(identity(browser_), 200);
  EXPECT_EQ(token_claims(token(browser_)).at("iat"), to_epoch_seconds(kStart) + 1);
  gateway_.now += seconds{5};
  browser_.follow(browser_.get(browser_.login_url("Wiki")));
  EXPECT_EQ(token_claims(token(browser_)).at("iat"), to_epoch_seconds(kStart) + 5);
  token(browser_) = old;
  EXPECT_EQ(identity(browser_), 401);
}

TEST_F(RevokedTest, ATokenOnly) {
  browser_.sign_in_with_code("Wiki");
  const auto first = token(browser_);
  browser_.follow(browser_.get(browser_.login_url("Wiki")));
  ASSERT_TRUE(controlplane::revoke_token(gateway_.context(), first, kAdmin));
  EXPECT_EQ(identity(browser_), 200);
  token(browser_) = first;
  EXPECT_EQ(identity(browser_), 401);
  token(browser_, "auth.example.com") = first;
  EXPECT_EQ(identity(browser_, "auth.example.com"), 401);
}

TEST_F(RevokedTest, ADeviceUntilItIsRestored) {
  const auto check = [&](const json::object& given) {
    const auto response = browser_.post_json(
        "/cdn-cgi/access/posture/result", {{"transaction", given.at("transaction")},
                                           {"token", agent_token(challenge(given), gateway_.now)}});
    return json::parse(response.body).value().as_object();
  };
  ASSERT_TRUE(check(instructions(browser_.sign_in_with_code("Payroll"))).contains("next"));
  EXPECT_EQ(controlplane::revoke_device(gateway_.context(), "device-1", kAdmin)->sessions, 1U);

  const auto refused = check(instructions(browser_.sign_in_with_code("Payroll")));
  ASSERT_TRUE(refused.contains("reason"));
  EXPECT_EQ(refused.at("reason"), "device_revoked");
  const auto page = browser_.get(refused.at("page").as_string());
  EXPECT_EQ(page.status, 403);
  EXPECT_EQ(gateway_.audit("posture_result").front().reason, "device_revoked");
  EXPECT_TRUE(gateway_.store->live_sessions(gateway_.now).value().front().posture.empty());

  ASSERT_TRUE(controlplane::restore_device(gateway_.context(), "device-1", kAdmin));
  EXPECT_TRUE(check(instructions(browser_.follow(browser_.get(browser_.posture_url("Payroll")))))
                  .contains("next"));
}

}  // namespace
}  // namespace gatehouse::adapters
