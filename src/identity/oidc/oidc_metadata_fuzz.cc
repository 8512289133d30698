// The documents of a provider: discovery, token response, userinfo.
#include <cstdint>
#include <string_view>

#include "identity/oidc/protocol.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  identity::OidcConfig config;
  config.issuer = "https://idp.example";
  if (const auto metadata = identity::parse_metadata(bytes, config)) {
    for (const auto& url :
         {metadata->authorization_endpoint, metadata->token_endpoint, metadata->jwks_uri})
      if (!identity::is_provider_url(url, config.issuer)) __builtin_trap();
    const auto& end = metadata->end_session_endpoint;
    if (!end.empty() && !identity::is_provider_url(end, config.issuer)) __builtin_trap();
  }
  const net::HttpResponse response{200, {}, std::string(bytes)};
  if (const auto tokens = identity::parse_token_response(response, identity::IdToken::Optional);
      tokens && tokens->bearer)
    if (tokens->access_token.find_first_of("\r\n") != std::string::npos) __builtin_trap();
  (void)identity::parse_userinfo(response, "u-1");
  return 0;
}
