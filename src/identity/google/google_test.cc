#include "identity/google/google.h"

#include <gtest/gtest.h>

#include "identity/scripted_provider.h"

namespace gatehouse::identity {
namespace {

using testing::kCallback;
using testing::kNow;

model::IdentityProvider provider(json::object config = {}) {
  model::IdentityProvider result;
  result.type = "google";
  result.config = {{"client_id", "gateway"}};
  for (const auto& member : config) result.config[member.key()] = member.value();
  result.secrets["client_secret"] = Secret("s");
  return result;
}

TEST(GoogleConfig, NamesTheWrongField) {
  for (const auto& [config, field] : {
           std::pair{json::object{{"client_id", ""}}, std::string_view("client_id")},
           std::pair{json::object{{"claims", 7}}, std::string_view("claims")},
           std::pair{json::object{{"apps_domain", "corp.example"}},
                     std::string_view("apps_domain")},
           std::pair{json::object{{"issuer", "http://accounts.google.com"}},
                     std::string_view("issuer")},
       }) {
    const auto problems = validate_google_config(provider(config).config);
    ASSERT_EQ(problems.size(), 1U) << field;
    EXPECT_EQ(problems[0].field, field);
  }
  EXPECT_TRUE(validate_google_config(provider().config).empty());
}

TEST(Google, SignsInWithAVerifiedAddressOnly) {
  testing::ScriptedProvider google{"https://accounts.google.com"};
  const auto made = make_google(provider(), google);
  ASSERT_TRUE(made);
  google.issue();
  const auto person = (*made)->redeem({"nonce-1", "verifier"}, kCallback, "code=c&state=s", kNow);
  ASSERT_TRUE(person) << person.error().message;
  EXPECT_EQ(person->identity.email, "alice@corp.example");
  EXPECT_FALSE(person->identity.groups_known);
  const auto token = std::ranges::find(google.requests, "https://accounts.google.com/token",
                                       &net::OutboundRequest::url);
  ASSERT_NE(token, google.requests.end());
  EXPECT_NE(token->body.find("client_secret=s"), std::string::npos) << "as a form field";

  google.claims["email_verified"] = false;
  google.issue();
  const auto refused = (*made)->redeem({"nonce-1", "verifier"}, kCallback, "code=c&state=s", kNow);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "unverified_email");
}

}  // namespace
}  // namespace gatehouse::identity
