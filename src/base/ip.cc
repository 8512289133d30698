#include "base/ip.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "base/check.h"

namespace gatehouse {
namespace {

constexpr unsigned kMappedPrefixBits = 96;

unsigned bit_at(const std::array<std::uint8_t, 16>& bytes, unsigned index) {
  return static_cast<unsigned>(bytes[index / 8]) >> (7 - index % 8) & 1U;
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.size() >= INET6_ADDRSTRLEN || text.contains('\0')) return std::nullopt;
  const std::string terminated(text);
  if (std::array<std::uint8_t, 4> v4{}; inet_pton(AF_INET, terminated.c_str(), v4.data()) == 1)
    return from_v4(v4);
  if (std::array<std::uint8_t, 16> v6{}; inet_pton(AF_INET6, terminated.c_str(), v6.data()) == 1)
    return from_v6(v6);
  return std::nullopt;
}

IpAddress IpAddress::from_v4(const std::array<std::uint8_t, 4>& bytes) {
  IpAddress address;
  address.bytes_[10] = 0xff;
  address.bytes_[11] = 0xff;
  std::ranges::copy(bytes, address.bytes_.begin() + 12);
  return address;
}

IpAddress IpAddress::from_v6(const std::array<std::uint8_t, 16>& bytes) {
  IpAddress address;
  address.bytes_ = bytes;
  return address;
}

bool IpAddress::is_v4() const {
  return std::all_of(bytes_.begin(), bytes_.begin() + 10, [](auto byte) { return byte == 0; }) &&
         bytes_[10] == 0xff && bytes_[11] == 0xff;
}

std::string IpAddress::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const char* written = is_v4() ? inet_ntop(AF_INET, bytes_.data() + 12, text.data(), text.size())
                                : inet_ntop(AF_INET6, bytes_.data(), text.data(), text.size());
  GATEHOUSE_CHECK(written != nullptr, "the buffer holds every address");
  return written;
}

std::optional<IpNetwork> IpNetwork::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  IpNetwork network;
  network.address_ = *address;
  if (slash == std::string_view::npos) return network;

  const std::string_view digits = text.substr(slash + 1);
  if (digits.empty() || digits.size() > 3 || (digits.size() > 1 && digits[0] == '0'))
    return std::nullopt;
  unsigned length = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  // A dotted address counts its prefix over 32 bits; any text with a colon over 128.
  if (!text.contains(':')) {
    if (length > 32) return std::nullopt;
    length += kMappedPrefixBits;
  }
  if (length > 128) return std::nullopt;
  for (unsigned bit = length; bit < 128; ++bit)
    if (bit_at(address->bytes(), bit) != 0) return std::nullopt;
  network.prefix_length_ = length;
  return network;
}

bool IpNetwork::contains(const IpAddress& address) const {
  // `::/0` and its like are networks of IPv6: the place of IPv4 inside it is our representation.
  if (address.is_v4() != address_.is_v4()) return false;
  const unsigned whole = prefix_length_ / 8;
  const auto& mine = address_.bytes();
  const auto& theirs = address.bytes();
  if (!std::equal(mine.begin(), mine.begin() + whole, theirs.begin())) return false;
  const unsigned rest = prefix_length_ % 8;
  return rest == 0 || ((mine[whole] ^ theirs[whole]) >> (8 - rest)) == 0;
}

std::string IpNetwork::to_string() const {
  const bool v4 = address_.is_v4() && prefix_length_ >= kMappedPrefixBits;
  const unsigned length = v4 ? prefix_length_ - kMappedPrefixBits : prefix_length_;
  return address_.to_string() + "/" + std::to_string(length);
}

}  // namespace gatehouse
