// The table of all operations, and finding the one that a request asks for. Immutable, thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/admin_api/call.h"

namespace gatehouse::adapters::admin_api {

enum class Prefix : std::uint8_t { Account, Zone };

class OperationTable {
 public:
  OperationTable();

  struct Match {
    std::vector<const Operation*> methods;  // of the path, one each; empty: no such path
    std::vector<std::string> arguments;     // decoded
    // Of that method; HEAD is a GET. nullptr: the path has others.
    [[nodiscard]] const Operation* method(std::string_view name) const;
    // For `Allow`: `GET, HEAD, OPTIONS, POST`.
    [[nodiscard]] std::string allowed() const;
  };
  // `path`: below the account or zone, not decoded, without a slash before it. A word of a pattern
  // wins over what stands for any word.
  [[nodiscard]] Match find(std::string_view path, Prefix prefix) const;

  [[nodiscard]] const std::vector<Operation>& operations() const { return operations_; }

 private:
  std::vector<Operation> operations_;
  std::vector<std::vector<std::string_view>> patterns_;  // the words of each; borrows
};

// Why a path of the original is not part of the gateway; nullopt: it is none of those.
[[nodiscard]] std::optional<std::string_view> why_not_served(std::string_view path);

}  // namespace gatehouse::adapters::admin_api
