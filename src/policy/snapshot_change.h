// What changed between two configurations, so that a worker need not compile thousands of
// applications for one that was edited: docs/reference/node-state.md. Pure.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <vector>

#include "base/json.h"
#include "decision/snapshot.h"
#include "model/resources.h"
#include "policy/authored.h"
#include "policy/snapshot_document.h"

namespace gatehouse::policy {

// More elements than this are not compared: the whole snapshot costs no more.
inline constexpr std::size_t kMaxChangedElements = 1000;

// The document that leads from the snapshot of `before`, which has `before_sequence`, to that of
// `after`, which is to have `context.sequence`, a later one. nullopt when something has changed
// that all snapshots built upon one another share (auth domain, pages, certificates, which lists
// there are), or very many applications: then the whole snapshot is published. Applications that
// both configurations share (model/shared_list.h) cost a pointer each. Those that name a changed
// group or posture rule are in the change only when decisions on them need something else now, an
// integration, an evaluator or the country. INVARIANT: the issuer and keys of `context` are those
// that `before` was published with; the caller who has others publishes the whole snapshot.
[[nodiscard]] std::optional<json::object> make_snapshot_change(const model::Resources& before,
                                                               const model::Resources& after,
                                                               std::uint64_t before_sequence,
                                                               const PublicationContext& context);

// Compiles it upon `before`, with which the result shares what has not changed. Everything unknown,
// or another sequence than it was made for, is a problem.
[[nodiscard]] std::expected<std::shared_ptr<const decision::Snapshot>, std::vector<Problem>>
apply_snapshot_change(const decision::Snapshot& before, const json::value& change,
                      decision::SelectorRegistry selectors);

}  // namespace gatehouse::policy
