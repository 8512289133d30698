// What the whole snapshot document and a change of it have in common: the sections that no change
// touches, what decisions need, and how what was read is compiled. Internal to this folder. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "decision/snapshot.h"
#include "model/resources.h"
#include "policy/object_reader.h"
#include "policy/resource_reader.h"

namespace gatehouse::policy {

// What no change can have: certificates, pages, the auth domain.
[[nodiscard]] json::object write_foundation(const model::Resources& resources);
// What a change can have of it: `name`, `node_state_max_age`, `login_design`.
[[nodiscard]] json::object write_organization(const model::Organization& organization);

// `format`, which must be ours; of another one nothing else can be said.
void read_format(ObjectReader& reader);
// A whole number under `key`.
[[nodiscard]] std::uint64_t read_sequence(ObjectReader& reader, std::string_view key);
void read_published_at(ObjectReader& reader);

// Of the integration that brings evidence for it; empty: nothing does.
[[nodiscard]] std::string integration_of(const model::PostureRule& rule);
// What the rules of each of all groups need, those of the groups in them included.
[[nodiscard]] std::vector<decision::Needs> needs_of_groups(const model::Resources& resources);

[[nodiscard]] decision::CompiledList compile_list(const model::List& list);
// Adds the login methods, posture rules, groups, service tokens and applications, each in the place
// of the one with its id, if it may have that (SnapshotBuilder). INVARIANT: their rules were
// compiled with the places that posture rules and groups get here, one after the other.
void add_to_snapshot(ReadSections sections, decision::SnapshotBuilder& builder);

}  // namespace gatehouse::policy
