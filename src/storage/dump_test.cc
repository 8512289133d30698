// Backup and restore, between both engines.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <ranges>
#include <sstream>
#include <thread>
#include <vector>

#include "storage/soci/migrations.h"
#include "storage/test_databases.h"

namespace gatehouse::storage {
namespace {

using namespace std::chrono_literals;

constexpr Instant kNow = from_epoch_seconds(2'500'000'000);

std::string dump(Store& store) {
  std::ostringstream out;
  const auto done = store.dump(out);
  EXPECT_TRUE(done) << (done ? "" : done.error().message);
  return out.str();
}
std::string load_error(Store& store, const std::string& text) {
  std::istringstream in(text);
  const auto done = store.load(in);
  return done ? "" : done.error().message;
}
std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::istringstream in(text); in.good();) {
    std::string line;
    if (std::getline(in, line)) lines.push_back(line + "\n");
  }
  return lines;
}
std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line;
  return text;
}

// Something in every table, and more than one page of some.
void fill(Store& store) {
  ASSERT_TRUE(store.put_value("account_id", "a"));
  std::vector<ResourceChange> changes;
  for (int i = 450; i > 0; --i)
    changes.push_back({"lists", std::to_string(i), "{\"n\":\"\xc3\xa4\\u0000\"}",
                       std::string("\0\xff", 2), "api"});
  ASSERT_TRUE(store.commit_resources(0, changes, "digest", {}, kNow));
  ASSERT_TRUE(store.sign_in_user("ann@example.com", "Ann \xc3\xa4 \"'\n", "id-1", kNow));
  ASSERT_TRUE(store.add_user({"id-2", "bob@example.com", "", kNow, std::nullopt, kNow, "{}"}));
  for (int i = 0; i < 201; ++i)
    ASSERT_TRUE(store.put_session(test_session("s" + std::to_string(i), kNow + 3600s)));
  ASSERT_TRUE(store.remove_session("s7"));
  ASSERT_TRUE(store.put_revocation({RevocationKind::Token, "b", kNow, kNow + 60s}));
  ASSERT_TRUE(store.put_revocation({RevocationKind::Device, "a", kNow, std::nullopt}));
  ASSERT_TRUE(store.consume_once("used", kNow + 60s, kNow));
  ASSERT_TRUE(store.put_pin({"p", "ann@example.com", "b", "h1", 0, kNow, kNow + 60s}));
  ASSERT_TRUE(store.put_pin({"p", "ann@example.com", "b", "h2", 1, kNow, kNow + 60s}));
  ASSERT_TRUE(store.add_signing_key({"k1", "x", "cert\n", kNow, kNow + 60s}));
  ASSERT_TRUE(store.add_signing_key({"k0", "y", "cert\n", kNow, std::nullopt}));
  ASSERT_TRUE(store.add_api_token({"t", "n", "h", Role::HelpDesk, {"users"}, "a", kNow, {}, kNow}));
  AuditEvent event;
  event.at = kNow;
  event.event = "sign_in";
  event.details = {{"n", 1}};
  ASSERT_TRUE(store.append_audit(event));
}

TEST(Dump, FromOneEngineToTheOtherAndBack) {
  auto first = make_database(EngineKind::Sqlite);
  auto second = make_database(EngineKind::Postgresql);
  auto third = make_database(EngineKind::Sqlite);
  auto from = open_or_abort(first->url());
  fill(*from);
  const std::string text = dump(*from);
  const auto lines = lines_of(text);
  EXPECT_EQ("{\"gatehouse_store\":" + std::to_string(newest_schema()) + "}\n", lines.front());
  EXPECT_EQ("{\"rows\":" + std::to_string(lines.size() - 2) + "}\n", lines.back());

  auto middle = open_or_abort(second->url());
  ASSERT_EQ("", load_error(*middle, text));
  auto end = open_or_abort(third->url());
  const std::string again = dump(*middle);
  ASSERT_EQ("", load_error(*end, again));
  const std::string last = dump(*end);
  // Only the sequence is another one.
  const auto same = [](const std::string& a, const std::string& b) {
    const auto left = lines_of(a);
    const auto right = lines_of(b);
    ASSERT_EQ(left.size(), right.size());
    for (std::size_t i = 0; i < left.size(); ++i) {
      if (left[i].starts_with("{\"resource_state\"")) continue;
      EXPECT_EQ(left[i], right[i]);
    }
  };
  same(text, again);
  same(again, last);

  EXPECT_EQ(2U, middle->load_resources()->sequence);
  EXPECT_EQ(3U, end->load_resources()->sequence);
  for (Store* store : {middle.get(), end.get()}) {
    const auto resources = store->load_resources();
    EXPECT_EQ("digest", resources->applied_file);
    EXPECT_EQ("450", resources->resources.at(0).id) << "in the order of their making";
    EXPECT_EQ(std::string("\0\xff", 2), resources->resources.at(0).sealed_secrets);
    EXPECT_EQ("k0", store->signing_keys()->at(0).kid);
    EXPECT_EQ(200U, store->live_sessions(kNow)->size());
    EXPECT_FALSE(store->put_session(test_session("s7", kNow + 3600s))) << "still ended";
    EXPECT_EQ(false, *store->consume_once("used", kNow + 60s, kNow));
    EXPECT_EQ(PinOutcome::Wrong, *store->try_pin("p", "b", "h1", kNow)) << "the newest counts";
    // What makes numbers goes on after those that were loaded.
    ASSERT_TRUE(store->add_signing_key({"k2", "x", "cert", kNow, std::nullopt}));
    EXPECT_EQ("k2", store->signing_keys()->at(0).kid);
  }
}

class DumpTest : public ::testing::TestWithParam<EngineKind> {
 protected:
  std::unique_ptr<TestDatabase> database_ = make_database(GetParam());
  std::unique_ptr<Store> store_ = open_or_abort(database_->url());
};
INSTANTIATE_TEST_SUITE_P(Engines, DumpTest,
                         ::testing::Values(EngineKind::Sqlite, EngineKind::Postgresql));

TEST_P(DumpTest, DamagedBackupsChangeNothing) {
  fill(*store_);
  const std::string good = dump(*store_);
  const auto lines = lines_of(good);
  const std::string line_after = std::to_string(lines.size() + 1);
  const auto with = [&](std::size_t line, const std::string& text) {
    auto copy = lines;
    copy[line - 1] = text;
    return joined(copy);
  };
  const auto session_line = static_cast<std::size_t>(
      std::ranges::find_if(lines, [](const auto& l) { return l.starts_with("{\"sessions\""); }) -
      lines.begin() + 1);
  const std::string at = "line " + std::to_string(session_line) + ": ";
  const std::string newer = std::to_string(newest_schema() + 1);
  struct Case {
    const char* what;
    std::string text;
    std::string error;
  };
  const Case cases[] = {
      {"nothing", "", "line 1: the backup is cut short"},
      {"something else", "{\"a\":1}\n", "line 1: this is not a backup of a gatehouse store"},
      {"a database", std::string("SQLite format 3\0", 16), "line 1: the backup is cut short"},
      {"a newer version", with(1, "{\"gatehouse_store\":" + newer + "}\n"),
       "line 1: it was made by a newer version of gatehouse (schema " + newer +
           "; this one knows up to " + std::to_string(newest_schema()) + ")"},
      {"a version that never was", with(1, "{\"gatehouse_store\":1}\n"),
       "line 1: schema 1 is not known"},
      {"cut after a line", joined({lines.begin(), lines.end() - 1}),
       "line " + std::to_string(lines.size()) + ": the backup is cut short"},
      {"cut in a line", good.substr(0, good.size() - 3),
       "line " + std::to_string(lines.size()) + ": the backup is cut short"},
      {"a row is missing", with(session_line, ""),
       "line " + std::to_string(lines.size() - 1) + ": there are " +
           std::to_string(lines.size() - 3) + " rows before it"},
      {"something follows", good + "{}\n",
       "line " + line_after + ": nothing may follow the last line"},
      {"not JSON", with(session_line, "{\"sessions\"\n"), at + "not JSON: "},
      {"no object", with(session_line, "[]\n"), at + "a line must be an object"},
      {"two tables", with(session_line, "{\"a\":{},\"b\":{}}\n"),
       at + "a line must name one table"},
      {"unknown table", with(session_line, "{\"feed\":{}}\n"), at + "there is no such table"},
      {"no row", with(session_line, "{\"consumed\":1}\n"), at + "a row must be an object"},
      {"no column", with(session_line, "{\"consumed\":{\"id\":\"a\"}}\n"),
       at + "`expires_at` must be a number"},
      {"wrong type", with(session_line, "{\"consumed\":{\"id\":1,\"expires_at\":1}}\n"),
       at + "`id` must be a text"},
      {"null", with(session_line, "{\"consumed\":{\"id\":\"a\",\"expires_at\":null}}\n"),
       at + "`expires_at` must be a number"},
      {"one column more",
       with(session_line, "{\"consumed\":{\"id\":\"a\",\"expires_at\":1,\"x\":1}}\n"),
       at + "there is an unknown column"},
      {"NUL", with(session_line, "{\"consumed\":{\"id\":\"\\u0000\",\"expires_at\":1}}\n"),
       at + "the text is not valid UTF-8"},
      {"twice", with(session_line, lines[session_line]),
       "line " + std::to_string(session_line + 1) + ": constraint failed"},
  };
  const auto position = store_->changes_since(0, 1)->position;
  for (const auto& c : cases) {
    const std::string error = load_error(*store_, c.text);
    EXPECT_TRUE(error.starts_with("store `" + database_->url() + "`: cannot restore: " + c.error))
        << c.what << ": " << error;
  }
  EXPECT_EQ(good, dump(*store_));
  EXPECT_FALSE(store_->changes_since(position, 1)->gap);
}

TEST_P(DumpTest, RestoringTellsEverybody) {
  auto other = open_or_abort(database_->url());
  ASSERT_TRUE(store_->put_session(test_session("a", kNow + 60s)));
  ASSERT_TRUE(store_->commit_resources(
      0, std::array{ResourceChange{"groups", "a", "{}", "", "api"}}, std::nullopt, {}, kNow));
  const std::string backup = dump(*store_);
  for (int i = 1; i < 4; ++i)
    ASSERT_TRUE(store_->commit_resources(static_cast<std::uint64_t>(i),
                                         std::array{ResourceChange{"groups", "b", "{}", "", "api"}},
                                         std::nullopt, {}, kNow));
  ASSERT_TRUE(store_->put_session(test_session("b", kNow + 60s)));
  const auto before = other->changes_since(0, 1)->position;
  while (other->wait_for_change(0ms)) {
  }
  ASSERT_EQ("", load_error(*store_, backup));
  EXPECT_EQ(GetParam() == EngineKind::Postgresql, other->wait_for_change(1s));
  for (const std::uint64_t position : {std::uint64_t{1}, before - 1, before})
    EXPECT_TRUE(other->changes_since(position, 10)->gap) << position;
  const auto now = other->changes_since(0, 1)->position;
  EXPECT_GT(now, before);
  EXPECT_FALSE(other->changes_since(now, 10)->gap);
  EXPECT_EQ(5U, other->load_resources()->sequence);
  EXPECT_EQ(1U, other->load_resources()->resources.size());
  EXPECT_EQ(1U, other->live_sessions(kNow)->size());
  ASSERT_TRUE(store_->put_session(test_session("c", kNow + 60s)));
  EXPECT_EQ(1U, other->changes_since(now, 10)->entries.size());
}

TEST_P(DumpTest, IsOneMoment) {
  // Two writes that belong together: a resource and the audit record beside it.
  std::atomic<bool> end{false};
  std::thread writer([&] {
    AuditEvent event;
    event.at = kNow;
    event.event = "e";
    for (std::uint64_t i = 0; !end; ++i) {
      const std::array change{ResourceChange{"groups", std::to_string(i), "{}", "", "api"}};
      if (!store_->commit_resources(i, change, std::nullopt, std::array{event}, kNow)) return;
    }
  });
  for (int i = 0; i < 20; ++i) {
    std::size_t resources = 0;
    std::size_t records = 0;
    for (const auto& line : lines_of(dump(*store_))) {
      resources += line.starts_with("{\"resources\"") ? 1U : 0U;
      records += line.starts_with("{\"audit\"") ? 1U : 0U;
    }
    EXPECT_EQ(resources, records);
  }
  end = true;
  writer.join();
}

TEST_P(DumpTest, OutputThatCannotBeWritten) {
  fill(*store_);
  std::ostringstream out;
  out.setstate(std::ios::badbit);
  const auto done = store_->dump(out);
  ASSERT_FALSE(done);
  EXPECT_EQ("store `" + database_->url() + "`: cannot back up: the output cannot be written",
            done.error().message);
}

}  // namespace
}  // namespace gatehouse::storage
