// What administrators try out.
#include "storage/soci/soci_store.h"

namespace gatehouse::storage {

using soci::into;
using soci::use;

Result<bool> SociStore::add_trial(const Trial& trial, std::size_t most) {
  return write("add the test", [&](soci::session& sql) {
    const std::string id = text(trial.id);
    const std::string owner = text(trial.owner);
    const std::string state = text(trial.state);
    const long long created = seconds(trial.created_at);
    const long long expires = seconds(trial.expires_at);
    const std::string document = text(trial.document);
    long long live = 0;
    sql << "SELECT COUNT(*) FROM trials WHERE expires_at > :now", use(created, "now"), into(live);
    if (live >= row_count(most)) return false;
    sql << "INSERT INTO trials (id, owner, state, created_at, expires_at, document) "
           "VALUES (:id, :owner, :state, :created, :expires, :document)",
        use(id, "id"), use(owner, "owner"), use(state, "state"), use(created, "created"),
        use(expires, "expires"), use(document, "document");
    return true;
  });
}

Result<std::optional<Trial>> SociStore::find_trial(std::string_view id, Instant now) {
  return read("look for the test", [&](soci::session& sql) -> std::optional<Trial> {
    Trial trial;
    trial.id = text(id);
    const long long at = seconds(now);
    long long created = 0;
    long long expires = 0;
    sql << "SELECT owner, state, created_at, expires_at, document FROM trials "
           "WHERE id = :id AND expires_at > :now",
        use(trial.id, "id"), use(at, "now"), into(trial.owner), into(trial.state), into(created),
        into(expires), into(trial.document);
    if (!sql.got_data()) return std::nullopt;
    trial.created_at = instant(created);
    trial.expires_at = instant(expires);
    return trial;
  });
}

Result<bool> SociStore::change_trial(std::string_view id, std::string_view from,
                                     std::string_view to, std::string_view document, Instant now) {
  return write("change the test", [&](soci::session& sql) {
    const std::string key = text(id);
    const std::string before = text(from);
    const std::string after = text(to);
    const std::string content = text(document);
    const long long at = seconds(now);
    int done = 0;
    sql << "UPDATE trials SET state = :after, document = :document "
           "WHERE id = :id AND state = :before AND expires_at > :now RETURNING 1",
        use(after, "after"), use(content, "document"), use(key, "id"), use(before, "before"),
        use(at, "now"), into(done);
    return sql.got_data();
  });
}

}  // namespace gatehouse::storage
