// What is checked and made of resources before anything is stored or published.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "controlplane/context.h"
#include "policy/authored.h"
#include "policy/documents.h"

namespace gatehouse::controlplane {

struct Candidate {
  std::shared_ptr<const Configuration> configuration;
  // For the node state: one of them. The change chains on to the configuration that was in force.
  std::optional<json::object> snapshot_document;
  std::optional<json::object> snapshot_change;
};
// Profiles of device providers, identity providers and the compiled snapshot. `in_force` (may be
// null): what stays the same is shared with it; with `whole` the snapshot is made anew all the
// same.
enum class Extent : std::uint8_t { Changes, Whole };
[[nodiscard]] std::expected<Candidate, std::vector<policy::Problem>> make_candidate(
    const Context& context, std::shared_ptr<const model::Resources> resources,
    std::shared_ptr<const policy::Documents> documents, std::uint64_t sequence,
    const std::shared_ptr<const Configuration>& in_force, Extent extent);

// The whole snapshot of a configuration, as node states have it.
[[nodiscard]] json::object snapshot_document_of(const Context& context,
                                                const Configuration& configuration);

// Whether nginx serves other hosts, or leads them elsewhere.
[[nodiscard]] bool routing_differs(const model::Resources& before, const model::Resources& after);

// What must be done so that the documents are those of the file. Their bodies hold the secrets that
// the file gives.
struct FilePlan {
  std::vector<Edit> edits;
  std::vector<PlannedChange> changes;  // of each edit
  json::object document;               // the whole authored form afterwards, with secrets
};
[[nodiscard]] FilePlan plan_file(const model::Resources& file, const Configuration* in_force,
                                 bool prune);

}  // namespace gatehouse::controlplane
