#include "base/ip.h"

#include <gtest/gtest.h>

namespace gatehouse {
namespace {

using namespace std::string_view_literals;

TEST(IpAddress, HasOneTextForm) {
  struct Case {
    std::string_view text;
    std::string_view canonical;
    bool is_v4;
  };
  constexpr Case kCases[] = {
      {"192.0.2.1", "192.0.2.1", true},
      {"0.0.0.0", "0.0.0.0", true},
      {"255.255.255.255", "255.255.255.255", true},
      {"::ffff:192.0.2.1", "192.0.2.1", true},
      {"::FFFF:c000:0201", "192.0.2.1", true},
      {"::", "::", false},
      {"::1", "::1", false},
      {"2001:DB8:0:0:0:0:0:1", "2001:db8::1", false},
      {"2001:db8::", "2001:db8::", false},
      {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8", false},
  };
  for (const auto& [text, canonical, is_v4] : kCases) {
    const auto address = IpAddress::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->to_string(), canonical);
    EXPECT_EQ(address->is_v4(), is_v4) << text;
    EXPECT_EQ(IpAddress::parse(canonical), address);
  }
}

TEST(IpAddress, RefusesEverythingElse) {
  for (const auto text : {""sv,
                          "1"sv,
                          "1.2.3"sv,
                          "1.2.3.4.5"sv,
                          "256.0.0.1"sv,
                          "01.2.3.4"sv,
                          "1.2.3.04"sv,
                          "0x7f.0.0.1"sv,
                          " 1.2.3.4"sv,
                          "1.2.3.4 "sv,
                          "1.2.3.4\0"sv,
                          "1.2.3.4:80"sv,
                          "[::1]"sv,
                          "fe80::1%eth0"sv,
                          "::1::"sv,
                          "1:2:3:4:5:6:7"sv,
                          "1:2:3:4:5:6:7:8:9"sv,
                          "12345::"sv,
                          "g::"sv,
                          "1.2.3.4/32"sv,
                          "localhost"sv})
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  EXPECT_FALSE(IpAddress::parse(std::string(1000, '1')));
}

TEST(IpNetwork, HasOneTextForm) {
  struct Case {
    std::string_view text;
    std::string_view canonical;
    unsigned prefix_length;
  };
  constexpr Case kCases[] = {
      {"192.0.2.0/24", "192.0.2.0/24", 120},
      {"192.0.2.7", "192.0.2.7/32", 128},
      {"0.0.0.0/0", "0.0.0.0/0", 96},
      {"10.0.0.0/8", "10.0.0.0/8", 104},
      {"::ffff:10.0.0.0/104", "10.0.0.0/8", 104},
      {"2001:db8::/32", "2001:db8::/32", 32},
      {"::/0", "::/0", 0},
      {"::1", "::1/128", 128},
  };
  for (const auto& [text, canonical, prefix_length] : kCases) {
    const auto network = IpNetwork::parse(text);
    ASSERT_TRUE(network) << text;
    EXPECT_EQ(network->to_string(), canonical);
    EXPECT_EQ(network->prefix_length(), prefix_length) << text;
    EXPECT_EQ(IpNetwork::parse(canonical), network);
  }
}

TEST(IpNetwork, RefusesEverythingElse) {
  for (const auto text :
       {""sv, "/"sv, "/8"sv, "10.0.0.0/"sv, "10.0.0.0/33"sv, "10.0.0.0/-1"sv, "10.0.0.0/+8"sv,
        "10.0.0.0/08"sv, "10.0.0.0/8 "sv, "10.0.0.0/8/8"sv, "10.0.0.1/8"sv, "10.0.0.0/1e1"sv,
        "10.0.0.0/255.0.0.0"sv, "2001:db8::/129"sv, "2001:db8::1/64"sv, "2001:db8::/9999"sv,
        "::ffff:10.0.0.0/8"sv, "10.0.0/8"sv})
    EXPECT_FALSE(IpNetwork::parse(text)) << text;
}

TEST(IpNetwork, ContainsToTheBit) {
  struct Case {
    std::string_view network;
    std::string_view address;
    bool contained;
  };
  constexpr Case kCases[] = {
      {"192.0.2.0/24", "192.0.2.0", true},
      {"192.0.2.0/24", "192.0.2.255", true},
      {"192.0.2.0/24", "192.0.3.0", false},
      {"192.0.2.0/24", "192.0.1.255", false},
      {"192.0.2.128/25", "192.0.2.127", false},
      {"192.0.2.128/25", "192.0.2.128", true},
      {"192.0.2.7", "192.0.2.7", true},
      {"192.0.2.7", "192.0.2.6", false},
      {"192.0.2.0/24", "::ffff:192.0.2.9", true},
      {"0.0.0.0/0", "203.0.113.9", true},
      {"0.0.0.0/0", "::1", false},
      {"::/0", "::1", true},
      {"::/0", "203.0.113.9", false},
      {"2001:db8::/33", "2001:db8:7fff::1", true},
      {"2001:db8::/33", "2001:db8:8000::1", false},
      {"::1", "::1", true},
      {"::1", "::2", false},
  };
  for (const auto& [network, address, contained] : kCases)
    EXPECT_EQ(IpNetwork::parse(network)->contains(*IpAddress::parse(address)), contained)
        << network << " " << address;
}

}  // namespace
}  // namespace gatehouse
