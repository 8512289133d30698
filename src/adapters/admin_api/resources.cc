#include "adapters/admin_api/resources.h"

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "base/time.h"
#include "base/try.h"
#include "crypto/digest.h"
#include "platform/random.h"

namespace gatehouse::adapters::admin_api {
namespace {

using controlplane::ChangeError;
using controlplane::ChangeErrorKind;
using controlplane::Edit;
using policy::Document;
using policy::Documents;

constexpr std::size_t kEtagBytes = 16;

Show shower(const Call& call, const Collection& collection, const Documents& documents) {
  Show show = collection.make_show ? collection.make_show(call, documents)
                                   : [](const Document& document) { return document.body; };
  return [show = std::move(show)](const Document& document) {
    json::object shown = show(document);
    shown["created_at"] = format_rfc3339(document.created_at);
    shown["updated_at"] = format_rfc3339(document.updated_at);
    return shown;
  };
}

Wanted by_name(const Call& call) {
  return [name = call.query("name").value_or(""),
          search = call.query("search").value_or("")](const Document& document) {
    return (name.empty() || document.name == name) &&
           (search.empty() || contains(document.name, search));
  };
}

std::string quoted_digest(std::string_view text) {
  return "\"" + hex_encode(crypto::sha256(text).substr(0, kEtagBytes)) + "\"";
}

}  // namespace

std::shared_ptr<const Documents> documents_of(const Call& call) {
  const auto configuration = call.context().configuration();
  if (configuration) return configuration->documents;
  static const auto kNone = std::make_shared<const Documents>();
  return kNone;
}

net::HttpResponse list_documents(const Call& call, const Collection& collection) {
  Paging paging;
  if (collection.per_page > 0) {
    auto asked = paging_of(call, collection.per_page);
    if (!asked) return std::move(asked.error());
    paging = *asked;
  }
  const auto documents = documents_of(call);
  const Wanted wanted = collection.make_wanted ? collection.make_wanted(call) : by_name(call);
  std::vector<const Document*> found;
  for (const auto& document : documents->of(collection.kind))
    if (wanted(*document)) found.push_back(document.get());
  const std::size_t total = found.size();
  if (collection.per_page == 0) paging = {1, std::max<std::size_t>(total, 1)};
  const std::size_t begin = std::min(paging.offset(), total);
  const std::size_t end = std::min(begin + paging.per_page, total);
  json::array page;
  page.reserve(end - begin);
  if (begin < end) {
    const Show show = shower(call, collection, *documents);
    for (std::size_t i = begin; i < end; ++i) page.emplace_back(show(*found[i]));
  }
  if (collection.per_page == 0) return whole_list(std::move(page));
  return list(std::move(page), paging.page, paging.per_page, total);
}

net::HttpResponse list_page(const Call& call, std::size_t default_per_page, json::array items) {
  auto paging = paging_of(call, default_per_page);
  if (!paging) return std::move(paging.error());
  const std::size_t total = items.size();
  const std::size_t begin = std::min(paging->offset(), total);
  const std::size_t end = std::min(begin + paging->per_page, total);
  json::array page(items.begin() + begin, items.begin() + end);
  return list(std::move(page), paging->page, paging->per_page, total);
}

net::HttpResponse show_document(const Call& call, const Collection& collection, std::string_view id,
                                int status) {
  const auto documents = documents_of(call);
  const Document* document = documents->find(collection.kind, id);
  if (document == nullptr) return not_found();
  auto response = success(shower(call, collection, *documents)(*document), status);
  response.headers.emplace_back("ETag", etag_of(*document));
  return response;
}

void take_out(json::object& body, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) body.erase(key);
}

std::expected<void, net::HttpResponse> take_out_id(json::object& body, std::string_view id,
                                                   std::string_view key) {
  const json::value* given = json::find(body, key);
  if (given == nullptr) return {};
  if (!given->is_null() && (!given->is_string() || given->get_string() != id))
    return std::unexpected(invalid("/" + std::string(key), "must be the one of the path"));
  body.erase(key);
  return {};
}

std::unexpected<ChangeError> change_error(ChangeErrorKind kind, std::string message,
                                          std::string pointer) {
  ChangeError error{kind, {}};
  if (!message.empty()) error.problems.push_back({0, std::move(pointer), std::move(message)});
  return std::unexpected(std::move(error));
}

std::expected<const Document*, ChangeError> for_change(const Call& call, const Documents& documents,
                                                       policy::Kind kind, std::string_view id) {
  const Document* document = documents.find(kind, id);
  if (document == nullptr) return change_error(ChangeErrorKind::NotFound);
  if (!if_match(call, etag_of(*document))) return change_error(ChangeErrorKind::Changed);
  return document;
}

bool if_match(const Call& call, std::string_view etag) {
  bool is_asked = false;
  for (const auto& [name, value] : call.request.headers) {
    if (!ascii_iequals(name, "If-Match")) continue;
    is_asked = true;
    std::string_view rest = value;
    while (!rest.empty()) {
      const auto comma = rest.find(',');
      const auto one = trim(rest.substr(0, comma));
      if (one == "*" || one == etag) return true;
      rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    }
  }
  return !is_asked;
}

std::string etag_of(const Document& document) {
  return quoted_digest(document.id + "\n" + format_rfc3339(document.updated_at) + "\n" +
                       json::serialize(document.body));
}

std::string etag_of(std::string_view id, const json::object& shown) {
  return quoted_digest(std::string(id) + "\n" + json::serialize(shown));
}

net::HttpResponse change(const Call& call, const controlplane::MakeEdits& make,
                         const std::function<net::HttpResponse()>& answer) {
  const auto outcome = call.services.gateway.change(call.actor(), make);
  return outcome ? answer() : change_failed(outcome.error());
}

net::HttpResponse create(const Call& call, const Collection& collection, json::object body) {
  const std::string id = random_uuid();
  body["id"] = id;
  return change(
      call,
      [&](const Documents&) -> std::expected<std::vector<Edit>, ChangeError> {
        return std::vector<Edit>{{collection.kind, id, body}};
      },
      [&] { return show_document(call, collection, id, collection.created); });
}

net::HttpResponse replace(const Call& call, const Collection& collection, const std::string& id,
                          json::object body) {
  return edit(call, collection, id, [&](const Document&, const Documents&) { return body; });
}

net::HttpResponse edit(const Call& call, const Collection& collection, const std::string& id,
                       const EditBody& edit, int status) {
  return change(
      call,
      [&](const Documents& documents) -> std::expected<std::vector<Edit>, ChangeError> {
        const Document* current = GATEHOUSE_TRY(for_change(call, documents, collection.kind, id));
        json::object body = GATEHOUSE_TRY(edit(*current, documents));
        if (!policy::is_single(collection.kind)) body["id"] = id;
        return std::vector<Edit>{{collection.kind, id, std::move(body)}};
      },
      [&] { return show_document(call, collection, id, status); });
}

net::HttpResponse remove(const Call& call, const Collection& collection, const std::string& id) {
  return change(
      call,
      [&](const Documents& documents) -> std::expected<std::vector<Edit>, ChangeError> {
        GATEHOUSE_TRY(for_change(call, documents, collection.kind, id));
        return std::vector<Edit>{{collection.kind, id, std::nullopt}};
      },
      [&] { return success(json::object{{"id", id}}, collection.removed); });
}

std::expected<json::object, net::HttpResponse> new_body(const Call& call, const Prepare& prepare) {
  json::object body = GATEHOUSE_TRY(call.body());
  take_out(body, {"id", "created_at", "updated_at"});
  if (prepare) GATEHOUSE_TRY_VOID(prepare(body));
  return body;
}

std::expected<json::object, net::HttpResponse> body_of(const Call& call, std::string_view id,
                                                       const Prepare& prepare) {
  json::object body = GATEHOUSE_TRY(call.body());
  GATEHOUSE_TRY_VOID(take_out_id(body, id));
  take_out(body, {"created_at", "updated_at"});
  if (prepare) GATEHOUSE_TRY_VOID(prepare(body));
  return body;
}

void add_reads(std::vector<Operation>& operations, const Paths& paths,
               std::shared_ptr<const Collection> collection) {
  operations.push_back(
      {"GET", paths.all, paths.family, Access::Read,
       [collection](const Call& call) { return list_documents(call, *collection); },
       paths.in_zones});
  operations.push_back({"GET", paths.one, paths.family, Access::Read,
                        [collection](const Call& call) {
                          return show_document(call, *collection, call.arguments[0]);
                        },
                        paths.in_zones});
}

void add_create(std::vector<Operation>& operations, const Paths& paths,
                std::shared_ptr<const Collection> collection, Prepare prepare) {
  operations.push_back({"POST", paths.all, paths.family, Access::Write,
                        [collection, prepare = std::move(prepare)](const Call& call) {
                          auto body = new_body(call, prepare);
                          return body ? create(call, *collection, std::move(*body))
                                      : std::move(body.error());
                        },
                        paths.in_zones});
}

void add_replace(std::vector<Operation>& operations, const Paths& paths,
                 std::shared_ptr<const Collection> collection, Prepare prepare) {
  operations.push_back({"PUT", paths.one, paths.family, Access::Write,
                        [collection, prepare = std::move(prepare)](const Call& call) {
                          const std::string& id = call.arguments[0];
                          auto body = body_of(call, id, prepare);
                          return body ? replace(call, *collection, id, std::move(*body))
                                      : std::move(body.error());
                        },
                        paths.in_zones});
}

void add_remove(std::vector<Operation>& operations, const Paths& paths,
                std::shared_ptr<const Collection> collection) {
  operations.push_back(
      {"DELETE", paths.one, paths.family, Access::Write,
       [collection](const Call& call) { return remove(call, *collection, call.arguments[0]); },
       paths.in_zones});
}

bool contains(std::string_view text, std::string_view part) {
  return ascii_lower(text).find(ascii_lower(part)) != std::string::npos;
}

}  // namespace gatehouse::adapters::admin_api
