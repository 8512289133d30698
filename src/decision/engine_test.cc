#include "decision/engine.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "decision/rules.h"
#include "decision/test_support.h"

namespace gatehouse::decision {
namespace {

using model::Action;
using testing::PolicyPlan;
using testing::Says;

constexpr Match T = kTrue;
constexpr Match kIdentity{Truth::False, Reason::IdentityNotPermitted};
constexpr Match kNetwork{Truth::False, Reason::NetworkNotPermitted};
constexpr Match kUnmanaged{Truth::False, Reason::PostureNotManaged};
constexpr Match kNoToken{Truth::False, Reason::ServiceTokenNotPermitted};
constexpr Match kMissing{Truth::Indeterminate, Reason::PostureMissing};
constexpr Match kStale{Truth::Indeterminate, Reason::PostureStale};
constexpr Match kUnreadable{Truth::Indeterminate, Reason::PostureUnreadable};
constexpr Match kNoCheckin{Truth::Indeterminate, Reason::PostureCheckinUnknown};
constexpr Match kAnonymous{Truth::Indeterminate, Reason::NotSignedIn};

enum class Person { Nobody, SignedIn };

struct Case {
  std::string_view name;
  std::vector<PolicyPlan> policies;
  Person person;
  Effect effect;
  Reason reason;
};

void check(const std::vector<Case>& cases) {
  const model::Session signed_in = testing::session();
  for (const Case& test : cases) {
    const auto snapshot = testing::snapshot(test.policies);
    Evidence evidence;
    if (test.person == Person::SignedIn) evidence.session = &signed_in;
    for (const bool traced : {false, true}) {
      Trace trace;
      const Decision decision = evaluate(*snapshot, snapshot->applications()[0], evidence,
                                         Instant{}, traced ? &trace : nullptr);
      EXPECT_EQ(to_string(decision.effect), to_string(test.effect)) << test.name;
      EXPECT_EQ(info(decision.reason).code, info(test.reason).code) << test.name;
      EXPECT_EQ(decision.challenge, challenge_for(decision.reason)) << test.name;
      EXPECT_EQ(decision.effect == Effect::Challenge, decision.challenge != Challenge::None)
          << test.name;
      if (decision.effect == Effect::Allow || decision.effect == Effect::Bypass) {
        EXPECT_NE(decision.policy, nullptr) << test.name;
      }
      EXPECT_EQ(trace.empty(), !traced || test.policies.empty()) << test.name;
    }
  }
}

TEST(Default, IsDeny) {
  check({
      {"no policies", {}, Person::SignedIn, Effect::Deny, Reason::NoPolicyMatched},
      {"no policies, nobody", {}, Person::Nobody, Effect::Deny, Reason::NoPolicyMatched},
      {"a Block that is False",
       {{Action::Block, {kIdentity}, {}, {}}},
       Person::SignedIn,
       Effect::Deny,
       Reason::NoPolicyMatched},
      {"a Bypass that is False",
       {{Action::Bypass, {kNetwork}, {}, {}}},
       Person::Nobody,
       Effect::Deny,
       Reason::NoPolicyMatched},
  });
}

TEST(Include, NeedsOneTrue) {
  check({
      {"True", {{Action::Allow, {T}, {}, {}}}, Person::SignedIn, Effect::Allow, Reason::None},
      {"False and True",
       {{Action::Allow, {kIdentity, T}, {}, {}}},
       Person::SignedIn,
       Effect::Allow,
       Reason::None},
      {"Indeterminate and True",
       {{Action::Allow, {kStale, T}, {}, {}}},
       Person::SignedIn,
       Effect::Allow,
       Reason::None},
      {"False",
       {{Action::Allow, {kIdentity}, {}, {}}},
       Person::SignedIn,
       Effect::Deny,
       Reason::IdentityNotPermitted},
      {"nothing",
       {{Action::Allow, {}, {}, {}}},
       Person::SignedIn,
       Effect::Deny,
       Reason::NoPolicyMatched},
      {"the easiest of two obstacles",
       {{Action::Allow, {kNetwork, kIdentity}, {}, {}}},
       Person::SignedIn,
       Effect::Deny,
       Reason::IdentityNotPermitted},
  });
}

TEST(Include, MissingPostureNeverMatches) {
  check({
      {"missing",
       {{Action::Allow, {kMissing}, {}, {}}},
       Person::SignedIn,
       Effect::Challenge,
       Reason::PostureMissing},
      {"stale",
       {{Action::Allow, {kStale}, {}, {}}},
       Person::SignedIn,
       Effect::Challenge,
       Reason::PostureStale},
      {"unreadable",
       {{Action::Allow, {kUnreadable}, {}, {}}},
       Person::SignedIn,
       Effect::Challenge,
       Reason::PostureUnreadable},
      {"no check-in: the exchange cannot help",
       {{Action::Allow, {kNoCheckin}, {}, {}}},
       Person::SignedIn,
       Effect::Deny,
       Reason::PostureCheckinUnknown},
      {"missing in a Bypass",
       {{Action::Bypass, {kMissing}, {}, {}}},
       Person::SignedIn,
       Effect::Deny,
       Reason::NoPolicyMatched},
  });
}

TEST(Require, NeedsAllTrue) {
  check({
      {"all", {{Action::Allow, {T}, {T, T}, {}}}, Person::SignedIn, Effect::Allow, Reason::None},
      {"one False",
       {{Action::Allow, {T}, {T, kUnmanaged}, {}}},
       Person::SignedIn,
       Effect::Deny,
       Reason::PostureNotManaged},
      {"one stale",
       {{Action::Allow, {T}, {T, kStale}, {}}},
       Person::SignedIn,
       Effect::Challenge,
       Reason::PostureStale},
      {"the hardest of two obstacles",
       {{Action::Allow, {T}, {kStale, kNetwork}, {}}},
       Person::SignedIn,
       Effect::Deny,
       Reason::NetworkNotPermitted},
      {"a check of the device cannot cure the wrong person",
       {{Action::Allow, {kIdentity}, {kMissing}, {}}},
       Person::SignedIn,
       Effect::Deny,
       Reason::IdentityNotPermitted},
      {"posture without a person: sign in first",
       {{Action::Allow, {T}, {kAnonymous}, {}}},
       Person::Nobody,
       Effect::Challenge,
       Reason::NotSignedIn},
  });
}

TEST(Exclude, DeniesUnlessFalse) {
  check({
      {"False",
       {{Action::Allow, {T}, {}, {kIdentity}}},
       Person::SignedIn,
       Effect::Allow,
       Reason::None},
      {"True",
       {{Action::Allow, {T}, {}, {T}}},
       Person::SignedIn,
       Effect::Deny,
       Reason::NoPolicyMatched},
      {"stale",
       {{Action::Allow, {T}, {}, {kStale}}},
       Person::SignedIn,
       Effect::Challenge,
       Reason::PostureStale},
      {"missing",
       {{Action::Allow, {T}, {}, {kIdentity, kMissing}}},
       Person::SignedIn,
       Effect::Challenge,
       Reason::PostureMissing},
      {"True beside stale",
       {{Action::Allow, {T}, {}, {kStale, T}}},
       Person::SignedIn,
       Effect::Deny,
       Reason::NoPolicyMatched},
      {"stale in a Bypass",
       {{Action::Bypass, {T}, {}, {kStale}}},
       Person::SignedIn,
       Effect::Deny,
       Reason::NoPolicyMatched},
  });
}

TEST(Exclude, NamesTheHardestReasonOfThoseThatHold) {
  for (const bool network_first : {false, true}) {
    CompiledApplication application;
    CompiledPolicy policy = testing::policy({Action::Allow, {T}, {}, {}});
    auto network = std::make_unique<Says>(T, Reason::NetworkNotPermitted);
    auto other = std::make_unique<Says>(T);
    if (network_first) policy.rules.exclude.push_back(std::move(network));
    policy.rules.exclude.push_back(std::move(other));
    if (!network_first) policy.rules.exclude.push_back(std::move(network));
    application.policies.push_back(std::move(policy));
    SnapshotBuilder builder;
    builder.add_application(std::move(application), {"app.example"});
    const auto snapshot = builder.finish();
    const model::Session signed_in = testing::session();
    Evidence evidence;
    evidence.session = &signed_in;
    EXPECT_EQ(evaluate(*snapshot, snapshot->applications()[0], evidence, Instant{}).reason,
              Reason::NoPolicyMatched);
  }
}

TEST(Allow, DemandsASignedInPerson) {
  check({
      {"everyone, nobody",
       {{Action::Allow, {T}, {}, {}}},
       Person::Nobody,
       Effect::Challenge,
       Reason::NotSignedIn},
      {"wrong network, nobody",
       {{Action::Allow, {T}, {kNetwork}, {}}},
       Person::Nobody,
       Effect::Deny,
       Reason::NetworkNotPermitted},
  });
}

TEST(Allow, DemandsALoginMethodOfTheApplication) {
  const auto snapshot = testing::snapshot({{Action::Allow, {T}, {}, {}}}, {"okta", "pin"});
  const auto decide = [&](std::string login_method) {
    const model::Session signed_in = testing::session(std::move(login_method));
    Evidence evidence;
    evidence.session = &signed_in;
    return evaluate(*snapshot, snapshot->applications()[0], evidence, Instant{});
  };
  EXPECT_EQ(decide("okta").effect, Effect::Allow);
  EXPECT_EQ(decide("pin").effect, Effect::Allow);
  for (const auto* other : {"github", "Okta", ""}) {
    EXPECT_EQ(decide(other).reason, Reason::LoginMethodNotAllowed);
    EXPECT_EQ(decide(other).challenge, Challenge::SignIn);
  }
}

TEST(Block, EndsTheWalkUnlessFalse) {
  const PolicyPlan allow{Action::Allow, {T}, {}, {}};
  check({
      {"False",
       {{Action::Block, {kIdentity}, {}, {}}, allow},
       Person::SignedIn,
       Effect::Allow,
       Reason::None},
      {"True",
       {{Action::Block, {T}, {}, {}}, allow},
       Person::SignedIn,
       Effect::Deny,
       Reason::BlockedByPolicy},
      {"stale",
       {{Action::Block, {kStale}, {}, {}}, allow},
       Person::SignedIn,
       Effect::Challenge,
       Reason::PostureStale},
      {"undecided about nobody",
       {{Action::Block, {kAnonymous}, {}, {}}, allow},
       Person::Nobody,
       Effect::Challenge,
       Reason::NotSignedIn},
      {"Allow comes first",
       {allow, {Action::Block, {T}, {}, {}}},
       Person::SignedIn,
       Effect::Allow,
       Reason::None},
      {"an easier obstacle before it",
       {{Action::Allow, {kStale}, {}, {}}, {Action::Block, {T}, {}, {}}},
       Person::SignedIn,
       Effect::Challenge,
       Reason::PostureStale},
      {"nothing after it counts",
       {{Action::Block, {T}, {}, {}}, {Action::Allow, {kStale}, {}, {}}},
       Person::SignedIn,
       Effect::Deny,
       Reason::BlockedByPolicy},
      {"an excluded person is not blocked",
       {{Action::Block, {T}, {}, {T}}, allow},
       Person::SignedIn,
       Effect::Allow,
       Reason::None},
      {"undecided exclusion blocks",
       {{Action::Block, {T}, {}, {kMissing}}, allow},
       Person::SignedIn,
       Effect::Challenge,
       Reason::PostureMissing},
  });
}

TEST(Order, BypassAndServiceAuthComeFirst) {
  check({
      {"Bypass after Block",
       {{Action::Block, {T}, {}, {}}, {Action::Bypass, {T}, {}, {}}},
       Person::Nobody,
       Effect::Bypass,
       Reason::None},
      {"Service Auth after Block",
       {{Action::Block, {T}, {}, {}}, {Action::ServiceAuth, {T}, {}, {}}},
       Person::Nobody,
       Effect::Allow,
       Reason::None},
      {"Bypass before Service Auth",
       {{Action::Bypass, {T}, {}, {}}, {Action::ServiceAuth, {T}, {}, {}}},
       Person::Nobody,
       Effect::Bypass,
       Reason::None},
      {"Service Auth before Bypass",
       {{Action::ServiceAuth, {T}, {}, {}}, {Action::Bypass, {T}, {}, {}}},
       Person::Nobody,
       Effect::Allow,
       Reason::None},
      {"first Allow wins",
       {{Action::Allow, {kIdentity}, {}, {}}, {Action::Allow, {T}, {}, {}}},
       Person::SignedIn,
       Effect::Allow,
       Reason::None},
  });
}

TEST(Obstacle, IsTheEasiestOfAllPolicies) {
  check({
      {"two Allows",
       {{Action::Allow, {kIdentity}, {}, {}}, {Action::Allow, {T}, {kStale}, {}}},
       Person::SignedIn,
       Effect::Challenge,
       Reason::PostureStale},
      {"token or person",
       {{Action::ServiceAuth, {kNoToken}, {}, {}}, {Action::Allow, {kAnonymous}, {}, {}}},
       Person::Nobody,
       Effect::Challenge,
       Reason::NotSignedIn},
      {"token only",
       {{Action::ServiceAuth, {kNoToken}, {}, {}}},
       Person::Nobody,
       Effect::Deny,
       Reason::ServiceTokenNotPermitted},
      {"Bypass obstacles do not count",
       {{Action::Bypass, {kMissing}, {}, {}}, {Action::Allow, {T}, {}, {}}},
       Person::Nobody,
       Effect::Challenge,
       Reason::NotSignedIn},
  });
}

TEST(Decision, NamesThePolicyThatDecided) {
  const auto snapshot = testing::snapshot({{Action::Allow, {kIdentity}, {}, {}},
                                           {Action::Block, {T}, {}, {}},
                                           {Action::Allow, {T}, {}, {}}});
  const CompiledApplication& application = snapshot->applications()[0];
  const model::Session signed_in = testing::session();
  Evidence evidence;
  evidence.session = &signed_in;
  const Decision decision = evaluate(*snapshot, application, evidence, Instant{});
  EXPECT_EQ(decision.policy, &application.policies[1]);
  EXPECT_EQ(decision.effect, Effect::Deny);
}

class Throws final : public Matcher {
 public:
  [[nodiscard]] Match match(const Snapshot&, const Evidence&, Instant) const override {
    throw std::runtime_error("bug");
  }
  [[nodiscard]] std::string describe() const override { return "throws"; }
};

TEST(Decision, ABugDenies) {
  for (const Action action : {Action::Allow, Action::Bypass, Action::Block, Action::ServiceAuth}) {
    CompiledApplication application;
    CompiledPolicy policy = testing::policy({action, {}, {}, {}});
    policy.rules.include.push_back(std::make_unique<Throws>());
    application.policies.push_back(std::move(policy));
    application.policies.push_back(testing::policy({Action::Allow, {T}, {}, {}}));
    SnapshotBuilder builder;
    builder.add_application(std::move(application), {"app.example"});
    const auto snapshot = builder.finish();
    const model::Session signed_in = testing::session();
    Evidence evidence;
    evidence.session = &signed_in;
    const Decision decision = evaluate(*snapshot, snapshot->applications()[0], evidence, Instant{});
    EXPECT_EQ(decision.effect, Effect::Deny);
    EXPECT_EQ(decision.reason, Reason::InternalError);
    if (action == Action::Allow || action == Action::Block) {
      EXPECT_FALSE(could_admit(*snapshot, snapshot->applications()[0], signed_in, Instant{}));
    }
  }
}

TEST(Trace, ShowsEveryStepInOrder) {
  const auto snapshot = testing::snapshot(
      {{Action::Allow, {kIdentity, T}, {kStale}, {kNetwork}}, {Action::Block, {T}, {}, {}}});
  const model::Session signed_in = testing::session();
  Evidence evidence;
  evidence.session = &signed_in;
  Trace trace;
  static_cast<void>(evaluate(*snapshot, snapshot->applications()[0], evidence, Instant{}, &trace));
  std::string text;
  for (const TraceEntry& entry : trace)
    text +=
        fmt::format("{}{} {} {}\n", std::string(static_cast<std::size_t>(entry.depth), ' '),
                    entry.what, static_cast<int>(entry.match.truth), info(entry.match.reason).code);
  EXPECT_EQ(text,
            "allow 1 posture_stale\n"
            " include 2 none\n"
            "  says 0 identity_not_permitted\n"
            "  says 2 none\n"
            " require 1 posture_stale\n"
            "  says 1 posture_stale\n"
            " exclude 2 none\n"
            "  says 0 network_not_permitted\n"
            " signed in with an allowed login method 2 none\n"
            "deny 2 none\n"
            " include 2 none\n"
            "  says 2 none\n");
}

// An Allow policy that asks for a purpose, between the policies `before` and `after`.
std::shared_ptr<const Snapshot> with_purpose(Match rule, std::vector<PolicyPlan> before = {},
                                             std::vector<PolicyPlan> after = {}) {
  CompiledApplication application;
  application.audience = "wiki";
  for (const PolicyPlan& plan : before) application.policies.push_back(testing::policy(plan));
  application.policies.push_back(testing::policy({Action::Allow, {rule}, {}, {}}));
  application.policies.back().name = "purpose";
  application.policies.back().purpose_justification_required = true;
  for (const PolicyPlan& plan : after) application.policies.push_back(testing::policy(plan));
  SnapshotBuilder builder;
  builder.add_application(std::move(application), {"app.example"});
  return builder.finish();
}

TEST(Purpose, IsAskedOfWhoeverThePolicyAdmits) {
  const PolicyPlan allow{Action::Allow, {T}, {}, {}};
  const struct {
    std::string_view name;
    std::shared_ptr<const Snapshot> snapshot;
    Person person;
    std::vector<std::string> stated_for;
    Effect effect;
    Reason reason;
    std::string_view policy;
  } cases[] = {
      {"not stated",
       with_purpose(T),
       Person::SignedIn,
       {},
       Effect::Challenge,
       Reason::PurposeRequired,
       "purpose"},
      {"stated",
       with_purpose(T),
       Person::SignedIn,
       {"other", "wiki"},
       Effect::Allow,
       Reason::None,
       "purpose"},
      {"stated for another application",
       with_purpose(T),
       Person::SignedIn,
       {"other"},
       Effect::Challenge,
       Reason::PurposeRequired,
       "purpose"},
      {"stated for no application",
       with_purpose(T),
       Person::SignedIn,
       {""},
       Effect::Challenge,
       Reason::PurposeRequired,
       "purpose"},
      {"nobody: sign in first",
       with_purpose(T),
       Person::Nobody,
       {},
       Effect::Challenge,
       Reason::NotSignedIn,
       ""},
      {"not for those it does not admit",
       with_purpose(kIdentity),
       Person::SignedIn,
       {},
       Effect::Deny,
       Reason::IdentityNotPermitted,
       ""},
      {"undecided: the device first",
       with_purpose(kStale),
       Person::SignedIn,
       {},
       Effect::Challenge,
       Reason::PostureStale,
       ""},
      {"does not help those it does not admit",
       with_purpose(kIdentity),
       Person::SignedIn,
       {"wiki"},
       Effect::Deny,
       Reason::IdentityNotPermitted,
       ""},
      {"a Block before it",
       with_purpose(T, {{Action::Block, {T}, {}, {}}}),
       Person::SignedIn,
       {},
       Effect::Deny,
       Reason::BlockedByPolicy,
       "deny"},
      {"an undecided Block before it",
       with_purpose(T, {{Action::Block, {kMissing}, {}, {}}}),
       Person::SignedIn,
       {"wiki"},
       Effect::Challenge,
       Reason::PostureMissing,
       "deny"},
      {"a Block after it",
       with_purpose(T, {}, {{Action::Block, {T}, {}, {}}}),
       Person::SignedIn,
       {},
       Effect::Challenge,
       Reason::PurposeRequired,
       "purpose"},
      {"an Allow before it",
       with_purpose(T, {allow}),
       Person::SignedIn,
       {},
       Effect::Allow,
       Reason::None,
       "allow"},
      {"an Allow after it is not asked",
       with_purpose(T, {}, {allow}),
       Person::SignedIn,
       {},
       Effect::Challenge,
       Reason::PurposeRequired,
       "purpose"},
      {"Bypass asks nobody",
       with_purpose(T, {}, {{Action::Bypass, {T}, {}, {}}}),
       Person::SignedIn,
       {},
       Effect::Bypass,
       Reason::None,
       "bypass"},
      {"Service Auth asks nobody",
       with_purpose(T, {}, {{Action::ServiceAuth, {T}, {}, {}}}),
       Person::SignedIn,
       {},
       Effect::Allow,
       Reason::None,
       "non_identity"},
  };
  for (const auto& test : cases) {
    model::Session signed_in = testing::session();
    for (const std::string& audience : test.stated_for)
      signed_in.purposes.push_back({audience, "incident 7", Instant{}});
    Evidence evidence;
    if (test.person == Person::SignedIn) evidence.session = &signed_in;
    const Decision decision =
        evaluate(*test.snapshot, test.snapshot->applications()[0], evidence, Instant{});
    EXPECT_EQ(to_string(decision.effect), to_string(test.effect)) << test.name;
    EXPECT_EQ(info(decision.reason).code, info(test.reason).code) << test.name;
    EXPECT_EQ(decision.challenge, challenge_for(test.reason)) << test.name;
    EXPECT_EQ(decision.policy == nullptr ? "" : decision.policy->name, test.policy) << test.name;
  }
  EXPECT_EQ(challenge_for(Reason::PurposeRequired), Challenge::Purpose);
}

// The flag stands on the policy whatever its action; only Allow demands anything of a person.
TEST(Purpose, OfOtherActionsMeansNothing) {
  for (const Action action : {Action::Bypass, Action::ServiceAuth}) {
    CompiledApplication application;
    application.policies.push_back(testing::policy({action, {T}, {}, {}}));
    application.policies.back().purpose_justification_required = true;
    SnapshotBuilder builder;
    builder.add_application(std::move(application), {"app.example"});
    const auto snapshot = builder.finish();
    EXPECT_EQ(evaluate(*snapshot, snapshot->applications()[0], {}, Instant{}).reason, Reason::None);
  }
}

// Whoever can be let in with a purpose can be let in.
TEST(Purpose, DoesNotKeepFromSigningIn) {
  const auto snapshot = with_purpose(T);
  EXPECT_TRUE(could_admit(*snapshot, snapshot->applications()[0], testing::session(), Instant{}));
}

TEST(Preflight, IsBypassedWhereTheApplicationSaysSo) {
  const struct {
    std::string_view name;
    bool bypass;
    bool preflight;
    std::vector<PolicyPlan> policies;
    Effect effect;
    Reason reason;
  } cases[] = {
      {"a preflight", true, true, {{Action::Allow, {T}, {}, {}}}, Effect::Bypass, Reason::None},
      {"before a Block", true, true, {{Action::Block, {T}, {}, {}}}, Effect::Bypass, Reason::None},
      {"without policies", true, true, {}, Effect::Bypass, Reason::None},
      {"no preflight",
       true,
       false,
       {{Action::Allow, {T}, {}, {}}},
       Effect::Challenge,
       Reason::NotSignedIn},
      {"not said",
       false,
       true,
       {{Action::Allow, {T}, {}, {}}},
       Effect::Challenge,
       Reason::NotSignedIn},
      {"not said, a Block",
       false,
       true,
       {{Action::Block, {T}, {}, {}}},
       Effect::Deny,
       Reason::BlockedByPolicy},
  };
  for (const auto& test : cases) {
    CompiledApplication application;
    application.options_preflight_bypass = test.bypass;
    for (const PolicyPlan& plan : test.policies)
      application.policies.push_back(testing::policy(plan));
    SnapshotBuilder builder;
    builder.add_application(std::move(application), {"app.example"});
    const auto snapshot = builder.finish();
    Evidence evidence;
    evidence.cors_preflight = test.preflight;
    Trace trace;
    const Decision decision =
        evaluate(*snapshot, snapshot->applications()[0], evidence, Instant{}, &trace);
    EXPECT_EQ(to_string(decision.effect), to_string(test.effect)) << test.name;
    EXPECT_EQ(info(decision.reason).code, info(test.reason).code) << test.name;
    if (test.effect == Effect::Bypass) {
      EXPECT_EQ(decision.policy, nullptr) << test.name;
      EXPECT_TRUE(trace.empty()) << test.name;
    }
  }
}

class Sees final : public Matcher {
 public:
  [[nodiscard]] Match match(const Snapshot&, const Evidence&, Instant) const override { return T; }
  [[nodiscard]] std::string describe() const override { return "sees"; }
  [[nodiscard]] Observation observe(const Snapshot&, const Evidence& evidence) const override {
    return {evidence.client_ip.to_string(), from_epoch_seconds(7)};
  }
  [[nodiscard]] std::span<const std::uint32_t> groups() const override { return kGroups; }

 private:
  static constexpr std::uint32_t kGroups[] = {0};
};

TEST(Trace, TellsKindsAndWhatWasSeen) {
  SnapshotBuilder builder;
  CompiledGroup group;
  group.name = "Staff";
  group.rules.include = testing::matchers({T});
  builder.add_group(std::move(group));
  CompiledApplication application;
  CompiledPolicy policy = testing::policy({Action::Allow, {}, {}, {}});
  policy.id = "p1";
  policy.rules.include.push_back(std::make_unique<Sees>());
  application.policies.push_back(std::move(policy));
  builder.add_application(std::move(application), {"app.example"});
  const auto snapshot = builder.finish();
  const model::Session signed_in = testing::session();
  Evidence evidence;
  evidence.session = &signed_in;
  evidence.client_ip = IpAddress::parse("192.0.2.7").value();
  Trace trace;
  static_cast<void>(evaluate(*snapshot, snapshot->applications()[0], evidence, Instant{}, &trace));

  using Kind = TraceEntry::Kind;
  const struct {
    Kind kind;
    int depth;
    std::string_view what;
  } expected[] = {
      {Kind::Policy, 0, "allow"},
      {Kind::List, 1, "include"},
      {Kind::Selector, 2, "sees"},
      {Kind::Group, 3, "group Staff"},
      {Kind::List, 4, "include"},
      {Kind::Selector, 5, "says"},
      {Kind::List, 1, "signed in with an allowed login method"},
  };
  ASSERT_EQ(trace.size(), std::size(expected));
  for (std::size_t i = 0; i < trace.size(); ++i) {
    EXPECT_EQ(trace[i].kind, expected[i].kind) << i;
    EXPECT_EQ(trace[i].depth, expected[i].depth) << i;
    EXPECT_EQ(trace[i].what, expected[i].what) << i;
    EXPECT_EQ(trace[i].match.truth, Truth::True) << i;
    EXPECT_EQ(trace[i].id, i == 0 ? "p1" : "") << i;
    EXPECT_EQ(trace[i].action, i == 0 ? std::optional(Action::Allow) : std::nullopt) << i;
    EXPECT_EQ(trace[i].seen.value, i == 2 ? "192.0.2.7" : "") << i;
    EXPECT_EQ(trace[i].seen.established_at,
              i == 2 ? std::optional(from_epoch_seconds(7)) : std::nullopt)
        << i;
  }
}

TEST(CouldAdmit, AsksWhetherAnAllowPolicyIsNotFalse) {
  struct {
    std::string_view name;
    std::vector<PolicyPlan> policies;
    bool expected;
  } cases[] = {
      {"no policies", {}, false},
      {"True", {{Action::Allow, {T}, {}, {}}}, true},
      {"posture to come", {{Action::Allow, {T}, {kMissing}, {}}}, true},
      {"wrong person", {{Action::Allow, {kIdentity}, {kMissing}, {}}}, false},
      {"wrong person, then right",
       {{Action::Allow, {kIdentity}, {}, {}}, {Action::Allow, {T}, {}, {}}},
       true},
      {"blocked", {{Action::Block, {T}, {}, {}}, {Action::Allow, {T}, {}, {}}}, false},
      {"blocked too late", {{Action::Allow, {T}, {}, {}}, {Action::Block, {T}, {}, {}}}, true},
      {"perhaps blocked",
       {{Action::Block, {kMissing}, {}, {}}, {Action::Allow, {T}, {}, {}}},
       true},
      {"Bypass needs nobody", {{Action::Bypass, {T}, {}, {}}}, false},
      {"Service Auth needs nobody", {{Action::ServiceAuth, {T}, {}, {}}}, false},
  };
  for (const auto& test : cases) {
    const auto snapshot = testing::snapshot(test.policies, {"idp"});
    EXPECT_EQ(could_admit(*snapshot, snapshot->applications()[0], testing::session(), Instant{}),
              test.expected)
        << test.name;
    EXPECT_FALSE(
        could_admit(*snapshot, snapshot->applications()[0], testing::session("other"), Instant{}))
        << test.name;
  }
}

}  // namespace
}  // namespace gatehouse::decision
