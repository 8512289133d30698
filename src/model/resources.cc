#include "model/resources.h"

#include <array>
#include <utility>

namespace gatehouse::model {
namespace {

constexpr std::array<std::pair<Action, std::string_view>, 4> kActionNames{{
    {Action::Allow, "allow"},
    {Action::Block, "deny"},
    {Action::Bypass, "bypass"},
    {Action::ServiceAuth, "non_identity"},
}};

}  // namespace

std::string_view to_string(Action action) {
  for (const auto& [value, name] : kActionNames)
    if (value == action) return name;
  return "deny";
}

std::optional<Action> parse_action(std::string_view text) {
  for (const auto& [value, name] : kActionNames)
    if (name == text) return value;
  return std::nullopt;
}

}  // namespace gatehouse::model
