// At most so many events a key and window, in bounded memory. Thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/ip.h"
#include "base/time.h"

namespace gatehouse::controlplane {

class Limiter {
 public:
  Limiter(int limit, std::chrono::seconds window, std::size_t max_keys = 10'000)
      : limit_(limit), window_(window), max_keys_(max_keys) {}

  // Counts the event; false: beyond the limit. The window begins with a key's first event. When
  // there are too many keys, the one whose window began first is forgotten.
  [[nodiscard]] bool admit(std::string_view key, Instant now);
  // Whether admit() would say no.
  [[nodiscard]] bool is_exhausted(std::string_view key, Instant now);

 private:
  struct Window {
    Instant since{};
    int count = 0;
  };
  int limit_;
  std::chrono::seconds window_;
  std::size_t max_keys_;
  std::mutex mutex_;
  std::unordered_map<std::string, Window> windows_;
};

// Who counts as one client: the address, of IPv6 the /64, since a client may use all of that.
[[nodiscard]] std::string limiter_key(const IpAddress& address);

}  // namespace gatehouse::controlplane
