#include "pages/language.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "decision/reason.h"
#include "pages/assets.h"

namespace gatehouse::pages {
namespace {

TEST(ChooseLanguage, TakesTheOneThatIsWantedMost) {
  struct Row {
    std::string_view header;
    Language language;
  };
  constexpr Row kRows[] = {
      {"", Language::English},
      {"de", Language::German},
      {"de-AT", Language::German},
      {"DE-de", Language::German},
      {"en-GB,en;q=0.9", Language::English},
      {"de-CH, de;q=0.9, en;q=0.8", Language::German},
      {"en;q=0.8, de;q=0.9", Language::German},
      {"en;q=0.9,de;q=0.9", Language::English},
      {"de;q=0.5 , en ; q=0.4", Language::German},
      {"fr, de;q=0.1", Language::German},
      {"fr", Language::English},
      {"fr, *;q=0.5, de;q=0.4", Language::English},
      {"*", Language::English},
      {"de;q=0", Language::English},
      {"de;q=0.000, en;q=0", Language::English},
      {"de;q=1.5, en;q=0.1", Language::English},
      {"de;q=, de;q=x, de;q=0.1234", Language::English},
      {"de;x=1", Language::English},
      {"deutsch", Language::English},
      {",,;,", Language::English},
  };
  for (const auto& row : kRows) EXPECT_EQ(choose_language(row.header), row.language) << row.header;
  EXPECT_EQ(choose_language(std::string(2000, ',') + "de"), Language::English);
}

std::multiset<std::string> placeholders(std::string_view text) {
  std::multiset<std::string> found;
  for (auto open = text.find('{'); open != std::string_view::npos; open = text.find('{', open + 1))
    found.emplace(text.substr(open, text.find('}', open) - open + 1));
  return found;
}

TEST(Texts, EveryLanguageHasEveryOneWithTheSamePlaceholders) {
  const auto keys = text_keys(Language::English);
  EXPECT_GT(keys.size(), 200U);
  for (const Language language : kLanguages) {
    EXPECT_EQ(text_keys(language), keys) << tag(language);
    EXPECT_EQ(text(language, "language"), tag(language));
    for (const auto key : keys) {
      SCOPED_TRACE(std::string(tag(language)) + " " + std::string(key));
      // With every placeholder put back.
      const auto said = [&](Language in) {
        return text(in, key,
                    {{"application", "{application}"},
                     {"email", "{email}"},
                     {"organization", "{organization}"},
                     {"count", "{count}"},
                     {"age", "{age}"},
                     {"method", "{method}"},
                     {"browser", "{browser}"},
                     {"source", "{source}"},
                     {"check", "{check}"},
                     {"reason", "{reason}"}});
      };
      const auto here = said(language);
      EXPECT_FALSE(here.empty());
      EXPECT_EQ(placeholders(here), placeholders(said(Language::English)));
      EXPECT_EQ(std::ranges::count(here, '*') % 2, 0);
      EXPECT_EQ(here.find("[["), std::string::npos);
      EXPECT_EQ(here.find_first_of("<>"), std::string::npos);
    }
  }
}

TEST(Texts, GermanIsGerman) {
  // What is the same in both has a reason to be.
  const std::set<std::string_view> kSame{"pin_entry.label", "home.check_fails"};
  for (const auto key : text_keys(Language::English))
    if (!kSame.contains(key)) {
      EXPECT_NE(text(Language::German, key), text(Language::English, key)) << key;
    }
}

TEST(Texts, AreFilledIn) {
  EXPECT_EQ(text(Language::English, "age.hours", {{"count", "3"}}), "3 hours ago");
  EXPECT_EQ(text(Language::German, "age.hours", {{"count", "3"}}), "vor 3 Stunden");
  EXPECT_EQ(text(Language::English, "age.hours"), " hours ago");
  EXPECT_EQ(text(Language::English, "action.sign_in_to", {{"application", "{application}<b>"}}),
            "Sign in to {application}<b>");
  EXPECT_FALSE(has_text(Language::German, "no.such.key"));
}

TEST(Localize, MakesHtmlOfTextsAndLeavesTheTemplatesOwnValues) {
  EXPECT_EQ(localize("<p>[[pin_entry.lead]]</p>{{x}}", Language::English),
            "<p>If <strong>{{email}}</strong> may sign in here, a code is on its way. It is valid "
            "for ten minutes.</p>{{x}}");
  EXPECT_EQ(localize("[[action.go_on]]", Language::German), "Weiter");
  EXPECT_EQ(localize("[[unclosed", Language::German), "[[unclosed");
}

// What a template says by itself, between its tags and in the attributes that people meet.
std::string own_prose(std::string_view page) {
  std::string prose;
  bool in_tag = false;
  for (std::size_t i = 0; i < page.size(); ++i) {
    const auto skip = [&](std::string_view open, std::string_view close) {
      if (!page.substr(i).starts_with(open)) return false;
      i = page.find(close, i) + close.size() - 1;
      return true;
    };
    if (skip("{{", "}}") || skip("[[", "]]")) continue;
    if (page[i] == '<') in_tag = true;
    if (!in_tag && page[i] != '\n') prose += page[i];
    if (page[i] == '>') in_tag = false;
  }
  return prose;
}

TEST(Templates, HaveNoProseOfTheirOwn) {
  for (const std::string_view page :
       {kHeadTemplate, kFootTemplate, kRefusalTemplate, kChooserTemplate, kPinRequestTemplate,
        kPinEntryTemplate, kPurposeTemplate, kTransferTemplate, kPostureTemplate, kMessageTemplate,
        kHomeTemplate}) {
    const auto prose = own_prose(page);
    EXPECT_TRUE(std::ranges::none_of(prose, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    })) << prose;
    for (const std::string_view attribute : {"aria-label=\"", "title=\"", "placeholder=\""})
      for (auto at = page.find(attribute); at != std::string_view::npos;
           at = page.find(attribute, at + 1)) {
        const char first = page[at + attribute.size()];
        EXPECT_TRUE(first == '{' || first == '[') << page.substr(at, 40);
      }
  }
}

}  // namespace
}  // namespace gatehouse::pages
