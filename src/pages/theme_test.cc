#include "pages/theme.h"

#include <gtest/gtest.h>

#include <string>

namespace gatehouse::pages {
namespace {

model::Color property(std::string_view css, std::string_view name) {
  const auto at = css.find(std::string(name) + ":");
  return model::parse_color(css.substr(at + name.size() + 1, 7)).value();
}
bool has(std::string_view css, std::string_view text) {
  return css.find(text) != std::string_view::npos;
}

TEST(Contrast, IsThatOfWcag) {
  EXPECT_NEAR(contrast({0, 0, 0}, {255, 255, 255}), 21, 0.01);
  EXPECT_NEAR(contrast({255, 255, 255}, {0x77, 0x77, 0x77}), 4.48, 0.01);
  EXPECT_NEAR(contrast({10, 20, 30}, {10, 20, 30}), 1, 0.001);
}

TEST(Theme, IsReadableWhateverTheColours) {
  for (const std::string_view background :
       {"#000", "#ffffff", "#c5ed1b", "#777777", "#f60", "#0b655f", "#808080", "#3366cc"})
    for (const std::string_view text : {"", "#fff", "#000000", "#777777", "#c5ed1b", "nonsense"}) {
      model::LoginDesign design;
      design.background_color = background;
      design.text_color = text;
      const auto css = theme_stylesheet(design);
      const auto dark = css.find("@media (prefers-color-scheme:dark)");
      ASSERT_NE(dark, std::string::npos);
      for (const std::string_view part :
           {std::string_view(css).substr(0, dark), std::string_view(css).substr(dark)}) {
        SCOPED_TRACE(part);
        EXPECT_GE(contrast(property(part, "--page"), property(part, "--on-page")), 4.5);
        if (has(part, "--brand:")) {
          EXPECT_GE(contrast(property(part, "--brand"), property(part, "--on-brand")), 4.5);
        }
      }
    }
}

TEST(Theme, KeepsAReadableTextColourAndLeavesButtonsAloneThatWouldVanish) {
  model::LoginDesign design;
  design.background_color = "#1a237e";
  design.text_color = "#ffe082";
  EXPECT_EQ(theme_stylesheet(design),
            "@media "
            "(prefers-color-scheme:light){:root{--page:#1a237e;--on-page:#ffe082;--brand:#1a237e;--"
            "brand-strong:#1a237e;"
            "--on-brand:#ffe082}}\n@media (prefers-color-scheme:dark){:root{--page:#06081f;"
            "--on-page:#ffe082}}\n");
  design.background_color = "#fefefe";
  EXPECT_TRUE(has(theme_stylesheet(design), ":root{--page:#fefefe;--on-page:#000000}}\n"));
}

TEST(Theme, IsEmptyWithoutAColourAndItsVersionFollowsTheContent) {
  model::LoginDesign design;
  design.text_color = "#fff";
  EXPECT_EQ(theme_stylesheet(design), "");
  EXPECT_EQ(theme_version(design), "");
  design.background_color = "red;}body{display:none";
  EXPECT_EQ(theme_stylesheet(design), "");
  design.background_color = "#123456";
  const auto version = theme_version(design);
  EXPECT_EQ(version.size(), 12U);
  design.background_color = "#123457";
  EXPECT_NE(theme_version(design), version);
}

TEST(ImageSource, IsTheAddressWithoutItsQuery) {
  EXPECT_EQ(image_source("https://cdn.example/a/logo.png?v=1"), "https://cdn.example/a/logo.png");
  for (const std::string_view none :
       {"data:image/png;base64,AA==", "https://a.example/;script-src *", "http://a.example/x", ""})
    EXPECT_EQ(image_source(none), "");
}

}  // namespace
}  // namespace gatehouse::pages
