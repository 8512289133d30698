#include "selectors/ip/ip.h"

#include <algorithm>

#include "base/ip.h"
#include "base/ip_ranges.h"
#include "base/try.h"

namespace gatehouse::selectors {
namespace {

using decision::Combine;
using decision::Match;
using decision::Reason;
using decision::Truth;

class IpMatcher final : public decision::Matcher {
 public:
  IpMatcher(const std::vector<IpNetwork>& networks, std::string description)
      : ranges_(networks), description_(std::move(description)) {}

  [[nodiscard]] Match match(const decision::Snapshot&, const decision::Evidence& evidence,
                            Instant) const override {
    if (evidence.identity_only || evidence.no_request)
      return {Truth::Indeterminate, Reason::NetworkNotPermitted};
    if (ranges_.contains(evidence.client_ip)) return decision::kTrue;
    return {Truth::False, Reason::NetworkNotPermitted};
  }
  [[nodiscard]] std::string describe() const override { return description_; }
  [[nodiscard]] decision::Observation observe(const decision::Snapshot&,
                                              const decision::Evidence& evidence) const override {
    if (evidence.no_request) return {"no request", {}};
    return {evidence.client_ip.to_string(), {}};
  }
  [[nodiscard]] Reason reason_when_excluded() const override { return Reason::NetworkNotPermitted; }

 private:
  IpRanges ranges_;
  std::string description_;
};

// The addresses that lie in every network: the smallest of them, when all others hold it.
std::vector<IpNetwork> intersection(const std::vector<IpNetwork>& networks) {
  const IpNetwork smallest = *std::ranges::max_element(networks, {}, &IpNetwork::prefix_length);
  if (std::ranges::all_of(
          networks, [&](const IpNetwork& network) { return network.contains(smallest.address()); }))
    return {smallest};
  return {};
}

}  // namespace

Compiled compile_ip(Values values, Combine combine, const decision::CompileContext&) {
  auto networks = GATEHOUSE_TRY(read_values(
      values, "ip",
      "must be an address or a network such as `192.0.2.0/24`, with no bits set beyond its prefix",
      IpNetwork::parse));
  std::vector<std::string> texts;
  for (const IpNetwork& network : networks) texts.push_back(network.to_string());
  std::string description = describe_values("client address", "networks", combine, texts);
  if (combine == Combine::All) networks = intersection(networks);
  return std::make_unique<IpMatcher>(networks, std::move(description));
}

}  // namespace gatehouse::selectors
