#include <algorithm>
#include <array>
#include <utility>

#include "adapters/admin_api/application_policies.h"
#include "adapters/admin_api/resources.h"
#include "base/try.h"

namespace gatehouse::adapters::admin_api {
namespace {

using policy::Document;
using policy::Documents;

constexpr std::array<std::string_view, 4> kTypes{"identity_denied", "forbidden", "login",
                                                 "interstitial"};
constexpr std::size_t kMaxPageBytes = std::size_t{256} * 1024;

enum class Html : std::uint8_t { Omit, Show };

auto show_pages(Html html) {
  return [html](const Call&, const Documents& documents) -> Show {
    return [html,
            counts = count_in_applications(documents, "custom_pages")](const Document& document) {
      json::object shown = document.body;
      shown.erase("id");
      if (html == Html::Omit) shown.erase("custom_html");
      shown["uid"] = document.id;
      const auto count = counts.find(document.id);
      shown["app_count"] = count == counts.end() ? 0 : count->second;
      return shown;
    };
  };
}

// All but the reading of one page leave the page itself out.
const Collection& pages() {
  static const Collection collection{
      .kind = policy::Kind::CustomPage, .per_page = 50, .make_show = show_pages(Html::Omit)};
  return collection;
}

net::HttpResponse read_page(const Call& call) {
  static const Collection whole{.kind = policy::Kind::CustomPage,
                                .make_show = show_pages(Html::Show)};
  return show_document(call, whole, call.arguments[0]);
}

std::expected<void, net::HttpResponse> prepare_new(json::object& body) {
  take_out(body, {"uid", "app_count"});
  return {};
}

net::HttpResponse replace_page(const Call& call) {
  const std::string& id = call.arguments[0];
  auto body = body_of(call, id, [&](json::object& given) -> std::expected<void, net::HttpResponse> {
    GATEHOUSE_TRY_VOID(take_out_id(given, id, "uid"));
    take_out(given, {"app_count"});
    return {};
  });
  return body ? replace(call, pages(), id, std::move(*body)) : std::move(body.error());
}

json::object violation(std::string_view tier, std::string_view message) {
  return {{"tier", tier}, {"message", message}};
}

net::HttpResponse validate_page(const Call& call) {
  const auto body = call.body();
  if (!body) return body.error();
  if (const auto unknown = unknown_member(*body, {"template", "type", "version"})) return *unknown;
  const auto page = json::find_string(*body, "template");
  if (!page) return invalid("/template", "must be text");
  const auto type = json::find_string(*body, "type");
  if (!type || std::ranges::find(kTypes, *type) == kTypes.end()) {
    return invalid("/type", "must be `identity_denied`, `forbidden`, `login` or `interstitial`");
  }
  const json::value* version = json::find(*body, "version");
  if (version != nullptr && !version->is_null() && !json::find_int(*body, "version"))
    return invalid("/version", "must be a whole number");
  json::array errors;
  json::array warnings;
  if (page->empty()) errors.emplace_back(violation("error", "the page is empty"));
  if (page->size() > kMaxPageBytes)
    errors.emplace_back(violation("error", "the page has more than 256 KiB"));
  if (contains(*page, "<script")) {
    warnings.emplace_back(
        violation("warning", "the page's Content-Security-Policy lets no script run"));
  }
  if (contains(*page, "<iframe")) {
    warnings.emplace_back(
        violation("warning", "the page's Content-Security-Policy lets no frame be shown"));
  }
  if (*type == "login" || *type == "interstitial")
    warnings.emplace_back(violation("warning", "pages of this type are kept and not shown"));
  return success(json::object{{"errors", std::move(errors)},
                              {"warnings", std::move(warnings)},
                              {"page_type", *type},
                              {"version", json::find_int(*body, "version").value_or(1)}});
}

}  // namespace

void add_custom_pages(std::vector<Operation>& operations) {
  static constexpr Paths kPaths{"access/custom_pages", "access/custom_pages/{custom_page_id}",
                                "access/custom_pages"};
  const auto collection = std::make_shared<const Collection>(pages());
  operations.push_back(
      {"GET", kPaths.all, kPaths.family, Access::Read,
       [collection](const Call& call) { return list_documents(call, *collection); }});
  operations.push_back({"GET", kPaths.one, kPaths.family, Access::Read, read_page});
  operations.push_back(
      {"POST", "access/custom_pages/validate", kPaths.family, Access::Read, validate_page});
  add_create(operations, kPaths, collection, prepare_new);
  operations.push_back({"PUT", kPaths.one, kPaths.family, Access::Write, replace_page});
  add_remove(operations, kPaths, collection);
}

}  // namespace gatehouse::adapters::admin_api
