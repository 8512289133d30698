#include "storage/soci/sqlite_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <system_error>
#include <type_traits>

#include "base/encoding.h"
#include "base/try.h"
#include "storage/soci/migrations.h"

namespace gatehouse::storage {
namespace {

using soci::into;
using soci::use;

constexpr std::size_t kReaders = 4;
constexpr int kBusySeconds = 10;
constexpr int kMaxPinFailures = 5;
// How long a pin is remembered after its making, for pins_since().
constexpr std::chrono::hours kPinHistory{24};
constexpr json::ParseLimits kStoredJson{16 << 20, 32};

long long seconds(Instant instant) { return to_epoch_seconds(instant); }
Instant instant(long long epoch_seconds) { return from_epoch_seconds(epoch_seconds); }

// SQLite's own words for the code. SOCI's message could quote the values of the statement.
std::string words(const soci::soci_error& error) {
  if (const auto* sqlite = dynamic_cast<const soci::sqlite3_soci_error*>(&error))
    return sqlite_api::sqlite3_errstr(sqlite->result());
  return "unexpected content";
}

// BEGIN IMMEDIATE: waits for other writers at once, where waiting can still succeed.
class Transaction {
 public:
  explicit Transaction(soci::session& sql) : sql_(sql) { sql_ << "BEGIN IMMEDIATE"; }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction() {
    if (committed_) return;
    try {
      sql_ << "ROLLBACK";
    } catch (const soci::soci_error&) {
      // After some failures SQLite has already rolled back by itself.
    }
  }
  void commit() {
    sql_ << "COMMIT";
    committed_ = true;
  }

 private:
  soci::session& sql_;
  bool committed_ = false;
};

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
  throw soci::soci_error("unknown kind of revocation");
}

class SqliteStore final : public Store {
 public:
  explicit SqliteStore(std::string url) : url_(std::move(url)), readers_(kReaders) {}

  Result<void> open(const std::string& path);

  Result<std::optional<StoredResources>> load_resources() override {
    return read("load the resources", [](soci::session& sql) -> std::optional<StoredResources> {
      long long sequence = 0;
      std::string document;
      std::string sealed;
      sql << "SELECT sequence, document, sealed_secrets FROM resources WHERE id = 1",
          into(sequence), into(document), into(sealed);
      if (!sql.got_data()) return std::nullopt;
      return StoredResources{static_cast<std::uint64_t>(sequence), std::move(document),
                             decoded(sealed)};
    });
  }

  Result<std::uint64_t> replace_resources(std::string_view document,
                                          std::string_view sealed_secrets, Instant now) override {
    return write("store the resources", [&](soci::session& sql) {
      const std::string text(document);
      const std::string sealed = base64_encode(sealed_secrets);
      const long long at = seconds(now);
      long long sequence = 0;
      std::string old_text;
      std::string old_sealed;
      sql << "SELECT sequence, document, sealed_secrets FROM resources WHERE id = 1",
          into(sequence), into(old_text), into(old_sealed);
      if (sql.got_data() && old_text == text && old_sealed == sealed)
        return static_cast<std::uint64_t>(sequence);
      ++sequence;
      sql << "INSERT INTO resources (id, sequence, document, sealed_secrets, changed_at) "
             "VALUES (1, :sequence, :document, :sealed, :at) ON CONFLICT (id) DO UPDATE SET "
             "sequence = excluded.sequence, document = excluded.document, "
             "sealed_secrets = excluded.sealed_secrets, changed_at = excluded.changed_at",
          use(sequence, "sequence"), use(text, "document"), use(sealed, "sealed"), use(at, "at");
      return static_cast<std::uint64_t>(sequence);
    });
  }

  Result<User> sign_in_user(std::string_view email, std::string_view name,
                            std::string_view id_if_new, Instant now) override {
    return write("store the user", [&](soci::session& sql) {
      User user;
      user.email = email;
      const std::string id(id_if_new);
      const std::string given_name(name);
      const long long at = seconds(now);
      sql << "INSERT INTO users (id, email, name, created_at, last_login_at) "
             "VALUES (:id, :email, :name, :at, :at) ON CONFLICT (email) DO UPDATE SET "
             "name = CASE WHEN excluded.name = '' THEN users.name ELSE excluded.name END, "
             "last_login_at = excluded.last_login_at",
          use(id, "id"), use(user.email, "email"), use(given_name, "name"), use(at, "at");
      long long created = 0;
      long long last_login = 0;
      sql << "SELECT id, name, created_at, last_login_at FROM users WHERE email = :email",
          use(user.email, "email"), into(user.id), into(user.name), into(created), into(last_login);
      user.created_at = instant(created);
      user.last_login_at = instant(last_login);
      return user;
    });
  }

  Result<std::optional<User>> find_user(std::string_view key) override {
    return read("find the user", [&](soci::session& sql) -> std::optional<User> {
      const std::string text(key);
      User user;
      long long created = 0;
      long long last_login = 0;
      sql << "SELECT id, email, name, created_at, last_login_at FROM users "
             "WHERE id = :key OR email = :key",
          use(text, "key"), into(user.id), into(user.email), into(user.name), into(created),
          into(last_login);
      if (!sql.got_data()) return std::nullopt;
      user.created_at = instant(created);
      user.last_login_at = instant(last_login);
      return user;
    });
  }

  Result<void> put_session(const model::Session& session) override {
    const auto stored = write("store the session", [&](soci::session& sql) {
      long long ended = 0;
      std::string document;
      sql << "SELECT ended, document FROM sessions WHERE nonce = :nonce",
          use(session.nonce, "nonce"), into(ended), into(document);
      model::Session merged = session;
      if (sql.got_data()) {
        if (ended != 0) return false;
        if (const auto old = read_session(document)) keep_revocations(merged, *old);
      }
      document = json::serialize(model::to_json(merged));
      const long long expires = seconds(session.expires_at);
      sql << "INSERT INTO sessions (nonce, user_id, expires_at, ended, document) "
             "VALUES (:nonce, :user, :expires, 0, :document) ON CONFLICT (nonce) DO UPDATE SET "
             "user_id = excluded.user_id, expires_at = excluded.expires_at, "
             "document = excluded.document",
          use(session.nonce, "nonce"), use(session.identity.user_id, "user"),
          use(expires, "expires"), use(document, "document");
      return true;
    });
    if (!stored) return std::unexpected(stored.error());
    if (!*stored) return std::unexpected(error("store the session", "it has been ended"));
    return {};
  }

  Result<std::optional<model::Session>> load_session(std::string_view nonce, Instant now) override {
    return read("load the session", [&](soci::session& sql) -> std::optional<model::Session> {
      const std::string key(nonce);
      const long long at = seconds(now);
      std::string document;
      sql << "SELECT document FROM sessions WHERE nonce = :nonce AND ended = 0 "
             "AND expires_at > :now",
          use(key, "nonce"), use(at, "now"), into(document);
      if (!sql.got_data()) return std::nullopt;
      return read_session(document);
    });
  }

  Result<std::vector<model::Session>> live_sessions(Instant now) override {
    return read("load the sessions", [&](soci::session& sql) {
      const long long at = seconds(now);
      std::string document;
      soci::statement rows =
          (sql.prepare << "SELECT document FROM sessions WHERE ended = 0 AND expires_at > :now",
           use(at, "now"), into(document));
      return read_sessions(rows, document);
    });
  }

  Result<std::vector<model::Session>> live_sessions_of(std::string_view user_id,
                                                       Instant now) override {
    return read("load the user's sessions", [&](soci::session& sql) {
      const std::string user(user_id);
      const long long at = seconds(now);
      std::string document;
      soci::statement rows = (sql.prepare << "SELECT document FROM sessions WHERE user_id = :user "
                                             "AND ended = 0 AND expires_at > :now",
                              use(user, "user"), use(at, "now"), into(document));
      return read_sessions(rows, document);
    });
  }

  Result<std::optional<Instant>> last_session_end(Instant now) override {
    return read("look for the last session", [&](soci::session& sql) -> std::optional<Instant> {
      const long long at = seconds(now);
      long long last = 0;
      soci::indicator found = soci::i_null;
      sql << "SELECT MAX(expires_at) FROM sessions WHERE ended = 0 AND expires_at > :now",
          use(at, "now"), into(last, found);
      return found == soci::i_ok ? std::optional(instant(last)) : std::nullopt;
    });
  }

  Result<void> remove_session(std::string_view nonce) override {
    return write("end the session", [&](soci::session& sql) {
      const std::string key(nonce);
      sql << "UPDATE sessions SET ended = 1, document = '' WHERE nonce = :nonce", use(key, "nonce");
    });
  }

  Result<void> put_revocation(const Revocation& revocation) override {
    return write("store the revocation", [&](soci::session& sql) {
      const std::string kind(kind_name(revocation.kind));
      const long long issued_before = seconds(revocation.issued_before);
      const long long expires = revocation.expires_at ? seconds(*revocation.expires_at) : 0;
      soci::indicator present = revocation.expires_at ? soci::i_ok : soci::i_null;
      sql << "INSERT INTO revocations (kind, key, issued_before, expires_at) "
             "VALUES (:kind, :key, :issued, :expires) ON CONFLICT (kind, key) DO UPDATE SET "
             "issued_before = CASE WHEN excluded.issued_before > revocations.issued_before "
             "THEN excluded.issued_before ELSE revocations.issued_before END, "
             "expires_at = excluded.expires_at",
          use(kind, "kind"), use(revocation.key, "key"), use(issued_before, "issued"),
          use(expires, present, "expires");
    });
  }

  Result<std::optional<Revocation>> find_revocation(RevocationKind kind, std::string_view key,
                                                    Instant now) override {
    return read("look for a revocation", [&](soci::session& sql) -> std::optional<Revocation> {
      const std::string name(kind_name(kind));
      Revocation found{kind, std::string(key), {}, {}};
      const long long at = seconds(now);
      long long issued_before = 0;
      long long expires = 0;
      soci::indicator has_end = soci::i_null;
      sql << "SELECT issued_before, expires_at FROM revocations WHERE kind = :kind AND key = :key "
             "AND (expires_at IS NULL OR expires_at > :now)",
          use(name, "kind"), use(found.key, "key"), use(at, "now"), into(issued_before),
          into(expires, has_end);
      if (!sql.got_data()) return std::nullopt;
      found.issued_before = instant(issued_before);
      if (has_end == soci::i_ok) found.expires_at = instant(expires);
      return found;
    });
  }

  Result<std::vector<Revocation>> revocations(Instant now) override {
    return read("load the revocations", [&](soci::session& sql) {
      const long long at = seconds(now);
      std::string kind;
      std::string key;
      long long issued_before = 0;
      long long expires = 0;
      soci::indicator has_end = soci::i_null;
      soci::statement rows =
          (sql.prepare << "SELECT kind, key, issued_before, expires_at FROM revocations "
                          "WHERE expires_at IS NULL OR expires_at > :now ORDER BY kind, key",
           use(at, "now"), into(kind), into(key), into(issued_before), into(expires, has_end));
      std::vector<Revocation> found;
      rows.execute();
      while (rows.fetch()) {
        found.push_back({parse_kind(kind), key, instant(issued_before), std::nullopt});
        if (has_end == soci::i_ok) found.back().expires_at = instant(expires);
      }
      return found;
    });
  }

  Result<bool> remove_revocation(RevocationKind kind, std::string_view key) override {
    return write("remove the revocation", [&](soci::session& sql) {
      const std::string name(kind_name(kind));
      const std::string text(key);
      soci::statement removal =
          (sql.prepare << "DELETE FROM revocations WHERE kind = :kind AND key = :key",
           use(name, "kind"), use(text, "key"));
      removal.execute(true);
      return removal.get_affected_rows() == 1;
    });
  }

  Result<bool> consume_once(std::string_view id, Instant expires_at, Instant now) override {
    // An expired id may have been purged: whether it was used is no longer known.
    if (expires_at <= now) return false;
    return write("consume an id", [&](soci::session& sql) {
      const std::string key(id);
      const long long expires = seconds(expires_at);
      soci::statement insert = (sql.prepare << "INSERT INTO consumed (id, expires_at) "
                                               "VALUES (:id, :expires) ON CONFLICT DO NOTHING",
                                use(key, "id"), use(expires, "expires"));
      insert.execute(true);
      return insert.get_affected_rows() == 1;
    });
  }

  Result<void> put_pin(const PinRecord& pin) override {
    return write("store the pin", [&](soci::session& sql) {
      const long long created = seconds(pin.created_at);
      const long long expires = seconds(pin.expires_at);
      sql << "INSERT INTO pins (id, email, browser, code_hash, failures, used, created_at, "
             "expires_at) VALUES (:id, :email, :browser, :hash, :failures, 0, :created, :expires)",
          use(pin.id, "id"), use(pin.email, "email"), use(pin.browser, "browser"),
          use(pin.code_hash, "hash"), use(pin.failures, "failures"), use(created, "created"),
          use(expires, "expires");
    });
  }

  Result<int> pins_since(std::string_view email, Instant since) override {
    return read("count the pins", [&](soci::session& sql) {
      const std::string address(email);
      const long long from = seconds(since);
      int count = 0;
      sql << "SELECT COUNT(*) FROM pins WHERE email = :email AND created_at >= :since",
          use(address, "email"), use(from, "since"), into(count);
      return count;
    });
  }

  Result<PinOutcome> try_pin(std::string_view id, std::string_view browser,
                             std::string_view code_hash, Instant now) override {
    return write("try the pin", [&](soci::session& sql) {
      const std::string key(id);
      long long serial = 0;
      std::string its_browser;
      std::string its_hash;
      int failures = 0;
      int used = 0;
      long long expires = 0;
      sql << "SELECT serial, browser, code_hash, failures, used, expires_at FROM pins "
             "WHERE id = :id ORDER BY serial DESC LIMIT 1",
          use(key, "id"), into(serial), into(its_browser), into(its_hash), into(failures),
          into(used), into(expires);
      // Another browser learns nothing and cannot use up this one's attempts.
      if (!sql.got_data() || used != 0 || !constant_time_equal(its_browser, browser))
        return PinOutcome::Unknown;
      if (instant(expires) <= now) return PinOutcome::Expired;
      if (failures >= kMaxPinFailures) return PinOutcome::TooManyAttempts;
      if (constant_time_equal(its_hash, code_hash)) {
        sql << "UPDATE pins SET used = 1 WHERE serial = :serial", use(serial, "serial");
        return PinOutcome::Accepted;
      }
      sql << "UPDATE pins SET failures = failures + 1 WHERE serial = :serial",
          use(serial, "serial");
      return failures + 1 >= kMaxPinFailures ? PinOutcome::TooManyAttempts : PinOutcome::Wrong;
    });
  }

  Result<std::vector<StoredSigningKey>> signing_keys() override {
    return read("load the signing keys", [](soci::session& sql) {
      std::string kid;
      std::string sealed;
      std::string certificate;
      long long created = 0;
      soci::statement rows =
          (sql.prepare << "SELECT kid, sealed_private_key, certificate, created_at "
                          "FROM signing_keys ORDER BY created_at DESC, serial DESC",
           into(kid), into(sealed), into(certificate), into(created));
      std::vector<StoredSigningKey> keys;
      rows.execute();
      while (rows.fetch()) keys.push_back({kid, decoded(sealed), certificate, instant(created)});
      return keys;
    });
  }

  Result<void> add_signing_key(const StoredSigningKey& key) override {
    return write("store the signing key", [&](soci::session& sql) {
      const std::string sealed = base64_encode(key.sealed_private_key);
      const long long created = seconds(key.created_at);
      sql << "INSERT INTO signing_keys (kid, sealed_private_key, certificate, created_at) "
             "VALUES (:kid, :sealed, :certificate, :created)",
          use(key.kid, "kid"), use(sealed, "sealed"), use(key.certificate, "certificate"),
          use(created, "created");
    });
  }

  Result<void> append_audit(const AuditEvent& event) override {
    return write("append to the audit log", [&](soci::session& sql) {
      const long long at = seconds(event.at);
      const std::string details = json::serialize(event.details);
      sql << "INSERT INTO audit (at, event, actor, ip, application, reason, details) "
             "VALUES (:at, :event, :actor, :ip, :application, :reason, :details)",
          use(at, "at"), use(event.event, "event"), use(event.actor, "actor"), use(event.ip, "ip"),
          use(event.application, "application"), use(event.reason, "reason"),
          use(details, "details");
    });
  }

  Result<std::vector<AuditEvent>> recent_audit(int limit) override {
    return read("read the audit log", [&](soci::session& sql) {
      const int count = std::max(limit, 0);
      AuditEvent event;
      long long at = 0;
      std::string details;
      soci::statement rows =
          (sql.prepare << "SELECT at, event, actor, ip, application, reason, details FROM audit "
                          "ORDER BY serial DESC LIMIT :count",
           use(count, "count"), into(at), into(event.event), into(event.actor), into(event.ip),
           into(event.application), into(event.reason), into(details));
      std::vector<AuditEvent> events;
      rows.execute();
      while (rows.fetch()) {
        event.at = instant(at);
        const auto parsed = json::parse(details, kStoredJson);
        if (!parsed || !parsed->is_object()) throw soci::soci_error("details are not an object");
        event.details = parsed->as_object();
        events.push_back(event);
      }
      return events;
    });
  }

  Result<void> purge(Instant now) override {
    return write("purge", [&](soci::session& sql) {
      const long long at = seconds(now);
      const long long pins_before = seconds(now - kPinHistory);
      sql << "DELETE FROM sessions WHERE expires_at <= :now", use(at, "now");
      sql << "DELETE FROM consumed WHERE expires_at <= :now", use(at, "now");
      sql << "DELETE FROM revocations WHERE expires_at <= :now", use(at, "now");
      sql << "DELETE FROM pins WHERE expires_at <= :now AND created_at <= :before", use(at, "now"),
          use(pins_before, "before");
    });
  }

 private:
  // Executes `rows`, whose one column goes into `document`.
  static std::vector<model::Session> read_sessions(soci::statement& rows,
                                                   const std::string& document) {
    std::vector<model::Session> sessions;
    rows.execute();
    while (rows.fetch()) {
      if (auto session = read_session(document)) sessions.push_back(std::move(*session));
    }
    return sessions;
  }

  static std::string decoded(const std::string& text) {
    auto bytes = base64_decode(text);
    if (!bytes) throw soci::soci_error("stored bytes are not base64");
    return std::move(*bytes);
  }

  [[nodiscard]] StoreError error(std::string_view task, std::string_view cause) const {
    return {fmt::format("store `{}`: cannot {}: {}", url_, task, cause)};
  }
  [[nodiscard]] StoreError open_error(std::string_view cause) const {
    return {fmt::format("cannot open store `{}`: {}", url_, cause)};
  }

  // Runs `call` and translates what SOCI throws.
  template <typename Call>
  auto translated(std::string_view task, Call&& call) -> Result<std::invoke_result_t<Call>> {
    try {
      if constexpr (std::is_void_v<std::invoke_result_t<Call>>) {
        call();
        return {};
      } else {
        return call();
      }
    } catch (const soci::soci_error& failure) {
      return std::unexpected(error(task, words(failure)));
    }
  }

  template <typename Body>
  auto read(std::string_view task, Body body)
      -> Result<std::invoke_result_t<Body, soci::session&>> {
    return translated(task, [&] {
      soci::session sql(readers_);
      return body(sql);
    });
  }

  template <typename Body>
  auto write(std::string_view task, Body body)
      -> Result<std::invoke_result_t<Body, soci::session&>> {
    return translated(task, [&] {
      const std::lock_guard lock(write_mutex_);
      Transaction transaction(writer_);
      if constexpr (std::is_void_v<std::invoke_result_t<Body, soci::session&>>) {
        body(writer_);
        transaction.commit();
      } else {
        auto result = body(writer_);
        transaction.commit();
        return result;
      }
    });
  }

  Result<void> make_file(const std::string& path) const;
  Result<int> schema_version();
  Result<void> migrate();

  const std::string url_;
  std::mutex write_mutex_;
  soci::session writer_;  // under write_mutex_
  soci::connection_pool readers_;
};

// Made here and not by SQLite, for the mode (which SQLite gives to its other files too) and for
// better words when it cannot be done.
Result<void> SqliteStore::make_file(const std::string& path) const {
  const auto failed = [this] {
    return std::unexpected(open_error(std::generic_category().message(errno)));
  };
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor >= 0) {
    ::close(descriptor);
    return {};
  }
  // An existing file is not opened: closing it would drop the locks that this process may hold on
  // it through another store.
  if (errno != EEXIST) return failed();
  if (::faccessat(AT_FDCWD, path.c_str(), R_OK | W_OK, AT_EACCESS) != 0) return failed();
  return {};
}

// 0 for an empty database.
Result<int> SqliteStore::schema_version() {
  int tables = 0;
  int ours = 0;
  writer_ << "SELECT COUNT(*), COUNT(CASE WHEN name = 'schema_version' THEN 1 END) "
             "FROM sqlite_master WHERE type = 'table'",
      into(tables), into(ours);
  if (tables == 0) return 0;
  if (ours == 0) return std::unexpected(open_error("the database belongs to another program"));
  int version = 0;
  writer_ << "SELECT version FROM schema_version", into(version);
  const int newest = migrations().back().version;
  if (version > newest)
    return std::unexpected(
        open_error(fmt::format("it was written by a newer version of gatehouse "
                               "(schema {}; this one knows up to {})",
                               version, newest)));
  return version;
}

Result<void> SqliteStore::migrate() {
  Transaction transaction(writer_);
  const int current = GATEHOUSE_TRY(schema_version());
  int version = current;
  for (const Migration& migration : migrations()) {
    if (migration.version <= current) continue;
    for (std::string_view rest = migration.sql; !trim(rest).empty();) {
      const auto end = rest.find(";\n");
      writer_ << std::string(rest.substr(0, end));
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 2);
    }
    version = migration.version;
  }
  if (version == current) return {};
  writer_ << "DELETE FROM schema_version";
  writer_ << "INSERT INTO schema_version (version) VALUES (:version)", use(version, "version");
  transaction.commit();
  return {};
}

Result<void> SqliteStore::open(const std::string& path) {
  GATEHOUSE_TRY_VOID(make_file(path));
  try {
    const std::string connection = fmt::format("db=\"{}\" timeout={}", path, kBusySeconds);
    writer_.open(soci::sqlite3, connection);
    // Before anything is changed, so that a database that is not ours stays as it is.
    static_cast<void>(GATEHOUSE_TRY(schema_version()));
    std::string mode;
    writer_ << "PRAGMA journal_mode = WAL", into(mode);
    if (mode != "wal")
      return std::unexpected(open_error("the file system has no write-ahead logging"));
    writer_ << "PRAGMA synchronous = FULL";
    writer_ << "PRAGMA foreign_keys = ON";
    GATEHOUSE_TRY_VOID(migrate());
    for (std::size_t i = 0; i < kReaders; ++i) {
      soci::session& reader = readers_.at(i);
      reader.open(soci::sqlite3, connection);
      reader << "PRAGMA query_only = ON";
    }
    return {};
  } catch (const soci::soci_error& failure) {
    return std::unexpected(open_error(words(failure)));
  }
}

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite_store(const std::string& url, const std::string& path) {
  auto store = std::make_unique<SqliteStore>(url);
  GATEHOUSE_TRY_VOID(store->open(path));
  return store;
}

}  // namespace gatehouse::storage
