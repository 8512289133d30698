// gatehouse/tests: a real sign-in or check of a device, in the administrator's own browser.
#include <fmt/format.h>

#include <utility>

#include "adapters/admin_api/call.h"
#include "base/time.h"
#include "controlplane/audit.h"
#include "controlplane/trial.h"

namespace gatehouse::adapters::admin_api {
namespace {

using controlplane::TrialError;
using controlplane::TrialKind;
using net::HttpResponse;

constexpr std::string_view kFamily = "gatehouse/tests";

// Who reads the result: the one that started it, by whatever it is known.
std::string owner_of(const Call& call) {
  switch (call.asker) {
    case Asker::Token:
      return "token/" + call.token.id;
    case Asker::Person:
      return "person/" + call.token.name;
    case Asker::Socket:
      break;
  }
  return "socket";
}

HttpResponse trial_failed(TrialError error, std::string_view pointer) {
  switch (error) {
    case TrialError::NotReady:
    case TrialError::StoreUnavailable:
      return unavailable();
    case TrialError::TooMany: {
      auto response =
          failure(429, {{kRateLimited, std::string(controlplane::to_string(error)), ""}});
      response.headers.emplace_back("Retry-After",
                                    std::to_string(controlplane::kTrialTicketLifetime.count()));
      return response;
    }
    case TrialError::PinNotSetUp:
      return conflict(controlplane::to_string(error));
    case TrialError::UnknownLoginMethod:
    case TrialError::CannotSignIn:
    case TrialError::UnknownIntegration:
    case TrialError::NoExchange:
      break;
  }
  return invalid(pointer, controlplane::to_string(error));
}

HttpResponse start(const Call& call) {
  const auto body = call.body();
  if (!body) return body.error();
  const auto kind = json::find_string(*body, "kind").value_or("");
  if (kind != "login" && kind != "device") return invalid("/kind", "must be one of login, device");
  const bool is_login = kind == "login";
  const std::string_view member = is_login ? "identity_provider_id" : "integration_id";
  if (const auto unknown = unknown_member(*body, {"kind", member})) return *unknown;
  const std::string pointer = fmt::format("/{}", member);
  const auto subject = json::find_string(*body, member);
  if (!subject || subject->empty()) return invalid(pointer, "must say what is to be tested");
  const auto started = controlplane::start_trial(
      call.context(), owner_of(call), is_login ? TrialKind::Login : TrialKind::Device, *subject);
  if (!started) return trial_failed(started.error(), pointer);
  controlplane::audit(call.context(), call.actor(),
                      {controlplane::audit_event::kTestStarted,
                       "",
                       "",
                       "",
                       {{"id", started->id}, {"kind", kind}, {"subject", *subject}}});
  return success(json::object{{"id", started->id},
                              {"url", started->url},
                              {"expires_at", format_rfc3339(started->expires_at)}},
                 201);
}

HttpResponse show(const Call& call) {
  auto found = controlplane::find_trial(call.context(), owner_of(call), call.arguments.front());
  if (!found) return unavailable();
  return *found ? success(std::move(**found)) : not_found();
}

}  // namespace

// What it says of a person is for those who may change things.
void add_tests(std::vector<Operation>& operations) {
  operations.push_back({"POST", "gatehouse/tests", kFamily, Access::Write, start});
  operations.push_back({"GET", "gatehouse/tests/{test_id}", kFamily, Access::Read, show});
}

}  // namespace gatehouse::adapters::admin_api
