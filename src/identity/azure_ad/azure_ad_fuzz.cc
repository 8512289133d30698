// What Entra ID and Graph send: claims of a verified ID token, a page of groups, an error.
#include <cstdint>
#include <string_view>

#include "identity/azure_ad/entra.h"
#include "model/identity.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse;
  constexpr std::string_view kGraph = "https://graph.microsoft.com";
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto page = identity::parse_group_page(bytes, kGraph)) {
    if (!page->next.empty() && !page->next.starts_with("https://graph.microsoft.com/"))
      __builtin_trap();
    for (const auto& id : page->ids)
      if (id.empty()) __builtin_trap();
  }
  (void)identity::reason_for_entra_code(identity::entra_code(bytes));
  (void)identity::retry_after({429, {{"Retry-After", std::string(bytes)}}, ""});
  const auto document = json::parse(bytes);
  if (!document || !document->is_object()) return 0;
  identity::AzureAdConfig config;
  config.directory_id = "11111111-2222-4333-8444-555555555555";
  config.email_claims = {"email", "upn"};
  if (const auto person = identity::identity_from_entra(document->get_object(), config)) {
    if (model::canonical_email(person->email) != person->email) __builtin_trap();
    if (person->subject.size() != 36) __builtin_trap();
  }
  return 0;
}
