#include "selectors/github_organization/github_organization.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/encoding.h"
#include "base/try.h"
#include "selectors/provider.h"

namespace gatehouse::selectors {
namespace {

using decision::Match;
using decision::Reason;
using decision::Truth;

struct Wanted {
  std::string provider;
  std::string name;
  std::optional<std::string> team;
};

bool member(const model::Identity& identity, const Wanted& wanted) {
  return std::ranges::any_of(identity.organizations, [&](const auto& organization) {
    return ascii_iequals(organization.name, wanted.name) &&
           (!wanted.team || std::ranges::any_of(organization.teams, [&](const std::string& slug) {
             return ascii_iequals(slug, *wanted.team);
           }));
  });
}

class GithubOrganizationMatcher final : public decision::Matcher {
 public:
  GithubOrganizationMatcher(std::string description, decision::Combine combine,
                            std::vector<Wanted> values)
      : description_(std::move(description)), combine_(combine), values_(std::move(values)) {}

  [[nodiscard]] Match match(const decision::Snapshot&, const decision::Evidence& evidence,
                            Instant) const override {
    return combine_matches(values_, combine_, [&](const Wanted& wanted) -> Match {
      if (const auto obstacle = provider_obstacle(evidence, wanted.provider)) return *obstacle;
      const model::Identity& identity = evidence.session->identity;
      if (member(identity, wanted)) return decision::kTrue;
      if (!identity.organizations_known)
        return {Truth::Indeterminate, Reason::IdentityAttributeMissing};
      return {Truth::False, Reason::IdentityNotPermitted};
    });
  }
  [[nodiscard]] std::string describe() const override { return description_; }
  [[nodiscard]] decision::Observation observe(const decision::Snapshot&,
                                              const decision::Evidence& evidence) const override {
    return observe_provider(evidence, values_, [](const model::Identity& identity) -> std::string {
      if (!identity.organizations_known && identity.organizations.empty())
        return "organizations not stated";
      return observed_count(identity.organizations.size(), "organization") +
             (identity.organizations_known ? "" : ", perhaps more");
    });
  }

 private:
  std::string description_;
  decision::Combine combine_;
  std::vector<Wanted> values_;  // never empty
};

}  // namespace

Compiled compile_github_organization(Values values, decision::Combine combine,
                                     const decision::CompileContext& context) {
  std::vector<Wanted> wanted;
  std::vector<std::string> names;
  for (std::size_t index = 0; index < values.size(); ++index) {
    const ValueReader reader(*values[index], index);
    GATEHOUSE_TRY_VOID(reader.only({"name", "team", "identity_provider_id"}));
    auto name = GATEHOUSE_TRY(reader.text("name", "must be the name of an organization"));
    auto team = GATEHOUSE_TRY(reader.optional_text("team", "must be the slug of a team"));
    names.push_back(team ? fmt::format("{}/{}", name, *team) : name);
    wanted.push_back(
        {GATEHOUSE_TRY(reader.identity_provider(context)), std::move(name), std::move(team)});
  }
  return std::make_unique<GithubOrganizationMatcher>(
      describe_values("GitHub organization", "organizations and teams", combine, names), combine,
      std::move(wanted));
}

}  // namespace gatehouse::selectors
