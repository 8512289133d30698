// A set of IP networks, IPv4 and IPv6 apart: a look-up is a binary search over disjoint ranges.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/ip.h"

namespace gatehouse {

class IpRanges {
 public:
  IpRanges() = default;
  explicit IpRanges(const std::vector<IpNetwork>& networks);
  [[nodiscard]] bool contains(const IpAddress& address) const;

 private:
  using Bytes = std::array<std::uint8_t, 16>;
  struct Range {
    Bytes first;
    Bytes last;
  };
  using Ranges = std::vector<Range>;  // disjoint, ascending
  static void add(Ranges& ranges, const IpNetwork& network);
  static void finish(Ranges& ranges);

  Ranges v4_;
  Ranges v6_;
};

}  // namespace gatehouse
