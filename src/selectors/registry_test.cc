#include "selectors/registry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include "selectors/test_support.h"

namespace gatehouse::selectors {
namespace {

TEST(Registry, HasEveryFolderInAlphabeticalOrder) {
  std::vector<std::string> names;
  std::vector<std::string> folders_of_names;
  for (const auto& kind : registry()) {
    names.emplace_back(kind.name);
    // A folder is spelt as C++ names are: `azureAD` is azure_ad.
    std::string folder = names.back() == "azureAD" ? "azure_ad" : names.back();
    std::ranges::replace(folder, '-', '_');
    folders_of_names.push_back(std::move(folder));
  }
  EXPECT_TRUE(std::ranges::is_sorted(names));
  std::vector<std::string> folders;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::path(GATEHOUSE_TESTDATA).parent_path()))
    if (entry.is_directory()) folders.push_back(entry.path().filename());
  std::ranges::sort(folders);
  EXPECT_EQ(folders_of_names, folders);
}

// One row for each kind, and no other.
TEST(Registry, IsWhatTheReferenceLists) {
  std::ifstream in(std::filesystem::path(GATEHOUSE_TESTDATA).parent_path() /
                   "../../docs/reference/selectors.md");
  ASSERT_TRUE(in);
  std::vector<std::string> rows;
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("| `{\"")) {
      const std::string rest = line.substr(5);
      rows.push_back(rest.substr(0, rest.find('"')));
    }
  std::vector<std::string> names;
  for (const auto& kind : registry()) names.emplace_back(kind.name);
  EXPECT_EQ(rows, names);
}

// What holds for every kind: nothing unknown is overlooked.
TEST(Registry, EveryKindRefusesUnknownFields) {
  for (const auto& kind : registry()) {
    const auto compiled = testing::compile(kind.compile, R"([{"surprise": "x"}])");
    ASSERT_FALSE(compiled) << kind.name;
    EXPECT_EQ(compiled.error().field, "surprise") << kind.name;
  }
}

}  // namespace
}  // namespace gatehouse::selectors
