// The store over one SQLite file (SOCI). One connection writes, a few read; WAL, synchronous=FULL.
#pragma once

#include <memory>
#include <string>

#include "storage/store.h"

namespace gatehouse::storage {

// `path` is absolute; `url` is what error messages name.
[[nodiscard]] Result<std::unique_ptr<Store>> open_sqlite_store(const std::string& url,
                                                               const std::string& path);

}  // namespace gatehouse::storage
