#include "controlplane/bearer_secret.h"

#include <cstdint>

#include "base/encoding.h"
#include "crypto/digest.h"
#include "platform/random.h"

namespace gatehouse::controlplane {
namespace {

constexpr std::string_view kAlphabet =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

std::string checksum(std::string_view text) {
  return hex_encode(crypto::sha256(text)).substr(0, kBearerChecksumCharacters);
}

}  // namespace

std::string make_bearer_secret(std::string_view prefix) {
  std::string secret(prefix);
  for (std::size_t i = 0; i < kBearerSecretCharacters; ++i)
    secret += kAlphabet[random_below(static_cast<std::uint32_t>(kAlphabet.size()))];
  return secret + checksum(secret);
}

bool has_bearer_form(std::string_view secret, std::string_view prefix) {
  const std::size_t body = prefix.size() + kBearerSecretCharacters;
  return secret.size() == body + kBearerChecksumCharacters && secret.starts_with(prefix) &&
         constant_time_equal(secret.substr(body), checksum(secret.substr(0, body)));
}

}  // namespace gatehouse::controlplane
