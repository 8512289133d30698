#include "platform/country_database.h"

#include <maxminddb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

namespace gatehouse {
namespace {

constexpr std::size_t kLetters = 26;

// AA AB .. ZZ: answers that outlive every database.
constexpr auto kCodes = [] {
  std::array<char, kLetters * kLetters * 2> codes{};
  for (std::size_t i = 0; i < kLetters * kLetters; ++i) {
    codes[2 * i] = static_cast<char>('A' + i / kLetters);
    codes[2 * i + 1] = static_cast<char>('A' + i % kLetters);
  }
  return codes;
}();

// Empty when `text` is no country code.
std::string_view lasting(std::string_view text) {
  const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (text.size() != 2 || !is_upper(text[0]) || !is_upper(text[1])) return {};
  const auto first = static_cast<std::size_t>(text[0] - 'A');
  const auto second = static_cast<std::size_t>(text[1] - 'A');
  return {kCodes.data() + 2 * (first * kLetters + second), 2};
}

MMDB_lookup_result_s look_up(const MMDB_s& database, const IpAddress& address, int& error) {
  const auto& bytes = address.bytes();
  if (address.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    std::memcpy(&v4.sin_addr, bytes.data() + 12, 4);
    return MMDB_lookup_sockaddr(&database, reinterpret_cast<const sockaddr*>(&v4), &error);
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  std::memcpy(&v6.sin6_addr, bytes.data(), bytes.size());
  return MMDB_lookup_sockaddr(&database, reinterpret_cast<const sockaddr*>(&v6), &error);
}

class MappedDatabase final : public CountryDatabase {
 public:
  explicit MappedDatabase(const MMDB_s& database) : database_(database) {}
  ~MappedDatabase() override { MMDB_close(&database_); }

  std::string_view country_of(const IpAddress& address) const override {
    int error = MMDB_SUCCESS;
    auto found = look_up(database_, address, error);
    if (error != MMDB_SUCCESS || !found.found_entry) return {};
    MMDB_entry_data_s code{};
    if (MMDB_get_value(&found.entry, &code, "country", "iso_code", nullptr) != MMDB_SUCCESS ||
        !code.has_data || code.type != MMDB_DATA_TYPE_UTF8_STRING) {
      return {};
    }
    return lasting({code.utf8_string, code.data_size});
  }

 private:
  MMDB_s database_;
};

}  // namespace

std::expected<std::shared_ptr<const CountryDatabase>, FileError> CountryDatabase::open(
    const std::filesystem::path& path) {
  MMDB_s database{};
  if (const int status = MMDB_open(path.c_str(), MMDB_MODE_MMAP, &database);
      status != MMDB_SUCCESS) {
    const bool by_system =
        (status == MMDB_FILE_OPEN_ERROR || status == MMDB_IO_ERROR) && errno != 0;
    return std::unexpected(FileError{"cannot use the country database `" + path.string() + "`: " +
                                     (by_system ? std::strerror(errno) : MMDB_strerror(status))});
  }
  return std::make_shared<const MappedDatabase>(database);
}

}  // namespace gatehouse
