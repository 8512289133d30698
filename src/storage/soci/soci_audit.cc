// The audit log.
#include <fmt/format.h>

#include <algorithm>

#include "storage/soci/soci_store.h"

namespace gatehouse::storage {

using soci::into;
using soci::use;

namespace {

std::vector<AuditEvent> fetch_events(soci::session& sql, Conditions& conditions,
                                     std::string_view order, std::size_t limit,
                                     std::size_t offset) {
  AuditEvent event;
  long long at = 0;
  std::string details;
  soci::statement rows(sql);
  conditions.bind(rows);
  rows.exchange(into(at));
  rows.exchange(into(event.event));
  rows.exchange(into(event.actor));
  rows.exchange(into(event.ip));
  rows.exchange(into(event.application));
  rows.exchange(into(event.reason));
  rows.exchange(into(details));
  rows.alloc();
  rows.prepare(fmt::format("SELECT at, event, actor, ip, application, reason, details FROM audit{} "
                           "ORDER BY {} LIMIT {} OFFSET {}",
                           conditions.where(), order, row_count(limit), row_count(offset)),
               soci::details::st_one_time_query);
  rows.define_and_bind();
  rows.execute();
  std::vector<AuditEvent> events;
  while (rows.fetch()) {
    event.at = instant(at);
    const auto parsed = json::parse(details, kStoredJson);
    if (!parsed || !parsed->is_object()) throw GivenUp("details are not an object");
    event.details = parsed->get_object();
    events.push_back(event);
  }
  return events;
}

void add_match(Conditions& conditions, std::string_view column, AuditQuery::Match match,
               const std::string& value) {
  if (value.empty()) return;
  switch (match) {
    case AuditQuery::Match::Equal:
      conditions.add(fmt::format("{} = ?", column), text(value));
      return;
    case AuditQuery::Match::NotEqual:
      conditions.add(fmt::format("{} <> ?", column), text(value));
      return;
    case AuditQuery::Match::Contains:
      conditions.add(fmt::format("LOWER({}) LIKE ? ESCAPE '!'", column), like_pattern(value));
      return;
  }
}

}  // namespace

void SociStore::insert_audit(soci::session& sql, const AuditEvent& event) {
  const long long at = seconds(event.at);
  const std::string name = indexed_text(event.event);
  const std::string actor = indexed_text(event.actor);
  const std::string ip = mended_text(event.ip);
  const std::string application = indexed_text(event.application);
  const std::string reason = mended_text(event.reason);
  const std::string details = mended_text(json::serialize(event.details));
  sql << "INSERT INTO audit (at, event, actor, ip, application, reason, details) "
         "VALUES (:at, :event, :actor, :ip, :application, :reason, :details)",
      use(at, "at"), use(name, "event"), use(actor, "actor"), use(ip, "ip"),
      use(application, "application"), use(reason, "reason"), use(details, "details");
}

Result<void> SociStore::append_audit(const AuditEvent& event) {
  return write("append to the audit log", [&](soci::session& sql) { insert_audit(sql, event); });
}

Result<std::vector<AuditEvent>> SociStore::recent_audit(int limit) {
  return read("read the audit log", [&](soci::session& sql) {
    Conditions none;
    return fetch_events(sql, none, "serial DESC", static_cast<std::size_t>(std::max(limit, 0)), 0);
  });
}

Result<Page<AuditEvent>> SociStore::find_audit(const AuditQuery& query) {
  return read_snapshot("read the audit log", [&](soci::session& sql) {
    Conditions conditions;
    conditions.add_any("event", query.events);
    add_match(conditions, "actor", query.actor_match, query.actor);
    add_match(conditions, "application", query.application_match, query.application);
    if (!query.ip.empty()) conditions.add("ip = ?", text(query.ip));
    if (query.since) conditions.add("at >= ?", seconds(*query.since));
    if (query.until) conditions.add("at < ?", seconds(*query.until));
    Page<AuditEvent> page;
    page.total = count_rows(sql, "audit", conditions);
    if (query.offset >= page.total) return page;
    page.items =
        fetch_events(sql, conditions, query.oldest_first ? "at, serial" : "at DESC, serial DESC",
                     query.limit, query.offset);
    return page;
  });
}

}  // namespace gatehouse::storage
