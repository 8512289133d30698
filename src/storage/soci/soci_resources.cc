// The installation's values and the resources.
#include <fmt/format.h>

#include "storage/soci/soci_store.h"

namespace gatehouse::storage {

using soci::into;
using soci::use;

Result<std::optional<std::string>> SociStore::find_value(std::string_view key) {
  return read("look for a value", [&](soci::session& sql) -> std::optional<std::string> {
    const std::string name = text(key);
    std::string value;
    sql << "SELECT value FROM installation WHERE key = :key", use(name, "key"), into(value);
    return sql.got_data() ? std::optional(std::move(value)) : std::nullopt;
  });
}

Result<std::string> SociStore::put_value_once(std::string_view key, std::string_view value) {
  return write("store a value", [&](soci::session& sql) {
    const std::string name = text(key);
    std::string stored = text(value);
    sql << "INSERT INTO installation (key, value) VALUES (:key, :value) ON CONFLICT DO NOTHING",
        use(name, "key"), use(stored, "value");
    sql << "SELECT value FROM installation WHERE key = :key", use(name, "key"), into(stored);
    return stored;
  });
}

Result<void> SociStore::put_value(std::string_view key, std::string_view value) {
  return write("store a value", [&](soci::session& sql) {
    const std::string name = text(key);
    const std::string given = text(value);
    sql << "INSERT INTO installation (key, value) VALUES (:key, :value) "
           "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        use(name, "key"), use(given, "value");
  });
}

Result<StoredResources> SociStore::load_resources() {
  return read_snapshot("load the resources", [](soci::session& sql) {
    StoredResources result;
    long long sequence = 0;
    sql << "SELECT sequence, applied_file FROM resource_state", into(sequence),
        into(result.applied_file);
    result.sequence = static_cast<std::uint64_t>(sequence);
    StoredResource row;
    std::string sealed;
    long long created = 0;
    long long updated = 0;
    soci::statement rows =
        (sql.prepare << "SELECT kind, id, document, sealed_secrets, origin, created_at, updated_at "
                        "FROM resources ORDER BY serial",
         into(row.kind), into(row.id), into(row.document), into(sealed), into(row.origin),
         into(created), into(updated));
    rows.execute();
    while (rows.fetch()) {
      row.sealed_secrets = decoded(sealed);
      row.created_at = instant(created);
      row.updated_at = instant(updated);
      result.resources.push_back(row);
    }
    return result;
  });
}

namespace {

// Whether it changed anything.
bool apply_change(soci::session& sql, const ResourceChange& change, long long at) {
  const std::string kind = text(change.kind);
  const std::string id = text(change.id);
  if (!change.document) {
    int done = 0;
    sql << "DELETE FROM resources WHERE kind = :kind AND id = :id RETURNING 1", use(kind, "kind"),
        use(id, "id"), into(done);
    return sql.got_data();
  }
  const std::string document = text(*change.document);
  const std::string sealed = base64_encode(change.sealed_secrets);
  const std::string origin = text(change.origin);
  sql << "INSERT INTO resources (kind, id, document, sealed_secrets, origin, created_at, "
         "updated_at) VALUES (:kind, :id, :document, :sealed, :origin, :at, :at) "
         "ON CONFLICT (kind, id) DO UPDATE SET document = excluded.document, "
         "sealed_secrets = excluded.sealed_secrets, origin = excluded.origin, "
         "updated_at = excluded.updated_at",
      use(kind, "kind"), use(id, "id"), use(document, "document"), use(sealed, "sealed"),
      use(origin, "origin"), use(at, "at");
  return true;
}

}  // namespace

Result<Commit> SociStore::commit_resources(std::uint64_t expected_sequence,
                                           std::span<const ResourceChange> changes,
                                           std::optional<std::string_view> applied_file,
                                           std::span<const AuditEvent> events, Instant now) {
  return write_feed(
      "store the resources", changes.size(), [&](soci::session& sql, FeedWriter& feed) {
        long long sequence = 0;
        sql << "SELECT sequence FROM resource_state", into(sequence);
        if (static_cast<std::uint64_t>(sequence) != expected_sequence)
          return Commit{false, static_cast<std::uint64_t>(sequence)};
        for (const ResourceChange& change : changes) {
          if (apply_change(sql, change, seconds(now)))
            feed.add(Topic::Resource, fmt::format("{}/{}", change.kind, change.id));
        }
        if (!feed.is_empty()) {
          ++sequence;
          sql << "UPDATE resource_state SET sequence = :sequence", use(sequence, "sequence");
        }
        if (applied_file) {
          const std::string digest = text(*applied_file);
          sql << "UPDATE resource_state SET applied_file = :digest", use(digest, "digest");
        }
        for (const AuditEvent& event : events) insert_audit(sql, event);
        return Commit{true, static_cast<std::uint64_t>(sequence)};
      });
}

}  // namespace gatehouse::storage
