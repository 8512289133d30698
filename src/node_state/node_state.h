// The node state: an LMDB environment that the control plane writes and nginx workers read without
// locks. A cache of the durable store: deleting it loses nothing. Format, versions and the
// reasons: docs/reference/node-state.md.
//
// Records (database `records`), value = 16 bytes truncated SHA-256 of the JSON, then the JSON:
//   snapshot          the snapshot document
//   change/<sequence> what leads from the snapshot before to the one with that sequence (16 hex)
//   snapshot_sequence {"sequence": of the last change, else of the snapshot}
//   session/<nonce>   model::Session
//   assertion/<service token id>/<aud>   the signed assertion for that pair
//   revocations       model::Revocations; absent: none
//   heartbeat         {"at": seconds}  written every kHeartbeatInterval by a living control plane
// and `stamps`: kStampShards + 4 u64 in host order: for each shard of session keys, then for the
// snapshot with its changes, the assertions, the revocations and the snapshot alone, the
// transaction in which it last changed, so that a worker re-reads only what moved, however busy the
// writer is.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "model/identity.h"

namespace gatehouse::node_state {

inline constexpr std::size_t kStampShards = 1024;
inline constexpr std::chrono::seconds kHeartbeatInterval{2};
inline constexpr std::size_t kInitialMapBytes = std::size_t{1} << 30;

class Reader;

struct Error {
  std::string message;  // "cannot open node state `/x`: No such file or directory"
};

// The changes after the snapshot that stands there.
struct ChangesThere {
  std::size_t count = 0;
  std::size_t bytes = 0;
};

// All from one transaction.
struct Changes {
  std::uint64_t origin = 0;            // as Reader::snapshot_origin()
  std::uint64_t sequence = 0;          // the newest that stands there
  std::vector<json::value> documents;  // in the order of their sequences
};

[[nodiscard]] std::size_t shard_of(std::string_view session_nonce);

// One writer process at a time (LMDB's lock); thread-safe within it. Each call is one durable-
// order transaction; a full map grows and the write is repeated, never dropped.
class Writer {
 public:
  // Creates what is missing. An unreadable or foreign environment is moved aside and made anew.
  // `group`: the workers' group, which may read the data and lock its slots; empty: own group.
  // `initial_map_bytes` is address space, not memory.
  [[nodiscard]] static std::expected<std::unique_ptr<Writer>, Error> open(
      const std::filesystem::path& directory, const std::string& group = "",
      std::size_t initial_map_bytes = kInitialMapBytes);
  virtual ~Writer() = default;
  // A snapshot of its own, whatever stood there: removes all changes, and everybody reads it.
  [[nodiscard]] virtual std::expected<void, Error> put_snapshot(const json::object& document) = 0;
  // What leads to `sequence`, which must be later than the one that stands there.
  [[nodiscard]] virtual std::expected<ChangesThere, Error> put_change(
      std::uint64_t sequence, const json::object& document) = 0;
  // What snapshot and changes say already, in one document of the sequence that stands there (an
  // error otherwise, and nothing is changed). The changes since the compaction before stay: who has
  // followed some of them follows the rest.
  [[nodiscard]] virtual std::expected<void, Error> compact_snapshot(
      const json::object& document) = 0;
  [[nodiscard]] virtual std::expected<void, Error> put_session(const model::Session& session) = 0;
  [[nodiscard]] virtual std::expected<void, Error> remove_session(std::string_view nonce) = 0;
  [[nodiscard]] virtual std::expected<void, Error> put_assertion(std::string_view service_token_id,
                                                                 std::string_view audience,
                                                                 std::string_view jwt) = 0;
  [[nodiscard]] virtual std::expected<void, Error> put_revocations(
      const model::Revocations& revocations) = 0;
  // Also looks whether the files are still there. When they have been deleted, makes them anew and
  // answers an error: the caller publishes everything again.
  [[nodiscard]] virtual std::expected<void, Error> put_heartbeat(Instant now) = 0;
  // Replaces all sessions (start, catch-up after loss) in one transaction.
  [[nodiscard]] virtual std::expected<void, Error> replace_sessions(
      const std::vector<model::Session>& sessions) = 0;
  // Frees the slots of readers that died. Called with the heartbeat.
  virtual void check_readers() = 0;
  // A reader in the writer's own process, where LMDB must not open the environment twice. It must
  // not outlive the writer, and ends to be current when the writer makes the files anew.
  [[nodiscard]] virtual std::expected<std::unique_ptr<Reader>, Error> make_reader() = 0;
};

// One per process (after fork) and thread. Not thread-safe. Holds no transaction between calls.
class Reader {
 public:
  [[nodiscard]] static std::expected<std::unique_ptr<Reader>, Error> open(
      const std::filesystem::path& directory);
  virtual ~Reader() = default;
  // The last committed transaction: a few nanoseconds. Nothing has changed while it stands still.
  [[nodiscard]] virtual std::uint64_t transaction() const = 0;
  // The one that refresh() read last.
  [[nodiscard]] virtual std::uint64_t seen_transaction() const = 0;
  // Whether there is a later one.
  [[nodiscard]] virtual bool has_moved() const = 0;
  // Re-reads stamps and heartbeat when transaction() has moved; cheap otherwise.
  // False: the environment cannot be read.
  [[nodiscard]] virtual bool refresh() = 0;
  // Whether the files at the path are still the ones opened: a stat(), for now and then. When not,
  // the reader shows a past that nobody writes any more: open another.
  [[nodiscard]] virtual bool is_current() const = 0;
  [[nodiscard]] virtual std::uint64_t stamp_of(std::size_t shard) const = 0;
  [[nodiscard]] virtual std::uint64_t snapshot_stamp() const = 0;
  // The transaction of the put_snapshot() that the snapshot and its changes begin with: changes
  // lead on only from what has the same origin.
  [[nodiscard]] virtual std::uint64_t snapshot_origin() const = 0;
  [[nodiscard]] virtual std::uint64_t assertion_stamp() const = 0;
  [[nodiscard]] virtual std::uint64_t revocation_stamp() const = 0;
  [[nodiscard]] virtual std::optional<Instant> heartbeat() const = 0;
  // None recorded: empty.
  [[nodiscard]] virtual std::expected<model::Revocations, Error> revocations() = 0;
  // nullopt: absent; Error: present and broken.
  [[nodiscard]] virtual std::expected<std::optional<json::value>, Error> snapshot() = 0;
  // Of the last change, else of the snapshot. nullopt: there is none.
  [[nodiscard]] virtual std::expected<std::optional<std::uint64_t>, Error> snapshot_sequence() = 0;
  // Those with a later sequence. Error: one of them is broken.
  [[nodiscard]] virtual std::expected<Changes, Error> changes_after(std::uint64_t sequence) = 0;
  [[nodiscard]] virtual std::expected<std::optional<model::Session>, Error> session(
      std::string_view nonce) = 0;
  [[nodiscard]] virtual std::expected<std::optional<std::string>, Error> assertion(
      std::string_view service_token_id, std::string_view audience) = 0;
};

}  // namespace gatehouse::node_state
