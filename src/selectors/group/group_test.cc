#include "selectors/group/group.h"

#include "selectors/email/email.h"
#include "selectors/email_domain/email_domain.h"
#include "selectors/test_support.h"

namespace gatehouse::selectors {
namespace {

using decision::Combine;
using decision::Reason;
using decision::Truth;
using testing::Person;

// `staff`: corp.example without bob; `others`: whoever is in staff, and carol.
std::shared_ptr<const decision::Snapshot> snapshot() {
  decision::SnapshotBuilder builder;
  decision::CompiledGroup staff;
  staff.id = "staff";
  staff.name = "Staff";
  staff.rules.include.push_back(
      testing::compile(compile_email_domain, R"([{"domain": "corp.example"}])").value());
  staff.rules.exclude.push_back(
      testing::compile(compile_email, R"([{"email": "bob@corp.example"}])").value());
  builder.add_group(std::move(staff));
  decision::CompiledGroup others;
  others.id = "others";
  others.name = "Others";
  others.rules.include.push_back(testing::compile(compile_group, R"([{"id": "staff"}])").value());
  others.rules.include.push_back(
      testing::compile(compile_email, R"([{"email": "carol@else.example"}])").value());
  builder.add_group(std::move(others));
  decision::CompiledApplication application;
  decision::CompiledPolicy policy;
  policy.name = "P";
  policy.action = model::Action::Allow;
  policy.rules.include.push_back(testing::compile(compile_group, R"([{"id": "others"}])").value());
  application.policies.push_back(std::move(policy));
  builder.add_application(std::move(application), {"app.example"});
  return builder.finish();
}

TEST(Group, IsWhatItsRulesSay) {
  const auto world = snapshot();
  const struct {
    std::string_view address;
    Truth staff;
    Truth others;
    Truth both;
  } cases[] = {
      {"alice@corp.example", Truth::True, Truth::True, Truth::True},
      {"bob@corp.example", Truth::False, Truth::False, Truth::False},
      {"carol@else.example", Truth::False, Truth::True, Truth::False},
      {"dave@else.example", Truth::False, Truth::False, Truth::False},
  };
  const auto staff = testing::compile(compile_group, R"([{"id": "staff"}])").value();
  const auto others = testing::compile(compile_group, R"([{"id": "others"}])").value();
  const auto two = R"([{"id": "staff"}, {"id": "others"}])";
  const auto any = testing::compile(compile_group, two, Combine::Any).value();
  const auto all = testing::compile(compile_group, two, Combine::All).value();
  for (const auto& test : cases) {
    const Person person(test.address);
    const auto truth = [&](const decision::Matcher& matcher) {
      return matcher.match(*world, person.evidence(), testing::kNow).truth;
    };
    EXPECT_EQ(truth(*staff), test.staff) << test.address;
    EXPECT_EQ(truth(*others), test.others) << test.address;
    EXPECT_EQ(truth(*any), test.others) << test.address;
    EXPECT_EQ(truth(*all), test.both) << test.address;
  }
}

TEST(Group, HasTheObstacleOfItsRules) {
  const auto world = snapshot();
  const auto others = testing::compile(compile_group, R"([{"id": "others"}])").value();
  testing::expect_match(others->match(*world, {}, testing::kNow), Truth::Indeterminate,
                        Reason::NotSignedIn, "nobody");
  const Person dave("dave@else.example");
  testing::expect_match(others->match(*world, dave.evidence(), testing::kNow), Truth::False,
                        Reason::IdentityNotPermitted, "dave");
}

TEST(Group, IsOpenedInTraces) {
  const auto world = snapshot();
  const Person alice("alice@corp.example");
  decision::Trace trace;
  const auto decision =
      decision::evaluate(*world, world->applications()[0], alice.evidence(), testing::kNow, &trace);
  EXPECT_EQ(decision.effect, decision::Effect::Allow);
  std::string text;
  for (const auto& entry : trace)
    text += std::string(static_cast<std::size_t>(entry.depth), ' ') + entry.what + "\n";
  EXPECT_EQ(text,
            "P\n"
            " include\n"
            "  group is `others`\n"
            "   group Others\n"
            "    include\n"
            "     group is `staff`\n"
            "      group Staff\n"
            "       include\n"
            "        email domain is `corp.example`\n"
            "       exclude\n"
            "        email is `bob@corp.example`\n"
            "     email is `carol@else.example`\n"
            " signed in with an allowed login method\n");
}

TEST(Group, NamesTheWrongField) {
  const testing::ErrorCase cases[] = {
      {R"([{}])", 0, "id"},
      {R"([{"id": []}])", 0, "id"},
      {R"([{"id": "nobody"}])", 0, "id"},
      {R"([{"id": "staff"}, {"id": "others", "x": 1}])", 1, "x"},
  };
  testing::expect_errors(compile_group, cases);
}

}  // namespace
}  // namespace gatehouse::selectors
