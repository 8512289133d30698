#include "platform/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>

#include "platform/random.h"

namespace gatehouse {
namespace {

class File : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directory(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] static mode_t mode_of(const std::filesystem::path& path) {
    struct stat status{};
    EXPECT_EQ(::stat(path.c_str(), &status), 0);
    return status.st_mode & 07777;
  }
  [[nodiscard]] std::ptrdiff_t entries() const {
    return std::distance(std::filesystem::directory_iterator(folder_), {});
  }

  std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("gatehouse-file-test-" + random_hex(8));
};

TEST_F(File, IsReadAsWritten) {
  const auto path = folder_ / "x";
  const std::string content = random_bytes(200'000);
  ASSERT_TRUE(write_file_atomically(path, content, 0600));
  EXPECT_EQ(read_file(path).value(), content);
  ASSERT_TRUE(write_file_atomically(path, "", 0600));
  EXPECT_EQ(read_file(path).value(), "");
}

TEST_F(File, HasTheModeAskedForWhateverTheUmask) {
  const auto path = folder_ / "x";
  const mode_t before = ::umask(077);
  ASSERT_TRUE(write_file_atomically(path, "a", 0644));
  ASSERT_TRUE(make_directory(folder_ / "d" / "e", 0775));
  ::umask(before);
  EXPECT_EQ(mode_of(path), 0644U);
  EXPECT_EQ(mode_of(folder_ / "d" / "e"), 0775U);
  ASSERT_TRUE(write_file_atomically(path, "b", 0600));
  EXPECT_EQ(mode_of(path), 0600U);
}

TEST_F(File, ReplacesALinkRatherThanItsTarget) {
  ASSERT_TRUE(write_file_atomically(folder_ / "target", "old", 0600));
  std::filesystem::create_symlink(folder_ / "target", folder_ / "link");
  ASSERT_TRUE(write_file_atomically(folder_ / "link", "new", 0600));
  EXPECT_EQ(read_file(folder_ / "target").value(), "old");
  EXPECT_EQ(read_file(folder_ / "link").value(), "new");
}

TEST_F(File, IsLimitedInSize) {
  const auto path = folder_ / "x";
  ASSERT_TRUE(write_file_atomically(path, std::string(100, 'x'), 0600));
  EXPECT_TRUE(read_file(path, 100));
  EXPECT_EQ(read_file(path, 99).error().message,
            "cannot read `" + path.string() + "`: larger than 99 bytes");
  EXPECT_FALSE(read_file("/dev/zero", 100'000));
}

TEST_F(File, ErrorsNameThePath) {
  const auto absent = folder_ / "absent";
  EXPECT_EQ(read_file(absent).error().message,
            "cannot read `" + absent.string() + "`: No such file or directory");
  EXPECT_EQ(read_file(folder_).error().message,
            "cannot read `" + folder_.string() + "`: Is a directory");
  const auto inside = absent / "x";
  EXPECT_EQ(write_file_atomically(inside, "", 0600).error().message,
            "cannot write `" + inside.string() + "`: No such file or directory");
}

TEST_F(File, LeavesNothingBehindWhenWritingFails) {
  const auto directory = folder_ / "d";
  ASSERT_TRUE(make_directory(directory, 0700));
  EXPECT_EQ(write_file_atomically(directory, "x", 0600).error().message,
            "cannot write `" + directory.string() + "`: Is a directory");
  EXPECT_EQ(entries(), 1);
}

TEST_F(File, DirectoriesAreMadeOnce) {
  const auto path = folder_ / "d";
  ASSERT_TRUE(make_directory(path, 0700));
  EXPECT_TRUE(make_directory(path, 0755));
  EXPECT_EQ(mode_of(path), 0700U);  // one that exists stays as it is
  ASSERT_TRUE(write_file_atomically(folder_ / "f", "", 0600));
  EXPECT_FALSE(make_directory(folder_ / "f", 0700));
  EXPECT_FALSE(make_directory(folder_ / "f" / "x", 0700));
}

}  // namespace
}  // namespace gatehouse
