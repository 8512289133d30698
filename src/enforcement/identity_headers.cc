#include "enforcement/identity_headers.h"

#include <algorithm>
#include <array>

namespace gatehouse::enforcement {
namespace {

constexpr std::size_t kLongestName = 64;  // longer names can only match by prefix

constexpr std::array<std::string_view, 11> kPrefixes = {
    "cf-access-",   "gatehouse-",    "remote-user",     "remote-email",
    "remote-group", "remote-name",   "x-auth-request-", "x-authenticated-",
    "x-client-",    "x-ssl-client-", "client-cert",
};

constexpr std::array<std::string_view, 18> kNames = {
    "x-forwarded-user",   "x-forwarded-email",
    "x-forwarded-groups", "x-forwarded-preferred-username",
    "x-remote-user",      "x-remote-email",
    "x-remote-groups",    "x-webauth-user",
    "x-device-posture",   "x-posture",
    "x-original-url",     "x-original-uri",
    "x-original-method",  "x-rewrite-url",
    "x-forwarded-uri",    "x-forwarded-prefix",
    "x-forwarded-method", "proxy",
};

// Set by nginx; a client's own spelling must not stand beside it.
constexpr std::array<std::string_view, 6> kOfNginx = {
    "x-forwarded-for",  "x-forwarded-host", "x-forwarded-proto",
    "x-forwarded-port", "x-real-ip",        "cf-connecting-ip",
};

}  // namespace

gh_header_kind classify_header(std::string_view name) {
  if (gh_is_plainly_foreign(name.data(), name.size())) return GH_HEADER_FOREIGN;
  std::array<char, kLongestName> normal{};
  const std::size_t size = std::min(name.size(), kLongestName);
  bool plain = true;
  for (std::size_t i = 0; i < size; ++i) {
    const char character = name[i];
    const bool alphanumeric =
        (character >= 'a' && character <= 'z') || (character >= '0' && character <= '9');
    normal[i] = alphanumeric ? character : '-';
    plain = plain && (alphanumeric || character == '-');
  }
  const std::string_view spelled(normal.data(), size);
  const bool whole = name.size() <= kLongestName;
  if (whole && plain) {
    if (spelled == "cf-access-token") return GH_HEADER_ACCESS_TOKEN;
    if (spelled == "cf-access-client-id") return GH_HEADER_CLIENT_ID;
    if (spelled == "cf-access-client-secret") return GH_HEADER_CLIENT_SECRET;
  }
  const auto begins = [&](std::string_view prefix) { return spelled.starts_with(prefix); };
  if (std::ranges::any_of(kPrefixes, begins)) return GH_HEADER_IDENTITY;
  if (!whole) return GH_HEADER_FOREIGN;
  if (std::ranges::find(kNames, spelled) != kNames.end()) return GH_HEADER_IDENTITY;
  // `cf-connecting-ip` is set by nobody here, so every spelling goes.
  if (spelled == "cf-connecting-ip" ||
      (!plain && std::ranges::find(kOfNginx, spelled) != kOfNginx.end())) {
    return GH_HEADER_IDENTITY;
  }
  return GH_HEADER_FOREIGN;
}

}  // namespace gatehouse::enforcement

gh_header_kind gh_classify_header(const char* name, size_t size) {
  return gatehouse::enforcement::classify_header({name, size});
}
