// Reading authored JSON objects key by key: typed values, and a problem with its pointer for each
// one that is not what it should be. Shared by everything that reads the authored form. Pure;
// thread-compatible.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "policy/authored.h"

namespace gatehouse::policy {

// A place in a document, as a chain of places on the stack: no text is made until something is
// wrong. Borrows its parent and key; the default one is the whole document.
class Path {
 public:
  Path() = default;
  Path(const Path& parent, std::string_view key) : parent_(&parent), key_(key) {}
  Path(const Path& parent, std::size_t index) : parent_(&parent), index_(index) {}
  // RFC 6901.
  [[nodiscard]] std::string pointer() const;

 private:
  static constexpr std::size_t kKey = std::numeric_limits<std::size_t>::max();
  const Path* parent_ = nullptr;
  std::string_view key_;
  std::size_t index_ = kKey;
};

// What is wrong so far, in the order found. Keeps the first kMaxProblems: nobody reads more, and
// a hostile document must not grow its own error message without bound.
inline constexpr std::size_t kMaxProblems = 1000;
class Problems {
 public:
  void add(const Path& path, std::string message);
  [[nodiscard]] bool empty() const { return problems_.empty(); }
  [[nodiscard]] std::size_t size() const { return problems_.size(); }
  [[nodiscard]] std::vector<Problem> take() { return std::move(problems_); }

 private:
  std::vector<Problem> problems_;
};

// A key that the Access API knows and this reader does not, with what to do instead.
struct UnsupportedKey {
  std::string_view key;
  std::string_view advice;  // empty: "is not supported"
};

// Borrows the object, the path and the problems. Every getter marks its key as known; `finish`
// reports the keys that nobody asked for. An explicit null counts as absent.
class ObjectReader {
 public:
  ObjectReader(const json::object& object, const Path& path, Problems& problems)
      : object_(object), path_(path), problems_(problems) {}

  [[nodiscard]] const json::value* value(std::string_view key);
  // One line of text. Numbers::Accept takes an integer as its digits: names such as 2024.
  enum class Numbers : std::uint8_t { Refuse, Accept };
  [[nodiscard]] std::optional<std::string> text(std::string_view key,
                                                Numbers numbers = Numbers::Refuse);
  [[nodiscard]] std::string text_or(std::string_view key, std::string_view fallback);
  // Not empty; an empty result has been reported.
  [[nodiscard]] std::string required_text(std::string_view key, Numbers numbers = Numbers::Refuse);
  // Any number of lines, without the final line breaks, in at most `most` bytes.
  [[nodiscard]] std::optional<std::string> lines(std::string_view key, std::size_t most);
  [[nodiscard]] std::string one_of(std::string_view key, std::string_view fallback,
                                   std::span<const std::string_view> choices);
  [[nodiscard]] bool boolean(std::string_view key, bool fallback);
  [[nodiscard]] std::int64_t integer(std::string_view key, std::int64_t fallback,
                                     std::int64_t least, std::int64_t most);
  [[nodiscard]] std::optional<double> number(std::string_view key);
  // Whole seconds.
  [[nodiscard]] std::optional<std::chrono::seconds> duration(std::string_view key,
                                                             std::chrono::seconds least);
  [[nodiscard]] const json::array* list(std::string_view key);
  [[nodiscard]] const json::object* object(std::string_view key);
  // A list of one-line, non-empty texts; what is not one is reported and left out.
  struct Text {
    std::size_t index;
    std::string text;
  };
  [[nodiscard]] std::vector<Text> texts(std::string_view key);

  void known(std::initializer_list<std::string_view> keys);
  void problem(std::string_view key, std::string message);
  void finish(std::span<const UnsupportedKey> unsupported = {});

  [[nodiscard]] const Path& path() const { return path_; }
  [[nodiscard]] const json::object& source() const { return object_; }

 private:
  const json::object& object_;
  const Path& path_;
  Problems& problems_;
  std::vector<std::string_view> known_;
};

// Calls `f(index, object, path)` for each object of `list`; other members are reported.
template <typename F>
void for_each_object(const json::array* list, const Path& path, Problems& problems, F f) {
  if (list == nullptr) return;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const Path item(path, i);
    if (const json::object* object = (*list)[i].if_object()) {
      f(i, *object, item);
    } else {
      problems.add(item, "must be an object");
    }
  }
}

}  // namespace gatehouse::policy
