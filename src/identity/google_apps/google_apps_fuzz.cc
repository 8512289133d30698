// What Google sends: claims of a verified ID token, a page of groups.
#include <cstdint>
#include <string_view>

#include "identity/google_apps/google_apps.h"
#include "model/identity.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto page = identity::parse_google_group_page(bytes)) {
    for (const auto& address : page->addresses)
      if (model::canonical_email(address) != address) __builtin_trap();
  }
  const auto document = json::parse(bytes);
  if (!document || !document->is_object()) return 0;
  identity::GoogleAppsConfig config;
  config.apps_domain = "corp.example";
  if (const auto person = identity::identity_from_google_apps(document->get_object(), config)) {
    if (person->groups_known || model::canonical_email(person->email) != person->email)
      __builtin_trap();
  }
  return 0;
}
