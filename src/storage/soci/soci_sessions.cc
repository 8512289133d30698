// Sessions, revocations, what is consumed once, pins.
#include <fmt/format.h>

#include <algorithm>

#include "storage/soci/soci_store.h"

namespace gatehouse::storage {

using soci::into;
using soci::use;

namespace {

constexpr int kMaxPinFailures = 5;
// So many sessions are in memory twice while all of them are read.
constexpr int kSessionsAtOnce = 1000;

// Two writers of one session each began from what was stored; a revocation must survive both.
void keep_revocations(model::Session& session, const model::Session& stored) {
  for (const auto& old : stored.revocations) {
    const auto same = std::ranges::find(session.revocations, old.audience,
                                        &model::ApplicationRevocation::audience);
    if (same == session.revocations.end()) {
      session.revocations.push_back(old);
    } else {
      same->issued_before = std::max(same->issued_before, old.issued_before);
    }
  }
}

// Documents that another version wrote and this one cannot read are as absent: people sign in
// again.
std::optional<model::Session> read_session(std::string_view document) {
  const auto parsed = json::parse(document, kStoredJson);
  return parsed ? model::session_from_json(*parsed) : std::nullopt;
}

std::string_view kind_name(RevocationKind kind) {
  switch (kind) {
    case RevocationKind::Application:
      return "application";
    case RevocationKind::Token:
      return "token";
    case RevocationKind::Device:
      return "device";
  }
  return "";
}

// Nothing that this version does not know was written by it.
RevocationKind parse_kind(std::string_view name) {
  for (const auto kind :
       {RevocationKind::Application, RevocationKind::Token, RevocationKind::Device})
    if (kind_name(kind) == name) return kind;
  throw GivenUp("unknown kind of revocation");
}

}  // namespace

Result<void> SociStore::put_session(const model::Session& session) {
  return write_feed("store the session", 1, [&](soci::session& sql, FeedWriter& feed) {
    const std::string nonce = text(session.nonce);
    const std::string user = text(session.identity.user_id);
    long long ended = 0;
    std::string document;
    sql << "SELECT ended, document FROM sessions WHERE nonce = :nonce", use(nonce, "nonce"),
        into(ended), into(document);
    model::Session merged = session;
    if (sql.got_data()) {
      if (ended != 0) throw GivenUp("it has been ended");
      if (const auto old = read_session(document)) keep_revocations(merged, *old);
    }
    document = text(json::serialize(model::to_json(merged)));
    const long long expires = seconds(session.expires_at);
    sql << "INSERT INTO sessions (nonce, user_id, expires_at, ended, document) "
           "VALUES (:nonce, :user, :expires, 0, :document) ON CONFLICT (nonce) DO UPDATE SET "
           "user_id = excluded.user_id, expires_at = excluded.expires_at, "
           "document = excluded.document",
        use(nonce, "nonce"), use(user, "user"), use(expires, "expires"), use(document, "document");
    feed.add(Topic::Session, nonce);
  });
}

Result<std::optional<model::Session>> SociStore::load_session(std::string_view nonce, Instant now) {
  return read("load the session", [&](soci::session& sql) -> std::optional<model::Session> {
    const std::string key = text(nonce);
    const long long at = seconds(now);
    std::string document;
    sql << "SELECT document FROM sessions WHERE nonce = :nonce AND ended = 0 "
           "AND expires_at > :now",
        use(key, "nonce"), use(at, "now"), into(document);
    if (!sql.got_data()) return std::nullopt;
    return read_session(document);
  });
}

Result<std::vector<model::Session>> SociStore::live_sessions(Instant now) {
  return read_snapshot("load the sessions", [&](soci::session& sql) {
    const long long at = seconds(now);
    std::vector<model::Session> sessions;
    std::string nonce;
    std::string document;
    for (int rows = kSessionsAtOnce; rows == kSessionsAtOnce;) {
      const std::string after = nonce;
      soci::statement page =
          (sql.prepare << "SELECT nonce, document FROM sessions WHERE nonce > :after "
                          "AND ended = 0 AND expires_at > :now ORDER BY nonce LIMIT :rows",
           use(after, "after"), use(at, "now"), use(kSessionsAtOnce, "rows"), into(nonce),
           into(document));
      page.execute();
      for (rows = 0; page.fetch(); ++rows) {
        if (auto session = read_session(document)) sessions.push_back(std::move(*session));
      }
    }
    return sessions;
  });
}

Result<std::vector<model::Session>> SociStore::live_sessions_of(std::string_view user_id,
                                                                Instant now) {
  return read("load the user's sessions", [&](soci::session& sql) {
    const std::string user = text(user_id);
    const long long at = seconds(now);
    std::string document;
    soci::statement rows = (sql.prepare << "SELECT document FROM sessions WHERE user_id = :user "
                                           "AND ended = 0 AND expires_at > :now",
                            use(user, "user"), use(at, "now"), into(document));
    std::vector<model::Session> sessions;
    rows.execute();
    while (rows.fetch()) {
      if (auto session = read_session(document)) sessions.push_back(std::move(*session));
    }
    return sessions;
  });
}

Result<void> SociStore::visit_live_sessions(
    Instant now, const std::function<void(const model::Session&)>& visit) {
  std::string last;
  for (bool more = true; more;) {
    const auto page = read("load the sessions", [&](soci::session& sql) {
      const long long at = seconds(now);
      std::vector<std::pair<std::string, std::string>> rows;
      std::string nonce;
      std::string document;
      soci::statement found =
          (sql.prepare << "SELECT nonce, document FROM sessions WHERE nonce > :after "
                          "AND ended = 0 AND expires_at > :now ORDER BY nonce LIMIT :rows",
           use(last, "after"), use(at, "now"), use(kSessionsAtOnce, "rows"), into(nonce),
           into(document));
      found.execute();
      while (found.fetch()) rows.emplace_back(nonce, document);
      return rows;
    });
    if (!page) return std::unexpected(page.error());
    for (const auto& [nonce, document] : *page)
      if (const auto session = read_session(document)) visit(*session);
    more = page->size() == static_cast<std::size_t>(kSessionsAtOnce);
    if (more) last = page->back().first;
  }
  return {};
}

Result<Page<model::Session>> SociStore::find_live_sessions(std::string_view search,
                                                           std::size_t offset, std::size_t limit,
                                                           Instant now) {
  return read_snapshot("look for sessions", [&](soci::session& sql) {
    Conditions conditions;
    conditions.add("ended = 0 AND expires_at > ?", seconds(now));
    if (!search.empty())
      conditions.add(
          "user_id IN (SELECT id FROM users WHERE email LIKE ? ESCAPE '!' OR LOWER(name) LIKE ? "
          "ESCAPE '!')",
          like_pattern(search));
    Page<model::Session> page;
    std::string document;
    soci::statement rows(sql);
    conditions.bind(rows);
    rows.exchange(into(document));
    rows.alloc();
    rows.prepare(fmt::format("SELECT document FROM sessions{} ORDER BY expires_at DESC, nonce "
                             "LIMIT {} OFFSET {}",
                             conditions.where(), row_count(limit), row_count(offset)),
                 soci::details::st_one_time_query);
    rows.define_and_bind();
    rows.execute();
    while (rows.fetch()) {
      if (auto session = read_session(document)) page.items.push_back(std::move(*session));
    }
    page.total = count_rows(sql, "sessions", conditions);
    return page;
  });
}

Result<std::map<std::string, std::size_t>> SociStore::count_live_sessions(
    std::span<const std::string> user_ids, Instant now) {
  return read("count sessions", [&](soci::session& sql) {
    std::map<std::string, std::size_t> counts;
    if (user_ids.empty()) return counts;
    Conditions conditions;
    conditions.add("ended = 0 AND expires_at > ?", seconds(now));
    conditions.add_any("user_id", user_ids);
    std::string user;
    long long count = 0;
    soci::statement rows(sql);
    conditions.bind(rows);
    rows.exchange(into(user));
    rows.exchange(into(count));
    rows.alloc();
    rows.prepare(fmt::format("SELECT user_id, COUNT(*) FROM sessions{} GROUP BY user_id",
                             conditions.where()),
                 soci::details::st_one_time_query);
    rows.define_and_bind();
    rows.execute();
    while (rows.fetch()) counts[user] = static_cast<std::size_t>(count);
    return counts;
  });
}

Result<std::optional<Instant>> SociStore::last_session_end(Instant now) {
  return read("look for the last session", [&](soci::session& sql) {
    const long long at = seconds(now);
    OptionalInstant last;
    sql << "SELECT MAX(expires_at) FROM sessions WHERE ended = 0 AND expires_at > :now",
        use(at, "now"), into(last.value, last.state);
    return last.get();
  });
}

Result<void> SociStore::remove_session(std::string_view nonce) {
  return write_feed("end the session", 1, [&](soci::session& sql, FeedWriter& feed) {
    const std::string key = text(nonce);
    int done = 0;
    sql << "UPDATE sessions SET ended = 1, document = '' WHERE nonce = :nonce AND ended = 0 "
           "RETURNING 1",
        use(key, "nonce"), into(done);
    if (sql.got_data()) feed.add(Topic::Session, key);
  });
}

Result<void> SociStore::put_revocation(const Revocation& revocation) {
  return write_feed("store the revocation", 1, [&](soci::session& sql, FeedWriter& feed) {
    const std::string kind(kind_name(revocation.kind));
    const std::string key = text(revocation.key);
    const long long issued_before = seconds(revocation.issued_before);
    OptionalInstant expires(revocation.expires_at);
    sql << "INSERT INTO revocations (kind, key, issued_before, expires_at) "
           "VALUES (:kind, :key, :issued, :expires) ON CONFLICT (kind, key) DO UPDATE SET "
           "issued_before = CASE WHEN excluded.issued_before > revocations.issued_before "
           "THEN excluded.issued_before ELSE revocations.issued_before END, "
           "expires_at = excluded.expires_at",
        use(kind, "kind"), use(key, "key"), use(issued_before, "issued"),
        use(expires.value, expires.state, "expires");
    feed.add(Topic::Revocation, fmt::format("{}/{}", kind, key));
  });
}

Result<std::optional<Revocation>> SociStore::find_revocation(RevocationKind kind,
                                                             std::string_view key, Instant now) {
  return read("look for a revocation", [&](soci::session& sql) -> std::optional<Revocation> {
    const std::string name(kind_name(kind));
    Revocation found{kind, text(key), {}, {}};
    const long long at = seconds(now);
    long long issued_before = 0;
    OptionalInstant expires;
    sql << "SELECT issued_before, expires_at FROM revocations WHERE kind = :kind AND key = :key "
           "AND (expires_at IS NULL OR expires_at > :now)",
        use(name, "kind"), use(found.key, "key"), use(at, "now"), into(issued_before),
        into(expires.value, expires.state);
    if (!sql.got_data()) return std::nullopt;
    found.issued_before = instant(issued_before);
    found.expires_at = expires.get();
    return found;
  });
}

Result<std::vector<Revocation>> SociStore::revocations(Instant now) {
  return read("load the revocations", [&](soci::session& sql) {
    const long long at = seconds(now);
    std::string kind;
    std::string key;
    long long issued_before = 0;
    OptionalInstant expires;
    soci::statement rows =
        (sql.prepare << "SELECT kind, key, issued_before, expires_at FROM revocations "
                        "WHERE expires_at IS NULL OR expires_at > :now ORDER BY kind, key",
         use(at, "now"), into(kind), into(key), into(issued_before),
         into(expires.value, expires.state));
    std::vector<Revocation> found;
    rows.execute();
    while (rows.fetch())
      found.push_back({parse_kind(kind), key, instant(issued_before), expires.get()});
    return found;
  });
}

Result<bool> SociStore::remove_revocation(RevocationKind kind, std::string_view key) {
  return write_feed("remove the revocation", 1, [&](soci::session& sql, FeedWriter& feed) {
    const std::string name(kind_name(kind));
    const std::string key_text = text(key);
    int done = 0;
    sql << "DELETE FROM revocations WHERE kind = :kind AND key = :key RETURNING 1",
        use(name, "kind"), use(key_text, "key"), into(done);
    const bool removed = sql.got_data();
    if (removed) feed.add(Topic::Revocation, fmt::format("{}/{}", name, key_text));
    return removed;
  });
}

Result<bool> SociStore::consume_once(std::string_view id, Instant expires_at, Instant now) {
  // An expired id may have been purged: whether it was used is no longer known.
  if (expires_at <= now) return false;
  return write("consume an id", [&](soci::session& sql) {
    const std::string key = text(id);
    const long long expires = seconds(expires_at);
    int done = 0;
    sql << "INSERT INTO consumed (id, expires_at) VALUES (:id, :expires) "
           "ON CONFLICT DO NOTHING RETURNING 1",
        use(key, "id"), use(expires, "expires"), into(done);
    return sql.got_data();
  });
}

Result<void> SociStore::put_pin(const PinRecord& pin) {
  return write("store the pin", [&](soci::session& sql) {
    const std::string id = text(pin.id);
    const std::string email = text(pin.email);
    const std::string browser = text(pin.browser);
    const std::string hash = text(pin.code_hash);
    const long long created = seconds(pin.created_at);
    const long long expires = seconds(pin.expires_at);
    sql << "INSERT INTO pins (id, email, browser, code_hash, failures, used, created_at, "
           "expires_at) VALUES (:id, :email, :browser, :hash, :failures, 0, :created, :expires)",
        use(id, "id"), use(email, "email"), use(browser, "browser"), use(hash, "hash"),
        use(pin.failures, "failures"), use(created, "created"), use(expires, "expires");
  });
}

Result<int> SociStore::pins_since(std::string_view email, Instant since) {
  return read("count the pins", [&](soci::session& sql) {
    const std::string address = text(email);
    const long long from = seconds(since);
    int count = 0;
    sql << "SELECT COUNT(*) FROM pins WHERE email = :email AND created_at >= :since",
        use(address, "email"), use(from, "since"), into(count);
    return count;
  });
}

Result<PinOutcome> SociStore::try_pin(std::string_view id, std::string_view browser,
                                      std::string_view code_hash, Instant now) {
  return write("try the pin", [&](soci::session& sql) {
    const std::string key = text(id);
    // Whoever else tries it waits here until this try has been counted.
    sql << "UPDATE pins SET used = used WHERE id = :id", use(key, "id");
    long long serial = 0;
    std::string its_browser;
    std::string its_hash;
    int failures = 0;
    int used = 0;
    long long expires = 0;
    sql << "SELECT serial, browser, code_hash, failures, used, expires_at FROM pins "
           "WHERE id = :id ORDER BY serial DESC LIMIT 1",
        use(key, "id"), into(serial), into(its_browser), into(its_hash), into(failures), into(used),
        into(expires);
    // Another browser learns nothing and cannot use up this one's attempts.
    if (!sql.got_data() || used != 0 || !constant_time_equal(its_browser, browser))
      return PinOutcome::Unknown;
    if (instant(expires) <= now) return PinOutcome::Expired;
    if (failures >= kMaxPinFailures) return PinOutcome::TooManyAttempts;
    if (constant_time_equal(its_hash, code_hash)) {
      sql << "UPDATE pins SET used = 1 WHERE serial = :serial", use(serial, "serial");
      return PinOutcome::Accepted;
    }
    sql << "UPDATE pins SET failures = failures + 1 WHERE serial = :serial", use(serial, "serial");
    return failures + 1 >= kMaxPinFailures ? PinOutcome::TooManyAttempts : PinOutcome::Wrong;
  });
}

}  // namespace gatehouse::storage
