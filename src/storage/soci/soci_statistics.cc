// What is counted, and how far.
#include <fmt/format.h>

#include "storage/soci/soci_store.h"

namespace gatehouse::storage {

using soci::into;
using soci::use;

Result<void> SociStore::add_counters(const CountersToAdd& added) {
  return write("add to the counters", [&](soci::session& sql) {
    const std::string node = text(added.node);
    for (const Counter& counter : added.counters) {
      const long long hour = seconds(counter.hour);
      const std::string name = text(counter.name);
      const std::string key = indexed_text(counter.key);
      const long long count = counter.count;
      sql << "INSERT INTO counters (hour, name, key, node, count) "
             "VALUES (:hour, :name, :key, :node, :count) ON CONFLICT (hour, name, key, node) "
             "DO UPDATE SET count = counters.count + excluded.count",
          use(hour, "hour"), use(name, "name"), use(key, "key"), use(node, "node"),
          use(count, "count");
    }
    for (const auto& [id, at] : added.service_tokens) {
      const std::string token = indexed_text(id);
      const long long seen = seconds(at);
      sql << "INSERT INTO service_token_uses (id, last_seen_at) VALUES (:id, :at) "
             "ON CONFLICT (id) DO UPDATE SET last_seen_at = excluded.last_seen_at "
             "WHERE service_token_uses.last_seen_at < excluded.last_seen_at",
          use(token, "id"), use(seen, "at");
    }
    if (!added.position) return;
    const std::string position = text(*added.position);
    sql << "INSERT INTO counted (node, position) VALUES (:node, :position) "
           "ON CONFLICT (node) DO UPDATE SET position = excluded.position",
        use(node, "node"), use(position, "position");
  });
}

Result<std::optional<std::string>> SociStore::counted_position(std::string_view node) {
  return read("read how far was counted", [&](soci::session& sql) -> std::optional<std::string> {
    const std::string key = text(node);
    std::string position;
    sql << "SELECT position FROM counted WHERE node = :node", use(key, "node"), into(position);
    return sql.got_data() ? std::optional(position) : std::nullopt;
  });
}

Result<std::vector<Counter>> SociStore::counters(Instant since, Instant until) {
  return read("read the counters", [&](soci::session& sql) {
    const long long from = seconds(since);
    const long long to = seconds(until);
    long long hour = 0;
    std::string name;
    long long count = 0;
    soci::statement rows =
        (sql.prepare << "SELECT hour, name, CAST(SUM(count) AS BIGINT) FROM counters "
                        "WHERE hour >= :since AND hour < :until AND key = '' "
                        "GROUP BY hour, name ORDER BY hour, name",
         use(from, "since"), use(to, "until"), into(hour), into(name), into(count));
    std::vector<Counter> found;
    rows.execute();
    while (rows.fetch()) found.push_back({instant(hour), name, "", count});
    return found;
  });
}

Result<std::vector<KeyCount>> SociStore::counters_by_key(std::string_view name, Instant since,
                                                         Instant until, std::size_t limit) {
  return read("read the counters", [&](soci::session& sql) {
    const std::string wanted = text(name);
    const long long from = seconds(since);
    const long long to = seconds(until);
    const long long most = row_count(limit);
    std::string key;
    long long count = 0;
    soci::statement rows =
        (sql.prepare << "SELECT key, CAST(SUM(count) AS BIGINT) AS total FROM counters "
                        "WHERE hour >= :since AND hour < :until AND name = :name AND key <> '' "
                        "GROUP BY key ORDER BY total DESC, key LIMIT :most",
         use(from, "since"), use(to, "until"), use(wanted, "name"), use(most, "most"), into(key),
         into(count));
    std::vector<KeyCount> found;
    rows.execute();
    while (rows.fetch()) found.push_back({key, count});
    return found;
  });
}

Result<std::map<std::string, Instant>> SociStore::service_token_uses() {
  return read("read when service tokens were seen", [&](soci::session& sql) {
    std::string id;
    long long at = 0;
    soci::statement rows =
        (sql.prepare << "SELECT id, last_seen_at FROM service_token_uses", into(id), into(at));
    std::map<std::string, Instant> found;
    rows.execute();
    while (rows.fetch()) found[id] = instant(at);
    return found;
  });
}

}  // namespace gatehouse::storage
