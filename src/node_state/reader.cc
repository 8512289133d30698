#include <fmt/format.h>

#include <array>
#include <cstring>

#include "node_state/codec.h"
#include "node_state/environment.h"

namespace gatehouse::node_state {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxSnapshotBytes = std::size_t{1} << 30;

class LmdbReader final : public Reader {
 public:
  explicit LmdbReader(fs::path directory) : directory_(std::move(directory)) {}
  LmdbReader(const LmdbReader&) = delete;
  LmdbReader& operator=(const LmdbReader&) = delete;
  ~LmdbReader() override {
    const auto held = hold();
    if (transaction_ != nullptr) mdb_txn_abort(transaction_);
  }

  std::expected<void, Error> open_environment() {
    identity_ = identify(directory_);
    if (!identity_) {
      return std::unexpected(environment_error("cannot open node state", directory_, ENOENT));
    }
    MDB_env* raw = nullptr;
    if (const int code = mdb_env_create(&raw); code != 0) {
      return std::unexpected(environment_error("cannot create reader of", directory_, code));
    }
    environment_ = own_environment(raw);
    mdb_env_set_maxreaders(raw, kMaxReaders);
    if (const int code = mdb_env_open(raw, directory_.c_str(), MDB_RDONLY | MDB_NOTLS, 0660);
        code != 0) {
      return std::unexpected(environment_error("cannot open node state", directory_, code));
    }
    return begin_reading();
  }

  // The writer's environment, open already.
  std::expected<void, Error> share(EnvironmentHandle environment,
                                   std::optional<FileIdentity> identity,
                                   std::shared_ptr<std::shared_mutex> map_guard) {
    identity_ = identity;
    environment_ = std::move(environment);
    map_guard_ = std::move(map_guard);
    const auto held = hold();
    return begin_reading();
  }

  std::uint64_t transaction() const override {
    const auto held = hold();
    return last_transaction();
  }

  std::uint64_t seen_transaction() const override { return seen_; }
  bool has_moved() const override { return transaction() != seen_; }

  bool refresh() override {
    const auto held = hold();
    return last_transaction() == seen_ || load_stamps();
  }
  bool is_current() const override { return identify(directory_) == identity_; }
  std::uint64_t stamp_of(std::size_t shard) const override { return stamps_[shard % kStampShards]; }
  std::uint64_t snapshot_stamp() const override { return stamps_[kSnapshotStamp]; }
  std::uint64_t snapshot_origin() const override { return stamps_[kOriginStamp]; }
  std::uint64_t assertion_stamp() const override { return stamps_[kAssertionStamp]; }
  std::uint64_t revocation_stamp() const override { return stamps_[kRevocationStamp]; }
  std::optional<Instant> heartbeat() const override { return heartbeat_; }

  std::expected<model::Revocations, Error> revocations() override {
    auto document = get_json(kRevocationsKey, std::size_t{1} << 26);
    if (!document) return std::unexpected(document.error());
    if (!*document) return model::Revocations{};
    auto revocations = model::revocations_from_json(**document);
    if (!revocations) return std::unexpected(Error{"the revocations are not readable"});
    return std::move(*revocations);
  }

  std::expected<std::optional<json::value>, Error> snapshot() override {
    return get_json(kSnapshotKey, kMaxSnapshotBytes);
  }

  std::expected<std::optional<std::uint64_t>, Error> snapshot_sequence() override {
    const auto held = hold();
    if (const int code = begin(); code != 0) {
      return std::unexpected(environment_error("cannot read node state", directory_, code));
    }
    auto sequence = read_sequence();
    mdb_txn_reset(transaction_);
    return sequence;
  }

  std::expected<Changes, Error> changes_after(std::uint64_t sequence) override {
    const auto held = hold();
    if (const int code = begin(); code != 0) {
      return std::unexpected(environment_error("cannot read node state", directory_, code));
    }
    auto changes = read_changes(sequence);
    mdb_txn_reset(transaction_);
    return changes;
  }

  std::expected<std::optional<model::Session>, Error> session(std::string_view nonce) override {
    auto document = get_json(std::string(kSessionPrefix).append(nonce), std::size_t{1} << 20);
    if (!document) return std::unexpected(document.error());
    if (!*document) return std::nullopt;
    auto session = model::session_from_json(**document);
    if (!session) return std::unexpected(Error{"a session record is not readable"});
    return session;
  }

  std::expected<std::optional<std::string>, Error> assertion(std::string_view service_token_id,
                                                             std::string_view audience) override {
    auto document = get_json(
        std::string(kAssertionPrefix).append(service_token_id).append("/").append(audience),
        1 << 16);
    if (!document) return std::unexpected(document.error());
    if (!*document) return std::nullopt;
    if (!(*document)->is_string()) return std::unexpected(Error{"an assertion is not readable"});
    return std::string((*document)->get_string());
  }

 private:
  std::shared_lock<std::shared_mutex> hold() const {
    return map_guard_ ? std::shared_lock(*map_guard_) : std::shared_lock<std::shared_mutex>();
  }

  std::uint64_t last_transaction() const {
    MDB_envinfo info{};
    mdb_env_info(environment_.get(), &info);
    return info.me_last_txnid;
  }

  std::expected<void, Error> begin_reading() {
    if (const int code = begin(); code != 0) {
      return std::unexpected(environment_error("cannot read node state", directory_, code));
    }
    const int code = mdb_dbi_open(transaction_, nullptr, 0, &database_);
    mdb_txn_reset(transaction_);
    if (code != 0 || !load_stamps()) {
      return std::unexpected(environment_error("cannot read node state", directory_, code));
    }
    return {};
  }

  // Begins or renews the read transaction, following a map that the writer has grown.
  int begin() {
    for (int round = 0; round < 3; ++round) {
      const int code = transaction_ == nullptr
                           ? mdb_txn_begin(environment_.get(), nullptr, MDB_RDONLY, &transaction_)
                           : mdb_txn_renew(transaction_);
      if (code == 0) return 0;
      if (transaction_ != nullptr) {
        mdb_txn_abort(transaction_);
        transaction_ = nullptr;
      }
      if (code == MDB_MAP_RESIZED && !map_guard_) {
        mdb_env_set_mapsize(environment_.get(), 0);
      } else if (code != MDB_BAD_RSLOT) {
        return code;
      }
    }
    return MDB_BAD_TXN;
  }

  bool load_stamps() {
    if (begin() != 0) return false;
    const std::uint64_t id = mdb_txn_id(transaction_);
    MDB_val key = to_value(kStampsKey);
    MDB_val value{};
    const bool readable =
        mdb_get(transaction_, database_, &key, &value) == 0 && value.mv_size == sizeof stamps_;
    if (readable) std::memcpy(stamps_.data(), value.mv_data, sizeof stamps_);
    heartbeat_.reset();
    key = to_value(kHeartbeatKey);
    if (readable && mdb_get(transaction_, database_, &key, &value) == 0) {
      if (const auto text = decode_record(to_view(value))) {
        const auto document = json::parse(*text);
        if (document && document->is_object()) {
          if (const auto at = json::find_int(document->get_object(), "at")) {
            heartbeat_ = from_epoch_seconds(*at);
          }
        }
      }
    }
    mdb_txn_reset(transaction_);
    if (readable) seen_ = id;
    return readable;
  }

  std::expected<std::optional<json::value>, Error> get_json(std::string_view name,
                                                            std::size_t max_bytes) {
    const auto held = hold();
    if (const int code = begin(); code != 0) {
      return std::unexpected(environment_error("cannot read node state", directory_, code));
    }
    auto result = read_json(name, max_bytes);
    mdb_txn_reset(transaction_);
    return result;
  }

  // In the transaction that has begun, as the next three.
  std::expected<std::optional<json::value>, Error> read_json(std::string_view name,
                                                             std::size_t max_bytes) const {
    MDB_val key = to_value(name);
    MDB_val value{};
    const int code = mdb_get(transaction_, database_, &key, &value);
    if (code == MDB_NOTFOUND) return std::nullopt;
    if (code != 0) {
      return std::unexpected(environment_error("cannot read node state", directory_, code));
    }
    return decode_json(name, to_view(value), max_bytes);
  }

  static std::expected<json::value, Error> decode_json(std::string_view name,
                                                       std::string_view record,
                                                       std::size_t max_bytes) {
    const auto text = decode_record(record);
    if (!text) {
      return std::unexpected(
          Error{"node state: the checksum of `" + std::string(name) + "` does not fit"});
    }
    auto document = json::parse(*text, {.max_bytes = max_bytes, .max_depth = 64});
    if (!document) {
      return std::unexpected(Error{"node state: `" + std::string(name) + "` is not JSON"});
    }
    return std::move(*document);
  }

  std::expected<std::optional<std::uint64_t>, Error> read_sequence() const {
    const auto document = read_json(kSnapshotSequenceKey, 1 << 10);
    if (!document) return std::unexpected(document.error());
    if (!*document) return std::nullopt;
    const auto sequence = parse_sequence(**document);
    if (!sequence) return std::unexpected(Error{"node state: the sequence is not readable"});
    return *sequence;
  }

  std::expected<Changes, Error> read_changes(std::uint64_t after) const {
    Changes changes;
    const auto sequence = read_sequence();
    if (!sequence) return std::unexpected(sequence.error());
    changes.sequence = sequence->value_or(0);
    MDB_val key = to_value(kStampsKey);
    MDB_val value{};
    std::array<std::uint64_t, kStampCount> stamps{};
    if (mdb_get(transaction_, database_, &key, &value) != 0 || value.mv_size != sizeof stamps) {
      return std::unexpected(Error{"node state: the stamps are not readable"});
    }
    std::memcpy(stamps.data(), value.mv_data, sizeof stamps);
    changes.origin = stamps[kOriginStamp];

    MDB_cursor* cursor = nullptr;
    int code = mdb_cursor_open(transaction_, database_, &cursor);
    if (code != 0) {
      return std::unexpected(environment_error("cannot read node state", directory_, code));
    }
    const std::unique_ptr<MDB_cursor, void (*)(MDB_cursor*)> owned(cursor, mdb_cursor_close);
    const std::string last_known = change_key(after);
    key = to_value(last_known);
    code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    for (; code == 0 && to_view(key).starts_with(kChangePrefix);
         code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
      if (to_view(key) == last_known) continue;
      auto document = decode_json(to_view(key), to_view(value), kMaxSnapshotBytes);
      if (!document) return std::unexpected(document.error());
      changes.documents.push_back(std::move(*document));
    }
    if (code != 0 && code != MDB_NOTFOUND) {
      return std::unexpected(environment_error("cannot read node state", directory_, code));
    }
    return changes;
  }

  fs::path directory_;
  EnvironmentHandle environment_;
  std::shared_ptr<std::shared_mutex> map_guard_;  // of the writer whose environment it is; or null
  MDB_txn* transaction_ = nullptr;                // renewed for each read, reset after it
  MDB_dbi database_ = 0;
  std::optional<FileIdentity> identity_;
  std::array<std::uint64_t, kStampCount> stamps_{};
  std::optional<Instant> heartbeat_;
  std::uint64_t seen_ = 0;
};

}  // namespace

std::expected<std::unique_ptr<Reader>, Error> Reader::open(const fs::path& directory) {
  auto reader = std::make_unique<LmdbReader>(directory);
  if (auto opened = reader->open_environment(); !opened) return std::unexpected(opened.error());
  return reader;
}

std::expected<std::unique_ptr<Reader>, Error> make_shared_reader(
    const fs::path& directory, EnvironmentHandle environment, std::optional<FileIdentity> identity,
    std::shared_ptr<std::shared_mutex> map_guard) {
  auto reader = std::make_unique<LmdbReader>(directory);
  if (auto opened = reader->share(std::move(environment), identity, std::move(map_guard)); !opened)
    return std::unexpected(opened.error());
  return reader;
}

std::string change_key(std::uint64_t sequence) {
  return fmt::format("{}{:016x}", kChangePrefix, sequence);
}

std::optional<std::uint64_t> parse_sequence(const json::value& document, std::string_view key) {
  const auto* object = document.if_object();
  const auto* member = object == nullptr ? nullptr : json::find(*object, key);
  if (member == nullptr) return std::nullopt;
  if (const auto* number = member->if_uint64()) return *number;
  const auto* number = member->if_int64();
  if (number == nullptr || *number < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

std::size_t shard_of(std::string_view session_nonce) {
  // FNV-1a: only spreads; nonces are random already.
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char character : session_nonce) {
    hash = (hash ^ static_cast<unsigned char>(character)) * 1099511628211ULL;
  }
  return static_cast<std::size_t>(hash % kStampShards);
}

}  // namespace gatehouse::node_state
