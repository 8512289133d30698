#include "identity/github/github.h"

#include <gtest/gtest.h>

#include "identity/github/api.h"
#include "identity/scripted_provider.h"

namespace gatehouse::identity {
namespace {

using testing::kCallback;
using testing::kNow;

constexpr std::string_view kToken = "https://github.com/login/oauth/access_token";
constexpr std::string_view kUser = "https://api.github.com/user";
constexpr std::string_view kEmails = "https://api.github.com/user/emails?per_page=100";
constexpr std::string_view kOrganizations = "https://api.github.com/user/orgs?per_page=100&page=1";
constexpr std::string_view kTeams = "https://api.github.com/user/teams?per_page=100&page=1";

model::IdentityProvider provider(json::object config = {}) {
  model::IdentityProvider result;
  result.type = "github";
  result.config = {{"client_id", "gateway"}};
  for (const auto& member : config) result.config[member.key()] = member.value();
  result.secrets["client_secret"] = Secret("s");
  return result;
}

json::object team(std::string_view slug, std::string_view organization) {
  return {{"slug", slug}, {"organization", {{"login", organization}}}};
}

struct GithubTest : ::testing::Test {
  testing::ScriptedClient client;

  GithubTest() {
    client.answer(kToken, json::object{{"access_token", "gho_1"},
                                       {"token_type", "bearer"},
                                       {"scope", "read:org,read:user,user:email"}});
    client.answer(kUser, json::object{{"id", 583231}, {"login", "alice"}, {"name", "Alice"}});
    client.answer(
        kEmails,
        json::array{{{"email", "old@corp.example"}, {"primary", false}, {"verified", true}},
                    {{"email", "Alice@Corp.example"}, {"primary", true}, {"verified", true}}});
    client.answer(kOrganizations, json::array{{{"login", "Corp"}}, {{"login", "club"}}});
    client.answer(kTeams, json::array{team("ops", "corp"), team("dev", "corp")});
  }
  std::expected<Vouched, IdentityError> redeem(std::string_view query = "code=c&state=s") {
    const auto made = make_github(provider(), client);
    if (!made) return std::unexpected(made.error());
    return (*made)->redeem({"nonce-1", "verifier"}, kCallback, query, kNow);
  }
};

TEST(GithubConfig, NamesTheWrongField) {
  for (const auto& [config, field] : {
           std::pair{json::object{{"client_id", ""}}, std::string_view("client_id")},
           std::pair{json::object{{"api_url", "http://github.example"}},
                     std::string_view("api_url")},
           std::pair{json::object{{"organization", "corp"}}, std::string_view("organization")},
       }) {
    const auto problems = validate_github_config(provider(config).config);
    ASSERT_EQ(problems.size(), 1U) << field;
    EXPECT_EQ(problems[0].field, field);
  }
  EXPECT_TRUE(validate_github_config(provider().config).empty());
}

TEST_F(GithubTest, LeadsThereWithPkce) {
  const auto made = make_github(provider(), client);
  const auto url = (*made)->authorization_url({"nonce-1", "verifier"}, kCallback, "s", {}, kNow);
  ASSERT_TRUE(url);
  EXPECT_TRUE(url->starts_with("https://github.com/login/oauth/authorize?")) << *url;
  for (const auto* part : {"client_id=gateway", "code_challenge_method=S256", "state=s",
                           "scope=read%3Auser%20user%3Aemail%20read%3Aorg"})
    EXPECT_NE(url->find(part), std::string::npos) << part;
}

TEST_F(GithubTest, WhoSomebodyIs) {
  const auto person = redeem();
  ASSERT_TRUE(person) << person.error().message;
  EXPECT_EQ(person->identity.subject, "583231");
  EXPECT_EQ(person->identity.email, "alice@corp.example");
  EXPECT_EQ(person->identity.name, "Alice");
  const auto& organizations = person->identity.organizations;
  ASSERT_EQ(organizations.size(), 2U);
  EXPECT_EQ(organizations[0].name, "Corp");
  EXPECT_EQ(organizations[0].teams, (std::vector<std::string>{"ops", "dev"}));
  EXPECT_TRUE(organizations[1].teams.empty());
  EXPECT_FALSE(person->identity.organizations_known) << "GitHub leaves some out without a word";
  const auto& token = client.requests.front();
  EXPECT_NE(token.body.find("code_verifier=verifier"), std::string::npos);
  EXPECT_NE(token.body.find("client_secret=s"), std::string::npos);
}

TEST_F(GithubTest, OrganizationsThatCannotBeReadAreNotKnown) {
  for (const auto& body : {json::value("x"), json::value(json::array{1}),
                           json::value(json::array{{{"login", "a b"}}})}) {
    client.answer(kOrganizations, body);
    const auto person = redeem();
    ASSERT_TRUE(person);
    EXPECT_TRUE(person->identity.organizations.empty());
    EXPECT_FALSE(person->identity.groups_problem.empty());
  }
}

TEST_F(GithubTest, PagesAreFollowedAndBounded) {
  json::array full;
  for (std::size_t i = 0; i < kGithubPageSize; ++i)
    full.emplace_back(json::object{{"login", "o" + std::to_string(i)}});
  for (std::size_t page = 1; page <= kMaxGithubPages; ++page)
    client.answer("https://api.github.com/user/orgs?per_page=100&page=" + std::to_string(page),
                  full);
  const auto person = redeem();
  ASSERT_TRUE(person);
  EXPECT_TRUE(person->identity.organizations.empty());
  EXPECT_FALSE(person->identity.groups_problem.empty());
}

TEST_F(GithubTest, AnAddressThatIsNotVerifiedIsNobodys) {
  client.answer(
      kEmails,
      json::array{{{"email", "alice@corp.example"}, {"primary", true}, {"verified", false}}});
  EXPECT_EQ(redeem().error().code, "unverified_email");
  client.answer(kEmails, json::array{{{"email", "alice@corp.example"}, {"verified", true}}});
  EXPECT_EQ(redeem().error().code, "missing_email");
  client.answer(kEmails, json::object{});
  EXPECT_EQ(redeem().error().code, "malformed_response");
}

TEST_F(GithubTest, RefusalsComeWithStatus200) {
  client.answer(kToken, json::object{{"error", "bad_verification_code"}});
  const auto bad_code = redeem();
  ASSERT_FALSE(bad_code);
  EXPECT_EQ(bad_code.error().failure, IdentityFailure::Refused);
  EXPECT_EQ(bad_code.error().code, "bad_verification_code");
  client.answer(kToken, json::object{{"error", "incorrect_client_credentials"}});
  EXPECT_EQ(redeem().error().hint, decision::Reason::LoginMethodMisconfigured);
  client.answer(kToken, json::object{{"access_token", "gho_1"}, {"token_type", "mac"}});
  EXPECT_EQ(redeem().error().failure, IdentityFailure::ProviderMisbehaved);
  client.answer(kToken, json::object{}, 502);
  EXPECT_EQ(redeem().error().failure, IdentityFailure::ProviderUnreachable);
}

TEST_F(GithubTest, TheCallbackIsChecked) {
  EXPECT_EQ(redeem("code=c&code=d&state=s").error().failure, IdentityFailure::StateMismatch);
  EXPECT_EQ(redeem("code=c").error().failure, IdentityFailure::StateMismatch);
  const auto cancelled = redeem("error=access_denied&state=s");
  EXPECT_EQ(cancelled.error().failure, IdentityFailure::Refused);
  EXPECT_EQ(cancelled.error().code, "access_denied");
}

TEST_F(GithubTest, AUserWithoutIdIsNobody) {
  for (const auto& user : {json::value(json::object{{"login", "alice"}}),
                           json::value(json::object{{"id", 0}}), json::value(json::array{})}) {
    client.answer(kUser, user);
    EXPECT_EQ(redeem().error().code, "malformed_response");
  }
}

}  // namespace
}  // namespace gatehouse::identity
