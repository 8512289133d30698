#include "node_state/node_state.h"

#include <gtest/gtest.h>
#include <lmdb.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

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
  // As a worker would: in a process of its own.
  bool reader_process_reads(const std::string& nonce) const {
    const pid_t child = ::fork();
    if (child == 0) {
      const auto opened = Reader::open(directory_);
      ::_exit(opened && (*opened)->session(nonce).value_or(std::nullopt) ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
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

TEST_F(NodeState, RevocationsAreReplacedAndStamped) {
  const auto state = reader();
  ASSERT_TRUE(state->revocations());
  EXPECT_TRUE(state->revocations()->applications.empty());
  EXPECT_TRUE(state->revocations()->tokens.empty());
  const std::uint64_t none = state->revocation_stamp();
  ASSERT_TRUE(writer_->put_session(session("abc")));
  ASSERT_TRUE(state->refresh());
  EXPECT_EQ(state->revocation_stamp(), none);
  const std::uint64_t shard = state->stamp_of(shard_of("abc"));

  ASSERT_TRUE(writer_->put_revocations({{{"aud", from_epoch_seconds(7)}}, {"jti-1", "jti-2"}}));
  ASSERT_TRUE(state->refresh());
  const std::uint64_t some = state->revocation_stamp();
  EXPECT_GT(some, none);
  EXPECT_EQ(state->stamp_of(shard_of("abc")), shard);
  const auto read = state->revocations();
  ASSERT_TRUE(read);
  ASSERT_EQ(read->applications.size(), 1U);
  EXPECT_EQ(read->applications[0].audience, "aud");
  EXPECT_EQ(read->applications[0].issued_before, from_epoch_seconds(7));
  EXPECT_EQ(read->tokens, (std::vector<std::string>{"jti-1", "jti-2"}));

  ASSERT_TRUE(writer_->put_revocations({}));
  ASSERT_TRUE(state->refresh());
  EXPECT_GT(state->revocation_stamp(), some);
  EXPECT_TRUE(state->revocations()->tokens.empty());
}

// Writes bytes as a record, past the writer.
void put_raw(const fs::path& directory, std::string key, std::string value) {
  MDB_env* environment = nullptr;
  MDB_txn* transaction = nullptr;
  MDB_dbi database = 0;
  ASSERT_EQ(mdb_env_create(&environment), 0);
  ASSERT_EQ(mdb_env_open(environment, directory.c_str(), MDB_NOTLS, 0660), 0);
  ASSERT_EQ(mdb_txn_begin(environment, nullptr, 0, &transaction), 0);
  ASSERT_EQ(mdb_dbi_open(transaction, nullptr, 0, &database), 0);
  MDB_val name{key.size(), key.data()};
  MDB_val bytes{value.size(), value.data()};
  ASSERT_EQ(mdb_put(transaction, database, &name, &bytes, 0), 0);
  ASSERT_EQ(mdb_txn_commit(transaction), 0);
  mdb_env_close(environment);
}

TEST_F(NodeState, BrokenRevocationsAreAnErrorNotNone) {
  const struct {
    const char* name;
    std::string record;
  } cases[] = {
      {"no checksum", R"({"applications":[],"tokens":[]})"},
      {"empty", ""},
      {"no JSON", encode_record("{")},
      {"no object", encode_record("[]")},
      {"without tokens", encode_record(R"({"applications":[]})")},
      {"without applications", encode_record(R"({"tokens":[]})")},
      {"token of another type", encode_record(R"({"applications":[],"tokens":[1]})")},
      {"application without time",
       encode_record(R"({"applications":[{"audience":"a"}],"tokens":[]})")},
      {"time before 1970",
       encode_record(R"({"applications":[{"audience":"a","issued_before":-1}],"tokens":[]})")},
  };
  for (const auto& test : cases) {
    writer_.reset();
    put_raw(directory_, "revocations", test.record);
    EXPECT_FALSE(reader()->revocations()) << test.name;
  }
  writer_.reset();
  put_raw(directory_, "revocations", encode_record(R"({"applications":[],"tokens":["x"]})"));
  EXPECT_EQ(reader()->revocations()->tokens.size(), 1U);
}

std::vector<std::int64_t> sequences(const std::expected<Changes, Error>& changes) {
  std::vector<std::int64_t> all;
  EXPECT_TRUE(changes) << changes.error().message;
  for (const auto& document : changes->documents) {
    all.push_back(document.at("sequence").to_number<std::int64_t>());
  }
  return all;
}

TEST_F(NodeState, ChangesStandBesideTheSnapshotInTheirOrder) {
  const auto state = reader();
  EXPECT_EQ(*state->snapshot_sequence(), std::nullopt);
  EXPECT_FALSE(writer_->put_change(1, {{"sequence", 1}})) << "of nothing";
  EXPECT_TRUE(sequences(state->changes_after(0)).empty());

  ASSERT_TRUE(writer_->put_snapshot({{"sequence", 254}}));
  ASSERT_TRUE(state->refresh());
  const std::uint64_t origin = state->snapshot_origin();
  std::uint64_t stamp = state->snapshot_stamp();
  EXPECT_EQ(origin, stamp);
  std::size_t bytes = 0;
  std::size_t count = 0;
  for (const std::uint64_t sequence : {255U, 256U, 300U}) {
    const auto there = writer_->put_change(sequence, {{"sequence", sequence}});
    ASSERT_TRUE(there) << there.error().message;
    EXPECT_EQ(there->count, ++count);
    EXPECT_GT(there->bytes, bytes);
    bytes = there->bytes;
    ASSERT_TRUE(state->refresh());
    EXPECT_GT(state->snapshot_stamp(), stamp);
    stamp = state->snapshot_stamp();
    EXPECT_EQ(*state->snapshot_sequence(), sequence);
  }
  for (const std::uint64_t earlier : {0U, 299U, 300U}) {
    EXPECT_FALSE(writer_->put_change(earlier, {{"sequence", earlier}})) << earlier;
  }
  EXPECT_EQ(state->snapshot_origin(), origin);
  EXPECT_EQ(sequences(state->changes_after(0)), (std::vector<std::int64_t>{255, 256, 300}));
  EXPECT_EQ(sequences(state->changes_after(254)), (std::vector<std::int64_t>{255, 256, 300}));
  EXPECT_EQ(sequences(state->changes_after(255)), (std::vector<std::int64_t>{256, 300}));
  EXPECT_EQ(sequences(state->changes_after(299)), std::vector<std::int64_t>{300});
  EXPECT_TRUE(sequences(state->changes_after(300)).empty());
  EXPECT_EQ(state->changes_after(256)->sequence, 300U);
  EXPECT_EQ(state->changes_after(256)->origin, origin);
  EXPECT_EQ((*state->snapshot())->at("sequence").to_number<int>(), 254);
}

TEST_F(NodeState, CompactionKeepsTheOriginAndANewSnapshotDoesNot) {
  const auto state = reader();
  ASSERT_TRUE(writer_->put_snapshot({{"sequence", 1}}));
  ASSERT_TRUE(writer_->put_change(2, {{"sequence", 2}}));
  ASSERT_TRUE(state->refresh());
  const std::uint64_t origin = state->snapshot_origin();
  for (const int other : {1, 3}) {
    EXPECT_FALSE(writer_->compact_snapshot({{"sequence", other}})) << other;
  }
  EXPECT_FALSE(writer_->compact_snapshot({{"format", 1}}));
  EXPECT_EQ(sequences(state->changes_after(0)), std::vector<std::int64_t>{2});

  ASSERT_TRUE(writer_->compact_snapshot({{"sequence", 2}}));
  ASSERT_TRUE(state->refresh());
  EXPECT_EQ(state->snapshot_origin(), origin);
  EXPECT_EQ(sequences(state->changes_after(0)), std::vector<std::int64_t>{2});
  EXPECT_EQ(*state->snapshot_sequence(), 2U);
  EXPECT_EQ((*state->snapshot())->at("sequence").to_number<int>(), 2);

  // Until the next one, for whoever has not followed yet; they do not count as there.
  const auto there = writer_->put_change(3, {{"sequence", 3}});
  ASSERT_TRUE(there);
  EXPECT_EQ(there->count, 1U);
  EXPECT_EQ(sequences(state->changes_after(0)), (std::vector<std::int64_t>{2, 3}));
  ASSERT_TRUE(writer_->compact_snapshot({{"sequence", 3}}));
  EXPECT_EQ(sequences(state->changes_after(0)), std::vector<std::int64_t>{3});

  // However early its sequence is: another store has been put in the place of the first.
  ASSERT_TRUE(writer_->put_snapshot({{"sequence", 1}}));
  ASSERT_TRUE(state->refresh());
  EXPECT_GT(state->snapshot_origin(), origin);
  EXPECT_EQ(state->changes_after(0)->origin, state->snapshot_origin());
  EXPECT_TRUE(sequences(state->changes_after(0)).empty());
  EXPECT_EQ(*state->snapshot_sequence(), 1U);
}

TEST_F(NodeState, ABrokenChangeOrSequenceIsAnError) {
  ASSERT_TRUE(writer_->put_snapshot({{"sequence", 1}}));
  ASSERT_TRUE(writer_->put_change(2, {{"sequence", 2}}));
  writer_.reset();
  put_raw(directory_, "change/0000000000000003", "{}");
  EXPECT_FALSE(reader()->changes_after(1));
  EXPECT_TRUE(reader()->changes_after(3)) << "it is not among these";
  put_raw(directory_, "change/0000000000000003", encode_record("{"));
  EXPECT_FALSE(reader()->changes_after(1));
  put_raw(directory_, "change/0000000000000003", encode_record(R"({"sequence":3})"));
  EXPECT_EQ(sequences(reader()->changes_after(1)), (std::vector<std::int64_t>{2, 3}));
  for (const char* sequence : {"", "{", "[]", "{}", R"({"sequence":-1})", R"({"sequence":"2"})"}) {
    put_raw(directory_, "snapshot_sequence", encode_record(sequence));
    EXPECT_FALSE(reader()->changes_after(1)) << sequence;
    EXPECT_FALSE(reader()->snapshot_sequence()) << sequence;
  }
}

TEST_F(NodeState, StampsOfAnotherVersionAreMovedAside) {
  ASSERT_TRUE(writer_->put_session(session("abc")));
  const std::size_t bytes = (kStampShards + 4) * sizeof(std::uint64_t);
  for (const std::size_t other : {bytes - sizeof(std::uint64_t), bytes + 1, std::size_t{0}}) {
    writer_.reset();
    fs::remove_all(directory_ / "unreadable");
    put_raw(directory_, "stamps", std::string(other, '\0'));
    EXPECT_FALSE(Reader::open(directory_)) << other;
    auto opened = Writer::open(directory_);
    ASSERT_TRUE(opened) << opened.error().message;
    writer_ = std::move(*opened);
    EXPECT_TRUE(fs::exists(directory_ / "unreadable" / "data.mdb")) << other;
    EXPECT_FALSE(reader()->session("abc")->has_value()) << "made anew";
    ASSERT_TRUE(writer_->put_session(session("abc")));
    EXPECT_TRUE(reader()->session("abc")->has_value());
  }
  writer_.reset();
  fs::remove_all(directory_ / "unreadable");
  writer_ = std::move(*Writer::open(directory_));
  EXPECT_FALSE(fs::exists(directory_ / "unreadable")) << "ours is kept";
  EXPECT_TRUE(reader()->session("abc")->has_value());
}

TEST_F(NodeState, AReaderOfTheWritersOwnProcess) {
  const auto made = writer_->make_reader();
  ASSERT_TRUE(made) << made.error().message;
  Reader& state = **made;
  EXPECT_FALSE(state.session("abc")->has_value());
  const std::uint64_t before = state.transaction();
  ASSERT_TRUE(writer_->put_session(session("abc")));
  ASSERT_TRUE(writer_->put_revocations({{}, {"jti"}}));
  ASSERT_TRUE(writer_->put_heartbeat(from_epoch_seconds(9)));
  EXPECT_GT(state.transaction(), before);
  ASSERT_TRUE(state.refresh());
  EXPECT_TRUE(state.session("abc")->has_value());
  EXPECT_EQ(state.revocations()->tokens.size(), 1U);
  EXPECT_EQ(state.heartbeat(), from_epoch_seconds(9));
  EXPECT_TRUE(state.is_current());
  const auto second = writer_->make_reader();
  ASSERT_TRUE(second);
  EXPECT_TRUE((*second)->session("abc")->has_value());
}

TEST_F(NodeState, SharingReadersFollowAGrowingMap) {
  const fs::path small = directory_ / "small";
  auto writer = std::move(*Writer::open(small, "", 1 << 20));
  std::atomic<bool> done = false;
  std::atomic<int> seen = 0;
  const auto follow = [&] {
    auto state = std::move(*writer->make_reader());
    const auto read = [&](int i) {
      if (!state->refresh()) ADD_FAILURE() << i;
      const auto found = state->session("big" + std::to_string(i));
      return found && found->has_value();
    };
    for (int next = 0; next < 40;) {
      const bool last = done;  // before the look, so that nothing is missed
      if (read(next)) {
        ++next;
        ++seen;
      } else if (last) {
        return;
      }
    }
  };
  std::thread one(follow);
  std::thread two(follow);
  auto big = session("big");
  big.identity.name = std::string(100'000, 'x');
  for (int i = 0; i < 40; ++i) {  // 4 MB against a map of 1 MiB
    big.nonce = "big" + std::to_string(i);
    EXPECT_TRUE(writer->put_session(big)) << i;
  }
  done = true;
  one.join();
  two.join();
  EXPECT_EQ(seen, 80);
}

TEST_F(NodeState, SharingReadersOfDeletedFiles) {
  auto state = std::move(*writer_->make_reader());
  ASSERT_TRUE(writer_->put_session(session("abc")));
  for (const bool lock_too : {true, false}) {
    fs::remove(directory_ / "data.mdb");
    if (lock_too) fs::remove(directory_ / "lock.mdb");
    EXPECT_FALSE(state->is_current());
    EXPECT_FALSE(writer_->put_heartbeat(from_epoch_seconds(5)));  // made anew
    EXPECT_FALSE(state->is_current()) << "the old one never shows what is written now";
    ASSERT_TRUE(state->refresh());
    auto next = std::move(*writer_->make_reader());
    EXPECT_TRUE(next->is_current());
    EXPECT_FALSE(next->session("abc")->has_value());
    ASSERT_TRUE(writer_->put_session(session("abc")));
    state = std::move(next);  // gives the old files up
    ASSERT_TRUE(state->refresh());
    EXPECT_TRUE(state->session("abc")->has_value());
    const auto elsewhere = reader_process_reads("abc");
    EXPECT_TRUE(elsewhere) << "the new lock file still works for other processes";
  }
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
