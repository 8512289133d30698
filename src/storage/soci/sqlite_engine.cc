// One file. One connection writes, a few read; WAL, synchronous=FULL. Only this process writes, so
// a condition variable is enough to say that something changed.
#include <fcntl.h>
#include <fmt/format.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <system_error>

#include "storage/soci/engine.h"

namespace gatehouse::storage {
namespace {

constexpr std::size_t kReaders = 4;
constexpr int kBusySeconds = 10;

class SqliteEngine final : public Engine {
 public:
  SqliteEngine(std::string url, std::string path)
      : url_(std::move(url)),
        path_(std::move(path)),
        connection_(fmt::format("db=\"{}\" timeout={}", path_, kBusySeconds)),
        writers_(1),
        readers_(kReaders) {}

  const std::string& url() const override { return url_; }

  std::expected<void, std::string> open_writers() override {
    if (const int error = make_file(); error != 0)
      return std::unexpected(std::generic_category().message(error));
    writers_.at(0).open(soci::sqlite3, connection_);
    return {};
  }

  std::expected<void, std::string> prepare() override {
    soci::session& writer = writers_.at(0);
    std::string mode;
    writer << "PRAGMA journal_mode = WAL", soci::into(mode);
    if (mode != "wal") return std::unexpected("the file system has no write-ahead logging");
    writer << "PRAGMA synchronous = FULL";
    writer << "PRAGMA foreign_keys = ON";
    return {};
  }

  void open_readers() override {
    for (std::size_t i = 0; i < kReaders; ++i) {
      readers_.at(i).open(soci::sqlite3, connection_);
      readers_.at(i) << "PRAGMA query_only = ON";
    }
  }

  soci::connection_pool& sessions(Access access) override {
    return access == Access::Write ? writers_ : readers_;
  }

  void reconnect(soci::session& sql) override { sql.reconnect(); }

  // BEGIN IMMEDIATE waits for writers of another process at once, where waiting can still succeed.
  void begin(soci::session& sql, Access access) override {
    if (access == Access::Write) sql << "BEGIN IMMEDIATE";
    if (access == Access::Snapshot) sql << "BEGIN";
  }
  // Whoever writes is alone.
  void lock_schema(soci::session& /*sql*/) override {}
  void allow_idle(soci::session& /*sql*/) override {}
  void lock_table(soci::session& /*sql*/, std::string_view /*table*/) override {}

  // SQLite's own words for the code. SOCI's message could quote the values of the statement.
  std::string words(const soci::soci_error& failure) const override {
    if (const auto* sqlite = dynamic_cast<const soci::sqlite3_soci_error*>(&failure))
      return sqlite_api::sqlite3_errstr(sqlite->result());
    return "unexpected content";
  }
  Fault fault(const soci::soci_error& /*failure*/, soci::session& /*sql*/) const override {
    return Fault::Lasting;
  }

  std::string_view tables_query() const override {
    return "SELECT name FROM sqlite_master WHERE type = 'table'";
  }
  std::string ddl(std::string_view statements) const override {
    return replaced(statements, "SERIAL_KEY", "INTEGER NOT NULL PRIMARY KEY");
  }

  void announce(soci::session& /*sql*/) override {}
  void announced() override {
    {
      const std::lock_guard lock(mutex_);
      ++changes_;
    }
    changed_.notify_all();
  }
  bool wait(std::chrono::milliseconds timeout) override {
    std::unique_lock lock(mutex_);
    const bool changed = changed_.wait_for(lock, timeout, [this] { return changes_ != seen_; });
    seen_ = changes_;
    return changed;
  }

 private:
  // Made here and not by SQLite, for the mode (which SQLite gives to its other files too) and for
  // better words when it cannot be done. Answers errno, or 0.
  int make_file() const {
    const int descriptor = ::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor >= 0) {
      ::close(descriptor);
      return 0;
    }
    // An existing file is not opened: closing it would drop the locks that this process may hold
    // on it through another store.
    if (errno != EEXIST) return errno;
    return ::faccessat(AT_FDCWD, path_.c_str(), R_OK | W_OK, AT_EACCESS) == 0 ? 0 : errno;
  }

  const std::string url_;
  const std::string path_;
  const std::string connection_;
  soci::connection_pool writers_;
  soci::connection_pool readers_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t changes_ = 0;  // under mutex_, as the next
  std::uint64_t seen_ = 0;
};

}  // namespace

std::unique_ptr<Engine> sqlite_engine(const std::string& url, const std::string& path) {
  return std::make_unique<SqliteEngine>(url, path);
}

}  // namespace gatehouse::storage
