// A file descriptor that is closed when its owner goes. -1: none.
#pragma once

#include <unistd.h>

#include <utility>

namespace gatehouse {

class Descriptor {
 public:
  explicit Descriptor(int value = -1) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  [[nodiscard]] bool valid() const { return value_ >= 0; }
  [[nodiscard]] int get() const { return value_; }
  [[nodiscard]] int release() { return std::exchange(value_, -1); }
  // False when the system reports only now that something failed (some file systems).
  [[nodiscard]] bool close() { return ::close(release()) == 0; }

 private:
  int value_;
};

}  // namespace gatehouse
