#include "crypto/key_box.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <memory>

#include "base/check.h"
#include "crypto/digest.h"
#include "crypto/seal.h"

namespace gatehouse::crypto {
namespace {

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;

const unsigned char* raw(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

Key private_of(std::string_view bytes) {
  GATEHOUSE_CHECK(bytes.size() == kBoxKeyBytes, "a private key has 32 bytes");
  Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, raw(bytes), bytes.size()));
  GATEHOUSE_CHECK(key != nullptr, "OpenSSL provides X25519");
  return key;
}

// Nothing for a public key of small order, with which everybody agrees on the same secret.
std::optional<std::string> agree(EVP_PKEY* own, std::string_view public_key) {
  if (public_key.size() != kBoxKeyBytes) return std::nullopt;
  const Key other(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, raw(public_key), public_key.size()));
  const std::unique_ptr<EVP_PKEY_CTX, Free> context(EVP_PKEY_CTX_new(own, nullptr));
  GATEHOUSE_CHECK(other != nullptr && context != nullptr, "OpenSSL provides X25519");
  std::string secret(kBoxKeyBytes, '\0');
  std::size_t size = secret.size();
  const bool agreed =
      EVP_PKEY_derive_init(context.get()) == 1 &&
      EVP_PKEY_derive_set_peer(context.get(), other.get()) == 1 &&
      EVP_PKEY_derive(context.get(), reinterpret_cast<unsigned char*>(secret.data()), &size) == 1 &&
      size == kBoxKeyBytes;
  if (!agreed) {
    ERR_clear_error();
    return std::nullopt;
  }
  return secret;
}

std::string sealing_key(std::string secret, std::string_view sender, std::string_view receiver,
                        std::string_view purpose) {
  secret += sender;
  secret += receiver;
  return derive_key(secret, purpose);
}

}  // namespace

std::string box_public_key(std::string_view private_key) {
  const Key key = private_of(private_key);
  std::string made(kBoxKeyBytes, '\0');
  std::size_t size = made.size();
  const bool got = EVP_PKEY_get_raw_public_key(
                       key.get(), reinterpret_cast<unsigned char*>(made.data()), &size) == 1;
  GATEHOUSE_CHECK(got && size == kBoxKeyBytes, "a key pair has a public key");
  return made;
}

std::optional<std::string> seal_to_key(std::string_view public_key, std::string_view ephemeral,
                                       std::string_view purpose, std::string_view plain) {
  const Key own = private_of(ephemeral);
  auto secret = agree(own.get(), public_key);
  if (!secret) return std::nullopt;
  auto sender = box_public_key(ephemeral);
  const auto key = sealing_key(std::move(*secret), sender, public_key, purpose);
  // The key is of this one text, so its nonce need not be random.
  return sender + seal(key, std::string(kSealNonceBytes, '\0'), purpose, plain);
}

std::optional<std::string> open_with_key(std::string_view private_key, std::string_view purpose,
                                         std::string_view sealed) {
  const Key own = private_of(private_key);
  if (sealed.size() < kBoxKeyBytes) return std::nullopt;
  const auto sender = sealed.substr(0, kBoxKeyBytes);
  auto secret = agree(own.get(), sender);
  if (!secret) return std::nullopt;
  const auto key = sealing_key(std::move(*secret), sender, box_public_key(private_key), purpose);
  return open_sealed(key, purpose, sealed.substr(kBoxKeyBytes));
}

}  // namespace gatehouse::crypto
