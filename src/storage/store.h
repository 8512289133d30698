// The durable store: the truth. An interface; storage/soci/ is the only SQL. Thread-safe: calls
// block, so they run on the storage pool. Every write is one transaction, durable when it returns.
// Secrets arrive here already sealed (controlplane/vault.h).
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "model/identity.h"

namespace gatehouse::storage {

struct StoreError {
  std::string
      message;  // "cannot open store `sqlite:///x/gatehouse.db`: unable to open database file"
};
template <typename T>
using Result = std::expected<T, StoreError>;

struct StoredResources {
  std::uint64_t sequence = 0;
  std::string document;        // policy::write_resources, secrets omitted
  std::string sealed_secrets;  // raw bytes
};

struct User {
  std::string id;
  std::string email;  // canonical
  std::string name;
  Instant created_at{};
  Instant last_login_at{};
};

struct StoredSigningKey {
  std::string kid;
  std::string sealed_private_key;
  std::string certificate;  // PEM
  Instant created_at{};
};

struct PinRecord {
  std::string id;       // of the sign-in that asked
  std::string email;    // canonical
  std::string browser;  // hash of the browser's cookie
  std::string code_hash;
  int failures = 0;
  Instant created_at{};
  Instant expires_at{};
};
// What is dead beside whole sessions.
enum class RevocationKind : std::uint8_t {
  Application,  // `key`: its aud; its tokens issued before `issued_before` are dead
  Token,        // `key`: the `jti` of one application token
  Device,       // `key`: device id; evidence of it is not accepted
};
struct Revocation {
  RevocationKind kind = RevocationKind::Token;
  std::string key;
  Instant issued_before{};  // of a token or a device: when it was revoked
  // From when on nothing is left that it could end; nullopt: it stays until it is removed.
  std::optional<Instant> expires_at;
};

enum class PinOutcome : std::uint8_t { Accepted, Wrong, Expired, TooManyAttempts, Unknown };

struct AuditEvent {
  Instant at{};
  std::string event;  // sign_in, refusal, posture, resources_applied, logout, ...
  std::string actor;  // e-mail, or `system`
  std::string ip;
  std::string application;  // id, or empty
  std::string reason;       // code, or empty
  json::object details;
};

class Store {
 public:
  virtual ~Store() = default;

  [[nodiscard]] virtual Result<std::optional<StoredResources>> load_resources() = 0;
  // Stores and answers the new sequence. Unchanged content keeps its sequence.
  [[nodiscard]] virtual Result<std::uint64_t> replace_resources(std::string_view document,
                                                                std::string_view sealed_secrets,
                                                                Instant now) = 0;

  // The user of this canonical address, made when new. An empty name keeps the one that is stored.
  [[nodiscard]] virtual Result<User> sign_in_user(std::string_view email, std::string_view name,
                                                  std::string_view id_if_new, Instant now) = 0;

  // By id or by canonical address.
  [[nodiscard]] virtual Result<std::optional<User>> find_user(std::string_view key) = 0;

  // A session that was removed cannot be put again: an error, so that a write begun before a
  // log-out does not undo it. Revocations already stored are kept (the later instant wins).
  [[nodiscard]] virtual Result<void> put_session(const model::Session& session) = 0;
  // Absent, expired, revoked and unreadable ones are nullopt (from `expires_at` on it is expired).
  [[nodiscard]] virtual Result<std::optional<model::Session>> load_session(std::string_view nonce,
                                                                           Instant now) = 0;
  [[nodiscard]] virtual Result<std::vector<model::Session>> live_sessions(Instant now) = 0;
  [[nodiscard]] virtual Result<std::vector<model::Session>> live_sessions_of(
      std::string_view user_id, Instant now) = 0;
  // The end of the live session that ends last; nullopt: there is none.
  [[nodiscard]] virtual Result<std::optional<Instant>> last_session_end(Instant now) = 0;
  [[nodiscard]] virtual Result<void> remove_session(std::string_view nonce) = 0;

  // In place of an earlier one of the same kind and key, whose `issued_before` stays if it is
  // later.
  [[nodiscard]] virtual Result<void> put_revocation(const Revocation& revocation) = 0;
  [[nodiscard]] virtual Result<std::optional<Revocation>> find_revocation(RevocationKind kind,
                                                                          std::string_view key,
                                                                          Instant now) = 0;
  [[nodiscard]] virtual Result<std::vector<Revocation>> revocations(Instant now) = 0;
  // Answers whether there was one.
  [[nodiscard]] virtual Result<bool> remove_revocation(RevocationKind kind,
                                                       std::string_view key) = 0;

  // True exactly once for an id until it expires: codes, states, nonces, posture tokens. False
  // from `expires_at` on: pass the last instant at which the value is accepted, leeway included.
  [[nodiscard]] virtual Result<bool> consume_once(std::string_view id, Instant expires_at,
                                                  Instant now) = 0;

  // The newest pin of an id counts; an earlier one no longer does.
  [[nodiscard]] virtual Result<void> put_pin(const PinRecord& pin) = 0;
  // How many were put for the address at `since` or later, used or not (at least 24 h back).
  [[nodiscard]] virtual Result<int> pins_since(std::string_view email, Instant since) = 0;
  // Checks and, in the same transaction, uses up the pin or counts the failure. The fifth failure
  // and everything after it is TooManyAttempts; a used pin and another browser are Unknown, and
  // another browser's attempts are not counted.
  [[nodiscard]] virtual Result<PinOutcome> try_pin(std::string_view id, std::string_view browser,
                                                   std::string_view code_hash, Instant now) = 0;

  [[nodiscard]] virtual Result<std::vector<StoredSigningKey>> signing_keys() = 0;  // newest first
  [[nodiscard]] virtual Result<void> add_signing_key(const StoredSigningKey& key) = 0;

  [[nodiscard]] virtual Result<void> append_audit(const AuditEvent& event) = 0;
  [[nodiscard]] virtual Result<std::vector<AuditEvent>> recent_audit(int limit) = 0;

  // Deletes what has expired; called now and then.
  [[nodiscard]] virtual Result<void> purge(Instant now) = 0;
};

// `url`: sqlite:///absolute/path. Runs the migrations; refuses a newer database.
[[nodiscard]] Result<std::unique_ptr<Store>> open_store(const std::string& url);

}  // namespace gatehouse::storage
