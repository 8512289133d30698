#include "selectors/device_posture/device_posture.h"

#include <cmath>

#include "model/limits.h"
#include "selectors/everyone/everyone.h"
#include "selectors/test_support.h"

namespace gatehouse::selectors {
namespace {

using namespace std::chrono_literals;
using decision::Combine;
using decision::Effect;
using decision::Reason;
using decision::Truth;
using testing::kNow;
using testing::Person;

constexpr auto kEvidenceAge = 3600s;
constexpr auto kCheckinAge = 7 * 24h;

// Rule `staff` asks integration `tanium`, rule `others` integration `agent` without `managed`.
std::shared_ptr<const decision::Snapshot> snapshot(decision::CompiledApplication application = {}) {
  decision::SnapshotBuilder builder;
  decision::CompiledPostureRule rule;
  rule.id = "staff";
  rule.integration_id = "tanium";
  rule.max_evidence_age = kEvidenceAge;
  rule.max_checkin_age = kCheckinAge;
  builder.add_posture_rule(rule);
  rule.id = "others";
  rule.integration_id = "agent";
  rule.require_managed = false;
  builder.add_posture_rule(rule);
  builder.add_application(std::move(application), {"app.example"});
  return builder.finish();
}

model::PostureEvidence good(std::string integration = "tanium") {
  model::PostureEvidence evidence;
  evidence.integration_id = std::move(integration);
  evidence.established_at = kNow - 60s;
  evidence.managed = true;
  evidence.last_checkin = kNow - 3600s;
  return evidence;
}

struct Case {
  std::string_view name;
  void (*change)(model::PostureEvidence&);
  Truth truth;
  Reason reason;
};

constexpr Case kCases[] = {
    {"good", [](auto&) {}, Truth::True, Reason::None},
    {"other integration", [](auto& held) { held.integration_id = "agent"; }, Truth::Indeterminate,
     Reason::PostureMissing},
    {"as old as allowed", [](auto& held) { held.established_at = kNow - kEvidenceAge; },
     Truth::True, Reason::None},
    {"a second too old", [](auto& held) { held.established_at = kNow - kEvidenceAge - 1s; },
     Truth::Indeterminate, Reason::PostureStale},
    {"never", [](auto& held) { held.established_at = Instant::min(); }, Truth::Indeterminate,
     Reason::PostureStale},
    {"as far ahead as allowed",
     [](auto& held) { held.established_at = kNow + model::kMaxEvidenceSkew; }, Truth::True,
     Reason::None},
    {"a second too far ahead",
     [](auto& held) { held.established_at = kNow + model::kMaxEvidenceSkew + 1s; },
     Truth::Indeterminate, Reason::PostureUnreadable},
    {"at the end of time", [](auto& held) { held.established_at = Instant::max(); },
     Truth::Indeterminate, Reason::PostureUnreadable},
    {"managed not stated", [](auto& held) { held.managed.reset(); }, Truth::Indeterminate,
     Reason::PostureUnreadable},
    {"not managed", [](auto& held) { held.managed = false; }, Truth::False,
     Reason::PostureNotManaged},
    {"not managed, but stale",
     [](auto& held) {
       held.managed = false;
       held.established_at = kNow - kEvidenceAge - 1s;
     },
     Truth::Indeterminate, Reason::PostureStale},
    {"check-in not stated", [](auto& held) { held.last_checkin.reset(); }, Truth::Indeterminate,
     Reason::PostureCheckinUnknown},
    {"checked in exactly 7 days ago", [](auto& held) { held.last_checkin = kNow - kCheckinAge; },
     Truth::True, Reason::None},
    {"a second longer ago", [](auto& held) { held.last_checkin = kNow - kCheckinAge - 1s; },
     Truth::False, Reason::PostureCheckinTooOld},
    {"checked in never", [](auto& held) { held.last_checkin = Instant::min(); }, Truth::False,
     Reason::PostureCheckinTooOld},
    {"check-in as far ahead as allowed",
     [](auto& held) { held.last_checkin = kNow + model::kMaxEvidenceSkew; }, Truth::True,
     Reason::None},
    {"check-in a second too far ahead",
     [](auto& held) { held.last_checkin = kNow + model::kMaxEvidenceSkew + 1s; },
     Truth::Indeterminate, Reason::PostureUnreadable},
};

TEST(DevicePosture, DecidesEveryCase) {
  const auto world = snapshot();
  const auto matcher =
      testing::compile(compile_device_posture, R"([{"integration_uid": "staff"}])").value();
  for (const auto& test : kCases) {
    Person person("a@b.example");
    person.session.posture.push_back(good());
    test.change(person.session.posture[0]);
    testing::expect_match(matcher->match(*world, person.evidence(), kNow), test.truth, test.reason,
                          test.name);
  }
}

TEST(DevicePosture, WithoutEvidence) {
  const auto world = snapshot();
  const auto matcher =
      testing::compile(compile_device_posture, R"([{"integration_uid": "staff"}])").value();
  testing::expect_match(matcher->match(*world, {}, kNow), Truth::Indeterminate, Reason::NotSignedIn,
                        "nobody");
  Person person("a@b.example");
  testing::expect_match(matcher->match(*world, person.evidence(), kNow), Truth::Indeterminate,
                        Reason::PostureMissing, "no posture");
  person.session.posture.push_back(good());
  auto evidence = person.evidence();
  evidence.identity_only = true;
  testing::expect_match(matcher->match(*world, evidence, kNow), Truth::Indeterminate,
                        Reason::PostureMissing, "identity only");
}

TEST(DevicePosture, ManagedOnlyWhenTheRuleAsks) {
  const auto world = snapshot();
  const auto matcher =
      testing::compile(compile_device_posture, R"([{"integration_uid": "others"}])").value();
  for (const auto managed : {std::optional<bool>(), std::optional(false), std::optional(true)}) {
    Person person("a@b.example");
    person.session.posture.push_back(good("agent"));
    person.session.posture[0].managed = managed;
    testing::expect_match(matcher->match(*world, person.evidence(), kNow), Truth::True,
                          Reason::None, "managed");
  }
}

// Nobody is sent to have the device checked when nothing can check it.
TEST(DevicePosture, ARuleWithoutASourceOfEvidenceIsNeverFulfilled) {
  decision::SnapshotBuilder builder;
  decision::CompiledPostureRule rule;
  rule.type = "intune";
  builder.add_posture_rule(rule);
  const auto world = builder.finish();
  const auto matcher =
      testing::compile(compile_device_posture, R"([{"integration_uid": "staff"}])").value();
  Person person("a@b.example");
  for (const char* integration : {"tanium", ""}) {
    person.session.posture = {good(integration)};
    testing::expect_match(matcher->match(*world, person.evidence(), kNow), Truth::Indeterminate,
                          Reason::PostureProviderMisconfigured, integration);
  }
  auto evidence = person.evidence();
  evidence.identity_only = true;
  testing::expect_match(matcher->match(*world, evidence, kNow), Truth::Indeterminate,
                        Reason::PostureProviderMisconfigured, "identity only");
  testing::expect_match(matcher->match(*world, {}, kNow), Truth::Indeterminate, Reason::NotSignedIn,
                        "nobody");
}

// Rule `staff` asks for patches, rule `others` for a score of at most 5 without `managed`.
std::shared_ptr<const decision::Snapshot> strict_snapshot() {
  decision::SnapshotBuilder builder;
  decision::CompiledPostureRule rule;
  rule.id = "staff";
  rule.integration_id = "tanium";
  rule.require_patched = true;
  builder.add_posture_rule(rule);
  rule.id = "others";
  rule.require_patched = false;
  rule.require_managed = false;
  rule.vulnerability_score = {decision::Comparison::LessOrEqual, 5};
  builder.add_posture_rule(rule);
  return builder.finish();
}

TEST(DevicePosture, PatchesAndVulnerabilities) {
  const struct {
    std::string_view name;
    std::string_view rule;
    void (*change)(model::PostureEvidence&);
    Truth truth;
    Reason reason;
  } cases[] = {
      {"patched", "staff", [](auto& held) { held.patch_compliant = true; }, Truth::True,
       Reason::None},
      {"not patched", "staff", [](auto& held) { held.patch_compliant = false; }, Truth::False,
       Reason::PostureNotPatched},
      {"patches not stated", "staff", [](auto&) {}, Truth::Indeterminate,
       Reason::PostureSignalMissing},
      {"not patched, but stale", "staff",
       [](auto& held) {
         held.patch_compliant = false;
         held.established_at = kNow - kEvidenceAge - 1s;
       },
       Truth::Indeterminate, Reason::PostureStale},
      {"not patched, and not managed", "staff",
       [](auto& held) {
         held.patch_compliant = false;
         held.managed = false;
       },
       Truth::False, Reason::PostureNotManaged},
      {"patched, but long gone", "staff",
       [](auto& held) {
         held.patch_compliant = true;
         held.last_checkin = kNow - kCheckinAge - 1s;
       },
       Truth::False, Reason::PostureCheckinTooOld},
      {"score at the limit", "others", [](auto& held) { held.vulnerability_score = 5; },
       Truth::True, Reason::None},
      {"score above it", "others", [](auto& held) { held.vulnerability_score = 5.001; },
       Truth::False, Reason::PostureVulnerable},
      {"score not stated", "others", [](auto&) {}, Truth::Indeterminate,
       Reason::PostureSignalMissing},
      {"score is no number", "others", [](auto& held) { held.vulnerability_score = std::nan(""); },
       Truth::Indeterminate, Reason::PostureSignalMissing},
      {"score good, check-in not stated", "others",
       [](auto& held) {
         held.vulnerability_score = 0;
         held.last_checkin.reset();
       },
       Truth::Indeterminate, Reason::PostureCheckinUnknown},
      {"score good, not managed", "others",
       [](auto& held) {
         held.vulnerability_score = 0;
         held.managed = false;
       },
       Truth::True, Reason::None},
  };
  const auto world = strict_snapshot();
  for (const auto& test : cases) {
    const auto matcher =
        testing::compile(compile_device_posture,
                         R"([{"integration_uid": ")" + std::string(test.rule) + R"("}])")
            .value();
    Person person("a@b.example");
    person.session.posture.push_back(good());
    test.change(person.session.posture[0]);
    testing::expect_match(matcher->match(*world, person.evidence(), kNow), test.truth, test.reason,
                          test.name);
  }
}

TEST(DevicePosture, SaysWhatItSaw) {
  const auto world = snapshot();
  const auto matcher =
      testing::compile(compile_device_posture,
                       R"([{"integration_uid": "staff"}, {"integration_uid": "others"}])")
          .value();
  Person person("a@b.example");
  const auto seen = [&] { return matcher->observe(*world, person.evidence()); };
  EXPECT_EQ(seen().value, "no check of the device");
  EXPECT_EQ(seen().established_at, std::nullopt);
  person.session.posture = {good("tanium"), good("agent"), good("another")};
  person.session.posture[0].patch_compliant = false;
  person.session.posture[0].vulnerability_score = 7.5;
  person.session.posture[1] = {};
  person.session.posture[1].integration_id = "agent";
  person.session.posture[1].established_at = kNow - 90s;
  EXPECT_EQ(seen().value,
            "managed, checked in at 2023-11-14T21:13:20Z, not patched, vulnerability score 7.5; "
            "managed not stated, check-in not stated");
  EXPECT_EQ(seen().established_at, kNow - 90s);
  EXPECT_EQ(matcher->observe(*world, {}).value, "nobody signed in");
}

TEST(DevicePosture, CombinesRules) {
  const auto world = snapshot();
  const auto two = R"([{"integration_uid": "staff"}, {"integration_uid": "others"}])";
  const auto any = testing::compile(compile_device_posture, two, Combine::Any).value();
  const auto all = testing::compile(compile_device_posture, two, Combine::All).value();
  Person person("a@b.example");
  person.session.posture.push_back(good("tanium"));
  testing::expect_match(any->match(*world, person.evidence(), kNow), Truth::True, Reason::None,
                        "any of one");
  testing::expect_match(all->match(*world, person.evidence(), kNow), Truth::Indeterminate,
                        Reason::PostureMissing, "all of one");
  person.session.posture.push_back(good("agent"));
  testing::expect_match(all->match(*world, person.evidence(), kNow), Truth::True, Reason::None,
                        "all of two");
  person.session.posture[0].managed = false;
  person.session.posture[1].established_at = kNow - kEvidenceAge - 1s;
  testing::expect_match(any->match(*world, person.evidence(), kNow), Truth::Indeterminate,
                        Reason::PostureStale, "any: the easiest obstacle");
  testing::expect_match(all->match(*world, person.evidence(), kNow), Truth::False,
                        Reason::PostureNotManaged, "all: the hardest obstacle");
}

enum class List { Include, Require, Exclude };

// An Allow policy for everyone with the posture rule in `list`, asked by someone with `held`.
decision::Decision decide(List list, const std::vector<model::PostureEvidence>& held,
                          bool signed_in = true) {
  auto posture =
      testing::compile(compile_device_posture, R"([{"integration_uid": "staff"}])").value();
  decision::CompiledPolicy policy;
  policy.action = model::Action::Allow;
  if (list == List::Include)
    policy.rules.include.push_back(std::move(posture));
  else
    policy.rules.include.push_back(testing::compile(compile_everyone, "[{}]").value());
  if (list == List::Require) policy.rules.require.push_back(std::move(posture));
  if (list == List::Exclude) policy.rules.exclude.push_back(std::move(posture));
  decision::CompiledApplication application;
  application.policies.push_back(std::move(policy));
  const auto world = snapshot(std::move(application));
  Person person("a@b.example");
  person.session.posture = held;
  auto decision = evaluate(*world, world->applications()[0],
                           signed_in ? person.evidence() : decision::Evidence{}, kNow);
  decision.policy = nullptr;  // of the snapshot that ends here
  return decision;
}

void expect_decision(const decision::Decision& decision, Effect effect, Reason reason) {
  EXPECT_EQ(to_string(decision.effect), to_string(effect));
  EXPECT_EQ(info(decision.reason).code, info(reason).code);
}

model::PostureEvidence stale() {
  auto evidence = good();
  evidence.established_at = kNow - kEvidenceAge - 1s;
  return evidence;
}
model::PostureEvidence unmanaged() {
  auto evidence = good();
  evidence.managed = false;
  return evidence;
}

TEST(Include, StalePosture) {
  expect_decision(decide(List::Include, {stale()}), Effect::Challenge, Reason::PostureStale);
}
TEST(Include, GoodPosture) {
  expect_decision(decide(List::Include, {good()}), Effect::Allow, Reason::None);
}
TEST(Require, GoodPosture) {
  expect_decision(decide(List::Require, {good()}), Effect::Allow, Reason::None);
}
TEST(Require, MissingPosture) {
  expect_decision(decide(List::Require, {}), Effect::Challenge, Reason::PostureMissing);
}
TEST(Require, StalePosture) {
  expect_decision(decide(List::Require, {stale()}), Effect::Challenge, Reason::PostureStale);
}
TEST(Require, UnmanagedDevice) {
  expect_decision(decide(List::Require, {unmanaged()}), Effect::Deny, Reason::PostureNotManaged);
}
TEST(Require, PostureWithoutAPersonAsksToSignIn) {
  expect_decision(decide(List::Require, {}, false), Effect::Challenge, Reason::NotSignedIn);
}
TEST(Require, UnknownCheckinIsDenied) {
  auto evidence = good();
  evidence.last_checkin.reset();
  expect_decision(decide(List::Require, {evidence}), Effect::Deny, Reason::PostureCheckinUnknown);
}
TEST(Exclude, StalePosture) {
  expect_decision(decide(List::Exclude, {stale()}), Effect::Challenge, Reason::PostureStale);
}
TEST(Exclude, MissingPosture) {
  expect_decision(decide(List::Exclude, {}), Effect::Challenge, Reason::PostureMissing);
}
TEST(Exclude, ManagedDevice) {
  expect_decision(decide(List::Exclude, {good()}), Effect::Deny, Reason::NoPolicyMatched);
}
TEST(Exclude, UnmanagedDeviceIsNotExcluded) {
  expect_decision(decide(List::Exclude, {unmanaged()}), Effect::Allow, Reason::None);
}

TEST(DevicePosture, NamesTheWrongField) {
  const testing::ErrorCase cases[] = {
      {R"([{}])", 0, "integration_uid"},
      {R"([{"integration_uid": 5}])", 0, "integration_uid"},
      {R"([{"integration_uid": "nobody"}])", 0, "integration_uid"},
      {R"([{"integration_uid": "staff", "account_id": 5}])", 0, "account_id"},
      {R"([{"integration_uid": "staff"}, {"integration_uid": "staff", "x": 1}])", 1, "x"},
  };
  testing::expect_errors(compile_device_posture, cases);
  EXPECT_TRUE(testing::compile(compile_device_posture,
                               R"([{"integration_uid": "staff", "account_id": "a"}])"));
}

}  // namespace
}  // namespace gatehouse::selectors
