// The languages of the pages, and their texts: texts/<tag>.json, one file a language. Adding one is
// that file and a row here and in language.cc. The English of the reasons stands in
// decision/reason.cc, since programs are told them too. Pure, thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gatehouse::pages {

enum class Language : std::uint8_t { English, German };
inline constexpr std::array kLanguages{Language::English, Language::German};
[[nodiscard]] std::string_view tag(Language language);  // RFC 5646: `en`

// The best of them for an Accept-Language header (RFC 9110 12.5.4); English when none is wanted, or
// the header is absent or makes no sense.
[[nodiscard]] Language choose_language(std::string_view accept_language);

using Values = std::initializer_list<std::pair<std::string_view, std::string_view>>;
// The text of that key with `{name}` replaced by what `values` has under it. A key that the
// language lacks is looked up in English; one that there is not at all is a bug.
[[nodiscard]] std::string text(Language language, std::string_view key, Values values = {});
[[nodiscard]] bool has_text(Language language, std::string_view key);
[[nodiscard]] std::vector<std::string_view> text_keys(Language language);  // sorted

// A template with every `[[key]]` replaced by its text as HTML, in which `*x*` is strong and
// `{name}` the template's own value of that name.
[[nodiscard]] std::string localize(std::string_view page, Language language);

}  // namespace gatehouse::pages
