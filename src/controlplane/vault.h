// The keys of this installation: the master key (a file, never in the store), what is derived from
// it, and the signing keys (sealed in the store). Thread-safe.
#pragma once

#include <chrono>
#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "jose/jwt.h"
#include "storage/store.h"

namespace gatehouse::controlplane {

struct VaultError {
  std::string message;
};

// What the secrets of resources are sealed for in the store.
inline constexpr std::string_view kResourceSecretsPurpose = "resource secrets";
// How long values sealed with a former master key are still opened.
inline constexpr std::chrono::seconds kFormerMasterKeyLifetime{3600};

class Vault {
 public:
  // Reads the master key: the file `master_key` of systemd's $CREDENTIALS_DIRECTORY when there is
  // one, else `<directory>/master.key` (made on first start, mode 0600); and the signing keys of
  // the store (two are made on first start: the current one and its successor). A rotation of the
  // master key that was cut short is finished or undone, by which key opens the store. With a
  // credential `master_key_old` that opens it, the store is sealed anew with `master_key`.
  [[nodiscard]] static std::expected<std::unique_ptr<Vault>, VaultError> open(
      const std::filesystem::path& directory, storage::Store& store, Instant now);
  virtual ~Vault() = default;

  // Sealed values for URLs and forms: base64url text. `open` demands the purpose.
  [[nodiscard]] virtual std::string seal(std::string_view purpose,
                                         std::string_view plain) const = 0;
  [[nodiscard]] virtual std::optional<std::string> open(std::string_view purpose,
                                                        std::string_view sealed) const = 0;
  // Keyed hash for values that must not stand in the store as they are (pins, cookies). Its key is
  // sealed in the store and stays the same when the master key is rotated.
  [[nodiscard]] virtual std::string keyed_hash(std::string_view purpose,
                                               std::string_view value) const = 0;

  // A new signing key becomes the successor, the successor signs from now on, and the key that
  // signed until now goes on verifying for `overlap`. False: another node has just rotated (its
  // keys are loaded). Every copy of jwks() is stale afterwards.
  [[nodiscard]] virtual std::expected<bool, VaultError> rotate_signing_keys(
      storage::Store& store, std::chrono::seconds overlap, Instant now) = 0;
  // The signing keys as the store has them now, without those that have retired. When another node
  // has sealed the store anew, with the master key that the file holds by now.
  [[nodiscard]] virtual std::expected<void, VaultError> reload(storage::Store& store,
                                                               Instant now) = 0;
  // Lets go of signing keys that have retired and of a former master key after its hour. True:
  // every copy of jwks() is stale.
  [[nodiscard]] virtual bool expire(Instant now) = 0;
  // When the key that signs was made current: of GET keys.
  [[nodiscard]] virtual Instant last_rotation() const = 0;
  // A new master key: everything in the store is sealed anew in one transaction. Until that is
  // through, the new key stands beside the old one (`master.key.new`), so that a crash at any
  // moment leaves one that opens the store. Values that are on their way (URLs, cookies, pins)
  // sealed with the old one are still opened for an hour by this process. A credential of systemd
  // cannot be replaced from here: an error that says how it is done.
  [[nodiscard]] virtual std::expected<void, VaultError> rotate_master_key(storage::Store& store,
                                                                          Instant now) = 0;
  // The file that the master key comes from.
  [[nodiscard]] virtual std::filesystem::path master_key_file() const = 0;

  // RS256 with the current key.
  [[nodiscard]] virtual std::string sign(const json::object& claims) const = 0;
  [[nodiscard]] virtual jose::JwkSet verification_keys() const = 0;
  [[nodiscard]] virtual json::array jwks() const = 0;             // public, current first
  [[nodiscard]] virtual json::object certs_document() const = 0;  // /cdn-cgi/access/certs
};

}  // namespace gatehouse::controlplane
