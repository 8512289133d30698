#include "controlplane/api_token.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/encoding.h"
#include "controlplane/bearer_secret.h"
#include "crypto/digest.h"
#include "platform/random.h"

namespace gatehouse::controlplane {
namespace {

using storage::Role;

constexpr std::chrono::seconds kTouchInterval{60};
constexpr std::string_view kAccountIdValue = "account_id";

constexpr std::array<std::string_view, 29> kFamilies{"access/apps",
                                                     "access/bookmarks",
                                                     "access/certificates",
                                                     "access/custom_pages",
                                                     "access/groups",
                                                     "access/identity_providers",
                                                     "access/keys",
                                                     "access/logs",
                                                     "access/organizations",
                                                     "access/policies",
                                                     "access/policy-tests",
                                                     "access/service_tokens",
                                                     "access/tags",
                                                     "access/users",
                                                     "devices/posture",
                                                     "gatehouse/api_tokens",
                                                     "gatehouse/audit",
                                                     "gatehouse/decisions",
                                                     "gatehouse/devices",
                                                     "gatehouse/explain",
                                                     "gatehouse/health",
                                                     "gatehouse/ingress",
                                                     kOpenFamily,
                                                     "gatehouse/revocations",
                                                     "gatehouse/sessions",
                                                     "gatehouse/statistics",
                                                     "gatehouse/store",
                                                     "gatehouse/tests",
                                                     "gateway/lists"};
constexpr std::array<std::string_view, 8> kHelpDeskReads{
    "access/logs",       "access/users",          "gatehouse/decisions", "gatehouse/devices",
    "gatehouse/explain", "gatehouse/revocations", "gatehouse/sessions",  "gatehouse/statistics"};
constexpr std::array<std::string_view, 2> kHelpDeskWrites{"gatehouse/revocations",
                                                          "gatehouse/sessions"};

bool contains(const auto& families, std::string_view family) {
  return std::ranges::find(families, family) != families.end();
}

bool role_may(Role role, std::string_view family, bool write) {
  switch (role) {
    case Role::Administrator:
      return true;
    case Role::ReadOnly:
      return !write;
    case Role::HelpDesk:
      return write ? contains(kHelpDeskWrites, family) : contains(kHelpDeskReads, family);
  }
  return false;
}

bool may(Role role, const std::vector<std::string>& scopes, std::string_view family, bool write) {
  if (family == kOpenFamily) return !write;
  return contains(kFamilies, family) && (scopes.empty() || contains(scopes, family)) &&
         role_may(role, family, write);
}

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxApiTokenName && is_valid_utf8(name) &&
         trim(name) == name && std::ranges::none_of(name, [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
         });
}

}  // namespace

std::string_view to_string(ApiTokenError error) {
  switch (error) {
    case ApiTokenError::NameMissing:
      return "`name` must be 1 to 100 bytes of printable text without white space around it";
    case ApiTokenError::NameTaken:
      return "another token has this `name`";
    case ApiTokenError::BadScope:
      return "`scopes` must name families of the API such as `access/apps`, each once";
    case ApiTokenError::BadExpiry:
      return "`expires_at` must lie in the future";
    case ApiTokenError::StoreUnavailable:
      return "the store is not available";
  }
  return "unknown";
}

std::span<const std::string_view> api_families() { return kFamilies; }

std::expected<IssuedApiToken, ApiTokenError> issue_api_token(storage::Store& store,
                                                             const NewApiToken& wanted,
                                                             const std::string& by, Instant now) {
  if (!is_name(wanted.name)) return std::unexpected(ApiTokenError::NameMissing);
  for (const auto& scope : wanted.scopes)
    if (!contains(kFamilies, scope) || std::ranges::count(wanted.scopes, scope) > 1)
      return std::unexpected(ApiTokenError::BadScope);
  if (wanted.expires_at && *wanted.expires_at <= now)
    return std::unexpected(ApiTokenError::BadExpiry);
  IssuedApiToken issued;
  issued.secret = make_bearer_secret(kApiTokenPrefix);
  issued.token = {.id = random_hex(16),
                  .name = wanted.name,
                  .secret_hash = hex_encode(crypto::sha256(issued.secret)),
                  .role = wanted.role,
                  .scopes = wanted.scopes,
                  .created_by = by,
                  .created_at = now,
                  .expires_at = wanted.expires_at,
                  .last_used_at = std::nullopt};
  const auto added = store.add_api_token(issued.token);
  if (!added) {
    spdlog::error("store_failed message=\"{}\"", added.error().message);
    return std::unexpected(ApiTokenError::StoreUnavailable);
  }
  if (!*added) return std::unexpected(ApiTokenError::NameTaken);
  return issued;
}

bool is_api_token_form(std::string_view secret) { return has_bearer_form(secret, kApiTokenPrefix); }

storage::Result<std::optional<storage::ApiToken>> find_api_token(storage::Store& store,
                                                                 std::string_view secret,
                                                                 Instant now) {
  // What cannot be one costs no look-up.
  if (!is_api_token_form(secret)) return std::nullopt;
  auto found = store.find_api_token(hex_encode(crypto::sha256(secret)));
  if (!found || !*found) return found;
  auto& token = **found;
  if (token.expires_at && now >= *token.expires_at) return std::nullopt;
  if (!token.last_used_at || now - *token.last_used_at >= kTouchInterval) {
    // When it cannot be noted, the token is good all the same.
    if (const auto touched = store.touch_api_token(token.id, now); !touched)
      spdlog::error("store_failed message=\"{}\"", touched.error().message);
    else
      token.last_used_at = now;
  }
  return found;
}

bool may(const storage::ApiToken& token, std::string_view family, bool write) {
  return may(token.role, token.scopes, family, write);
}

bool may_issue(const storage::ApiToken& by, const NewApiToken& wanted) {
  if (by.expires_at && (!wanted.expires_at || *wanted.expires_at > *by.expires_at)) return false;
  return std::ranges::all_of(kFamilies, [&](std::string_view family) {
    return std::ranges::all_of(std::array{false, true}, [&](bool write) {
      return !may(wanted.role, wanted.scopes, family, write) || may(by, family, write);
    });
  });
}

storage::Result<std::string> account_id(storage::Store& store) {
  auto found = store.find_value(kAccountIdValue);
  if (!found) return std::unexpected(found.error());
  if (*found) return std::move(**found);
  return store.put_value_once(kAccountIdValue, random_hex(16));
}

}  // namespace gatehouse::controlplane
