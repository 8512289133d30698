// The snapshot as nginx workers read it from the node state: docs/reference/node-state.md.
// Nothing in it is secret. Pure.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "decision/snapshot.h"
#include "model/resources.h"
#include "policy/authored.h"

namespace gatehouse::policy {

inline constexpr std::int64_t kSnapshotFormat = 2;

struct PublicationContext {
  std::uint64_t sequence = 0;  // of the durable store: grows with every change
  Instant published_at{};
  std::string issuer;  // https://auth_domain[:port]
  json::array jwks;    // public signing keys, current first
};

[[nodiscard]] json::object make_snapshot_document(const model::Resources& resources,
                                                  const PublicationContext& context);

// Compiles a snapshot document. Everything unknown (format, selector, reference) is a problem:
// a worker that cannot compile keeps refusing rather than guess.
[[nodiscard]] std::expected<std::shared_ptr<const decision::Snapshot>, std::vector<Problem>>
compile_snapshot(const json::value& document, decision::SelectorRegistry selectors);

}  // namespace gatehouse::policy
