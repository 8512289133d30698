// A hash map that never holds more than about 2 x `generation` entries: two generations, of which
// the older is dropped when the younger is full; what is used moves to the younger. No list to
// maintain on a hit. Not thread-safe.
#pragma once

#include <cstddef>
#include <functional>
#include <utility>

#include <boost/unordered/unordered_flat_map.hpp>

namespace gatehouse::enforcement {

template <typename Key, typename Value, typename Hash = std::hash<Key>>
class BoundedCache {
 public:
  explicit BoundedCache(std::size_t generation) : generation_(generation) {}

  // nullptr when absent. The pointer is good until the next insert, find or clear.
  [[nodiscard]] Value* find(const Key& key) {
    if (const auto young = young_.find(key); young != young_.end()) return &young->second;
    if (old_.empty()) return nullptr;
    const auto old = old_.find(key);
    if (old == old_.end()) return nullptr;
    Value value = std::move(old->second);
    old_.erase(old);
    return &insert(key, std::move(value));
  }

  Value& insert(const Key& key, Value value) {
    if (young_.size() >= generation_) {
      old_ = std::move(young_);
      young_ = {};
    }
    return young_.insert_or_assign(key, std::move(value)).first->second;
  }

  void clear() {
    young_.clear();
    old_.clear();
  }
  [[nodiscard]] std::size_t size() const { return young_.size() + old_.size(); }

 private:
  std::size_t generation_;
  boost::unordered_flat_map<Key, Value, Hash> young_;
  boost::unordered_flat_map<Key, Value, Hash> old_;
};

}  // namespace gatehouse::enforcement
