#include "dataplane/decision_logs.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace gatehouse::dataplane {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

class DecisionLogs : public testing::Test {
 protected:
  DecisionLogs() {
    std::string pattern = (fs::temp_directory_path() / "decision_logs.XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    logs_ = {directory_ / "decisions.jsonl", directory_ / "forward_auth.jsonl", 3};
  }
  ~DecisionLogs() override { fs::remove_all(directory_); }

  void nginx(int second, std::string_view reference) const {
    std::ofstream(logs_.nginx, std::ios::app) << fmt::format(
        R"({{"at":"2027-01-15T08:00:{:02}+00:00","reference":"{}","evidence":"{{\"identity\":3}}"}})"
        "\n",
        second, reference);
  }
  void forward_auth(int second, std::string_view reference) const {
    std::ofstream(logs_.forward_auth, std::ios::app) << fmt::format(
        R"({{"at":"2027-01-15T08:00:{:02}Z","reference":"{}","evidence":{{"identity":4}}}})"
        "\n",
        second, reference);
  }
  [[nodiscard]] DecisionsFound find(std::size_t limit, std::string older = "",
                                    std::string newer = "") const {
    return find_decisions(logs_, {limit, std::move(older), std::move(newer),
                                  [](const json::object&) { return Take::Yes; }})
        .value();
  }
  static Names names(const DecisionsFound& found) {
    Names all;
    for (const auto& line : found.lines)
      all.emplace_back(json::find_string(line, "reference").value_or("?"));
    return all;
  }

  fs::path directory_;
  DecisionLogFiles logs_;
};

TEST_F(DecisionLogs, MergedByTimeAndPagedToTheEnd) {
  EXPECT_EQ(names(find(10)), Names{});
  EXPECT_EQ(find(10).older, std::nullopt);
  nginx(1, "a");
  nginx(3, "c");
  nginx(5, "e");
  forward_auth(2, "b");
  forward_auth(4, "d");
  EXPECT_EQ(names(find(10)), (Names{"e", "d", "c", "b", "a"}));
  auto page = find(2);
  EXPECT_EQ(names(page), (Names{"e", "d"}));
  EXPECT_EQ(json::find_string(page.lines[0], "source"), "nginx");
  EXPECT_EQ(json::find_string(page.lines[1], "source"), "forward_auth");
  EXPECT_EQ(page.lines[0].at("evidence"), (json::value{{"identity", 3}}));
  EXPECT_EQ(page.lines[1].at("evidence"), (json::value{{"identity", 4}}));
  nginx(6, "f");  // what comes meanwhile moves nothing
  page = find(2, page.older.value());
  EXPECT_EQ(names(page), (Names{"c", "b"}));
  page = find(2, page.older.value());
  EXPECT_EQ(names(page), (Names{"a"}));
  EXPECT_EQ(page.older, std::nullopt);
}

TEST_F(DecisionLogs, TailGivesEachLineOnce) {
  auto tail = find(10).newer;
  nginx(1, "a");
  forward_auth(2, "b");
  auto page = find(10, "", tail);
  EXPECT_EQ(names(page), (Names{"b", "a"}));
  EXPECT_EQ(names(find(10, "", page.newer)), Names{});
  nginx(3, "c");
  nginx(4, "d");
  page = find(1, "", page.newer);
  EXPECT_EQ(names(page), (Names{"c"}));
  fs::rename(logs_.nginx, logs_.nginx.string() + ".1");
  nginx(5, "e");
  page = find(10, "", page.newer);
  EXPECT_EQ(names(page), (Names{"e", "d"}));
}

TEST_F(DecisionLogs, WhoAsksChoosesAndStops) {
  for (int i = 1; i <= 5; ++i) nginx(i, std::to_string(i));
  const auto found =
      find_decisions(logs_, {10, "", "", [](const json::object& line) {
                               const auto name = json::find_string(line, "reference").value();
                               return name == "2" ? Take::Stop : name == "4" ? Take::No : Take::Yes;
                             }});
  EXPECT_EQ(names(*found), (Names{"5", "3"}));
  EXPECT_EQ(found->older, std::nullopt);
}

TEST_F(DecisionLogs, CursorsOfOthersAreRefused) {
  for (const char* text : {"x", "-", "a.b-c.d", "0.0", "a.1-b.-1", "G.1-a.2", "a.1-b.2-c.3"}) {
    EXPECT_EQ(find_decisions(logs_, {1, text, "", {}}), std::nullopt) << text;
    EXPECT_EQ(find_decisions(logs_, {1, "", text, {}}), std::nullopt) << text;
  }
}

TEST_F(DecisionLogs, FollowingCountsNothingTwice) {
  nginx(1, "a");
  forward_auth(2, "b");
  int seen = 0;
  const auto count = [&](const json::object&) { ++seen; };
  auto followed = follow_decisions(logs_, "", 1 << 20, count);
  EXPECT_EQ(seen, 2);
  EXPECT_FALSE(followed.more);
  followed = follow_decisions(logs_, followed.position, 1 << 20, count);
  EXPECT_EQ(seen, 2);
  for (int i = 0; i < 1000; ++i) nginx(3, "c");
  followed = follow_decisions(logs_, followed.position, 10'000, count);
  EXPECT_TRUE(followed.more);
  while (followed.more) followed = follow_decisions(logs_, followed.position, 10'000, count);
  EXPECT_EQ(seen, 1002);
}

}  // namespace
}  // namespace gatehouse::dataplane
