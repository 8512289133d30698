#include "selectors/provider.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/encoding.h"

namespace gatehouse::selectors {
namespace {

using decision::Combine;
using decision::Match;
using decision::Reason;
using decision::Truth;

// Equal texts have equal hashes in either letter case.
struct FoldedHash {
  using is_transparent = void;
  [[nodiscard]] std::size_t operator()(std::string_view text) const {
    std::uint64_t hash = 14695981039346656037ULL;  // FNV-1a
    for (const char c : text) {
      const auto byte = static_cast<std::uint8_t>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
      hash = (hash ^ byte) * 1099511628211ULL;
    }
    return static_cast<std::size_t>(hash);
  }
};
struct Equal {
  using is_transparent = void;
  LetterCase letter_case = LetterCase::Exact;
  [[nodiscard]] bool operator()(std::string_view left, std::string_view right) const {
    return letter_case == LetterCase::Exact ? left == right : ascii_iequals(left, right);
  }
};
using Names = std::unordered_set<std::string, FoldedHash, Equal>;

class ProviderGroupsMatcher final : public decision::Matcher {
 public:
  ProviderGroupsMatcher(std::string description, LetterCase letter_case, Combine combine,
                        std::vector<ProviderGroup> groups)
      : description_(std::move(description)), equal_{letter_case}, combine_(combine) {
    for (ProviderGroup& group : groups) {
      auto part = std::ranges::find(parts_, group.provider, &Part::provider);
      if (part == parts_.end())
        part = parts_.insert(
            part, Part{std::move(group.provider), Names(0, FoldedHash(), Equal{letter_case})});
      part->names.insert(std::move(group.name));
    }
  }

  [[nodiscard]] Match match(const decision::Snapshot&, const decision::Evidence& evidence,
                            Instant) const override {
    return combine_matches(parts_, combine_, [&](const Part& part) -> Match {
      if (const auto obstacle = provider_obstacle(evidence, part.provider)) return *obstacle;
      const model::Identity& identity = evidence.session->identity;
      if (holds(part, identity.groups)) return decision::kTrue;
      if (!identity.groups_known) return {Truth::Indeterminate, Reason::IdentityAttributeMissing};
      return {Truth::False, Reason::IdentityNotPermitted};
    });
  }
  [[nodiscard]] std::string describe() const override { return description_; }
  [[nodiscard]] decision::Observation observe(const decision::Snapshot&,
                                              const decision::Evidence& evidence) const override {
    return observe_provider(evidence, parts_, [](const model::Identity& identity) -> std::string {
      if (identity.groups_known) return observed_count(identity.groups.size(), "group");
      return identity.groups.empty()
                 ? "groups not stated"
                 : observed_count(identity.groups.size(), "group") + ", perhaps more";
    });
  }

 private:
  struct Part {
    std::string provider;
    Names names;
  };

  [[nodiscard]] bool holds(const Part& part, const std::vector<std::string>& held) const {
    if (combine_ == Combine::Any)
      return std::ranges::any_of(
          held, [&](const std::string& group) { return part.names.contains(group); });
    return std::ranges::all_of(part.names, [&](const std::string& name) {
      return std::ranges::any_of(held,
                                 [&](const std::string& group) { return equal_(name, group); });
    });
  }

  std::string description_;
  Equal equal_;
  Combine combine_;
  std::vector<Part> parts_;  // never empty; one for each provider
};

class ProviderAttributesMatcher final : public decision::Matcher {
 public:
  ProviderAttributesMatcher(std::string description, model::Attributes model::Identity::* held,
                            Combine combine, std::vector<ProviderAttribute> values)
      : description_(std::move(description)),
        held_(held),
        combine_(combine),
        values_(std::move(values)) {}

  [[nodiscard]] Match match(const decision::Snapshot&, const decision::Evidence& evidence,
                            Instant) const override {
    return combine_matches(values_, combine_, [&](const ProviderAttribute& wanted) -> Match {
      if (const auto obstacle = provider_obstacle(evidence, wanted.provider)) return *obstacle;
      const model::Attributes& held = evidence.session->identity.*held_;
      const auto found = held.find(wanted.name);
      if (found == held.end()) return {Truth::Indeterminate, Reason::IdentityAttributeMissing};
      if (std::ranges::find(found->second, wanted.value) != found->second.end())
        return decision::kTrue;
      return {Truth::False, Reason::IdentityNotPermitted};
    });
  }
  [[nodiscard]] std::string describe() const override { return description_; }
  // How many values, not which: they may be confidential.
  [[nodiscard]] decision::Observation observe(const decision::Snapshot&,
                                              const decision::Evidence& evidence) const override {
    return observe_provider(evidence, values_, [this](const model::Identity& identity) {
      std::vector<std::string> seen;
      for (const ProviderAttribute& wanted : values_) {
        const auto found = (identity.*held_).find(wanted.name);
        std::string text =
            fmt::format("`{}` {}", wanted.name,
                        found == (identity.*held_).end()
                            ? "not stated"
                            : "has " + observed_count(found->second.size(), "value"));
        if (std::ranges::find(seen, text) == seen.end()) seen.push_back(std::move(text));
      }
      return observed_list(seen, "");
    });
  }

 private:
  std::string description_;
  model::Attributes model::Identity::* held_;
  Combine combine_;
  std::vector<ProviderAttribute> values_;  // never empty
};

}  // namespace

std::optional<Match> provider_obstacle(const decision::Evidence& evidence,
                                       std::string_view provider) {
  if (evidence.session == nullptr) return Match{Truth::Indeterminate, Reason::NotSignedIn};
  if (evidence.session->identity.login_method != provider)
    return Match{Truth::Indeterminate, Reason::LoginMethodNotAllowed};
  return std::nullopt;
}

std::unique_ptr<const decision::Matcher> match_provider_groups(std::string_view subject,
                                                               LetterCase letter_case,
                                                               Combine combine,
                                                               std::vector<ProviderGroup> groups) {
  std::vector<std::string> names;
  for (const ProviderGroup& group : groups) names.push_back(group.name);
  return std::make_unique<ProviderGroupsMatcher>(describe_values(subject, "groups", combine, names),
                                                 letter_case, combine, std::move(groups));
}

std::unique_ptr<const decision::Matcher> match_provider_attributes(
    std::string_view subject, model::Attributes model::Identity::* held, Combine combine,
    std::vector<ProviderAttribute> values) {
  std::vector<std::string> texts;
  for (const ProviderAttribute& value : values) texts.push_back(value.name + "=" + value.value);
  return std::make_unique<ProviderAttributesMatcher>(
      describe_values(subject, "values", combine, texts), held, combine, std::move(values));
}

}  // namespace gatehouse::selectors
