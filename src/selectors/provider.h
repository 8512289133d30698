// What the selectors share that ask what one identity provider said about the person.
// Nobody signed in: undecided, NotSignedIn. Signed in with another provider: undecided,
// LoginMethodNotAllowed, so that nobody escapes an exclusion by another login method.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "selectors/values.h"

namespace gatehouse::selectors {

// Why this provider's word cannot be asked for; nullopt: the person signed in with it.
[[nodiscard]] std::optional<decision::Match> provider_obstacle(const decision::Evidence& evidence,
                                                               std::string_view provider);

// observe_person() for several providers; `value` is asked when one of them is the person's.
template <typename Values, typename Value>
[[nodiscard]] decision::Observation observe_provider(const decision::Evidence& evidence,
                                                     const Values& values, Value value) {
  return observe_person(evidence, [&](const model::Identity& identity) -> std::string {
    for (const auto& one : values)
      if (one.provider == identity.login_method) return value(identity);
    return "signed in with another login method";
  });
}

enum class LetterCase : std::uint8_t { Exact, AsciiFolded };

struct ProviderGroup {
  std::string provider;
  std::string name;
};

// The person is in the groups, as the provider lists them: azureAD, okta, gsuite. A group that is
// not listed is undecided (IdentityAttributeMissing) unless the list is known to be complete. One
// hash look-up for each group of the person; with Combine::All, a search for each authored group.
// `subject` is for people: `Okta group`. `groups` is not empty.
[[nodiscard]] std::unique_ptr<const decision::Matcher> match_provider_groups(
    std::string_view subject, LetterCase letter_case, decision::Combine combine,
    std::vector<ProviderGroup> groups);

struct ProviderAttribute {
  std::string provider;
  std::string name;
  std::string value;
};

// One of the attribute's values is exactly this: oidc, saml. An attribute that the session does not
// hold is undecided, IdentityAttributeMissing. `values` is not empty.
[[nodiscard]] std::unique_ptr<const decision::Matcher> match_provider_attributes(
    std::string_view subject, model::Attributes model::Identity::* held, decision::Combine combine,
    std::vector<ProviderAttribute> values);

}  // namespace gatehouse::selectors
