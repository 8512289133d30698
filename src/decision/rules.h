// How matches combine: Kleene's logic for the truth, and one obstacle out of several. Pure.
//   OR   of obstacles: one of them has to go, so the easiest counts
//   AND  of obstacles: all of them have to go, so the hardest counts
//   NOT  of True: the excluded selector's reason; of Indeterminate: still undecided, same reason
// The order of members never changes the outcome.
#pragma once

#include "decision/matcher.h"
#include "decision/snapshot.h"

namespace gatehouse::decision {

[[nodiscard]] constexpr Match match_or(Match a, Match b) {
  const Truth truth = kleene_or(a.truth, b.truth);
  return truth == Truth::True ? kTrue : Match{truth, easier(a.reason, b.reason)};
}

// The reason of True is None, the easiest of all.
[[nodiscard]] constexpr Match match_and(Match a, Match b) {
  return {kleene_and(a.truth, b.truth), harder(a.reason, b.reason)};
}

[[nodiscard]] constexpr Match match_not(Match a, Reason when_true) {
  if (a.truth == Truth::False) return kTrue;
  return {kleene_not(a.truth), a.truth == Truth::True ? when_true : a.reason};
}

// OR(include) AND AND(require) AND NOT OR(exclude). Nothing included: False(NoPolicyMatched);
// nothing required or excluded: True. Of several excluded selectors that hold the hardest reason
// counts.
[[nodiscard]] Match match_rules(const CompiledRules& rules, const Snapshot& snapshot,
                                const Evidence& evidence, Instant now);

}  // namespace gatehouse::decision
