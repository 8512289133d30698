#include "net/http.h"

#include <gtest/gtest.h>

#include "net/request_head.h"

namespace gatehouse::net {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

HttpRequest with_headers(Headers headers) {
  HttpRequest request;
  request.headers = std::move(headers);
  return request;
}

TEST(HttpRequest, HeaderIsTheOnlyOneOfItsName) {
  const auto request =
      with_headers({{"Host", "a.example"}, {"X-Twice", "1"}, {"x-twice", "2"}, {"Empty", ""}});
  EXPECT_EQ("a.example", request.header("host"));
  EXPECT_EQ("", request.header("Empty"));
  EXPECT_EQ(std::nullopt, request.header("X-Twice"));
  EXPECT_EQ(std::nullopt, request.header("Hos"));
  EXPECT_EQ(2U, request.count("X-TWICE"));
  EXPECT_EQ(0U, request.count("Absent"));
}

TEST(HttpRequest, Cookie) {
  struct Case {
    const char* name;
    Headers headers;
    const char* cookie;
    std::optional<std::string> expected;
  };
  const Case cases[] = {
      {"only one", {{"Cookie", "a=1"}}, "a", "1"},
      {"among others", {{"Cookie", "x=0; a=1; b=2"}}, "a", "1"},
      {"header name in any case", {{"cOOkie", "a=1"}}, "a", "1"},
      {"no space after the semicolon", {{"Cookie", "x=0;a=1"}}, "a", "1"},
      {"first of two", {{"Cookie", "a=1; a=2"}}, "a", "1"},
      {"first over several lines",
       {{"Cookie", "x=0"}, {"Cookie", "a=1"}, {"Cookie", "a=2"}},
       "a",
       "1"},
      {"value with equals signs", {{"Cookie", "a=x==; b=2"}}, "a", "x=="},
      {"empty value", {{"Cookie", "a=; b=2"}}, "a", ""},
      {"quotes are part of the value", {{"Cookie", "a=\"1\""}}, "a", "\"1\""},
      {"name is case-sensitive", {{"Cookie", "A=1"}}, "a", std::nullopt},
      {"name is whole", {{"Cookie", "aa=1; ba=2"}}, "a", std::nullopt},
      {"no equals sign", {{"Cookie", "a; b=2"}}, "a", std::nullopt},
      {"space before the equals sign is part of the name", {{"Cookie", "a =1"}}, "a", std::nullopt},
      {"a value that looks like a cookie", {{"Cookie", "b=x, a=1"}}, "a", std::nullopt},
      {"other header", {{"Cookies", "a=1"}}, "a", std::nullopt},
      {"no header", {}, "a", std::nullopt},
  };
  for (const auto& c : cases)
    EXPECT_EQ(c.expected, with_headers(c.headers).cookie(c.cookie)) << c.name;
}

TEST(ParseForm, Cases) {
  struct Case {
    const char* name;
    std::string_view text;
    std::optional<Pairs> expected;
  };
  const Case cases[] = {
      {"empty", "", Pairs{}},
      {"one", "a=b", Pairs{{"a", "b"}}},
      {"order and repetitions", "b=1&a=2&b=3", Pairs{{"b", "1"}, {"a", "2"}, {"b", "3"}}},
      {"plus and escapes", "a+b=%2Bx%20y", Pairs{{"a b", "+x y"}}},
      {"no equals sign", "a&b=1", Pairs{{"a", ""}, {"b", "1"}}},
      {"equals sign in the value", "a=b=c", Pairs{{"a", "b=c"}}},
      {"empty pieces", "&a=1&&", Pairs{{"a", "1"}}},
      {"escaped separators", "a=1%262%3D3", Pairs{{"a", "1&2=3"}}},
      {"broken escape", "a=1&b=%4", std::nullopt},
      {"escape that is not hex", "%zz=1", std::nullopt},
      {"broken escape first", "a=%&b=1", std::nullopt},
  };
  for (const auto& c : cases) EXPECT_EQ(c.expected, parse_form(c.text)) << c.name;
}

TEST(HttpRequest, ParametersAreSingle) {
  HttpRequest request;
  request.query = "code=1%2B2&state=a&state=b&bare";
  request.body = "email=a%40example.com&code=9";
  EXPECT_EQ("1+2", request.query_parameter("code"));
  EXPECT_EQ("", request.query_parameter("bare"));
  EXPECT_EQ(std::nullopt, request.query_parameter("state"));
  EXPECT_EQ(std::nullopt, request.query_parameter("email"));
  EXPECT_EQ("a@example.com", request.form_parameter("email"));
  EXPECT_EQ(std::nullopt, request.form_parameter("state"));
  request.query += "&broken=%";
  EXPECT_EQ(std::nullopt, request.query_parameter("code")) << "nothing of a broken text is used";
}

TEST(ScanHead, Cases) {
  struct Case {
    const char* name;
    std::string_view text;
    HeadState state;
    std::size_t bytes;
  };
  using enum HeadState;
  const Case cases[] = {
      {"nothing", "", Incomplete, 0},
      {"part of a line", "GET / HT", Incomplete, 0},
      {"no empty line yet", "GET / HTTP/1.1\r\nHost: a\r\n", Incomplete, 0},
      {"one byte missing", "GET / HTTP/1.1\r\nHost: a\r\n\r", Incomplete, 0},
      {"whole", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", Complete, 27},
      {"without fields", "GET / HTTP/1.0\r\n\r\n", Complete, 18},
      {"with what follows", "GET / HTTP/1.1\r\n\r\nGET \n\n", Complete, 18},
      {"tab within a value", "GET / HTTP/1.1\r\nA: b\tc\r\n\r\n", Complete, 26},
      {"bytes above ASCII", "GET / HTTP/1.1\r\nA: \xc3\xa4\r\n\r\n", Complete, 25},
      {"LF alone", "GET / HTTP/1.1\n", Malformed, 0},
      {"LF alone after a field", "GET / HTTP/1.1\r\nA: b\n", Malformed, 0},
      {"CR alone", "GET / HTTP/1.1\r\nA: b\rC: d", Malformed, 0},
      {"CR CR LF", "GET / HTTP/1.1\r\r\n", Malformed, 0},
      {"folded by a space", "GET / HTTP/1.1\r\nA: b\r\n c", Malformed, 0},
      {"folded by a tab", "GET / HTTP/1.1\r\nA: b\r\n\tc", Malformed, 0},
      {"white space before the request line", " GET /", Malformed, 0},
      {"empty request line", "\r\nGET / HTTP/1.1\r\n", Malformed, 0},
      {"LF first", "\n", Malformed, 0},
      {"NUL", std::string_view("GET /\0 HTTP", 11), Malformed, 0},
      {"control character", "GET / HTTP/1.1\r\nA: \x01", Malformed, 0},
      {"DEL", "GET / HTTP/1.1\r\nA: \x7f", Malformed, 0},
      {"first byte of a TLS hello", "\x16\x03\x01", Malformed, 0},
  };
  for (const auto& c : cases) {
    const auto whole = scan_head(c.text, 0);
    EXPECT_EQ(c.state, whole.state) << c.name;
    EXPECT_EQ(c.bytes, whole.bytes) << c.name;
    // The same byte by byte.
    HeadScan step;
    for (std::size_t n = 1; n <= c.text.size() && step.state == Incomplete; ++n)
      step = scan_head(c.text.substr(0, n), n - 1);
    EXPECT_EQ(c.state, step.state) << c.name;
    EXPECT_EQ(c.bytes, step.bytes) << c.name;
  }
}

}  // namespace
}  // namespace gatehouse::net
