#include "controlplane/audit.h"

#include <spdlog/spdlog.h>

#include <utility>

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

void audit(Context& context, AuditEntry entry) { append(context, "", std::move(entry)); }

}  // namespace gatehouse::controlplane
