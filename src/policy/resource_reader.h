// Reads the sections that the authored form and the snapshot document have in common, checks them
// and compiles their rules. The two public readers of this folder are thin layers over it. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "decision/snapshot.h"
#include "model/resources.h"
#include "policy/form.h"
#include "policy/object_reader.h"

namespace gatehouse::policy {

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
                                         decision::SelectorRegistry selectors, Problems& problems,
                                         Secrets secrets = Secrets::Omit);

// What a selector names.
enum class Reference : std::uint8_t {
  Group,
  PostureRule,
  LoginMethod,
  ServiceToken,
  EmailList,
  IpList
};
struct ReferenceField {
  std::string_view kind;  // of selector; empty: every kind
  std::string_view field;
  Reference reference;
};
// Where selectors name other resources.
[[nodiscard]] std::span<const ReferenceField> reference_fields();

// `rest`, which is sound, and behind what it has the members of the authored sections of a document
// but for `ingress`; its `organization` takes the place of the one in `rest`, whose auth domain it
// keeps. The applications may not clash (id, name, `aud`, domains) with `known_applications`, which
// are indexes into those of `rest`; whether they do with others is left to the caller, as is
// whether something in `rest` still is as it should be: a problem with that may go unnoticed, or
// lead to a section.
[[nodiscard]] ReadSections read_additions(model::Resources rest,
                                          std::span<const std::size_t> known_applications,
                                          const json::object& document,
                                          decision::SelectorRegistry selectors, Problems& problems);

// What stands around a change of a snapshot, where everything is named by its id. Borrowed.
struct Surroundings {
  const decision::CompileContext& references;
  std::string_view auth_domain;
  std::function<std::optional<model::CustomPageType>(std::string_view id)> page_type;
};
// Reads `identity_providers`, `device_posture_rules`, `lists`, `service_tokens`, `groups` and
// `applications` of a change, in Form::Snapshot. Of what they name only service tokens are looked
// for in the change itself; the rest is asked of the surroundings.
[[nodiscard]] ReadSections read_change_sections(const json::object& document,
                                                const Surroundings& surroundings,
                                                decision::SelectorRegistry selectors,
                                                Problems& problems);

// The top-level keys that read_sections reads in this form.
[[nodiscard]] std::span<const std::string_view> section_keys(Form form);

}  // namespace gatehouse::policy
