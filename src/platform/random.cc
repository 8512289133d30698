#include "platform/random.h"

#include <openssl/rand.h>

#include <array>
#include <cstring>
#include <limits>
#include <span>

#include "base/check.h"
#include "base/encoding.h"

namespace gatehouse {
namespace {

void fill_random(std::span<std::uint8_t> bytes) {
  GATEHOUSE_CHECK(bytes.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max()),
                  "few random bytes are asked for at once");
  // A generator that fails must never yield predictable bytes.
  GATEHOUSE_CHECK(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1,
                  "the operating system provides randomness");
}

}  // namespace

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  fill_random({reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
  return bytes;
}

std::string random_hex(std::size_t bytes) { return hex_encode(random_bytes(bytes)); }

std::string random_base64url(std::size_t bytes) { return base64url_encode(random_bytes(bytes)); }

std::string random_uuid() {
  std::array<std::uint8_t, 16> bytes{};
  fill_random(bytes);
  return uuid_v4(bytes);
}

std::uint32_t random_below(std::uint32_t bound) {
  GATEHOUSE_CHECK(bound > 0, "there is a number below the bound");
  // Values from the last, incomplete round would make the small results likelier: draw again.
  constexpr std::uint64_t kRange = std::uint64_t{1} << 32;
  const std::uint64_t complete = kRange - kRange % bound;
  for (;;) {
    std::array<std::uint8_t, 4> bytes{};
    fill_random(bytes);
    std::uint32_t drawn = 0;
    std::memcpy(&drawn, bytes.data(), bytes.size());
    if (drawn < complete) return drawn % bound;
  }
}

}  // namespace gatehouse
