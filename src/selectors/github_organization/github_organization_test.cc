#include "selectors/github_organization/github_organization.h"

#include "selectors/test_support.h"

namespace gatehouse::selectors {
namespace {

using decision::Combine;
using decision::Effect;
using decision::Reason;
using decision::Truth;
using testing::kNow;
using testing::Person;

constexpr std::string_view kOrganization = R"([{"name": "Corp", "identity_provider_id": "staff"}])";
constexpr std::string_view kTeam =
    R"([{"name": "corp", "team": "ops", "identity_provider_id": "staff"}])";

TEST(GithubOrganization, AsksTheOrganizations) {
  const testing::IdentityCase cases[] = {
      {"member",
       [](auto& identity) {
         identity.organizations = {{"x", {}}, {"corp", {}}};
         identity.organizations_known = true;
       },
       Truth::True, Reason::None},
      {"member, of a list that may be longer",
       [](auto& identity) { identity.organizations = {{"CORP", {}}}; }, Truth::True, Reason::None},
      {"of another",
       [](auto& identity) {
         identity.organizations = {{"corp2", {"corp"}}};
         identity.organizations_known = true;
       },
       Truth::False, Reason::IdentityNotPermitted},
      {"of none", [](auto& identity) { identity.organizations_known = true; }, Truth::False,
       Reason::IdentityNotPermitted},
      {"not stated", [](auto&) {}, Truth::Indeterminate, Reason::IdentityAttributeMissing},
      {"by another login method",
       [](auto& identity) {
         identity.organizations = {{"corp", {}}};
         identity.login_method = "id-others";
       },
       Truth::Indeterminate, Reason::LoginMethodNotAllowed},
  };
  testing::expect_cases(*testing::compile(compile_github_organization, kOrganization).value(),
                        cases);
}

TEST(GithubOrganization, AsksTheTeam) {
  const testing::IdentityCase cases[] = {
      {"in it", [](auto& identity) { identity.organizations = {{"corp", {"dev", "ops"}}}; },
       Truth::True, Reason::None},
      {"slugs have no letter case",
       [](auto& identity) { identity.organizations = {{"corp", {"Ops"}}}; }, Truth::True,
       Reason::None},
      {"in another team",
       [](auto& identity) {
         identity.organizations = {{"corp", {"dev"}}};
         identity.organizations_known = true;
       },
       Truth::False, Reason::IdentityNotPermitted},
      {"in such a team elsewhere",
       [](auto& identity) {
         identity.organizations = {{"else", {"ops"}}, {"corp", {}}};
         identity.organizations_known = true;
       },
       Truth::False, Reason::IdentityNotPermitted},
      {"teams may be missing", [](auto& identity) { identity.organizations = {{"corp", {}}}; },
       Truth::Indeterminate, Reason::IdentityAttributeMissing},
  };
  testing::expect_cases(*testing::compile(compile_github_organization, kTeam).value(), cases);
}

TEST(GithubOrganization, CombinesValues) {
  constexpr std::string_view kTwo =
      R"([{"name": "corp", "team": "ops", "identity_provider_id": "staff"},
          {"name": "else", "identity_provider_id": "staff"}])";
  Person person("a@b.example");
  person.session.identity.organizations = {{"else", {}}};
  person.session.identity.organizations_known = true;
  const auto truth = [&](Combine combine) {
    return testing::compile(compile_github_organization, kTwo, combine)
        .value()
        ->match(testing::empty_snapshot(), person.evidence(), kNow)
        .truth;
  };
  EXPECT_EQ(truth(Combine::Any), Truth::True);
  EXPECT_EQ(truth(Combine::All), Truth::False);
  person.session.identity.organizations.push_back({"corp", {"ops"}});
  EXPECT_EQ(truth(Combine::All), Truth::True);
}

TEST(GithubOrganization, InTheListsOfAPolicy) {
  Person person("a@b.example");
  auto& identity = person.session.identity;
  testing::expect_lists(compile_github_organization, kTeam, person.evidence(),
                        {Effect::Deny, Reason::IdentityAttributeMissing},
                        {Effect::Deny, Reason::IdentityAttributeMissing});
  identity.organizations_known = true;
  testing::expect_lists(compile_github_organization, kTeam, person.evidence(),
                        {Effect::Deny, Reason::IdentityNotPermitted}, testing::kAllowed);
  identity.organizations = {{"corp", {"ops"}}};
  testing::expect_lists(compile_github_organization, kTeam, person.evidence(), testing::kAllowed,
                        {Effect::Deny, Reason::NoPolicyMatched});
}

TEST(GithubOrganization, SaysWhatItSaw) {
  const auto matcher = testing::compile(compile_github_organization, kTeam).value();
  EXPECT_EQ(matcher->describe(), "GitHub organization is `corp/ops`");
  Person person("a@b.example");
  const auto seen = [&] {
    return matcher->observe(testing::empty_snapshot(), person.evidence()).value;
  };
  EXPECT_EQ(seen(), "organizations not stated");
  person.session.identity.organizations = {{"corp", {}}};
  EXPECT_EQ(seen(), "1 organization, perhaps more");
  person.session.identity.organizations_known = true;
  EXPECT_EQ(seen(), "1 organization");
}

TEST(GithubOrganization, NamesTheWrongField) {
  const testing::ErrorCase cases[] = {
      {R"([{}])", 0, "name"},
      {R"([{"name": "", "identity_provider_id": "staff"}])", 0, "name"},
      {R"([{"name": "corp", "team": "", "identity_provider_id": "staff"}])", 0, "team"},
      {R"([{"name": "corp", "team": null, "identity_provider_id": "staff"}])", 0, "team"},
      {R"([{"name": "corp"}])", 0, "identity_provider_id"},
      {R"([{"name": "corp", "identity_provider_id": "nobody"}])", 0, "identity_provider_id"},
      {R"([{"name": "corp", "identity_provider_id": "staff", "teams": []}])", 0, "teams"},
  };
  testing::expect_errors(compile_github_organization, cases);
}

}  // namespace
}  // namespace gatehouse::selectors
