#include "controlplane/vault.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <shared_mutex>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/encoding.h"
#include "base/secret.h"
#include "base/try.h"
#include "crypto/digest.h"
#include "crypto/seal.h"
#include "platform/descriptor.h"
#include "platform/file.h"
#include "platform/random.h"

namespace gatehouse::controlplane {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMasterKeyBytes = crypto::kSealKeyBytes;
constexpr std::string_view kSigningKeyPurpose = "signing key";
constexpr std::string_view kHashKeyPurpose = "hash key";
constexpr std::chrono::seconds kCertificateLifetime{10 * 365 * 86400};
constexpr std::chrono::seconds kCertificateBackdating{86400};  // validators' clocks

std::unexpected<VaultError> refuse(std::string message) {
  return std::unexpected(VaultError{std::move(message)});
}

std::string system_message() { return std::strerror(errno); }

// Files of the master key.
class KeyFiles {
 public:
  explicit KeyFiles(fs::path directory) : directory_(std::move(directory)) {
    // systemd.exec(5), "Credentials".
    const char* credentials = std::getenv("CREDENTIALS_DIRECTORY");
    if (credentials == nullptr) return;
    std::error_code ignored;
    const fs::path file = fs::path(credentials) / "master_key";
    if (fs::exists(file, ignored)) credential_ = file;
  }

  [[nodiscard]] bool is_credential() const { return !credential_.empty(); }
  [[nodiscard]] fs::path current() const {
    return is_credential() ? credential_ : directory_ / "master.key";
  }
  // Of a rotation that has begun.
  [[nodiscard]] fs::path next() const { return directory_ / "master.key.new"; }
  // The credential that came before.
  [[nodiscard]] fs::path former() const { return credential_.parent_path() / "master_key_old"; }

  // nullopt: there is none. The mode is that of the file that was opened, not of a name. Who may
  // read a credential is systemd's business: its mode shows the mask of an access list.
  [[nodiscard]] std::expected<std::optional<Secret>, VaultError> read(const fs::path& path) const {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file.valid()) {
      if (errno == ENOENT) return std::nullopt;
      return refuse(fmt::format("cannot read `{}`: {}", path.string(), system_message()));
    }
    struct stat status{};
    if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode))
      return refuse(fmt::format("`{}` is not a regular file", path.string()));
    if (!is_credential() && (status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
      return refuse(
          fmt::format("`{}` can be read by others than its owner: `chmod 600` it", path.string()));
    std::string bytes(kMasterKeyBytes + 1, '\0');
    const ssize_t count = ::read(file.get(), bytes.data(), bytes.size());
    if (count != static_cast<ssize_t>(kMasterKeyBytes) ||
        status.st_size != static_cast<off_t>(kMasterKeyBytes))
      return refuse(
          fmt::format("`{}` must hold exactly {} bytes and holds {}: restore it from a backup",
                      path.string(), kMasterKeyBytes, status.st_size));
    bytes.resize(kMasterKeyBytes);
    return Secret(std::move(bytes));
  }

  // Whole or not at all, and never over an existing one: a link fails where a rename would replace.
  [[nodiscard]] std::expected<void, VaultError> make() const {
    const fs::path path = current();
    const fs::path temporary = path.string() + "." + random_hex(8) + ".tmp";
    const Secret key(random_bytes(kMasterKeyBytes));
    if (const auto written = write_file_atomically(temporary, key.reveal(), 0600); !written)
      return refuse(written.error().message);
    const bool linked = ::link(temporary.c_str(), path.c_str()) == 0;
    const int error = errno;
    ::unlink(temporary.c_str());
    if (!linked && error != EEXIST) {
      errno = error;
      return refuse(fmt::format("cannot make `{}`: {}", path.string(), system_message()));
    }
    return make_durable();
  }

  [[nodiscard]] std::expected<void, VaultError> write_next(const Secret& key) const {
    if (const auto written = write_file_atomically(next(), key.reveal(), 0600); !written)
      return refuse(written.error().message);
    return {};
  }
  // The next one becomes the current one.
  [[nodiscard]] std::expected<void, VaultError> replace() const {
    if (::rename(next().c_str(), current().c_str()) != 0)
      return refuse(fmt::format("cannot rename `{}` to `{}`: {}", next().string(),
                                current().string(), system_message()));
    return make_durable();
  }
  void remove_next() const { ::unlink(next().c_str()); }

  // What was never finished, of whoever held lock() and died.
  void remove_leftovers() const {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(directory_, ignored)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("master.key.") && name.ends_with(".tmp")) ::unlink(entry.path().c_str());
    }
  }

  // Held while it is decided which key counts: another process may be in the middle of a rotation.
  [[nodiscard]] std::expected<Descriptor, VaultError> lock() const {
    Descriptor directory(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory.valid() || ::flock(directory.get(), LOCK_EX) != 0)
      return refuse(fmt::format("cannot lock `{}`: {}", directory_.string(), system_message()));
    return directory;
  }

 private:
  [[nodiscard]] std::expected<void, VaultError> make_durable() const {
    const Descriptor directory(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory.valid() || ::fsync(directory.get()) != 0)
      return refuse(
          fmt::format("cannot make `{}` durable: {}", current().string(), system_message()));
    return {};
  }

  fs::path directory_;
  fs::path credential_;  // empty: none
};

Secret key_for(const Secret& master, std::string_view use, std::string_view purpose) {
  return Secret(crypto::derive_key(master.reveal(), fmt::format("{}/{}", use, purpose)));
}

std::string seal_with(const Secret& master, std::string_view purpose, std::string_view plain) {
  return base64url_encode(crypto::seal(key_for(master, "seal", purpose).reveal(),
                                       random_bytes(crypto::kSealNonceBytes), purpose, plain));
}

std::optional<std::string> open_with(const Secret& master, std::string_view purpose,
                                     std::string_view sealed) {
  const auto bytes = base64url_decode(sealed);
  if (!bytes) return std::nullopt;
  return crypto::open_sealed(key_for(master, "seal", purpose).reveal(), purpose, *bytes);
}

storage::StoredSigningKey make_signing_key(const Secret& master, Instant created_at) {
  const auto key = jose::PrivateKey::generate_rsa();
  storage::StoredSigningKey record;
  record.kid = key.public_key().thumbprint();
  record.sealed_private_key = seal_with(master, kSigningKeyPurpose, key.to_pem().reveal());
  record.certificate = key.self_signed_certificate("Gatehouse access tokens", random_bytes(16),
                                                   created_at - kCertificateBackdating,
                                                   created_at + kCertificateLifetime);
  record.created_at = created_at;
  return record;
}

std::expected<std::vector<storage::StoredSigningKey>, VaultError> stored_keys(
    storage::Store& store) {
  auto stored = store.signing_keys();
  if (!stored) return refuse(stored.error().message);
  return std::move(*stored);
}

// Whether this is the master key that the store was sealed with. The signing keys are the canary:
// there are always two, and reseal() changes them with everything else.
bool opens(const Secret& master, const std::vector<storage::StoredSigningKey>& stored) {
  return std::ranges::all_of(stored, [&](const storage::StoredSigningKey& key) {
    return open_with(master, kSigningKeyPurpose, key.sealed_private_key).has_value();
  });
}

std::expected<void, VaultError> reseal_store(storage::Store& store, const Secret& former,
                                             const Secret& next) {
  const auto resealed = store.reseal(
      [&](storage::Store::Sealed what, std::string_view sealed) -> std::optional<std::string> {
        using enum storage::Store::Sealed;
        const auto purpose = what == SigningKey ? kSigningKeyPurpose
                             : what == HashKey  ? kHashKeyPurpose
                                                : kResourceSecretsPurpose;
        const auto plain = open_with(former, purpose, sealed);
        if (!plain) {
          // The store may repeat a transaction of which it does not know whether it went through.
          if (open_with(next, purpose, sealed)) return std::string(sealed);
          return std::nullopt;
        }
        const Secret secret(*plain);
        return seal_with(next, purpose, secret.reveal());
      });
  if (!resealed) return refuse(resealed.error().message);
  return {};
}

struct SigningKey {
  std::string kid;
  jose::PrivateKey key;
  std::string certificate;
  std::optional<Instant> retires_at;
};

// What is in force; immutable, swapped whole.
struct KeySet {
  Secret master;
  Secret hash_key;
  std::optional<Secret> former_master;
  Instant former_until{};
  std::vector<SigningKey> signing;  // the current one, its successor, those that signed before
  Instant last_rotation{};
  jose::JwkSet verification;

  void collect_verification() {
    std::vector<jose::Jwk> verifying;
    for (const auto& key : signing)
      verifying.push_back({key.kid, jose::Algorithm::RS256, key.key.public_key()});
    verification = jose::JwkSet(std::move(verifying));
  }
};
using KeySetPointer = std::shared_ptr<const KeySet>;

std::expected<SigningKey, VaultError> open_signing_key(const Secret& master,
                                                       const storage::StoredSigningKey& record) {
  const auto pem = open_with(master, kSigningKeyPurpose, record.sealed_private_key);
  if (!pem)
    return refuse(fmt::format("signing key `{}` of the store was sealed with another master key",
                              record.kid));
  const Secret secret(*pem);
  auto key = jose::PrivateKey::from_pem(secret.reveal());
  if (!key || key->public_key().thumbprint() != record.kid)
    return refuse(fmt::format("signing key `{}` of the store is damaged", record.kid));
  return SigningKey{record.kid, std::move(*key), record.certificate, record.retires_at};
}

// Made when there is none yet.
std::expected<Secret, VaultError> open_hash_key(const Secret& master, storage::Store& store) {
  auto sealed = store.find_value(storage::kHashKeyValue);
  if (sealed && !*sealed)
    sealed = store.put_value_once(
        storage::kHashKeyValue,
        seal_with(master, kHashKeyPurpose, Secret(random_bytes(kMasterKeyBytes)).reveal()));
  if (!sealed) return refuse(sealed.error().message);
  auto plain = open_with(master, kHashKeyPurpose, **sealed);
  if (!plain) return refuse("the hash key of the store was sealed with another master key");
  return Secret(std::move(*plain));
}

// Of the keys of the store, newest first.
std::expected<std::shared_ptr<KeySet>, VaultError> open_keys(
    const Secret& master, const std::vector<storage::StoredSigningKey>& stored,
    storage::Store& store, Instant now) {
  auto keys = std::make_shared<KeySet>();
  keys->master = master;
  for (const auto& record : stored)
    if (!record.retires_at || *record.retires_at > now)
      keys->signing.push_back(GATEHOUSE_TRY(open_signing_key(master, record)));
  if (keys->signing.size() < 2 || keys->signing[0].retires_at || keys->signing[1].retires_at)
    return refuse("the store holds fewer than the two signing keys that are needed");
  // A rotation makes the successor.
  keys->hash_key = GATEHOUSE_TRY(open_hash_key(master, store));
  keys->last_rotation = stored.front().created_at;
  std::swap(keys->signing[0], keys->signing[1]);
  keys->collect_verification();
  return keys;
}

class FileVault final : public Vault {
 public:
  FileVault(KeyFiles files, KeySetPointer keys)
      : files_(std::move(files)), keys_(std::move(keys)) {}

  std::string seal(std::string_view purpose, std::string_view plain) const override {
    return seal_with(keys()->master, purpose, plain);
  }

  std::optional<std::string> open(std::string_view purpose,
                                  std::string_view sealed) const override {
    const auto keys = this->keys();
    auto plain = open_with(keys->master, purpose, sealed);
    if (!plain && keys->former_master) plain = open_with(*keys->former_master, purpose, sealed);
    return plain;
  }

  std::string keyed_hash(std::string_view purpose, std::string_view value) const override {
    return base64url_encode(
        crypto::hmac_sha256(key_for(keys()->hash_key, "hash", purpose).reveal(), value));
  }

  std::expected<bool, VaultError> rotate_signing_keys(storage::Store& store,
                                                      std::chrono::seconds overlap,
                                                      Instant now) override {
    const std::lock_guard lock(changing_);
    GATEHOUSE_TRY_VOID(load(store, now));
    const auto stored = GATEHOUSE_TRY(stored_keys(store));
    const auto before = keys();
    // Not older than the newest, however the clock was set: the order says which is which.
    const auto successor =
        make_signing_key(before->master, std::max(now, stored.front().created_at));
    const auto rotated = store.rotate_signing_keys(before->signing[1].kid, successor,
                                                   before->signing[0].kid, now + overlap);
    if (!rotated) return refuse(rotated.error().message);
    GATEHOUSE_TRY_VOID(load(store, now));
    return *rotated;
  }

  std::expected<void, VaultError> reload(storage::Store& store, Instant now) override {
    const std::lock_guard lock(changing_);
    return load(store, now);
  }

  bool expire(Instant now) override {
    const std::lock_guard lock(changing_);
    const auto before = keys();
    const auto retired = [&](const SigningKey& key) {
      return key.retires_at && *key.retires_at <= now;
    };
    const bool signing = std::ranges::any_of(before->signing, retired);
    const bool master = before->former_master && before->former_until <= now;
    if (!signing && !master) return false;
    auto after = std::make_shared<KeySet>(*before);
    if (master) after->former_master.reset();
    std::erase_if(after->signing, retired);
    after->collect_verification();
    swap_keys(std::move(after));
    return signing;
  }

  Instant last_rotation() const override { return keys()->last_rotation; }

  std::expected<void, VaultError> rotate_master_key(storage::Store& store, Instant now) override {
    const std::lock_guard lock(changing_);
    if (files_.is_credential())
      return refuse(fmt::format(
          "the master key is the credential `{0}`: give the gateway the present one as credential "
          "`master_key_old` and a new one as `master_key`, and start it again",
          files_.current().string()));
    const auto files_lock = GATEHOUSE_TRY(files_.lock());
    GATEHOUSE_TRY_VOID(load(store, now));
    const Secret next(random_bytes(kMasterKeyBytes));
    GATEHOUSE_TRY_VOID(files_.write_next(next));
    {
      // INVARIANT: while the store is sealed anew nobody seals or opens: what is sealed with the
      // former key afterwards would be lost.
      const std::unique_lock blocked(mutex_);
      const auto resealed = reseal_store(store, keys_->master, next);
      const auto stored = stored_keys(store);
      // An error says only that no answer came: which key opens the store tells what happened. When
      // that cannot be read either, both stay, and the next start finds out.
      if (!stored) return std::unexpected(resealed ? stored.error() : resealed.error());
      if (!opens(next, *stored)) {
        files_.remove_next();
        return resealed ? refuse("another process has sealed the store anew") : resealed;
      }
      auto after = GATEHOUSE_TRY(open_keys(next, *stored, store, now));
      after->former_master = keys_->master;
      after->former_until = now + kFormerMasterKeyLifetime;
      keys_ = std::move(after);
    }
    return files_.replace();
  }

  fs::path master_key_file() const override { return files_.current(); }

  std::string sign(const json::object& claims) const override {
    const auto keys = this->keys();
    const auto& current = keys->signing.front();
    return jose::sign_jwt(claims, current.key, jose::Algorithm::RS256, current.kid);
  }

  jose::JwkSet verification_keys() const override { return keys()->verification; }

  json::array jwks() const override { return jwks_of(*keys()); }

  json::object certs_document() const override {
    const auto keys = this->keys();
    json::array certificates;
    for (const auto& key : keys->signing)
      certificates.emplace_back(json::object{{"kid", key.kid}, {"cert", key.certificate}});
    const json::value current = certificates.front();
    return {{"keys", jwks_of(*keys)},
            {"public_cert", current},
            {"public_certs", std::move(certificates)}};
  }

 private:
  static json::array jwks_of(const KeySet& keys) {
    json::array list;
    for (const auto& key : keys.signing) {
      json::object jwk{{"kid", key.kid}};
      for (const auto& [name, member] : key.key.public_key().to_jwk())
        if (name != "kid") jwk[name] = member;
      jwk["alg"] = "RS256";
      jwk["use"] = "sig";
      list.emplace_back(std::move(jwk));
    }
    return list;
  }

  KeySetPointer keys() const {
    const std::shared_lock lock(mutex_);
    return keys_;
  }
  void swap_keys(KeySetPointer keys) {
    const std::unique_lock lock(mutex_);
    keys_ = std::move(keys);
  }

  std::expected<void, VaultError> load(storage::Store& store, Instant now) {
    const auto stored = GATEHOUSE_TRY(stored_keys(store));
    const auto before = keys();
    std::optional<Secret> former = before->former_master;
    Instant former_until = before->former_until;
    Secret master = before->master;
    if (!opens(master, stored)) {
      const auto file = GATEHOUSE_TRY(files_.read(files_.current()));
      if (file && opens(*file, stored)) {
        former = std::exchange(master, *file);
        former_until = now + kFormerMasterKeyLifetime;
      }
    }
    auto after = GATEHOUSE_TRY(open_keys(master, stored, store, now));
    if (former && former_until > now) {
      after->former_master = std::move(former);
      after->former_until = former_until;
    }
    swap_keys(std::move(after));
    return {};
  }

  const KeyFiles files_;
  std::mutex changing_;  // one change at a time
  mutable std::shared_mutex mutex_;
  KeySetPointer keys_;
};

// The key that opens the store, made when nothing is there yet; what a rotation that was cut short
// has left behind is finished or undone.
std::expected<Secret, VaultError> master_key_for(const KeyFiles& files, storage::Store& store) {
  const auto stored = GATEHOUSE_TRY(stored_keys(store));
  const fs::path path = files.current();
  auto key = GATEHOUSE_TRY(files.read(path));
  if (files.is_credential()) {
    GATEHOUSE_CHECK(key, "KeyFiles has seen it");
    if (opens(*key, stored)) return std::move(*key);
    const auto former = GATEHOUSE_TRY(files.read(files.former()));
    if (former && opens(*former, stored)) {
      GATEHOUSE_TRY_VOID(reseal_store(store, *former, *key));
      spdlog::info("master_key_rotated source=credential");
    }
    return std::move(*key);
  }
  const auto next = GATEHOUSE_TRY(files.read(files.next()));
  const bool usable = key && opens(*key, stored);
  if (next && !usable && opens(*next, stored) && !stored.empty()) {
    GATEHOUSE_TRY_VOID(files.replace());
    return *next;
  }
  if (next && usable) files.remove_next();
  if (key) return std::move(*key);
  if (!stored.empty())
    return refuse(fmt::format(
        "`{}` is missing, and the store holds keys sealed with it: restore it from a backup",
        path.string()));
  GATEHOUSE_TRY_VOID(files.make());
  key = GATEHOUSE_TRY(files.read(path));
  if (!key) return refuse(fmt::format("cannot read `{}` that was just made", path.string()));
  return std::move(*key);
}

}  // namespace

std::expected<std::unique_ptr<Vault>, VaultError> Vault::open(const fs::path& directory,
                                                              storage::Store& store, Instant now) {
  KeyFiles files(directory);
  const auto lock = GATEHOUSE_TRY(files.lock());
  files.remove_leftovers();
  const Secret master = GATEHOUSE_TRY(master_key_for(files, store));
  auto stored = GATEHOUSE_TRY(stored_keys(store));
  if (stored.empty()) {
    // The successor is the newer one: it is published long before it signs, so that whoever keeps a
    // copy of the certificates knows it by then.
    for (const auto created_at : {now - std::chrono::seconds{1}, now}) {
      if (const auto added = store.add_signing_key(make_signing_key(master, created_at)); !added)
        return refuse(added.error().message);
    }
    stored = GATEHOUSE_TRY(stored_keys(store));
  }
  KeySetPointer keys = GATEHOUSE_TRY(open_keys(master, stored, store, now));
  return std::make_unique<FileVault>(std::move(files), std::move(keys));
}

}  // namespace gatehouse::controlplane
