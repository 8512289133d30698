#include "identity/google_apps/google_apps.h"

#include <gtest/gtest.h>

#include "identity/scripted_provider.h"

namespace gatehouse::identity {
namespace {

using testing::kCallback;
using testing::kNow;

constexpr std::string_view kGroups =
    "https://admin.googleapis.com/admin/directory/v1/groups?userKey=alice%40corp.example"
    "&maxResults=200";

model::IdentityProvider provider(json::object config = {}) {
  model::IdentityProvider result;
  result.type = "google-apps";
  result.config = {{"client_id", "gateway"}, {"apps_domain", "Corp.Example"}};
  for (const auto& member : config) result.config[member.key()] = member.value();
  result.secrets["client_secret"] = Secret("s");
  return result;
}

struct GoogleAppsTest : ::testing::Test {
  testing::ScriptedProvider google{"https://accounts.google.com"};
  std::unique_ptr<IdentityProvider> made;

  GoogleAppsTest() { google.claims["hd"] = "corp.example"; }
  std::expected<Vouched, IdentityError> redeem(json::object config = {}) {
    auto instance = make_google_apps(provider(std::move(config)), google);
    if (!instance) return std::unexpected(instance.error());
    made = std::move(*instance);
    google.issue();
    return made->redeem({"nonce-1", "verifier"}, kCallback, "code=c&state=s", kNow);
  }
};

TEST(GoogleAppsConfig, NamesTheWrongField) {
  for (const auto& [config, field] : {
           std::pair{json::object{{"apps_domain", ""}}, std::string_view("apps_domain")},
           std::pair{json::object{{"prompt", "login"}}, std::string_view("prompt")},
           std::pair{json::object{{"use_login_hint", "yes"}}, std::string_view("use_login_hint")},
           std::pair{json::object{{"directory_url", "ftp://x"}}, std::string_view("directory_url")},
       }) {
    const auto problems = validate_google_apps_config(provider(config).config);
    ASSERT_EQ(problems.size(), 1U) << field;
    EXPECT_EQ(problems[0].field, field);
  }
  EXPECT_TRUE(validate_google_apps_config(provider().config).empty());
}

TEST_F(GoogleAppsTest, AllPagesOfGroups) {
  google.answer(kGroups, json::object{{"groups", json::array{{{"email", "Staff@corp.example"}}}},
                                      {"nextPageToken", "p/2"}});
  google.answer(std::string(kGroups) + "&pageToken=p%2F2",
                json::object{{"groups", json::array{{{"email", "ops@corp.example"}}}}});
  const auto person = redeem();
  ASSERT_TRUE(person) << person.error().message;
  EXPECT_TRUE(person->identity.groups_known);
  EXPECT_EQ(person->identity.groups,
            (std::vector<std::string>{"staff@corp.example", "ops@corp.example"}));
}

TEST_F(GoogleAppsTest, InNoGroupIsKnown) {
  google.answer(kGroups, json::object{{"kind", "admin#directory#groups"}});
  const auto person = redeem();
  ASSERT_TRUE(person);
  EXPECT_TRUE(person->identity.groups_known);
  EXPECT_TRUE(person->identity.groups.empty());
}

TEST_F(GoogleAppsTest, WhatCannotBeFetchedIsNotKnown) {
  struct Case {
    std::string_view name;
    net::HttpResponse answer;
  };
  for (const auto& [name, answer] : {
           Case{"forbidden", {403, {}, "{}"}},
           Case{"throttled", {429, {}, "{}"}},
           Case{"not JSON", {200, {}, "<html>"}},
           Case{"odd list", {200, {}, R"({"groups":{}})"}},
           Case{"no address", {200, {}, R"({"groups":[{"name":"x"}]})"}},
           Case{"pages without end", {200, {}, R"({"groups":[],"nextPageToken":"p"})"}},
       }) {
    google.answers(kGroups, std::vector{answer});
    google.answers(std::string(kGroups) + "&pageToken=p", std::vector{answer});
    const auto person = redeem();
    ASSERT_TRUE(person) << name;
    EXPECT_FALSE(person->identity.groups_known) << name;
    EXPECT_TRUE(person->identity.groups.empty()) << name;
    EXPECT_FALSE(person->identity.groups_problem.empty()) << name;
  }
}

TEST_F(GoogleAppsTest, OnlyAccountsOfTheWorkspace) {
  for (const auto& hd : {json::value("other.example"), json::value(nullptr), json::value(1)}) {
    google.claims["hd"] = hd;
    const auto refused = redeem();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, "wrong_workspace");
    EXPECT_EQ(google.count(kGroups), 0U);
  }
  google.claims.erase("hd");
  EXPECT_FALSE(redeem());
}

TEST_F(GoogleAppsTest, ShowsTheWorkspacesAccounts) {
  SignInWish wish;
  wish.login_hint = "alice@corp.example";
  ASSERT_TRUE(redeem());
  const auto url = made->authorization_url({"nonce-1", "verifier"}, kCallback, "s", wish, kNow);
  ASSERT_TRUE(url);
  EXPECT_TRUE(url->ends_with("&hd=corp.example")) << *url;
  EXPECT_EQ(url->find("login_hint"), std::string::npos);
  ASSERT_TRUE(redeem({{"use_login_hint", true}}));
  EXPECT_NE(made->authorization_url({"nonce-1", "verifier"}, kCallback, "s", wish, kNow)
                ->find("login_hint=alice"),
            std::string::npos);
}

}  // namespace
}  // namespace gatehouse::identity
