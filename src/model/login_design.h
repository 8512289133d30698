// How the organization's pages look: `login_design` of the Access API. Pure, plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"

namespace gatehouse::model {

struct LoginDesign {
  std::string background_color;  // `#rgb` or `#rrggbb`; empty: ours
  std::string text_color;
  std::string logo_path;  // is_image_address(); empty: none
  std::string header_text;
  std::string footer_text;
};
// What the members of such an object say; what is absent or not text is empty.
[[nodiscard]] LoginDesign login_design_from_json(const json::object& document);

struct Color {
  std::uint8_t red = 0;
  std::uint8_t green = 0;
  std::uint8_t blue = 0;
};
// `#rgb` or `#rrggbb`.
[[nodiscard]] std::optional<Color> parse_color(std::string_view text);

inline constexpr std::size_t kMaxImageAddressBytes = 16 * 1024;
// An image that pages may show: a plain https address, or `data:image/...;base64,` of png, jpeg,
// gif, webp or svg+xml.
[[nodiscard]] bool is_image_address(std::string_view text);

}  // namespace gatehouse::model
