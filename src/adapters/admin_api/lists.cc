#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <utility>

#include "adapters/admin_api/resources.h"
#include "base/time.h"
#include "base/try.h"

namespace gatehouse::adapters::admin_api {
namespace {

using controlplane::ChangeError;
using controlplane::ChangeErrorKind;
using net::HttpResponse;
using policy::Document;
using policy::Documents;
using policy::Kind;

constexpr std::string_view kFamily = "gateway/lists";

json::object with_count(const Document& document) {
  json::object shown = document.body;
  const auto* items = json::find_array(shown, "items");
  shown["count"] = items == nullptr ? 0 : items->size();
  return shown;
}

Wanted make_wanted(const Call& call) {
  return [type = call.query("type").value_or(""),
          search = call.query("search").value_or("")](const Document& document) {
    return (type.empty() || json::find_string(document.body, "type") == type) &&
           (search.empty() || contains(document.name, search));
  };
}

const Collection& lists() {
  static const Collection collection{
      .kind = Kind::List,
      .created = 200,
      .removed = 200,
      .make_show = [](const Call&, const Documents&) -> Show { return with_count; },
      .make_wanted = make_wanted};
  return collection;
}

// The list itself, without what stands in it.
HttpResponse list_lists(const Call& call) {
  static const Collection headings{.kind = Kind::List,
                                   .make_show = [](const Call&, const Documents&) -> Show {
                                     return [](const Document& document) {
                                       json::object shown = with_count(document);
                                       shown.erase("items");
                                       return shown;
                                     };
                                   },
                                   .make_wanted = make_wanted};
  return list_documents(call, headings);
}

// New items get the moment of their making; the ones that are there already keep theirs.
void stamp(json::object& body, const json::object* before, Instant now) {
  json::value* items = body.if_contains("items");
  if (items == nullptr || !items->is_array()) return;
  std::map<std::string_view, const json::value*> known;
  const auto* old = before == nullptr ? nullptr : json::find_array(*before, "items");
  if (old != nullptr) {
    for (const json::value& item : *old) {
      const auto* object = item.if_object();
      const auto value = object ? json::find_string(*object, "value") : std::nullopt;
      const json::value* created = object ? json::find(*object, "created_at") : nullptr;
      if (value && created != nullptr) known.emplace(*value, created);
    }
  }
  const std::string moment = format_rfc3339(now);
  for (json::value& item : items->get_array()) {
    auto* object = item.if_object();
    if (object == nullptr) continue;
    const auto found = known.find(json::find_string(*object, "value").value_or(""));
    (*object)["created_at"] = found == known.end() ? json::value(moment) : *found->second;
  }
}

std::expected<void, HttpResponse> prepare(json::object& body) {
  take_out(body, {"count", "list_count"});
  return {};
}

HttpResponse create_list(const Call& call) {
  auto body = new_body(call, prepare);
  if (!body) return std::move(body.error());
  if (!body->contains("items")) (*body)["items"] = json::array{};
  stamp(*body, nullptr, call.context().now());
  return create(call, lists(), std::move(*body));
}

// Items that are not spoken of stay, and so does the type.
HttpResponse replace_list(const Call& call) {
  const std::string& id = call.arguments[0];
  const auto body = body_of(call, id, prepare);
  if (!body) return body.error();
  return edit(
      call, lists(), id,
      [&](const Document& current, const Documents&) -> std::expected<json::object, ChangeError> {
        json::object list = *body;
        for (const std::string_view key : {"items", "type"})
          if (const json::value* known = json::find(current.body, key);
              known != nullptr && !list.contains(key))
            list[key] = *known;
        if (const json::value* type = json::find(current.body, "type");
            type != nullptr && list["type"] != *type) {
          return change_error(ChangeErrorKind::Invalid, "cannot be changed: make another list",
                              "/type");
        }
        stamp(list, &current.body, call.context().now());
        return list;
      });
}

HttpResponse edit_list(const Call& call) {
  const std::string& id = call.arguments[0];
  const auto body = call.body();
  if (!body) return body.error();
  for (const auto& [key, value] : *body) {
    if (key != "append" && key != "remove")
      return invalid("/" + std::string(key), "is not known here; there are `append` and `remove`");
    if (!value.is_array() && !value.is_null())
      return invalid("/" + std::string(key), "must be a list");
  }
  std::set<std::string, std::less<>> removed;
  if (const auto* remove = json::find_array(*body, "remove")) {
    for (std::size_t i = 0; i < remove->size(); ++i) {
      if (!(*remove)[i].is_string())
        return invalid("/remove/" + std::to_string(i), "must be text: the value of an item");
      removed.emplace((*remove)[i].get_string());
    }
  }
  const auto* append = json::find_array(*body, "append");
  std::size_t kept = 0;
  const auto value_of = [](const json::value& item) {
    const auto* object = item.if_object();
    return object == nullptr ? std::nullopt : json::find_string(*object, "value");
  };
  for (std::size_t i = 0; append != nullptr && i < append->size(); ++i) {
    if (!value_of((*append)[i])) {
      return invalid("/append/" + std::to_string(i) + ((*append)[i].is_object() ? "/value" : ""),
                     (*append)[i].is_object() ? "must be text" : "must be an object");
    }
  }
  auto response = call.services.gateway.change(
      call.actor(),
      [&](const Documents& documents)
          -> std::expected<std::vector<controlplane::Edit>, ChangeError> {
        const Document* current = GATEHOUSE_TRY(for_change(call, documents, Kind::List, id));
        json::object list = current->body;
        json::array items;
        std::set<std::string, std::less<>> present;
        if (const auto* old = json::find_array(list, "items")) {
          for (const json::value& item : *old) {
            const auto value = value_of(item).value_or("");
            if (removed.contains(value)) continue;
            present.emplace(value);
            items.push_back(item);
          }
        }
        kept = items.size();
        if (append != nullptr) {
          for (const json::value& item : *append)
            if (present.emplace(*value_of(item)).second) items.push_back(item);
        }
        list["items"] = std::move(items);
        stamp(list, &current->body, call.context().now());
        return std::vector<controlplane::Edit>{{Kind::List, id, std::move(list)}};
      });
  if (response) return show_document(call, lists(), id);
  // The client wrote the new items alone.
  for (auto& problem : response.error().problems) {
    constexpr std::string_view kItems = "/items/";
    if (!problem.pointer.starts_with(kItems)) continue;
    const auto end = problem.pointer.find('/', kItems.size());
    const auto index = std::strtoull(problem.pointer.c_str() + kItems.size(), nullptr, 10);
    if (index < kept) continue;
    problem.pointer = "/append/" + std::to_string(index - kept) +
                      (end == std::string::npos ? "" : problem.pointer.substr(end));
  }
  return change_failed(response.error());
}

HttpResponse list_items(const Call& call) {
  const auto documents = documents_of(call);
  const Document* document = documents->find(Kind::List, call.arguments[0]);
  if (document == nullptr) return not_found();
  const auto* items = json::find_array(document->body, "items");
  return list_page(call, 1000, items == nullptr ? json::array{} : *items);
}

}  // namespace

void add_lists(std::vector<Operation>& operations) {
  static constexpr Paths kPaths{"gateway/lists", "gateway/lists/{list_id}", kFamily};
  const auto collection = std::make_shared<const Collection>(lists());
  operations.push_back({"GET", kPaths.all, kFamily, Access::Read, list_lists});
  operations.push_back({"GET", kPaths.one, kFamily, Access::Read, [](const Call& call) {
                          return show_document(call, lists(), call.arguments[0]);
                        }});
  operations.push_back({"GET", "gateway/lists/{list_id}/items", kFamily, Access::Read, list_items});
  operations.push_back({"POST", kPaths.all, kFamily, Access::Write, create_list});
  operations.push_back({"PUT", kPaths.one, kFamily, Access::Write, replace_list});
  operations.push_back({"PATCH", kPaths.one, kFamily, Access::Write, edit_list});
  add_remove(operations, kPaths, collection);
}

}  // namespace gatehouse::adapters::admin_api
