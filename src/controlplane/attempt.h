// What this browser has begun with a login method and not finished, sealed in one short-lived
// cookie: so that a person who never comes back from a provider's own page is told so instead of
// being sent there again, and nobody is sent in circles. Nothing is stored.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/time.h"
#include "controlplane/context.h"

namespace gatehouse::controlplane {

inline constexpr std::chrono::seconds kAttemptLifetime{600};
// Sooner, it is another tab and not another attempt.
inline constexpr std::chrono::seconds kAttemptUnanswered{15};
inline constexpr std::chrono::seconds kAttemptWindow{60};
// More than the tabs of one application that somebody opens at once.
inline constexpr int kMaxStartsPerWindow = 12;

struct Attempt {
  std::string method;    // started last and not returned from; empty: none
  Instant started_at{};  // of it
  Instant window{};      // `starts` are counted since
  int starts = 0;
};

// Of Browser::attempt; one that is absent, too old, or of another browser is an empty one.
[[nodiscard]] Attempt open_attempt(const Context& context, const Browser& browser);
[[nodiscard]] std::string seal_attempt(const Context& context, const Browser& browser,
                                       const Attempt& attempt);

[[nodiscard]] Attempt after_start(Attempt attempt, std::string_view method, Instant now);
// The cookie after a return from any provider.
[[nodiscard]] std::string attempt_after_return(const Context& context, const Browser& browser);
[[nodiscard]] bool never_came_back(const Attempt& attempt, std::string_view method, Instant now);
[[nodiscard]] bool goes_in_circles(const Attempt& attempt, Instant now);

}  // namespace gatehouse::controlplane
