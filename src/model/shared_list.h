// A list whose elements are shared between copies of it: copying costs a pointer an element,
// however large they are. An element is changed by putting another in its place, so that equal
// pointers mean equal elements. Thread-compatible; elements are immutable.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

namespace gatehouse::model {

template <typename T>
class SharedList {
 public:
  using Pointer = std::shared_ptr<const T>;
  using value_type = T;

  class const_iterator {
   public:
    using iterator_category = std::random_access_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = const T*;
    using reference = const T&;

    const_iterator() = default;
    explicit const_iterator(const Pointer* at) : at_(at) {}
    reference operator*() const { return **at_; }
    pointer operator->() const { return at_->get(); }
    reference operator[](difference_type n) const { return *at_[n]; }
    const_iterator& operator++() { return *this += 1; }
    const_iterator operator++(int) { return const_iterator(at_++); }
    const_iterator& operator--() { return *this += -1; }
    const_iterator operator--(int) { return const_iterator(at_--); }
    const_iterator& operator+=(difference_type n) {
      at_ += n;
      return *this;
    }
    const_iterator& operator-=(difference_type n) { return *this += -n; }
    friend const_iterator operator+(const_iterator i, difference_type n) { return i += n; }
    friend const_iterator operator+(difference_type n, const_iterator i) { return i += n; }
    friend const_iterator operator-(const_iterator i, difference_type n) { return i += -n; }
    friend difference_type operator-(const_iterator a, const_iterator b) { return a.at_ - b.at_; }
    auto operator<=>(const const_iterator&) const = default;

   private:
    const Pointer* at_ = nullptr;
  };
  using iterator = const_iterator;

  SharedList() = default;
  SharedList(std::initializer_list<T> elements) {
    for (const T& element : elements) push_back(element);
  }

  void push_back(T element) {
    elements_.push_back(std::make_shared<const T>(std::move(element)));
  }
  // Of another copy of the list.
  void push_back(Pointer element) { elements_.push_back(std::move(element)); }
  void replace(std::size_t index, T element) {
    elements_[index] = std::make_shared<const T>(std::move(element));
  }
  // A copy of the element in its place, to be changed before the list is copied.
  [[nodiscard]] T& edit(std::size_t index) {
    auto copy = std::make_shared<T>(*elements_[index]);
    T& element = *copy;
    elements_[index] = std::move(copy);
    return element;
  }
  void erase(std::size_t index) {
    elements_.erase(elements_.begin() + static_cast<std::ptrdiff_t>(index));
  }
  void clear() { elements_.clear(); }
  void reserve(std::size_t size) { elements_.reserve(size); }

  [[nodiscard]] std::size_t size() const { return elements_.size(); }
  [[nodiscard]] bool empty() const { return elements_.empty(); }
  [[nodiscard]] const T& operator[](std::size_t index) const { return *elements_[index]; }
  [[nodiscard]] const T& at(std::size_t index) const { return *elements_.at(index); }
  [[nodiscard]] const T& front() const { return *elements_.front(); }
  [[nodiscard]] const T& back() const { return *elements_.back(); }
  [[nodiscard]] const Pointer& pointer(std::size_t index) const { return elements_[index]; }
  [[nodiscard]] const_iterator begin() const { return const_iterator(elements_.data()); }
  [[nodiscard]] const_iterator end() const {
    return const_iterator(elements_.data() + elements_.size());
  }

 private:
  std::vector<Pointer> elements_;
};

}  // namespace gatehouse::model
