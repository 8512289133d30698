// The claims of a verified ID token: what becomes of them is usable text. And of a logout token:
// what it is about is named, and for a while.
#include <cstdint>
#include <string_view>

#include "identity/oidc/protocol.h"
#include "model/identity.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse;
  const auto document = json::parse({reinterpret_cast<const char*>(data), size});
  if (!document || !document->is_object()) return 0;
  identity::OidcConfig config;
  config.client_id = "gateway";
  const auto& claims = document->get_object();
  (void)identity::check_id_token_claims(claims, jose::Algorithm::RS256, config, "nonce-1", "token");
  if (const auto identity = identity::identity_from_claims(claims, {}, config)) {
    if (model::canonical_email(identity->email) != identity->email) __builtin_trap();
    if (identity->name.find_first_of("\r\n") != std::string::npos) __builtin_trap();
  }
  config.issuer = "https://idp.example";
  constexpr Instant kNow = from_epoch_seconds(1'800'000'000);
  if (const auto notice = identity::check_logout_claims(claims, config, kNow))
    if (notice->subject.empty() || notice->token_id.empty() || notice->accepted_until <= kNow)
      __builtin_trap();
  return 0;
}
