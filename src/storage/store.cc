#include "storage/store.h"

#include <fmt/format.h>

#include <algorithm>

#include "storage/soci/sqlite_store.h"

namespace gatehouse::storage {

Result<std::unique_ptr<Store>> open_store(const std::string& url) {
  constexpr std::string_view kSqlite = "sqlite://";
  // Such a URL may hold a password, so it is not repeated.
  if (url.starts_with("postgresql:") || url.starts_with("postgres:"))
    return std::unexpected(
        StoreError{"cannot open store: postgresql comes with a later version; "
                   "this one knows sqlite:///absolute/path"});
  if (!url.starts_with(kSqlite))
    return std::unexpected(
        StoreError{"cannot open store: the URL must be sqlite:///absolute/path"});
  const std::string path = url.substr(kSqlite.size());
  const auto is_odd = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"'; };
  if (!path.starts_with('/') || path.ends_with('/') || std::ranges::any_of(path, is_odd))
    return std::unexpected(StoreError{
        fmt::format("cannot open store `{}`: the URL must be sqlite:///absolute/path", url)});
  return open_sqlite_store(url, path);
}

}  // namespace gatehouse::storage
