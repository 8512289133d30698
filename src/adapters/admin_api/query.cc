#include "adapters/admin_api/query.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string>

namespace gatehouse::adapters::admin_api {

net::HttpResponse invalid_query(std::string_view name, std::string_view message) {
  return invalid("", fmt::format("query parameter `{}` {}", name, message));
}

Asked<Instant> instant_of(const Call& call, std::string_view name) {
  const auto text = call.query(name);
  if (!text || text->empty()) return std::nullopt;
  const auto instant = parse_rfc3339(*text);
  if (!instant)
    return std::unexpected(invalid_query(name, "must be a time such as `2030-01-31T08:00:00Z`"));
  return *instant;
}

Asked<bool> flag_of(const Call& call, std::string_view name) {
  const auto text = call.query(name);
  if (!text || text->empty()) return std::nullopt;
  if (*text != "true" && *text != "false")
    return std::unexpected(invalid_query(name, "must be `true` or `false`"));
  return *text == "true";
}

Asked<std::string> word_of(const Call& call, std::string_view name,
                           std::initializer_list<std::string_view> words) {
  auto text = call.query(name);
  if (!text || text->empty()) return std::nullopt;
  if (std::ranges::find(words, *text) == words.end())
    return std::unexpected(
        invalid_query(name, fmt::format("must be one of {}", fmt::join(words, ", "))));
  return std::move(*text);
}

Asked<std::size_t> count_of(const Call& call, std::string_view name, std::size_t most) {
  const auto text = call.query(name);
  if (!text || text->empty()) return std::nullopt;
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end != text->data() + text->size() || number > most)
    return std::unexpected(invalid_query(name, fmt::format("must be a number from 1 to {}", most)));
  if (number == 0) return std::nullopt;
  return number;
}

}  // namespace gatehouse::adapters::admin_api
