#include <array>
#include <utility>

#include "adapters/admin_api/resources.h"
#include "base/try.h"

namespace gatehouse::adapters::admin_api {
namespace {

using policy::Document;
using policy::Documents;
using policy::Kind;

constexpr std::string_view kFamily = "devices/posture";

const Collection& rules() {
  static const Collection collection{.kind = Kind::PostureRule,
                                     .created = 200,
                                     .removed = 200,
                                     .make_show = [](const Call&, const Documents&) -> Show {
                                       return [](const Document& document) {
                                         json::object shown = document.body;
                                         shown["enabled"] = true;
                                         return shown;
                                       };
                                     }};
  return collection;
}

// The original's description of a `config` has these three for every type that it knows; where a
// type has no such setting they are empty, and empty ones are none.
constexpr std::array<std::string_view, 3> kAlwaysShown{"api_url", "auth_url", "client_id"};

json::object complete_config(const Document& document) {
  json::object shown = document.body;
  json::value* config = shown.if_contains("config");
  if (json::find_string(shown, "type") == "tanium" || config == nullptr || !config->is_object())
    return shown;
  for (const std::string_view key : kAlwaysShown)
    if (!config->get_object().contains(key)) config->get_object()[key] = "";
  return shown;
}

std::expected<void, net::HttpResponse> prepare_integration(json::object& body) {
  json::value* config = body.if_contains("config");
  if (config == nullptr || !config->is_object()) return {};
  for (const std::string_view key : kAlwaysShown)
    if (json::find_string(config->get_object(), key) == "") config->get_object().erase(key);
  return {};
}

const Collection& integrations() {
  static const Collection collection{
      .kind = Kind::PostureIntegration,
      .created = 200,
      .removed = 200,
      .make_show = [](const Call&, const Documents&) -> Show { return complete_config; }};
  return collection;
}

std::expected<void, net::HttpResponse> prepare_rule(json::object& body) {
  take_out(body, {"enabled"});
  return {};
}

// What is not spoken of stays, also within `config`; another type has a config of its own.
net::HttpResponse edit_integration(const Call& call) {
  const std::string& id = call.arguments[0];
  const auto body = body_of(call, id, prepare_integration);
  if (!body) return body.error();
  return edit(call, integrations(), id, [&](const Document& current, const Documents&) {
    json::object changed = current.body;
    const json::value* type = json::find(*body, "type");
    const bool is_same_type =
        type == nullptr || type->is_null() || *type == current.body.at("type");
    for (const auto& [key, value] : *body) {
      if (value.is_null()) continue;
      json::value& place = changed[key];
      if (key == "config" && is_same_type && place.is_object() && value.is_object()) {
        for (const auto& [name, setting] : value.get_object()) place.get_object()[name] = setting;
      } else {
        place = value;
      }
    }
    return changed;
  });
}

}  // namespace

void add_device_posture(std::vector<Operation>& operations) {
  static constexpr Paths kRules{"devices/posture", "devices/posture/{rule_id}", kFamily};
  static constexpr Paths kIntegrations{"devices/posture/integration",
                                       "devices/posture/integration/{integration_id}", kFamily};
  const auto rule_collection = std::make_shared<const Collection>(rules());
  add_reads(operations, kRules, rule_collection);
  add_create(operations, kRules, rule_collection, prepare_rule);
  add_replace(operations, kRules, rule_collection, prepare_rule);
  add_remove(operations, kRules, rule_collection);
  const auto integration_collection = std::make_shared<const Collection>(integrations());
  add_reads(operations, kIntegrations, integration_collection);
  add_create(operations, kIntegrations, integration_collection, prepare_integration);
  operations.push_back({"PATCH", kIntegrations.one, kFamily, Access::Write, edit_integration});
  add_remove(operations, kIntegrations, integration_collection);
}

}  // namespace gatehouse::adapters::admin_api
