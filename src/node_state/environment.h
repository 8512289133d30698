// What the writer and the reader share of LMDB: opening, names, error texts. Internal.
#pragma once

#include <lmdb.h>
#include <sys/stat.h>

#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>

#include "node_state/node_state.h"

namespace gatehouse::node_state {

inline constexpr unsigned kMaxReaders = 1024;
inline constexpr std::size_t kSnapshotStamp = kStampShards;
inline constexpr std::size_t kAssertionStamp = kStampShards + 1;
inline constexpr std::size_t kRevocationStamp = kStampShards + 2;
inline constexpr std::size_t kOriginStamp = kStampShards + 3;
inline constexpr std::size_t kStampCount = kStampShards + 4;
inline constexpr std::string_view kStampsKey = "stamps";
inline constexpr std::string_view kSnapshotKey = "snapshot";
inline constexpr std::string_view kSnapshotSequenceKey = "snapshot_sequence";
inline constexpr std::string_view kChangePrefix = "change/";
inline constexpr std::string_view kRevocationsKey = "revocations";
inline constexpr std::string_view kHeartbeatKey = "heartbeat";
inline constexpr std::string_view kSessionPrefix = "session/";
inline constexpr std::string_view kAssertionPrefix = "assertion/";

// Shared between the writer and the readers that it makes.
using EnvironmentHandle = std::shared_ptr<MDB_env>;
[[nodiscard]] inline EnvironmentHandle own_environment(MDB_env* environment) {
  return {environment, mdb_env_close};
}

[[nodiscard]] inline MDB_val to_value(std::string_view bytes) {
  return MDB_val{bytes.size(), const_cast<char*>(bytes.data())};  // LMDB does not write to keys
}
[[nodiscard]] inline std::string_view to_view(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}
[[nodiscard]] inline Error environment_error(std::string_view doing,
                                             const std::filesystem::path& directory, int code) {
  return Error{std::string(doing) + " `" + directory.string() + "`: " + mdb_strerror(code)};
}

// Which file an environment has mapped, to notice that another one stands at its path.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const FileIdentity&) const = default;
};
[[nodiscard]] inline std::optional<FileIdentity> identify(const std::filesystem::path& directory) {
  struct stat status{};
  if (::stat((directory / "data.mdb").c_str(), &status) != 0) return std::nullopt;
  return FileIdentity{status.st_dev, status.st_ino};
}

// In the order of the sequences.
[[nodiscard]] std::string change_key(std::uint64_t sequence);
// The number under `key` of what kSnapshotSequenceKey says; nullopt when it cannot be read.
[[nodiscard]] std::optional<std::uint64_t> parse_sequence(const json::value& document,
                                                          std::string_view key = "sequence");

// A reader of the writer's own environment, whose file is `identity`. While it reads it shares
// `map_guard`, which the writer has to itself while it makes the map larger, for then LMDB lets
// nobody read. Called by the writer while it does not write.
[[nodiscard]] std::expected<std::unique_ptr<Reader>, Error> make_shared_reader(
    const std::filesystem::path& directory, EnvironmentHandle environment,
    std::optional<FileIdentity> identity, std::shared_ptr<std::shared_mutex> map_guard);

}  // namespace gatehouse::node_state
