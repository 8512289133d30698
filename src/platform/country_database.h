// The country of an IP address, from a file in MaxMind's DB format (GeoLite2-Country and others of
// its shape). The file stays mapped: replace it by renaming a new one over it, never in place, and
// open it again to see the new one. Immutable, thread-safe.
#pragma once

#include <expected>
#include <filesystem>
#include <memory>
#include <string_view>

#include "base/ip.h"
#include "platform/file.h"

namespace gatehouse {

class CountryDatabase {
 public:
  [[nodiscard]] static std::expected<std::shared_ptr<const CountryDatabase>, FileError> open(
      const std::filesystem::path& path);
  virtual ~CountryDatabase() = default;
  // ISO 3166-1 alpha-2 in upper case, of `country`, never of `registered_country`; empty when the
  // file does not say, or is damaged there. The text is static: it outlives the database.
  [[nodiscard]] virtual std::string_view country_of(const IpAddress& address) const = 0;
};

}  // namespace gatehouse
