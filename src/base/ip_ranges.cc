#include "base/ip_ranges.h"

#include <algorithm>

namespace gatehouse {

IpRanges::IpRanges(const std::vector<IpNetwork>& networks) {
  for (const IpNetwork& network : networks) add(network.address().is_v4() ? v4_ : v6_, network);
  finish(v4_);
  finish(v6_);
}

bool IpRanges::contains(const IpAddress& address) const {
  const Ranges& ranges = address.is_v4() ? v4_ : v6_;
  const Bytes& bytes = address.bytes();
  const auto after = std::ranges::upper_bound(ranges, bytes, {}, &Range::first);
  return after != ranges.begin() && bytes <= std::prev(after)->last;
}

void IpRanges::add(Ranges& ranges, const IpNetwork& network) {
  Range range{network.address().bytes(), network.address().bytes()};
  for (unsigned bit = network.prefix_length(); bit < 128; ++bit)
    range.last[bit / 8] = static_cast<std::uint8_t>(range.last[bit / 8] | 0x80U >> bit % 8);
  ranges.push_back(range);
}

void IpRanges::finish(Ranges& ranges) {
  // Of those with the same beginning the largest comes first. Networks are nested or apart, so
  // what begins inside the range before it also ends inside it.
  std::ranges::sort(ranges, [](const Range& a, const Range& b) {
    return a.first != b.first ? a.first < b.first : b.last < a.last;
  });
  const auto rest = std::ranges::unique(
      ranges, [](const Range& before, const Range& next) { return next.first <= before.last; });
  ranges.erase(rest.begin(), rest.end());
}

}  // namespace gatehouse
