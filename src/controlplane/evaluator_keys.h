// The keys that external evaluators sign with. Thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "jose/jwk.h"

namespace gatehouse::controlplane {

inline constexpr std::chrono::seconds kEvaluatorKeysLifetime{3600};
inline constexpr std::chrono::seconds kEvaluatorKeysRefetchInterval{10};
inline constexpr std::size_t kMaxEvaluatorKeySets = 256;

// The key sets of evaluators, by address, at most kEvaluatorKeysLifetime old. Thread-safe.
class EvaluatorKeys {
 public:
  using Shared = std::shared_ptr<const jose::JwkSet>;
  [[nodiscard]] Shared find(std::string_view url, Instant now) const;
  // Whether to fetch once more for an unknown kid: once in kEvaluatorKeysRefetchInterval.
  [[nodiscard]] bool admit_refetch(std::string_view url, Instant now);
  void keep(std::string_view url, Shared keys, Instant now);

 private:
  struct Entry {
    Shared keys;
    Instant fetched_at{};
    std::optional<Instant> refetched_at;
  };
  mutable std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace gatehouse::controlplane
