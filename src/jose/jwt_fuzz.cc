// A token that is accepted under the key of RFC 7515 A.3 has one spelling and the claims demanded.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "jose/jwt.h"

namespace {

gatehouse::jose::JwkSet example_keys() {
  using namespace gatehouse;
  const auto document = json::parse(R"({"keys":[{"kty":"EC","crv":"P-256",
    "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]})");
  return jose::JwkSet::parse(document.value()).value();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse;
  static const jose::JwkSet keys = example_keys();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto token = jose::CompactJws::parse(text);
  if (!token) return 0;
  const jose::JwtExpectations expected{
      .algorithms = {jose::Algorithm::ES256}, .issuer = "joe", .require_issued_at = false};
  const auto verified = jose::verify_jwt(*token, keys, expected, from_epoch_seconds(1'300'819'379),
                                         std::chrono::seconds{0});
  if (verified && json::find_int(verified->claims, "exp") != 1'300'819'380) std::abort();
  return 0;
}
