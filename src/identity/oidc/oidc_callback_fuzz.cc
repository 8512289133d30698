// The query with which the provider sends the browser back.
#include <cstdint>
#include <string_view>

#include "identity/oidc/protocol.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse;
  const std::string_view query(reinterpret_cast<const char*>(data), size);
  identity::OidcConfig config;
  config.issuer = "https://idp.example";
  identity::ProviderMetadata metadata;
  metadata.iss_parameter_supported = true;
  const auto code = identity::check_callback(query, config, metadata);
  if (code ? code->empty() : code.error().message.find('<') != std::string::npos) __builtin_trap();
  return 0;
}
