#include "model/login_design.h"

#include <gtest/gtest.h>

namespace gatehouse::model {
namespace {

TEST(ParseColor, TakesHexadecimalOnly) {
  const auto color = parse_color("#1a2B3c");
  ASSERT_TRUE(color);
  EXPECT_EQ(color->red, 0x1a);
  EXPECT_EQ(color->green, 0x2b);
  EXPECT_EQ(color->blue, 0x3c);
  const auto brief = parse_color("#f08");
  ASSERT_TRUE(brief);
  EXPECT_EQ(brief->red, 0xff);
  EXPECT_EQ(brief->green, 0x00);
  EXPECT_EQ(brief->blue, 0x88);
  for (const std::string_view bad : {"", "#", "#12", "#1234", "#12345", "#1234567", "112233",
                                     "#gg0000", "red", "#12345\n", "#fff}body{display:none"})
    EXPECT_FALSE(parse_color(bad)) << bad;
}

TEST(ImageAddress, IsHttpsOrData) {
  for (const std::string_view good :
       {"https://example.com/logo.png", "https://example.com:8443/a/b.svg?x=1&y=2",
        "data:image/png;base64,iVBORw0KGgo=", "data:image/svg+xml;base64,PHN2Zz4="})
    EXPECT_TRUE(is_image_address(good)) << good;
  for (const std::string_view bad :
       {"", "logo.png", "/logo.png", "http://example.com/logo.png", "javascript:alert(1)",
        "https://", "https://u@example.com/", "https://example.com/a b", "https://example.com/;x",
        "https://example.com/,x", "https://example.com/\"x", "https://example.com/\n",
        "data:text/html;base64,PHN2Zz4=", "data:image/svg+xml,<svg/>", "data:image/png;base64,",
        "data:image/png;base64,a b"})
    EXPECT_FALSE(is_image_address(bad)) << bad;
  std::string longest = "data:image/png;base64,";
  longest.resize(kMaxImageAddressBytes, 'A');
  EXPECT_TRUE(is_image_address(longest));
  EXPECT_FALSE(is_image_address(longest + "A"));
}

TEST(LoginDesign, LeavesOutWhatIsNotText) {
  const auto design = login_design_from_json({{"background_color", "#fff"}, {"text_color", 1}});
  EXPECT_EQ(design.background_color, "#fff");
  EXPECT_EQ(design.text_color, "");
  EXPECT_EQ(design.logo_path, "");
}

}  // namespace
}  // namespace gatehouse::model
