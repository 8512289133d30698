#include <algorithm>

#include "adapters/admin_api/application_policies.h"
#include "adapters/admin_api/resources.h"
#include "base/try.h"

namespace gatehouse::adapters::admin_api {
namespace {

using controlplane::ChangeError;
using controlplane::ChangeErrorKind;
using controlplane::Edit;
using policy::Document;
using policy::Documents;
using policy::Kind;

Show show_tags(const Call&, const Documents& documents) {
  return [counts = count_in_applications(documents, "tags")](const Document& document) {
    json::object shown = document.body;
    const auto count = counts.find(document.id);
    shown["app_count"] = count == counts.end() ? 0 : count->second;
    return shown;
  };
}

const Collection& tags() {
  static const Collection collection{.kind = Kind::Tag, .per_page = 50, .make_show = show_tags};
  return collection;
}

// A tag is its name: there is no other id.
std::expected<std::string, net::HttpResponse> name_of(const Call& call, json::object& body) {
  body = GATEHOUSE_TRY(call.body());
  take_out(body, {"app_count", "created_at", "updated_at"});
  const auto name = json::find_string(body, "name");
  if (!name || name->empty()) return std::unexpected(invalid("/name", "must be text"));
  return std::string(*name);
}

net::HttpResponse create_tag(const Call& call) {
  json::object body;
  const auto name = name_of(call, body);
  if (!name) return name.error();
  return change(
      call,
      [&](const Documents& documents) -> std::expected<std::vector<Edit>, ChangeError> {
        if (documents.find(Kind::Tag, *name) != nullptr) {
          return change_error(ChangeErrorKind::Invalid,
                              "`" + *name + "` is already the name of another tag", "/name");
        }
        return std::vector<Edit>{{Kind::Tag, *name, body}};
      },
      [&] { return show_document(call, tags(), *name, 201); });
}

// Another name is taken over by the applications that have the tag.
net::HttpResponse replace_tag(const Call& call) {
  const std::string& before = call.arguments[0];
  json::object body;
  const auto name = name_of(call, body);
  if (!name) return name.error();
  return change(
      call,
      [&](const Documents& documents) -> std::expected<std::vector<Edit>, ChangeError> {
        GATEHOUSE_TRY(for_change(call, documents, Kind::Tag, before));
        std::vector<Edit> edits{{Kind::Tag, *name, body}};
        if (*name == before) return edits;
        if (documents.find(Kind::Tag, *name) != nullptr) {
          return change_error(ChangeErrorKind::Invalid,
                              "`" + *name + "` is already the name of another tag", "/name");
        }
        edits.push_back({Kind::Tag, before, std::nullopt});
        for (const auto& application : documents.of(Kind::Application)) {
          const auto* has = json::find_array(application->body, "tags");
          if (has == nullptr || std::ranges::find(*has, json::value(before)) == has->end())
            continue;
          json::object changed = application->body;
          std::ranges::replace(changed["tags"].as_array(), json::value(before), json::value(*name));
          edits.push_back({Kind::Application, application->id, std::move(changed)});
        }
        return edits;
      },
      [&] { return show_document(call, tags(), *name); });
}

net::HttpResponse remove_tag(const Call& call) {
  const std::string& name = call.arguments[0];
  return change(
      call,
      [&](const Documents& documents) -> std::expected<std::vector<Edit>, ChangeError> {
        GATEHOUSE_TRY(for_change(call, documents, Kind::Tag, name));
        return std::vector<Edit>{{Kind::Tag, name, std::nullopt}};
      },
      [&] { return success(json::object{{"name", name}}, 202); });
}

}  // namespace

void add_tags(std::vector<Operation>& operations) {
  static constexpr Paths kPaths{"access/tags", "access/tags/{tag_name}", "access/tags"};
  add_reads(operations, kPaths, std::make_shared<const Collection>(tags()));
  operations.push_back({"POST", kPaths.all, kPaths.family, Access::Write, create_tag});
  operations.push_back({"PUT", kPaths.one, kPaths.family, Access::Write, replace_tag});
  operations.push_back({"DELETE", kPaths.one, kPaths.family, Access::Write, remove_tag});
}

}  // namespace gatehouse::adapters::admin_api
