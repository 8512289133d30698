// Databases for tests: one for each test, on either engine. PostgreSQL is Debian's own, started
// once for the test program on a unix socket in a temporary folder.
#pragma once

#include <memory>
#include <string>

#include "storage/store.h"

namespace gatehouse::storage {

enum class EngineKind { Sqlite, Postgresql };

class TestDatabase {
 public:
  virtual ~TestDatabase() = default;
  [[nodiscard]] virtual std::string url() const = 0;
  // Beside the store; a failure fails the test.
  virtual void run(const std::string& sql) = 0;
  // The first value that it answers, as text.
  [[nodiscard]] virtual std::string ask(const std::string& sql) = 0;
};

// Empty. Aborts the program when PostgreSQL cannot be started, with the reason.
[[nodiscard]] std::unique_ptr<TestDatabase> make_database(EngineKind kind);
// Stops the server at once, as a crash would, and starts it again.
void restart_postgresql();

// Aborts with the error when it cannot be opened.
[[nodiscard]] std::unique_ptr<Store> open_or_abort(const std::string& url);
// The store of another version: the statements of the migrations up to `version`, for SQLite.
void make_old_sqlite_schema(TestDatabase& database, int version);

[[nodiscard]] model::Session test_session(const std::string& nonce, Instant expires_at);

}  // namespace gatehouse::storage
