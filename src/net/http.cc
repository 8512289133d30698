#include "net/http.h"

#include "base/encoding.h"

namespace gatehouse::net {
namespace {

std::optional<std::string> single_parameter(std::string_view text, std::string_view name) {
  const auto parameters = parse_form(text);
  if (!parameters) return std::nullopt;
  std::optional<std::string> found;
  for (const auto& [key, value] : *parameters) {
    if (key != name) continue;
    if (found) return std::nullopt;
    found = value;
  }
  return found;
}

// Calls `visit` with each piece of `text` between separators.
template <typename Visit>
void for_each_piece(std::string_view text, char separator, Visit visit) {
  while (true) {
    const auto end = text.find(separator);
    visit(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

std::optional<std::string_view> HttpRequest::header(std::string_view name) const {
  std::optional<std::string_view> found;
  for (const auto& [key, value] : headers) {
    if (!ascii_iequals(key, name)) continue;
    if (found) return std::nullopt;
    found = value;
  }
  return found;
}

std::size_t HttpRequest::count(std::string_view name) const {
  std::size_t found = 0;
  for (const auto& [key, value] : headers) found += ascii_iequals(key, name) ? 1 : 0;
  return found;
}

std::optional<std::string> HttpRequest::cookie(std::string_view name) const {
  std::optional<std::string> found;
  for (const auto& [key, line] : headers) {
    if (found || !ascii_iequals(key, "Cookie")) continue;
    for_each_piece(line, ';', [&](std::string_view pair) {
      const auto text = trim(pair);
      const auto equals = text.find('=');
      if (!found && equals != std::string_view::npos && text.substr(0, equals) == name)
        found = std::string(text.substr(equals + 1));
    });
  }
  return found;
}

std::optional<std::string> HttpRequest::query_parameter(std::string_view name) const {
  return single_parameter(query, name);
}

std::optional<std::string> HttpRequest::form_parameter(std::string_view name) const {
  return single_parameter(body, name);
}

std::optional<std::vector<std::pair<std::string, std::string>>> parse_form(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> parameters;
  bool broken = false;
  for_each_piece(text, '&', [&](std::string_view piece) {
    if (piece.empty() || broken) return;
    const auto equals = piece.find('=');
    auto name = form_decode(piece.substr(0, equals));
    auto value = form_decode(equals == std::string_view::npos ? "" : piece.substr(equals + 1));
    if (name && value) {
      parameters.emplace_back(std::move(*name), std::move(*value));
    } else {
      broken = true;
    }
  });
  if (broken) return std::nullopt;
  return parameters;
}

}  // namespace gatehouse::net
