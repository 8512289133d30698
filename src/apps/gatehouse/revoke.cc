#include "apps/gatehouse/revoke.h"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <iterator>
#include <vector>

#include "apps/gatehouse/serve.h"
#include "base/encoding.h"
#include "base/json.h"
#include "controlplane/revocation.h"

namespace gatehouse::apps {
namespace {

using controlplane::RevocationError;
using controlplane::RevocationResult;

constexpr std::string_view kActor = "gatehouse revoke";
constexpr std::size_t kMaxTokenText = 64 * 1024;  // with white space around it

struct Kind {
  const char* name;
  std::string RevokeArguments::* argument;
  RevocationResult (*call)(controlplane::Context&, std::string_view, std::string_view);
};
constexpr Kind kKinds[] = {
    {"session", &RevokeArguments::session, controlplane::revoke_session},
    {"user", &RevokeArguments::user, controlplane::revoke_user},
    {"device", &RevokeArguments::device, controlplane::revoke_device},
    {"application", &RevokeArguments::application, controlplane::revoke_application},
    {"token", &RevokeArguments::token, controlplane::revoke_token},
};

net::HttpResponse answer(int status, const json::object& body) {
  return {status, {{"Content-Type", "application/json"}}, json::serialize(body)};
}

std::string count_of_sessions(std::int64_t sessions) {
  return fmt::format("{} {}", sessions, sessions == 1 ? "session" : "sessions");
}

std::string done(std::string_view what, std::string_view name, std::int64_t sessions,
                 bool restored) {
  if (what == "session") return fmt::format("Ended the session of {}.", name);
  if (what == "user") return fmt::format("Ended {} of {}.", count_of_sessions(sessions), name);
  if (what == "application")
    return fmt::format("Revoked every token of {} issued until now.", name);
  if (what == "token") return fmt::format("Revoked token {}.", name);
  if (restored) return fmt::format("Device {} is accepted again.", name);
  return fmt::format("Revoked device {}, ended {}.", name, count_of_sessions(sessions));
}

}  // namespace

int revoke(const RevokeArguments& arguments, const std::string& state_directory, Output output) {
  std::vector<const Kind*> given;
  for (const auto& kind : kKinds)
    if (!(arguments.*kind.argument).empty()) given.push_back(&kind);
  if (given.size() != 1 || (arguments.restore && arguments.device.empty())) {
    std::cerr << "gatehouse: "
              << (given.size() == 1
                      ? "--restore is for --device"
                      : "give one of --session, --user, --device, --application, --token")
              << "\n";
    return kExitUsage;
  }
  const Kind& kind = *given.front();
  std::string key = arguments.*kind.argument;
  if (kind.argument == &RevokeArguments::token && key == "-") {
    key.resize(kMaxTokenText);
    std::cin.read(key.data(), static_cast<std::streamsize>(key.size()));
    key.resize(static_cast<std::size_t>(std::cin.gcount()));
  }
  if (!is_valid_utf8(key)) {
    std::cerr << "gatehouse: --" << kind.name << ": is not UTF-8\n";
    return kExitUsage;
  }
  net::OutboundRequest request;
  request.method = "POST";
  request.url = "http://gatehouse/revoke";
  request.headers = {{"Content-Type", "application/json"}};
  request.body = json::serialize(
      json::object{{"what", kind.name}, {"key", key}, {"restore", arguments.restore}});
  const auto reply = ask_gateway(state_directory, request);
  if (!reply) return kExitFailure;
  const auto& [status, body] = *reply;
  if (status != 200) {
    std::cerr << "gatehouse: --" << kind.name << ": "
              << json::find_string(body, "error").value_or("the gateway refused it") << "\n";
    return kExitFailure;
  }
  if (output == Output::Json) {
    std::cout << json::serialize(body) << "\n";
  } else {
    std::cout << printable(done(kind.name, json::find_string(body, "name").value_or(key),
                                json::find_int(body, "sessions").value_or(0), arguments.restore))
              << "\n";
  }
  if (json::find_bool(body, "enforced").value_or(false)) return kExitOk;
  std::cerr << "gatehouse: recorded, but the node state could not be written: until the gateway "
               "has, nginx goes on as before\n";
  return kExitFailure;
}

net::HttpResponse answer_revoke(controlplane::Gateway::Context& context,
                                const net::HttpRequest& request) {
  const auto body = json::parse(request.body);
  const auto* object = body ? body->if_object() : nullptr;
  const auto what = object ? json::find_string(*object, "what") : std::nullopt;
  const auto key = object ? json::find_string(*object, "key") : std::nullopt;
  const bool restore = object && json::find_bool(*object, "restore").value_or(false);
  const auto* kind =
      std::ranges::find_if(kKinds, [&](const Kind& one) { return what && *what == one.name; });
  if (kind == std::end(kKinds) || !key || (restore && kind->argument != &RevokeArguments::device))
    return answer(400, {{"error", "the request is not readable"}});
  const auto outcome = restore ? controlplane::restore_device(context, *key, kActor)
                               : kind->call(context, *key, kActor);
  if (!outcome) {
    const bool later = outcome.error() == RevocationError::StoreUnavailable ||
                       outcome.error() == RevocationError::NotReady;
    return answer(later ? 503 : 422, {{"error", controlplane::to_string(outcome.error())}});
  }
  return answer(200, {{"what", kind->name},
                      {"name", outcome->name},
                      {"sessions", outcome->sessions},
                      {"enforced", outcome->enforced}});
}

}  // namespace gatehouse::apps
