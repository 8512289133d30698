#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "enforcement/request.h"

namespace {

std::vector<std::string> tokens(std::string_view line) {
  gh_credentials credentials{};
  gh_collect_cookies(line.data(), line.size(), &credentials);
  std::vector<std::string> result;
  for (size_t i = 0; i < credentials.token_count; ++i) {
    result.emplace_back(credentials.tokens[i].data, credentials.tokens[i].size);
  }
  return result;
}

std::string strip(std::string_view line) {
  size_t length = 0;
  if (gh_strip_cookies(line.data(), line.size(), nullptr, &length) == 0) return std::string(line);
  std::string out(length, '\0');
  size_t left = 0;
  EXPECT_EQ(gh_strip_cookies(line.data(), line.size(), out.data(), &left), 1);
  EXPECT_EQ(left, length);
  return out;
}

struct Case {
  const char* line;
  std::vector<std::string> tokens;
  const char* left;
};

TEST(Cookies, CollectedAndStripped) {
  const Case cases[] = {
      {"", {}, ""},
      {"CF_Authorization=a.b.c", {"a.b.c"}, ""},
      {"x=1; CF_Authorization=a.b.c; y=2", {"a.b.c"}, "x=1; y=2"},
      {"CF_Authorization=one; CF_Authorization=two", {"one", "two"}, ""},
      {"cf_authorization=other-name", {}, "cf_authorization=other-name"},
      {"__Host-CF_Authorization=other-name", {}, "__Host-CF_Authorization=other-name"},
      {"CF_Authorization =spaced", {"spaced"}, ""},
      {"CF_Authorization=", {}, ""},
      {"CF_Authorization", {}, ""},
      {"CF_Authorization=\"quoted\";;;a=b", {"\"quoted\""}, "a=b"},
      {"CF_AppSession=n1; CF_Session=s; CF_Binding=b; CF_Device=d; theirs=t", {}, "theirs=t"},
      {"$Version=1; CF_Authorization=t", {"t"}, "$Version=1"},
      {"a=1;b=2;CF_Session=x;c=3", {}, "a=1; b=2; c=3"},
      // The blanks put in weigh as much as the cookie taken out: equal lengths, not equal lines.
      {"a;b;c;d;e;f;g;h;i;j;k;CF_Device", {}, "a; b; c; d; e; f; g; h; i; j; k"},
      {"a=b=c; CF_Authorization=t=t", {"t=t"}, "a=b=c"},
      {"nothing=ours; here=too", {}, "nothing=ours; here=too"},
  };
  for (const Case& test : cases) {
    EXPECT_EQ(tokens(test.line), test.tokens) << test.line;
    EXPECT_EQ(strip(test.line), test.left) << test.line;
  }
}

TEST(Cookies, OwnAndForeignAreCounted) {
  const auto count = [](std::string_view line) {
    gh_credentials credentials{};
    gh_collect_cookies(line.data(), line.size(), &credentials);
    return std::pair{credentials.own_cookies, credentials.foreign_cookies};
  };
  EXPECT_EQ(count(""), std::pair(0u, 0u));
  EXPECT_EQ(count("CF_Authorization=a"), std::pair(1u, 0u));
  EXPECT_EQ(count("CF_Authorization=a; CF_AppSession=b;;"), std::pair(2u, 0u));
  EXPECT_EQ(count("a=b; CF_Authorization=a; c"), std::pair(1u, 2u));
}

TEST(Cookies, AtMostSoManyTokensAreConsidered) {
  std::string line;
  for (int i = 0; i < 1000; ++i) line += "CF_Authorization=" + std::to_string(i) + "; ";
  EXPECT_EQ(tokens(line).size(), static_cast<size_t>(GH_MAX_TOKENS));
  EXPECT_EQ(strip(line), "");
}

}  // namespace
