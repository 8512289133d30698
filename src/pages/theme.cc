#include "pages/theme.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/encoding.h"
#include "crypto/digest.h"

namespace gatehouse::pages {
namespace {

using model::Color;

constexpr double kTextContrast = 4.5;
constexpr double kButtonContrast = 3;  // against the card: WCAG 2.2 1.4.11
constexpr Color kWhite{255, 255, 255};
constexpr Color kBlack{0, 0, 0};
// --card of gatehouse.css
constexpr Color kLightCard{255, 255, 255};
constexpr Color kDarkCard{0x18, 0x21, 0x21};

double linear(std::uint8_t channel) {
  const double value = channel / 255.0;
  return value <= 0.04045 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4);
}
double luminance(Color color) {
  return 0.2126 * linear(color.red) + 0.7152 * linear(color.green) + 0.0722 * linear(color.blue);
}

Color readable_on(Color background, std::optional<Color> wanted) {
  if (wanted && contrast(background, *wanted) >= kTextContrast) return *wanted;
  return contrast(background, kWhite) >= contrast(background, kBlack) ? kWhite : kBlack;
}

Color darkened(Color color) {
  const auto quarter = [](std::uint8_t c) { return static_cast<std::uint8_t>(c / 4); };
  return {quarter(color.red), quarter(color.green), quarter(color.blue)};
}

std::string hex(Color color) {
  return fmt::format("#{:02x}{:02x}{:02x}", color.red, color.green, color.blue);
}

std::string rules(Color brand, Color page, Color card, std::optional<Color> text) {
  std::string css =
      fmt::format(":root{{--page:{};--on-page:{}", hex(page), hex(readable_on(page, text)));
  if (contrast(brand, card) >= kButtonContrast)
    css += fmt::format(";--brand:{0};--brand-strong:{0};--on-brand:{1}", hex(brand),
                       hex(readable_on(brand, text)));
  return css + "}";
}

}  // namespace

double contrast(Color a, Color b) {
  const double first = luminance(a) + 0.05;
  const double second = luminance(b) + 0.05;
  return std::max(first, second) / std::min(first, second);
}

std::string theme_stylesheet(const model::LoginDesign& design) {
  const auto brand = model::parse_color(design.background_color);
  const auto text = model::parse_color(design.text_color);
  if (!brand) return {};
  // Apart from each other: a brand colour that is left out in one must be ours there.
  return "@media (prefers-color-scheme:light){" + rules(*brand, *brand, kLightCard, text) +
         "}\n@media (prefers-color-scheme:dark){" +
         rules(*brand, darkened(*brand), kDarkCard, text) + "}\n";
}

std::string theme_version(const model::LoginDesign& design) {
  const std::string css = theme_stylesheet(design);
  return css.empty() ? css : hex_encode(crypto::sha256(css)).substr(0, 12);
}

std::string image_source(std::string_view address) {
  if (!address.starts_with("https://") || !model::is_image_address(address)) return {};
  return std::string(address.substr(0, address.find_first_of("?#")));
}

}  // namespace gatehouse::pages
