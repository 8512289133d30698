// The schema's history, built into the program from storage/migrations/NNNN_name.sql.
#pragma once

#include <soci/soci.h>

#include <expected>
#include <span>
#include <string>
#include <string_view>

#include "storage/soci/engine.h"

namespace gatehouse::storage {

struct Migration {
  int version;           // NNNN, from 1 without gaps
  std::string_view sql;  // statements, each ending with `;` at the end of a line
};

[[nodiscard]] std::span<const Migration> migrations();  // in order
[[nodiscard]] int newest_schema();

// 0 for an empty database. Another program's database and a newer schema are errors, in words.
// Changes nothing. Throws what SOCI throws.
[[nodiscard]] std::expected<int, std::string> schema_version(soci::session& sql,
                                                             const Engine& engine);
// Runs what is missing, inside the transaction that the caller has begun.
[[nodiscard]] std::expected<void, std::string> migrate(soci::session& sql, const Engine& engine);

}  // namespace gatehouse::storage
