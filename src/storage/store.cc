#include "storage/store.h"

#include <fmt/format.h>

#include <algorithm>

#include "storage/soci/soci_store.h"

namespace gatehouse::storage {
namespace {

constexpr std::string_view kSqlite = "sqlite://";
constexpr std::string_view kForms =
    "sqlite:///absolute/path or postgresql://user@host:port/database";

std::expected<std::unique_ptr<Engine>, StoreError> engine_of(const std::string& url) {
  // Such a URL may hold a password, so it is not repeated.
  if (url.starts_with("postgresql://") || url.starts_with("postgres://")) {
    auto engine = postgresql_engine(url);
    if (!engine) return std::unexpected(StoreError{"cannot open store: " + engine.error()});
    return std::move(*engine);
  }
  if (!url.starts_with(kSqlite))
    return std::unexpected(
        StoreError{fmt::format("cannot open store: the URL must be {}", kForms)});
  const std::string path = url.substr(kSqlite.size());
  const auto is_odd = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"'; };
  if (!path.starts_with('/') || path.ends_with('/') || std::ranges::any_of(path, is_odd))
    return std::unexpected(StoreError{
        fmt::format("cannot open store `{}`: the URL must be sqlite:///absolute/path", url)});
  return sqlite_engine(url, path);
}

}  // namespace

std::string_view to_string(Role role) {
  switch (role) {
    case Role::Administrator:
      return "administrator";
    case Role::ReadOnly:
      return "read_only";
    case Role::HelpDesk:
      return "help_desk";
  }
  return "";
}

std::optional<Role> parse_role(std::string_view text) {
  for (const Role role : {Role::Administrator, Role::ReadOnly, Role::HelpDesk})
    if (to_string(role) == text) return role;
  return std::nullopt;
}

Result<std::unique_ptr<Store>> open_store(const std::string& url) {
  auto engine = engine_of(url);
  if (!engine) return std::unexpected(engine.error());
  auto store = std::make_unique<SociStore>(std::move(*engine));
  if (const auto opened = store->open(); !opened) return std::unexpected(opened.error());
  return store;
}

}  // namespace gatehouse::storage
