// A key that is accepted, from PEM, a JWK or a JWKS, survives the way through each of its forms.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "jose/jwk.h"

namespace {

void check(const gatehouse::jose::PublicKey& key) {
  using gatehouse::jose::PublicKey;
  const std::string thumbprint = key.thumbprint();
  if (PublicKey::from_jwk(key.to_jwk()).value().thumbprint() != thumbprint) std::abort();
  if (PublicKey::from_pem(key.to_spki_pem()).value().thumbprint() != thumbprint) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto key = jose::PublicKey::from_pem(text)) check(*key);
  const auto document = json::parse(text);
  if (!document) return 0;
  if (const auto keys = jose::JwkSet::parse(*document))
    for (const jose::Jwk& jwk : keys->keys()) check(jwk.key);
  if (const json::object* jwk = document->if_object())
    if (const auto key = jose::PublicKey::from_jwk(*jwk)) check(*key);
  return 0;
}
