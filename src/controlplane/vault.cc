#include "controlplane/vault.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "base/encoding.h"
#include "base/secret.h"
#include "base/try.h"
#include "crypto/digest.h"
#include "crypto/seal.h"
#include "platform/file.h"
#include "platform/random.h"

namespace gatehouse::controlplane {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMasterKeyBytes = crypto::kSealKeyBytes;
constexpr std::string_view kSigningKeyPurpose = "signing key";
constexpr std::chrono::seconds kCertificateLifetime{10 * 365 * 86400};
constexpr std::chrono::seconds kCertificateBackdating{86400};  // validators' clocks

std::unexpected<VaultError> refuse(std::string message) {
  return std::unexpected(VaultError{std::move(message)});
}

std::string system_message() { return std::strerror(errno); }

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  [[nodiscard]] int get() const { return value_; }

 private:
  int value_;
};

// nullopt: there is none. The mode is that of the file that was opened, not of a name.
std::expected<std::optional<Secret>, VaultError> read_master_key(const fs::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (file.get() < 0) {
    if (errno == ENOENT) return std::nullopt;
    return refuse(fmt::format("cannot read `{}`: {}", path.string(), system_message()));
  }
  struct stat status{};
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode))
    return refuse(fmt::format("`{}` is not a regular file", path.string()));
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
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
std::expected<void, VaultError> make_master_key(const fs::path& path) {
  const fs::path temporary = path.string() + "." + random_hex(8);
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
  const Descriptor directory(
      ::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0 || ::fsync(directory.get()) != 0)
    return refuse(fmt::format("cannot make `{}` durable: {}", path.string(), system_message()));
  return {};
}

struct SigningKey {
  std::string kid;
  jose::PrivateKey key;
  std::string certificate;
};

class FileVault final : public Vault {
 public:
  explicit FileVault(Secret master_key) : master_key_(std::move(master_key)) {}

  std::expected<void, VaultError> load(storage::Store& store, Instant now) {
    auto stored = store.signing_keys();
    if (!stored) return refuse(stored.error().message);
    if (stored->empty()) {
      // The successor is the newer one: it is published long before it signs, so that whoever
      // keeps a copy of the certificates knows it by then.
      for (const auto created_at : {now, now + std::chrono::seconds{1}}) {
        if (const auto added = store.add_signing_key(make_signing_key(created_at)); !added)
          return refuse(added.error().message);
      }
      stored = store.signing_keys();
      if (!stored) return refuse(stored.error().message);
    }
    for (const auto& record : *stored) keys_.push_back(GATEHOUSE_TRY(open_signing_key(record)));
    if (keys_.size() < 2) return refuse("the store holds one signing key where two are needed");
    // Newest first in the store: the successor, the current one, then those that signed before.
    std::swap(keys_[0], keys_[1]);
    std::vector<jose::Jwk> verifying;
    for (const auto& key : keys_)
      verifying.push_back({key.kid, jose::Algorithm::RS256, key.key.public_key()});
    verification_keys_ = jose::JwkSet(std::move(verifying));
    return {};
  }

  std::string seal(std::string_view purpose, std::string_view plain) const override {
    return base64url_encode(crypto::seal(key_for("seal", purpose).reveal(),
                                         random_bytes(crypto::kSealNonceBytes), purpose, plain));
  }

  std::optional<std::string> open(std::string_view purpose,
                                  std::string_view sealed) const override {
    const auto bytes = base64url_decode(sealed);
    if (!bytes) return std::nullopt;
    return crypto::open_sealed(key_for("seal", purpose).reveal(), purpose, *bytes);
  }

  std::string keyed_hash(std::string_view purpose, std::string_view value) const override {
    return base64url_encode(crypto::hmac_sha256(key_for("hash", purpose).reveal(), value));
  }

  std::string sign(const json::object& claims) const override {
    return jose::sign_jwt(claims, keys_.front().key, jose::Algorithm::RS256, keys_.front().kid);
  }

  jose::JwkSet verification_keys() const override { return verification_keys_; }

  json::array jwks() const override {
    json::array keys;
    for (const auto& key : keys_) {
      json::object jwk{{"kid", key.kid}};
      for (const auto& [name, member] : key.key.public_key().to_jwk())
        if (name != "kid") jwk[name] = member;
      jwk["alg"] = "RS256";
      jwk["use"] = "sig";
      keys.emplace_back(std::move(jwk));
    }
    return keys;
  }

  json::object certs_document() const override {
    json::array certificates;
    for (const auto& key : keys_)
      certificates.emplace_back(json::object{{"kid", key.kid}, {"cert", key.certificate}});
    const json::value current = certificates.front();
    return {{"keys", jwks()}, {"public_cert", current}, {"public_certs", std::move(certificates)}};
  }

 private:
  Secret key_for(std::string_view use, std::string_view purpose) const {
    return Secret(crypto::derive_key(master_key_.reveal(), fmt::format("{}/{}", use, purpose)));
  }

  storage::StoredSigningKey make_signing_key(Instant created_at) const {
    const auto key = jose::PrivateKey::generate_rsa();
    storage::StoredSigningKey record;
    record.kid = key.public_key().thumbprint();
    record.sealed_private_key = seal(kSigningKeyPurpose, key.to_pem().reveal());
    record.certificate = key.self_signed_certificate("Gatehouse access tokens", random_bytes(16),
                                                     created_at - kCertificateBackdating,
                                                     created_at + kCertificateLifetime);
    record.created_at = created_at;
    return record;
  }

  std::expected<SigningKey, VaultError> open_signing_key(
      const storage::StoredSigningKey& record) const {
    const auto pem = open(kSigningKeyPurpose, record.sealed_private_key);
    if (!pem)
      return refuse(fmt::format("signing key `{}` of the store was sealed with another master key",
                                record.kid));
    const Secret secret(*pem);
    auto key = jose::PrivateKey::from_pem(secret.reveal());
    if (!key || key->public_key().thumbprint() != record.kid)
      return refuse(fmt::format("signing key `{}` of the store is damaged", record.kid));
    return SigningKey{record.kid, std::move(*key), record.certificate};
  }

  Secret master_key_;
  std::vector<SigningKey> keys_;  // the current one first
  jose::JwkSet verification_keys_;
};

}  // namespace

std::expected<std::unique_ptr<Vault>, VaultError> Vault::open(const fs::path& directory,
                                                              storage::Store& store, Instant now) {
  const fs::path path = directory / "master.key";
  auto key = GATEHOUSE_TRY(read_master_key(path));
  if (!key) {
    const auto stored = store.signing_keys();
    if (!stored) return refuse(stored.error().message);
    if (!stored->empty())
      return refuse(fmt::format(
          "`{}` is missing, and the store holds keys sealed with it: restore it from a backup",
          path.string()));
    GATEHOUSE_TRY_VOID(make_master_key(path));
    key = GATEHOUSE_TRY(read_master_key(path));
    if (!key) return refuse(fmt::format("cannot read `{}` that was just made", path.string()));
  }
  auto vault = std::make_unique<FileVault>(std::move(*key));
  GATEHOUSE_TRY_VOID(vault->load(store, now));
  return vault;
}

}  // namespace gatehouse::controlplane
