#include "controlplane/limiter.h"

#include <algorithm>

namespace gatehouse::controlplane {

bool Limiter::admit(std::string_view key, Instant now) {
  const std::lock_guard lock(mutex_);
  auto found = windows_.find(std::string(key));
  if (found == windows_.end()) {
    if (windows_.size() >= max_keys_) {
      std::erase_if(windows_,
                    [&](const auto& entry) { return entry.second.since + window_ <= now; });
    }
    if (windows_.size() >= max_keys_) {
      windows_.erase(std::min_element(windows_.begin(), windows_.end(), [](auto& a, auto& b) {
        return a.second.since < b.second.since;
      }));
    }
    found = windows_.emplace(std::string(key), Window{now, 0}).first;
  }
  auto& window = found->second;
  if (window.since + window_ <= now) window = {now, 0};
  if (window.count >= limit_) return false;
  ++window.count;
  return true;
}

bool Limiter::is_exhausted(std::string_view key, Instant now) {
  const std::lock_guard lock(mutex_);
  const auto found = windows_.find(std::string(key));
  return found != windows_.end() && found->second.since + window_ > now &&
         found->second.count >= limit_;
}

std::string limiter_key(const IpAddress& address) {
  if (address.is_v4()) return address.to_string();
  const auto& bytes = address.bytes();
  return std::string(bytes.begin(), bytes.begin() + 8);
}

}  // namespace gatehouse::controlplane
