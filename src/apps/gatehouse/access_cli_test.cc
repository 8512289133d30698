#include "apps/gatehouse/access_cli.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

namespace gatehouse::apps {
namespace {

using namespace std::chrono_literals;

TEST(ApplicationUrl, IsHttpsOfAPlainHost) {
  const struct {
    const char* url;
    const char* origin;  // null: refused
    const char* path;
  } cases[] = {
      {"https://wiki.example.com", "https://wiki.example.com", "/"},
      {"HTTPS://Wiki.Example.com/a/b?c=d#e", "https://wiki.example.com", "/a/b"},
      {"https://wiki.example.com:8443?x", "https://wiki.example.com:8443", "/"},
      {"https://wiki.example.com:443/", "https://wiki.example.com", "/"},
      {"http://wiki.example.com", nullptr, ""},
      {"wiki.example.com", nullptr, ""},
      {"https://", nullptr, ""},
      {"https://ada@wiki.example.com/", nullptr, ""},
      {"https://wiki.example.com:/", nullptr, ""},
      {"https://wiki.example.com:80x/", nullptr, ""},
      {"https://wiki.example.com:123456/", nullptr, ""},
      {"https://wiki.example.com/a b", nullptr, ""},
      {"https://wiki.example.com\\@evil.example/", nullptr, ""},
      {"https://[::1]/", nullptr, ""},
      {"", nullptr, ""},
  };
  for (const auto& test : cases) {
    const auto read = read_application_url(test.url);
    ASSERT_EQ(read.has_value(), test.origin != nullptr) << test.url;
    if (!read) continue;
    EXPECT_EQ(read->origin, test.origin) << test.url;
    EXPECT_EQ(read->path, test.path) << test.url;
  }
}

TEST(CurlArguments, AreWhatFollowsTheUrl) {
  using Words = std::vector<std::string>;
  const struct {
    Words given;
    Words ours;
    Words curls;
  } cases[] = {
      {{"access", "curl", "https://a/"}, {"access", "curl", "https://a/"}, {}},
      {{"access", "--ca-file", "x", "curl", "https://a/", "--output", "f", "-s"},
       {"access", "--ca-file", "x", "curl", "https://a/"},
       {"--output", "f", "-s"}},
      {{"access", "curl", "--help", "x"}, {"access", "curl", "--help", "x"}, {}},
      {{"access", "token", "https://a/", "--output", "json"},
       {"access", "token", "https://a/", "--output", "json"},
       {}},
      {{"check", "curl", "x", "y"}, {"check", "curl", "x", "y"}, {}},
      {{}, {}, {}},
  };
  for (const auto& test : cases) {
    auto words = test.given;
    EXPECT_EQ(take_curl_arguments(words), test.curls);
    EXPECT_EQ(words, test.ours);
  }
}

class TokenFilesTest : public testing::Test {
 protected:
  TokenFilesTest() : root_(testing::TempDir() + "access.XXXXXX") {
    EXPECT_NE(::mkdtemp(root_.data()), nullptr);
    directory_ = std::filesystem::path(root_) / "state/gatehouse/access";
  }
  ~TokenFilesTest() override { std::filesystem::remove_all(root_); }
  std::filesystem::path only_file() {
    return std::filesystem::directory_iterator(directory_)->path();
  }
  static mode_t mode(const std::filesystem::path& path) {
    struct stat found{};
    EXPECT_EQ(::lstat(path.c_str(), &found), 0);
    return found.st_mode & 07777U;
  }

  const Instant now_{std::chrono::seconds(1'800'000'000)};
  std::string root_;
  std::filesystem::path directory_;
};

TEST_F(TokenFilesTest, KeepsATokenForItsUserUntilItEnds) {
  const TokenFiles files(directory_);
  EXPECT_EQ(files.find("https://a", "aud", now_).value(), std::nullopt);
  ASSERT_TRUE(files.put("https://a", "aud", {"to.k-e_n", now_ + 60s}));
  EXPECT_EQ(mode(directory_), 0700U);
  EXPECT_EQ(mode(only_file()), 0600U);
  EXPECT_EQ(files.find("https://a", "aud", now_ + 59s).value().value().token, "to.k-e_n");
  EXPECT_FALSE(files.find("https://a", "other", now_).value());
  EXPECT_FALSE(files.find("https://b", "aud", now_).value());
  EXPECT_FALSE(files.find("https://a", "aud", now_ + 60s).value());
  EXPECT_TRUE(std::filesystem::is_empty(directory_));
}

TEST_F(TokenFilesTest, RefusesWhatOthersMayUse) {
  const TokenFiles files(directory_);
  ASSERT_TRUE(files.put("https://a", "aud", {"token", now_ + 60s}));
  const auto file = only_file();
  for (const mode_t wide : {0640U, 0604U, 0602U, 0660U}) {
    ASSERT_EQ(::chmod(file.c_str(), wide), 0);
    EXPECT_FALSE(files.find("https://a", "aud", now_));
  }
  ASSERT_EQ(::chmod(file.c_str(), 0600), 0);
  ASSERT_EQ(::chmod(directory_.c_str(), 0755), 0);
  EXPECT_FALSE(files.find("https://a", "aud", now_));
  EXPECT_FALSE(files.put("https://a", "aud", {"token", now_ + 60s}));
  ASSERT_EQ(::chmod(directory_.c_str(), 0700), 0);
  EXPECT_TRUE(files.find("https://a", "aud", now_).value());
  std::filesystem::rename(file, root_ + "/elsewhere");
  std::filesystem::create_symlink(root_ + "/elsewhere", file);
  EXPECT_FALSE(files.find("https://a", "aud", now_));
}

TEST_F(TokenFilesTest, RemovesWhatHasEnded) {
  const TokenFiles files(directory_);
  files.remove_expired(now_);
  ASSERT_TRUE(files.put("https://a", "aud", {"token", now_ + 60s}));
  ASSERT_TRUE(files.put("https://b", "aud", {"token", now_ + 61s}));
  files.remove_expired(now_ + 60s);
  EXPECT_FALSE(files.find("https://a", "aud", now_).value());
  EXPECT_TRUE(files.find("https://b", "aud", now_).value());
  files.remove("https://b", "aud");
  EXPECT_TRUE(std::filesystem::is_empty(directory_));
}

TEST_F(TokenFilesTest, TakesNothingThatIsNoToken) {
  const TokenFiles files(directory_);
  ASSERT_TRUE(files.put("https://a", "aud", {"a\tb", now_ + 60s}));
  EXPECT_FALSE(files.find("https://a", "aud", now_).value());
}

}  // namespace
}  // namespace gatehouse::apps
