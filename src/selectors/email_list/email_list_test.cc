#include "selectors/email_list/email_list.h"

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

// List `staff`: alice and bob; `others`: bob and carol.
decision::SnapshotBuilder world() {
  decision::SnapshotBuilder builder;
  for (const auto& [first, second] : {std::pair("alice@corp.example", "bob@corp.example"),
                                      std::pair("bob@corp.example", "carol@else.example")}) {
    decision::CompiledList list;
    list.emails.try_emplace(first);
    list.emails.try_emplace(second);
    builder.add_list(std::move(list));
  }
  return builder;
}

TEST(EmailList, HoldsTheCanonicalAddress) {
  const auto snapshot = world().finish();
  const auto matcher = testing::compile(compile_email_list, kOne).value();
  const struct {
    std::string_view address;
    bool expected;
  } cases[] = {
      {"alice@corp.example", true},
      {"ALICE@Corp.example", true},
      {"bob@corp.example", true},
      {"carol@else.example", false},
      {"alice@corp.example.evil.example", false},
      {"\"alice\"@corp.example", false},
      {"alice@corp.example ", false},
      {"", false},
  };
  for (const auto& test : cases) {
    const Person person(test.address);
    testing::expect_match(matcher->match(*snapshot, person.evidence(), kNow),
                          test.expected ? Truth::True : Truth::False,
                          test.expected ? Reason::None : Reason::IdentityNotPermitted,
                          test.address);
  }
  testing::expect_match(matcher->match(*snapshot, {}, kNow), Truth::Indeterminate,
                        Reason::NotSignedIn, "nobody");
}

TEST(EmailList, CombinesValues) {
  const auto snapshot = world().finish();
  constexpr std::string_view kTwo = R"([{"id": "staff"}, {"id": "others"}])";
  const auto truth = [&](Combine combine, std::string_view address) {
    const Person person(address);
    return testing::compile(compile_email_list, kTwo, combine)
        .value()
        ->match(*snapshot, person.evidence(), kNow)
        .truth;
  };
  EXPECT_EQ(truth(Combine::Any, "alice@corp.example"), Truth::True);
  EXPECT_EQ(truth(Combine::Any, "carol@else.example"), Truth::True);
  EXPECT_EQ(truth(Combine::Any, "dave@else.example"), Truth::False);
  EXPECT_EQ(truth(Combine::All, "alice@corp.example"), Truth::False);
  EXPECT_EQ(truth(Combine::All, "bob@corp.example"), Truth::True);
}

TEST(EmailList, InTheListsOfAPolicy) {
  const Person alice("alice@corp.example");
  testing::expect_lists(compile_email_list, kOne, alice.evidence(), testing::kAllowed,
                        {Effect::Deny, Reason::NoPolicyMatched}, world);
  const Person carol("carol@else.example");
  testing::expect_lists(compile_email_list, kOne, carol.evidence(),
                        {Effect::Deny, Reason::IdentityNotPermitted}, testing::kAllowed, world);
  testing::expect_lists(compile_email_list, kOne, {}, {Effect::Challenge, Reason::NotSignedIn},
                        {Effect::Challenge, Reason::NotSignedIn}, world);
}

TEST(EmailList, NamesTheWrongField) {
  const testing::ErrorCase cases[] = {
      {R"([{}])", 0, "id"},
      {R"([{"id": 1}])", 0, "id"},
      {R"([{"id": "nobody"}])", 0, "id"},
      {R"([{"id": "staff"}, {"id": "others", "x": 1}])", 1, "x"},
  };
  testing::expect_errors(compile_email_list, cases);
}

}  // namespace
}  // namespace gatehouse::selectors
