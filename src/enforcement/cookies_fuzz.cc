// Any bytes as a Cookie line: nothing of ours is left, and what is left was there.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "enforcement/request.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const char* line = reinterpret_cast<const char*>(data);
  gh_credentials credentials{};
  gh_collect_cookies(line, size, &credentials);
  std::size_t left = 0;
  const bool changed = gh_strip_cookies(line, size, nullptr, &left) != 0;
  std::string out(changed ? left : 0, '\0');
  if (changed && gh_strip_cookies(line, size, out.data(), &left) == 0) std::abort();
  if (out.size() != (changed ? left : 0) || credentials.token_count > GH_MAX_TOKENS) std::abort();
  if (!changed && credentials.token_count != 0) std::abort();
  gh_credentials again{};
  gh_collect_cookies(out.data(), out.size(), &again);
  if (again.token_count != 0) std::abort();
  return 0;
}
