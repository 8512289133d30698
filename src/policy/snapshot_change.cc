#include "policy/snapshot_change.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/time.h"
#include "policy/resource_reader.h"
#include "policy/resource_writer.h"
#include "policy/snapshot_parts.h"

namespace gatehouse::policy {
namespace {

using Applications = model::SharedList<model::Application>;

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

// nullopt: too many to compare.
std::optional<Difference> compare_applications(const Applications& before,
                                               const Applications& after) {
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
  for (std::size_t i = begin; i < after_end; ++i) {
    const Applications::Pointer& application = after.pointer(i);
    if (!is_protected(*application)) continue;  // no snapshot has it
    const auto known = earlier.extract(application->id);
    if (known && *known.mapped() == application) continue;
    if (++compared > kMaxChangedElements) return std::nullopt;
    json::value written = write_one(application);
    if (known && write_one(*known.mapped()) == written) continue;
    difference.changed.push_back(std::move(written));
  }
  if (earlier.size() > kMaxChangedElements) return std::nullopt;
  for (const auto& [id, application] : earlier) difference.removed.emplace_back(id);
  return difference;
}

Difference compare_service_tokens(const std::vector<model::ServiceToken>& before,
                                  const std::vector<model::ServiceToken>& after) {
  const json::array written_before = write_service_tokens(before);
  json::array written_after = write_service_tokens(after);
  std::unordered_map<std::string_view, const json::value*> earlier;  // by id
  for (std::size_t i = 0; i < before.size(); ++i) earlier.emplace(before[i].id, &written_before[i]);
  Difference difference;
  for (std::size_t i = 0; i < after.size(); ++i) {
    const auto known = earlier.extract(after[i].id);
    if (known && *known.mapped() == written_after[i]) continue;
    difference.changed.push_back(std::move(written_after[i]));
  }
  for (const auto& [id, token] : earlier) difference.removed.emplace_back(id);
  return difference;
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
class References final : public decision::CompileContext {
 public:
  References(const decision::Snapshot& before, const std::set<std::string>& removed_tokens)
      : before_(before), removed_tokens_(removed_tokens) {}

  std::optional<std::uint32_t> find_group(std::string_view id) const override {
    return before_.group_index(id);
  }
  std::optional<std::uint32_t> find_posture_rule(std::string_view id) const override {
    return before_.posture_rule_index(id);
  }
  std::optional<std::string> find_login_method(std::string_view id) const override {
    if (!before_.has_login_method(id)) return std::nullopt;
    return std::string(id);
  }
  std::optional<std::string> find_service_token(std::string_view id) const override {
    std::string name(id);
    if (before_.service_token_by_id(id) == nullptr || removed_tokens_.contains(name)) {
      return std::nullopt;
    }
    return name;
  }
  std::optional<std::uint32_t> find_list(std::string_view id, model::ListType type) const override {
    const auto index = before_.list_index(id);
    if (!index || before_.list(*index).type != type) return std::nullopt;
    return index;
  }

 private:
  const decision::Snapshot& before_;
  const std::set<std::string>& removed_tokens_;
};

// The ids under `key`; `is_known` says whether one is there to be removed.
template <typename IsKnown>
std::set<std::string> read_removed(ObjectReader& reader, std::string_view key,
                                   std::string_view noun, Problems& problems, IsKnown is_known) {
  std::set<std::string> ids;
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

// Whether `known`, which has what only one may have, stays beside what the change brings.
template <typename Element>
bool stays(const Element* known, const std::set<std::string>& removed,
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
  auto applications = compare_applications(before.applications, after.applications);
  if (!applications) return std::nullopt;
  auto tokens = compare_service_tokens(before.service_tokens, after.service_tokens);
  return json::object{{"format", kSnapshotFormat},
                      {"after", before_sequence},
                      {"sequence", context.sequence},
                      {"published_at", format_rfc3339(context.published_at)},
                      {"applications", std::move(applications->changed)},
                      {"removed_applications", std::move(applications->removed)},
                      {"service_tokens", std::move(tokens.changed)},
                      {"removed_service_tokens", std::move(tokens.removed)},
                      {"lists", std::move(*lists)}};
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
  const auto removed_applications =
      read_removed(reader, "removed_applications", "application", problems,
                   [&](const std::string& id) { return before.application_by_id(id) != nullptr; });
  const auto removed_tokens = read_removed(
      reader, "removed_service_tokens", "service token", problems,
      [&](const std::string& id) { return before.service_token_by_id(id) != nullptr; });
  reader.known({"applications", "service_tokens", "lists"});
  reader.finish();

  const References references(before, removed_tokens);
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
  std::set<std::string_view> brought_tokens;
  for (const model::ServiceToken& token : brought.service_tokens) brought_tokens.insert(token.id);
  const Path tokens_path(root, "service_tokens");
  for (std::size_t i = 0; i < brought.service_tokens.size(); ++i) {
    const model::ServiceToken& token = brought.service_tokens[i];
    if (removed_tokens.contains(token.id)) {
      problems.add(Path(tokens_path, i), "must not be removed as well");
    } else if (stays(before.service_token_by_client_id(token.client_id), removed_tokens,
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
    if (removed_applications.contains(application.id)) {
      problems.add(Path(applications_path, i), "must not be removed as well");
    } else if (stays(before.application_by_audience(application.audience), removed_applications,
                     brought_applications)) {
      problems.add(Path(applications_path, i),
                   "its `aud` is already the `aud` of another application");
    }
  }
  if (!problems.empty()) return std::unexpected(problems.take());

  // Everything out before anything comes in: what only one may have may have passed to another.
  decision::SnapshotBuilder builder(before);
  builder.set_sequence(sequence);
  for (const std::string& id : removed_tokens) builder.remove_service_token(id);
  for (const model::ServiceToken& token : brought.service_tokens) {
    if (before.service_token_by_id(token.id) != nullptr) builder.remove_service_token(token.id);
  }
  for (const std::string& id : removed_applications) builder.remove_application(id);
  for (const model::Application& application : brought.applications) {
    if (before.application_by_id(application.id) != nullptr) {
      builder.remove_application(application.id);
    }
  }
  for (const model::List& list : brought.lists) {
    builder.replace_list(*before.list_index(list.id), compile_list(list));
  }
  for (const model::ServiceToken& token : brought.service_tokens) {
    builder.add_service_token(compile_service_token(token));
  }
  for (std::size_t i = 0; i < brought.applications.size(); ++i) {
    const model::Application& application = brought.applications[i];
    builder.add_application(
        compile_application(application, std::move(sections.policies[i]), builder.so_far()),
        application.domains);
  }
  return builder.finish();
}

}  // namespace gatehouse::policy
