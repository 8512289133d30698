#include "base/json.h"

#include <gtest/gtest.h>

namespace gatehouse::json {
namespace {

using namespace std::string_view_literals;

TEST(JsonParse, TakesJson) {
  for (const auto text :
       {"{}"sv, "[]"sv, "null"sv, "1"sv, "\"x\""sv, " \t\r\n{ \"a\" : [ 1 , -2.5e3 ] } \n"sv,
        R"({"a":{"a":{"a":1}},"b":{"a":1}})"sv, R"([{"a":1},{"a":2}])"sv, R"({"":1})"sv,
        R"({"a":1,"A":2})"sv, R"("\u0000\ud83d\ude00")"sv, "\"\xc3\xa9\""sv, "-0"sv})
    EXPECT_TRUE(parse(text)) << text;
}

TEST(JsonParse, RefusesWithTheReason) {
  struct Case {
    std::string_view text;
    ParseError error;
  };
  constexpr Case kCases[] = {
      {"", ParseError::Syntax},
      {" ", ParseError::Syntax},
      {"{", ParseError::Syntax},
      {"{}{}", ParseError::Syntax},
      {"{} x", ParseError::Syntax},
      {"{}\0"sv, ParseError::Syntax},
      {"{\"a\":1,}", ParseError::Syntax},
      {"[1,]", ParseError::Syntax},
      {"{a:1}", ParseError::Syntax},
      {"{'a':1}", ParseError::Syntax},
      {"// x\n{}", ParseError::Syntax},
      {"/* x */{}", ParseError::Syntax},
      {"NaN", ParseError::Syntax},
      {"Infinity", ParseError::Syntax},
      {"-Infinity", ParseError::Syntax},
      {"01", ParseError::Syntax},
      {"+1", ParseError::Syntax},
      {"1.", ParseError::Syntax},
      {".5", ParseError::Syntax},
      {"0x10", ParseError::Syntax},
      {"1e400", ParseError::Syntax},
      {"1e99999999999999999999", ParseError::Syntax},
      {"\"a\nb\"", ParseError::Syntax},
      {"\"\\x41\"", ParseError::Syntax},
      {"\"\\u00g0\"", ParseError::Syntax},
      {"\"open", ParseError::Syntax},
      {"True", ParseError::Syntax},
      {"\xef\xbb\xbf{}", ParseError::Syntax},
      {"\xff\xfe{\0}\0"sv, ParseError::InvalidUtf8},
      {"{\"\xff\xfe\":1}", ParseError::InvalidUtf8},
      {"\"\xc0\x80\"", ParseError::InvalidUtf8},
      {"\"\xed\xa0\x80\"", ParseError::InvalidUtf8},
      {R"("\ud800")", ParseError::Syntax},
      {R"("\ud800\u0041")", ParseError::Syntax},
      {R"({"a":1,"a":1})", ParseError::DuplicateKey},
      {R"({"a":1,"b":2,"\u0061":3})", ParseError::DuplicateKey},
      {R"({"x":{"y":[{"a":1,"a":2}]}})", ParseError::DuplicateKey},
      {R"({"a":{"a":1},"b":[],"a":{}})", ParseError::DuplicateKey},
      {R"({"":1,"":2})", ParseError::DuplicateKey},
      {R"({"a\/":1,"a/":2})", ParseError::DuplicateKey},
  };
  for (const auto& [text, error] : kCases) {
    const auto document = parse(text);
    ASSERT_FALSE(document) << text;
    EXPECT_EQ(to_string(document.error()), to_string(error)) << text;
  }
}

TEST(JsonParse, HasLimits) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_TRUE(parse(nested(32)));
  EXPECT_EQ(parse(nested(33)).error(), ParseError::TooDeep);
  EXPECT_EQ(parse(nested(100'000)).error(), ParseError::TooDeep);
  EXPECT_TRUE(parse(R"({"a":{}})", {.max_bytes = 8, .max_depth = 2}));
  EXPECT_EQ(parse(R"({"a":{}})", {.max_bytes = 7, .max_depth = 2}).error(), ParseError::TooLarge);
  EXPECT_EQ(parse(R"({"a":{}})", {.max_bytes = 8, .max_depth = 1}).error(), ParseError::TooDeep);
  EXPECT_EQ(parse(std::string((1 << 20) + 1, ' ')).error(), ParseError::TooLarge);
}

TEST(JsonParse, FindsDuplicatesAmongLongKeysInParts) {
  // Long keys and escapes reach the handler in pieces.
  const std::string key = std::string(5'000, 'k') + "\\n" + std::string(5'000, 'k');
  const std::string text = "{\"" + key + "\":1,\"x\":{\"" + key + "\":2},\"" + key + "\":3}";
  EXPECT_EQ(parse(text).error(), ParseError::DuplicateKey);
  EXPECT_TRUE(parse("{\"" + key + "\":1,\"x\":{\"" + key + "\":2}}"));
}

TEST(JsonFind, IsTyped) {
  const value document = *parse(
      R"({"s":"x","i":-5,"u":18446744073709551615,"d":1.0,"b":true,"n":null,"o":{},"a":[]})");
  const object& from = document.get_object();
  EXPECT_EQ(find_string(from, "s"), "x");
  EXPECT_EQ(find_int(from, "i"), -5);
  EXPECT_EQ(find_int(from, "u"), std::nullopt);
  EXPECT_EQ(find_int(from, "d"), std::nullopt);
  EXPECT_EQ(find_int(from, "s"), std::nullopt);
  EXPECT_EQ(find_bool(from, "b"), true);
  EXPECT_EQ(find_bool(from, "i"), std::nullopt);
  EXPECT_EQ(find_string(from, "n"), std::nullopt);
  EXPECT_NE(find_object(from, "o"), nullptr);
  EXPECT_EQ(find_object(from, "a"), nullptr);
  EXPECT_NE(find_array(from, "a"), nullptr);
  EXPECT_EQ(find_array(from, "o"), nullptr);
  EXPECT_EQ(find(from, "absent"), nullptr);
  EXPECT_EQ(find_string(from, "absent"), std::nullopt);
  EXPECT_EQ(find_int(object{{"made", 7U}}, "made"), 7);
}

// RFC 6901 5, and what is no pointer or points nowhere.
TEST(JsonPointer, Points) {
  const value document = *parse(
      R"({"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3," ":7,"m~n":8,"k":{"l":[{"z":9}]}})");
  struct Case {
    std::string_view pointer;
    std::string_view serialized;
  };
  constexpr Case kFound[] = {
      {"/foo", R"(["bar","baz"])"},
      {"/foo/0", R"("bar")"},
      {"/", "0"},
      {"/a~1b", "1"},
      {"/c%d", "2"},
      {"/e^f", "3"},
      {"/ ", "7"},
      {"/m~0n", "8"},
      {"/k/l/0/z", "9"},
  };
  for (const auto& [pointer, serialized] : kFound) {
    const value* found = at_pointer(document, pointer);
    ASSERT_NE(found, nullptr) << pointer;
    EXPECT_EQ(json::serialize(*found), serialized);
  }
  EXPECT_EQ(at_pointer(document, ""), &document);
  for (const auto pointer : {"foo"sv, "/foo/2"sv, "/foo/-"sv, "/foo/00"sv, "/foo/-1"sv, "/foo/"sv,
                             "/foo/0x"sv, "/foo/99999999999999999999"sv, "/foo/0/x"sv, "/a/b"sv,
                             "/m~n"sv, "/m~2n"sv, "/m~"sv, "/absent"sv, "//"sv})
    EXPECT_EQ(at_pointer(document, pointer), nullptr) << pointer;
}

TEST(JsonSerialize, KeepsOrderAndWritesNoSpace) {
  EXPECT_EQ(json::serialize(*parse(R"( { "b" : 1 , "a" : [ true , null , "\u000a" ] } )")),
            R"({"b":1,"a":[true,null,"\n"]})");
}

}  // namespace
}  // namespace gatehouse::json
