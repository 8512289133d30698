// Containers whose copies share their parts, so that copying and then changing a few elements of
// very many costs little. A part is copied when it is first changed. Thread-compatible: what has
// been copied from is changed no more.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/check.h"

namespace gatehouse::decision {

// Numbered places, each with a shared value or none.
template <typename T>
class SharedSlots {
 public:
  using Slot = std::shared_ptr<const T>;

  SharedSlots() = default;
  SharedSlots(const SharedSlots& other)
      : blocks_(other.blocks_), size_(other.size_), own_(other.blocks_.size()) {}
  SharedSlots& operator=(const SharedSlots&) = delete;
  ~SharedSlots() = default;

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const T* operator[](std::size_t index) const {
    return (*blocks_[index / kBlock])[index % kBlock].get();
  }
  void push_back(Slot slot) {
    if (size_ % kBlock == 0) {
      blocks_.push_back(std::make_shared<Block>());
      own_.push_back(true);
    }
    set(size_++, std::move(slot));
  }
  void set(std::size_t index, Slot slot) {
    auto& block = blocks_[index / kBlock];
    if (!own_[index / kBlock]) {
      block = std::make_shared<Block>(*block);
      own_[index / kBlock] = true;
    }
    (*block)[index % kBlock] = std::move(slot);
  }

 private:
  static constexpr std::size_t kBlock = 64;
  using Block = std::array<Slot, kBlock>;
  std::vector<std::shared_ptr<Block>> blocks_;
  std::size_t size_ = 0;
  std::vector<bool> own_;  // blocks that no copy shares
};

// Values by texts that the values keep alive.
template <typename Value>
class SharedMap {
 public:
  SharedMap() = default;
  SharedMap(const SharedMap& other) : shards_(other.shards_), size_(other.size_) {}
  SharedMap& operator=(const SharedMap&) = delete;
  ~SharedMap() = default;

  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] const Value* find(std::string_view text) const {
    const Key key = key_of(text);
    const Shard* shard = shards_[shard_of(key)].get();
    if (shard == nullptr) return nullptr;
    const auto found = shard->find(key);
    return found == shard->end() ? nullptr : &found->second;
  }
  // False: there is one already, and it stays.
  bool try_emplace(std::string_view text, Value value) {
    const Key key = key_of(text);
    const bool is_new = own(shard_of(key)).try_emplace(key, std::move(value)).second;
    if (is_new) ++size_;
    return is_new;
  }
  void erase(std::string_view text) {
    if (find(text) == nullptr) return;
    const Key key = key_of(text);
    own(shard_of(key)).erase(key);
    --size_;
  }

 private:
  struct Key {
    std::size_t hash = 0;
    std::string_view text;
    bool operator==(const Key& other) const { return text == other.text; }
  };
  struct Hash {
    std::size_t operator()(const Key& key) const { return key.hash; }
  };
  static constexpr std::size_t kShards = 64;
  using Shard = std::unordered_map<Key, Value, Hash>;

  static Key key_of(std::string_view text) { return {std::hash<std::string_view>{}(text), text}; }
  static std::size_t shard_of(const Key& key) {
    return key.hash / (std::size_t{1} << 58);  // the bits that a shard does not look at first
  }
  Shard& own(std::size_t index) {
    auto& shard = shards_[index];
    if (!own_[index]) {
      shard = shard ? std::make_shared<Shard>(*shard) : std::make_shared<Shard>();
      own_.set(index);
    }
    return *shard;
  }

  std::array<std::shared_ptr<Shard>, kShards> shards_;
  std::size_t size_ = 0;
  std::bitset<kShards> own_;  // shards that no copy shares
};

// Values with an id, each in a place that others name it by. The place of a removed one stays empty
// for good: who names it still finds nothing, and nothing else.
template <typename T>
class SharedPlaces {
 public:
  // What is there, or InvariantViolation.
  [[nodiscard]] const T& operator[](std::uint32_t place) const {
    const T* value = find(place);
    GATEHOUSE_CHECK(value != nullptr, "what is named is there");
    return *value;
  }
  // nullptr: it has been removed.
  [[nodiscard]] const T* find(std::uint32_t place) const { return values_[place].get(); }
  [[nodiscard]] std::optional<std::uint32_t> place_of(std::string_view id) const {
    const std::uint32_t* found = by_id_.find(id);
    return found == nullptr ? std::nullopt : std::optional(*found);
  }
  // Of the next new one.
  [[nodiscard]] std::uint32_t next_place() const {
    return static_cast<std::uint32_t>(values_.size());
  }
  // In the place of the one with its id, else in the next.
  std::uint32_t put(T value) {
    auto shared = std::make_shared<const T>(std::move(value));
    const std::uint32_t place = place_of(shared->id).value_or(next_place());
    by_id_.erase(shared->id);  // its key belongs to the one before
    by_id_.try_emplace(shared->id, place);
    if (place == next_place()) values_.emplace_back();
    values_[place] = std::move(shared);
    return place;
  }
  void remove(std::string_view id) {
    const auto place = place_of(id);
    GATEHOUSE_CHECK(place, "only known ones are removed");
    by_id_.erase(id);
    values_[*place] = nullptr;
  }

 private:
  std::vector<std::shared_ptr<const T>> values_;
  SharedMap<std::uint32_t> by_id_;
};

}  // namespace gatehouse::decision
