// What must hold for every policy set, tried on random ones.
#include <gtest/gtest.h>

#include <random>

#include "decision/test_support.h"

namespace gatehouse::decision {
namespace {

using model::Action;
using testing::PolicyPlan;

constexpr int kRounds = 5'000;

class Random {
 public:
  std::size_t below(std::size_t limit) { return engine_() % limit; }

  Match match() {
    constexpr Reason kFalse[] = {Reason::IdentityNotPermitted, Reason::NetworkNotPermitted,
                                 Reason::PostureNotManaged};
    switch (below(4)) {
      case 0:
        return {Truth::False, kFalse[below(std::size(kFalse))]};
      case 1:
        return undecided();
      default:
        return kTrue;
    }
  }
  Match undecided() {
    constexpr Reason kReasons[] = {Reason::PostureMissing, Reason::PostureStale,
                                   Reason::NotSignedIn};
    return {Truth::Indeterminate, kReasons[below(std::size(kReasons))]};
  }
  std::vector<Match> matches(std::size_t most) {
    std::vector<Match> list(below(most + 1));
    for (Match& one : list) one = match();
    return list;
  }
  PolicyPlan policy(Action action) { return {action, matches(3), matches(2), matches(2)}; }
  std::vector<PolicyPlan> policies() {
    constexpr Action kActions[] = {Action::Allow, Action::Allow, Action::Block, Action::Bypass,
                                   Action::ServiceAuth};
    std::vector<PolicyPlan> list;
    for (auto count = below(4); count > 0; --count)
      list.push_back(policy(kActions[below(std::size(kActions))]));
    return list;
  }

 private:
  std::mt19937_64 engine_{20260102};
};

Decision decide(const std::vector<PolicyPlan>& policies, bool signed_in, Trace* trace = nullptr) {
  const auto snapshot = testing::snapshot(policies);
  const model::Session session = testing::session();
  Evidence evidence;
  if (signed_in) evidence.session = &session;
  Decision decision = evaluate(*snapshot, snapshot->applications()[0], evidence, Instant{}, trace);
  decision.policy = nullptr;  // of the snapshot that ends here
  return decision;
}

bool passes(const Decision& decision) {
  return decision.effect == Effect::Allow || decision.effect == Effect::Bypass;
}

TEST(Property, AddingABlockNeverAllowsMore) {
  Random random;
  for (int round = 0; round < kRounds; ++round) {
    auto policies = random.policies();
    const bool before = passes(decide(policies, true));
    const auto place = static_cast<std::ptrdiff_t>(random.below(policies.size() + 1));
    policies.insert(policies.begin() + place, random.policy(Action::Block));
    ASSERT_LE(passes(decide(policies, true)), before);
  }
}

TEST(Property, RemovingEvidenceNeverAllowsMore) {
  Random random;
  for (int round = 0; round < kRounds; ++round) {
    auto policies = random.policies();
    const bool before = passes(decide(policies, true));
    for (PolicyPlan& policy : policies)
      for (auto* list : {&policy.include, &policy.require, &policy.exclude})
        for (Match& match : *list)
          if (random.below(3) == 0) match = random.undecided();
    ASSERT_LE(passes(decide(policies, true)), before);
    ASSERT_LE(passes(decide(policies, false)), before);
  }
}

TEST(Property, RequiringOrExcludingMoreNeverAllowsMore) {
  Random random;
  for (int round = 0; round < kRounds; ++round) {
    auto policies = random.policies();
    const bool before = passes(decide(policies, true));
    for (PolicyPlan& policy : policies) {
      if (policy.action == Action::Block) continue;
      (random.below(2) == 0 ? policy.require : policy.exclude).push_back(random.match());
    }
    ASSERT_LE(passes(decide(policies, true)), before);
  }
}

TEST(Property, OrderWithinAListAndTracingChangeNothing) {
  Random random;
  std::mt19937 shuffler(7);
  for (int round = 0; round < kRounds; ++round) {
    auto policies = random.policies();
    const Decision before = decide(policies, true);
    for (PolicyPlan& policy : policies)
      for (auto* list : {&policy.include, &policy.require, &policy.exclude})
        std::ranges::shuffle(*list, shuffler);
    Trace trace;
    for (Trace* traced : {static_cast<Trace*>(nullptr), &trace}) {
      const Decision after = decide(policies, true, traced);
      ASSERT_EQ(after.effect, before.effect);
      ASSERT_EQ(after.reason, before.reason);
    }
  }
}

TEST(Property, ARefusalAlwaysHasAReason) {
  Random random;
  for (int round = 0; round < kRounds; ++round) {
    const Decision decision = decide(random.policies(), random.below(2) == 0);
    ASSERT_EQ(decision.reason == Reason::None, passes(decision));
    ASSERT_EQ(decision.effect == Effect::Challenge, decision.challenge != Challenge::None);
  }
}

}  // namespace
}  // namespace gatehouse::decision
