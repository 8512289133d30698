#include "policy/nearest.h"

#include <gtest/gtest.h>

namespace gatehouse::policy {
namespace {

constexpr std::string_view kWords[] = {"email", "email_domain", "everyone", "ip", "login_method"};

struct Case {
  std::string_view word;
  std::string_view expected;
};
constexpr Case kCases[] = {
    {"emial", "; did you mean `email`?"},
    {"Email", "; did you mean `email`?"},
    {"email-domain", "; did you mean `email_domain`?"},
    {"loginmethod", "; did you mean `login_method`?"},
    {"everbody", "; known: email, email_domain, everyone, ip, login_method"},
    {"xy", "; known: email, email_domain, everyone, ip, login_method"},
    {"", "; known: email, email_domain, everyone, ip, login_method"},
};

TEST(Nearest, Suggestion) {
  for (const Case& c : kCases) EXPECT_EQ(suggestion(c.word, kWords), c.expected) << c.word;
}

TEST(Nearest, LongWordsAndListsAreLeftAlone) {
  EXPECT_EQ(nearest(std::string(100000, 'e'), kWords), std::nullopt);
  const std::vector<std::string_view> many(25, "abcdefgh");
  EXPECT_EQ(suggestion("zzzzzzzz", many), "");
  EXPECT_EQ(suggestion("zzzzzzzz", {}), "");
}

}  // namespace
}  // namespace gatehouse::policy
