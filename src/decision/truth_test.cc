#include "decision/truth.h"

#include <gtest/gtest.h>

#include "decision/rules.h"

namespace gatehouse::decision {
namespace {

constexpr Truth F = Truth::False;
constexpr Truth I = Truth::Indeterminate;
constexpr Truth T = Truth::True;
constexpr Truth kAll[] = {F, I, T};

TEST(Kleene, And) {
  constexpr Truth kTable[3][3] = {{F, F, F}, {F, I, I}, {F, I, T}};
  for (int a = 0; a < 3; ++a)
    for (int b = 0; b < 3; ++b) EXPECT_EQ(kleene_and(kAll[a], kAll[b]), kTable[a][b]);
}

TEST(Kleene, Or) {
  constexpr Truth kTable[3][3] = {{F, I, T}, {I, I, T}, {T, T, T}};
  for (int a = 0; a < 3; ++a)
    for (int b = 0; b < 3; ++b) EXPECT_EQ(kleene_or(kAll[a], kAll[b]), kTable[a][b]);
}

TEST(Kleene, NotKeepsIndeterminate) {
  EXPECT_EQ(kleene_not(F), T);
  EXPECT_EQ(kleene_not(I), I);
  EXPECT_EQ(kleene_not(T), F);
}

void expect_match(Match found, Match expected) {
  EXPECT_EQ(found.truth, expected.truth);
  EXPECT_EQ(info(found.reason).code, info(expected.reason).code);
}

TEST(Obstacle, OrKeepsTheEasiest) {
  const Match identity{F, Reason::IdentityNotPermitted};
  const Match network{F, Reason::NetworkNotPermitted};
  const Match stale{I, Reason::PostureStale};
  expect_match(match_or(identity, network), identity);
  expect_match(match_or(network, identity), identity);
  expect_match(match_or(identity, stale), stale);
  expect_match(match_or(identity, kTrue), kTrue);
  expect_match(match_or(kTrue, stale), kTrue);
  // The truth and the obstacle may come from different members.
  expect_match(match_or({F, Reason::PostureNotManaged}, {I, Reason::NotSignedIn}),
               {I, Reason::PostureNotManaged});
}

TEST(Obstacle, AndKeepsTheHardest) {
  const Match identity{F, Reason::IdentityNotPermitted};
  const Match stale{I, Reason::PostureStale};
  const Match anonymous{I, Reason::NotSignedIn};
  expect_match(match_and(identity, stale), identity);
  expect_match(match_and(stale, anonymous), anonymous);
  expect_match(match_and(stale, kTrue), stale);
  expect_match(match_and(kTrue, kTrue), kTrue);
  expect_match(match_and({F, Reason::PostureNotManaged}, anonymous), {F, Reason::NotSignedIn});
}

TEST(Obstacle, NotNamesTheExclusion) {
  expect_match(match_not(kTrue, Reason::NetworkNotPermitted), {F, Reason::NetworkNotPermitted});
  expect_match(match_not({I, Reason::PostureStale}, Reason::NoPolicyMatched),
               {I, Reason::PostureStale});
  expect_match(match_not({F, Reason::IdentityNotPermitted}, Reason::NoPolicyMatched), kTrue);
}

}  // namespace
}  // namespace gatehouse::decision
