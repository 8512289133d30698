#include "policy/nearest.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace gatehouse::policy {
namespace {

constexpr std::size_t kMaxWord = 64;        // longer words are not slips of the finger
constexpr std::size_t kMaxListed = 24;      // candidates that a message still lists
constexpr std::size_t kMaxCompared = 4096;  // candidates looked at

std::size_t edit_distance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> row(right.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < left.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < right.size(); ++j) {
      const std::size_t replaced = diagonal + (left[i] == right[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> candidates) {
  if (word.empty() || word.size() > kMaxWord) return std::nullopt;
  std::size_t best = std::max<std::size_t>(2, word.size() / 3) + 1;
  std::optional<std::string_view> found;
  for (const std::string_view candidate :
       candidates.first(std::min(candidates.size(), kMaxCompared))) {
    if (candidate.empty() || candidate.size() > kMaxWord) continue;
    const std::size_t distance = edit_distance(word, candidate);
    // A word that shares no letter with the candidate is no slip either.
    if (distance < best && distance < std::max(word.size(), candidate.size())) {
      best = distance;
      found = candidate;
    }
  }
  return found;
}

std::string suggestion(std::string_view word, std::span<const std::string_view> candidates) {
  if (const auto meant = nearest(word, candidates)) {
    return fmt::format("; did you mean `{}`?", *meant);
  }
  if (candidates.empty() || candidates.size() > kMaxListed) return {};
  return fmt::format("; known: {}", fmt::join(candidates, ", "));
}

}  // namespace gatehouse::policy
