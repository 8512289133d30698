// The keys of this installation: the master key (a file, never in the store), what is derived from
// it, and the signing keys (sealed in the store). Thread-safe.
#pragma once

#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/time.h"
#include "jose/jwt.h"
#include "storage/store.h"

namespace gatehouse::controlplane {

struct VaultError {
  std::string message;
};

class Vault {
 public:
  // Reads `<directory>/master.key` (made on first start, mode 0600) and the signing keys of the
  // store (two are made on first start: the current one and its successor).
  [[nodiscard]] static std::expected<std::unique_ptr<Vault>, VaultError> open(
      const std::filesystem::path& directory, storage::Store& store, Instant now);
  virtual ~Vault() = default;

  // Sealed values for URLs and forms: base64url text. `open` demands the purpose.
  [[nodiscard]] virtual std::string seal(std::string_view purpose,
                                         std::string_view plain) const = 0;
  [[nodiscard]] virtual std::optional<std::string> open(std::string_view purpose,
                                                        std::string_view sealed) const = 0;
  // Keyed hash for values that must not stand in the store as they are (pins, cookies).
  [[nodiscard]] virtual std::string keyed_hash(std::string_view purpose,
                                               std::string_view value) const = 0;

  // RS256 with the current key.
  [[nodiscard]] virtual std::string sign(const json::object& claims) const = 0;
  [[nodiscard]] virtual jose::JwkSet verification_keys() const = 0;
  [[nodiscard]] virtual json::array jwks() const = 0;             // public, current first
  [[nodiscard]] virtual json::object certs_document() const = 0;  // /cdn-cgi/access/certs
};

}  // namespace gatehouse::controlplane
