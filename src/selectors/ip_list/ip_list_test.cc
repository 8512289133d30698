#include "selectors/ip_list/ip_list.h"

#include "selectors/test_support.h"

namespace gatehouse::selectors {
namespace {

using decision::Combine;
using decision::Effect;
using decision::Reason;
using decision::Truth;
using testing::kNow;
using testing::Person;

constexpr std::string_view kOne = R"([{"id": "staff"}])";

// List `staff`: 192.0.2.0/24 and 2001:db8::/32; `others`: 192.0.2.128/25.
decision::SnapshotBuilder world() {
  decision::SnapshotBuilder builder;
  decision::CompiledList list;
  list.type = model::ListType::Ip;
  list.networks = IpRanges({*IpNetwork::parse("192.0.2.0/24"), *IpNetwork::parse("2001:db8::/32")});
  builder.add_list(std::move(list));
  list = {};
  list.type = model::ListType::Ip;
  list.networks = IpRanges({*IpNetwork::parse("192.0.2.128/25")});
  builder.add_list(std::move(list));
  return builder;
}

decision::Evidence from(std::string_view address) {
  decision::Evidence evidence;
  evidence.client_ip = IpAddress::parse(address).value();
  return evidence;
}

TEST(IpList, HoldsTheClientAddress) {
  const auto snapshot = world().finish();
  const auto matcher = testing::compile(compile_ip_list, kOne).value();
  for (const auto* inside : {"192.0.2.0", "192.0.2.255", "::ffff:192.0.2.1", "2001:db8::1"})
    testing::expect_match(matcher->match(*snapshot, from(inside), kNow), Truth::True, Reason::None,
                          inside);
  for (const auto* outside : {"192.0.1.255", "192.0.3.0", "2001:db9::", "::", "::192.0.2.1"})
    testing::expect_match(matcher->match(*snapshot, from(outside), kNow), Truth::False,
                          Reason::NetworkNotPermitted, outside);
  auto evidence = from("192.0.2.0");
  EXPECT_EQ(matcher->observe(*snapshot, evidence).value, "192.0.2.0");
  evidence.identity_only = true;
  testing::expect_match(matcher->match(*snapshot, evidence, kNow), Truth::Indeterminate,
                        Reason::NetworkNotPermitted, "identity only");
  evidence.identity_only = false;
  evidence.no_request = true;
  testing::expect_match(matcher->match(*snapshot, evidence, kNow), Truth::Indeterminate,
                        Reason::NetworkNotPermitted, "no request");
}

TEST(IpList, CombinesValues) {
  const auto snapshot = world().finish();
  constexpr std::string_view kTwo = R"([{"id": "staff"}, {"id": "others"}])";
  const auto truth = [&](Combine combine, std::string_view address) {
    return testing::compile(compile_ip_list, kTwo, combine)
        .value()
        ->match(*snapshot, from(address), kNow)
        .truth;
  };
  EXPECT_EQ(truth(Combine::Any, "192.0.2.127"), Truth::True);
  EXPECT_EQ(truth(Combine::All, "192.0.2.127"), Truth::False);
  EXPECT_EQ(truth(Combine::All, "192.0.2.128"), Truth::True);
}

TEST(IpList, InTheListsOfAPolicy) {
  const Person person("a@b.example");
  auto evidence = person.evidence();
  evidence.client_ip = from("192.0.2.7").client_ip;
  testing::expect_lists(compile_ip_list, kOne, evidence, testing::kAllowed,
                        {Effect::Deny, Reason::NetworkNotPermitted}, world);
  evidence.client_ip = from("192.0.3.7").client_ip;
  testing::expect_lists(compile_ip_list, kOne, evidence,
                        {Effect::Deny, Reason::NetworkNotPermitted}, testing::kAllowed, world);
}

TEST(IpList, NamesTheWrongField) {
  const testing::ErrorCase cases[] = {
      {R"([{}])", 0, "id"},
      {R"([{"id": {}}])", 0, "id"},
      {R"([{"id": "nobody"}])", 0, "id"},
      {R"([{"id": "staff"}, {"id": "others", "ip": "::1"}])", 1, "ip"},
  };
  testing::expect_errors(compile_ip_list, cases);
}

}  // namespace
}  // namespace gatehouse::selectors
