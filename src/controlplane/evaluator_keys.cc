#include "controlplane/evaluator_keys.h"

#include <utility>

namespace gatehouse::controlplane {

EvaluatorKeys::Shared EvaluatorKeys::find(std::string_view url, Instant now) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(url);
  if (found == entries_.end() || now < found->second.fetched_at ||
      now - found->second.fetched_at >= kEvaluatorKeysLifetime)
    return nullptr;
  return found->second.keys;
}

bool EvaluatorKeys::admit_refetch(std::string_view url, Instant now) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(url);
  if (found == entries_.end()) return true;
  auto& last = found->second.refetched_at;
  if (last && *last <= now && now - *last < kEvaluatorKeysRefetchInterval) return false;
  last = now;
  return true;
}

void EvaluatorKeys::keep(std::string_view url, Shared keys, Instant now) {
  const std::lock_guard lock(mutex_);
  if (entries_.size() >= kMaxEvaluatorKeySets && !entries_.contains(url)) entries_.clear();
  auto& entry = entries_[std::string(url)];
  entry.keys = std::move(keys);
  entry.fetched_at = now;
}

}  // namespace gatehouse::controlplane
