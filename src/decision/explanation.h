// Why a decision is as it is: everything that evaluate() looked at, for people and for programs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "decision/engine.h"

namespace gatehouse::decision {

// One fact that the decision was asked with.
struct ExplainedInput {
  std::string name;                       // `client address`
  std::string value;                      // `192.0.2.7`, `nobody signed in`
  std::optional<Instant> established_at;  // of evidence that ages
};

struct ExplainedPolicy {
  std::string id;
  std::string name;
  model::Action action = model::Action::Block;
};

// Values only: outlives the snapshot it was made from.
struct Explanation {
  Instant at{};
  std::string application_id;
  std::string application_name;
  std::string application_hostname;
  Effect effect = Effect::Deny;
  Reason reason = Reason::InternalError;
  Challenge challenge = Challenge::None;
  std::optional<ExplainedPolicy> decided_by;  // nothing: no policy applied
  std::vector<ExplainedInput> inputs;
  Trace trace;  // of the policies that were asked, in order
  std::vector<ExplainedPolicy> not_asked;
};

// evaluate() with its trace. Pure, thread-safe.
[[nodiscard]] Explanation explain(const Snapshot& snapshot, const CompiledApplication& application,
                                  const Evidence& evidence, Instant now);

// {"at", "application": {"id", "name", "hostname"}, "effect", "reason", "challenge", "policy": null
// or {"id", "name", "action"}, "told": {"title", "advice", "remedy"}, "inputs": [{"name", "value",
// "established_at"?, "age_seconds"?}], "policies": [{"kind": "policy", "id", "name", "action",
// "asked", "decided", "outcome"?, "reason"?, "parts"?}]}. A part is {"kind": list, selector or
// group, "name", "outcome", "reason", "saw"?, "established_at"?, "age_seconds"?, "parts"?}; an
// outcome is `true`, `false` or `unknown`.
[[nodiscard]] json::object to_json(const Explanation& explanation);
// The same as an indented tree. What would control a terminal is replaced.
[[nodiscard]] std::string to_text(const Explanation& explanation);

}  // namespace gatehouse::decision
