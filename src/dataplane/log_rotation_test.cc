#include "dataplane/log_rotation.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <vector>

namespace gatehouse::dataplane {
namespace {

namespace fs = std::filesystem;

class LogRotationTest : public testing::Test {
 protected:
  LogRotationTest() {
    std::string pattern = (fs::temp_directory_path() / "log_rotation.XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    file_ = directory_ / "decisions.jsonl";
  }
  ~LogRotationTest() override { fs::remove_all(directory_); }

  LogRotation rotation(LogLimits limits) {
    return LogRotation(
        file_, limits, [this] { ++reopened_; },
        [this](const std::string& line) { said_.push_back(line); });
  }
  void write(const std::string& text) { std::ofstream(file_, std::ios::app) << text; }
  std::string read(const std::string& suffix = "") const {
    std::ifstream in(file_.string() + suffix);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  bool exists(const std::string& suffix) const { return fs::exists(file_.string() + suffix); }

  fs::path directory_;
  fs::path file_;
  int reopened_ = 0;
  std::vector<std::string> said_;
};

TEST_F(LogRotationTest, NothingHappensUpToTheLimit) {
  auto rotation = this->rotation({.max_bytes = 4, .files = 3});
  rotation.tick();
  EXPECT_FALSE(exists(""));
  write("1234");
  rotation.tick();
  EXPECT_EQ(read(), "1234");
  EXPECT_EQ(reopened_, 0);
}

TEST_F(LogRotationTest, AByteMoreRotatesAndTheOldestGoes) {
  auto rotation = this->rotation({.max_bytes = 4, .files = 3});
  for (const char* text : {"first", "second", "third", "fourth"}) {
    write(text);
    rotation.tick();
    EXPECT_FALSE(exists(""));  // nginx makes it
    EXPECT_EQ(read(".1"), text);
  }
  EXPECT_EQ(read(".2"), "third");
  EXPECT_FALSE(exists(".3"));
  EXPECT_EQ(reopened_, 4);
  EXPECT_TRUE(said_.empty());
}

TEST_F(LogRotationTest, OneFileIsEmptied) {
  auto rotation = this->rotation({.max_bytes = 4, .files = 1});
  write("12345");
  rotation.tick();
  EXPECT_EQ(read(), "");
  EXPECT_TRUE(exists(""));
  EXPECT_FALSE(exists(".1"));
}

TEST_F(LogRotationTest, LimitsCanChange) {
  auto rotation = this->rotation({.max_bytes = 100, .files = 2});
  write("12345");
  rotation.tick();
  EXPECT_FALSE(exists(".1"));
  rotation.set_limits({.max_bytes = 4, .files = 2});
  rotation.tick();
  EXPECT_EQ(read(".1"), "12345");
}

TEST_F(LogRotationTest, WhatCannotBeRenamedIsEmptiedAndSaidOnce) {
  auto rotation = this->rotation({.max_bytes = 4, .files = 2});
  fs::create_directories(file_.string() + ".1/in-the-way");
  for (int i = 0; i < 2; ++i) {
    write("12345");
    rotation.tick();
    EXPECT_EQ(read(), "");
  }
  EXPECT_EQ(reopened_, 0);
  ASSERT_EQ(said_.size(), 1u);
  EXPECT_NE(said_.front().find("decisions.jsonl"), std::string::npos);
  fs::remove_all(file_.string() + ".1");
  write("12345");
  rotation.tick();
  EXPECT_EQ(read(".1"), "12345");
  EXPECT_EQ(reopened_, 1);
}

TEST_F(LogRotationTest, AGroupThatIsNotThereIsNamed) {
  const auto result = let_workers_reopen(directory_, "no-such-group");
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().find("no-such-group"), std::string::npos);
}

}  // namespace
}  // namespace gatehouse::dataplane
