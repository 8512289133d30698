// The policy enforcement point inside one nginx worker: finds the application, checks the
// credentials against what it remembers and what the node state says now, and asks the policy
// engine, on every request. Single-threaded; made after the fork. core.cc is its C face.
//
// What is remembered and for how long (docs/ARCHITECTURE.md, "The hot path"):
//   tokens      a verified token's claims under a keyed 128-bit digest of its text, until the
//   signing
//               keys change; its exp is compared with the clock on every request
//   refusals    tokens that failed, for kRefusalMemory
//   sessions    the record of the node state, until the stamp of its shard moves
// Nothing that decides is remembered beyond the transaction in which it was read.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/nginx/bounded_cache.h"
#include "adapters/nginx/core.h"
#include "base/time.h"
#include "decision/engine.h"
#include "node_state/node_state.h"

namespace gatehouse::adapters {

inline constexpr std::size_t kTokenGeneration = 32 * 1024;
inline constexpr std::size_t kRefusalGeneration = 4 * 1024;
inline constexpr std::size_t kSessionGeneration = 32 * 1024;
inline constexpr std::chrono::seconds kRefusalMemory{10};
inline constexpr std::chrono::seconds kTokenLeeway{30};  // clocks of several nodes

class Worker {
 public:
  using Log = std::function<void(const std::string&)>;
  Worker(std::filesystem::path state_directory, decision::SelectorRegistry selectors, Log log);

  struct Outcome {
    decision::Decision decision;
    const decision::CompiledApplication* application = nullptr;  // borrowed from the snapshot
    const model::Session* session = nullptr;                     // borrowed until the next call
    std::string_view assertion;  // the request's token, or borrowed until the next call
    bool node_state_usable = true;
  };
  // One request. Strings of `request` outlive the call; nothing of them is kept.
  [[nodiscard]] Outcome decide(const gh_request& request);

  // Of the last decide(); null while no node state could be read.
  [[nodiscard]] const decision::Snapshot* snapshot() const { return snapshot_.get(); }

 private:
  using Digest = std::array<std::uint64_t, 2>;
  struct DigestHash {
    using is_avalanching = void;  // already as random as a hash can be
    std::size_t operator()(const Digest& digest) const { return digest[0]; }
  };
  struct SessionEntry {
    std::optional<model::Session> session;  // nullopt: not there, or not readable
    std::string canonical_email;
    std::uint64_t read_at = 0;  // stamp of its shard when it was read
    std::size_t shard = 0;
  };
  struct TokenEntry {
    // What every request looks at comes first.
    const decision::CompiledApplication* application = nullptr;  // of `audience` in that generation
    std::uint64_t generation = 0;
    std::shared_ptr<SessionEntry> session;
    Instant issued_at{};
    Instant expires_at{};
    std::string audience;
    std::string nonce;
  };
  struct Refusal {
    decision::Reason reason;
    Instant until{};
  };
  struct Subject {
    const SessionEntry* session = nullptr;
    std::string_view token;
    decision::Reason obstacle = decision::Reason::NotSignedIn;
  };

  [[nodiscard]] decision::Snapshot::Located locate(std::string_view host, std::string_view path);
  [[nodiscard]] decision::Reason prepare(Instant now);
  [[nodiscard]] bool load_snapshot();
  [[nodiscard]] Digest digest_of(std::string_view token, gh_connection_memo* memo) const;
  [[nodiscard]] TokenEntry* verified(std::string_view token, gh_connection_memo* memo, Instant now,
                                     decision::Reason& obstacle);
  [[nodiscard]] Subject subject_of(const gh_request& request,
                                   const decision::CompiledApplication& application, Instant now);
  [[nodiscard]] std::shared_ptr<SessionEntry> session_of(const std::string& nonce);
  void read_session(SessionEntry& entry, const std::string& nonce);
  [[nodiscard]] decision::Reason service_token_of(const gh_credentials& credentials, Instant now,
                                                  const decision::CompiledServiceToken*& token);
  [[nodiscard]] const std::string* assertion_of(const std::string& service_token_id,
                                                const std::string& audience);

  std::filesystem::path directory_;
  decision::SelectorRegistry selectors_;
  Log log_;
  std::array<unsigned char, 16> digest_key_{};
  std::unique_ptr<node_state::Reader> reader_;
  Instant looked_at_{};  // when the files were last compared with the path
  std::shared_ptr<const decision::Snapshot> snapshot_;
  std::uint64_t snapshot_stamp_ = 0;
  // The last host that one application has to itself: most requests are for the same few hosts.
  std::string sole_host_;
  const decision::CompiledApplication* sole_application_ = nullptr;
  std::uint64_t generation_ = 0;  // of snapshot_: grows with each one loaded
  std::string keys_;              // kids and issuer the token cache stands on
  std::uint64_t assertion_stamp_ = 0;
  BoundedCache<Digest, TokenEntry, DigestHash> tokens_{kTokenGeneration};
  BoundedCache<Digest, Refusal, DigestHash> refusals_{kRefusalGeneration};
  BoundedCache<std::string, std::shared_ptr<SessionEntry>> sessions_{kSessionGeneration};
  BoundedCache<std::string, std::string> assertions_{kRefusalGeneration};
};

}  // namespace gatehouse::adapters
