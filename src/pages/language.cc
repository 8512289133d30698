#include "pages/language.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>

#include "base/check.h"
#include "base/encoding.h"
#include "base/json.h"
#include "decision/reason.h"
#include "pages/assets.h"

namespace gatehouse::pages {
namespace {

using Texts = std::map<std::string, std::string, std::less<>>;

constexpr std::size_t kMaxHeaderBytes = 1024;
constexpr std::size_t kMaxTextsBytes = 256 * 1024;

struct Row {
  std::string_view tag;
  const std::string_view& texts;
};
const Row& row_of(Language language) {
  static const std::array<Row, kLanguages.size()> kRows{
      {{"en", kEnglishTexts}, {"de", kGermanTexts}}};
  return kRows[static_cast<std::size_t>(language)];
}

Texts load(Language language) {
  const auto document = json::parse(row_of(language).texts, {kMaxTextsBytes, 2});
  GATEHOUSE_CHECK(document && document->is_object(), "the texts are part of the program");
  Texts texts;
  for (const auto& [key, value] : document->get_object())
    texts.emplace(std::string_view(key), std::string_view(value.as_string()));
  if (language != Language::English) return texts;
  for (std::size_t i = 0; i < decision::kReasonCount; ++i) {
    const auto& info = decision::info(static_cast<decision::Reason>(i));
    const std::string prefix = "reason." + std::string(info.code);
    texts.emplace(prefix + ".title", info.title);
    texts.emplace(prefix + ".advice", info.advice);
  }
  return texts;
}

const Texts& texts_of(Language language) {
  static const std::array<Texts, kLanguages.size()> kTexts{load(Language::English),
                                                           load(Language::German)};
  return kTexts[static_cast<std::size_t>(language)];
}

const std::string& find(Language language, std::string_view key) {
  for (const Language from : {language, Language::English}) {
    const auto& texts = texts_of(from);
    if (const auto found = texts.find(key); found != texts.end()) return found->second;
  }
  GATEHOUSE_CHECK(false, "every text has a key");
  static const std::string kNone;
  return kNone;
}

// Calls `value(name)` for each `{name}` of `text` and puts its answer there.
template <typename Value>
std::string fill(std::string_view text, Value value) {
  std::string out;
  while (true) {
    const auto open = text.find('{');
    const auto close = open == std::string_view::npos ? open : text.find('}', open);
    out += text.substr(0, close == std::string_view::npos ? close : open);
    if (close == std::string_view::npos) return out;
    out += value(text.substr(open + 1, close - open - 1));
    text.remove_prefix(close + 1);
  }
}

// RFC 9110 12.4.2, in thousandths; nullopt: not a weight.
std::optional<int> parse_weight(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  int weight = (text[0] - '0') * 1000;
  if (text.size() > 1 && text[1] != '.') return std::nullopt;
  int worth = 100;
  for (const char c : text.substr(std::min<std::size_t>(2, text.size()))) {
    if (c < '0' || c > '9') return std::nullopt;
    weight += (c - '0') * worth;
    worth /= 10;
  }
  return weight > 1000 ? std::nullopt : std::optional(weight);
}

std::optional<Language> language_of_range(std::string_view range) {
  if (range == "*") return Language::English;
  const auto primary = range.substr(0, range.find('-'));
  for (const Language language : kLanguages)
    if (ascii_iequals(primary, tag(language))) return language;
  return std::nullopt;
}

}  // namespace

std::string_view tag(Language language) { return row_of(language).tag; }

Language choose_language(std::string_view accept_language) {
  Language best = Language::English;
  int most = 0;
  std::string_view rest = accept_language.substr(0, kMaxHeaderBytes);
  while (!rest.empty()) {
    const auto comma = std::min(rest.find(','), rest.size());
    const auto item = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    const auto semicolon = std::min(item.find(';'), item.size());
    const auto language = language_of_range(trim(item.substr(0, semicolon)));
    std::optional<int> weight = 1000;
    if (semicolon < item.size()) {
      const auto parameter = trim(item.substr(semicolon + 1));
      weight = parameter.starts_with("q=") || parameter.starts_with("Q=")
                   ? parse_weight(parameter.substr(2))
                   : std::nullopt;
    }
    if (!language || !weight || *weight <= most) continue;
    best = *language;
    most = *weight;
  }
  return best;
}

std::string text(Language language, std::string_view key, Values values) {
  return fill(find(language, key), [&](std::string_view name) {
    for (const auto& [known, value] : values)
      if (known == name) return value;
    return std::string_view();
  });
}

bool has_text(Language language, std::string_view key) {
  return texts_of(language).contains(key) || texts_of(Language::English).contains(key);
}

std::vector<std::string_view> text_keys(Language language) {
  std::vector<std::string_view> keys;
  for (const auto& [key, value] : texts_of(language)) keys.push_back(key);
  return keys;
}

std::string localize(std::string_view page, Language language) {
  std::string out;
  while (true) {
    const auto open = page.find("[[");
    const auto close = open == std::string_view::npos ? open : page.find("]]", open);
    out += page.substr(0, close == std::string_view::npos ? close : open);
    if (close == std::string_view::npos) return out;
    const auto key = page.substr(open + 2, close - open - 2);
    page.remove_prefix(close + 2);
    bool strong = false;
    for (const char c : fill(html_escape(find(language, key)), [](std::string_view name) {
           return "{{" + std::string(name) + "}}";
         })) {
      if (c == '*') {
        out += strong ? "</strong>" : "<strong>";
        strong = !strong;
      } else {
        out += c;
      }
    }
  }
}

}  // namespace gatehouse::pages
