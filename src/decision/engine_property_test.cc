// What must hold for every policy set, tried on random ones.
#include <gtest/gtest.h>

#include <algorithm>
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

// Order matters between Allow and Block only: Allow policies that no Block stands between may
// change places, and so may Block policies without an Allow between them.
TEST(Property, OrderOnlyMattersBetweenAllowAndBlock) {
  Random random;
  std::mt19937 shuffler(11);
  const auto ordered = [](const PolicyPlan& policy) {
    return policy.action == Action::Allow || policy.action == Action::Block;
  };
  for (int round = 0; round < kRounds; ++round) {
    std::vector<PolicyPlan> policies;
    for (auto count = random.below(7); count > 0; --count) {
      constexpr Action kActions[] = {Action::Allow, Action::Block, Action::Bypass,
                                     Action::ServiceAuth};
      policies.push_back(random.policy(kActions[random.below(std::size(kActions))]));
    }
    const bool signed_in = random.below(4) != 0;
    const bool before = passes(decide(policies, signed_in));
    // Bypass and Service Auth come first, wherever they stand.
    std::ranges::stable_partition(policies, [&](const auto& policy) { return !ordered(policy); });
    for (auto run = policies.begin(); run != policies.end();) {
      const auto end = std::find_if(run, policies.end(), [&](const PolicyPlan& policy) {
        return ordered(policy) != ordered(*run) ||
               (ordered(policy) && policy.action != run->action);
      });
      std::shuffle(run, end, shuffler);
      run = end;
    }
    ASSERT_EQ(passes(decide(policies, signed_in)), before);
  }
}

TEST(Property, AskingForAPurposeNeverAllowsMore) {
  Random random;
  for (int round = 0; round < kRounds; ++round) {
    const auto policies = random.policies();
    const Decision before = decide(policies, true);
    const auto snapshot = testing::snapshot(policies, {}, testing::Purpose::Asked);
    const model::Session session = testing::session();
    Evidence evidence;
    evidence.session = &session;
    const Decision asked = evaluate(*snapshot, snapshot->applications()[0], evidence, Instant{});
    if (passes(asked)) {
      ASSERT_TRUE(passes(before));
      ASSERT_NE(asked.policy != nullptr ? asked.policy->action : Action::Bypass, Action::Allow);
    } else if (asked.reason == Reason::PurposeRequired) {
      ASSERT_EQ(before.effect, Effect::Allow);
    } else {
      ASSERT_EQ(asked.reason, before.reason);
    }
  }
}

// Evidence of any kind that matchers do not look at: still a decision, never an exception.
TEST(Property, NeverThrows) {
  Random random;
  std::mt19937_64 bytes(5);
  const auto text = [&] {
    std::string made(random.below(60), '\0');
    for (char& c : made) c = static_cast<char>(bytes());
    return made;
  };
  for (int round = 0; round < kRounds; ++round) {
    const auto snapshot = testing::snapshot(
        random.policies(), {text(), "idp"},
        random.below(2) == 0 ? testing::Purpose::Asked : testing::Purpose::NotAsked);
    model::Session session = testing::session(random.below(2) == 0 ? "idp" : text());
    session.identity.email = text();
    session.purposes.push_back({text(), text(), Instant::max()});
    const std::string country = text();
    Evidence evidence;
    if (random.below(4) != 0) evidence.session = &session;
    evidence.country = country;
    evidence.canonical_email = country;
    evidence.cors_preflight = random.below(2) == 0;
    evidence.identity_only = random.below(2) == 0;
    Trace trace;
    for (const Instant now : {Instant::min(), Instant{}, Instant::max()}) {
      const Decision decision =
          evaluate(*snapshot, snapshot->applications()[0], evidence, now, &trace);
      ASSERT_NE(decision.reason, Reason::InternalError);
      ASSERT_EQ(decision.reason == Reason::None, passes(decision));
      static_cast<void>(could_admit(*snapshot, snapshot->applications()[0], session, now));
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
