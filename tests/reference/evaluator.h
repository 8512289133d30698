// A naive reading of the decision semantics, over raw JSON, sharing no code with src/decision or
// src/selectors: the two must agree on everything.
#pragma once

#include <boost/json.hpp>
#include <ostream>
#include <string>

namespace reference {

struct Answer {
  std::string effect;     // allow, bypass, deny, challenge
  std::string reason;     // code
  std::string challenge;  // none, sign_in, posture
  std::string policy;     // name of the one that decided, or empty
  bool operator==(const Answer&) const = default;
};

inline void PrintTo(const Answer& answer, std::ostream* out) {
  *out << answer.effect << " " << answer.reason << " (" << answer.challenge << ") `"
       << answer.policy << "`";
}

// `world`: {"allowed_idps", "policies", "groups": {name: rules}, "posture_rules": {name: rule},
// "service_tokens": {name: {"enabled", "expires_at"}}}. `request`: {"now", "ip", "session" or null,
// "service_token" or null}.
[[nodiscard]] Answer evaluate(const boost::json::object& world, const boost::json::object& request);

}  // namespace reference
