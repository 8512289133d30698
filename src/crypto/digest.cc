#include "crypto/digest.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <memory>

#include "base/check.h"

namespace gatehouse::crypto {
namespace {

constexpr std::size_t kSha256Bytes = 32;

// Fetched once and kept for the process: an implicit fetch costs half a digest every time.
const EVP_MD* sha256_algorithm() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA2-256", nullptr);
  GATEHOUSE_CHECK(algorithm != nullptr, "OpenSSL provides SHA-256");
  return algorithm;
}

EVP_MAC* hmac_algorithm() {
  static EVP_MAC* const algorithm = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  GATEHOUSE_CHECK(algorithm != nullptr, "OpenSSL provides HMAC");
  return algorithm;
}

EVP_KDF* hkdf_algorithm() {
  static EVP_KDF* const algorithm = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  GATEHOUSE_CHECK(algorithm != nullptr, "OpenSSL provides HKDF");
  return algorithm;
}

struct Free {
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
  void operator()(EVP_KDF_CTX* context) const { EVP_KDF_CTX_free(context); }
};

unsigned char* raw(std::string& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }
const unsigned char* raw(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
// OSSL_PARAM takes pointers to non-const and does not write through them.
void* input(std::string_view bytes) { return const_cast<char*>(bytes.data()); }

}  // namespace

std::string sha256(std::string_view bytes) {
  std::string digest(kSha256Bytes, '\0');
  const int made =
      EVP_Digest(bytes.data(), bytes.size(), raw(digest), nullptr, sha256_algorithm(), nullptr);
  GATEHOUSE_CHECK(made == 1, "a digest of memory succeeds");
  return digest;
}

std::string hmac_sha256(std::string_view key, std::string_view bytes) {
  std::string digest(kSha256Bytes, '\0');
  const std::unique_ptr<EVP_MAC_CTX, Free> context(EVP_MAC_CTX_new(hmac_algorithm()));
  char name[] = "SHA2-256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
      OSSL_PARAM_construct_end(),
  };
  // A null key means "keep the last one" to OpenSSL, so an empty key needs an address.
  const unsigned char* key_bytes = raw(key.empty() ? std::string_view("") : key);
  std::size_t length = 0;
  const bool made = context != nullptr &&
                    EVP_MAC_init(context.get(), key_bytes, key.size(), parameters) == 1 &&
                    EVP_MAC_update(context.get(), raw(bytes), bytes.size()) == 1 &&
                    EVP_MAC_final(context.get(), raw(digest), &length, digest.size()) == 1;
  GATEHOUSE_CHECK(made && length == kSha256Bytes, "an HMAC of memory succeeds");
  return digest;
}

std::string derive_key(std::string_view master_key, std::string_view purpose) {
  GATEHOUSE_CHECK(!master_key.empty(), "a key is derived from a key");
  std::string derived(kSha256Bytes, '\0');
  const std::unique_ptr<EVP_KDF_CTX, Free> context(EVP_KDF_CTX_new(hkdf_algorithm()));
  char name[] = "SHA2-256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, name, 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, input(master_key), master_key.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, input(purpose), purpose.size()),
      OSSL_PARAM_construct_end(),
  };
  const bool made = context != nullptr &&
                    EVP_KDF_derive(context.get(), raw(derived), derived.size(), parameters) == 1;
  GATEHOUSE_CHECK(made, "a derivation in memory succeeds");
  return derived;
}

}  // namespace gatehouse::crypto
