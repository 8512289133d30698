// The policy engine (NIST SP 800-207): one pure function that every way of asking calls.
// Source: DESIGN 3; order of policies: facts/cloudflare-access-api.md 4.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"
#include "decision/matcher.h"
#include "decision/snapshot.h"

namespace gatehouse::decision {

enum class Effect : std::uint8_t { Allow, Bypass, Deny, Challenge };
[[nodiscard]] std::string_view to_string(Effect effect);

// What the person must do before the answer can change, with Effect::Challenge.
enum class Challenge : std::uint8_t { None, SignIn, Posture, Purpose };
[[nodiscard]] std::string_view to_string(Challenge challenge);
// What a refusal for `reason` asks for; None is a plain denial.
[[nodiscard]] Challenge challenge_for(Reason reason);

struct Decision {
  Effect effect = Effect::Deny;
  Reason reason = Reason::InternalError;  // None for Allow and Bypass
  Challenge challenge = Challenge::None;
  // That decided: allowed, bypassed, or ended the walk as Block. Borrowed from the snapshot.
  const CompiledPolicy* policy = nullptr;
};

struct TraceEntry {
  enum class Kind : std::uint8_t { Policy, List, Selector, Group };
  Kind kind = Kind::Policy;
  int depth = 0;     // 0 policy, 1 list (include, require, exclude), 2 selector, 3.. groups
  std::string what{};  // policy name, list name, Matcher::describe()
  Match match{};       // of the list `exclude`: after the negation
  Observation seen{};  // of a selector
  // Of a policy.
  std::string id{};
  std::optional<model::Action> action{};
};
using Trace = std::vector<TraceEntry>;

// Whether `evidence` may use `application` at `now`.
//   Bypass and Service Auth policies first, then Allow and Block in order; the first that applies
//   ends; the default is deny. Allow, Bypass and Service Auth apply when True; Block unless False.
//   Allow demands a signed-in person whose login method the application permits, and, where the
//   policy says so, a purpose stated for this application: else Challenge(Purpose) ends the walk.
//   The purpose is an obligation of the policy that applies first: whoever lacks the evidence for
//   that policy may be let in by a later one without it.
//   A CORS preflight is bypassed, before all policies, where the application says so.
//   A policy is OR(include) AND AND(require) AND NOT OR(exclude), in Kleene's logic (rules.h).
//   The reason of a refusal is the easiest obstacle among the policies that were asked; those of
//   Bypass policies do not count. A Block policy's is BlockedByPolicy, or why it cannot be decided.
// `evidence` holds live records only: expiry and revocation of sessions are the caller's to check.
// Pure, thread-safe, noexcept: anything unexpected is Deny(InternalError).
// `trace`, when given, receives every step in order.
[[nodiscard]] Decision evaluate(const Snapshot& snapshot, const CompiledApplication& application,
                                const Evidence& evidence, Instant now,
                                Trace* trace = nullptr) noexcept;

// Whether someone of this identity could be let in with the right device, network and time:
// some Allow policy is not False when everything but identity is unknown, and no Block policy
// before it is True. Answers the one-time PIN's question "is it worth sending mail"; never an
// authorization.
[[nodiscard]] bool could_admit(const Snapshot& snapshot, const CompiledApplication& application,
                               const model::Session& identity_only, Instant now) noexcept;

}  // namespace gatehouse::decision
