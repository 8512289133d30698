// What GitHub sends: a token, a user, addresses, organizations, teams.
#include <cstdint>
#include <string_view>

#include "identity/github/api.h"
#include "model/identity.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)identity::parse_github_token({200, {}, std::string(bytes)});
  if (const auto user = identity::parse_github_user(bytes); user && user->subject.empty())
    __builtin_trap();
  if (const auto email = identity::parse_github_emails(bytes);
      email && model::canonical_email(*email) != *email)
    __builtin_trap();
  for (const auto parse : {identity::parse_github_organizations, identity::parse_github_teams}) {
    if (const auto page = parse(bytes)) {
      for (const auto& organization : page->organizations)
        if (organization.name.empty()) __builtin_trap();
    }
  }
  return 0;
}
