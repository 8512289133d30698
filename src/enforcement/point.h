// The policy enforcement point (NIST SP 800-207): finds the application, checks the credentials
// against what it remembers and what the node state says now, and asks the policy engine, on every
// request. The same inside an nginx worker (adapters/nginx) and for other proxies
// (adapters/forward_auth). Single-threaded; in nginx made after the fork.
//
// What is remembered and for how long (docs/ARCHITECTURE.md, "The hot path"):
//   tokens        a verified token's claims under a keyed 128-bit digest of its text, until the
//                 signing keys change; its exp is compared with the clock on every request
//   refusals      tokens that failed, for kRefusalMemory
//   sessions      the record of the node state, until the stamp of its shard moves
//   certificates  the judgement of a client certificate, until the snapshot changes
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

#include "base/json.h"
#include "base/time.h"
#include "decision/engine.h"
#include "enforcement/bounded_cache.h"
#include "enforcement/request.h"
#include "node_state/node_state.h"

namespace gatehouse::enforcement {

inline constexpr std::size_t kTokenGeneration = 32 * 1024;
inline constexpr std::size_t kRefusalGeneration = 4 * 1024;
inline constexpr std::size_t kSessionGeneration = 32 * 1024;
inline constexpr std::size_t kCertificateGeneration = 4 * 1024;
inline constexpr std::chrono::seconds kRefusalMemory{10};
inline constexpr std::chrono::seconds kTokenLeeway{30};  // clocks of several nodes
inline constexpr std::uint32_t kNoShard = UINT32_MAX;

// What an answer stands on. It is asked again when one of these has moved, and every second.
struct Basis {
  std::uint32_t shard = kNoShard;  // of the session
  std::uint64_t session_stamp = 0;
  std::uint64_t common_stamp = 0;  // the newest of snapshot, revocations and assertions
};

struct PointOptions {
  // Opens the node state; called again when what it opened is no longer current.
  std::function<std::expected<std::unique_ptr<node_state::Reader>, node_state::Error>()>
      open_node_state;
  decision::SelectorRegistry selectors;
  std::function<void(const std::string&)> log;
  // ISO 3166-1 alpha-2, upper case; empty: unknown. Absent: every country is unknown.
  std::function<std::string_view(const IpAddress&)> country_of;
  // Whether whoever passes the requests on has compared CF_Binding and taken it out.
  bool binding_is_checked = false;
};

class EnforcementPoint {
 public:
  explicit EnforcementPoint(PointOptions options);
  // The node state in `directory`, without countries.
  EnforcementPoint(std::filesystem::path directory, decision::SelectorRegistry selectors,
                   std::function<void(const std::string&)> log);

  struct Outcome {
    decision::Decision decision;
    const decision::CompiledApplication* application = nullptr;     // borrowed from the snapshot
    const model::Session* session = nullptr;                        // borrowed until the next call
    const decision::CompiledServiceToken* service_token = nullptr;  // from the snapshot
    std::string_view assertion;          // the request's token, or borrowed until the next call
    std::string_view credential_header;  // that held service credentials: not to go on
    bool preflight = false;              // a CORS preflight
    bool node_state_usable = true;
    std::uint64_t transaction = 0;  // of the node state
    Basis basis;
  };
  // One request. Strings of `request` outlive the call; nothing of them is kept.
  [[nodiscard]] Outcome decide(const gh_request& request);
  void decide(const gh_request& request, Outcome& outcome);  // whatever it was before

  // Of the last decide() or refresh(); null while no node state could be read.
  [[nodiscard]] const decision::Snapshot* snapshot() const { return snapshot_.get(); }
  // Brings snapshot and stamps up to the last transaction.
  void refresh(Instant now);
  // After refresh().
  [[nodiscard]] bool has_moved(const Basis& basis) const;

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
    std::string id;       // jti
    std::string binding;  // hex SHA-256 of the CF_Binding cookie it was issued with; may be empty
  };
  struct Refusal {
    decision::Reason reason;
    Instant until{};
  };
  struct CertificateEntry {
    std::expected<crypto::ClientCertificate, crypto::CertificateError> judgement;
    Instant judged_at{};
    std::uint64_t generation = 0;
  };
  struct Subject {
    const SessionEntry* session = nullptr;
    std::string_view token;
    decision::Reason obstacle = decision::Reason::NotSignedIn;
  };

  // None when the policies have spoken: then the decision is in `outcome`.
  [[nodiscard]] decision::Reason judge(const gh_request& request, Outcome& outcome);
  [[nodiscard]] decision::Snapshot::Located locate(std::string_view host, std::string_view path);
  [[nodiscard]] decision::Reason prepare(Instant now);
  [[nodiscard]] decision::Reason prepare_anew(Instant now);
  [[nodiscard]] bool load_snapshot();
  [[nodiscard]] std::shared_ptr<const decision::Snapshot> follow(
      std::shared_ptr<const decision::Snapshot> snapshot);
  [[nodiscard]] std::shared_ptr<const decision::Snapshot> read_whole_snapshot();
  void load_revocations();
  [[nodiscard]] Digest digest_of(std::string_view token, gh_connection_memo* memo) const;
  [[nodiscard]] TokenEntry* verified(std::string_view token, const Digest& digest, Instant now,
                                     decision::Reason& obstacle);
  [[nodiscard]] Subject subject_of(const gh_request& request,
                                   const decision::CompiledApplication& application, Instant now);
  [[nodiscard]] bool is_revoked(const TokenEntry& entry,
                                const decision::CompiledApplication& application) const;
  [[nodiscard]] static bool is_bound(const TokenEntry& entry, std::string_view cookie);
  void set_common_stamp();
  [[nodiscard]] std::shared_ptr<SessionEntry> session_of(const std::string& nonce);
  void read_session(SessionEntry& entry, const std::string& nonce);
  [[nodiscard]] bool read_credential_header(const gh_request& request,
                                            const decision::CompiledApplication& application,
                                            Outcome& outcome);
  [[nodiscard]] decision::Reason service_token_of(const gh_request& request,
                                                  const decision::CompiledApplication& application,
                                                  Instant now, Outcome& outcome);
  [[nodiscard]] decision::CertificateEvidence certificate_of(const gh_request& request,
                                                             Instant now);
  [[nodiscard]] const std::string* assertion_of(const std::string& service_token_id,
                                                const std::string& audience);

  PointOptions options_;
  std::array<unsigned char, 16> digest_key_{};
  std::unique_ptr<node_state::Reader> reader_;
  std::uint64_t epoch_ = 0;  // how many environments have been opened
  Instant looked_at_{};      // when the files were last compared with the path
  bool prepared_ = false;    // in that second, for the transaction that the reader has seen
  std::uint64_t common_stamp_ = 0;
  std::shared_ptr<const decision::Snapshot> snapshot_;
  std::uint64_t snapshot_stamp_ = 0;
  std::uint64_t snapshot_origin_ = 0;  // of what snapshot_ was read from
  // The last host that one application has to itself: most requests are for the same few hosts.
  std::string sole_host_;
  const decision::CompiledApplication* sole_application_ = nullptr;
  std::uint64_t generation_ = 0;  // of snapshot_: grows with each one loaded
  std::string keys_;              // kids and issuer the token cache stands on
  std::uint64_t assertion_stamp_ = 0;
  // nullopt: they could not be read, and every token counts as revoked.
  struct Revoked {
    decision::TextMap<Instant> applications;  // audience -> tokens issued before are dead
    decision::TextMap<std::monostate> tokens;
    bool empty = true;
  };
  std::optional<Revoked> revoked_;
  std::uint64_t revocation_stamp_ = UINT64_MAX;
  json::value credential_header_;  // what the last request's service credentials stand in
  BoundedCache<Digest, TokenEntry, DigestHash> tokens_{kTokenGeneration};
  BoundedCache<Digest, Refusal, DigestHash> refusals_{kRefusalGeneration};
  BoundedCache<std::string, std::shared_ptr<SessionEntry>> sessions_{kSessionGeneration};
  BoundedCache<std::string, std::string> assertions_{kRefusalGeneration};
  BoundedCache<Digest, CertificateEntry, DigestHash> certificates_{kCertificateGeneration};
};

}  // namespace gatehouse::enforcement
