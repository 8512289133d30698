#include "decision/path_index.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace gatehouse::decision {
namespace {

bool covers(std::string_view pattern, std::string_view path) {
  PathIndex index;
  index.add(pattern, 7);
  index.finish();
  const auto hit = index.find(path);
  return hit && hit->application == 7;
}

struct CoverCase {
  std::string_view pattern;
  std::string_view path;
  bool expected;
};

constexpr CoverCase kCovers[] = {
    {"", "/", true},
    {"", "/x", true},
    {"/", "/x/y", true},
    {"/alpha", "/alpha", true},
    {"/alpha", "/alpha/", true},
    {"/alpha", "/alpha/x", true},
    {"/alpha", "/alpha/x/y", true},
    {"/alpha", "/alphabet", false},
    {"/alpha", "/alph", false},
    {"/alpha", "/Alpha", false},
    {"/alpha", "/", false},
    {"/alpha", "/x/alpha", false},
    {"/alpha/", "/alpha", true},
    {"/alpha/beta", "/alpha", false},
    {"/alpha/beta", "/alpha/beta/x", true},
    {"/alpha/*", "/alpha", false},
    {"/alpha/*", "/alpha/", false},
    {"/alpha/*", "/alpha/x", true},
    {"/alpha/*", "/alpha/x/y", true},
    {"/alpha/*", "/alphabet/x", false},
    {"/*", "/", false},
    {"/*", "/x", true},
    {"/alpha/*/gamma", "/alpha/x/gamma", true},
    {"/alpha/*/gamma", "/alpha/x/y/gamma", true},
    {"/alpha/*/gamma", "/alpha/x/gamma/z", true},
    {"/alpha/*/gamma", "/alpha/x/gammas", false},
    {"/alpha/*/gamma", "/alpha/x/gammas/gamma", true},
    {"/alpha/*/gamma", "/alpha/gamma", false},
    {"/alpha/*/gamma", "/alpha//gamma", false},
    {"/alpha*", "/alpha", true},
    {"/alpha*", "/alphabet", true},
    {"/alpha*", "/alphabet/x", true},
    {"/alpha*", "/alph", false},
    {"/a*c", "/ac", true},
    {"/a*c", "/abc/d", true},
    {"/a*c", "/abd", false},
    {"/*.php", "/x.php", true},
    {"/*.php", "/x/y.php", true},
    {"/*.php", "/x.phps", false},
    {"/a/*/b/*/c", "/a/1/b/2/c", true},
    {"/a/*/b/*/c", "/a/1/b/c", false},
};

TEST(PathPattern, CoversOnSegmentBoundaries) {
  for (const auto& test : kCovers)
    EXPECT_EQ(covers(test.pattern, test.path), test.expected) << test.pattern << " " << test.path;
}

struct SpecificCase {
  std::vector<std::string_view> patterns;
  std::string_view path;
  std::string_view expected;
};

TEST(PathPattern, MostSpecificWins) {
  const SpecificCase cases[] = {
      {{"", "/admin"}, "/admin/x", "/admin"},
      {{"", "/admin"}, "/administrator", ""},
      {{"", "/admin", "/admin/public"}, "/admin/public/x", "/admin/public"},
      {{"", "/admin", "/admin/public"}, "/admin/publics", "/admin"},
      {{"/alpha", "/alpha/*"}, "/alpha/x", "/alpha/*"},
      {{"/alpha", "/alpha/*"}, "/alpha", "/alpha"},
      {{"/alpha/*/gamma", "/alpha/beta"}, "/alpha/beta/gamma", "/alpha/beta"},
      {{"/alpha/*", "/alpha/*/gamma"}, "/alpha/x/gamma", "/alpha/*/gamma"},
      {{"/*", "/alpha"}, "/alpha/x", "/alpha"},
      {{"/a*", "/alpha*"}, "/alphabet", "/alpha*"},
      {{"", "/*"}, "/x", "/*"},
      {{"", "/*"}, "/", ""},
  };
  for (const auto& test : cases)
    for (const bool reversed : {false, true}) {
      auto patterns = test.patterns;
      if (reversed) std::ranges::reverse(patterns);
      PathIndex index;
      for (std::size_t i = 0; i < patterns.size(); ++i)
        index.add(patterns[i], static_cast<std::uint32_t>(i));
      index.finish();
      const auto hit = index.find(test.path);
      ASSERT_TRUE(hit) << test.path;
      EXPECT_EQ(patterns[hit->application], test.expected) << test.path;
    }
}

TEST(PathPattern, OfTwoApplicationsIsContested) {
  PathIndex index;
  index.add("/a", 1);
  index.add("/a/", 2);
  index.add("/b/*", 1);
  index.add("/b/*", 2);
  index.add("/c", 3);
  index.add("/c", 3);
  index.finish();
  EXPECT_EQ(index.find("/a/x")->application, PathIndex::kContested);
  EXPECT_EQ(index.find("/b/x")->application, PathIndex::kContested);
  EXPECT_EQ(index.find("/c/x")->application, 3U);
}

TEST(PathPattern, SoleApplicationNeedsTheRoot) {
  const auto sole = [](std::vector<std::pair<std::string_view, std::uint32_t>> patterns) {
    PathIndex index;
    for (const auto& [pattern, application] : patterns) index.add(pattern, application);
    index.finish();
    return index.sole_application();
  };
  EXPECT_EQ(sole({{"", 4}}), 4U);
  EXPECT_EQ(sole({{"/", 4}, {"/x", 4}, {"/y/*", 4}}), 4U);
  EXPECT_EQ(sole({{"/", 4}, {"/x", 5}}), std::nullopt);
  EXPECT_EQ(sole({{"/x", 4}}), std::nullopt);
  EXPECT_EQ(sole({}), std::nullopt);
}

TEST(PathPattern, KnowsWhenItNamesTheWholePath) {
  PathIndex index;
  index.add("/app.css", 1);
  index.finish();
  EXPECT_TRUE(index.find("/app.css")->whole_path);
  EXPECT_FALSE(index.find("/app.css/x")->whole_path);
}

}  // namespace
}  // namespace gatehouse::decision
