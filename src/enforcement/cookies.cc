// The Cookie line of a request: which of its cookies are ours.
#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "enforcement/request.h"

namespace {

constexpr std::string_view kPrefix = "CF_";
constexpr std::array<std::string_view, 5> kOurs = {"CF_Authorization", "CF_AppSession",
                                                   "CF_Binding", "CF_Session", "CF_Device"};
constexpr std::string_view kAuthorization = "CF_Authorization";
constexpr std::string_view kAuthorizationIs = "CF_Authorization=";
constexpr std::string_view kBinding = "CF_Binding";

bool is_ours(std::string_view name) {
  return name.starts_with(kPrefix) && std::find(kOurs.begin(), kOurs.end(), name) != kOurs.end();
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

// Whether the cookie that `line` begins with is the token that the connection carried last.
bool begins_with_token(std::string_view line, const gh_connection_memo* memo) {
  if (memo == nullptr || memo->size == 0 || !line.starts_with(kAuthorizationIs)) return false;
  line.remove_prefix(kAuthorizationIs.size());
  return line.starts_with({memo->token, memo->size}) &&
         (line.size() == memo->size || line[memo->size] == ';');
}

// Calls use(pair, name, value) for every `name=value` between semicolons, blanks around it cut off;
// use_remembered(token) instead for the token of `memo`.
template <typename Use, typename UseRemembered>
void for_each_cookie(std::string_view line, const gh_connection_memo* memo, Use use,
                     UseRemembered use_remembered) {
  while (!line.empty()) {
    while (!line.empty() && is_blank(line.front())) line.remove_prefix(1);
    if (begins_with_token(line, memo)) {
      const std::string_view token = line.substr(kAuthorizationIs.size(), memo->size);
      use_remembered(token);
      line.remove_prefix(std::min(kAuthorizationIs.size() + token.size() + 1, line.size()));
      continue;
    }
    const std::size_t end = line.find(';');
    std::string_view pair = line.substr(0, end);
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
    while (!pair.empty() && is_blank(pair.back())) pair.remove_suffix(1);
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    std::string_view name = pair.substr(0, equals);
    while (!name.empty() && is_blank(name.back())) name.remove_suffix(1);
    use(pair, name,
        equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1));
  }
}

}  // namespace

void gh_collect_cookies(const char* line, size_t size, const gh_connection_memo* memo,
                        gh_credentials* credentials) {
  const auto add_token = [credentials](std::string_view token) {
    if (credentials->token_count == GH_MAX_TOKENS) return false;
    credentials->tokens[credentials->token_count++] = {token.data(), token.size()};
    return true;
  };
  for_each_cookie(
      {line, size}, memo,
      [&](auto, std::string_view name, std::string_view value) {
        ++(is_ours(name) ? credentials->own_cookies : credentials->foreign_cookies);
        if (name == kAuthorization && !value.empty()) add_token(value);
        if (name == kBinding && credentials->binding.size == 0) {
          credentials->binding = {value.data(), value.size()};
        }
      },
      [&](std::string_view token) {
        ++credentials->own_cookies;
        if (!add_token(token)) return;
        credentials->digested = static_cast<unsigned>(credentials->token_count);
        std::copy_n(memo->digest, 2, credentials->digest);
      });
}

int gh_strip_cookies(const char* line, size_t size, char* out, size_t* left) {
  bool found = false;
  size_t written = 0;
  const auto keep = [&](std::string_view pair, std::string_view name, auto) {
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
  };
  for_each_cookie({line, size}, nullptr, keep, [](auto) {});
  *left = written;
  return found ? 1 : 0;
}
