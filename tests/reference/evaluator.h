// A naive reading of the decision semantics, over raw JSON, sharing no code with src/decision or
// src/selectors: the two must agree on everything.
#pragma once

#include <array>
#include <boost/json.hpp>
#include <cstdint>
#include <map>
#include <ostream>
#include <string>

namespace reference {

struct Answer {
  std::string effect;     // allow, bypass, deny, challenge
  std::string reason;     // code
  std::string challenge;  // none, sign_in, posture, purpose
  std::string policy;     // name of the one that decided, or empty
  bool operator==(const Answer&) const = default;
};

inline void PrintTo(const Answer& answer, std::ostream* out) {
  *out << answer.effect << " " << answer.reason << " (" << answer.challenge << ") `"
       << answer.policy << "`";
}

// How often a selector of a kind came out with a reason (empty: it holds): `ip network_...`.
using Coverage = std::map<std::string, std::uint64_t>;

// `world`: {"allowed_idps", "options_preflight_bypass", "policies", "groups": {name: rules},
// "posture_rules": {name: rule}, "service_tokens": {name: {"enabled", "expires_at"}}, "lists":
// {name: [text]}}. `request`: {"now", "ip", "country", "preflight", "certificate": "none",
// "invalid", "unknown" or {"common_name"}, "session" or null, "service_token" or null}.
[[nodiscard]] Answer evaluate(const boost::json::object& world, const boost::json::object& request,
                              Coverage* coverage = nullptr);

}  // namespace reference
