#include "dataplane/log_tail.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

namespace gatehouse::dataplane {
namespace {

namespace fs = std::filesystem;

class LogTail : public testing::Test {
 protected:
  LogTail() {
    std::string pattern = (fs::temp_directory_path() / "log_tail.XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    file_ = directory_ / "decisions.jsonl";
  }
  ~LogTail() override { fs::remove_all(directory_); }

  void write(const std::string& suffix, const std::string& text) const {
    std::ofstream(file_.string() + suffix, std::ios::app) << text;
  }
  std::vector<std::string> lines(unsigned files, std::size_t limit = 1000,
                                 std::uint64_t max_bytes = 1 << 20) const {
    std::vector<std::string> found;
    if (limit == 0) return found;
    read_newest_lines(file_, files, max_bytes, [&](std::string_view line) {
      found.emplace_back(line);
      return found.size() < limit;
    });
    return found;
  }

  fs::path directory_;
  fs::path file_;
};
using Lines = std::vector<std::string>;

TEST_F(LogTail, NewestFirstOverAllFiles) {
  EXPECT_EQ(lines(3), Lines{});
  write("", "5\n6\n");
  EXPECT_EQ(lines(1), (Lines{"6", "5"}));
  write(".1", "3\n4\n");
  write(".2", "1\n2\n");
  write(".3", "0\n");
  EXPECT_EQ(lines(3), (Lines{"6", "5", "4", "3", "2", "1"}));
  EXPECT_EQ(lines(3, 3), (Lines{"6", "5", "4"}));
  EXPECT_EQ(lines(1), (Lines{"6", "5"}));
  fs::remove(file_.string() + ".1");
  EXPECT_EQ(lines(3), (Lines{"6", "5", "2", "1"}));
}

TEST_F(LogTail, LinesOfAnyLengthAcrossBlocks) {
  Lines expected;
  for (std::size_t i = 0; i < 300; ++i) {
    const std::string line = std::to_string(i) + std::string((i * 997) % 3000, 'x');
    write("", line + "\n");
    expected.insert(expected.begin(), line);
  }
  EXPECT_EQ(lines(1), expected);
  write(".1", std::string(200'000, 'y') + "\nlast\n");
  expected.emplace_back("last");
  expected.emplace_back(200'000, 'y');
  EXPECT_EQ(lines(2, 1000, 4 << 20), expected);
}

TEST_F(LogTail, WhatStandsWithoutAnEndIsALineToo) {
  write("", "a\nb");
  EXPECT_EQ(lines(1), (Lines{"b", "a"}));
  write(".1", "");
  write(".2", "\n");
  EXPECT_EQ(lines(3), (Lines{"b", "a"}));
}

TEST_F(LogTail, ReadsNoMoreThanItMay) {
  write("", "first\n");
  write("", std::string(100'000, 'x') + "\nlast\n");
  const auto found = lines(1, 1000, 50'000);
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found.front(), "last");
  for (const auto& line : found) EXPECT_NE(line, "first");
}

TEST_F(LogTail, AFileUnderTwoNamesIsReadOnce) {
  write("", "a\n");
  fs::create_hard_link(file_, file_.string() + ".1");
  EXPECT_EQ(lines(2), (Lines{"a"}));
}

}  // namespace
}  // namespace gatehouse::dataplane
