// What the whole snapshot document and a change of it have in common: the sections that no change
// touches, and the compilers of single elements. Internal to this folder. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "base/json.h"
#include "decision/snapshot.h"
#include "model/resources.h"
#include "policy/object_reader.h"

namespace gatehouse::policy {

// All of a snapshot document but its envelope, the keys, the issuer, and the sections that a change
// can have: lists, service tokens and applications.
[[nodiscard]] json::object write_foundation(const model::Resources& resources);

// `format`, which must be ours; of another one nothing else can be said.
void read_format(ObjectReader& reader);
// A whole number under `key`.
[[nodiscard]] std::uint64_t read_sequence(ObjectReader& reader, std::string_view key);
void read_published_at(ObjectReader& reader);

[[nodiscard]] decision::CompiledList compile_list(const model::List& list);
[[nodiscard]] decision::CompiledServiceToken compile_service_token(
    const model::ServiceToken& token);
// What the rules of each group need, those of the groups in them included. The posture rules that
// they look at are in `known`.
[[nodiscard]] std::vector<decision::Needs> needs_of_groups(const std::vector<model::Group>& groups,
                                                           const decision::Snapshot& known);
// `rules` are those of its policies. The groups, posture rules and pages that it names are in
// `known`.
[[nodiscard]] decision::CompiledApplication compile_application(
    const model::Application& application, std::vector<decision::CompiledRules> rules,
    const decision::Snapshot& known);

}  // namespace gatehouse::policy
