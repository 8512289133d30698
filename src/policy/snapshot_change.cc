#include "policy/snapshot_change.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/encoding.h"
#include "base/time.h"
#include "model/limits.h"
#include "model/login_design.h"
#include "policy/resource_reader.h"
#include "policy/resource_writer.h"
#include "policy/snapshot_parts.h"

namespace gatehouse::policy {
namespace {

using namespace std::chrono_literals;
using Applications = model::SharedList<model::Application>;

constexpr std::string_view kProviders = "identity_providers";
constexpr std::string_view kPostureRules = "device_posture_rules";
constexpr std::string_view kGroups = "groups";

// What became of the elements of one section.
struct Difference {
  json::array changed;  // or new; whole
  json::array removed;  // ids
};

json::value write_one(const Applications::Pointer& application) {
  Applications one;
  one.push_back(application);
  json::array written = write_applications(one, ReusablePolicies::Expanded);
  return std::move(written.front());
}

// The ids of groups and posture rules of which decisions need something else than before: what
// names them is compiled anew.
struct OtherNeeds {
  std::unordered_set<std::string_view> groups;
  std::unordered_set<std::string_view> posture_rules;

  [[nodiscard]] bool empty() const { return groups.empty() && posture_rules.empty(); }
  template <typename Owner>
  [[nodiscard]] bool are_in(const Owner& owner) const {
    for (const auto* list : {&owner.include, &owner.exclude, &owner.require}) {
      for (const model::Selector& selector : *list) {
        const bool is_group = selector.kind == "group";
        if (!is_group && selector.kind != "device_posture") continue;
        const auto id = json::find_string(selector.value, is_group ? "id" : "integration_uid");
        if (id && (is_group ? groups : posture_rules).contains(*id)) return true;
      }
    }
    return false;
  }
  [[nodiscard]] bool are_in(const model::Application& application) const {
    return std::any_of(application.policies.begin(), application.policies.end(),
                       [&](const model::Policy& policy) { return are_in(policy); });
  }
};

OtherNeeds compare_needs(const model::Resources& before, const model::Resources& after) {
  OtherNeeds other;
  std::unordered_map<std::string_view, std::string> integrations;
  for (const model::PostureRule& rule : before.posture_rules) {
    integrations.emplace(rule.id, integration_of(rule));
  }
  for (const model::PostureRule& rule : after.posture_rules) {
    const auto known = integrations.find(rule.id);
    if (known != integrations.end() && known->second != integration_of(rule)) {
      other.posture_rules.insert(rule.id);
    }
  }
  const std::vector<decision::Needs> needs_before = needs_of_groups(before);
  const std::vector<decision::Needs> needs_after = needs_of_groups(after);
  std::unordered_map<std::string_view, const decision::Needs*> earlier;
  for (std::size_t i = 0; i < before.groups.size(); ++i) {
    earlier.emplace(before.groups[i].id, &needs_before[i]);
  }
  for (std::size_t i = 0; i < after.groups.size(); ++i) {
    const auto known = earlier.find(after.groups[i].id);
    if (known != earlier.end() && *known->second != needs_after[i]) {
      other.groups.insert(after.groups[i].id);
    }
  }
  return other;
}

// nullopt: too many to compare. With those for which `is_touched`, whatever else they are.
template <typename IsTouched>
std::optional<Difference> compare_applications(const Applications& before,
                                               const Applications& after, IsTouched is_touched) {
  // Most of both is the same at both ends.
  std::size_t begin = 0;
  while (begin < before.size() && begin < after.size() &&
         before.pointer(begin) == after.pointer(begin)) {
    ++begin;
  }
  std::size_t before_end = before.size();
  std::size_t after_end = after.size();
  while (before_end > begin && after_end > begin &&
         before.pointer(before_end - 1) == after.pointer(after_end - 1)) {
    --before_end;
    --after_end;
  }
  std::unordered_map<std::string_view, const Applications::Pointer*> earlier;  // by id
  for (std::size_t i = begin; i < before_end; ++i) {
    if (is_protected(before[i])) earlier.emplace(before[i].id, &before.pointer(i));
  }
  Difference difference;
  std::size_t compared = 0;
  const auto take_touched = [&](std::size_t first, std::size_t end) {
    for (std::size_t i = first; i < end && compared <= kMaxChangedElements; ++i) {
      if (!is_protected(after[i]) || !is_touched(after[i])) continue;
      ++compared;
      difference.changed.push_back(write_one(after.pointer(i)));
    }
  };
  take_touched(0, begin);
  take_touched(after_end, after.size());
  if (compared > kMaxChangedElements) return std::nullopt;
  for (std::size_t i = begin; i < after_end; ++i) {
    const Applications::Pointer& application = after.pointer(i);
    if (!is_protected(*application)) continue;  // no snapshot has it
    const auto known = earlier.extract(application->id);
    const bool touched = is_touched(*application);
    if (!touched && known && *known.mapped() == application) continue;
    if (++compared > kMaxChangedElements) return std::nullopt;
    json::value written = write_one(application);
    if (!touched && known && write_one(*known.mapped()) == written) continue;
    difference.changed.push_back(std::move(written));
  }
  if (earlier.size() > kMaxChangedElements) return std::nullopt;
  for (const auto& [id, application] : earlier) difference.removed.emplace_back(id);
  return difference;
}

// Whole sections, as they are written. With those for whose id `is_touched`.
template <typename IsTouched>
Difference compare(const json::array& before, json::array after, IsTouched is_touched) {
  const auto id_of = [](const json::value& element) -> std::string_view {
    return element.at("id").get_string();
  };
  std::unordered_map<std::string_view, const json::value*> earlier;  // by id
  for (const json::value& element : before) earlier.emplace(id_of(element), &element);
  Difference difference;
  for (json::value& element : after) {
    const std::string_view id = id_of(element);
    const auto known = earlier.extract(id);
    if (known && !is_touched(id) && *known.mapped() == element) continue;
    difference.changed.push_back(std::move(element));
  }
  for (const auto& [id, element] : earlier) difference.removed.emplace_back(id);
  return difference;
}
Difference compare(const json::array& before, json::array after) {
  return compare(before, std::move(after), [](std::string_view) { return false; });
}

// nullopt: more has changed than their items.
std::optional<json::array> compare_lists(const std::vector<model::List>& before,
                                         const std::vector<model::List>& after) {
  if (before.size() != after.size()) return std::nullopt;
  std::vector<model::List> changed;
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (before[i].id != after[i].id || before[i].name != after[i].name ||
        before[i].type != after[i].type) {
      return std::nullopt;
    }
    if (before[i].items != after[i].items) changed.push_back(after[i]);
  }
  return write_lists(changed);
}

// What the elements of a change may name.
struct Removed {
  std::set<std::string, std::less<>> applications;
  std::set<std::string, std::less<>> service_tokens;
  std::set<std::string, std::less<>> groups;
  std::set<std::string, std::less<>> posture_rules;
  std::set<std::string, std::less<>> login_methods;
};
class References final : public decision::CompileContext {
 public:
  References(const decision::Snapshot& before, const Removed& removed, const json::object& change)
      : before_(before),
        removed_(removed),
        new_groups_(places(change, kGroups, before.next_group(),
                           [&](std::string_view id) { return before.group_index(id); })),
        new_posture_rules_(
            places(change, kPostureRules, before.next_posture_rule(),
                   [&](std::string_view id) { return before.posture_rule_index(id); })),
        new_login_methods_(
            places(change, kProviders, 0,
                   [](std::string_view) -> std::optional<std::uint32_t> { return {}; })) {}

  std::optional<std::uint32_t> find_group(std::string_view id) const override {
    if (removed_.groups.contains(id)) return std::nullopt;
    const auto known = before_.group_index(id);
    return known ? known : place_in(new_groups_, id);
  }
  std::optional<std::uint32_t> find_posture_rule(std::string_view id) const override {
    if (removed_.posture_rules.contains(id)) return std::nullopt;
    const auto known = before_.posture_rule_index(id);
    return known ? known : place_in(new_posture_rules_, id);
  }
  std::optional<std::string> find_login_method(std::string_view id) const override {
    if (removed_.login_methods.contains(id)) return std::nullopt;
    if (!before_.has_login_method(id) && !place_in(new_login_methods_, id)) return std::nullopt;
    return std::string(id);
  }
  std::optional<std::string> find_service_token(std::string_view id) const override {
    if (before_.service_token_by_id(id) == nullptr || removed_.service_tokens.contains(id)) {
      return std::nullopt;
    }
    return std::string(id);
  }
  std::optional<std::uint32_t> find_list(std::string_view id, model::ListType type) const override {
    const auto index = before_.list_index(id);
    if (!index || before_.list(*index).type != type) return std::nullopt;
    return index;
  }

 private:
  using Places = std::map<std::string, std::uint32_t, std::less<>>;

  // Of the new ones of a section, as add_to_snapshot() will give them.
  template <typename Find>
  static Places places(const json::object& change, std::string_view key, std::uint32_t next,
                       Find find) {
    Places places;
    const json::array* section = json::find_array(change, key);
    if (section == nullptr) return places;
    for (const json::value& element : *section) {
      const json::object* object = element.if_object();
      const auto text = object == nullptr ? std::nullopt : json::find_string(*object, "id");
      if (!text) continue;
      std::string id = ascii_lower(*text);
      if (!find(id) && places.emplace(std::move(id), next).second) ++next;
    }
    return places;
  }
  static std::optional<std::uint32_t> place_in(const Places& places, std::string_view id) {
    const auto found = places.find(id);
    return found == places.end() ? std::nullopt : std::optional(found->second);
  }

  const decision::Snapshot& before_;
  const Removed& removed_;
  const Places new_groups_;
  const Places new_posture_rules_;
  const Places new_login_methods_;
};

// The ids under `key`; `is_known` says whether one is there to be removed.
template <typename IsKnown>
std::set<std::string, std::less<>> read_removed(ObjectReader& reader, std::string_view key,
                                                std::string_view noun, Problems& problems,
                                                IsKnown is_known) {
  std::set<std::string, std::less<>> ids;
  const Path path(reader.path(), key);
  for (auto& [index, id] : reader.texts(key)) {
    if (!is_known(id)) {
      problems.add(Path(path, index), fmt::format("there is no {} `{}`", noun, id));
    } else if (!ids.insert(std::move(id)).second) {
      problems.add(Path(path, index), "is removed already");
    }
  }
  return ids;
}

// What a change says of the organization.
struct OrganizationChange {
  std::string name;
  std::chrono::seconds node_state_max_age{};
  model::LoginDesign login_design;
};
std::optional<OrganizationChange> read_organization(ObjectReader& owner, Problems& problems) {
  constexpr std::string_view kKey = "organization";
  constexpr std::string_view kAge = "node_state_max_age";
  const json::object* object = owner.object(kKey);
  if (object == nullptr) return std::nullopt;
  const Path path(owner.path(), kKey);
  ObjectReader reader(*object, path, problems);
  OrganizationChange change;
  change.name = reader.required_text("name");
  if (reader.value(kAge) == nullptr) reader.problem(kAge, "is required");
  change.node_state_max_age = reader.duration(kAge, std::chrono::seconds(1)).value_or(0s);
  if (const json::object* design = reader.object("login_design")) {
    change.login_design = model::login_design_from_json(*design);
  }
  reader.finish();
  return change;
}

// INVARIANT: rules were compiled with the places that these will have.
template <typename Element, typename FindBefore, typename Find>
void check_places(const std::vector<Element>& brought, std::string_view section, std::uint32_t next,
                  FindBefore find_before, Find find, Problems& problems) {
  const Path root;
  const Path path(root, section);
  for (std::size_t i = 0; i < brought.size(); ++i) {
    const std::optional<std::uint32_t> known = find_before(brought[i].id);
    const std::optional<std::uint32_t> found = find(brought[i].id);
    if (!found) {
      problems.add(Path(path, i), "must have an id, and must not be removed as well");
    } else if (*found != (known ? *known : next++)) {
      problems.add(Path(path, i), "must have an id of its own");
    }
  }
}

// Whether `known`, which has what only one may have, stays beside what the change brings.
template <typename Element>
bool stays(const Element* known, const std::set<std::string, std::less<>>& removed,
           const std::set<std::string_view>& brought) {
  return known != nullptr && !removed.contains(known->id) && !brought.contains(known->id);
}

}  // namespace

std::optional<json::object> make_snapshot_change(const model::Resources& before,
                                                 const model::Resources& after,
                                                 std::uint64_t before_sequence,
                                                 const PublicationContext& context) {
  auto lists = compare_lists(before.lists, after.lists);
  if (!lists || write_foundation(before) != write_foundation(after)) return std::nullopt;
  auto providers = compare(write_providers(before.identity_providers),
                           write_providers(after.identity_providers));
  auto posture_rules =
      compare(write_posture_rules(before.posture_rules), write_posture_rules(after.posture_rules));
  const json::array groups_before = write_groups(before.groups);
  json::array groups_after = write_groups(after.groups);
  OtherNeeds other_needs;
  if (!posture_rules.changed.empty() || groups_before != groups_after) {
    other_needs = compare_needs(before, after);
  }
  auto groups = compare(groups_before, std::move(groups_after),
                        [&](std::string_view id) { return other_needs.groups.contains(id); });
  auto applications = compare_applications(
      before.applications, after.applications, [&](const model::Application& application) {
        return !other_needs.empty() && other_needs.are_in(application);
      });
  if (!applications) return std::nullopt;
  auto tokens = compare(write_service_tokens(before.service_tokens),
                        write_service_tokens(after.service_tokens));
  json::object change{{"format", kSnapshotFormat},
                      {"after", before_sequence},
                      {"sequence", context.sequence},
                      {"published_at", format_rfc3339(context.published_at)},
                      {"applications", std::move(applications->changed)},
                      {"removed_applications", std::move(applications->removed)},
                      {"service_tokens", std::move(tokens.changed)},
                      {"removed_service_tokens", std::move(tokens.removed)},
                      {"lists", std::move(*lists)}};
  const auto add = [&](std::string_view key, json::array elements) {
    if (!elements.empty()) change.emplace(key, std::move(elements));
  };
  add(kProviders, std::move(providers.changed));
  add("removed_identity_providers", std::move(providers.removed));
  add(kPostureRules, std::move(posture_rules.changed));
  add("removed_device_posture_rules", std::move(posture_rules.removed));
  add(kGroups, std::move(groups.changed));
  add("removed_groups", std::move(groups.removed));
  json::object organization = write_organization(after.organization);
  if (organization != write_organization(before.organization)) {
    change.emplace("organization", std::move(organization));
  }
  return change;
}

std::expected<std::shared_ptr<const decision::Snapshot>, std::vector<Problem>>
apply_snapshot_change(const decision::Snapshot& before, const json::value& change,
                      decision::SelectorRegistry selectors) {
  Problems problems;
  const Path root;
  const json::object* object = change.if_object();
  if (object == nullptr) {
    problems.add(root, "must be an object");
    return std::unexpected(problems.take());
  }
  ObjectReader reader(*object, root, problems);
  read_format(reader);
  if (!problems.empty()) return std::unexpected(problems.take());
  const std::uint64_t after = read_sequence(reader, "after");
  const std::uint64_t sequence = read_sequence(reader, "sequence");
  if (after != before.sequence()) {
    reader.problem("after", fmt::format("must be {}, the sequence of the snapshot that it changes",
                                        before.sequence()));
  } else if (sequence <= after) {
    reader.problem("sequence", "must be greater than `after`");
  }
  read_published_at(reader);
  const Removed removed{
      read_removed(reader, "removed_applications", "application", problems,
                   [&](const std::string& id) { return before.application_by_id(id) != nullptr; }),
      read_removed(
          reader, "removed_service_tokens", "service token", problems,
          [&](const std::string& id) { return before.service_token_by_id(id) != nullptr; }),
      read_removed(reader, "removed_groups", "group", problems,
                   [&](const std::string& id) { return before.group_index(id).has_value(); }),
      read_removed(
          reader, "removed_device_posture_rules", "device posture rule", problems,
          [&](const std::string& id) { return before.posture_rule_index(id).has_value(); }),
      read_removed(reader, "removed_identity_providers", "identity provider", problems,
                   [&](const std::string& id) { return before.has_login_method(id); })};
  const auto organization = read_organization(reader, problems);
  reader.known({"applications", "service_tokens", "lists", kProviders, kPostureRules, kGroups});
  reader.finish();

  const References references(before, removed, *object);
  const Surroundings surroundings{references, before.auth_domain(), [&](std::string_view id) {
                                    const decision::CompiledPage* page = before.page(id);
                                    return page == nullptr ? std::nullopt
                                                           : std::optional(page->type);
                                  }};
  ReadSections sections = read_change_sections(*object, surroundings, selectors, problems);
  if (!problems.empty()) return std::unexpected(problems.take());
  const model::Resources& brought = sections.resources;

  const Path lists_path(root, "lists");
  for (std::size_t i = 0; i < brought.lists.size(); ++i) {
    if (!references.find_list(brought.lists[i].id, brought.lists[i].type)) {
      problems.add(Path(lists_path, i),
                   fmt::format("there is no list `{}` of that type", brought.lists[i].id));
    }
  }
  check_places(
      brought.groups, kGroups, before.next_group(),
      [&](const std::string& id) { return before.group_index(id); },
      [&](const std::string& id) { return references.find_group(id); }, problems);
  check_places(
      brought.posture_rules, kPostureRules, before.next_posture_rule(),
      [&](const std::string& id) { return before.posture_rule_index(id); },
      [&](const std::string& id) { return references.find_posture_rule(id); }, problems);
  const Path providers_path(root, kProviders);
  for (std::size_t i = 0; i < brought.identity_providers.size(); ++i) {
    if (!references.find_login_method(brought.identity_providers[i].id)) {
      problems.add(Path(providers_path, i), "must have an id, and must not be removed as well");
    }
  }
  std::set<std::string_view> brought_tokens;
  for (const model::ServiceToken& token : brought.service_tokens) brought_tokens.insert(token.id);
  const Path tokens_path(root, "service_tokens");
  for (std::size_t i = 0; i < brought.service_tokens.size(); ++i) {
    const model::ServiceToken& token = brought.service_tokens[i];
    if (removed.service_tokens.contains(token.id)) {
      problems.add(Path(tokens_path, i), "must not be removed as well");
    } else if (stays(before.service_token_by_client_id(token.client_id), removed.service_tokens,
                     brought_tokens)) {
      problems.add(
          Path(tokens_path, i),
          fmt::format("`{}` is already the client id of another service token", token.client_id));
    }
  }
  std::set<std::string_view> brought_applications;
  for (const auto& application : brought.applications) brought_applications.insert(application.id);
  const Path applications_path(root, "applications");
  for (std::size_t i = 0; i < brought.applications.size(); ++i) {
    const model::Application& application = brought.applications[i];
    if (removed.applications.contains(application.id)) {
      problems.add(Path(applications_path, i), "must not be removed as well");
    } else if (stays(before.application_by_audience(application.audience), removed.applications,
                     brought_applications)) {
      problems.add(Path(applications_path, i),
                   "its `aud` is already the `aud` of another application");
    }
  }
  if (!problems.empty()) return std::unexpected(problems.take());

  // Everything out before anything comes in: what only one may have may have passed to another.
  decision::SnapshotBuilder builder(before);
  builder.set_sequence(sequence);
  for (const std::string& id : removed.service_tokens) builder.remove_service_token(id);
  for (const model::ServiceToken& token : brought.service_tokens) {
    if (before.service_token_by_id(token.id) != nullptr) builder.remove_service_token(token.id);
  }
  for (const std::string& id : removed.applications) builder.remove_application(id);
  for (const model::Application& application : brought.applications) {
    if (before.application_by_id(application.id) != nullptr) {
      builder.remove_application(application.id);
    }
  }
  for (const std::string& id : removed.groups) builder.remove_group(id);
  for (const std::string& id : removed.posture_rules) builder.remove_posture_rule(id);
  for (const std::string& id : removed.login_methods) builder.remove_login_method(id);
  if (organization) {
    builder.set_organization(organization->name, organization->node_state_max_age);
    builder.set_login_design(organization->login_design);
  }
  for (const model::List& list : brought.lists) {
    builder.replace_list(*before.list_index(list.id), compile_list(list));
  }
  add_to_snapshot(std::move(sections), builder);
  if (const decision::CompiledGroup* group = builder.badly_nested_group()) {
    problems.add(Path(root, kGroups),
                 fmt::format("`{}` has groups more than {} deep, or one that is not there",
                             group->name, model::kMaxGroupDepth));
    return std::unexpected(problems.take());
  }
  return builder.finish();
}

}  // namespace gatehouse::policy
