// Credentials of the administration API: opaque bearer tokens, shown once, stored as hashes.
#pragma once

#include <chrono>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/context.h"
#include "storage/store.h"

namespace gatehouse::controlplane {

// `gh_` and 40 letters or digits and a checksum of 8, so that scanners recognise a leaked one: the
// first 8 hex digits of the SHA-256 of what stands before it.
inline constexpr std::string_view kApiTokenPrefix = "gh_";
inline constexpr std::size_t kMaxApiTokenName = 100;  // bytes

struct NewApiToken {
  std::string name;
  storage::Role role = storage::Role::ReadOnly;
  std::vector<std::string> scopes;
  std::optional<Instant> expires_at;
};
enum class ApiTokenError : std::uint8_t {
  NameMissing,
  NameTaken,
  BadScope,
  BadExpiry,
  StoreUnavailable
};
[[nodiscard]] std::string_view to_string(ApiTokenError error);  // for the administrator

struct IssuedApiToken {
  storage::ApiToken token;
  std::string secret;  // the only time it is known
};
// What every token may read, whatever its role and scopes: whose it is.
inline constexpr std::string_view kOpenFamily = "gatehouse/me";
// The families that scopes may name (adapters/admin_api): `access/apps`, ...
[[nodiscard]] std::span<const std::string_view> api_families();

[[nodiscard]] std::expected<IssuedApiToken, ApiTokenError> issue_api_token(
    storage::Store& store, const NewApiToken& wanted, const std::string& by, Instant now);
// Whose token this is; nullopt: nobody's, or it has expired. `last_used_at` is kept by the minute.
[[nodiscard]] storage::Result<std::optional<storage::ApiToken>> find_api_token(
    storage::Store& store, std::string_view secret, Instant now);
// Whether the form and the checksum are those of a token: says nothing about whether it exists.
[[nodiscard]] bool is_api_token_form(std::string_view secret);
// Whether the role and the scopes let it. An unknown family is nobody's.
[[nodiscard]] bool may(const storage::ApiToken& token, std::string_view family, bool write);

// Whether `by` may issue it: it must not be able to do more than `by`, nor for longer.
[[nodiscard]] bool may_issue(const storage::ApiToken& by, const NewApiToken& wanted);

// 32 hex, of this installation; made when first asked for.
[[nodiscard]] storage::Result<std::string> account_id(storage::Store& store);

}  // namespace gatehouse::controlplane
