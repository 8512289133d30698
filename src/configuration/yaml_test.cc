#include "configuration/yaml.h"

#include <gtest/gtest.h>

#include "model/limits.h"

namespace gatehouse::configuration {
namespace {

std::string problems_of(std::string_view text) {
  const auto document = parse_yaml(text);
  std::string all;
  if (document) return all;
  for (const YamlProblem& problem : document.error()) {
    if (!all.empty()) all += '\n';
    all += std::to_string(problem.line) + ": " + problem.field + ": " + problem.message;
  }
  return all;
}

std::string json_of(std::string_view text) {
  const auto document = parse_yaml(text);
  return document ? json::serialize(document->value) : "problem: " + problems_of(text);
}

TEST(Yaml, Values) {
  struct {
    std::string_view yaml;
    std::string_view expected;
  } cases[] = {
      {"", "null"},
      {"# nothing", "null"},
      {"~", "null"},
      {"null", "null"},
      {"a:", R"({"a":null})"},
      {"true", "true"},
      {"FALSE", "false"},
      {"'true'", R"("true")"},
      {"yes", R"("yes")"},
      {"off", R"("off")"},
      {"0", "0"},
      {"-17", "-17"},
      {"9223372036854775807", "9223372036854775807"},
      {"18446744073709551615", "18446744073709551615"},
      {"18446744073709551616", R"("18446744073709551616")"},
      {"007", R"("007")"},
      {"0x10", R"("0x10")"},
      {"+1", R"("+1")"},
      {"-", "[null]"},
      {"1.5", "1.5E0"},
      {"1.5e3", "1.5E3"},
      {"1.", R"("1.")"},
      {".5", R"(".5")"},
      {"1.2.3", R"("1.2.3")"},
      {".inf", R"(".inf")"},
      {"1e999", R"("1e999")"},
      {"1.5e999", R"("1.5e999")"},
      {"\"1\"", R"("1")"},
      {"!!str 1", R"("1")"},
      {"|\n  a\n  b\n", R"("a\nb\n")"},
      {"2030-01-31T00:00:00Z", R"("2030-01-31T00:00:00Z")"},
      {"{a: [1, b, {c: d}], 2: e}", R"({"a":[1,"b",{"c":"d"}],"2":"e"})"},
      {"- a\n- b: 1\n  c: 2\n", R"(["a",{"b":1,"c":2}])"},
      {"a: &x {b: 1}\nc: *x\n", R"({"a":{"b":1},"c":{"b":1}})"},
      {"a: &x 1\nb: &x 2\nc: *x\n", R"({"a":1,"b":2,"c":2})"},
      {"\xef\xbb\xbf"
       "a: 1",
       R"({"a":1})"},
      {"a: b\xc3\xbc"
       "cher",
       "{\"a\":\"b\xc3\xbc"
       "cher\"}"},
  };
  for (const auto& c : cases) EXPECT_EQ(json_of(c.yaml), c.expected) << c.yaml;
}

TEST(Yaml, Problems) {
  const std::string deepest(kMaxYamlDepth, '[');
  const std::string deepest_close(kMaxYamlDepth, ']');
  EXPECT_EQ(problems_of(deepest + deepest_close), "");
  EXPECT_EQ(problems_of("a: " + deepest + deepest_close).substr(0, 4), "1: a");
  struct {
    std::string_view yaml;
    std::string_view expected;
  } cases[] = {
      {"a: 1\nb: [1, 2\nc: 3\n", "3: b[2]: end of sequence flow not found"},
      {"a: 1\n b: 2\n", "2: : illegal map value"},
      {"a: 1\nb: 2\na: 3\nc: {d: 1, d: 2}\n",
       "3: a: is a duplicate key\n4: c.d: is a duplicate key"},
      {"a: 1\n\"a\": 2\n", "2: a: is a duplicate key"},
      {"a: 1\n---\nb: 2\n", "2: : must hold one document only"},
      {"a: !!binary aGk=\n", "1: a: tags such as `tag:yaml.org,2002:binary` are not supported"},
      {"a: !custom {b: 1}\n", "1: a: tags such as `!custom` are not supported"},
      {"[a]: 1\n", "1: : a key must be text"},
      {"{a: 1}: 1\n", "1: : a key must be text"},
      {"~: 1\n", "1: : a key must be text"},
      {"a: *x\n", "1: a: the referenced anchor is not defined"},
      {"a: &x [1, *x]\n", "1: a[1]: an alias must not stand inside its own anchor"},
      {"a: \xff\n", "0: : must be UTF-8 text"},
  };
  for (const auto& c : cases) EXPECT_EQ(problems_of(c.yaml), c.expected) << c.yaml;
  EXPECT_EQ(problems_of(std::string("a\0: 1\0", 6)), "0: : must be UTF-8 text");
  EXPECT_EQ(problems_of(std::string(model::kMaxConfigurationBytes + 1, '#')),
            "0: : must have at most 32 MiB");
}

TEST(Yaml, AliasesDoNotExplode) {
  std::string values = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  std::string bytes = "a0: &a0 " + std::string(1000000, 'x') + "\n";
  for (int i = 1; i < 10; ++i) {
    const std::string name = "a" + std::to_string(i);
    const std::string before = "*a" + std::to_string(i - 1);
    std::string line = name + ": &" + name + " [" + before;
    for (int j = 1; j < 10; ++j) line += ", " + before;
    values += line + "]\n";
    bytes += line + "]\n";
  }
  EXPECT_TRUE(problems_of(values).ends_with("is too large, or its aliases expand to too much"));
  EXPECT_TRUE(problems_of(bytes).ends_with("is too large, or its aliases expand to too much"));
}

TEST(Yaml, Locations) {
  const auto document = parse_yaml(
      "# comment\n"
      "apps:\n"
      "  - name: a\n"
      "    text: |\n"
      "      line\n"
      "    deep: {x: 1,\n"
      "           \"y z\": 2}\n"
      "  -\n"
      "    name: b\n"
      "shared: &s {k: 1}\n"
      "list:\n"
      "  - *s\n");
  ASSERT_TRUE(document);
  struct {
    std::string_view pointer;
    int line;
    std::string_view field;
  } cases[] = {
      {"", 0, ""},
      {"/absent", 0, "absent"},
      {"/apps", 2, "apps"},
      {"/apps/0", 3, "apps[0]"},
      {"/apps/0/name", 3, "apps[0].name"},
      {"/apps/0/text", 4, "apps[0].text"},
      {"/apps/0/deep/x", 6, "apps[0].deep.x"},
      {"/apps/0/deep/y z", 7, "apps[0].deep[\"y z\"]"},
      {"/apps/0/deep/absent/more", 6, "apps[0].deep.absent.more"},
      {"/apps/0/a~1b~0c", 3, "apps[0][\"a/b~c\"]"},
      {"/apps/1/name", 9, "apps[1].name"},
      {"/apps/2/name", 2, "apps[2].name"},
      {"/list/0", 12, "list[0]"},
      {"/list/0/k", 10, "list[0].k"},
  };
  for (const auto& c : cases) {
    const Position position = locate(*document, c.pointer);
    EXPECT_EQ(position.line, c.line) << c.pointer;
    EXPECT_EQ(position.field, c.field) << c.pointer;
  }
}

}  // namespace
}  // namespace gatehouse::configuration
