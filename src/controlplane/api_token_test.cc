#include "controlplane/api_token.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/encoding.h"
#include "controlplane/test_support.h"
#include "crypto/digest.h"

namespace gatehouse::controlplane {
namespace {

using std::chrono::seconds;
using storage::Role;
using test::kStart;

class ApiTokenTest : public testing::Test {
 protected:
  ApiTokenTest()
      : store_(storage::open_store("sqlite://" + (directory_.path() / "one.db").string()).value()) {
  }
  IssuedApiToken issue(const NewApiToken& wanted) {
    return issue_api_token(*store_, wanted, "test", kStart).value();
  }

  test::TemporaryDirectory directory_;
  std::unique_ptr<storage::Store> store_;
};

TEST_F(ApiTokenTest, IsShownOnceAndKeptAsAHash) {
  const auto issued = issue({"robot", Role::ReadOnly, {"access/apps"}, kStart + seconds{60}});
  EXPECT_EQ(issued.secret.size(), 51U);
  EXPECT_TRUE(issued.secret.starts_with(kApiTokenPrefix));
  const auto stored = store_->api_tokens().value();
  ASSERT_EQ(stored.size(), 1U);
  EXPECT_EQ(stored[0].secret_hash, hex_encode(crypto::sha256(issued.secret)));
  EXPECT_EQ(stored[0].id.size(), 32U);
  EXPECT_EQ(stored[0].created_by, "test");
  EXPECT_EQ(stored[0].created_at, kStart);
  EXPECT_EQ(stored[0].expires_at, kStart + seconds{60});
  EXPECT_EQ(stored[0].scopes, std::vector<std::string>{"access/apps"});
  EXPECT_NE(issue({"other", Role::ReadOnly, {}, {}}).secret, issued.secret);
}

TEST_F(ApiTokenTest, RefusesWhatMakesNoToken) {
  issue({"taken", Role::ReadOnly, {}, {}});
  struct Case {
    std::string_view name;
    NewApiToken wanted;
    ApiTokenError error;
  };
  const std::array cases{
      Case{"no name", {"", Role::ReadOnly, {}, {}}, ApiTokenError::NameMissing},
      Case{"white space", {"a ", Role::ReadOnly, {}, {}}, ApiTokenError::NameMissing},
      Case{"line break", {"a\nb", Role::ReadOnly, {}, {}}, ApiTokenError::NameMissing},
      Case{"not UTF-8", {"a\xff", Role::ReadOnly, {}, {}}, ApiTokenError::NameMissing},
      Case{"too long", {std::string(101, 'a'), Role::ReadOnly, {}, {}}, ApiTokenError::NameMissing},
      Case{"taken", {"taken", Role::ReadOnly, {}, {}}, ApiTokenError::NameTaken},
      Case{"unknown scope", {"a", Role::ReadOnly, {"access"}, {}}, ApiTokenError::BadScope},
      Case{"empty scope", {"a", Role::ReadOnly, {""}, {}}, ApiTokenError::BadScope},
      Case{"twice",
           {"a", Role::ReadOnly, {"access/apps", "access/apps"}, {}},
           ApiTokenError::BadScope},
      Case{"over at once", {"a", Role::ReadOnly, {}, kStart}, ApiTokenError::BadExpiry},
      Case{"in the past", {"a", Role::ReadOnly, {}, kStart - seconds{1}}, ApiTokenError::BadExpiry},
  };
  for (const auto& c : cases) {
    const auto issued = issue_api_token(*store_, c.wanted, "test", kStart);
    ASSERT_FALSE(issued) << c.name;
    EXPECT_EQ(issued.error(), c.error) << c.name;
    EXPECT_NE(to_string(issued.error()), "unknown");
  }
  EXPECT_EQ(store_->api_tokens().value().size(), 1U) << "nothing was stored";
  issue({std::string(100, 'a'), Role::ReadOnly, {}, kStart + seconds{1}});
}

TEST_F(ApiTokenTest, IsGoodUntilTheSecondBeforeItsEnd) {
  const auto secret = issue({"robot", Role::ReadOnly, {}, kStart + seconds{60}}).secret;
  const auto found = find_api_token(*store_, secret, kStart + seconds{59}).value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->name, "robot");
  EXPECT_FALSE(find_api_token(*store_, secret, kStart + seconds{60}).value());
  EXPECT_FALSE(find_api_token(*store_, secret, kStart + seconds{61}).value());
  const auto lasting = issue({"lasting", Role::ReadOnly, {}, {}});
  EXPECT_TRUE(find_api_token(*store_, lasting.secret, Instant::max()).value());
  ASSERT_TRUE(store_->remove_api_token(lasting.token.id).value());
  EXPECT_FALSE(find_api_token(*store_, lasting.secret, kStart).value());
}

TEST_F(ApiTokenTest, IsFoundByNothingElse) {
  const auto secret = issue({"robot", Role::ReadOnly, {}, {}}).secret;
  EXPECT_TRUE(is_api_token_form(secret));
  for (std::size_t i = 0; i < secret.size(); ++i) {
    auto changed = secret;
    changed[i] = changed[i] == 'a' ? 'b' : 'a';
    EXPECT_FALSE(is_api_token_form(changed)) << i << ": the checksum covers every character";
    EXPECT_FALSE(find_api_token(*store_, changed, kStart).value()) << i;
  }
  for (const auto& text :
       {std::string(), secret.substr(1), secret + "0", " " + secret, std::string(kApiTokenPrefix)})
    EXPECT_FALSE(find_api_token(*store_, text, kStart).value()) << text;
  // Right in form, and never issued.
  const auto body = secret.substr(0, 42) + (secret[42] == 'x' ? "y" : "x");
  const auto invented = body + hex_encode(crypto::sha256(body)).substr(0, 8);
  EXPECT_TRUE(is_api_token_form(invented));
  EXPECT_FALSE(find_api_token(*store_, invented, kStart).value());
}

TEST_F(ApiTokenTest, LastUseIsKeptByTheMinute) {
  const auto secret = issue({"robot", Role::ReadOnly, {}, {}}).secret;
  const auto use = [&](seconds later) {
    EXPECT_TRUE(find_api_token(*store_, secret, kStart + later).value());
    return store_->api_tokens().value().front().last_used_at;
  };
  EXPECT_EQ(store_->api_tokens().value().front().last_used_at, std::nullopt);
  EXPECT_EQ(use(seconds{0}), kStart);
  EXPECT_EQ(use(seconds{59}), kStart);
  EXPECT_EQ(use(seconds{60}), kStart + seconds{60});
}

storage::ApiToken token(Role role, std::vector<std::string> scopes = {},
                        std::optional<Instant> expires_at = std::nullopt) {
  storage::ApiToken token;
  token.role = role;
  token.scopes = std::move(scopes);
  token.expires_at = expires_at;
  return token;
}

TEST(ApiTokenRights, OfRoles) {
  const std::set<std::string_view> reads{
      "access/logs",           "access/users",       "gatehouse/decisions",
      "gatehouse/devices",     "gatehouse/explain",  "gatehouse/me",
      "gatehouse/revocations", "gatehouse/sessions", "gatehouse/statistics"};
  const std::set<std::string_view> writes{"gatehouse/sessions", "gatehouse/revocations"};
  EXPECT_TRUE(std::ranges::is_sorted(api_families()));
  for (const auto family : api_families()) {
    EXPECT_TRUE(may(token(Role::Administrator), family, false)) << family;
    EXPECT_EQ(may(token(Role::Administrator), family, true), family != kOpenFamily) << family;
    EXPECT_TRUE(may(token(Role::ReadOnly), family, false)) << family;
    EXPECT_FALSE(may(token(Role::ReadOnly), family, true)) << family;
    EXPECT_EQ(may(token(Role::HelpDesk), family, false), reads.contains(family)) << family;
    EXPECT_EQ(may(token(Role::HelpDesk), family, true), writes.contains(family)) << family;
  }
  for (const auto family : {"", "access", "access/app", "access/apps/"})
    EXPECT_FALSE(may(token(Role::Administrator), family, false)) << family;
}

TEST(ApiTokenRights, ScopesNarrowTheRole) {
  const auto narrow = token(Role::Administrator, {"access/apps"});
  EXPECT_TRUE(may(narrow, "access/apps", true));
  EXPECT_FALSE(may(narrow, "access/policies", false));
  const auto desk = token(Role::HelpDesk, {"access/apps", "access/users"});
  EXPECT_FALSE(may(desk, "access/apps", false)) << "a scope gives nothing";
  EXPECT_TRUE(may(desk, "access/users", false));
  EXPECT_FALSE(may(desk, "gatehouse/sessions", true));
}

TEST(ApiTokenRights, NobodyGivesMoreThanTheyHave) {
  const auto end = kStart + seconds{60};
  struct Case {
    std::string_view name;
    storage::ApiToken by;
    NewApiToken wanted;
    bool may;
  };
  const std::array cases{
      Case{"everything", token(Role::Administrator), {"a", Role::Administrator, {}, {}}, true},
      Case{"less", token(Role::Administrator), {"a", Role::HelpDesk, {}, {}}, true},
      Case{"a wider role", token(Role::ReadOnly), {"a", Role::Administrator, {}, {}}, false},
      Case{"another role", token(Role::ReadOnly), {"a", Role::HelpDesk, {}, {}}, false},
      Case{"another role, where it can only read",
           token(Role::ReadOnly),
           {"a", Role::HelpDesk, {"access/users"}, {}},
           true},
      Case{"no scopes",
           token(Role::Administrator, {"gatehouse/api_tokens"}),
           {"a", Role::Administrator, {}, {}},
           false},
      Case{"another scope",
           token(Role::Administrator, {"gatehouse/api_tokens"}),
           {"a", Role::ReadOnly, {"access/apps"}, {}},
           false},
      Case{"the same scope",
           token(Role::Administrator, {"gatehouse/api_tokens"}),
           {"a", Role::Administrator, {"gatehouse/api_tokens"}, {}},
           true},
      Case{"as long",
           token(Role::Administrator, {}, end),
           {"a", Role::Administrator, {}, end},
           true},
      Case{"a second longer",
           token(Role::Administrator, {}, end),
           {"a", Role::Administrator, {}, end + seconds{1}},
           false},
      Case{"for ever",
           token(Role::Administrator, {}, end),
           {"a", Role::Administrator, {}, {}},
           false},
  };
  for (const auto& c : cases) EXPECT_EQ(may_issue(c.by, c.wanted), c.may) << c.name;
}

TEST_F(ApiTokenTest, TheAccountKeepsItsId) {
  const auto id = account_id(*store_).value();
  EXPECT_EQ(id.size(), 32U);
  EXPECT_TRUE(hex_decode(id));
  EXPECT_EQ(account_id(*store_).value(), id);
  EXPECT_EQ(store_->find_value("account_id").value(), id);
}

}  // namespace
}  // namespace gatehouse::controlplane
