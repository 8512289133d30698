// What only PostgreSQL has: a server that goes away, URLs with passwords.
#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <atomic>
#include <thread>

#include "storage/test_databases.h"

namespace gatehouse::storage {
namespace {

using namespace std::chrono_literals;

constexpr Instant kNow = from_epoch_seconds(2'500'000'000);

class PostgresqlStoreTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::unique_ptr<Store> open() const { return open_or_abort(database_->url()); }
  // Ends every connection to the database of the test.
  void kill_connections() {
    database_->run(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()");
  }
  static std::string open_error(const std::string& url) {
    const auto opened = open_store(url);
    return opened ? "" : opened.error().message;
  }

  std::unique_ptr<TestDatabase> database_ = make_database(EngineKind::Postgresql);
};

TEST_F(PostgresqlStoreTest, ANotificationWakesTheOtherNode) {
  auto one = open();
  auto other = open();
  const auto position = other->changes_since(0, 1)->position;
  std::thread writer([&] { ASSERT_TRUE(one->put_session(test_session("a", kNow + 60s))); });
  EXPECT_TRUE(other->wait_for_change(10s));
  writer.join();
  EXPECT_EQ(1U, other->changes_since(position, 10)->entries.size());
  EXPECT_FALSE(other->wait_for_change(10ms));
}

TEST_F(PostgresqlStoreTest, KilledConnectionsAreMadeAgain) {
  auto one = open();
  auto other = open();
  const auto position = other->changes_since(0, 1)->position;
  kill_connections();
  // Nobody hears of this one.
  ASSERT_TRUE(one->put_session(test_session("a", kNow + 60s))) << "the writer connects again";
  EXPECT_TRUE(other->wait_for_change(10s)) << "a lost connection counts as a change";
  const auto missed = other->changes_since(position, 10);
  ASSERT_TRUE(missed) << missed.error().message;
  EXPECT_EQ(1U, missed->entries.size());
  while (other->wait_for_change(0ms)) {
  }
  ASSERT_TRUE(one->put_session(test_session("b", kNow + 60s)));
  EXPECT_TRUE(other->wait_for_change(10s)) << "and it listens again";
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(other->load_session("a", kNow)) << i;
}

TEST_F(PostgresqlStoreTest, KilledDuringWrites) {
  auto store = open();
  std::atomic<bool> end{false};
  std::atomic<int> failures{0};
  std::thread writer([&] {
    for (int i = 0; !end; ++i) {
      const auto put = store->put_session(test_session(std::to_string(i), kNow + 60s));
      // A commit without an answer is an error; everything else is tried again.
      if (!put) ++failures;
      const auto loaded = store->load_session(std::to_string(i), kNow);
      if (!loaded) ADD_FAILURE() << loaded.error().message;
      if (put && loaded && !*loaded) ADD_FAILURE() << "lost " << i;
    }
  });
  for (int i = 0; i < 10; ++i) kill_connections();
  end = true;
  writer.join();
  EXPECT_LE(failures, 10);
}

TEST_F(PostgresqlStoreTest, TheServerCrashes) {
  auto store = open();
  ASSERT_TRUE(store->put_session(test_session("a", kNow + 60s)));
  const auto position = store->changes_since(0, 1)->position;
  while (store->wait_for_change(0ms)) {
  }
  restart_postgresql();
  const auto loaded = store->load_session("a", kNow);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_TRUE(*loaded);
  ASSERT_TRUE(store->put_session(test_session("b", kNow + 60s)));
  EXPECT_TRUE(store->wait_for_change(10s));
  EXPECT_EQ(1U, store->changes_since(position, 10)->entries.size());
}

TEST_F(PostgresqlStoreTest, ATransactionThatHangsIsNotWaitedForWithoutEnd) {
  auto store = open_or_abort(database_->url() + "&options=-c%20lock_timeout%3D100");
  PGconn* hanging = PQconnectdb(database_->url().c_str());
  PQclear(PQexec(hanging, "BEGIN; UPDATE feed_state SET position = position + 1"));
  const auto put = store->put_session(test_session("a", kNow + 60s));
  ASSERT_FALSE(put);
  EXPECT_EQ(
      "store `" + database_->url() + "`: cannot store the session: another writer takes too long",
      put.error().message);
  EXPECT_TRUE(*store->consume_once("x", kNow + 60s, kNow)) << "what needs no order goes on";
  PQfinish(hanging);
  EXPECT_TRUE(store->put_session(test_session("a", kNow + 60s)));
}

TEST_F(PostgresqlStoreTest, PasswordsAreNotRepeated) {
  struct Case {
    std::string url;
    std::string error;
  };
  const Case cases[] = {
      {"postgresql://ann:hush@/db?host=/nonexistent",
       "cannot open store `postgresql://ann@/db?host=/nonexistent`: "},
      {"postgres://ann:hush@/db?host=/nonexistent&password=hush",
       "cannot open store `postgresql://ann@/db?host=/nonexistent`: "},
      {"postgresql://ann:hush@127.0.0.1:1/db",
       "cannot open store `postgresql://ann@127.0.0.1:1/db`: "},
      {"postgresql://ann:hu%zzsh@db/x",
       "cannot open store: the URL must be postgresql://user:password@host:port/database, "
       "percent-encoded"},
      {"postgresql://ann:hush@db/x?hush=hush",
       "cannot open store: the URL must be postgresql://user:password@host:port/database, "
       "percent-encoded"},
      {"postgresql://ann:hu\"sh'@127.0.0.1:1/d'b",
       "cannot open store `postgresql://ann@127.0.0.1:1/d'b`: "},
  };
  for (const auto& c : cases) {
    const std::string error = open_error(c.url);
    EXPECT_TRUE(error.starts_with(c.error)) << error;
    EXPECT_EQ(std::string::npos, error.find("hu")) << error;
    EXPECT_EQ(std::string::npos, error.find('\n')) << error;
  }
}

TEST_F(PostgresqlStoreTest, AbsentDatabaseIsNamed) {
  std::string url = database_->url();
  url.insert(url.find("?host"), "x");
  const std::string error = open_error(url);
  EXPECT_TRUE(error.starts_with("cannot open store `" + url + "`: ")) << error;
  EXPECT_NE(std::string::npos, error.find("does not exist")) << error;
}

TEST_F(PostgresqlStoreTest, UserWithoutRights) {
  static_cast<void>(open());
  database_->run("DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN");
  std::string url = database_->url();
  url.replace(url.find("gatehouse@"), 9, "guest");
  EXPECT_EQ(
      "cannot open store `" + url + "`: the database user may not do that (permission denied)",
      open_error(url));
}

TEST_F(PostgresqlStoreTest, EncodingMustBeUtf8) {
  database_->run("DROP DATABASE IF EXISTS latin");
  database_->run("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
  std::string url = database_->url();
  url.replace(url.find("@/") + 2, url.find('?') - url.find("@/") - 2, "latin");
  EXPECT_EQ("cannot open store `" + url + "`: the database's encoding must be UTF8 and not LATIN1",
            open_error(url));
}

}  // namespace
}  // namespace gatehouse::storage
