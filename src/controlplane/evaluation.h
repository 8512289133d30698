// External evaluators: another service says yes or no about somebody who has signed in. Asked by
// the control plane, kept on the session as evidence with an age, never waited for inside the
// proxy. Thread-safe; blocks on the evaluator. docs/reference/external-evaluation.md.
#pragma once

#include <chrono>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "controlplane/evaluation_answer.h"
#include "controlplane/journey.h"
#include "decision/reason.h"
#include "model/identity.h"

namespace gatehouse::controlplane {

inline constexpr std::chrono::milliseconds kEvaluationTimeout{5'000};  // for one evaluator, in all
inline constexpr std::size_t kMaxEvaluatorKeysBytes = 256 * 1024;
// One that said no is asked again when the person tries again, but not more often than this.
inline constexpr std::chrono::seconds kEvaluationRetryInterval{5};

// Whether asking the evaluators is what the decision waits for.
[[nodiscard]] bool awaits_evaluation(decision::Reason reason);
// Whether the evaluator is to be asked about this session: never asked, the answer is older than
// half of its maximum age, or it was no.
[[nodiscard]] bool is_due(const model::Session& session, const decision::Evaluator& evaluator,
                          Instant now);

// Asks the application's evaluators that are due and keeps what they say; an evaluator that gives
// no usable answer leaves the earlier one alone. The session as it is then; nullopt: it has ended
// meanwhile.
[[nodiscard]] std::expected<std::optional<model::Session>, Failure> ask_evaluators(
    Context& context, const Browser& browser, const Journey& journey, model::Session session);

}  // namespace gatehouse::controlplane
