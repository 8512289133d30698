// IP addresses and networks. Pure, immutable values; an IPv4-mapped IPv6 address is the IPv4 one.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse {

class IpAddress {
 public:
  IpAddress() = default;  // ::
  // Textual form without brackets, zone or port.
  [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);
  [[nodiscard]] static IpAddress from_v4(const std::array<std::uint8_t, 4>& bytes);
  [[nodiscard]] static IpAddress from_v6(const std::array<std::uint8_t, 16>& bytes);

  [[nodiscard]] bool is_v4() const;
  [[nodiscard]] std::string to_string() const;
  // Always 16 bytes, IPv4 as ::ffff:a.b.c.d.
  [[nodiscard]] const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  auto operator<=>(const IpAddress&) const = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
};

class IpNetwork {
 public:
  // `192.0.2.0/24`, `2001:db8::/32`, or a single address. Refuses bits set beyond the prefix.
  [[nodiscard]] static std::optional<IpNetwork> parse(std::string_view text);
  // An IPv6 network contains no IPv4 address: `::/0` is every IPv6 address and nothing else.
  [[nodiscard]] bool contains(const IpAddress& address) const;
  [[nodiscard]] std::string to_string() const;
  // Length over the 128-bit form: an IPv4 /24 is 120.
  [[nodiscard]] unsigned prefix_length() const { return prefix_length_; }
  [[nodiscard]] const IpAddress& address() const { return address_; }
  auto operator<=>(const IpNetwork&) const = default;

 private:
  IpAddress address_;
  unsigned prefix_length_ = 128;
};

}  // namespace gatehouse
