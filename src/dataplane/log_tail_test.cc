#include "dataplane/log_tail.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <optional>
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
                                 std::optional<LogPosition> before = std::nullopt) const {
    std::vector<std::string> found;
    const LogFiles all(file_, files);
    LogFiles::Backward reader(all, before);
    while (found.size() < limit) {
      const auto line = reader.next();
      if (!line) break;
      found.emplace_back(*line);
    }
    return found;
  }
  // What stands behind `position`, which moves on.
  std::vector<std::string> newer(LogPosition& position, unsigned files = 3,
                                 std::size_t limit = 1000,
                                 std::uint64_t max_bytes = 1 << 20) const {
    std::vector<std::string> found;
    position = LogFiles(file_, files).read_after(position, max_bytes, [&](std::string_view line) {
      if (found.size() >= limit) return false;
      found.emplace_back(line);
      return true;
    });
    return found;
  }
  void rotate() const {
    std::error_code absent;
    fs::rename(file_.string() + ".1", file_.string() + ".2", absent);
    fs::rename(file_, file_.string() + ".1", absent);
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
  EXPECT_EQ(lines(2, 1000), expected);
}

TEST_F(LogTail, ALineCountsOnceItHasItsEnd) {
  write("", "a\nb");
  EXPECT_EQ(lines(1), (Lines{"a"}));
  LogPosition position;
  EXPECT_EQ(newer(position), (Lines{"a"}));
  write("", "c\n");
  EXPECT_EQ(lines(1), (Lines{"bc", "a"}));
  EXPECT_EQ(newer(position), (Lines{"bc"}));
  write(".1", "");
  write(".2", "\n");
  EXPECT_EQ(lines(3), (Lines{"bc", "a"}));
}

TEST_F(LogTail, FollowsOverRotations) {
  LogPosition position;
  EXPECT_EQ(newer(position), Lines{});
  write("", "1\n2\n");
  EXPECT_EQ(newer(position, 3, 1), (Lines{"1"}));
  EXPECT_EQ(newer(position), (Lines{"2"}));
  EXPECT_EQ(newer(position), Lines{});
  EXPECT_EQ(position, LogFiles(file_, 3).end());
  write("", "3\n");
  rotate();
  EXPECT_EQ(newer(position), (Lines{"3"}));
  write("", "4\n");
  rotate();
  write("", "5\n");
  EXPECT_EQ(newer(position), (Lines{"4", "5"}));
  // Away for so long that the file is gone: from the oldest on.
  for (const char* text : {"6\n", "7\n", "8\n"}) {
    rotate();
    write("", text);
  }
  EXPECT_EQ(newer(position), (Lines{"6", "7", "8"}));
}

TEST_F(LogTail, GoesOnTowardsTheOldest) {
  write(".1", "1\n2\n");
  write("", "3\n4\n");
  const LogFiles all(file_, 2);
  LogFiles::Backward reader(all, std::nullopt);
  EXPECT_EQ(reader.next(), "4");
  const auto before = reader.position();
  EXPECT_EQ(lines(2, 1000, before), (Lines{"3", "2", "1"}));
  rotate();
  write("", "5\n");
  EXPECT_EQ(lines(3, 1000, before), (Lines{"3", "2", "1"}));
  EXPECT_EQ(lines(3, 1000, LogPosition{"0123456789abcdef", 3}), Lines{});
}

TEST_F(LogTail, ReadsNoMoreThanItMay) {
  for (int i = 0; i < 1000; ++i) write("", std::string(1000, 'x') + "\n");
  LogPosition position;
  const auto first = newer(position, 3, 1000, 100'000).size();
  EXPECT_GT(first, 50U);
  EXPECT_LT(first, 200U);
  EXPECT_EQ(newer(position).size(), 1000 - first);
}

TEST_F(LogTail, AFileUnderTwoNamesIsReadOnce) {
  write("", "a\n");
  fs::create_hard_link(file_, file_.string() + ".1");
  EXPECT_EQ(lines(2), (Lines{"a"}));
}

}  // namespace
}  // namespace gatehouse::dataplane
