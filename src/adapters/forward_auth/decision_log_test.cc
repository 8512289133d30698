#include "adapters/forward_auth/decision_log.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>
#include <sstream>

namespace gatehouse::adapters {
namespace {

namespace fs = std::filesystem;

class DecisionLogTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "decision_log_XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { fs::remove_all(directory_); }
  std::string content(const std::string& name) const {
    std::ifstream file(directory_ / name);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  fs::path directory_;
};

TEST_F(DecisionLogTest, WritesEverythingBeforeItEndsAndAppends) {
  for (int run = 0; run < 2; ++run) {
    DecisionLog log(directory_ / "x.jsonl", 1000, 3);
    log.append("{\"a\":1}");
    log.append("{\"a\":2}");
  }
  EXPECT_EQ(content("x.jsonl"), "{\"a\":1}\n{\"a\":2}\n{\"a\":1}\n{\"a\":2}\n");
}

TEST_F(DecisionLogTest, RotatesAtItsSizeAndKeepsSoManyFiles) {
  {
    DecisionLog log(directory_ / "x.jsonl", 10, 3);
    for (const char* record :
         {"1234", "5678", "aaaa", "bbbb", "a long record of its own", "c", "dddddddd", "e"})
      log.append(record);
  }
  EXPECT_EQ(content("x.jsonl"), "e\n");
  EXPECT_EQ(content("x.jsonl.1"), "dddddddd\n");
  EXPECT_EQ(content("x.jsonl.2"), "c\n");
  EXPECT_FALSE(fs::exists(directory_ / "x.jsonl.3"));
}

TEST_F(DecisionLogTest, OneFileIsBegunAnew) {
  {
    DecisionLog log(directory_ / "x.jsonl", 10, 1);
    log.append("12345678");
    log.append("abc");
  }
  EXPECT_EQ(content("x.jsonl"), "abc\n");
}

TEST_F(DecisionLogTest, WhatCannotBeWrittenIsCounted) {
  DecisionLog log(directory_ / "absent" / "x.jsonl", 10, 2);
  log.append("a");
  log.append("b");
  while (log.dropped() < 2) std::this_thread::yield();
  EXPECT_EQ(log.dropped(), 2U);
}

}  // namespace
}  // namespace gatehouse::adapters
