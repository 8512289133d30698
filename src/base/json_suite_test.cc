// JSONTestSuite, read where the test kit keeps it: what RFC 8259 demands, case by case. Where it
// leaves a choice, and where we ask for more than it does, our choice stands here.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "base/encoding.h"
#include "base/json.h"

namespace gatehouse::json {
namespace {

TEST(JsonSuite, EveryCaseIsTakenOrRefusedAsItShouldBe) {
  std::ifstream in(GATEHOUSE_SHARED_TESTKIT "/hostile/json-parsing.json");
  if (!in) GTEST_SKIP() << "no test kit";
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  const auto document = parse(text, {.max_bytes = 8 << 20});
  ASSERT_TRUE(document);
  // RFC 8259 4 only says that names should be unique; two readers of a duplicate differ.
  const std::set<std::string_view> stricter = {"y_object_duplicated_key",
                                               "y_object_duplicated_key_and_value"};
  std::map<std::string_view, int> counts;
  for (const value& item : document->get_array()) {
    const object& test = item.get_object();
    const std::string_view name = *find_string(test, "name");
    const std::string_view expect = *find_string(test, "expect");
    const auto parsed = parse(base64_decode(*find_string(test, "base64")).value());
    ++counts[expect];
    if (expect == "either") continue;  // that it returns is all
    EXPECT_EQ(parsed.has_value(), expect == "accept" && !stricter.contains(name)) << name;
  }
  EXPECT_EQ(counts["accept"], 95);
  EXPECT_EQ(counts["reject"], 188);
  EXPECT_EQ(counts["either"], 35);
}

// The same classes, of our own.
TEST(JsonSuite, ClassesOfTrouble) {
  struct Case {
    const char* name;
    std::string text;
    bool accepted;
  };
  const Case cases[] = {
      {"number with a leading zero", "[01]", false},
      {"number with a plus", "[+1]", false},
      {"number that ends in a point", "[1.]", false},
      {"number without its whole part", "[.5]", false},
      {"number in hexadecimal", "[0x1]", false},
      {"not a number", "[NaN]", false},
      {"minus alone", "[-]", false},
      {"zero with a sign", "[-0]", true},
      {"exponent without digits", "[1e]", false},
      {"comma at the end", "[1,]", false},
      {"comma at the start", "[,1]", false},
      {"comma at the end of an object", R"({"a":1,})", false},
      {"name without quotes", "{a:1}", false},
      {"single quotes", "['a']", false},
      {"comment", "[1/* */]", false},
      {"control character in a text", "[\"a\tb\"]", false},
      {"escape that is none", R"(["\x41"])", false},
      {"unfinished escape", R"(["\u12"])", false},
      {"surrogate pair", R"(["\uD83D\uDE00"])", true},
      {"first surrogate alone", R"(["\uD83D"])", false},
      {"second surrogate alone", R"(["\uDE00"])", false},
      {"overlong UTF-8", "[\"\xc0\xaf\"]", false},
      {"surrogate in UTF-8", "[\"\xed\xa0\x80\"]", false},
      {"beyond Unicode", "[\"\xf4\x90\x80\x80\"]", false},
      {"form feed as white space", "[\f1]", false},
      {"no-break space",
       "[\xc2\xa0"
       "1]",
       false},
      {"byte order mark", "\xef\xbb\xbf[]", false},
      {"two documents", "[][]", false},
      {"nothing", "", false},
      {"only white space", " \n", false},
      {"a text alone", "\"a\"", true},
      {"trailing NUL", std::string("[]\0", 3), false},
  };
  for (const auto& [name, text, accepted] : cases)
    EXPECT_EQ(parse(text).has_value(), accepted) << name;
}

}  // namespace
}  // namespace gatehouse::json
