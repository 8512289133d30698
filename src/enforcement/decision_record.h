// What the decision logs have of a decision, the same inside nginx and for other proxies. Pure.
#pragma once

#include <cstdint>

#include "base/json.h"
#include "base/time.h"
#include "enforcement/point.h"

namespace gatehouse::enforcement {

// Which decisions are recorded: every denial and bypass, and one of so many allowances. One thread.
class DecisionSample {
 public:
  explicit DecisionSample(std::uint32_t one_in) : one_in_(one_in) {}  // 0: no allowance
  [[nodiscard]] bool takes(decision::Effect effect);

 private:
  std::uint32_t one_in_;
  std::uint32_t allowed_ = 0;  // since the last one that was taken
};

// What it rested on and how old that was: {"user": id, "session": nonce, "identity": seconds,
// "posture/<integration id>": seconds, "evaluation/<key>": seconds, "service_token": id}: what the
// request had of it; of a denial also {"signals": {"<integration id>": {...}}}, as devices said
// them.
[[nodiscard]] json::object evidence_ages(const EnforcementPoint::Outcome& outcome, Instant now);

}  // namespace gatehouse::enforcement
