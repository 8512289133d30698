// What a decision rested on and how old it was, for the decision logs. Pure.
#pragma once

#include "base/json.h"
#include "base/time.h"
#include "enforcement/point.h"

namespace gatehouse::enforcement {

// {"identity": seconds, "posture/<integration id>": seconds, "evaluation/<key>": seconds,
// "service_token": id}: what the request had of it.
[[nodiscard]] json::object evidence_ages(const EnforcementPoint::Outcome& outcome, Instant now);

}  // namespace gatehouse::enforcement
