#include "policy/documents.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/encoding.h"
#include "policy/fields.h"
#include "policy/nearest.h"
#include "policy/resource_reader.h"
#include "policy/resource_writer.h"
#include "policy/syntax.h"

namespace gatehouse::policy {
namespace {

struct KindNames {
  Kind kind;
  std::string_view section;
  std::string_view noun;
};
constexpr std::array<KindNames, kKinds> kNames{{
    {Kind::Organization, "organization", "organization"},
    {Kind::IdentityProvider, "identity_providers", "identity provider"},
    {Kind::PostureIntegration, "device_posture_integrations", "device posture integration"},
    {Kind::PostureRule, "device_posture_rules", "device posture rule"},
    {Kind::List, "lists", "list"},
    {Kind::Group, "groups", "group"},
    {Kind::ServiceToken, "service_tokens", "service token"},
    {Kind::MtlsCertificate, "mtls_certificates", "mTLS certificate"},
    {Kind::CustomPage, "custom_pages", "custom page"},
    {Kind::Tag, "tags", "tag"},
    {Kind::Bookmark, "bookmarks", "bookmark"},
    {Kind::Policy, "policies", "reusable policy"},
    {Kind::Application, "applications", "application"},
    {Kind::Ingress, "ingress", "ingress"},
}};
constexpr std::array<Kind, kKinds> kAll = [] {
  std::array<Kind, kKinds> kinds{};
  for (std::size_t i = 0; i < kKinds; ++i) kinds[i] = kNames[i].kind;
  return kinds;
}();

const KindNames& names_of(Kind kind) { return kNames[static_cast<std::size_t>(kind)]; }

Document make_document(Kind kind, json::object body) {
  Document document;
  document.kind = kind;
  document.name = json::find_string(body, "name").value_or("");
  if (is_single(kind)) {
    document.id = section_of(kind);
  } else {
    document.id = json::find_string(body, kind == Kind::Tag ? "name" : "id").value_or("");
  }
  document.body = std::move(body);
  return document;
}

}  // namespace

std::span<const Kind> all_kinds() { return kAll; }
std::string_view section_of(Kind kind) { return names_of(kind).section; }
std::string_view noun_of(Kind kind) { return names_of(kind).noun; }

std::optional<Kind> kind_of_section(std::string_view section) {
  for (const KindNames& names : kNames)
    if (names.section == section) return names.kind;
  return std::nullopt;
}

const Document* Documents::find(Kind kind, std::string_view id) const {
  const auto& section = sections_[static_cast<std::size_t>(kind)];
  if (!section) return nullptr;
  const auto found = section->by_id.find(id);
  return found == section->by_id.end() ? nullptr : section->documents[found->second].get();
}

std::span<const Documents::Pointer> Documents::of(Kind kind) const {
  const auto& section = sections_[static_cast<std::size_t>(kind)];
  return section ? std::span<const Pointer>(section->documents) : std::span<const Pointer>();
}

Documents::Section& Documents::editable(Kind kind) {
  auto& section = sections_[static_cast<std::size_t>(kind)];
  if (!section) {
    section = std::make_shared<Section>();
  } else if (section.use_count() != 1) {
    section = std::make_shared<Section>(*section);
  }
  return *section;
}

void Documents::put(Document document) {
  Section& section = editable(document.kind);
  auto pointer = std::make_shared<const Document>(std::move(document));
  const auto found = section.by_id.find(pointer->id);
  if (found == section.by_id.end()) {
    section.by_id.emplace(pointer->id, section.documents.size());
    section.documents.push_back(std::move(pointer));
    return;
  }
  const std::size_t index = found->second;
  section.by_id.erase(found);  // its key belongs to the old one
  section.by_id.emplace(pointer->id, index);
  section.documents[index] = std::move(pointer);
}

void Documents::remove(Kind kind, std::string_view id) {
  if (find(kind, id) == nullptr) return;
  Section& section = editable(kind);
  const std::size_t index = section.by_id.find(id)->second;
  section.by_id.clear();
  section.documents.erase(section.documents.begin() + static_cast<std::ptrdiff_t>(index));
  for (std::size_t i = 0; i < section.documents.size(); ++i)
    section.by_id.emplace(section.documents[i]->id, i);
}

namespace {

// Calls f with the list of the resources of a kind that has many.
template <typename Resources, typename F>
void with_list(Resources& resources, Kind kind, F f) {
  switch (kind) {
    case Kind::Organization:
    case Kind::Ingress:
      return;
    case Kind::IdentityProvider:
      return f(resources.identity_providers);
    case Kind::PostureIntegration:
      return f(resources.posture_integrations);
    case Kind::PostureRule:
      return f(resources.posture_rules);
    case Kind::List:
      return f(resources.lists);
    case Kind::Group:
      return f(resources.groups);
    case Kind::ServiceToken:
      return f(resources.service_tokens);
    case Kind::MtlsCertificate:
      return f(resources.certificates);
    case Kind::CustomPage:
      return f(resources.custom_pages);
    case Kind::Tag:
      return f(resources.tags);
    case Kind::Bookmark:
      return f(resources.bookmarks);
    case Kind::Policy:
      return f(resources.policies);
    case Kind::Application:
      return f(resources.applications);
  }
}

template <typename Resource>
const std::string& id_of(const Resource& resource) {
  return resource.id;
}
const std::string& id_of(const model::Tag& tag) { return tag.name; }

template <typename Resource>
json::object write_one(const Resource& resource) {
  return write(resource, Form::Authored);
}
json::object write_one(const model::Policy& policy) { return write_reusable(policy); }
json::object write_one(const model::IdentityProvider& provider) {
  return write(provider, Secrets::Omit);
}
json::object write_one(const model::PostureIntegration& integration) {
  return write(integration, Secrets::Omit);
}
json::object write_one(const model::Tag& tag) { return write(tag); }
json::object write_one(const model::Bookmark& bookmark) { return write(bookmark); }

json::object write_single(const model::Resources& resources, Kind kind) {
  if (kind == Kind::Organization) return write(resources.organization);
  json::array rules;
  for (const model::IngressRule& rule : resources.ingress) rules.push_back(write(rule));
  return {{"rules", std::move(rules)}};
}

}  // namespace

std::vector<Document> documents_of(const model::Resources& resources) {
  std::vector<Document> documents;
  for (const Kind kind : kAll) {
    if (is_single(kind)) documents.push_back(make_document(kind, write_single(resources, kind)));
    with_list(resources, kind, [&](const auto& list) {
      for (const auto& resource : list)
        documents.push_back(make_document(kind, write_one(resource)));
    });
  }
  return documents;
}

std::optional<json::object> document_of(const model::Resources& resources, Kind kind,
                                        std::string_view id) {
  if (is_single(kind)) {
    if (id != section_of(kind)) return std::nullopt;
    return write_single(resources, kind);
  }
  std::optional<json::object> document;
  with_list(resources, kind, [&](const auto& list) {
    const auto found = std::find_if(list.begin(), list.end(),
                                    [&](const auto& resource) { return id_of(resource) == id; });
    if (found != list.end()) document = write_one(*found);
  });
  return document;
}

namespace {

// Edits are read behind everything that stays, so that it is them that clash with it; afterwards
// what they replace gives them its place.
class Editor {
 public:
  Editor(const model::Resources& current, std::span<const DocumentEdit> edits,
         decision::SelectorRegistry selectors)
      : current_(current), edits_(edits), selectors_(selectors) {}

  std::expected<model::Resources, std::vector<EditProblem>> edit() {
    if (auto problems = other_ids(); !problems.empty()) {
      return std::unexpected(std::move(problems));
    }
    const auto may_be_alone = [&](const DocumentEdit& edit) { return is_read_alone(edit); };
    if (std::all_of(edits_.begin(), edits_.end(), may_be_alone) && edits_.size() <= kFewEdits) {
      if (auto result = edit_few()) return std::move(*result);
    }
    return edit_whole();
  }

 private:
  using Result = std::expected<model::Resources, std::vector<EditProblem>>;
  // Each is compared with every application.
  static constexpr std::size_t kFewEdits = 16;

  // INVARIANT: after this, a resource keeps its id, so that what names it still does.
  [[nodiscard]] std::vector<EditProblem> other_ids() const {
    std::vector<EditProblem> problems;
    for (std::size_t i = 0; i < edits_.size(); ++i) {
      const DocumentEdit& edit = edits_[i];
      if (edit.body == nullptr || is_single(edit.kind) || edit.kind == Kind::Tag) continue;
      for (const std::string_view key : {"id", "uid"}) {
        if (key == "uid" && edit.kind != Kind::CustomPage) continue;
        const auto id = json::find_string(*edit.body, key);
        if (id && ascii_lower(*id) != edit.id) {
          problems.push_back({i, {fmt::format("/{}", key), fmt::format("must be `{}`", edit.id)}});
        }
      }
    }
    return problems;
  }

  // Whether nothing else is read differently because of it, unless it names it.
  [[nodiscard]] bool is_read_alone(const DocumentEdit& edit) const {
    if (edit.kind != Kind::Organization) return edit.kind != Kind::Ingress;
    // No application may have the auth domain.
    return edit.body != nullptr &&
           ascii_lower(json::find_string(*edit.body, "auth_domain").value_or("")) ==
               current_.organization.auth_domain;
  }

  [[nodiscard]] const DocumentEdit* find_edit(Kind kind, std::string_view id) const {
    const auto found = std::find_if(edits_.begin(), edits_.end(), [&](const DocumentEdit& edit) {
      return edit.kind == kind && edit.id == id;
    });
    return found == edits_.end() ? nullptr : &*found;
  }

  // Behind what the document has of its kind.
  void place(std::size_t index, json::object& document) {
    const DocumentEdit& edit = edits_[index];
    const std::string section(section_of(edit.kind));
    if (edit.kind == Kind::Ingress) {
      const json::value* rules = edit.body == nullptr ? nullptr : json::find(*edit.body, "rules");
      document[section] = rules == nullptr ? json::value(json::array{}) : *rules;
      pointers_[index] = "/" + section;
    } else if (is_single(edit.kind)) {
      document.erase(section);
      if (edit.body != nullptr) document[section] = *edit.body;
      pointers_[index] = "/" + section;
    } else if (edit.body != nullptr) {
      json::value& list = document[section];
      if (!list.is_array()) list.emplace_array();
      pointers_[index] = fmt::format("/{}/{}", section, list.get_array().size());
      list.get_array().emplace_back(complete(edit));
    }
  }

  // With its id, and the secrets that it leaves out.
  json::object complete(const DocumentEdit& edit) const {
    json::object body = *edit.body;
    const bool has_id = edit.kind == Kind::Tag || json::find(body, "id") != nullptr ||
                        (edit.kind == Kind::CustomPage && json::find(body, "uid") != nullptr);
    if (!has_id) body["id"] = edit.id;
    const auto type = json::find_string(body, "type");
    if (type && type == type_of(edit.kind, edit.id)) {
      policy::keep_secrets(body, secrets_of(current_, edit.kind, edit.id));
    }
    return body;
  }

  // Of what can have secrets.
  [[nodiscard]] std::optional<std::string_view> type_of(Kind kind, const std::string& id) const {
    const auto find = [&](const auto& resources) -> std::optional<std::string_view> {
      for (const auto& resource : resources) {
        if (resource.id == id) return resource.type;
      }
      return std::nullopt;
    };
    if (kind == Kind::IdentityProvider) return find(current_.identity_providers);
    if (kind == Kind::PostureIntegration) return find(current_.posture_integrations);
    return std::nullopt;
  }

  // --- a few resources

  // nullopt: something else is in the way, and edit_whole() says what.
  std::optional<Result> edit_few() {
    json::object document;
    pointers_.assign(edits_.size(), "");
    for (std::size_t i = 0; i < edits_.size(); ++i) place(i, document);
    // Read once more with the applications that they clash with, if there are such.
    std::vector<std::size_t> clashing;
    for (;;) {
      model::Resources rest = current_;
      for (const DocumentEdit& edit : edits_) {
        with_list(rest, edit.kind, [&](auto& list) { erase(list, edit.id); });
      }
      const std::size_t applications = rest.applications.size();
      Problems problems;
      model::Resources result =
          read_additions(std::move(rest), clashing, document, selectors_, problems).resources;
      if (clashing.empty()) {
        clashing = clashing_with(result.applications, applications);
        if (!clashing.empty()) continue;
      }
      if (is_missed(result) || !renew_policies(result)) return std::nullopt;
      std::vector<EditProblem> needed = still_needed(result);
      if (problems.empty() && needed.empty()) {
        put_in_order(result);
        return result;
      }
      if (problems.empty()) return std::unexpected(std::move(needed));
      std::vector<Problem> found = problems.take();
      const bool are_of_edits = std::all_of(
          found.begin(), found.end(), [&](const Problem& problem) { return edit_of(problem); });
      if (!needed.empty() || !are_of_edits) return std::nullopt;
      return std::unexpected(take(std::move(found), document));
    }
  }

  template <typename Resource>
  static void erase(std::vector<Resource>& list, const std::string& id) {
    std::erase_if(list, [&](const Resource& resource) { return id_of(resource) == id; });
  }
  static void erase(model::SharedList<model::Application>& list, const std::string& id) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (list[i].id == id) return list.erase(i);
    }
  }

  static bool is_dashboard(const model::Application& application) {
    return application.type == model::ApplicationType::Dashboard;
  }

  // Those before `first` that clash with one from there on.
  static std::vector<std::size_t> clashing_with(const model::SharedList<model::Application>& all,
                                                std::size_t first) {
    std::vector<std::size_t> clashing;
    if (first == all.size()) return clashing;
    std::vector<std::string> domains;
    std::vector<std::string_view> dashboards;  // hosts
    std::vector<std::string_view> hosts;
    for (std::size_t i = first; i < all.size(); ++i) {
      for (const std::string& domain : all[i].domains) {
        domains.push_back(ascii_lower(domain));
        hosts.push_back(host_of_domain(domain));
        if (is_dashboard(all[i])) dashboards.push_back(hosts.back());
      }
    }
    const auto shares = [](const model::Application& other,
                           const std::vector<std::string_view>& with) {
      return std::any_of(other.domains.begin(), other.domains.end(), [&](const auto& domain) {
        return std::find(with.begin(), with.end(), host_of_domain(domain)) != with.end();
      });
    };
    const auto is_taken = [&](const std::string& domain) {
      return std::any_of(domains.begin(), domains.end(), [&](const std::string& mine) {
        return mine.size() == domain.size() && ascii_lower(domain) == mine;
      });
    };
    for (std::size_t j = 0; j < first; ++j) {
      const model::Application& other = all[j];
      bool clashes = std::any_of(other.domains.begin(), other.domains.end(), is_taken) ||
                     (!dashboards.empty() && shares(other, dashboards)) ||
                     (is_dashboard(other) && shares(other, hosts));
      for (std::size_t i = first; i < all.size() && !clashes; ++i) {
        clashes =
            other.id == all[i].id || other.name == all[i].name || other.audience == all[i].audience;
      }
      if (clashes) clashing.push_back(j);
    }
    return clashing;
  }

  // Whether something needs what is no longer there, or no longer what it was. What selectors and
  // applications name by id is still_needed()'s to say.
  [[nodiscard]] bool is_missed(const model::Resources& result) const {
    return std::any_of(edits_.begin(), edits_.end(), [&](const DocumentEdit& edit) {
      switch (edit.kind) {
        case Kind::Tag:
          return std::none_of(result.tags.begin(), result.tags.end(),
                              [&](const model::Tag& tag) { return tag.name == edit.id; }) &&
                 std::any_of(
                     result.applications.begin(), result.applications.end(),
                     [&](const auto& application) { return contains(application.tags, edit.id); });
        case Kind::CustomPage:
          return names_page(result, edit.id) &&
                 type_of_page(result, edit.id) != type_of_page(current_, edit.id);
        case Kind::List: {
          const auto before = type_of_list(current_, edit.id);
          const auto after = type_of_list(result, edit.id);
          return before && after && *before != *after;
        }
        case Kind::PostureIntegration:
          return type_of_integration(result, edit.id) != type_of_integration(current_, edit.id) &&
                 std::any_of(result.posture_rules.begin(), result.posture_rules.end(),
                             [&](const model::PostureRule& rule) {
                               return json::find_string(rule.input, "connection_id") == edit.id;
                             });
        default:
          return false;
      }
    });
  }

  // Applications have copies of the reusable policies that they name. False: one of the edits is in
  // the way of what an application has of its own.
  bool renew_policies(model::Resources& result) const {
    std::unordered_map<std::string_view, const model::Policy*> renewed;
    std::unordered_set<std::string_view> added;
    for (const DocumentEdit& edit : edits_) {
      if (edit.kind != Kind::Policy || edit.body == nullptr) continue;
      const model::Policy* policy = find_policy(result, edit.id);
      if (policy == nullptr) continue;
      if (find_policy(current_, edit.id) == nullptr) {
        added.insert(edit.id);
      } else {
        renewed.emplace(edit.id, policy);
      }
    }
    if (renewed.empty() && added.empty()) return true;
    for (std::size_t i = 0; i < result.applications.size(); ++i) {
      const std::vector<model::Policy>& policies = result.applications[i].policies;
      const auto is_named = [&](const model::Policy& policy) {
        return policy.reusable && renewed.contains(policy.id);
      };
      if (std::any_of(policies.begin(), policies.end(), [&](const model::Policy& policy) {
            return !policy.reusable && added.contains(policy.id);
          })) {
        return false;
      }
      if (std::none_of(policies.begin(), policies.end(), is_named)) continue;
      std::unordered_set<std::string_view> names;
      std::vector<model::Policy>& copies = result.applications.edit(i).policies;
      for (model::Policy& policy : copies) {
        if (is_named(policy)) {
          const auto precedence = policy.precedence;
          policy = *renewed.at(policy.id);
          policy.precedence = precedence;
        }
        if (!names.insert(policy.name).second) return false;
      }
    }
    return true;
  }

  static const model::Policy* find_policy(const model::Resources& resources, std::string_view id) {
    for (const model::Policy& policy : resources.policies) {
      if (policy.id == id) return &policy;
    }
    return nullptr;
  }

  // What is removed although it is named, in the order and words of edit_whole().
  [[nodiscard]] std::vector<EditProblem> still_needed(const model::Resources& result) const {
    struct Removed {
      std::size_t edit = 0;
      std::string unknown;  // in words, once it is named
    };
    std::map<std::pair<Kind, std::string_view>, Removed> removed;
    for (std::size_t i = 0; i < edits_.size(); ++i) {
      if (edits_[i].body != nullptr) continue;
      removed.emplace(std::pair(edits_[i].kind, std::string_view(edits_[i].id)), Removed{i, {}});
    }
    std::vector<EditProblem> problems;
    if (removed.empty()) return problems;
    const auto look = [&](Kind owner, const std::string& name, Kind kind, std::string_view id) {
      const auto found = removed.find({kind, id});
      if (found == removed.end() || problems.size() == kMaxProblems) return;
      auto& [edit, unknown] = found->second;
      if (unknown.empty()) {
        unknown = fmt::format("there is no {} `{}`{}", noun_of(kind), id,
                              suggestion(id, names_in(result, kind)));
      }
      problems.push_back(
          {edit,
           {"", fmt::format("is needed by {} `{}`: {}", noun_of(owner), name, unknown)},
           true});
    };
    const auto look_into = [&](Kind owner, const std::string& name, const auto& rules) {
      for (const auto* list : {&rules.include, &rules.exclude, &rules.require}) {
        for (const model::Selector& selector : *list) {
          for (const ReferenceField& field : reference_fields()) {
            if (!field.kind.empty() && field.kind != selector.kind) continue;
            const auto id = json::find_string(selector.value, field.field);
            if (id) look(owner, name, kind_of(field.reference), *id);
          }
        }
      }
    };
    for (const model::Group& group : result.groups) look_into(Kind::Group, group.name, group);
    for (const model::Policy& policy : result.policies) {
      look_into(Kind::Policy, policy.name, policy);
    }
    for (const model::Application& application : result.applications) {
      for (const std::string& id : application.allowed_idps) {
        look(Kind::Application, application.name, Kind::IdentityProvider, id);
      }
      for (const model::Policy& policy : application.policies) {
        if (policy.reusable) {
          look(Kind::Application, application.name, Kind::Policy, policy.id);
        } else {
          look_into(Kind::Application, application.name, policy);
        }
      }
    }
    return problems;
  }

  static Kind kind_of(Reference reference) {
    switch (reference) {
      case Reference::Group:
        return Kind::Group;
      case Reference::PostureRule:
        return Kind::PostureRule;
      case Reference::LoginMethod:
        return Kind::IdentityProvider;
      case Reference::ServiceToken:
        return Kind::ServiceToken;
      case Reference::EmailList:
      case Reference::IpList:
        break;
    }
    return Kind::List;
  }

  static std::vector<std::string_view> names_in(const model::Resources& resources, Kind kind) {
    std::vector<std::string_view> names;
    with_list(resources, kind, [&](const auto& list) {
      for (const auto& resource : list) names.emplace_back(resource.name);
    });
    std::sort(names.begin(), names.end());
    return names;
  }

  static bool contains(const std::vector<std::string>& texts, const std::string& text) {
    return std::find(texts.begin(), texts.end(), text) != texts.end();
  }

  static bool names_page(const model::Resources& resources, const std::string& id) {
    return resources.organization.forbidden_page == id ||
           resources.organization.identity_denied_page == id ||
           std::any_of(resources.applications.begin(), resources.applications.end(),
                       [&](const model::Application& application) {
                         return contains(application.custom_pages, id) ||
                                contains(application.inert_custom_pages, id);
                       });
  }

  static std::optional<model::CustomPageType> type_of_page(const model::Resources& resources,
                                                           const std::string& id) {
    for (const model::CustomPage& page : resources.custom_pages) {
      if (page.id == id) return page.type;
    }
    return std::nullopt;
  }

  static std::optional<model::ListType> type_of_list(const model::Resources& resources,
                                                     const std::string& id) {
    for (const model::List& list : resources.lists) {
      if (list.id == id) return list.type;
    }
    return std::nullopt;
  }

  static std::optional<std::string> type_of_integration(const model::Resources& resources,
                                                        const std::string& id) {
    for (const model::PostureIntegration& integration : resources.posture_integrations) {
      if (integration.id == id) return integration.type;
    }
    return std::nullopt;
  }

  // --- everything

  Result edit_whole() {
    json::object whole = write_resources(current_, Secrets::Include);
    for (auto& member : whole) {
      const auto kind = kind_of_section(member.key());
      if (!kind || is_single(*kind)) continue;
      json::array kept;
      for (json::value& item : member.value().get_array()) {
        const std::string_view key = *kind == Kind::Tag ? "name" : "id";
        const std::string_view id = item.at(key).get_string();
        if (find_edit(*kind, id) == nullptr) kept.push_back(std::move(item));
      }
      member.value() = std::move(kept);
    }
    pointers_.assign(edits_.size(), "");
    for (std::size_t i = 0; i < edits_.size(); ++i) place(i, whole);
    const json::value document = std::move(whole);
    auto read = read_resources(document, selectors_, Secrets::Include);
    if (!read) return std::unexpected(take(std::move(read.error()), document.get_object()));
    put_in_order(*read);
    return std::move(*read);
  }

  // --- what both have in common

  void put_in_order(model::Resources& result) const {
    for (const Kind kind : kAll) {
      const bool is_edited =
          std::any_of(edits_.begin(), edits_.end(),
                      [&](const DocumentEdit& edit) { return edit.kind == kind; });
      if (!is_edited) continue;
      with_list(result, kind, [&](auto& list) {
        with_list(current_, kind, [&](const auto& before) {
          if constexpr (std::is_same_v<std::remove_cvref_t<decltype(list)>,
                                       std::remove_cvref_t<decltype(before)>>) {
            put_list_in_order(kind, list, before);
          }
        });
      });
    }
  }

  template <typename List>
  void put_list_in_order(Kind kind, List& list, const List& before) const {
    std::vector<const DocumentEdit*> added;
    for (const DocumentEdit& edit : edits_) {
      if (edit.kind == kind && edit.body != nullptr) added.push_back(&edit);
    }
    const std::size_t first = list.size() - added.size();
    List ordered;
    ordered.reserve(list.size());
    std::size_t next = 0;
    for (const auto& resource : before) {
      const DocumentEdit* edit = find_edit(kind, id_of(resource));
      if (edit == nullptr) {
        move_to(ordered, list, next++);
      } else if (edit->body != nullptr) {
        const auto position = std::find(added.begin(), added.end(), edit);
        move_to(ordered, list, first + static_cast<std::size_t>(position - added.begin()));
        *position = nullptr;
      }
    }
    for (std::size_t i = 0; i < added.size(); ++i) {
      if (added[i] != nullptr) move_to(ordered, list, first + i);
    }
    list = std::move(ordered);
  }

  template <typename Resource>
  static void move_to(std::vector<Resource>& to, std::vector<Resource>& from, std::size_t index) {
    to.push_back(std::move(from[index]));
  }
  template <typename Resource>
  static void move_to(model::SharedList<Resource>& to, model::SharedList<Resource>& from,
                      std::size_t index) {
    to.push_back(from.pointer(index));
  }

  std::vector<EditProblem> take(std::vector<Problem> found, const json::object& document) const {
    std::vector<EditProblem> problems;
    for (Problem& problem : found) problems.push_back(take_one(std::move(problem), document));
    return problems;
  }

  // The one in whose body it lies.
  [[nodiscard]] std::optional<std::size_t> edit_of(const Problem& problem) const {
    for (std::size_t i = 0; i < edits_.size(); ++i) {
      if (!pointers_[i].empty() && lies_in(problem.pointer, pointers_[i])) return i;
    }
    return std::nullopt;
  }

  EditProblem take_one(Problem problem, const json::object& document) const {
    if (const auto edit = edit_of(problem)) {
      std::string pointer = problem.pointer.substr(pointers_[*edit].size());
      if (edits_[*edit].kind == Kind::Ingress) pointer = "/rules" + pointer;
      return {*edit, {std::move(pointer), std::move(problem.message)}, false};
    }
    // Another resource no longer stands because of these edits.
    return {culprit(problem.message),
            {"", fmt::format("is needed by {}: {}", owner_of(problem.pointer, document),
                             problem.message)},
            true};
  }

  static bool lies_in(std::string_view pointer, std::string_view prefix) {
    return pointer.starts_with(prefix) &&
           (pointer.size() == prefix.size() || pointer[prefix.size()] == '/');
  }

  // Which edit made it so.
  [[nodiscard]] std::size_t culprit(std::string_view message) const {
    for (const bool by_id : {true, false}) {
      for (std::size_t i = 0; i < edits_.size(); ++i) {
        if (!message.contains(noun_of(edits_[i].kind))) continue;
        if (!by_id || message.contains(edits_[i].id)) return i;
      }
    }
    return 0;
  }

  // `application `Wiki``, else the place.
  static std::string owner_of(std::string_view pointer, const json::object& document) {
    const auto slash = pointer.find('/', 1);
    if (slash != std::string_view::npos) {
      const auto kind = kind_of_section(pointer.substr(1, slash - 1));
      const std::string_view place = pointer.substr(slash, pointer.find('/', slash + 1) - slash);
      const json::value* section = kind ? json::find(document, section_of(*kind)) : nullptr;
      const json::value* item = section == nullptr ? nullptr : json::at_pointer(*section, place);
      if (item != nullptr && item->is_object()) {
        const auto name = json::find_string(item->get_object(), "name");
        if (name) return fmt::format("{} `{}`", noun_of(*kind), *name);
        return std::string(noun_of(*kind));
      }
    }
    return std::string(pointer);
  }

  const model::Resources& current_;
  const std::span<const DocumentEdit> edits_;
  const decision::SelectorRegistry selectors_;
  std::vector<std::string> pointers_;  // where the body of each stands in what is read
};

}  // namespace

std::expected<model::Resources, std::vector<EditProblem>> edit_resources(
    const model::Resources& current, std::span<const DocumentEdit> edits,
    decision::SelectorRegistry selectors) {
  return Editor(current, edits, selectors).edit();
}

json::object secrets_of(const model::Resources& resources, Kind kind, std::string_view id) {
  json::object found;
  const auto collect = [&](const auto& owners) {
    for (const auto& owner : owners)
      if (owner.id == id)
        for (const auto& [key, secret] : owner.secrets) found[key] = secret.reveal();
  };
  if (kind == Kind::IdentityProvider) collect(resources.identity_providers);
  if (kind == Kind::PostureIntegration) collect(resources.posture_integrations);
  return found;
}

void keep_secrets(json::object& body, const json::object& secrets) {
  if (secrets.empty()) return;
  json::value& config = body["config"];
  if (config.is_null()) config = json::object{};
  if (!config.is_object()) return;
  const auto type = json::find_string(body, "type");
  for (const auto& [key, secret] : secrets) {
    if (type && !has_secret(*type, key)) continue;
    const auto given = json::find_string(config.get_object(), key);
    const bool masked =
        given && !given->empty() && given->find_first_not_of('*') == std::string_view::npos;
    json::value& stated = config.get_object()[key];
    if (stated.is_null() || masked) stated = secret;
  }
}

void erase_secrets(json::object& body, const json::object& secrets) {
  json::value* config = body.if_contains("config");
  if (config == nullptr || !config->is_object()) return;
  for (const auto& secret : secrets) config->get_object().erase(secret.key());
}

}  // namespace gatehouse::policy
