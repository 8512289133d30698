#include "storage/store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <thread>

namespace gatehouse::storage {
namespace {

using namespace std::chrono_literals;

// Beyond 2038, so that no instant passes through 32 bits unseen.
constexpr Instant kNow = from_epoch_seconds(2'500'000'000);

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() {
    std::string name = (std::filesystem::temp_directory_path() / "gatehouse-store-XXXXXX").string();
    EXPECT_NE(nullptr, ::mkdtemp(name.data()));
    directory_ = name;
  }
  ~StoreTest() override {
    store_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  [[nodiscard]] std::string path(const std::string& name = "gatehouse.db") const {
    return directory_ + "/" + name;
  }
  [[nodiscard]] std::string url(const std::string& name = "gatehouse.db") const {
    return "sqlite://" + path(name);
  }
  // The store of the test, opened anew.
  Store& open() {
    store_.reset();
    auto opened = open_store(url());
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().message);
    if (!opened) std::abort();
    store_ = std::move(*opened);
    return *store_;
  }
  [[nodiscard]] static std::string open_error(const std::string& which) {
    const auto opened = open_store(which);
    return opened ? "" : opened.error().message;
  }
  // What SQL says of the file, beside the store.
  void run_sql(const std::string& sql) const {
    sqlite3* database = nullptr;
    ASSERT_EQ(SQLITE_OK, sqlite3_open(path().c_str(), &database));
    char* message = nullptr;
    EXPECT_EQ(SQLITE_OK, sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &message))
        << message;
    sqlite3_close(database);
  }

  std::string directory_;
  std::unique_ptr<Store> store_;
};

model::Session session(const std::string& nonce, Instant expires_at = kNow + 3600s) {
  model::Session result;
  result.nonce = nonce;
  result.identity.user_id = "5f0c1a52-0000-4000-8000-000000000001";
  result.identity.email = "Ann@example.com";
  result.identity.name = "Ann \"quoted\" O'Neil";
  result.identity.groups = {"staff", "\xc3\xa4"};
  result.identity.authenticated_at = kNow;
  result.created_at = kNow;
  result.expires_at = expires_at;
  model::PostureEvidence evidence;
  evidence.integration_id = "integration";
  evidence.device_id = "device";
  evidence.established_at = kNow;
  evidence.managed = true;
  result.posture = {evidence};
  return result;
}

PinRecord pin(const std::string& id, const std::string& code_hash) {
  return {id, "ann@example.com", "browser", code_hash, 0, kNow, kNow + 600s};
}

// --- opening ------------------------------------------------------------------------------------

TEST_F(StoreTest, FilesAreForTheOwnerAlone) {
  const mode_t before = ::umask(0);
  open();
  ASSERT_TRUE(store_->consume_once("a", kNow + 1s, kNow));
  ::umask(before);
  for (const char* name : {"gatehouse.db", "gatehouse.db-wal", "gatehouse.db-shm"}) {
    struct stat status{};
    ASSERT_EQ(0, ::stat(path(name).c_str(), &status)) << name;
    EXPECT_EQ(0600U, status.st_mode & 0777U) << name;
  }
}

TEST_F(StoreTest, PathsWithOddCharacters) {
  const auto store = open_store(url("a  b'c;d?e=f%20\xc3\xa4.db"));
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_TRUE(std::filesystem::exists(path("a  b'c;d?e=f%20\xc3\xa4.db")));
}

TEST_F(StoreTest, UrlsThatAreRefused) {
  struct Case {
    std::string url;
    std::string error;
  };
  const std::string later =
      "cannot open store: postgresql comes with a later version; "
      "this one knows sqlite:///absolute/path";
  const Case cases[] = {
      {"postgresql://user:hush@db/gatehouse", later},
      {"postgres://user:hush@db/gatehouse", later},
      {"mysql://user:hush@db/x", "cannot open store: the URL must be sqlite:///absolute/path"},
      {"", "cannot open store: the URL must be sqlite:///absolute/path"},
      {"/var/lib/gatehouse.db", "cannot open store: the URL must be sqlite:///absolute/path"},
      {"sqlite:/x.db", "cannot open store: the URL must be sqlite:///absolute/path"},
      {"sqlite://x.db",
       "cannot open store `sqlite://x.db`: the URL must be sqlite:///absolute/path"},
      {"sqlite://", "cannot open store `sqlite://`: the URL must be sqlite:///absolute/path"},
      {"sqlite:///tmp/",
       "cannot open store `sqlite:///tmp/`: the URL must be sqlite:///absolute/path"},
      {"sqlite:///tmp/a\"b",
       "cannot open store `sqlite:///tmp/a\"b`: the URL must be sqlite:///absolute/path"},
  };
  for (const auto& c : cases) EXPECT_EQ(c.error, open_error(c.url)) << c.url;
}

TEST_F(StoreTest, MissingDirectoryIsNamed) {
  EXPECT_EQ("cannot open store `" + url("absent/gatehouse.db") + "`: No such file or directory",
            open_error(url("absent/gatehouse.db")));
}

TEST_F(StoreTest, DirectoryInsteadOfAFile) {
  std::filesystem::create_directory(path());
  EXPECT_EQ("cannot open store `" + url() + "`: unable to open database file", open_error(url()));
}

TEST_F(StoreTest, OtherFilesAreNotTouched) {
  const std::string text(8192, 'x');
  std::ofstream(path()) << text;
  EXPECT_EQ("cannot open store `" + url() + "`: file is not a database", open_error(url()));
  EXPECT_EQ(text.size(), std::filesystem::file_size(path()));
}

TEST_F(StoreTest, DatabasesOfOtherProgramsAreNotTouched) {
  run_sql("CREATE TABLE theirs (a)");
  EXPECT_EQ("cannot open store `" + url() + "`: the database belongs to another program",
            open_error(url()));
  run_sql("INSERT INTO theirs VALUES (1)");
  EXPECT_FALSE(std::filesystem::exists(path("gatehouse.db-wal")));
}

TEST_F(StoreTest, NewerDatabaseIsRefused) {
  open();
  store_.reset();
  run_sql("UPDATE schema_version SET version = 3");
  EXPECT_EQ("cannot open store `" + url() +
                "`: it was written by a newer version of gatehouse (schema 3; this one knows up "
                "to 2)",
            open_error(url()));
  run_sql("UPDATE schema_version SET version = 2");
  EXPECT_EQ("", open_error(url())) << "nothing was changed";
}

TEST_F(StoreTest, DatabaseOfAnEarlierVersionIsBroughtUpToDate) {
  ASSERT_TRUE(open().put_session(session("a")));
  store_.reset();
  run_sql(
      "DROP TABLE revocations; DROP INDEX sessions_by_user; UPDATE schema_version SET version = 1");
  open();
  EXPECT_EQ(1U, store_->live_sessions(kNow)->size());
  EXPECT_TRUE(store_->put_revocation({RevocationKind::Device, "laptop", kNow, std::nullopt}));
  EXPECT_EQ(1U, store_->revocations(kNow)->size());
}

TEST_F(StoreTest, EmptyFileIsADatabase) {
  std::ofstream(path()).close();
  EXPECT_EQ("", open_error(url()));
}

TEST_F(StoreTest, DamagedDatabaseIsNamed) {
  open();
  store_.reset();
  {
    std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(100);
    file << std::string(4000, '\xff');
  }
  EXPECT_EQ("cannot open store `" + url() + "`: database disk image is malformed",
            open_error(url()));
}

// Runs `body` in another process, where it may give up rights; its text comes back.
std::string in_child(const std::function<std::string()>& body) {
  std::array<int, 2> pipe{};
  EXPECT_EQ(0, ::pipe(pipe.data()));
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(pipe[0]);
    const std::string text = body();
    const auto written = ::write(pipe[1], text.data(), text.size());
    ::_exit(written == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  ::close(pipe[1]);
  std::string text;
  std::array<char, 4096> room{};
  for (ssize_t count = 0; (count = ::read(pipe[0], room.data(), room.size())) > 0;)
    text.append(room.data(), static_cast<std::size_t>(count));
  ::close(pipe[0]);
  int status = 0;
  EXPECT_EQ(child, ::waitpid(child, &status, 0));
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  return text;
}

// Root may write anywhere: the tests of permissions go on as nobody.
bool become_nobody() { return ::geteuid() != 0 || (::setgid(65534) == 0 && ::setuid(65534) == 0); }

TEST_F(StoreTest, ReadOnlyFileIsNamed) {
  open();
  store_.reset();
  ASSERT_EQ(0, ::chmod(path().c_str(), 0444));
  ASSERT_EQ(0, ::chmod(directory_.c_str(), 0755));
  EXPECT_EQ("cannot open store `" + url() + "`: Permission denied", in_child([this] {
              return become_nobody() ? open_error(url()) : "cannot give up rights";
            }));
}

TEST_F(StoreTest, ReadOnlyDirectoryIsNamed) {
  ASSERT_EQ(0, ::chmod(directory_.c_str(), 0555));
  EXPECT_EQ("cannot open store `" + url() + "`: Permission denied", in_child([this] {
              return become_nobody() ? open_error(url()) : "cannot give up rights";
            }));
  ASSERT_EQ(0, ::chmod(directory_.c_str(), 0755));
}

TEST_F(StoreTest, ReadOnlyDirectoryWithAWritableFile) {
  std::ofstream(path()).close();
  ASSERT_EQ(0, ::chmod(path().c_str(), 0666));
  ASSERT_EQ(0, ::chmod(directory_.c_str(), 0555));
  const std::string error =
      in_child([this] { return become_nobody() ? open_error(url()) : "cannot give up rights"; });
  EXPECT_TRUE(error.starts_with("cannot open store `" + url() + "`: ")) << error;
  ASSERT_EQ(0, ::chmod(directory_.c_str(), 0755));
}

TEST_F(StoreTest, NoRoomForTheFirstWrite) {
  const std::string error = in_child([this] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_FSIZE, &none);
    return open_error(url());
  });
  EXPECT_TRUE(error.starts_with("cannot open store `" + url() + "`: ")) << error;
  EXPECT_EQ("", open_error(url())) << "the next attempt finds nothing broken";
}

TEST_F(StoreTest, FullDisk) {
  const std::string report = in_child([this]() -> std::string {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("none", directory_.c_str(), "tmpfs", 0, "size=512k") != 0)
      return "skip";
    const std::string filler = path("filler");
    const auto fill = [&] {
      const int file = ::open(filler.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
      const std::array<char, 512> block{};
      while (::write(file, block.data(), block.size()) > 0) {
      }
      ::close(file);
    };
    fill();
    std::string error = open_error(url());
    if (error != "cannot open store `" + url() + "`: database or disk is full")
      return "at open: " + error;
    std::filesystem::remove(filler);

    auto opened = open_store(url());
    if (!opened) return "with room: " + opened.error().message;
    Store& store = **opened;
    fill();
    int done = 0;
    Result<bool> result = true;
    while (result) {
      result = store.consume_once("id" + std::to_string(done), kNow + 60s, kNow);
      if (result && !*result) return "an id was not new";
      if (result) ++done;
      if (done > 10'000) return "the disk does not fill";
    }
    if (result.error().message !=
        "store `" + url() + "`: cannot consume an id: database or disk is full")
      return "while full: " + result.error().message;
    std::filesystem::remove(filler);

    // With room again the store goes on: what was refused is new, what was accepted is not.
    result = store.consume_once("id" + std::to_string(done), kNow + 60s, kNow);
    if (!result || !*result)
      return "with room again: " + (result ? "used" : result.error().message);
    for (int i = 0; i <= done; ++i) {
      result = store.consume_once("id" + std::to_string(i), kNow + 60s, kNow);
      if (!result || *result) return "lost " + std::to_string(i);
    }
    return "good";
  });
  if (report == "skip") GTEST_SKIP() << "no right to mount";
  EXPECT_EQ("good", report);
}

// --- content ------------------------------------------------------------------------------------

TEST_F(StoreTest, Resources) {
  open();
  EXPECT_EQ(std::nullopt,
            store_->load_resources()->transform([](const auto& r) { return r.sequence; }));
  const std::string sealed("\0\xff raw \n", 8);
  EXPECT_EQ(1U, store_->replace_resources("{\"a\":1}", sealed, kNow));
  EXPECT_EQ(1U, store_->replace_resources("{\"a\":1}", sealed, kNow + 1s)) << "unchanged";
  EXPECT_EQ(2U, store_->replace_resources("{\"a\":2}", sealed, kNow));
  EXPECT_EQ(3U, store_->replace_resources("{\"a\":2}", "", kNow)) << "secrets changed";
  EXPECT_EQ(4U, store_->replace_resources("{\"a\":1}", sealed, kNow)) << "back to an old one";
  const auto loaded = open().load_resources();
  ASSERT_TRUE(loaded && *loaded);
  EXPECT_EQ(4U, (*loaded)->sequence);
  EXPECT_EQ("{\"a\":1}", (*loaded)->document);
  EXPECT_EQ(sealed, (*loaded)->sealed_secrets);
}

TEST_F(StoreTest, LargeResources) {
  open();
  const std::string document(20U << 20U, 'x');
  ASSERT_TRUE(store_->replace_resources(document, "", kNow));
  EXPECT_EQ(document, (*store_->load_resources())->document);
}

TEST_F(StoreTest, Users) {
  open();
  const auto made = store_->sign_in_user("ann@example.com", "Ann", "id-1", kNow);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ("id-1", made->id);
  EXPECT_EQ("Ann", made->name);
  EXPECT_EQ(kNow, made->created_at);
  const auto again = store_->sign_in_user("ann@example.com", "", "id-2", kNow + 60s);
  ASSERT_TRUE(again);
  EXPECT_EQ("id-1", again->id) << "the user stays the same";
  EXPECT_EQ("Ann", again->name) << "an empty name changes nothing";
  EXPECT_EQ(kNow, again->created_at);
  EXPECT_EQ(kNow + 60s, again->last_login_at);
  const auto other =
      open().sign_in_user("ann@example.net", "'; DROP TABLE users; --", "id-3", kNow);
  EXPECT_EQ("id-3", other->id);
  EXPECT_EQ("'; DROP TABLE users; --", other->name);
}

TEST_F(StoreTest, SessionsComeBackAsTheyWere) {
  open();
  const auto given = session("nonce");
  ASSERT_TRUE(store_->put_session(given));
  const auto loaded = open().load_session("nonce", kNow);
  ASSERT_TRUE(loaded && *loaded);
  EXPECT_EQ(json::serialize(model::to_json(given)), json::serialize(model::to_json(**loaded)));
}

TEST_F(StoreTest, SessionsExpireAtTheSecond) {
  open();
  ASSERT_TRUE(store_->put_session(session("nonce", kNow + 60s)));
  EXPECT_TRUE(*store_->load_session("nonce", kNow + 59s));
  EXPECT_FALSE(*store_->load_session("nonce", kNow + 60s));
  EXPECT_FALSE(*store_->load_session("other", kNow));
  EXPECT_EQ(1U, store_->live_sessions(kNow + 59s)->size());
  EXPECT_EQ(0U, store_->live_sessions(kNow + 60s)->size());
}

TEST_F(StoreTest, RemovedSessionsStayRemoved) {
  open();
  ASSERT_TRUE(store_->put_session(session("a")));
  ASSERT_TRUE(store_->put_session(session("b")));
  ASSERT_TRUE(store_->remove_session("a"));
  ASSERT_TRUE(store_->remove_session("unknown"));
  EXPECT_FALSE(*store_->load_session("a", kNow));
  const auto late = store_->put_session(session("a"));
  ASSERT_FALSE(late) << "a write that began before the log-out";
  EXPECT_EQ("store `" + url() + "`: cannot store the session: it has been ended",
            late.error().message);
  EXPECT_FALSE(*store_->load_session("a", kNow));
  const auto live = store_->live_sessions(kNow);
  ASSERT_EQ(1U, live->size());
  EXPECT_EQ("b", live->front().nonce);
}

TEST_F(StoreTest, RevocationsSurviveConcurrentChanges) {
  open();
  const auto base = session("a");
  ASSERT_TRUE(store_->put_session(base));
  auto revoking = base;
  revoking.revocations = {{"aud-1", kNow + 10s}, {"aud-2", kNow + 10s}};
  ASSERT_TRUE(store_->put_session(revoking));
  auto checking = base;  // loaded before the revocation, stored after it
  checking.posture.front().managed = false;
  checking.revocations = {{"aud-2", kNow + 5s}, {"aud-3", kNow}};
  ASSERT_TRUE(store_->put_session(checking));
  const auto loaded = store_->load_session("a", kNow);
  ASSERT_TRUE(loaded && *loaded);
  EXPECT_EQ(false, (*loaded)->posture.front().managed);
  std::map<std::string, Instant> revoked;
  for (const auto& r : (*loaded)->revocations) revoked[r.audience] = r.issued_before;
  const std::map<std::string, Instant> expected = {
      {"aud-1", kNow + 10s}, {"aud-2", kNow + 10s}, {"aud-3", kNow}};
  EXPECT_EQ(expected, revoked);
}

TEST_F(StoreTest, UsersAreFoundByIdAndAddress) {
  open();
  ASSERT_TRUE(store_->sign_in_user("ann@example.com", "Ann", "id-1", kNow));
  ASSERT_TRUE(store_->sign_in_user("bob@example.com", "Bob", "id-2", kNow));
  for (const char* key : {"ann@example.com", "id-1"}) {
    const auto user = store_->find_user(key);
    ASSERT_TRUE(user && *user) << key;
    EXPECT_EQ("id-1", (*user)->id);
    EXPECT_EQ("ann@example.com", (*user)->email);
    EXPECT_EQ(kNow, (*user)->last_login_at);
  }
  for (const char* key : {"", "Ann", "ann@example", "id-3", "' OR 1=1"})
    EXPECT_EQ(false, store_->find_user(key)->has_value()) << key;
}

TEST_F(StoreTest, SessionsOfOneUser) {
  open();
  auto other = session("other");
  other.identity.user_id = "somebody-else";
  auto later = session("later", kNow + 7200s);
  for (const auto& one :
       {session("a"), session("ended", kNow + 9000s), session("old", kNow + 1s), later, other})
    ASSERT_TRUE(store_->put_session(one));
  ASSERT_TRUE(store_->remove_session("ended"));
  std::set<std::string> nonces;
  const auto found = store_->live_sessions_of(session("").identity.user_id, kNow + 1s);
  ASSERT_TRUE(found);
  for (const auto& one : *found) nonces.insert(one.nonce);
  EXPECT_EQ((std::set<std::string>{"a", "later"}), nonces);
  EXPECT_EQ(1U, store_->live_sessions_of("somebody-else", kNow)->size());
  EXPECT_EQ(0U, store_->live_sessions_of("nobody", kNow)->size());
  EXPECT_EQ(kNow + 7200s, *store_->last_session_end(kNow));
  EXPECT_EQ(std::nullopt, *store_->last_session_end(kNow + 7200s));
}

TEST_F(StoreTest, RevocationsByKindAndKey) {
  open();
  ASSERT_TRUE(store_->put_revocation({RevocationKind::Token, "x", kNow, kNow + 60s}));
  ASSERT_TRUE(store_->put_revocation({RevocationKind::Device, "x", kNow, std::nullopt}));
  ASSERT_TRUE(store_->put_revocation({RevocationKind::Application, "x", kNow + 5s, kNow + 60s}));
  const auto all = store_->revocations(kNow);
  ASSERT_TRUE(all);
  ASSERT_EQ(3U, all->size());
  EXPECT_EQ(RevocationKind::Application, (*all)[0].kind);
  EXPECT_EQ(kNow + 5s, (*all)[0].issued_before);
  EXPECT_EQ(kNow + 60s, (*all)[0].expires_at);
  EXPECT_EQ(RevocationKind::Device, (*all)[1].kind);
  EXPECT_EQ(std::nullopt, (*all)[1].expires_at);
  EXPECT_EQ(RevocationKind::Token, (*all)[2].kind);
  EXPECT_FALSE(*store_->find_revocation(RevocationKind::Device, "y", kNow));
  EXPECT_FALSE(*store_->find_revocation(RevocationKind::Device, "X", kNow));

  EXPECT_TRUE(*store_->remove_revocation(RevocationKind::Device, "x"));
  EXPECT_FALSE(*store_->remove_revocation(RevocationKind::Device, "x"));
  EXPECT_FALSE(*store_->find_revocation(RevocationKind::Device, "x", kNow));
  EXPECT_TRUE(*store_->find_revocation(RevocationKind::Token, "x", kNow));
}

TEST_F(StoreTest, TheLaterRevocationCounts) {
  open();
  const auto put = [&](Instant issued_before, Instant expires_at) {
    ASSERT_TRUE(
        store_->put_revocation({RevocationKind::Application, "aud", issued_before, expires_at}));
  };
  put(kNow + 10s, kNow + 100s);
  put(kNow + 5s, kNow + 200s);  // a clock that went back
  auto found = store_->find_revocation(RevocationKind::Application, "aud", kNow);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ(kNow + 10s, (*found)->issued_before);
  EXPECT_EQ(kNow + 200s, (*found)->expires_at);
  put(kNow + 20s, kNow + 150s);
  found = store_->find_revocation(RevocationKind::Application, "aud", kNow);
  EXPECT_EQ(kNow + 20s, (*found)->issued_before);
  EXPECT_EQ(1U, store_->revocations(kNow)->size());
}

TEST_F(StoreTest, RevocationsEndAtTheSecond) {
  open();
  ASSERT_TRUE(store_->put_revocation({RevocationKind::Token, "a", kNow, kNow + 60s}));
  ASSERT_TRUE(store_->put_revocation({RevocationKind::Device, "d", kNow, std::nullopt}));
  EXPECT_TRUE(*store_->find_revocation(RevocationKind::Token, "a", kNow + 59s));
  EXPECT_FALSE(*store_->find_revocation(RevocationKind::Token, "a", kNow + 60s));
  EXPECT_EQ(2U, store_->revocations(kNow + 59s)->size());
  EXPECT_EQ(1U, store_->revocations(kNow + 60s)->size());
  ASSERT_TRUE(store_->purge(kNow + 59s));
  EXPECT_EQ(2U, store_->revocations(kNow)->size());
  ASSERT_TRUE(store_->purge(kNow + 60s));
  EXPECT_EQ(1U, store_->revocations(kNow)->size());
  ASSERT_TRUE(store_->purge(kNow + std::chrono::years{50}));
  EXPECT_TRUE(*store_->find_revocation(RevocationKind::Device, "d", kNow)) << "until it is removed";
}

TEST_F(StoreTest, UnreadableSessionsAreAbsent) {
  open();
  ASSERT_TRUE(store_->put_session(session("a")));
  ASSERT_TRUE(store_->put_session(session("b")));
  run_sql("UPDATE sessions SET document = '{\"from\":\"another version\"}' WHERE nonce = 'a'");
  const auto loaded = store_->load_session("a", kNow);
  ASSERT_TRUE(loaded);
  EXPECT_FALSE(*loaded);
  EXPECT_EQ(1U, store_->live_sessions(kNow)->size());
  EXPECT_TRUE(store_->put_session(session("a"))) << "a new sign-in replaces it";
}

TEST_F(StoreTest, ConsumedOnce) {
  open();
  EXPECT_EQ(true, store_->consume_once("a", kNow + 60s, kNow));
  EXPECT_EQ(false, store_->consume_once("a", kNow + 60s, kNow));
  EXPECT_EQ(false, store_->consume_once("a", kNow + 600s, kNow)) << "whatever expiry is given";
  EXPECT_EQ(true, store_->consume_once("b", kNow + 60s, kNow));
  EXPECT_EQ(false, open().consume_once("a", kNow + 60s, kNow + 59s)) << "after a restart";
  EXPECT_EQ(false, store_->consume_once("a", kNow + 120s, kNow + 61s)) << "expired, not purged";
  ASSERT_TRUE(store_->purge(kNow + 60s));
  EXPECT_EQ(false, store_->consume_once("a", kNow + 60s, kNow + 60s)) << "purged, but too late";
  EXPECT_EQ(true, store_->consume_once("c", kNow + 60s, kNow + 59s));
  EXPECT_EQ(false, store_->consume_once("d", kNow + 60s, kNow + 60s));
}

TEST_F(StoreTest, ConsumedOnceAmongThreadsAndStores) {
  open();
  auto second = open_store(url());
  ASSERT_TRUE(second);
  std::atomic<int> won{0};
  std::atomic<int> failed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      Store& store = t % 2 == 0 ? *store_ : **second;
      for (int i = 0; i < 25; ++i) {
        const auto result = store.consume_once("id" + std::to_string(i), kNow + 60s, kNow);
        if (!result) ++failed;
        if (result && *result) ++won;
        if (!store.live_sessions(kNow)) ++failed;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(0, failed);
  EXPECT_EQ(25, won);
}

TEST_F(StoreTest, PinIsAcceptedOnce) {
  open();
  ASSERT_TRUE(store_->put_pin(pin("a", "right")));
  EXPECT_EQ(PinOutcome::Unknown, store_->try_pin("b", "browser", "right", kNow));
  EXPECT_EQ(PinOutcome::Unknown, store_->try_pin("a", "other", "right", kNow));
  EXPECT_EQ(PinOutcome::Wrong, store_->try_pin("a", "browser", "wrong", kNow));
  EXPECT_EQ(PinOutcome::Accepted, open().try_pin("a", "browser", "right", kNow + 599s));
  EXPECT_EQ(PinOutcome::Unknown, store_->try_pin("a", "browser", "right", kNow + 599s));
}

TEST_F(StoreTest, PinExpiresAtTheSecond) {
  open();
  ASSERT_TRUE(store_->put_pin(pin("a", "right")));
  EXPECT_EQ(PinOutcome::Expired, store_->try_pin("a", "browser", "right", kNow + 600s));
  EXPECT_EQ(PinOutcome::Accepted, store_->try_pin("a", "browser", "right", kNow + 599s));
}

TEST_F(StoreTest, PinAllowsFiveFailures) {
  open();
  ASSERT_TRUE(store_->put_pin(pin("a", "right")));
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(PinOutcome::Unknown, store_->try_pin("a", "other", "wrong", kNow)) << "not counted";
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(PinOutcome::Wrong, store_->try_pin("a", "browser", "wrong", kNow)) << i;
  ASSERT_TRUE(store_->put_pin(pin("b", "right")));
  EXPECT_EQ(PinOutcome::TooManyAttempts, store_->try_pin("a", "browser", "wrong", kNow));
  EXPECT_EQ(PinOutcome::TooManyAttempts, store_->try_pin("a", "browser", "right", kNow));
  EXPECT_EQ(PinOutcome::Accepted, store_->try_pin("b", "browser", "right", kNow)) << "another";
}

TEST_F(StoreTest, FourFailuresLeaveOneAttempt) {
  open();
  ASSERT_TRUE(store_->put_pin(pin("a", "right")));
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(PinOutcome::Wrong, store_->try_pin("a", "browser", "wrong", kNow));
  EXPECT_EQ(PinOutcome::Accepted, store_->try_pin("a", "browser", "right", kNow));
}

TEST_F(StoreTest, NewPinReplacesTheOldOneAndBothCount) {
  open();
  ASSERT_TRUE(store_->put_pin(pin("a", "old")));
  auto second = pin("a", "new");
  second.created_at = kNow + 30s;
  ASSERT_TRUE(store_->put_pin(second));
  EXPECT_EQ(PinOutcome::Wrong, store_->try_pin("a", "browser", "old", kNow + 30s));
  EXPECT_EQ(PinOutcome::Accepted, store_->try_pin("a", "browser", "new", kNow + 30s));
  EXPECT_EQ(PinOutcome::Unknown, store_->try_pin("a", "browser", "old", kNow + 30s));
  EXPECT_EQ(2, store_->pins_since("ann@example.com", kNow));
  EXPECT_EQ(1, store_->pins_since("ann@example.com", kNow + 1s));
  EXPECT_EQ(1, store_->pins_since("ann@example.com", kNow + 30s));
  EXPECT_EQ(0, store_->pins_since("ann@example.com", kNow + 31s));
  EXPECT_EQ(0, store_->pins_since("bob@example.com", kNow));
}

TEST_F(StoreTest, PinIsAcceptedOnceAmongThreads) {
  open();
  ASSERT_TRUE(store_->put_pin(pin("a", "right")));
  std::atomic<int> accepted{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      if (store_->try_pin("a", "browser", "right", kNow) == PinOutcome::Accepted) ++accepted;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(1, accepted);
}

TEST_F(StoreTest, SigningKeysNewestFirst) {
  open();
  const std::string sealed("\0\x01\xff", 3);
  ASSERT_TRUE(store_->add_signing_key({"old", "x", "cert", kNow - 60s}));
  ASSERT_TRUE(store_->add_signing_key({"first", sealed, "cert\n", kNow}));
  ASSERT_TRUE(store_->add_signing_key({"second", "y", "cert", kNow}));
  const auto twice = store_->add_signing_key({"old", "hush", "cert", kNow});
  ASSERT_FALSE(twice);
  EXPECT_EQ("store `" + url() + "`: cannot store the signing key: constraint failed",
            twice.error().message);
  const auto keys = open().signing_keys();
  ASSERT_TRUE(keys);
  ASSERT_EQ(3U, keys->size());
  EXPECT_EQ("second", (*keys)[0].kid);
  EXPECT_EQ("first", (*keys)[1].kid);
  EXPECT_EQ(sealed, (*keys)[1].sealed_private_key);
  EXPECT_EQ("cert\n", (*keys)[1].certificate);
  EXPECT_EQ(kNow, (*keys)[1].created_at);
  EXPECT_EQ("old", (*keys)[2].kid);
}

TEST_F(StoreTest, AuditNewestFirst) {
  open();
  for (int i = 0; i < 5; ++i) {
    AuditEvent event;
    event.at = kNow + std::chrono::seconds(i);
    event.event = "sign_in";
    event.actor = "ann@example.com";
    event.ip = "192.0.2.1";
    event.application = "app";
    event.reason = std::to_string(i);
    event.details = {{"n", i}, {"text", "a\"b\n"}};
    ASSERT_TRUE(store_->append_audit(event));
  }
  const auto events = open().recent_audit(3);
  ASSERT_TRUE(events) << events.error().message;
  ASSERT_EQ(3U, events->size());
  EXPECT_EQ("4", (*events)[0].reason);
  EXPECT_EQ("2", (*events)[2].reason);
  EXPECT_EQ(kNow + 4s, (*events)[0].at);
  EXPECT_EQ("192.0.2.1", (*events)[0].ip);
  EXPECT_EQ("app", (*events)[0].application);
  EXPECT_EQ("ann@example.com", (*events)[0].actor);
  EXPECT_EQ(json::value(json::object{{"n", 4}, {"text", "a\"b\n"}}),
            json::value((*events)[0].details));
  EXPECT_EQ(0U, store_->recent_audit(0)->size());
  EXPECT_EQ(0U, store_->recent_audit(-1)->size());
}

TEST_F(StoreTest, PurgeTakesWhatHasExpired) {
  open();
  ASSERT_TRUE(store_->put_session(session("gone", kNow + 60s)));
  ASSERT_TRUE(store_->put_session(session("ended", kNow + 61s)));
  ASSERT_TRUE(store_->put_session(session("kept", kNow + 61s)));
  ASSERT_TRUE(store_->remove_session("ended"));
  ASSERT_TRUE(store_->put_pin(pin("a", "right")));
  ASSERT_TRUE(store_->purge(kNow + 60s));
  EXPECT_TRUE(store_->put_session(session("gone"))) << "the row is gone";
  EXPECT_FALSE(store_->put_session(session("ended"))) << "still remembered";
  EXPECT_TRUE(*store_->load_session("kept", kNow + 60s));
  ASSERT_TRUE(store_->purge(kNow + 23h));
  EXPECT_EQ(1, store_->pins_since("ann@example.com", kNow));
  ASSERT_TRUE(store_->purge(kNow + 24h));
  EXPECT_EQ(0, store_->pins_since("ann@example.com", kNow));
}

// --- crashes ------------------------------------------------------------------------------------

// Writes without end and says in the pipe which number has been acknowledged.
[[noreturn]] void write_until_killed(const std::string& url, int first, int pipe) {
  auto opened = open_store(url);
  if (!opened) ::_exit(1);
  Store& store = **opened;
  for (int i = first;; ++i) {
    const std::string id = std::to_string(i);
    AuditEvent event;
    event.at = kNow;
    event.reason = id;
    const auto consumed = store.consume_once(id, kNow + 60s, kNow);
    if (!consumed || !*consumed || !store.put_session(session(id)) || !store.append_audit(event))
      ::_exit(1);
    if (::write(pipe, &i, sizeof i) != sizeof i) ::_exit(1);
  }
}

TEST_F(StoreTest, AcknowledgedWritesSurviveKill) {
  constexpr int kRounds = 20;
  int first = 0;
  for (int round = 0; round < kRounds; ++round) {
    std::array<int, 2> pipe{};
    ASSERT_EQ(0, ::pipe(pipe.data()));
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(pipe[0]);
      write_until_killed(url(), first, pipe[1]);
    }
    ::close(pipe[1]);
    int number = 0;
    // A different moment each round, and what the child had still said by then.
    for (int i = 0; i < 3 + round * 2; ++i)
      ASSERT_EQ(static_cast<ssize_t>(sizeof number), ::read(pipe[0], &number, sizeof number));
    ASSERT_EQ(0, ::kill(child, SIGKILL));
    int acknowledged = number;
    while (::read(pipe[0], &number, sizeof number) == static_cast<ssize_t>(sizeof number))
      acknowledged = number;
    ::close(pipe[0]);
    int status = 0;
    ASSERT_EQ(child, ::waitpid(child, &status, 0));
    ASSERT_TRUE(WIFSIGNALED(status));

    Store& store = open();
    std::set<std::string> audited;
    const auto events = store.recent_audit(1'000'000);
    ASSERT_TRUE(events) << events.error().message;
    for (const auto& event : *events) audited.insert(event.reason);
    for (int i = first; i <= acknowledged; ++i) {
      const std::string id = std::to_string(i);
      EXPECT_EQ(false, store.consume_once(id, kNow + 60s, kNow)) << "round " << round << " " << i;
      EXPECT_TRUE(*store.load_session(id, kNow)) << "round " << round << " " << i;
      EXPECT_TRUE(audited.contains(id)) << "round " << round << " " << i;
    }
    store_.reset();
    // Writes that nobody acknowledged may be there: no number is used twice.
    first = acknowledged + 1000;
  }
}

}  // namespace
}  // namespace gatehouse::storage
