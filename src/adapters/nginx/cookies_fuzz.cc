// Any bytes as a Cookie line: nothing of ours is left, and what is left was there.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "adapters/nginx/core.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const char* line = reinterpret_cast<const char*>(data);
  gh_credentials credentials{};
  gh_collect_cookies(line, size, &credentials);
  std::string out(2 * size + 1, '\0');
  std::size_t left = 0;
  const bool changed = gh_strip_cookies(line, size, out.data(), &left) != 0;
  if (left > 2 * size || credentials.token_count > GH_MAX_TOKENS) std::abort();
  if (!changed && credentials.token_count != 0) std::abort();
  gh_credentials again{};
  gh_collect_cookies(out.data(), changed ? left : 0, &again);
  if (again.token_count != 0) std::abort();
  return 0;
}
