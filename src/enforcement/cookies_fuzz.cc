// Any bytes as a Cookie line: nothing of ours is left, and what is left was there.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "enforcement/request.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const char* line = reinterpret_cast<const char*>(data);
  gh_credentials credentials{};
  gh_collect_cookies(line, size, nullptr, &credentials);
  std::size_t left = 0;
  const bool changed = gh_strip_cookies(line, size, nullptr, &left) != 0;
  std::string out(changed ? left : 0, '\0');
  if (changed && gh_strip_cookies(line, size, out.data(), &left) == 0) std::abort();
  if (out.size() != (changed ? left : 0) || credentials.token_count > GH_MAX_TOKENS) std::abort();
  if (!changed && credentials.token_count != 0) std::abort();
  gh_credentials again{};
  gh_collect_cookies(out.data(), out.size(), nullptr, &again);
  if (again.token_count != 0) std::abort();
  if (credentials.token_count == 0) return 0;
  // A connection that remembers the last token collects the same.
  const gh_text& last = credentials.tokens[credentials.token_count - 1];
  const std::string_view text(last.data, last.size);
  if (text.find_first_of("; \t") != std::string_view::npos) return 0;
  std::string token(text);
  const gh_connection_memo memo{token.data(), token.size(), token.size(), {1, 2}};
  gh_credentials remembered{};
  gh_collect_cookies(line, size, &memo, &remembered);
  if (remembered.token_count != credentials.token_count ||
      remembered.own_cookies != credentials.own_cookies ||
      remembered.foreign_cookies != credentials.foreign_cookies ||
      remembered.binding.data != credentials.binding.data) {
    std::abort();
  }
  for (std::size_t i = 0; i < credentials.token_count; ++i) {
    if (remembered.tokens[i].data != credentials.tokens[i].data ||
        remembered.tokens[i].size != credentials.tokens[i].size) {
      std::abort();
    }
  }
  return 0;
}
