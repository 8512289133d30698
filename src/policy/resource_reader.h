// Reads the sections that the authored form and the snapshot document have in common, checks them
// and compiles their rules. The two public readers of this folder are thin layers over it. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "decision/snapshot.h"
#include "model/resources.h"
#include "policy/object_reader.h"

namespace gatehouse::policy {

enum class Form : std::uint8_t {
  Authored,  // everything an administrator writes
  Snapshot,  // what nginx workers need: no secrets, providers by name only, no ingress
};

struct ReadSections {
  model::Resources resources;
  std::string issuer;                           // Form::Snapshot only
  std::vector<decision::CompiledRules> groups;  // of resources.groups
  // Of each application's policies; Form::Snapshot only.
  std::vector<std::vector<decision::CompiledRules>> policies;
};

// The result is meaningful only when no problem was added. Other top-level keys than section_keys
// are left to the caller.
[[nodiscard]] ReadSections read_sections(const json::object& document, Form form,
                                         decision::SelectorRegistry selectors, Problems& problems);

// The top-level keys that read_sections reads in this form.
[[nodiscard]] std::span<const std::string_view> section_keys(Form form);

}  // namespace gatehouse::policy
