#include "enforcement/cors.h"

#include <gtest/gtest.h>

namespace gatehouse::enforcement {
namespace {

constexpr std::string_view kOrigin = "https://tools.example.com";

std::string value(const Headers& headers, std::string_view name) {
  for (const auto& [key, text] : headers)
    if (key == name) return text;
  return "";
}

model::CorsHeaders listed() {
  model::CorsHeaders cors;
  cors.allowed_origins = {std::string(kOrigin), "https://other.example.com:8443"};
  cors.allowed_methods = {"GET", "PUT"};
  cors.allowed_headers = {"X-Token", "content-type"};
  return cors;
}

struct OriginCase {
  const char* origin;
  bool allowed;
};
constexpr OriginCase kOrigins[] = {
    {"https://tools.example.com", true},
    {"https://other.example.com:8443", true},
    {"https://other.example.com", false},
    {"https://Tools.example.com", false},
    {"http://tools.example.com", false},
    {"https://tools.example.com.evil.example", false},
    {"https://eviltools.example.com", false},
    {"https://tools.example.com/", false},
    {"https://tools.example.com, https://evil.example", false},
    {"null", false},
    {"*", false},
    {"", false},
};

TEST(Cors, OriginsAreComparedWhole) {
  for (const auto& test : kOrigins) {
    EXPECT_EQ(is_allowed_origin(listed(), test.origin), test.allowed) << test.origin;
    const auto headers = cors_headers(listed(), test.origin);
    EXPECT_EQ(value(headers, "Access-Control-Allow-Origin"), test.allowed ? test.origin : "");
    EXPECT_EQ(value(headers, "Vary"), "Origin");
  }
}

TEST(Cors, EveryOriginIsAStarOnlyWithoutCredentials) {
  model::CorsHeaders cors;
  cors.allow_all_origins = true;
  EXPECT_EQ(value(cors_headers(cors, kOrigin), "Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(value(cors_headers(cors, kOrigin), "Access-Control-Allow-Credentials"), "");
  cors.allow_credentials = true;
  EXPECT_EQ(value(cors_headers(cors, kOrigin), "Access-Control-Allow-Origin"), kOrigin);
  EXPECT_EQ(value(cors_headers(cors, kOrigin), "Access-Control-Allow-Credentials"), "true");
  EXPECT_FALSE(is_allowed_origin(cors, ""));
}

struct Question {
  const char* method;
  const char* headers;
  const char* allowed_methods;
  const char* allowed_headers;
};
constexpr Question kQuestions[] = {
    {"PUT", "", "PUT", ""},
    {"put", "", "", ""},
    {"DELETE", "", "", ""},
    {"GET", "x-token", "GET", "x-token"},
    {"GET", "x-token,CONTENT-TYPE", "GET", "x-token, CONTENT-TYPE"},
    {"GET", " x-token , x-other ", "GET", "x-token"},
    {"GET", "x-other", "GET", ""},
    {"GET", "x-tok\r\nX: 1", "GET", ""},
    {"GET\r\nX: 1", "", "", ""},
    {"", ",,", "", ""},
};

TEST(Cors, APreflightIsToldWhatIsAllowedOfWhatItAsked) {
  for (const auto& test : kQuestions) {
    const auto answer = preflight_headers(listed(), kOrigin, test.method, test.headers);
    EXPECT_EQ(value(answer, "Access-Control-Allow-Methods"), test.allowed_methods) << test.method;
    EXPECT_EQ(value(answer, "Access-Control-Allow-Headers"), test.allowed_headers) << test.headers;
    EXPECT_EQ(value(answer, "Access-Control-Allow-Origin"), kOrigin);
  }
  auto all = listed();
  all.allow_all_methods = all.allow_all_headers = true;
  const auto answer = preflight_headers(all, kOrigin, "PROPFIND", "x-a, x-b");
  EXPECT_EQ(value(answer, "Access-Control-Allow-Methods"), "PROPFIND");
  EXPECT_EQ(value(answer, "Access-Control-Allow-Headers"), "x-a, x-b");
  // What is far beyond what a browser asks is not looked at.
  EXPECT_EQ(value(preflight_headers(all, kOrigin, "GET", std::string(5000, 'x')),
                  "Access-Control-Allow-Headers"),
            "");
}

TEST(Cors, TheAgeIsLeftOutWhereNothingMayBeKept) {
  auto cors = listed();
  const auto age = [&] {
    return value(preflight_headers(cors, kOrigin, "GET", ""), "Access-Control-Max-Age");
  };
  EXPECT_EQ(age(), "");
  cors.max_age = -1;
  EXPECT_EQ(age(), "");
  cors.max_age = 0;
  EXPECT_EQ(age(), "0");
  cors.max_age = 600;
  EXPECT_EQ(age(), "600");
}

}  // namespace
}  // namespace gatehouse::enforcement
