// The path patterns of one host and which application each belongs to. Immutable after finish();
// then thread-safe.
// Source: facts/cloudflare-access-api.md 3.2.
//   `/alpha`    covers `/alpha` and everything below it; the empty pattern covers everything
//   `/alpha/*`  covers everything below `/alpha/`, and neither `/alpha` nor `/alpha/`
//   `*`         stands for any text, over segments too; a whole segment `*` for at least one byte
// Of several patterns that cover a path the most specific wins: compared segment by segment, a
// literal segment beats one with `*`, and the longer pattern beats the one that it extends.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace gatehouse::decision {

// Look-ups by string_view without making a string.
struct TextHash {
  using is_transparent = void;
  [[nodiscard]] std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};
template <typename Value>
using TextMap = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;

class PathIndex {
 public:
  // Two applications claim this pattern: nobody gets it.
  static constexpr std::uint32_t kContested = 0xffffffff;

  // Final slashes of `pattern` do not count. Adding the same pair again changes nothing.
  void add(std::string_view pattern, std::uint32_t application);
  void finish();

  struct Hit {
    std::uint32_t application = 0;
    // The pattern says the whole path, extension and all.
    bool whole_path = false;
    bool operator==(const Hit&) const = default;
  };
  [[nodiscard]] std::optional<Hit> find(std::string_view path) const;
  // The application of all patterns, when the empty pattern is among them and no other application.
  [[nodiscard]] std::optional<std::uint32_t> sole_application() const { return sole_application_; }

 private:
  struct Entry {
    std::uint32_t application = 0;
    std::uint32_t rank = 0;  // 0 is the most specific
  };
  struct Glob {
    std::string pattern;
    Entry entry;
  };
  TextMap<Entry> literals_;
  std::vector<Glob> globs_;  // most specific first
  std::size_t max_segments_ = 0;
  std::optional<std::uint32_t> sole_application_;
};

}  // namespace gatehouse::decision
