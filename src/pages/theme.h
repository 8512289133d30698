// The organization's colours and logo on the pages. Pure.
#pragma once

#include <string>
#include <string_view>

#include "model/login_design.h"

namespace gatehouse::pages {

// The style sheet that is loaded after ours: custom properties only. Empty when the design names no
// colour. A text colour with less than 4.5 to 1 against its background (WCAG 2.2 1.4.3) gives way
// to black or white; in dark mode the background is darkened.
[[nodiscard]] std::string theme_stylesheet(const model::LoginDesign& design);
// Changes with the style sheet; empty when that is.
[[nodiscard]] std::string theme_version(const model::LoginDesign& design);

// WCAG 2.2: 1 to 21.
[[nodiscard]] double contrast(model::Color a, model::Color b);

// What a Content-Security-Policy has to allow so that the image is shown: its address without
// query, or nothing for what `data:` covers.
[[nodiscard]] std::string image_source(std::string_view address);

}  // namespace gatehouse::pages
