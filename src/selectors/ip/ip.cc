#include "selectors/ip/ip.h"

#include <algorithm>
#include <array>

#include "base/ip.h"
#include "base/try.h"

namespace gatehouse::selectors {
namespace {

using decision::Combine;
using decision::Match;
using decision::Reason;
using decision::Truth;

using AddressBytes = std::array<std::uint8_t, 16>;
struct Range {
  AddressBytes first;
  AddressBytes last;
};

// Disjoint ranges of one address family in ascending order: a look-up is a binary search.
class RangeSet {
 public:
  void add(const IpNetwork& network) {
    Range range{network.address().bytes(), network.address().bytes()};
    for (unsigned bit = network.prefix_length(); bit < 128; ++bit)
      range.last[bit / 8] = static_cast<std::uint8_t>(range.last[bit / 8] | 0x80U >> bit % 8);
    ranges_.push_back(range);
  }
  void finish() {
    // Of those with the same beginning the largest comes first. Networks are nested or apart, so
    // what begins inside the range before it also ends inside it.
    std::ranges::sort(ranges_, [](const Range& a, const Range& b) {
      return a.first != b.first ? a.first < b.first : b.last < a.last;
    });
    const auto rest = std::ranges::unique(
        ranges_, [](const Range& before, const Range& next) { return next.first <= before.last; });
    ranges_.erase(rest.begin(), rest.end());
  }
  [[nodiscard]] bool contains(const AddressBytes& address) const {
    const auto after = std::ranges::upper_bound(ranges_, address, {}, &Range::first);
    return after != ranges_.begin() && address <= std::prev(after)->last;
  }

 private:
  std::vector<Range> ranges_;
};

class IpMatcher final : public decision::Matcher {
 public:
  IpMatcher(const std::vector<IpNetwork>& networks, std::string description)
      : description_(std::move(description)) {
    for (const IpNetwork& network : networks) (network.address().is_v4() ? v4_ : v6_).add(network);
    v4_.finish();
    v6_.finish();
  }

  [[nodiscard]] Match match(const decision::Snapshot&, const decision::Evidence& evidence,
                            Instant) const override {
    if (evidence.identity_only) return {Truth::Indeterminate, Reason::NetworkNotPermitted};
    const IpAddress& address = evidence.client_ip;
    if ((address.is_v4() ? v4_ : v6_).contains(address.bytes())) return decision::kTrue;
    return {Truth::False, Reason::NetworkNotPermitted};
  }
  [[nodiscard]] std::string describe() const override { return description_; }
  [[nodiscard]] Reason reason_when_excluded() const override { return Reason::NetworkNotPermitted; }

 private:
  RangeSet v4_;
  RangeSet v6_;
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
