// The schema's history, built into the program from storage/migrations/NNNN_name.sql.
#pragma once

#include <span>
#include <string_view>

namespace gatehouse::storage {

struct Migration {
  int version;           // NNNN, from 1 without gaps
  std::string_view sql;  // statements, each ending with `;` at the end of a line
};

[[nodiscard]] std::span<const Migration> migrations();  // in order

}  // namespace gatehouse::storage
