#include "decision/path_index.h"

#include <algorithm>
#include <tuple>

namespace gatehouse::decision {
namespace {

// Takes the first segment off `pattern`, which is empty or begins with a slash.
std::string_view take_segment(std::string_view& pattern) {
  const auto end = pattern.find('/', 1);
  const std::string_view segment = pattern.substr(1, end == std::string_view::npos ? end : end - 1);
  pattern.remove_prefix(end == std::string_view::npos ? pattern.size() : end);
  return segment;
}

bool more_specific(std::string_view a, std::string_view b) {
  // Smaller is more specific: a literal, else the longer text before `*`, else the longer segment.
  const auto key = [](std::string_view segment) {
    const auto star = segment.find('*');
    const bool glob = star != std::string_view::npos;
    return std::tuple(glob, glob ? -static_cast<std::ptrdiff_t>(star) : 0,
                      -static_cast<std::ptrdiff_t>(segment.size()), segment);
  };
  while (!a.empty() && !b.empty()) {
    const auto left = key(take_segment(a));
    const auto right = key(take_segment(b));
    if (left != right) return left < right;
  }
  return a.size() > b.size();
}

// Whether `pattern` (with at least one `*`) covers `path`: matches all of it, or a beginning of it
// that ends where a segment ends.
bool glob_covers(std::string_view pattern, std::string_view path) {
  const auto first = pattern.find('*');
  if (!path.starts_with(pattern.substr(0, first))) return false;
  std::size_t at = first;    // in path: what is before is matched
  std::size_t star = first;  // in pattern
  while (true) {
    const bool segment_begins = pattern[star - 1] == '/';
    const auto next = pattern.find('*', star + 1);
    const std::string_view piece =
        pattern.substr(star + 1, next == std::string_view::npos ? next : next - star - 1);
    const bool segment_ends = star + 1 == pattern.size() || pattern[star + 1] == '/';
    if (segment_begins && segment_ends) ++at;  // at least one byte
    if (at > path.size()) return false;
    if (next == std::string_view::npos) {
      if (piece.empty()) return true;
      for (auto found = path.find(piece, at); found != std::string_view::npos;
           found = path.find(piece, found + 1)) {
        const auto end = found + piece.size();
        if (end == path.size() || path[end] == '/') return true;
      }
      return false;
    }
    // The leftmost place is as good as any: what follows is a `*` again.
    const auto found = path.find(piece, at);
    if (found == std::string_view::npos) return false;
    at = found + piece.size();
    star = next;
  }
}

}  // namespace

void PathIndex::add(std::string_view pattern, std::uint32_t application) {
  while (pattern.ends_with('/')) pattern.remove_suffix(1);
  const auto claim = [application](Entry& entry) {
    if (entry.application != application) entry.application = kContested;
  };
  if (pattern.contains('*')) {
    const auto known = std::ranges::find(globs_, pattern, &Glob::pattern);
    if (known == globs_.end())
      globs_.push_back({std::string(pattern), {application, 0}});
    else
      claim(known->entry);
    return;
  }
  const auto [known, added] = literals_.try_emplace(std::string(pattern), Entry{application, 0});
  if (!added) claim(known->second);
}

void PathIndex::finish() {
  std::vector<std::pair<std::string_view, Entry*>> all;
  max_segments_ = 0;
  for (auto& [pattern, entry] : literals_) {
    all.emplace_back(pattern, &entry);
    max_segments_ =
        std::max(max_segments_, static_cast<std::size_t>(std::ranges::count(pattern, '/')));
  }
  std::ranges::sort(globs_, more_specific, &Glob::pattern);
  for (auto& glob : globs_) all.emplace_back(glob.pattern, &glob.entry);
  std::ranges::sort(all, more_specific, [](const auto& item) { return item.first; });
  for (std::size_t i = 0; i < all.size(); ++i) all[i].second->rank = static_cast<std::uint32_t>(i);

  sole_application_.reset();
  const auto root = literals_.find(std::string_view());
  if (root != literals_.end() && root->second.application != kContested &&
      std::ranges::all_of(all, [&](const auto& item) {
        return item.second->application == root->second.application;
      }))
    sole_application_ = root->second.application;
}

std::optional<PathIndex::Hit> PathIndex::find(std::string_view path) const {
  const Entry* best = nullptr;
  std::size_t best_length = 0;
  // Every beginning of the path that ends where a segment ends, no deeper than any pattern.
  std::size_t end = 0;
  for (std::size_t segments = 0; segments <= max_segments_; ++segments) {
    const auto found = literals_.find(path.substr(0, end));
    if (found != literals_.end()) {
      best = &found->second;  // longer than the one before, so more specific
      best_length = end;
    }
    if (end == path.size()) break;
    end = std::min(path.find('/', end + 1), path.size());
  }
  bool whole_path = best != nullptr && best_length > 0 && best_length == path.size();
  for (const auto& glob : globs_) {
    if (best != nullptr && best->rank < glob.entry.rank) break;
    if (glob_covers(glob.pattern, path)) {
      best = &glob.entry;
      whole_path = false;
      break;
    }
  }
  if (best == nullptr) return std::nullopt;
  return Hit{best->application, whole_path};
}

}  // namespace gatehouse::decision
