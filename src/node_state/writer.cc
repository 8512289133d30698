#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <functional>
#include <mutex>
#include <shared_mutex>

#include "node_state/codec.h"
#include "node_state/environment.h"

namespace gatehouse::node_state {
namespace {

namespace fs = std::filesystem;

struct TransactionAborter {
  void operator()(MDB_txn* transaction) const { mdb_txn_abort(transaction); }
};
using TransactionHandle = std::unique_ptr<MDB_txn, TransactionAborter>;

class LmdbWriter final : public Writer {
 public:
  LmdbWriter(fs::path directory, std::string group, std::size_t initial_map_bytes)
      : directory_(std::move(directory)),
        group_(std::move(group)),
        initial_map_bytes_(initial_map_bytes) {}

  std::expected<void, Error> open_environment() {
    std::error_code ignored;
    fs::create_directories(directory_, ignored);
    MDB_env* raw = nullptr;
    if (const int code = mdb_env_create(&raw); code != 0) {
      return std::unexpected(environment_error("cannot create node state", directory_, code));
    }
    EnvironmentHandle environment = own_environment(raw);
    mdb_env_set_mapsize(raw, initial_map_bytes_);
    mdb_env_set_maxreaders(raw, kMaxReaders);
    // NOTLS: readers that share this environment move between threads.
    // NOMETASYNC: a crash of the machine may lose the last commits, never the order of them; the
    // durable store has them all.
    if (const int code = mdb_env_open(raw, directory_.c_str(), MDB_NOMETASYNC | MDB_NOTLS, 0660);
        code != 0) {
      return std::unexpected(environment_error("cannot open node state", directory_, code));
    }
    environment_ = std::move(environment);
    if (auto shared = share_with_group(); !shared) return shared;
    MDB_txn* transaction = nullptr;
    int code = mdb_txn_begin(raw, nullptr, 0, &transaction);
    if (code == 0) {
      TransactionHandle handle(transaction);
      code = mdb_dbi_open(transaction, nullptr, 0, &database_);
      MDB_val key = to_value(kStampsKey);
      MDB_val value{};
      if (code == 0) code = mdb_get(transaction, database_, &key, &value);
      if (code == MDB_NOTFOUND) {
        std::array<std::uint64_t, kStampCount> stamps{};
        value = MDB_val{sizeof stamps, stamps.data()};
        code = mdb_put(transaction, database_, &key, &value, 0);
      } else if (code == 0 && value.mv_size != kStampCount * sizeof(std::uint64_t)) {
        code = MDB_VERSION_MISMATCH;  // of another version of ours: open() makes a new one
      }
      if (code == 0) code = mdb_txn_commit(handle.release());
    }
    if (code != 0) {
      return std::unexpected(environment_error("cannot read node state", directory_, code));
    }
    identity_ = identify(directory_);
    return {};
  }

  std::expected<void, Error> put_snapshot(const json::object& document) override {
    const std::string record = encode_record(json::serialize(document));
    const auto sequence = parse_sequence(document);
    return write([&](MDB_txn* txn, Stamps& stamps) {
      stamps[kSnapshotStamp] = stamps[kOriginStamp] = mdb_txn_id(txn);
      const SnapshotPlace place{sequence.value_or(0), sequence.value_or(0)};
      if (const int code = put_place(txn, place); code != 0) return code;
      if (const int code = remove_prefix(txn, kChangePrefix); code != 0) return code;
      return put(txn, kSnapshotKey, record);
    });
  }

  std::expected<ChangesThere, Error> put_change(std::uint64_t sequence,
                                                const json::object& document) override {
    const std::string key = change_key(sequence);
    const std::string record = encode_record(json::serialize(document));
    bool is_later = true;
    ChangesThere there;
    auto written = write([&](MDB_txn* txn, Stamps& stamps) {
      const auto before = place_in(txn);
      is_later = before && sequence > before->sequence;
      if (!is_later) return 0;
      stamps[kSnapshotStamp] = mdb_txn_id(txn);
      if (const int code = put_place(txn, {sequence, before->base}); code != 0) return code;
      if (const int code = put(txn, key, record); code != 0) return code;
      return count_changes(txn, before->base, there);
    });
    if (!written) return std::unexpected(written.error());
    if (!is_later) {
      return std::unexpected(
          Error{"node state `" + directory_.string() + "` has no snapshot before that change"});
    }
    return there;
  }

  std::expected<void, Error> compact_snapshot(const json::object& document) override {
    const std::string record = encode_record(json::serialize(document));
    const auto sequence = parse_sequence(document);
    bool is_same = true;
    auto written = write([&](MDB_txn* txn, Stamps& stamps) {
      const auto before = place_in(txn);
      is_same = sequence && before && before->sequence == *sequence;
      if (!is_same) return 0;
      stamps[kSnapshotStamp] = mdb_txn_id(txn);
      // What led here stays until the next time: a worker that had nothing to do follows it.
      const std::string last = change_key(before->base);
      if (const int code = remove_prefix(txn, kChangePrefix, last); code != 0) return code;
      if (const int code = put_place(txn, {*sequence, *sequence}); code != 0) return code;
      return put(txn, kSnapshotKey, record);
    });
    if (written && !is_same) {
      return std::unexpected(
          Error{"node state `" + directory_.string() + "` has another sequence"});
    }
    return written;
  }

  std::expected<void, Error> put_session(const model::Session& session) override {
    const std::string key = session_key(session.nonce);
    const std::string record = encode_record(json::serialize(model::to_json(session)));
    return write([&](MDB_txn* txn, Stamps& stamps) {
      stamps[shard_of(session.nonce)] = mdb_txn_id(txn);
      return put(txn, key, record);
    });
  }

  std::expected<void, Error> remove_session(std::string_view nonce) override {
    const std::string key = session_key(nonce);
    return write([&](MDB_txn* txn, Stamps& stamps) {
      stamps[shard_of(nonce)] = mdb_txn_id(txn);
      MDB_val name = to_value(key);
      const int code = mdb_del(txn, database_, &name, nullptr);
      return code == MDB_NOTFOUND ? 0 : code;
    });
  }

  std::expected<void, Error> put_assertion(std::string_view service_token_id,
                                           std::string_view audience,
                                           std::string_view jwt) override {
    const std::string key =
        std::string(kAssertionPrefix).append(service_token_id).append("/").append(audience);
    const std::string record = encode_record(json::serialize(json::value(jwt)));
    return write([&](MDB_txn* txn, Stamps& stamps) {
      stamps[kAssertionStamp] = mdb_txn_id(txn);
      return put(txn, key, record);
    });
  }

  std::expected<void, Error> put_heartbeat(Instant now) override {
    {
      const std::lock_guard lock(mutex_);
      if (!environment_ || identify(directory_) != identity_) {
        environment_.reset();
        // Readers made here may still have the old files mapped: the new ones get a lock file of
        // their own, since LMDB gives up the locks of a whole process at once.
        std::error_code ignored;
        fs::remove(directory_ / "lock.mdb", ignored);
        if (auto opened = open_environment(); !opened) return opened;
        return std::unexpected(
            Error{"node state `" + directory_.string() + "` had been deleted and is made anew"});
      }
    }
    const std::string record =
        encode_record(json::serialize(json::object{{"at", to_epoch_seconds(now)}}));
    return write([&](MDB_txn* txn, Stamps&) { return put(txn, kHeartbeatKey, record); });
  }

  std::expected<void, Error> replace_sessions(
      const std::vector<model::Session>& sessions) override {
    return write([&](MDB_txn* txn, Stamps& stamps) {
      for (std::size_t shard = 0; shard < kStampShards; ++shard) stamps[shard] = mdb_txn_id(txn);
      if (const int code = remove_prefix(txn, kSessionPrefix); code != 0) return code;
      for (const auto& session : sessions) {
        const std::string record = encode_record(json::serialize(model::to_json(session)));
        if (const int code = put(txn, session_key(session.nonce), record); code != 0) return code;
      }
      return 0;
    });
  }

  std::expected<void, Error> put_revocations(const model::Revocations& revocations) override {
    const std::string record = encode_record(json::serialize(model::to_json(revocations)));
    return write([&](MDB_txn* txn, Stamps& stamps) {
      stamps[kRevocationStamp] = mdb_txn_id(txn);
      return put(txn, kRevocationsKey, record);
    });
  }

  std::expected<std::unique_ptr<Reader>, Error> make_reader() override {
    const std::lock_guard lock(mutex_);
    if (!environment_)
      return std::unexpected(environment_error("cannot open node state", directory_, ENOENT));
    return make_shared_reader(directory_, environment_, identity_, map_guard_);
  }

  void check_readers() override {
    const std::lock_guard lock(mutex_);
    int dead = 0;
    if (environment_) mdb_reader_check(environment_.get(), &dead);
  }

 private:
  using Stamps = std::array<std::uint64_t, kStampCount>;
  using Body = std::function<int(MDB_txn*, Stamps&)>;

  static std::string session_key(std::string_view nonce) {
    return std::string(kSessionPrefix).append(nonce);
  }

  int put(MDB_txn* txn, std::string_view key, std::string_view record) const {
    MDB_val name = to_value(key);
    MDB_val value = to_value(record);
    return mdb_put(txn, database_, &name, &value, 0);
  }

  // Where snapshot and changes have come to: `base` is the sequence of the snapshot itself.
  struct SnapshotPlace {
    std::uint64_t sequence = 0;
    std::uint64_t base = 0;
  };
  int put_place(MDB_txn* txn, const SnapshotPlace& place) const {
    return put(txn, kSnapshotSequenceKey,
               encode_record(json::serialize(
                   json::object{{"sequence", place.sequence}, {"snapshot", place.base}})));
  }

  // nullopt: none, or not readable.
  std::optional<SnapshotPlace> place_in(MDB_txn* txn) const {
    MDB_val key = to_value(kSnapshotSequenceKey);
    MDB_val value{};
    if (mdb_get(txn, database_, &key, &value) != 0) return std::nullopt;
    const auto text = decode_record(to_view(value));
    const auto document = text ? json::parse(*text).value_or(nullptr) : json::value();
    const auto sequence = parse_sequence(document);
    const auto base = parse_sequence(document, "snapshot");
    if (!sequence || !base) return std::nullopt;
    return SnapshotPlace{*sequence, *base};
  }

  // Those after `base`.
  int count_changes(MDB_txn* txn, std::uint64_t base, ChangesThere& there) const {
    there = {};
    MDB_cursor* cursor = nullptr;
    if (const int code = mdb_cursor_open(txn, database_, &cursor); code != 0) return code;
    const std::string first = change_key(base + 1);
    MDB_val key = to_value(first);
    MDB_val value{};
    int code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    for (; code == 0 && to_view(key).starts_with(kChangePrefix);
         code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
      ++there.count;
      there.bytes += value.mv_size;
    }
    mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? 0 : code;
  }

  // Those up to `last`, when it is given.
  int remove_prefix(MDB_txn* txn, std::string_view prefix, std::string_view last = {}) const {
    MDB_cursor* cursor = nullptr;
    if (const int code = mdb_cursor_open(txn, database_, &cursor); code != 0) return code;
    MDB_val key = to_value(prefix);
    MDB_val value{};
    int code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    while (code == 0 && to_view(key).starts_with(prefix) &&
           (last.empty() || to_view(key) <= last)) {
      code = mdb_cursor_del(cursor, 0);
      if (code == 0) code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? 0 : code;
  }

  // One transaction, stamps included. A full map grows and the transaction is repeated.
  std::expected<void, Error> write(const Body& body) {
    const std::lock_guard lock(mutex_);
    if (!environment_) {
      if (auto opened = open_environment(); !opened) return opened;
    }
    for (;;) {
      const int code = attempt(body);
      if (code == 0) return {};
      if (code != MDB_MAP_FULL) {
        return std::unexpected(environment_error("cannot write node state", directory_, code));
      }
      MDB_envinfo info{};
      mdb_env_info(environment_.get(), &info);
      const std::unique_lock nobody_reads(*map_guard_);
      if (const int grown = mdb_env_set_mapsize(environment_.get(), info.me_mapsize * 2);
          grown != 0) {
        return std::unexpected(environment_error("cannot grow node state", directory_, grown));
      }
    }
  }

  int attempt(const Body& body) {
    MDB_txn* raw = nullptr;
    if (const int code = mdb_txn_begin(environment_.get(), nullptr, 0, &raw); code != 0)
      return code;
    TransactionHandle transaction(raw);
    Stamps stamps{};
    MDB_val key = to_value(kStampsKey);
    MDB_val value{};
    if (const int code = mdb_get(raw, database_, &key, &value); code != 0) return code;
    if (value.mv_size != sizeof stamps) return MDB_CORRUPTED;
    std::memcpy(stamps.data(), value.mv_data, sizeof stamps);
    if (const int code = body(raw, stamps); code != 0) return code;
    value = MDB_val{sizeof stamps, stamps.data()};
    if (const int code = mdb_put(raw, database_, &key, &value, 0); code != 0) return code;
    return mdb_txn_commit(transaction.release());
  }

  // Even a reader needs write access to the lock file; the data stays read-only to the group.
  std::expected<void, Error> share_with_group() const {
    if (group_.empty()) return {};
    const ::group* entry = ::getgrnam(group_.c_str());
    if (entry == nullptr) return std::unexpected(Error{"no such group `" + group_ + "`"});
    const auto give = [&](const fs::path& path, mode_t mode) {
      return ::chown(path.c_str(), static_cast<uid_t>(-1), entry->gr_gid) == 0 &&
             ::chmod(path.c_str(), mode) == 0;
    };
    if (!give(directory_, 0750) || !give(directory_ / "data.mdb", 0640) ||
        !give(directory_ / "lock.mdb", 0660)) {
      return std::unexpected(environment_error("cannot share node state", directory_, errno));
    }
    return {};
  }

  fs::path directory_;
  std::string group_;
  std::size_t initial_map_bytes_;
  // LMDB allows one write transaction a process, begun by any thread.
  std::mutex mutex_;
  std::shared_ptr<std::shared_mutex> map_guard_ = std::make_shared<std::shared_mutex>();
  EnvironmentHandle environment_;
  MDB_dbi database_ = 0;
  std::optional<FileIdentity> identity_;
};

}  // namespace

std::expected<std::unique_ptr<Writer>, Error> Writer::open(const fs::path& directory,
                                                           const std::string& group,
                                                           std::size_t initial_map_bytes) {
  auto writer = std::make_unique<LmdbWriter>(directory, group, initial_map_bytes);
  auto opened = writer->open_environment();
  if (!opened && fs::exists(directory / "data.mdb")) {
    // Not readable as ours: keep it for whoever wants to look, and start afresh.
    const fs::path aside = directory / "unreadable";
    std::error_code error;
    fs::create_directories(aside, error);
    fs::rename(directory / "data.mdb", aside / "data.mdb", error);
    fs::remove(directory / "lock.mdb", error);
    writer = std::make_unique<LmdbWriter>(directory, group, initial_map_bytes);
    opened = writer->open_environment();
  }
  if (!opened) return std::unexpected(opened.error());
  return writer;
}

}  // namespace gatehouse::node_state
