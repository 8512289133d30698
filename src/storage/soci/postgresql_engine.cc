// PostgreSQL through libpq. Several processes write: what must be in order locks rows (FeedWriter).
// A connection of its own listens for the notifications that writers send.
#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>
#include <soci/postgresql/soci-postgresql.h>

#include <array>
#include <cerrno>
#include <map>
#include <mutex>
#include <thread>

#include "base/encoding.h"
#include "storage/soci/engine.h"

namespace gatehouse::storage {
namespace {

constexpr std::size_t kWriters = 4;
constexpr std::size_t kReaders = 4;
// Of pg_advisory_xact_lock: one number for all of gatehouse.
constexpr long long kSchemaLock = 0x6761746568;
// Between attempts to reach a server that is away.
constexpr std::chrono::milliseconds kPause{500};

// What the URL does not say. A server that vanished is noticed within half a minute; nobody waits
// for a lock for long; a node that stopped in the middle of a transaction does not stop the others.
constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kDefaults{{
    {"connect_timeout", "5"},
    {"keepalives_idle", "10"},
    {"keepalives_interval", "5"},
    {"keepalives_count", "3"},
    {"tcp_user_timeout", "20000"},
    {"application_name", "gatehouse"},
    {"client_encoding", "UTF8"},
    {"target_session_attrs", "read-write"},
}};
constexpr std::string_view kSessionOptions =
    "-c lock_timeout=10000 -c idle_in_transaction_session_timeout=30000";

using Settings = std::map<std::string, std::string>;

// libpq's reading of the URI; nullopt when it is none. Its message would repeat parts of it.
std::optional<Settings> read_uri(const std::string& url) {
  char* message = nullptr;
  PQconninfoOption* const options = PQconninfoParse(url.c_str(), &message);
  PQfreemem(message);
  if (options == nullptr) return std::nullopt;
  Settings settings;
  for (const PQconninfoOption* option = options; option->keyword != nullptr; ++option)
    if (option->val != nullptr) settings[option->keyword] = option->val;
  PQconninfoFree(options);
  return settings;
}

std::string url_without_password(const Settings& settings) {
  const auto get = [&](const char* key) {
    const auto found = settings.find(key);
    return found == settings.end() ? std::string() : found->second;
  };
  const std::string user = get("user");
  const std::string host = get("host").empty() ? get("hostaddr") : get("host");
  const bool is_socket = host.starts_with('/');
  return fmt::format("postgresql://{}{}{}{}/{}{}", user, user.empty() ? "" : "@",
                     is_socket ? "" : host,
                     get("port").empty() ? "" : fmt::format(":{}", get("port")), get("dbname"),
                     is_socket ? fmt::format("?host={}", host) : "");
}

// As libpq's connection strings are quoted.
std::string connection_string(const Settings& settings) {
  std::string text;
  for (const auto& [key, value] : settings) {
    text += fmt::format("{}{}='", text.empty() ? "" : " ", key);
    for (const char c : value) {
      if (c == '\'' || c == '\\') text += '\\';
      text += c;
    }
    text += '\'';
  }
  return text;
}

// One line, without libpq's prefixes for what it tried: no password stands in there.
std::string one_line(std::string_view message) {
  std::string line;
  for (const char c : trim(message)) line += c == '\n' || c == '\t' ? ' ' : c;
  return line;
}

class PostgresqlEngine final : public Engine {
 public:
  PostgresqlEngine(std::string url, std::string connection)
      : url_(std::move(url)),
        connection_(std::move(connection)),
        writers_(kWriters),
        readers_(kReaders) {}
  PostgresqlEngine(const PostgresqlEngine&) = delete;
  PostgresqlEngine& operator=(const PostgresqlEngine&) = delete;
  ~PostgresqlEngine() override { PQfinish(listener_); }

  const std::string& url() const override { return url_; }

  std::expected<void, std::string> open_writers() override {
    // First the one whose failure has libpq's words.
    if (!listen()) return std::unexpected(listen_error_);
    for (std::size_t i = 0; i < kWriters; ++i) open(writers_.at(i));
    std::string encoding;
    writers_.at(0) << "SHOW server_encoding", soci::into(encoding);
    if (encoding != "UTF8")
      return std::unexpected(
          fmt::format("the database's encoding must be UTF8 and not {}", encoding));
    return {};
  }
  std::expected<void, std::string> prepare() override { return {}; }
  void open_readers() override {
    for (std::size_t i = 0; i < kReaders; ++i) open(readers_.at(i));
  }

  soci::connection_pool& sessions(Access access) override {
    return access == Access::Write ? writers_ : readers_;
  }

  void reconnect(soci::session& sql) override {
    sql.reconnect();
    silence(connection_of(sql));
  }

  // Under READ COMMITTED a statement that waited for a lock sees what the other one did.
  void begin(soci::session& sql, Access access) override {
    if (access == Access::Write) sql << "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
    if (access == Access::Snapshot) sql << "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
  }
  void lock_schema(soci::session& sql) override {
    sql << "SET LOCAL lock_timeout = 0";
    std::string nothing;
    sql << fmt::format("SELECT pg_advisory_xact_lock({})", kSchemaLock), soci::into(nothing);
  }
  void allow_idle(soci::session& sql) override {
    sql << "SET LOCAL idle_in_transaction_session_timeout = 0";
  }
  void lock_table(soci::session& sql, std::string_view table) override {
    sql << fmt::format("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", table);
  }

  // By SQLSTATE. The server's message could quote values.
  std::string words(const soci::soci_error& failure) const override {
    const auto* own = dynamic_cast<const soci::postgresql_soci_error*>(&failure);
    if (own == nullptr) return "the database server cannot be reached";
    const std::string state = own->sqlstate();
    if (is_disconnection(state)) return "the connection to the database was lost";
    if (state.starts_with("23")) return "constraint failed";
    if (state.starts_with("40")) return "too many conflicts with other writers";
    if (state == "42501") return "the database user may not do that (permission denied)";
    if (state == "53100") return "the database server's disk is full";
    if (state == "55P03") return "another writer takes too long";
    if (state == "57014") return "the database server cancelled the statement";
    return fmt::format("the database server answered SQLSTATE {}", state);
  }

  Fault fault(const soci::soci_error& failure, soci::session& sql) const override {
    if (PQstatus(connection_of(sql)) != CONNECTION_OK) return Fault::Disconnected;
    const auto* own = dynamic_cast<const soci::postgresql_soci_error*>(&failure);
    if (own == nullptr) return Fault::Lasting;
    const std::string state = own->sqlstate();
    if (is_disconnection(state)) return Fault::Disconnected;
    // serialization_failure, deadlock_detected, and unique_violation: what was looked for before
    // an insert came in between.
    if (state == "40001" || state == "40P01" || state == "23505") return Fault::Conflict;
    return Fault::Lasting;
  }

  std::string_view tables_query() const override {
    return "SELECT CAST(tablename AS TEXT) AS name FROM pg_catalog.pg_tables "
           "WHERE schemaname = current_schema()";
  }
  std::string ddl(std::string_view statements) const override {
    return replaced(
        replaced(statements, "SERIAL_KEY", "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"),
        " TEXT ", " TEXT COLLATE \"C\" ");
  }

  void announce(soci::session& sql) override { sql << "NOTIFY gatehouse_feed"; }
  void announced() override {}

  bool wait(std::chrono::milliseconds timeout) override {
    const auto end = std::chrono::steady_clock::now() + timeout;
    for (;;) {
      // Takes in what has arrived; on failure the status says so.
      if (PQstatus(listener_) == CONNECTION_OK) static_cast<void>(PQconsumeInput(listener_));
      const bool connected = PQstatus(listener_) == CONNECTION_OK;
      if (connected && take_notifications()) return true;
      // Whatever happened meanwhile was not heard.
      if (!connected && listen()) return true;
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
      if (left.count() <= 0) return false;
      if (connected) {
        pollfd socket{PQsocket(listener_), POLLIN, 0};
        if (::poll(&socket, 1, static_cast<int>(left.count())) < 0 && errno != EINTR) return false;
      } else {
        std::this_thread::sleep_for(std::min(left, kPause));
      }
    }
  }

 private:
  // connection_exception, the states of a server that stops or starts or became a standby, and
  // none: what libpq says by itself, also of a connection that still looks open.
  static bool is_disconnection(std::string_view state) {
    return trim(state).empty() || state.starts_with("08") || state == "57P01" || state == "57P02" ||
           state == "57P03" || state == "57P05" || state == "25P03" || state == "25006";
  }

  void open(soci::session& sql) const {
    sql.open(soci::postgresql, connection_);
    silence(connection_of(sql));
  }
  // nullptr: there is none, which libpq calls CONNECTION_BAD.
  static PGconn* connection_of(soci::session& sql) {
    const auto* backend = static_cast<const soci::postgresql_session_backend*>(sql.get_backend());
    return backend == nullptr ? nullptr : backend->conn_;
  }
  // libpq writes what the server says unasked to the standard error.
  static void silence(PGconn* connection) {
    PQsetNoticeProcessor(connection, [](void*, const char*) {}, nullptr);
  }

  bool listen() {
    PQfinish(listener_);
    listener_ = PQconnectdb(connection_.c_str());
    silence(listener_);
    if (PQstatus(listener_) == CONNECTION_OK) {
      PGresult* const result = PQexec(listener_, "LISTEN gatehouse_feed");
      const bool listening = PQresultStatus(result) == PGRES_COMMAND_OK;
      PQclear(result);
      if (listening) return true;
    }
    listen_error_ = one_line(PQerrorMessage(listener_));
    PQfinish(listener_);
    listener_ = nullptr;  // a bad one, to libpq
    return false;
  }

  bool take_notifications() {
    bool any = false;
    while (PGnotify* const notification = PQnotifies(listener_)) {
      any = true;
      PQfreemem(notification);
    }
    return any;
  }

  const std::string url_;
  const std::string connection_;
  soci::connection_pool writers_;
  soci::connection_pool readers_;
  PGconn* listener_ = nullptr;  // of the one thread that waits, as the next
  std::string listen_error_;
};

}  // namespace

std::expected<std::unique_ptr<Engine>, std::string> postgresql_engine(const std::string& url) {
  auto settings = read_uri(url);
  if (!settings)
    return std::unexpected(
        "the URL must be postgresql://user:password@host:port/database, percent-encoded");
  const std::string shown = url_without_password(*settings);
  for (const auto& [key, value] : kDefaults) settings->try_emplace(std::string(key), value);
  std::string& options = (*settings)["options"];
  // What the URL gives comes later and wins.
  options = fmt::format("{} {}", kSessionOptions, options);
  return std::make_unique<PostgresqlEngine>(shown, connection_string(*settings));
}

}  // namespace gatehouse::storage
