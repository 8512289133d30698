#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "enforcement/request.h"

namespace {

std::vector<std::string> tokens(std::string_view line) {
  gh_credentials credentials{};
  gh_collect_cookies(line.data(), line.size(), nullptr, &credentials);
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
    gh_collect_cookies(line.data(), line.size(), nullptr, &credentials);
    return std::pair{credentials.own_cookies, credentials.foreign_cookies};
  };
  EXPECT_EQ(count(""), std::pair(0u, 0u));
  EXPECT_EQ(count("CF_Authorization=a"), std::pair(1u, 0u));
  EXPECT_EQ(count("CF_Authorization=a; CF_AppSession=b;;"), std::pair(2u, 0u));
  EXPECT_EQ(count("a=b; CF_Authorization=a; c"), std::pair(1u, 2u));
}

// With a memo and without one the same is collected, but for the digest.
TEST(Cookies, TheTokenOfTheMemoIsRecognized) {
  std::string token = "a.b.c";
  gh_connection_memo memo{token.data(), token.size(), token.size(), {1, 2}};
  const struct {
    const char* line;
    unsigned digested;
  } cases[] = {
      {"CF_Authorization=a.b.c", 1},
      {"CF_Authorization=a.b.c;", 1},
      {"x=1;\tCF_Authorization=a.b.c; y=2", 1},
      {"CF_Authorization=one; CF_Authorization=a.b.c; CF_Binding=b", 2},
      {"CF_Authorization=a.b.c; CF_Authorization=one", 1},
      {"CF_Authorization=1;CF_Authorization=2;CF_Authorization=3;CF_Authorization=4;"
       "CF_Authorization=a.b.c",
       0},
      {"CF_Authorization=a.b.c ; y=2", 0},  // read as ever
      {"CF_Authorization =a.b.c", 0},
      {"CF_Authorization=a.b.cd", 0},
      {"CF_Authorization=a.b.c,d", 0},
      {"CF_Authorization=a.b.", 0},
      {"CF_Authorization=A.b.c", 0},
      {"CF_Authorization=", 0},
      {"CF_Session=a.b.c", 0},
      {"xCF_Authorization=a.b.c", 0},
      {"", 0},
  };
  for (const auto& test : cases) {
    const std::string_view line = test.line;
    gh_credentials with{};
    gh_collect_cookies(line.data(), line.size(), &memo, &with);
    EXPECT_EQ(with.digested, test.digested) << line;
    if (with.digested != 0) {
      EXPECT_EQ(with.digest[0], 1u);
      EXPECT_EQ(with.digest[1], 2u);
      const gh_text& known = with.tokens[with.digested - 1];
      EXPECT_EQ(std::string_view(known.data, known.size), token) << line;
    }
    gh_credentials without{};
    gh_collect_cookies(line.data(), line.size(), nullptr, &without);
    EXPECT_EQ(without.digested, 0u);
    EXPECT_EQ(with.token_count, without.token_count) << line;
    EXPECT_EQ(with.own_cookies, without.own_cookies) << line;
    EXPECT_EQ(with.foreign_cookies, without.foreign_cookies) << line;
    EXPECT_EQ(with.binding.data, without.binding.data) << line;
    for (size_t i = 0; i < with.token_count; ++i) {
      EXPECT_EQ(with.tokens[i].data, without.tokens[i].data) << line;
      EXPECT_EQ(with.tokens[i].size, without.tokens[i].size) << line;
    }
  }
}

TEST(Cookies, AtMostSoManyTokensAreConsidered) {
  std::string line;
  for (int i = 0; i < 1000; ++i) line += "CF_Authorization=" + std::to_string(i) + "; ";
  EXPECT_EQ(tokens(line).size(), static_cast<size_t>(GH_MAX_TOKENS));
  EXPECT_EQ(strip(line), "");
}

}  // namespace
