// What the kinds of resources have in common: listing, reading and writing their documents.
#pragma once

#include <expected>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/admin_api/call.h"
#include "policy/documents.h"

namespace gatehouse::adapters::admin_api {

// What the API shows of a document. `created_at` and `updated_at` are added to it.
using Show = std::function<json::object(const policy::Document&)>;
using Wanted = std::function<bool(const policy::Document&)>;

struct Collection {
  policy::Kind kind = policy::Kind::Group;
  std::size_t per_page = 0;  // by default; 0: the list is never paged
  int created = 201;         // status of a POST and of a DELETE
  int removed = 202;
  // Both are made once a request, so that what must be counted is counted and what must be read is
  // read once. Absent: the document as it is.
  std::function<Show(const Call&, const policy::Documents&)> make_show{};
  // Which documents a list has. Absent: those with this `name`, and `search` as a part of it.
  std::function<Wanted(const Call&)> make_wanted{};
};

// The configuration in force; empty before the first.
[[nodiscard]] std::shared_ptr<const policy::Documents> documents_of(const Call& call);

[[nodiscard]] net::HttpResponse list_documents(const Call& call, const Collection& collection);
// One page of what has been selected already.
[[nodiscard]] net::HttpResponse list_page(const Call& call, std::size_t default_per_page,
                                          json::array items);
// With its ETag.
[[nodiscard]] net::HttpResponse show_document(const Call& call, const Collection& collection,
                                              std::string_view id, int status = 200);

// Taken out of a body before it is stored: what a client sends back because it was shown.
void take_out(json::object& body, std::initializer_list<std::string_view> keys);
// The same for `id`, which must be the one of the path where it is given.
[[nodiscard]] std::expected<void, net::HttpResponse> take_out_id(json::object& body,
                                                                 std::string_view id,
                                                                 std::string_view key = "id");

// One error of a MakeEdits.
[[nodiscard]] std::unexpected<controlplane::ChangeError> change_error(
    controlplane::ChangeErrorKind kind, std::string message = {}, std::string pointer = {});
// For MakeEdits: the document, if it is there and what `If-Match` demands.
[[nodiscard]] std::expected<const policy::Document*, controlplane::ChangeError> for_change(
    const Call& call, const policy::Documents& documents, policy::Kind kind, std::string_view id);
// Whether `If-Match` allows a change of what has this ETag; true without one.
[[nodiscard]] bool if_match(const Call& call, std::string_view etag);
[[nodiscard]] std::string etag_of(const policy::Document& document);
[[nodiscard]] std::string etag_of(std::string_view id, const json::object& shown);

// Makes the change, then answers.
[[nodiscard]] net::HttpResponse change(const Call& call, const controlplane::MakeEdits& make,
                                       const std::function<net::HttpResponse()>& answer);
[[nodiscard]] net::HttpResponse create(const Call& call, const Collection& collection,
                                       json::object body);
// `body` becomes the whole document, but for its id.
[[nodiscard]] net::HttpResponse replace(const Call& call, const Collection& collection,
                                        const std::string& id, json::object body);
// `edit` answers the new body by the document as it is; it may say what is wrong.
using EditBody = std::function<std::expected<json::object, controlplane::ChangeError>(
    const policy::Document& current, const policy::Documents& documents)>;
[[nodiscard]] net::HttpResponse edit(const Call& call, const Collection& collection,
                                     const std::string& id, const EditBody& edit, int status = 200);
[[nodiscard]] net::HttpResponse remove(const Call& call, const Collection& collection,
                                       const std::string& id);

// The usual operations of a kind. `prepare` takes out of a body what is only shown, beside `id`,
// `created_at` and `updated_at`, and says what is wrong with it.
struct Paths {
  std::string_view all;     // access/groups
  std::string_view one;     // access/groups/{group_id}
  std::string_view family;  // access/groups
  bool in_zones = false;
};
using Prepare = std::function<std::expected<void, net::HttpResponse>(json::object& body)>;
void add_reads(std::vector<Operation>& operations, const Paths& paths,
               std::shared_ptr<const Collection> collection);  // GET of all and of one
void add_create(std::vector<Operation>& operations, const Paths& paths,
                std::shared_ptr<const Collection> collection, Prepare prepare = {});  // POST
void add_replace(std::vector<Operation>& operations, const Paths& paths,
                 std::shared_ptr<const Collection> collection, Prepare prepare = {});  // PUT
void add_remove(std::vector<Operation>& operations, const Paths& paths,
                std::shared_ptr<const Collection> collection);  // DELETE

// The body of a write, without what is only shown.
[[nodiscard]] std::expected<json::object, net::HttpResponse> new_body(const Call& call,
                                                                      const Prepare& prepare = {});
// The same where the path names the resource.
[[nodiscard]] std::expected<json::object, net::HttpResponse> body_of(const Call& call,
                                                                     std::string_view id,
                                                                     const Prepare& prepare = {});

// Whether `text` has `part` in it, in any case (ASCII).
[[nodiscard]] bool contains(std::string_view text, std::string_view part);

}  // namespace gatehouse::adapters::admin_api
