#include "selectors/values.h"

#include <fmt/format.h>

namespace gatehouse::selectors {

using decision::SelectorError;

SelectorError ValueReader::error(std::string_view field, std::string_view message) const {
  return {index_, std::string(field), std::string(message)};
}

std::expected<void, SelectorError> ValueReader::only(
    std::initializer_list<std::string_view> fields) const {
  for (const auto& member : value_) {
    const std::string_view key = member.key();
    if (std::ranges::find(fields, key) == fields.end())
      return std::unexpected(
          error(key, fields.size() == 0 ? "is not a field of this selector, which is written `{}`"
                                        : "is not a field of this selector"));
  }
  return {};
}

std::expected<std::string, SelectorError> ValueReader::text(std::string_view field,
                                                            std::string_view expected) const {
  const auto found = json::find_string(value_, field);
  if (!found || found->empty()) return std::unexpected(error(field, expected));
  return std::string(*found);
}

std::expected<std::optional<std::string>, SelectorError> ValueReader::optional_text(
    std::string_view field, std::string_view expected) const {
  if (json::find(value_, field) == nullptr) return std::nullopt;
  auto found = text(field, expected);
  if (!found) return std::unexpected(std::move(found).error());
  return std::optional(*std::move(found));
}

std::expected<std::string, SelectorError> ValueReader::identity_provider(
    const decision::CompileContext& context) const {
  constexpr std::string_view kField = "identity_provider_id";
  constexpr std::string_view kExpected = "must be the id or name of an identity provider";
  const auto name = json::find_string(value_, kField);
  auto id = name ? context.find_login_method(*name) : std::nullopt;
  if (!id) return std::unexpected(error(kField, kExpected));
  return *std::move(id);
}

std::string observed_email(const model::Identity& identity) {
  return identity.email.empty() ? "no address" : identity.email;
}

std::string observed_list(const std::vector<std::string>& values, std::string_view none) {
  return values.empty() ? std::string(none) : fmt::format("{}", fmt::join(values, ", "));
}

std::string observed_count(std::size_t count, std::string_view singular) {
  return fmt::format("{} {}{}", count, singular, count == 1 ? "" : "s");
}

std::string describe_values(std::string_view subject, std::string_view plural,
                            decision::Combine combine, const std::vector<std::string>& values) {
  if (values.size() == 1) return fmt::format("{} is `{}`", subject, values.front());
  return fmt::format("{} is {} of {} {}", subject,
                     combine == decision::Combine::Any ? "one" : "each", values.size(), plural);
}

OneOf::OneOf(std::string_view subject, std::string_view plural, decision::Combine combine,
             std::vector<std::string> values)
    : description_(describe_values(subject, plural, combine, values)) {
  constexpr std::size_t kFew = 4;
  std::ranges::sort(values);
  values.erase(std::ranges::unique(values).begin(), values.end());
  satisfiable_ = combine == decision::Combine::Any || values.size() == 1;
  if (values.size() <= kFew) {
    few_ = std::move(values);
  } else {
    many_.insert(std::make_move_iterator(values.begin()), std::make_move_iterator(values.end()));
  }
}

}  // namespace gatehouse::selectors
