#include "selectors/registry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>

#include "selectors/test_support.h"

namespace gatehouse::selectors {
namespace {

TEST(Registry, HasEveryFolderInAlphabeticalOrder) {
  std::vector<std::string> names;
  for (const auto& kind : registry()) names.emplace_back(kind.name);
  EXPECT_TRUE(std::ranges::is_sorted(names));
  std::vector<std::string> folders;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::path(GATEHOUSE_TESTDATA).parent_path()))
    if (entry.is_directory()) folders.push_back(entry.path().filename());
  std::ranges::sort(folders);
  EXPECT_EQ(names, folders);
}

// What holds for every kind: nothing unknown is overlooked.
TEST(Registry, EveryKindRefusesUnknownFields) {
  for (const auto& kind : registry()) {
    const auto compiled = testing::compile(kind.compile, R"([{"surprise": "x"}])");
    ASSERT_FALSE(compiled) << kind.name;
    EXPECT_EQ(compiled.error().field, "surprise") << kind.name;
  }
}

// Nobody, from nowhere: only `everyone` holds.
TEST(Registry, NoKindMatchesWithoutEvidence) {
  const std::pair<std::string_view, std::string_view> values[] = {
      {"email", R"([{"email": "a@b.example"}])"},
      {"email_domain", R"([{"domain": "b.example"}])"},
      {"ip", R"([{"ip": "192.0.2.1"}])"},
      {"login_method", R"([{"id": "staff"}])"},
      {"service_token", R"([{"token_id": "staff"}])"},
  };
  for (const auto& [name, text] : values) {
    const auto kind = std::ranges::find(registry(), name, &decision::SelectorKind::name);
    ASSERT_NE(kind, registry().end()) << name;
    const auto compiled = testing::compile(kind->compile, text);
    ASSERT_TRUE(compiled) << name;
    EXPECT_NE((*compiled)->match(testing::empty_snapshot(), {}, testing::kNow).truth,
              decision::Truth::True)
        << name;
  }
}

}  // namespace
}  // namespace gatehouse::selectors
