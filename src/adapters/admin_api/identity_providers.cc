#include <utility>

#include "adapters/admin_api/resources.h"
#include "base/try.h"
#include "platform/random.h"

namespace gatehouse::adapters::admin_api {
namespace {

using controlplane::ChangeError;
using controlplane::ChangeErrorKind;
using controlplane::Edit;
using policy::Document;
using policy::Documents;
using policy::Kind;

constexpr std::string_view kPin = "onetimepin";
constexpr std::string_view kRedirectUrl = "redirect_url";

// Of the types whose redirect URI the API shows.
bool shows_redirect_url(const json::object& body) {
  const auto type = json::find_string(body, "type");
  return type == kPin || type == "cloudflare";
}

Show show_providers(const Call& call, const Documents&) {
  const auto configuration = call.context().configuration();
  std::string callback =
      configuration ? configuration->snapshot->issuer() + "/cdn-cgi/access/callback" : "";
  return [callback = std::move(callback)](const Document& document) {
    json::object shown = document.body;
    if (shows_redirect_url(shown)) {
      json::value& config = shown["config"];
      if (!config.is_object()) config.emplace_object();
      config.get_object()[kRedirectUrl] = callback;
    }
    return shown;
  };
}

Wanted make_wanted(const Call& call) {
  return [asked = call.query("scim_enabled").value_or("")](const Document& document) {
    if (asked.empty()) return true;
    const auto* scim = json::find_object(document.body, "scim_config");
    const bool enabled = scim != nullptr && json::find_bool(*scim, "enabled").value_or(false);
    return enabled == (asked == "true");
  };
}

const Collection& providers() {
  static const Collection collection{.kind = Kind::IdentityProvider,
                                     .per_page = 200,
                                     .make_show = show_providers,
                                     .make_wanted = make_wanted};
  return collection;
}

std::expected<void, net::HttpResponse> prepare(json::object& body) {
  take_out(body, {"read_only", "saml_certificate_set"});
  if (!shows_redirect_url(body)) return {};
  if (json::value* config = body.if_contains("config"); config != nullptr && config->is_object())
    config->get_object().erase(kRedirectUrl);
  return {};
}

// There is at most one, as in the original.
std::expected<void, ChangeError> check_pin(const json::object& body, std::string_view id,
                                           const Documents& documents) {
  if (json::find_string(body, "type") != kPin) return {};
  for (const auto& other : documents.of(Kind::IdentityProvider)) {
    if (other->id != id && json::find_string(other->body, "type") == kPin)
      return change_error(ChangeErrorKind::Conflict, "a onetimepin connection already exists");
  }
  return {};
}

net::HttpResponse create_provider(const Call& call) {
  auto body = new_body(call, prepare);
  if (!body) return std::move(body.error());
  const std::string id = random_uuid();
  (*body)["id"] = id;
  return change(
      call,
      [&](const Documents& documents) -> std::expected<std::vector<Edit>, ChangeError> {
        GATEHOUSE_TRY_VOID(check_pin(*body, id, documents));
        return std::vector<Edit>{{Kind::IdentityProvider, id, *body}};
      },
      [&] { return show_document(call, providers(), id, 201); });
}

// A secret that is left out, or sent back masked, stays (controlplane::Edit).
net::HttpResponse replace_provider(const Call& call) {
  const std::string& id = call.arguments[0];
  const auto body = body_of(call, id, prepare);
  if (!body) return body.error();
  return edit(
      call, providers(), id,
      [&](const Document&, const Documents& documents) -> std::expected<json::object, ChangeError> {
        GATEHOUSE_TRY_VOID(check_pin(*body, id, documents));
        return *body;
      });
}

}  // namespace

void add_identity_providers(std::vector<Operation>& operations) {
  static constexpr Paths kPaths{"access/identity_providers",
                                "access/identity_providers/{identity_provider_id}",
                                "access/identity_providers", true};
  const auto collection = std::make_shared<const Collection>(providers());
  add_reads(operations, kPaths, collection);
  operations.push_back({"POST", kPaths.all, kPaths.family, Access::Write, create_provider, true});
  operations.push_back({"PUT", kPaths.one, kPaths.family, Access::Write, replace_provider, true});
  add_remove(operations, kPaths, collection);
}

}  // namespace gatehouse::adapters::admin_api
