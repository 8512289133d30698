// The store over SOCI: all SQL, the same for both engines. The methods are in the files of their
// theme: soci_resources.cc, soci_sessions.cc, soci_users.cc, soci_keys.cc, soci_audit.cc,
// soci_statistics.cc, soci_trials.cc, soci_feed.cc, soci_dump.cc; opening, transactions and errors
// in soci_store.cc.
#pragma once

#include <soci/soci.h>

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/encoding.h"
#include "storage/soci/engine.h"
#include "storage/store.h"

namespace gatehouse::storage {

inline constexpr json::ParseLimits kStoredJson{16 << 20, 32};

// A body of a transaction gives up: nothing is changed, and `words` (no values) are the error.
class GivenUp : public soci::soci_error {
 public:
  explicit GivenUp(const std::string& words) : soci::soci_error(words) {}
};
// Text that no row can hold: not UTF-8, or with a NUL. To look for it finds nothing.
class NotText : public GivenUp {
 public:
  NotText() : GivenUp("the text is not valid UTF-8") {}
};

// The same text, or NotText is thrown.
[[nodiscard]] std::string text(std::string_view given);
// For records that must not be lost: U+FFFD in place of what text() would refuse.
[[nodiscard]] std::string mended_text(std::string_view given);
// The same for a column that is indexed and that outsiders fill: PostgreSQL has no index entries
// above 2,700 bytes, so what is longer is cut.
[[nodiscard]] std::string indexed_text(std::string_view given);
// Bytes of a column that holds base64.
[[nodiscard]] std::string decoded(const std::string& column);

[[nodiscard]] inline long long seconds(Instant instant) { return to_epoch_seconds(instant); }
[[nodiscard]] inline Instant instant(long long epoch_seconds) {
  return from_epoch_seconds(epoch_seconds);
}
// A nullable instant, as SOCI takes and gives it.
struct OptionalInstant {
  OptionalInstant() = default;
  explicit OptionalInstant(const std::optional<Instant>& given)
      : value(given ? seconds(*given) : 0), state(given ? soci::i_ok : soci::i_null) {}
  [[nodiscard]] std::optional<Instant> get() const {
    return state == soci::i_ok ? std::optional(instant(value)) : std::nullopt;
  }
  long long value = 0;
  soci::indicator state = soci::i_null;
};

// A query whose conditions depend on what is asked. The values live as long as this does.
class Conditions {
 public:
  // `sql` has one `?`, which stands for the value.
  void add(std::string_view sql, std::string value);
  void add(std::string_view sql, long long value);
  // Any of the values.
  void add_any(std::string_view column, std::span<const std::string> values);
  [[nodiscard]] std::string where() const;  // empty, or ` WHERE ...`
  void bind(soci::statement& statement);

 private:
  std::string place(std::string_view sql);
  std::string sql_;
  std::size_t count_ = 0;
  std::deque<std::pair<std::string, std::string>> texts_;  // name, value
  std::deque<std::pair<std::string, long long>> numbers_;
};
// Of the rows of a table that meet the conditions.
[[nodiscard]] std::size_t count_rows(soci::session& sql, std::string_view table,
                                     Conditions& conditions);
// For LIMIT and OFFSET: what both engines take.
[[nodiscard]] long long row_count(std::size_t given);
// For LIKE ... ESCAPE '!', of the lower-case text.
[[nodiscard]] std::string like_pattern(std::string_view part);

// Adds to the feed. Its making locks the one row that every such writer locks first.
class FeedWriter {
 public:
  // At most `room` entries.
  FeedWriter(soci::session& sql, std::size_t room);
  void add(Topic topic, const std::string& key);
  [[nodiscard]] bool is_empty() const { return next_ == first_; }

 private:
  soci::session& sql_;
  long long first_ = 0;
  long long next_ = 0;
};

class SociStore final : public Store {
 public:
  explicit SociStore(std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {}
  [[nodiscard]] Result<void> open();

  Result<std::optional<std::string>> find_value(std::string_view key) override;
  Result<std::string> put_value_once(std::string_view key, std::string_view value) override;
  Result<void> put_value(std::string_view key, std::string_view value) override;

  Result<StoredResources> load_resources() override;
  Result<Commit> commit_resources(std::uint64_t expected_sequence,
                                  std::span<const ResourceChange> changes,
                                  std::optional<std::string_view> applied_file,
                                  std::span<const AuditEvent> events, Instant now) override;

  Result<User> sign_in_user(std::string_view email, std::string_view name,
                            std::string_view id_if_new, Instant now) override;
  Result<void> put_identity(std::string_view user_id, std::string_view identity) override;
  Result<bool> add_user(const User& user) override;
  Result<bool> change_user(std::string_view id, std::string_view email, std::string_view name,
                           Instant now) override;
  Result<bool> remove_user(std::string_view id) override;
  Result<Page<User>> users(const UserQuery& query) override;
  Result<std::optional<User>> find_user(std::string_view key) override;

  Result<void> put_session(const model::Session& session) override;
  Result<std::optional<model::Session>> load_session(std::string_view nonce, Instant now) override;
  Result<std::vector<model::Session>> live_sessions(Instant now) override;
  Result<std::vector<model::Session>> live_sessions_of(std::string_view user_id,
                                                       Instant now) override;
  Result<void> visit_live_sessions(
      Instant now, const std::function<void(const model::Session&)>& visit) override;
  Result<Page<model::Session>> find_live_sessions(std::string_view search, std::size_t offset,
                                                  std::size_t limit, Instant now) override;
  Result<std::map<std::string, std::size_t>> count_live_sessions(
      std::span<const std::string> user_ids, Instant now) override;
  Result<std::optional<Instant>> last_session_end(Instant now) override;
  Result<void> remove_session(std::string_view nonce) override;

  Result<void> put_revocation(const Revocation& revocation) override;
  Result<std::optional<Revocation>> find_revocation(RevocationKind kind, std::string_view key,
                                                    Instant now) override;
  Result<std::vector<Revocation>> revocations(Instant now) override;
  Result<bool> remove_revocation(RevocationKind kind, std::string_view key) override;

  Result<bool> consume_once(std::string_view id, Instant expires_at, Instant now) override;
  Result<void> put_pin(const PinRecord& pin) override;
  Result<int> pins_since(std::string_view email, Instant since) override;
  Result<PinOutcome> try_pin(std::string_view id, std::string_view browser,
                             std::string_view code_hash, Instant now) override;

  Result<std::vector<StoredSigningKey>> signing_keys() override;
  Result<void> add_signing_key(const StoredSigningKey& key) override;
  Result<bool> rotate_signing_keys(std::string_view expected_newest,
                                   const StoredSigningKey& successor, std::string_view retiring,
                                   Instant retires_at) override;
  Result<void> reseal(const Reseal& reseal) override;

  Result<bool> add_api_token(const ApiToken& token) override;
  Result<std::optional<ApiToken>> find_api_token(std::string_view secret_hash) override;
  Result<std::vector<ApiToken>> api_tokens() override;
  Result<bool> remove_api_token(std::string_view id) override;
  Result<void> touch_api_token(std::string_view id, Instant now) override;

  Result<void> append_audit(const AuditEvent& event) override;
  Result<std::vector<AuditEvent>> recent_audit(int limit) override;
  Result<Page<AuditEvent>> find_audit(const AuditQuery& query) override;

  Result<void> add_counters(const CountersToAdd& added) override;
  Result<std::optional<std::string>> counted_position(std::string_view node) override;
  Result<std::vector<Counter>> counters(Instant since, Instant until) override;
  Result<std::vector<KeyCount>> counters_by_key(std::string_view name, Instant since, Instant until,
                                                std::size_t limit) override;
  Result<std::map<std::string, Instant>> service_token_uses() override;

  Result<bool> add_trial(const Trial& trial, std::size_t most) override;
  Result<std::optional<Trial>> find_trial(std::string_view id, Instant now) override;
  Result<bool> change_trial(std::string_view id, std::string_view from, std::string_view to,
                            std::string_view document, Instant now) override;

  Result<Feed> changes_since(std::uint64_t position, std::size_t limit) override;
  bool wait_for_change(std::chrono::milliseconds timeout) override;
  Result<void> purge(Instant now) override;

  Result<void> dump(std::ostream& out) override;
  Result<void> load(std::istream& in) override;

 private:
  // Whether a body may run once more: not one that reads or writes a stream.
  enum class Repeat : std::uint8_t { Yes, No };
  template <typename Body>
  using ResultOf = Result<std::invoke_result_t<Body&, soci::session&>>;

  // Body: T(soci::session&), or void. Each is one transaction, run once more after a conflict and
  // after a connection was lost and made again.
  template <typename Body>
  auto read(std::string_view task, Body body) -> ResultOf<Body> {
    return run(task, Access::Read, Repeat::Yes, body);
  }
  template <typename Body>
  auto read_snapshot(std::string_view task, Body body) -> ResultOf<Body> {
    return run(task, Access::Snapshot, Repeat::Yes, body);
  }
  template <typename Body>
  auto write(std::string_view task, Body body) -> ResultOf<Body> {
    return run(task, Access::Write, Repeat::Yes, body);
  }
  // Body: T(soci::session&, FeedWriter&). Every write that others must hear of.
  template <typename Body>
  auto write_feed(std::string_view task, std::size_t room, Body body, Repeat repeat = Repeat::Yes)
      -> Result<std::invoke_result_t<Body&, soci::session&, FeedWriter&>> {
    bool added = false;
    auto with_feed = [&](soci::session& sql) {
      FeedWriter feed(sql, room);
      const auto announce = [&] {
        added = !feed.is_empty();
        if (added) engine_->announce(sql);
      };
      if constexpr (std::is_void_v<std::invoke_result_t<Body&, soci::session&, FeedWriter&>>) {
        body(sql, feed);
        announce();
      } else {
        auto result = body(sql, feed);
        announce();
        return result;
      }
    };
    auto result = run(task, Access::Write, repeat, with_feed);
    if (result && added) engine_->announced();
    return result;
  }

  // One of the engine's sessions, for as long as this lives.
  class Lease {
   public:
    explicit Lease(soci::connection_pool& pool) : pool_(pool), position_(pool.lease()) {}
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() { pool_.give_back(position_); }
    [[nodiscard]] soci::session& session() { return pool_.at(position_); }

   private:
    soci::connection_pool& pool_;
    std::size_t position_;
  };

  class Transaction {
   public:
    Transaction(Engine& engine, soci::session& sql, Access access)
        : sql_(sql), open_(access != Access::Read) {
      engine.begin(sql, access);
    }
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    ~Transaction() {
      if (!open_) return;
      try {
        sql_ << "ROLLBACK";
      } catch (const soci::soci_error&) {
        // After some failures the engine has already rolled back by itself.
      }
    }
    void commit() {
      if (!open_) return;
      sql_ << "COMMIT";
      open_ = false;
    }

   private:
    soci::session& sql_;
    bool open_;
  };

  template <typename Body>
  auto run(std::string_view task, Access access, Repeat repeat, Body& body) -> ResultOf<Body> {
    using Value = std::invoke_result_t<Body&, soci::session&>;
    Lease lease(engine_->sessions(access));
    soci::session& sql = lease.session();
    for (int attempt = 1;; ++attempt) {
      bool committing = false;
      try {
        Transaction transaction(*engine_, sql, access);
        if constexpr (std::is_void_v<Value>) {
          body(sql);
          committing = access == Access::Write;
          transaction.commit();
          return {};
        } else {
          Value value = body(sql);
          committing = access == Access::Write;
          transaction.commit();
          return value;
        }
      } catch (const NotText& failure) {
        if constexpr (!std::is_void_v<Value>) {
          if (access != Access::Write) return Value{};
        }
        return std::unexpected(error(task, failure.get_error_message()));
      } catch (const GivenUp& failure) {
        return std::unexpected(error(task, failure.get_error_message()));
      } catch (const soci::soci_error& failure) {
        const std::string words = engine_->words(failure);
        if (!recover(failure, sql, attempt, committing) || repeat == Repeat::No)
          return std::unexpected(error(task, words));
      }
    }
  }

  // Makes a lost connection again; answers whether the transaction may be tried once more.
  [[nodiscard]] bool recover(const soci::soci_error& failure, soci::session& sql, int attempt,
                             bool committing);
  [[nodiscard]] bool reconnect(soci::session& sql);
  [[nodiscard]] StoreError error(std::string_view task, std::string_view cause) const;
  [[nodiscard]] StoreError open_error(std::string_view cause) const;

  static void insert_audit(soci::session& sql, const AuditEvent& event);
  static void insert_signing_key(soci::session& sql, const StoredSigningKey& key);

  std::unique_ptr<Engine> engine_;
  // The database could not be reached the last time: the next call does not wait for it as long.
  std::atomic<bool> unreachable_{false};
};

}  // namespace gatehouse::storage
