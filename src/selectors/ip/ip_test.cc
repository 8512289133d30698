#include "selectors/ip/ip.h"

#include <fmt/format.h>

#include <random>

#include "base/ip.h"
#include "selectors/test_support.h"

namespace gatehouse::selectors {
namespace {

using decision::Combine;
using decision::Reason;
using decision::Truth;

bool holds(const decision::Matcher& matcher, std::string_view address) {
  decision::Evidence evidence;
  evidence.client_ip = IpAddress::parse(address).value();
  const auto match = matcher.match(testing::empty_snapshot(), evidence, testing::kNow);
  EXPECT_NE(match.truth, Truth::Indeterminate);
  EXPECT_EQ(match.reason, match.truth == Truth::True ? Reason::None : Reason::NetworkNotPermitted);
  return match.truth == Truth::True;
}

std::string values(std::initializer_list<std::string_view> networks) {
  json::array array;
  for (const auto network : networks) array.push_back(json::object{{"ip", network}});
  return json::serialize(array);
}

TEST(Ip, MatchesToTheBit) {
  const auto matcher =
      testing::compile(compile_ip,
                       values({"192.0.2.0/24", "198.51.100.7", "2001:db8::/32", "192.0.2.128/25"}))
          .value();
  for (const auto* inside : {"192.0.2.0", "192.0.2.127", "192.0.2.255", "198.51.100.7",
                             "::ffff:192.0.2.1", "2001:db8::", "2001:db8:ffff::1"})
    EXPECT_TRUE(holds(*matcher, inside)) << inside;
  for (const auto* outside : {"192.0.1.255", "192.0.3.0", "198.51.100.6", "198.51.100.8",
                              "2001:db7:ffff::", "2001:db9::", "::", "::192.0.2.1", "0.0.0.0"})
    EXPECT_FALSE(holds(*matcher, outside)) << outside;
}

TEST(Ip, WithoutARequestNothingIsKnown) {
  const auto matcher = testing::compile(compile_ip, values({"::/0", "0.0.0.0/0"})).value();
  decision::Evidence evidence;
  evidence.no_request = true;
  testing::expect_match(matcher->match(testing::empty_snapshot(), evidence, testing::kNow),
                        Truth::Indeterminate, Reason::NetworkNotPermitted, "no request");
}

TEST(Ip, TheLargerOfTwoWithTheSameBeginningCounts) {
  for (const auto& text :
       {values({"10.0.0.0/24", "10.0.0.0/16"}), values({"10.0.0.0/16", "10.0.0.0/24"})})
    EXPECT_TRUE(holds(*testing::compile(compile_ip, text).value(), "10.0.1.7"));
}

TEST(Ip, KeepsTheFamiliesApart) {
  const auto all_v4 = testing::compile(compile_ip, values({"0.0.0.0/0"})).value();
  const auto all_v6 = testing::compile(compile_ip, values({"::/0"})).value();
  EXPECT_TRUE(holds(*all_v4, "203.0.113.9"));
  EXPECT_FALSE(holds(*all_v4, "2001:db8::1"));
  EXPECT_TRUE(holds(*all_v6, "2001:db8::1"));
  EXPECT_FALSE(holds(*all_v6, "203.0.113.9"));
}

TEST(Ip, AllMeansEveryNetwork) {
  const auto nested =
      testing::compile(compile_ip, values({"10.0.0.0/8", "10.1.0.0/16"}), Combine::All).value();
  EXPECT_TRUE(holds(*nested, "10.1.2.3"));
  EXPECT_FALSE(holds(*nested, "10.2.2.3"));
  const auto apart =
      testing::compile(compile_ip, values({"10.0.0.0/8", "11.0.0.0/8"}), Combine::All).value();
  EXPECT_FALSE(holds(*apart, "10.1.2.3"));
  EXPECT_FALSE(holds(*apart, "11.1.2.3"));
}

TEST(Ip, AgreesWithOneNetworkAfterTheOther) {
  std::mt19937 random(3);
  const auto octet = [&] { return random() % 4; };
  json::array array;
  std::vector<IpNetwork> networks;
  while (networks.size() < 300) {
    const auto text =
        fmt::format("10.{}.{}.{}/{}", octet(), octet(), octet() * 64, 16 + random() % 17);
    const auto network = IpNetwork::parse(text);
    if (!network) continue;
    networks.push_back(*network);
    array.push_back(json::object{{"ip", text}});
  }
  const auto matcher = testing::compile(compile_ip, json::serialize(array)).value();
  for (int i = 0; i < 20'000; ++i) {
    const auto text = fmt::format("10.{}.{}.{}", octet(), octet(), random() % 256);
    const auto address = IpAddress::parse(text).value();
    const bool expected = std::ranges::any_of(
        networks, [&](const IpNetwork& network) { return network.contains(address); });
    ASSERT_EQ(holds(*matcher, text), expected) << text;
  }
}

TEST(Exclude, NetworkNamesTheNetwork) {
  EXPECT_EQ(testing::compile(compile_ip, values({"10.0.0.0/8"})).value()->reason_when_excluded(),
            Reason::NetworkNotPermitted);
}

TEST(Ip, IsUnknownWhenOnlyTheIdentityIsKnown) {
  decision::Evidence evidence;
  evidence.identity_only = true;
  testing::expect_match(testing::compile(compile_ip, values({"::/0"}))
                            .value()
                            ->match(testing::empty_snapshot(), evidence, testing::kNow),
                        Truth::Indeterminate, Reason::NetworkNotPermitted, "identity only");
}

TEST(Ip, NamesTheWrongField) {
  const testing::ErrorCase cases[] = {
      {R"([{}])", 0, "ip"},
      {R"([{"ip": 7}])", 0, "ip"},
      {R"([{"ip": ""}])", 0, "ip"},
      {R"([{"ip": "192.0.2.1/24"}])", 0, "ip"},
      {R"([{"ip": "192.0.2.0/33"}])", 0, "ip"},
      {R"([{"ip": "192.0.2.0 "}])", 0, "ip"},
      {R"([{"ip": "office"}])", 0, "ip"},
      {R"([{"ip": "192.0.2.0/24"}, {"ip": "::1", "port": 1}])", 1, "port"},
  };
  testing::expect_errors(compile_ip, cases);
}

TEST(Ip, SaysWhatItSaw) {
  decision::Evidence evidence;
  evidence.client_ip = IpAddress::parse("192.0.2.7").value();
  const auto seen = testing::compile(compile_ip, values({"::/0"}))
                        .value()
                        ->observe(testing::empty_snapshot(), evidence);
  EXPECT_EQ(seen.value, "192.0.2.7");
  EXPECT_EQ(seen.established_at, std::nullopt);
}

}  // namespace
}  // namespace gatehouse::selectors
