#include "apps/gatehouse/keys.h"

#include <fmt/format.h>

#include <iostream>
#include <string_view>
#include <vector>

#include "apps/gatehouse/node.h"
#include "apps/gatehouse/serve.h"
#include "base/json.h"
#include "base/time.h"
#include "controlplane/context.h"
#include "controlplane/signing_keys.h"

namespace gatehouse::apps {
namespace {

const controlplane::Actor kActor{"gatehouse keys", "", ""};

net::HttpResponse answer(int status, const json::object& body) {
  return {status, {{"Content-Type", "application/json"}}, json::serialize(body)};
}

net::HttpResponse refuse(const controlplane::KeysError& error) {
  return answer(error.kind == controlplane::KeysErrorKind::Unavailable ? 503 : 422,
                {{"error", error.message}});
}

// Newest first in the store: the successor, the one that signs, those that signed before.
json::array keys_of(const std::vector<storage::StoredSigningKey>& stored, Instant now) {
  json::array keys;
  std::size_t live = 0;
  for (const auto& key : stored) {
    if (key.retires_at && *key.retires_at <= now) continue;
    const std::string_view state = key.retires_at ? "retiring"
                                   : live == 0    ? "successor"
                                                  : "current";
    ++live;
    json::object entry{
        {"kid", key.kid}, {"state", state}, {"created_at", format_rfc3339(key.created_at)}};
    if (key.retires_at) entry["retires_at"] = format_rfc3339(*key.retires_at);
    keys.emplace_back(std::move(entry));
  }
  return keys;
}

}  // namespace

int keys(const std::string& action, const std::string& state_directory, Output output) {
  net::OutboundRequest request;
  request.url = "http://gatehouse/keys" + (action == "list" ? "" : "/" + action);
  if (action != "list") request.method = "POST";
  const auto reply = ask_gateway(state_directory, request);
  if (!reply) return kExitFailure;
  const auto& [status, body] = *reply;
  if (status != 200) {
    std::cerr << "gatehouse: "
              << json::find_string(body, "error").value_or("the gateway refused it") << "\n";
    return kExitFailure;
  }
  if (output == Output::Json) {
    std::cout << json::serialize(body) << "\n";
    return kExitOk;
  }
  const auto text = [](const json::object& of, std::string_view key) {
    return std::string(json::find_string(of, key).value_or(""));
  };
  if (action == "rotate") std::cout << "The successor signs from now on.\n";
  if (action == "rotate-master")
    std::cout << "Everything in the store is sealed with a new master key: back up `"
              << text(body, "master_key_file") << "`.\n";
  std::vector<std::vector<std::string>> rows{{"KEY", "STATE", "MADE", "GOOD UNTIL"}};
  if (const auto* list = json::find_array(body, "keys")) {
    for (const auto& entry : *list) {
      const auto* key = entry.if_object();
      if (key != nullptr)
        rows.push_back({text(*key, "kid"), text(*key, "state"), text(*key, "created_at"),
                        text(*key, "retires_at")});
    }
  }
  print_table(std::move(rows));
  std::cout << fmt::format("Rotated every {} days, next in {} days.\n",
                           json::find_int(body, "key_rotation_interval_days").value_or(0),
                           json::find_int(body, "days_until_next_rotation").value_or(0));
  return kExitOk;
}

net::HttpResponse answer_keys(Node& node, const net::HttpRequest&) {
  auto& context = node.gateway().context();
  const auto configuration = controlplane::key_configuration(context);
  if (!configuration) return refuse(configuration.error());
  const auto stored = context.dependencies.store.signing_keys();
  if (!stored) return answer(503, {{"error", stored.error().message}});
  return answer(200, {{"keys", keys_of(*stored, context.now())},
                      {"last_key_rotation_at", format_rfc3339(configuration->last_key_rotation_at)},
                      {"days_until_next_rotation", configuration->days_until_next_rotation},
                      {"key_rotation_interval_days", configuration->key_rotation_interval_days},
                      {"master_key_file", context.dependencies.vault.master_key_file().string()}});
}

net::HttpResponse answer_rotate_keys(Node& node, const net::HttpRequest& request) {
  const auto rotated = controlplane::rotate_keys(node.gateway().context(), kActor,
                                                 [&] { node.gateway().republish(); });
  return rotated ? answer_keys(node, request) : refuse(rotated.error());
}

net::HttpResponse answer_rotate_master_key(Node& node, const net::HttpRequest& request) {
  const auto rotated = controlplane::rotate_master_key(
      node.gateway().context(), kActor, [&] { static_cast<void>(node.gateway().follow()); });
  return rotated ? answer_keys(node, request) : refuse(rotated.error());
}

}  // namespace gatehouse::apps
