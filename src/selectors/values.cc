#include "selectors/values.h"

#include <fmt/format.h>

namespace gatehouse::selectors {

std::string describe_values(std::string_view subject, std::string_view plural,
                            decision::Combine combine, const std::vector<std::string>& values) {
  if (values.size() == 1) return fmt::format("{} is `{}`", subject, values.front());
  return fmt::format("{} is {} of {} {}", subject,
                     combine == decision::Combine::Any ? "one" : "each", values.size(), plural);
}

OneOf::OneOf(std::string_view subject, std::string_view plural, decision::Combine combine,
             std::vector<std::string> values)
    : description_(describe_values(subject, plural, combine, values)),
      values_(std::make_move_iterator(values.begin()), std::make_move_iterator(values.end())),
      satisfiable_(combine == decision::Combine::Any || values_.size() == 1) {}

}  // namespace gatehouse::selectors
