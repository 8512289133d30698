#include "selectors/group/group.h"

#include "base/try.h"

namespace gatehouse::selectors {
namespace {

using decision::Combine;
using decision::Match;

class GroupMatcher final : public decision::Matcher {
 public:
  GroupMatcher(std::vector<std::uint32_t> groups, Combine combine, std::string description)
      : groups_(std::move(groups)), combine_(combine), description_(std::move(description)) {}

  [[nodiscard]] Match match(const decision::Snapshot& snapshot, const decision::Evidence& evidence,
                            Instant now) const override {
    // INVARIANT: SnapshotBuilder::finish() has checked how deep groups are nested.
    return combine_matches(groups_, combine_, [&](std::uint32_t group) {
      return match_rules(snapshot.group(group).rules, snapshot, evidence, now);
    });
  }
  [[nodiscard]] std::string describe() const override { return description_; }
  [[nodiscard]] std::span<const std::uint32_t> groups() const override { return groups_; }

 private:
  std::vector<std::uint32_t> groups_;  // never empty
  Combine combine_;
  std::string description_;
};

}  // namespace

Compiled compile_group(Values values, Combine combine, const decision::CompileContext& context) {
  std::vector<std::string> names;
  auto groups = GATEHOUSE_TRY(
      read_values(values, "id", "must be the id or name of a group", [&](std::string_view id) {
        names.emplace_back(id);
        return context.find_group(id);
      }));
  return std::make_unique<GroupMatcher>(std::move(groups), combine,
                                        describe_values("group", "groups", combine, names));
}

}  // namespace gatehouse::selectors
