#include "model/login_design.h"

#include <algorithm>
#include <array>

namespace gatehouse::model {
namespace {

std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

constexpr std::array kImageData{std::to_array<std::string_view>(
    {"data:image/png;base64,", "data:image/jpeg;base64,", "data:image/gif;base64,",
     "data:image/webp;base64,", "data:image/svg+xml;base64,"})};

}  // namespace

LoginDesign login_design_from_json(const json::object& document) {
  const auto text = [&](std::string_view key) {
    return std::string(json::find_string(document, key).value_or(""));
  };
  return {text("background_color"), text("text_color"), text("logo_path"), text("header_text"),
          text("footer_text")};
}

std::optional<Color> parse_color(std::string_view text) {
  if (!text.starts_with('#') || (text.size() != 4 && text.size() != 7)) return std::nullopt;
  text.remove_prefix(1);
  const std::size_t width = text.size() / 3;
  std::array<std::uint8_t, 3> parts{};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto high = hex_digit(text[i * width]);
    const auto low = hex_digit(text[i * width + width - 1]);
    if (!high || !low) return std::nullopt;
    parts[i] = static_cast<std::uint8_t>(*high * 16 + *low);
  }
  return Color{parts[0], parts[1], parts[2]};
}

bool is_image_address(std::string_view text) {
  if (text.size() > kMaxImageAddressBytes) return false;
  for (const auto prefix : kImageData) {
    if (!text.starts_with(prefix) || text.size() == prefix.size()) continue;
    return std::ranges::all_of(text.substr(prefix.size()), [](char c) {
      return is_alphanumeric(c) || c == '+' || c == '/' || c == '=';
    });
  }
  constexpr std::string_view kScheme = "https://";
  if (!text.starts_with(kScheme)) return false;
  const auto rest = text.substr(kScheme.size());
  const auto host = rest.substr(0, rest.find_first_of("/?#"));
  return !host.empty() && std::ranges::all_of(host, [](char c) {
    return is_alphanumeric(c) || c == '-' || c == '.' || c == ':';
  }) && std::ranges::all_of(rest, [](char c) {
    return c > 0x20 && c < 0x7f && std::string_view("\"'<>\\`;,").find(c) == std::string_view::npos;
  });
}

}  // namespace gatehouse::model
