#include "node_state/node_state.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "node_state/codec.h"

namespace gatehouse::node_state {
namespace {

namespace fs = std::filesystem;

class NodeState : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "node_state_XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    writer_ = std::move(*Writer::open(directory_));
  }
  void TearDown() override { fs::remove_all(directory_); }

  std::unique_ptr<Reader> reader() {
    auto opened = Reader::open(directory_);
    EXPECT_TRUE(opened) << opened.error().message;
    return std::move(*opened);
  }
  static model::Session session(const std::string& nonce) {
    model::Session result;
    result.nonce = nonce;
    result.identity.user_id = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
    result.identity.email = "alice@corp.example";
    result.created_at = from_epoch_seconds(1'700'000'000);
    result.expires_at = from_epoch_seconds(1'700'086'400);
    return result;
  }

  fs::path directory_;
  std::unique_ptr<Writer> writer_;
};

TEST_F(NodeState, AbsentRecordsAreAbsentNotErrors) {
  const auto state = reader();
  EXPECT_EQ(*state->snapshot(), std::nullopt);
  EXPECT_FALSE(state->session("nobody")->has_value());
  EXPECT_EQ(*state->assertion("token", "aud"), std::nullopt);
  EXPECT_EQ(state->heartbeat(), std::nullopt);
}

TEST_F(NodeState, AnAbsentEnvironmentIsAnError) {
  const auto opened = Reader::open(directory_ / "nowhere");
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("nowhere"), std::string::npos);
}

TEST_F(NodeState, WhatIsWrittenIsRead) {
  const auto state = reader();
  ASSERT_TRUE(writer_->put_snapshot({{"format", 1}}));
  ASSERT_TRUE(writer_->put_session(session("abc")));
  ASSERT_TRUE(writer_->put_assertion("token", "aud", "a.b.c"));
  ASSERT_TRUE(writer_->put_heartbeat(from_epoch_seconds(1'700'000'001)));
  ASSERT_TRUE(state->refresh());
  EXPECT_EQ((*state->snapshot())->at("format").as_int64(), 1);
  EXPECT_EQ((*state->session("abc"))->identity.email, "alice@corp.example");
  EXPECT_EQ(*state->assertion("token", "aud"), "a.b.c");
  EXPECT_EQ(state->heartbeat(), from_epoch_seconds(1'700'000'001));
  ASSERT_TRUE(writer_->remove_session("abc"));
  EXPECT_FALSE(state->session("abc")->has_value());
}

TEST_F(NodeState, OnlyTheShardThatChangedIsStamped) {
  const auto state = reader();
  ASSERT_TRUE(writer_->put_session(session("first")));
  ASSERT_TRUE(state->refresh());
  const std::uint64_t before = state->stamp_of(shard_of("first"));
  const std::uint64_t snapshot_before = state->snapshot_stamp();
  ASSERT_NE(shard_of("first"), shard_of("second"));
  ASSERT_TRUE(writer_->put_session(session("second")));
  ASSERT_TRUE(writer_->put_heartbeat(from_epoch_seconds(1)));
  ASSERT_TRUE(state->refresh());
  EXPECT_EQ(state->stamp_of(shard_of("first")), before);
  EXPECT_GT(state->stamp_of(shard_of("second")), before);
  EXPECT_EQ(state->snapshot_stamp(), snapshot_before);
  ASSERT_TRUE(writer_->remove_session("first"));
  ASSERT_TRUE(state->refresh());
  EXPECT_GT(state->stamp_of(shard_of("first")), before);
}

TEST_F(NodeState, ReplaceSessionsLeavesNoOthersAndMovesEveryShard) {
  const auto state = reader();
  ASSERT_TRUE(writer_->put_session(session("old")));
  ASSERT_TRUE(state->refresh());
  const std::uint64_t before = state->stamp_of(shard_of("old"));
  ASSERT_TRUE(writer_->replace_sessions({session("new")}));
  ASSERT_TRUE(state->refresh());
  EXPECT_GT(state->stamp_of(shard_of("old")), before);
  EXPECT_FALSE(state->session("old")->has_value());
  EXPECT_TRUE(state->session("new")->has_value());
}

TEST_F(NodeState, AFullMapGrowsAndLosesNothing) {
  const fs::path small = directory_ / "small";
  auto writer = std::move(*Writer::open(small, "", 1 << 20));
  const auto state = std::move(*Reader::open(small));
  auto big = session("big");
  big.identity.name = std::string(50'000, 'x');
  for (int i = 0; i < 60; ++i) {  // 3 MB of records against a map of 1 MiB
    big.nonce = "big" + std::to_string(i);
    ASSERT_TRUE(writer->put_session(big)) << i;
    ASSERT_TRUE(state->refresh()) << i;  // the reader follows the grown map
  }
  for (int i = 0; i < 60; ++i) {
    EXPECT_TRUE(state->session("big" + std::to_string(i))->has_value()) << i;
  }
}

TEST_F(NodeState, DeletedFilesAreNoticedByBothSides) {
  const auto state = reader();
  ASSERT_TRUE(state->is_current());
  fs::remove(directory_ / "data.mdb");
  fs::remove(directory_ / "lock.mdb");
  EXPECT_FALSE(state->is_current());
  EXPECT_FALSE(writer_->put_heartbeat(from_epoch_seconds(5)));  // made anew: publish again
  EXPECT_TRUE(writer_->put_heartbeat(from_epoch_seconds(6)));
  const auto again = reader();
  EXPECT_EQ(again->heartbeat(), from_epoch_seconds(6));
}

TEST_F(NodeState, AForeignFileIsMovedAsideNotTrusted) {
  writer_.reset();
  std::ofstream(directory_ / "data.mdb", std::ios::trunc) << std::string(8192, 'x');
  auto opened = Writer::open(directory_);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_TRUE(fs::exists(directory_ / "unreadable" / "data.mdb"));
  EXPECT_TRUE((*opened)->put_heartbeat(from_epoch_seconds(1)));
}

TEST_F(NodeState, AnUnknownGroupIsAnErrorThatNamesIt) {
  const auto opened = Writer::open(directory_ / "other", "no-such-group-here");
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("no-such-group-here"), std::string::npos);
}

TEST_F(NodeState, AKilledWriterLosesNoCommit) {
  writer_.reset();
  int channel[2];
  ASSERT_EQ(::pipe(channel), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    auto own = Writer::open(directory_);
    for (int i = 0; own; ++i) {
      if (!(*own)->put_session(session("n" + std::to_string(i)))) ::_exit(1);
      if (::write(channel[1], &i, sizeof i) != sizeof i) ::_exit(1);
    }
    ::_exit(1);
  }
  int last = -1;
  while (last < 50) ASSERT_EQ(::read(channel[0], &last, sizeof last), ssize_t{sizeof last});
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(channel[1]);
  for (int i = 0; ::read(channel[0], &i, sizeof i) == ssize_t{sizeof i};) last = i;
  ::close(channel[0]);
  writer_ = std::move(*Writer::open(directory_));
  const auto state = reader();
  for (int i = 0; i <= last; ++i) {
    EXPECT_TRUE(state->session("n" + std::to_string(i))->has_value()) << i;
  }
  EXPECT_TRUE(writer_->put_heartbeat(from_epoch_seconds(1)));  // the lock was taken over
}

TEST(Record, ChecksumIsDemanded) {
  std::string record = encode_record("{\"a\":1}");
  EXPECT_EQ(decode_record(record), "{\"a\":1}");
  for (std::size_t i = 0; i < record.size(); ++i) {
    std::string broken = record;
    broken[i] = static_cast<char>(broken[i] ^ 1);
    EXPECT_EQ(decode_record(broken), std::nullopt) << i;
  }
  EXPECT_EQ(decode_record(""), std::nullopt);
  EXPECT_EQ(decode_record(std::string_view(record).substr(0, kChecksumBytes)), std::nullopt);
}

}  // namespace
}  // namespace gatehouse::node_state
