// What only SQLite has: a file, its rights, and a disk that is full.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>

#include "storage/store.h"

namespace gatehouse::storage {
namespace {

using namespace std::chrono_literals;

// Beyond 2038, so that no instant passes through 32 bits unseen.
constexpr Instant kNow = from_epoch_seconds(2'500'000'000);

class SqliteStoreTest : public ::testing::Test {
 protected:
  SqliteStoreTest() {
    std::string name = (std::filesystem::temp_directory_path() / "gatehouse-store-XXXXXX").string();
    EXPECT_NE(nullptr, ::mkdtemp(name.data()));
    directory_ = name;
  }
  ~SqliteStoreTest() override {
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

// --- opening ------------------------------------------------------------------------------------

TEST_F(SqliteStoreTest, FilesAreForTheOwnerAlone) {
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

TEST_F(SqliteStoreTest, PathsWithOddCharacters) {
  const auto store = open_store(url("a  b'c;d?e=f%20\xc3\xa4.db"));
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_TRUE(std::filesystem::exists(path("a  b'c;d?e=f%20\xc3\xa4.db")));
}

TEST_F(SqliteStoreTest, UrlsThatAreRefused) {
  struct Case {
    std::string url;
    std::string error;
  };
  const std::string forms =
      "cannot open store: the URL must be sqlite:///absolute/path or "
      "postgresql://user@host:port/database";
  const Case cases[] = {
      {"mysql://user:hush@db/x", forms},
      {"", forms},
      {"/var/lib/gatehouse.db", forms},
      {"sqlite:/x.db", forms},
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

TEST_F(SqliteStoreTest, MissingDirectoryIsNamed) {
  EXPECT_EQ("cannot open store `" + url("absent/gatehouse.db") + "`: No such file or directory",
            open_error(url("absent/gatehouse.db")));
}

TEST_F(SqliteStoreTest, DirectoryInsteadOfAFile) {
  std::filesystem::create_directory(path());
  EXPECT_EQ("cannot open store `" + url() + "`: unable to open database file", open_error(url()));
}

TEST_F(SqliteStoreTest, OtherFilesAreNotTouched) {
  const std::string text(8192, 'x');
  std::ofstream(path()) << text;
  EXPECT_EQ("cannot open store `" + url() + "`: file is not a database", open_error(url()));
  EXPECT_EQ(text.size(), std::filesystem::file_size(path()));
}

TEST_F(SqliteStoreTest, DatabasesOfOtherProgramsAreNotTouched) {
  run_sql("CREATE TABLE theirs (a)");
  EXPECT_EQ("cannot open store `" + url() + "`: the database belongs to another program",
            open_error(url()));
  run_sql("INSERT INTO theirs VALUES (1)");
  EXPECT_FALSE(std::filesystem::exists(path("gatehouse.db-wal")));
}

TEST_F(SqliteStoreTest, EmptyFileIsADatabase) {
  std::ofstream(path()).close();
  EXPECT_EQ("", open_error(url()));
}

TEST_F(SqliteStoreTest, DamagedDatabaseIsNamed) {
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

TEST_F(SqliteStoreTest, ReadOnlyFileIsNamed) {
  open();
  store_.reset();
  ASSERT_EQ(0, ::chmod(path().c_str(), 0444));
  ASSERT_EQ(0, ::chmod(directory_.c_str(), 0755));
  EXPECT_EQ("cannot open store `" + url() + "`: Permission denied", in_child([this] {
              return become_nobody() ? open_error(url()) : "cannot give up rights";
            }));
}

TEST_F(SqliteStoreTest, ReadOnlyDirectoryIsNamed) {
  ASSERT_EQ(0, ::chmod(directory_.c_str(), 0555));
  EXPECT_EQ("cannot open store `" + url() + "`: Permission denied", in_child([this] {
              return become_nobody() ? open_error(url()) : "cannot give up rights";
            }));
  ASSERT_EQ(0, ::chmod(directory_.c_str(), 0755));
}

TEST_F(SqliteStoreTest, ReadOnlyDirectoryWithAWritableFile) {
  std::ofstream(path()).close();
  ASSERT_EQ(0, ::chmod(path().c_str(), 0666));
  ASSERT_EQ(0, ::chmod(directory_.c_str(), 0555));
  const std::string error =
      in_child([this] { return become_nobody() ? open_error(url()) : "cannot give up rights"; });
  EXPECT_TRUE(error.starts_with("cannot open store `" + url() + "`: ")) << error;
  ASSERT_EQ(0, ::chmod(directory_.c_str(), 0755));
}

TEST_F(SqliteStoreTest, NoRoomForTheFirstWrite) {
  const std::string error = in_child([this] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_FSIZE, &none);
    return open_error(url());
  });
  EXPECT_TRUE(error.starts_with("cannot open store `" + url() + "`: ")) << error;
  EXPECT_EQ("", open_error(url())) << "the next attempt finds nothing broken";
}

TEST_F(SqliteStoreTest, FullDisk) {
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

}  // namespace
}  // namespace gatehouse::storage
