#include "crypto/seal.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <limits>
#include <memory>

#include "base/check.h"

namespace gatehouse::crypto {
namespace {

constexpr std::size_t kTagBytes = 16;

const EVP_CIPHER* aes_256_gcm() {
  static const EVP_CIPHER* const algorithm = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  GATEHOUSE_CHECK(algorithm != nullptr, "OpenSSL provides AES-256-GCM");
  return algorithm;
}

struct Free {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, Free>;

const unsigned char* raw(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

int length_of(std::string_view bytes) {
  GATEHOUSE_CHECK(bytes.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max() / 2),
                  "small texts are sealed");
  return static_cast<int>(bytes.size());
}

}  // namespace

std::string seal(std::string_view key, std::string_view nonce, std::string_view purpose,
                 std::string_view plain) {
  GATEHOUSE_CHECK(key.size() == kSealKeyBytes, "a sealing key has 32 bytes");
  GATEHOUSE_CHECK(nonce.size() == kSealNonceBytes, "a nonce has 12 bytes");
  std::string sealed(nonce);
  sealed.resize(kSealNonceBytes + plain.size() + kTagBytes);
  auto* const cipher_text = reinterpret_cast<unsigned char*>(sealed.data()) + kSealNonceBytes;
  const Context context(EVP_CIPHER_CTX_new());
  int length = 0;
  const bool made =
      context != nullptr &&
      EVP_EncryptInit_ex2(context.get(), aes_256_gcm(), raw(key), raw(nonce), nullptr) == 1 &&
      EVP_EncryptUpdate(context.get(), nullptr, &length, raw(purpose), length_of(purpose)) == 1 &&
      EVP_EncryptUpdate(context.get(), cipher_text, &length, raw(plain), length_of(plain)) == 1 &&
      EVP_EncryptFinal_ex(context.get(), cipher_text + plain.size(), &length) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTagBytes,
                          cipher_text + plain.size()) == 1;
  GATEHOUSE_CHECK(made, "sealing in memory succeeds");
  return sealed;
}

std::optional<std::string> open_sealed(std::string_view key, std::string_view purpose,
                                       std::string_view sealed) {
  GATEHOUSE_CHECK(key.size() == kSealKeyBytes, "a sealing key has 32 bytes");
  if (sealed.size() < kSealNonceBytes + kTagBytes) return std::nullopt;
  const std::string_view nonce = sealed.substr(0, kSealNonceBytes);
  std::string tag(sealed.substr(sealed.size() - kTagBytes));
  const std::string_view cipher_text =
      sealed.substr(kSealNonceBytes, sealed.size() - kSealNonceBytes - kTagBytes);

  std::string plain(cipher_text.size(), '\0');
  auto* const plain_text = reinterpret_cast<unsigned char*>(plain.data());
  const Context context(EVP_CIPHER_CTX_new());
  int length = 0;
  const bool ready =
      context != nullptr &&
      EVP_DecryptInit_ex2(context.get(), aes_256_gcm(), raw(key), raw(nonce), nullptr) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data()) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &length, raw(purpose), length_of(purpose)) == 1 &&
      EVP_DecryptUpdate(context.get(), plain_text, &length, raw(cipher_text),
                        length_of(cipher_text)) == 1;
  GATEHOUSE_CHECK(ready, "decryption in memory succeeds");
  // INVARIANT: no decrypted byte leaves before the tag has been checked here.
  if (EVP_DecryptFinal_ex(context.get(), plain_text + plain.size(), &length) != 1) {
    ERR_clear_error();
    return std::nullopt;
  }
  return plain;
}

}  // namespace gatehouse::crypto
