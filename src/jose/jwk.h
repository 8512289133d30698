// Public and private keys for JOSE, over OpenSSL 3. Pure. Keys are immutable and shared: copying a
// PublicKey copies a reference. Thread-safe once made.
// Source: RFC 7517, RFC 7518, RFC 8037.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/secret.h"
#include "base/time.h"

struct evp_pkey_st;

namespace gatehouse::jose {

// The asymmetric algorithms we verify. HMAC and `none` do not exist here.
enum class Algorithm : std::uint8_t {
  RS256,
  RS384,
  RS512,
  PS256,
  PS384,
  PS512,
  ES256,
  ES384,
  EdDSA
};
[[nodiscard]] std::optional<Algorithm> parse_algorithm(std::string_view name);
[[nodiscard]] std::string_view to_string(Algorithm algorithm);

enum class KeyError {
  Malformed,        // not PEM, not a JWK, not decodable
  Unsupported,      // a type or curve that we do not use
  TooWeak,          // RSA below 2048 bits or with an exponent that protects nothing
  PrivateKeyGiven,  // a private key where a public one is asked for
  NotForSigning,    // X.509 keyUsage without digitalSignature, or JWK use/key_ops of another kind
};
[[nodiscard]] std::string_view to_string(KeyError error);

class PublicKey {
 public:
  // One PEM block: X.509 certificate or SubjectPublicKeyInfo. Certificates carry their validity.
  [[nodiscard]] static std::expected<PublicKey, KeyError> from_pem(std::string_view pem);
  [[nodiscard]] static std::expected<PublicKey, KeyError> from_jwk(const json::object& jwk);

  // Whether a signature of this algorithm can be made by this type of key.
  [[nodiscard]] bool fits(Algorithm algorithm) const;
  // Whether these are raw JWS signature bytes of this key; never for an algorithm that does not
  // fit, a signature of another length than the algorithm's, or a PSS salt of another length.
  [[nodiscard]] bool verify(Algorithm algorithm, std::string_view message,
                            std::string_view signature) const;
  // Public members only: kty and n,e or crv,x,y.
  [[nodiscard]] json::object to_jwk() const;
  [[nodiscard]] std::string to_spki_pem() const;
  // RFC 7638, base64url SHA-256.
  [[nodiscard]] std::string thumbprint() const;
  // From the certificate; unset for a bare key.
  [[nodiscard]] std::optional<Instant> not_before() const { return not_before_; }
  [[nodiscard]] std::optional<Instant> not_after() const { return not_after_; }
  [[nodiscard]] evp_pkey_st* native() const { return key_.get(); }

 private:
  friend class PrivateKey;
  std::shared_ptr<evp_pkey_st> key_;
  std::optional<Instant> not_before_;
  std::optional<Instant> not_after_;
};

class PrivateKey {
 public:
  [[nodiscard]] static PrivateKey generate_rsa(unsigned bits = 2048);
  [[nodiscard]] static PrivateKey generate_p256();
  [[nodiscard]] static std::expected<PrivateKey, KeyError> from_pem(std::string_view pem);
  [[nodiscard]] Secret to_pem() const;  // PKCS #8
  [[nodiscard]] PublicKey public_key() const;
  // A certificate for the key signed by itself, PEM; `serial` is 16 random bytes. The name is cut
  // to the 64 bytes that X.520 allows.
  [[nodiscard]] std::string self_signed_certificate(std::string_view common_name,
                                                    std::string_view serial, Instant not_before,
                                                    Instant not_after) const;
  // Raw JWS signature bytes (ES256 in the 64-byte form of RFC 7518 3.4).
  [[nodiscard]] std::string sign(Algorithm algorithm, std::string_view message) const;

 private:
  std::shared_ptr<evp_pkey_st> key_;
};

struct Jwk {
  std::string kid;                     // empty when absent
  std::optional<Algorithm> algorithm;  // `alg`, when present
  PublicKey key;
};

class JwkSet {
 public:
  JwkSet() = default;
  explicit JwkSet(std::vector<Jwk> keys) : keys_(std::move(keys)) {}
  // A JWKS document. Keys that cannot be used (unknown type, encryption, too weak, broken) are
  // left out; more than kMaxJwksKeys, or none left, is an error.
  [[nodiscard]] static std::expected<JwkSet, KeyError> parse(const json::value& document);
  // With `kid`: those of that kid. Without: all. Of these, the ones whose type and `alg` fit.
  [[nodiscard]] std::vector<const Jwk*> candidates(std::string_view kid, Algorithm algorithm) const;
  [[nodiscard]] const std::vector<Jwk>& keys() const { return keys_; }

 private:
  std::vector<Jwk> keys_;
};

inline constexpr std::size_t kMaxJwksKeys = 256;

}  // namespace gatehouse::jose
