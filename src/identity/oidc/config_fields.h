// Reads the fields of a login method's `config`, and keeps what is wrong with which. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "identity/provider.h"

namespace gatehouse::identity {

class ConfigFields {
 public:
  // Borrows `config`.
  explicit ConfigFields(const json::object& config) : config_(config) {}

  void problem(std::string_view field, std::string message);
  [[nodiscard]] bool has(std::string_view field) const;
  // Absent, or with a problem: empty, or what the caller takes otherwise.
  std::string text(std::string_view field);  // printable ASCII without spaces
  std::string required_text(std::string_view field, std::string_view what);
  bool flag(std::string_view field, bool otherwise);
  std::vector<std::string> texts(std::string_view field);
  // Without query and without slashes at its end.
  std::string base_url(std::string_view field, std::string_view otherwise);
  std::string required_base_url(std::string_view field, std::string_view what);
  // A field that is not in `known`, `client_secret` apart, is a problem.
  void only(std::initializer_list<std::string_view> known, std::string_view type);

  [[nodiscard]] const std::vector<FieldProblem>& problems() const { return problems_; }
  // The first of them, as ProviderMisbehaved `configuration_invalid`; there must be one.
  [[nodiscard]] IdentityError first_problem() const;

 private:
  const json::object& config_;
  std::vector<FieldProblem> problems_;
};

}  // namespace gatehouse::identity
