// The durable store: the truth. An interface; storage/soci/ is the only SQL, for SQLite and for
// PostgreSQL. Thread-safe: calls block, so they run on the storage pool. Every write is one
// transaction, durable when it returns. Secrets arrive here already sealed (controlplane/vault.h).
//
// Several processes may share one store (PostgreSQL). Whatever a node keeps a copy of leaves an
// entry in the feed, in the same transaction and in the order of commits: changes_since() is the
// catch-up, wait_for_change() only the hint that it is worth asking.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <iosfwd>
#include <map>
#include <memory>
#include <optional>
#include <span>
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

// One resource: a row of its own, so that two edits of different ones never meet.
struct StoredResource {
  std::string kind;  // the authored form's section: `applications`
  std::string id;
  std::string document;        // JSON object in the authored form, secrets omitted
  std::string sealed_secrets;  // raw bytes; empty: none
  std::string origin;          // who wrote it last: `file` or `api`
  Instant created_at{};
  Instant updated_at{};
};
struct StoredResources {
  std::uint64_t sequence = 0;             // of the last commit
  std::vector<StoredResource> resources;  // in the order of their making
  std::string applied_file;               // digest of the file that was applied last
};
struct ResourceChange {
  std::string kind;
  std::string id;
  std::optional<std::string> document;  // nullopt: removed
  std::string sealed_secrets;
  std::string origin;
};
struct Commit {
  bool applied = false;  // false: `sequence` is not the one that was expected; nothing changed
  std::uint64_t sequence = 0;  // in the store now
};

struct User {
  std::string id;
  std::string email;  // canonical
  std::string name;
  Instant created_at{};
  std::optional<Instant> last_login_at;  // nullopt: made by an administrator, never signed in
  Instant updated_at{};
  std::string identity;  // JSON of the identity at the last sign-in; empty: none
};
struct UserQuery {
  std::string name{};    // exact; empty: any
  std::string email{};   // exact, canonical; empty: any
  std::string search{};  // part of either, in any case; empty: any
  std::size_t offset = 0;
  std::size_t limit = 1000;
};
template <typename T>
struct Page {
  std::vector<T> items;
  std::size_t total = 0;  // over all pages
};

enum class Role : std::uint8_t { Administrator, ReadOnly, HelpDesk };
// administrator, read_only, help_desk
[[nodiscard]] std::string_view to_string(Role role);
[[nodiscard]] std::optional<Role> parse_role(std::string_view text);

// A credential of the administration API. The secret itself is never kept.
struct ApiToken {
  std::string id;  // 32 hex
  std::string name;
  std::string secret_hash;  // hex SHA-256 of the whole token
  Role role = Role::ReadOnly;
  std::vector<std::string> scopes;  // resource families that it is limited to; empty: all
  std::string created_by;
  Instant created_at{};
  std::optional<Instant> expires_at{};
  std::optional<Instant> last_used_at{};
};

struct StoredSigningKey {
  std::string kid;
  std::string sealed_private_key;
  std::string certificate;  // PEM
  Instant created_at{};
  // From when on nothing that it signed is valid any more; nullopt: current or successor.
  std::optional<Instant> retires_at{};
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
  std::string event;  // sign_in, refusal, resource_changed, ...
  std::string actor;  // e-mail, or `system`
  std::string ip;
  std::string application;  // id, or empty
  std::string reason;       // code, or empty
  json::object details;
};
// All given conditions hold; empty ones are none.
struct AuditQuery {
  enum class Match : std::uint8_t { Equal, NotEqual, Contains };
  std::vector<std::string> events{};  // any of them
  std::string actor{};
  Match actor_match = Match::Equal;
  std::string application{};
  Match application_match = Match::Equal;
  std::string ip{};
  std::optional<Instant> since{};  // inclusive
  std::optional<Instant> until{};  // exclusive
  bool oldest_first = false;
  std::size_t offset = 0;
  std::size_t limit = 25;
};

// How often something happened in an hour, over all nodes.
struct Counter {
  Instant hour{};    // its begin
  std::string name;  // deny, sign_in, ...
  std::string key;   // what of; empty: nothing in particular
  std::int64_t count = 0;
  bool operator==(const Counter&) const = default;
};
struct CountersToAdd {
  std::string node;
  std::vector<Counter> counters;
  // How far that is in the node's logs; nullopt: where it was.
  std::optional<std::string> position;
  std::map<std::string, Instant> service_tokens;  // id: seen then
};
struct KeyCount {
  std::string key;
  std::int64_t count = 0;
  bool operator==(const KeyCount&) const = default;
};

// Something that an administrator tries out, and what became of it.
struct Trial {
  std::string id;
  std::string owner;
  std::string state;
  Instant created_at{};
  Instant expires_at{};
  std::string document;  // JSON
};

// What other nodes must hear of.
enum class Topic : std::uint8_t {
  Resource,     // `key`: kind/id
  Session,      // `key`: nonce
  Revocation,   // `key`: kind/key
  SigningKeys,  // `key` is empty
};
struct FeedEntry {
  std::uint64_t position = 0;
  Topic topic = Topic::Resource;
  std::string key;
  bool operator==(const FeedEntry&) const = default;
};
struct Feed {
  std::uint64_t position = 0;  // ask from here next time
  std::vector<FeedEntry> entries;
  bool gap = false;  // entries are missing: purged, or another database: read everything anew
};

// The value that is sealed.
inline constexpr std::string_view kHashKeyValue = "hash_key";

class Store {
 public:
  virtual ~Store() = default;

  // A value that belongs to the installation: `account_id`, `key_rotation_interval`, ...
  [[nodiscard]] virtual Result<std::optional<std::string>> find_value(std::string_view key) = 0;
  // Stores the value unless there is one; answers the one that is there.
  [[nodiscard]] virtual Result<std::string> put_value_once(std::string_view key,
                                                           std::string_view value) = 0;
  [[nodiscard]] virtual Result<void> put_value(std::string_view key, std::string_view value) = 0;

  // Sequence 0 and no resources: nothing has been stored yet.
  [[nodiscard]] virtual Result<StoredResources> load_resources() = 0;
  // All of it or none, together with its audit records, when the store still has the sequence that
  // the changes were checked against. A removed row that is not there changes nothing. No changes,
  // no new sequence. `applied_file` is replaced when given.
  [[nodiscard]] virtual Result<Commit> commit_resources(
      std::uint64_t expected_sequence, std::span<const ResourceChange> changes,
      std::optional<std::string_view> applied_file, std::span<const AuditEvent> events,
      Instant now) = 0;

  // The user of this canonical address, made when new. An empty name keeps the one that is stored.
  [[nodiscard]] virtual Result<User> sign_in_user(std::string_view email, std::string_view name,
                                                  std::string_view id_if_new, Instant now) = 0;
  // What the last sign-in was told of the user (JSON).
  [[nodiscard]] virtual Result<void> put_identity(std::string_view user_id,
                                                  std::string_view identity) = 0;
  // False: the address is taken.
  [[nodiscard]] virtual Result<bool> add_user(const User& user) = 0;
  // Replaces address and name; false: the address is another user's, or the id is unknown.
  [[nodiscard]] virtual Result<bool> change_user(std::string_view id, std::string_view email,
                                                 std::string_view name, Instant now) = 0;
  [[nodiscard]] virtual Result<bool> remove_user(std::string_view id) = 0;
  // By address.
  [[nodiscard]] virtual Result<Page<User>> users(const UserQuery& query) = 0;

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
  // The same one after the other, so that they need not fit into memory; as of no one moment.
  [[nodiscard]] virtual Result<void> visit_live_sessions(
      Instant now, const std::function<void(const model::Session&)>& visit) = 0;
  // Those that end last first. `search`: part of the user's address or name, in any case; empty:
  // all.
  [[nodiscard]] virtual Result<Page<model::Session>> find_live_sessions(std::string_view search,
                                                                        std::size_t offset,
                                                                        std::size_t limit,
                                                                        Instant now) = 0;
  // How many each of these users has; who has none is left out.
  [[nodiscard]] virtual Result<std::map<std::string, std::size_t>> count_live_sessions(
      std::span<const std::string> user_ids, Instant now) = 0;
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
  // One rotation: the new successor, and when the one that signed until now retires. False: the
  // newest key is not `expected_newest` any more (another node was faster); nothing changed.
  [[nodiscard]] virtual Result<bool> rotate_signing_keys(std::string_view expected_newest,
                                                         const StoredSigningKey& successor,
                                                         std::string_view retiring,
                                                         Instant retires_at) = 0;
  // Seals everything anew, in one transaction: `reseal` is called with what is sealed (the
  // resources' secrets, a signing key's private part, the value kHashKeyValue) and its sealed
  // bytes, and answers the new bytes; nullopt leaves everything as it was, with an error. The
  // resources get a new sequence, so that nobody commits what was sealed before.
  enum class Sealed : std::uint8_t { ResourceSecrets, SigningKey, HashKey };
  using Reseal = std::function<std::optional<std::string>(Sealed what, std::string_view sealed)>;
  [[nodiscard]] virtual Result<void> reseal(const Reseal& reseal) = 0;

  // False: the id or the name is taken.
  [[nodiscard]] virtual Result<bool> add_api_token(const ApiToken& token) = 0;
  [[nodiscard]] virtual Result<std::optional<ApiToken>> find_api_token(
      std::string_view secret_hash) = 0;
  [[nodiscard]] virtual Result<std::vector<ApiToken>> api_tokens() = 0;  // oldest first
  [[nodiscard]] virtual Result<bool> remove_api_token(std::string_view id) = 0;
  [[nodiscard]] virtual Result<void> touch_api_token(std::string_view id, Instant now) = 0;

  [[nodiscard]] virtual Result<void> append_audit(const AuditEvent& event) = 0;
  [[nodiscard]] virtual Result<std::vector<AuditEvent>> recent_audit(int limit) = 0;
  [[nodiscard]] virtual Result<Page<AuditEvent>> find_audit(const AuditQuery& query) = 0;

  // All of it or none. Names and keys are counted apart; at most 90 days are kept.
  [[nodiscard]] virtual Result<void> add_counters(const CountersToAdd& added) = 0;
  // What add_counters() was told last; nullopt: nothing.
  [[nodiscard]] virtual Result<std::optional<std::string>> counted_position(
      std::string_view node) = 0;
  // Hours from `since` (inclusive) to `until` (exclusive), by hour and name; what has a key is left
  // out.
  [[nodiscard]] virtual Result<std::vector<Counter>> counters(Instant since, Instant until) = 0;
  // The keys of a name over those hours, the most frequent first, at most `limit`.
  [[nodiscard]] virtual Result<std::vector<KeyCount>> counters_by_key(std::string_view name,
                                                                      Instant since, Instant until,
                                                                      std::size_t limit) = 0;
  // By id.
  [[nodiscard]] virtual Result<std::map<std::string, Instant>> service_token_uses() = 0;

  // False: there are `most` already that have not expired.
  [[nodiscard]] virtual Result<bool> add_trial(const Trial& trial, std::size_t most) = 0;
  [[nodiscard]] virtual Result<std::optional<Trial>> find_trial(std::string_view id,
                                                                Instant now) = 0;
  // False: it is not in the state `from` any more, or has expired; nothing changed.
  [[nodiscard]] virtual Result<bool> change_trial(std::string_view id, std::string_view from,
                                                  std::string_view to, std::string_view document,
                                                  Instant now) = 0;

  // Everything after `position`, at most `limit` entries. Position 0 asks where the feed stands.
  [[nodiscard]] virtual Result<Feed> changes_since(std::uint64_t position, std::size_t limit) = 0;
  // Blocks until somebody may have changed something, or for `timeout`. A connection that is lost
  // is made again and counts as a change. One thread at a time.
  [[nodiscard]] virtual bool wait_for_change(std::chrono::milliseconds timeout) = 0;

  // Deletes what has expired, and feed entries older than an hour; called now and then.
  [[nodiscard]] virtual Result<void> purge(Instant now) = 0;

  // Everything as of one moment, while others read and write: JSON lines that name the schema
  // version, each table's rows, and at the end their number. The same for both engines, so that an
  // installation can move from one to the other. Sealed values stay sealed.
  [[nodiscard]] virtual Result<void> dump(std::ostream& out) = 0;
  // Replaces everything, all of it or none; a dump that is cut short, damaged or of a newer version
  // changes nothing and the error names the line. The feed says `gap` to everybody afterwards, and
  // sequence and position are greater than before.
  [[nodiscard]] virtual Result<void> load(std::istream& in) = 0;
};

// `url`: sqlite:///absolute/path, or postgresql://user:password@host:port/database (libpq's URI,
// postgres:// too; what it leaves out comes from libpq's environment, so that the password can
// stand in the file that PGPASSFILE names). Runs the migrations; refuses a newer database. Errors
// never repeat a password.
[[nodiscard]] Result<std::unique_ptr<Store>> open_store(const std::string& url);

}  // namespace gatehouse::storage
