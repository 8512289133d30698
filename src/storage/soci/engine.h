// What differs between the two database engines; the SQL of the store itself is the same for both.
// Everything here may throw soci::soci_error unless it says otherwise. Thread-safe, except for what
// is done with a session: one thread at a time.
#pragma once

#include <soci/soci.h>

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

namespace gatehouse::storage {

enum class Access : std::uint8_t {
  Read,      // each statement sees what is committed when it begins
  Snapshot,  // all statements see the same moment
  Write,
};

enum class Fault : std::uint8_t {
  Lasting,
  Conflict,      // another writer was in the way; nothing was done
  Disconnected,  // during COMMIT, nobody knows whether it was done
};

class Engine {
 public:
  virtual ~Engine() = default;

  // For messages: no password.
  [[nodiscard]] virtual const std::string& url() const = 0;

  // The start, in this order. What cannot be is said in words; the first changes nothing in a
  // database that exists.
  [[nodiscard]] virtual std::expected<void, std::string> open_writers() = 0;
  [[nodiscard]] virtual std::expected<void, std::string> prepare() = 0;
  virtual void open_readers() = 0;

  [[nodiscard]] virtual soci::connection_pool& sessions(Access access) = 0;
  // Makes a connection that was lost again.
  virtual void reconnect(soci::session& sql) = 0;
  // Begins a transaction; nothing for Access::Read.
  virtual void begin(soci::session& sql, Access access) = 0;
  // In a transaction that writes: nobody else migrates, or replaces everything, until it ends.
  virtual void lock_schema(soci::session& sql) = 0;
  // In a transaction that goes on at the pace of a stream.
  virtual void allow_idle(soci::session& sql) = 0;
  virtual void lock_table(soci::session& sql, std::string_view table) = 0;

  // The engine's words for a failure, without values of statements. Never throws.
  [[nodiscard]] virtual std::string words(const soci::soci_error& failure) const = 0;
  // `sql` is the session in which it happened. Never throws.
  [[nodiscard]] virtual Fault fault(const soci::soci_error& failure, soci::session& sql) const = 0;

  // A query of the names of all tables, in a column `name`.
  [[nodiscard]] virtual std::string_view tables_query() const = 0;
  // A migration's statements in the words of this engine.
  [[nodiscard]] virtual std::string ddl(std::string_view statements) const = 0;

  // In a transaction that added to the feed: its commit wakes whoever waits. `announced` follows
  // the commit.
  virtual void announce(soci::session& sql) = 0;
  virtual void announced() = 0;
  // Store::wait_for_change. A connection that has to be made may take longer than `timeout`. Never
  // throws.
  [[nodiscard]] virtual bool wait(std::chrono::milliseconds timeout) = 0;
};

// Text with each occurrence of `from` replaced.
[[nodiscard]] std::string replaced(std::string_view text, std::string_view from,
                                   std::string_view to);

// `path` is absolute.
[[nodiscard]] std::unique_ptr<Engine> sqlite_engine(const std::string& url,
                                                    const std::string& path);
// `url` is libpq's URI. The error is in words that repeat nothing of it.
[[nodiscard]] std::expected<std::unique_ptr<Engine>, std::string> postgresql_engine(
    const std::string& url);

}  // namespace gatehouse::storage
