#include "controlplane/audit.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "controlplane/tally.h"

namespace gatehouse::controlplane {
namespace {

void append(Context& context, std::string ip, AuditEntry entry) {
  storage::AuditEvent event;
  event.at = context.now();
  event.event = entry.event;
  event.actor = entry.actor;
  event.ip = std::move(ip);
  event.application = entry.application;
  event.reason = entry.reason;
  event.details = std::move(entry.details);
  count_event(context.tally, event);
  if (const auto appended = context.dependencies.store.append_audit(event); !appended) {
    ++context.audit_failures;
    spdlog::error("audit_failed event={} message=\"{}\"", event.event, appended.error().message);
  }
}

}  // namespace

void audit(Context& context, const Browser& browser, AuditEntry entry) {
  entry.details["reference"] = browser.reference;
  append(context, browser.address.to_string(), std::move(entry));
}

void audit(Context& context, const Actor& actor, AuditEntry entry) {
  entry.actor = actor.name;
  if (!actor.reference.empty()) entry.details["reference"] = actor.reference;
  append(context, actor.ip, std::move(entry));
}

void audit(Context& context, AuditEntry entry) { append(context, "", std::move(entry)); }

json::object attempt_details(const Context& context, const Configuration& configuration,
                             const Browser& browser,
                             const decision::CompiledApplication& application,
                             std::string_view method) {
  json::object details{{"method", method},
                       {"connection", ""},
                       {"country", context.country_of(browser.address)},
                       {"app_name", application.name},
                       {"app_domain", application.domains.empty() ? application.hostname
                                                                  : application.domains.front()},
                       {"aud", application.audience}};
  for (const auto& provider : configuration.resources->identity_providers)
    if (provider.id == method) details["connection"] = provider.type;
  return details;
}

}  // namespace gatehouse::controlplane
