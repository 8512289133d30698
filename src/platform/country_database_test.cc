// testdata/countries.mmdb is written by tests/harness/mmdb.mjs:
//   192.0.2.0/24=DE 192.0.2.128/25=FR 2001:db8::/32=JP 198.51.100.0/30=de 198.51.100.4/30=DEU
//   and, from 198.51.100.8/30 on, records that say something else than a country (see the cases).
#include "platform/country_database.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>

namespace gatehouse {
namespace {

namespace fs = std::filesystem;

const fs::path kFile = fs::path(GATEHOUSE_TESTDATA) / "countries.mmdb";

TEST(CountryDatabase, Answers) {
  struct Case {
    const char* name;
    const char* address;
    const char* country;
  };
  constexpr Case kCases[] = {
      {"first of a network", "192.0.2.0", "DE"},
      {"last before the narrower one", "192.0.2.127", "DE"},
      {"the narrower one", "192.0.2.128", "FR"},
      {"last of the network", "192.0.2.255", "FR"},
      {"the one before", "192.0.1.255", ""},
      {"the one after", "192.0.3.0", ""},
      {"mapped into IPv6", "::ffff:192.0.2.1", "DE"},
      {"IPv6", "2001:db8::1", "JP"},
      {"IPv6 outside", "2001:db9::1", ""},
      {"private", "10.0.0.1", ""},
      {"loopback", "127.0.0.1", ""},
      {"unspecified", "::", ""},
      {"lower case", "198.51.100.0", ""},
      {"three letters", "198.51.100.4", ""},
      {"only the country of registration", "198.51.100.8", ""},
      {"a country without a code", "198.51.100.12", ""},
      {"a country that is an array", "198.51.100.16", ""},
      {"a country that is a text", "198.51.100.20", ""},
      {"a code that is an array", "198.51.100.24", ""},
  };
  const auto database = CountryDatabase::open(kFile);
  ASSERT_TRUE(database) << database.error().message;
  for (const Case& test : kCases) {
    EXPECT_EQ((*database)->country_of(IpAddress::parse(test.address).value()), test.country)
        << test.name;
  }
}

class DamagedDatabaseTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "countries_XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { fs::remove_all(directory_); }
  std::string write(std::string_view bytes) {
    const fs::path path = directory_ / "file.mmdb";
    EXPECT_TRUE(write_file_atomically(path, bytes, 0600));
    return path.string();
  }
  fs::path directory_;
};

TEST_F(DamagedDatabaseTest, WhatIsNoDatabaseIsSaidSo) {
  const auto absent = CountryDatabase::open(directory_ / "absent.mmdb");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().message, "cannot use the country database `" +
                                        (directory_ / "absent.mmdb").string() +
                                        "`: No such file or directory");
  EXPECT_FALSE(CountryDatabase::open(directory_));
  EXPECT_FALSE(CountryDatabase::open(write("")));
  EXPECT_FALSE(CountryDatabase::open(write(std::string(100'000, 'x'))));
  const std::string whole = read_file(kFile).value();
  EXPECT_FALSE(CountryDatabase::open(write(whole.substr(0, whole.size() / 2))));
  EXPECT_FALSE(CountryDatabase::open(write(whole.substr(0, whole.size() - 20))));
}

// Every byte wrong once: an answer, or none, and never one that is not a country.
TEST_F(DamagedDatabaseTest, DamageNeverMakesACountry) {
  const std::string whole = read_file(kFile).value();
  const auto german = IpAddress::parse("192.0.2.1").value();
  const auto japanese = IpAddress::parse("2001:db8::1").value();
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(~static_cast<std::uint8_t>(damaged[i]));
    const auto database = CountryDatabase::open(write(damaged));
    if (!database) continue;
    for (const auto& address : {german, japanese}) {
      const std::string_view country = (*database)->country_of(address);
      EXPECT_TRUE(country.empty() || country.size() == 2) << i;
    }
  }
}

}  // namespace
}  // namespace gatehouse
