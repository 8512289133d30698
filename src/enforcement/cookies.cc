// The Cookie line of a request: which of its cookies are ours.
#include <array>
#include <cstring>
#include <string_view>

#include "enforcement/request.h"

namespace {

constexpr std::array<std::string_view, 5> kOurs = {"CF_Authorization", "CF_AppSession",
                                                   "CF_Binding", "CF_Session", "CF_Device"};
constexpr std::string_view kAuthorization = "CF_Authorization";
constexpr std::string_view kBinding = "CF_Binding";

bool is_ours(std::string_view name) {
  for (const auto ours : kOurs) {
    if (name == ours) return true;
  }
  return false;
}

// Calls use(pair, name, value) for every `name=value` between semicolons, blanks around it cut off.
template <typename Use>
void for_each_cookie(std::string_view line, Use use) {
  while (!line.empty()) {
    const std::size_t end = line.find(';');
    std::string_view pair = line.substr(0, end);
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
    while (!pair.empty() && (pair.front() == ' ' || pair.front() == '\t')) pair.remove_prefix(1);
    while (!pair.empty() && (pair.back() == ' ' || pair.back() == '\t')) pair.remove_suffix(1);
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    std::string_view name = pair.substr(0, equals);
    while (!name.empty() && (name.back() == ' ' || name.back() == '\t')) name.remove_suffix(1);
    use(pair, name,
        equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1));
  }
}

}  // namespace

void gh_collect_cookies(const char* line, size_t size, gh_credentials* credentials) {
  for_each_cookie({line, size}, [&](auto, std::string_view name, std::string_view value) {
    ++(is_ours(name) ? credentials->own_cookies : credentials->foreign_cookies);
    if (name == kAuthorization && !value.empty() && credentials->token_count < GH_MAX_TOKENS) {
      credentials->tokens[credentials->token_count++] = {value.data(), value.size()};
    }
    if (name == kBinding && credentials->binding.size == 0) {
      credentials->binding = {value.data(), value.size()};
    }
  });
}

int gh_strip_cookies(const char* line, size_t size, char* out, size_t* left) {
  bool found = false;
  size_t written = 0;
  for_each_cookie({line, size}, [&](std::string_view pair, std::string_view name, auto) {
    if (is_ours(name)) {
      found = true;
      return;
    }
    constexpr std::string_view kBetween = "; ";
    if (written > 0) {
      if (out != nullptr) std::memcpy(out + written, kBetween.data(), kBetween.size());
      written += kBetween.size();
    }
    if (out != nullptr) std::memcpy(out + written, pair.data(), pair.size());
    written += pair.size();
  });
  *left = written;
  return found ? 1 : 0;
}
