// Which of the known words was probably meant: for messages about unknown ones. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace gatehouse::policy {

// The closest candidate within a third of the word's length (at least two) edits.
[[nodiscard]] std::optional<std::string_view> nearest(std::string_view word,
                                                      std::span<const std::string_view> candidates);

// "; did you mean `email`?", else "; known: email, email_domain", else nothing.
[[nodiscard]] std::string suggestion(std::string_view word,
                                     std::span<const std::string_view> candidates);

}  // namespace gatehouse::policy
