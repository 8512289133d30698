#include "selectors/ip_list/ip_list.h"

#include "base/try.h"
#include "decision/snapshot.h"

namespace gatehouse::selectors {
namespace {

using decision::Match;
using decision::Reason;
using decision::Truth;

class IpListMatcher final : public decision::Matcher {
 public:
  IpListMatcher(std::vector<std::uint32_t> lists, decision::Combine combine,
                std::string description)
      : lists_(std::move(lists)), combine_(combine), description_(std::move(description)) {}

  [[nodiscard]] Match match(const decision::Snapshot& snapshot, const decision::Evidence& evidence,
                            Instant) const override {
    if (evidence.identity_only || evidence.no_request)
      return {Truth::Indeterminate, Reason::NetworkNotPermitted};
    return combine_matches(lists_, combine_, [&](std::uint32_t list) -> Match {
      if (snapshot.list(list).networks.contains(evidence.client_ip)) return decision::kTrue;
      return {Truth::False, Reason::NetworkNotPermitted};
    });
  }
  [[nodiscard]] std::string describe() const override { return description_; }
  [[nodiscard]] decision::Observation observe(const decision::Snapshot&,
                                              const decision::Evidence& evidence) const override {
    if (evidence.no_request) return {"no request", {}};
    return {evidence.client_ip.to_string(), {}};
  }
  [[nodiscard]] Reason reason_when_excluded() const override { return Reason::NetworkNotPermitted; }

 private:
  std::vector<std::uint32_t> lists_;  // never empty
  decision::Combine combine_;
  std::string description_;
};

}  // namespace

Compiled compile_ip_list(Values values, decision::Combine combine,
                         const decision::CompileContext& context) {
  std::vector<std::string> names;
  auto lists = GATEHOUSE_TRY(read_values(
      values, "id", "must be the id or name of a list of type IP", [&](std::string_view id) {
        names.emplace_back(id);
        return context.find_list(id, model::ListType::Ip);
      }));
  return std::make_unique<IpListMatcher>(std::move(lists), combine,
                                         describe_values("address list", "lists", combine, names));
}

}  // namespace gatehouse::selectors
