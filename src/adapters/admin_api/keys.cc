// access/keys. Source: facts/cloudflare-access-api.md 8.
#include "adapters/admin_api/call.h"
#include "base/time.h"
#include "controlplane/signing_keys.h"

namespace gatehouse::adapters::admin_api {
namespace {

using net::HttpResponse;

constexpr std::string_view kFamily = "access/keys";

HttpResponse answer(
    const std::expected<controlplane::KeyConfiguration, controlplane::KeysError>& outcome) {
  if (!outcome) {
    switch (outcome.error().kind) {
      case controlplane::KeysErrorKind::BadInterval:
        return invalid("/key_rotation_interval_days", outcome.error().message);
      case controlplane::KeysErrorKind::Refused:
        return invalid("", outcome.error().message);
      case controlplane::KeysErrorKind::Unavailable:
        return unavailable();
    }
    return unavailable();
  }
  return success(
      json::object{{"days_until_next_rotation", outcome->days_until_next_rotation},
                   {"key_rotation_interval_days", outcome->key_rotation_interval_days},
                   {"last_key_rotation_at", format_rfc3339(outcome->last_key_rotation_at)}});
}

HttpResponse show(const Call& call) {
  return answer(controlplane::key_configuration(call.context()));
}

HttpResponse configure(const Call& call) {
  const auto body = call.body();
  if (!body) return body.error();
  if (const auto unknown = unknown_member(*body, {"key_rotation_interval_days"})) return *unknown;
  const auto days = json::find_int(*body, "key_rotation_interval_days");
  if (!days || *days < controlplane::kMinRotationIntervalDays ||
      *days > controlplane::kMaxRotationIntervalDays)
    return invalid("/key_rotation_interval_days", "must be a whole number from 21 to 365");
  return answer(controlplane::set_key_rotation_interval(call.context(), call.actor(),
                                                        static_cast<int>(*days)));
}

HttpResponse rotate(const Call& call) {
  auto& gateway = call.services.gateway;
  return answer(
      controlplane::rotate_keys(call.context(), call.actor(), [&gateway] { gateway.republish(); }));
}

}  // namespace

void add_keys(std::vector<Operation>& operations) {
  operations.push_back({"GET", "access/keys", kFamily, Access::Read, show});
  operations.push_back({"PUT", "access/keys", kFamily, Access::Write, configure});
  operations.push_back({"POST", "access/keys/rotate", kFamily, Access::Write, rotate});
}

}  // namespace gatehouse::adapters::admin_api
