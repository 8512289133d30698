#include "configuration/yaml_writer.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

#include "configuration/yaml.h"

namespace gatehouse::configuration {
namespace {

TEST(YamlWriter, ForPeople) {
  const json::value document = {
      {"name", "Wiki"},
      {"id", "0b1f2c3d-0000-5000-8000-000000000001"},
      {"enabled", true},
      {"nothing", nullptr},
      {"count", 3},
      {"score", 40.0},
      {"domains", {"wiki.example.com", "*.example.com"}},
      {"policies",
       {{{"name", "Staff"},
         {"include", {{{"email_domain", {{"domain", "example.com"}}}}}},
         {"exclude", json::array{}}}}},
      {"empty", json::object{}},
      {"page", "<p>one\n\n  <p>two\n"},
      {"key", "-----BEGIN\nx\n-----END"},
  };
  EXPECT_EQ(write_yaml(document), R"(name: Wiki
id: 0b1f2c3d-0000-5000-8000-000000000001
enabled: true
nothing: null
count: 3
score: 40.0
domains:
  - wiki.example.com
  - "*.example.com"
policies:
  - name: Staff
    include:
      - email_domain:
          domain: example.com
    exclude: []
empty: {}
page: |
  <p>one

    <p>two
key: |-
  -----BEGIN
  x
  -----END
)");
}

void expect_same(const json::value& value) {
  const std::string text = write_yaml(value);
  const auto read = parse_yaml(text);
  ASSERT_TRUE(read) << text << ": " << read.error().front().message;
  EXPECT_EQ(read->value, value) << text;
}

TEST(YamlWriter, TextsAreReadBackAsTheyWere) {
  for (const std::string_view text : {"",
                                      " ",
                                      "a",
                                      "true",
                                      "False",
                                      "null",
                                      "~",
                                      "yes",
                                      "No",
                                      "1",
                                      "-1",
                                      "1.5",
                                      "1e5",
                                      "007",
                                      "0x1f",
                                      "12:30",
                                      "2030-01-31",
                                      "a: b",
                                      "a:",
                                      ":a",
                                      "a #b",
                                      "#a",
                                      "- a",
                                      "-a",
                                      "?",
                                      "? a",
                                      "!a",
                                      "&a",
                                      "*a",
                                      "@a",
                                      "`a`",
                                      "%a",
                                      "|",
                                      ">",
                                      "{a}",
                                      "[a]",
                                      "a, b",
                                      "'a'",
                                      "\"a\"",
                                      "a\\b",
                                      "a ",
                                      " a",
                                      "a\nb",
                                      "a\nb\n",
                                      "a\nb\n\n",
                                      "\n",
                                      "\na",
                                      "  a\nb",
                                      "a\n  b",
                                      "a\r\nb",
                                      "a\tb",
                                      "\ta\nb",
                                      "a\n\tb\n",
                                      "---",
                                      "...",
                                      "---\na\n",
                                      "a\n---\n",
                                      "a\n...\nb",
                                      "# a\n# b\n",
                                      "a\n# b",
                                      "=",
                                      "<<",
                                      "a\x01"
                                      "b",
                                      "a\x7f"
                                      "b",
                                      "\xc3\xbc",
                                      "\xe2\x80\xa8",
                                      "a\xe2\x80\xa8\nb",
                                      "\xef\xbb\xbf"
                                      "a",
                                      "\xc2\x85"
                                      "a\nb",
                                      "a \n b",
                                      "a\n \nb",
                                      "a\n ",
                                      "https://a.example/b?c=d"}) {
    expect_same(json::value(text));
    expect_same(json::array{json::value(text), json::array{json::value(text)}});
    json::object object;
    object.emplace("key", text);
    object.emplace("after", 1);
    expect_same(object);
    expect_same(json::array{object});
    json::object keys;
    keys.emplace(text, "value");
    expect_same(keys);
  }
}

TEST(YamlWriter, NumbersAreReadBackAsTheyWere) {
  for (const double number : {0.0, 1.0, -1.5, 1e300, 1.25e-9, 123456789.125})
    expect_same(json::array{number});
  expect_same(json::array{std::numeric_limits<std::int64_t>::min(),
                          std::numeric_limits<std::uint64_t>::max(), 0, -1});
}

json::value random_value(std::mt19937& random, int depth) {
  const auto below = [&](unsigned bound) { return static_cast<unsigned>(random() % bound); };
  static constexpr std::array<std::string_view, 16> kParts{
      "a", "B", "1", " ", "\n", ":", "#", "-", "\"", "'", "\\", "\xc3\xbc", "{", ",", "\t", "/"};
  const auto text = [&] {
    std::string result;
    for (unsigned i = below(9); i > 0; --i) result += kParts[below(kParts.size())];
    return result;
  };
  switch (depth > 0 ? below(7) : below(5)) {
    case 0:
      return nullptr;
    case 1:
      return below(2) == 0;
    case 2:
      return static_cast<std::int64_t>(random()) - 1'000'000'000;
    case 5: {
      json::array array;
      for (unsigned i = below(4); i > 0; --i) array.push_back(random_value(random, depth - 1));
      return array;
    }
    case 6: {
      json::object object;
      for (unsigned i = below(4); i > 0; --i) object[text()] = random_value(random, depth - 1);
      return object;
    }
    default:
      return json::value(std::string_view(text()));
  }
}

TEST(YamlWriter, AnyValueIsReadBackAsItWas) {
  std::mt19937 random(4);
  for (int i = 0; i < 20'000 && !HasFailure(); ++i) expect_same(random_value(random, 5));
}

}  // namespace
}  // namespace gatehouse::configuration
