#include "apps/gatehouse/sessions.h"

#include <iostream>
#include <map>
#include <utility>
#include <vector>

#include "apps/gatehouse/serve.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/time.h"
#include "controlplane/context.h"
#include "controlplane/revocation.h"

namespace gatehouse::apps {
namespace {

net::HttpResponse answer(int status, const json::object& body) {
  return {status, {{"Content-Type", "application/json"}}, json::serialize(body)};
}

std::string text_of(const json::object& object, std::string_view key) {
  return std::string(json::find_string(object, key).value_or(""));
}

std::string joined(const json::array& texts) {
  std::string all;
  for (const auto& text : texts)
    if (text.is_string()) all.append(all.empty() ? "" : ", ").append(text.get_string());
  return all;
}

std::string devices_of(const json::object& session) {
  json::array names;
  if (const auto* devices = json::find_array(session, "devices")) {
    for (const auto& device : *devices)
      if (device.is_object()) names.emplace_back(text_of(device.get_object(), "device_id"));
  }
  return joined(names);
}

void print_sessions(const json::array& sessions) {
  std::vector<std::vector<std::string>> rows{
      {"NONCE", "E-MAIL", "LOGIN METHOD", "SINCE", "EXPIRES", "DEVICES"}};
  for (const auto& entry : sessions) {
    if (!entry.is_object()) continue;
    const auto& session = entry.get_object();
    rows.push_back({text_of(session, "nonce"), text_of(session, "email"),
                    text_of(session, "login_method"), text_of(session, "created_at"),
                    text_of(session, "expires_at"), devices_of(session)});
  }
  print_table(std::move(rows));
}

}  // namespace

int sessions(const std::string& user, const std::string& state_directory, Output output) {
  net::OutboundRequest request;
  request.url = "http://gatehouse/sessions?user=" + percent_encode(user);
  request.max_response_bytes = kMaxAnswerBytes;
  const auto reply = ask_gateway(state_directory, request);
  if (!reply) return kExitFailure;
  const auto& [status, body] = *reply;
  if (status != 200) {
    std::cerr << "gatehouse: " << (user.empty() ? "" : "--user: ")
              << json::find_string(body, "error").value_or("the gateway refused it") << "\n";
    return kExitFailure;
  }
  if (output == Output::Json) {
    std::cout << json::serialize(body) << "\n";
    return kExitOk;
  }
  const auto* list = json::find_array(body, "sessions");
  if (list == nullptr || list->empty())
    std::cout << "Nobody is signed in.\n";
  else
    print_sessions(*list);
  const auto* revoked = json::find_array(body, "revoked_devices");
  if (revoked != nullptr && !revoked->empty())
    std::cout << "Revoked devices: " << printable(joined(*revoked)) << "\n";
  return kExitOk;
}

net::HttpResponse answer_sessions(controlplane::Gateway::Context& context,
                                  const net::HttpRequest& request) {
  const auto refuse = [](controlplane::RevocationError error) {
    const bool user = error == controlplane::RevocationError::NoSuchUser;
    return answer(user ? 422 : 503, {{"error", controlplane::to_string(error)}});
  };
  const auto found =
      controlplane::sessions_of(context, request.query_parameter("user").value_or(""));
  if (!found) return refuse(found.error());
  const auto devices = controlplane::revoked_devices(context);
  if (!devices) return refuse(devices.error());
  std::map<std::string, std::string> methods;
  if (const auto configuration = context.configuration())
    for (const auto& provider : configuration->resources->identity_providers)
      methods[provider.id] = provider.name;
  json::array list;
  for (const auto& session : *found) {
    json::array evidence;
    for (const auto& one : session.posture)
      evidence.emplace_back(json::object{{"device_id", one.device_id},
                                         {"hostname", one.hostname},
                                         {"established_at", format_rfc3339(one.established_at)}});
    const auto method = methods.find(session.identity.login_method);
    list.emplace_back(json::object{
        {"nonce", session.nonce},
        {"email", session.identity.email},
        {"user_id", session.identity.user_id},
        {"login_method", method == methods.end() ? session.identity.login_method : method->second},
        {"created_at", format_rfc3339(session.created_at)},
        {"expires_at", format_rfc3339(session.expires_at)},
        {"devices", std::move(evidence)}});
  }
  json::array revoked;
  for (const auto& device : *devices) revoked.emplace_back(device);
  return answer(200, {{"sessions", std::move(list)}, {"revoked_devices", std::move(revoked)}});
}

}  // namespace gatehouse::apps
