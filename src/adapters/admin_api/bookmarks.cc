#include <utility>

#include "adapters/admin_api/resources.h"
#include "base/encoding.h"

namespace gatehouse::adapters::admin_api {
namespace {

using controlplane::ChangeError;
using controlplane::ChangeErrorKind;
using controlplane::Edit;

const Collection& bookmarks() {
  static const Collection collection{.kind = policy::Kind::Bookmark, .removed = 200};
  return collection;
}

// The official library sends no body at all: then a new one has a name and nothing else, and one
// that is there stays.
std::expected<json::object, net::HttpResponse> body_or_nothing(const Call& call) {
  if (call.request.body.empty()) return json::object{};
  return body_of(call, call.arguments[0]);
}

net::HttpResponse replace_bookmark(const Call& call) {
  const std::string& id = call.arguments[0];
  const auto body = body_or_nothing(call);
  if (!body) return body.error();
  return edit(call, bookmarks(), id,
              [&](const policy::Document& current, const policy::Documents&) {
                return call.request.body.empty() ? current.body : *body;
              });
}

// The client chooses the id, as in the original.
net::HttpResponse create_bookmark(const Call& call) {
  const std::string id = ascii_lower(call.arguments[0]);
  if (!is_uuid(id)) return invalid("/bookmark_id", "the id in the path must be a UUID");
  auto body = body_or_nothing(call);
  if (!body) return std::move(body.error());
  if (call.request.body.empty()) (*body)["name"] = "Bookmark " + id.substr(0, 8);
  (*body)["id"] = id;
  return change(
      call,
      [&](const policy::Documents& documents) -> std::expected<std::vector<Edit>, ChangeError> {
        if (documents.find(policy::Kind::Bookmark, id) != nullptr)
          return change_error(ChangeErrorKind::Invalid, "there is a bookmark with this id already");
        return std::vector<Edit>{{policy::Kind::Bookmark, id, *body}};
      },
      [&] { return show_document(call, bookmarks(), id); });
}

}  // namespace

void add_bookmarks(std::vector<Operation>& operations) {
  static constexpr Paths kPaths{"access/bookmarks", "access/bookmarks/{bookmark_id}",
                                "access/bookmarks"};
  const auto collection = std::make_shared<const Collection>(bookmarks());
  add_reads(operations, kPaths, collection);
  operations.push_back({"POST", kPaths.one, kPaths.family, Access::Write, create_bookmark});
  operations.push_back({"PUT", kPaths.one, kPaths.family, Access::Write, replace_bookmark});
  add_remove(operations, kPaths, collection);
}

}  // namespace gatehouse::adapters::admin_api
