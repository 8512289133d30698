// The decision logs of this node, read as one: that of nginx and that of the forward-auth endpoint.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "dataplane/log_tail.h"

namespace gatehouse::dataplane {

struct DecisionLogFiles {
  std::filesystem::path nginx;
  std::filesystem::path forward_auth;
  unsigned files = 1;  // of each
};

enum class Take : std::uint8_t { Yes, No, Stop };
struct DecisionsAsked {
  std::size_t limit = 100;
  // Cursors of an earlier page, one of them at most: what is before, or what has come since.
  std::string older_than{};
  std::string newer_than{};
  // Of each line, which is a member `source` richer: `nginx` or `forward_auth`.
  std::function<Take(const json::object& line)> take;
};
struct DecisionsFound {
  std::vector<json::object> lines;   // newest first
  std::optional<std::string> older;  // a cursor; nullopt: there is nothing before
  std::string newer;
  bool operator==(const DecisionsFound&) const = default;
};
// Of what has come since, a page holds the oldest: its `newer` leads on. At most 64 MiB are looked
// through at once; a page may be empty and lead on. nullopt: the cursor is none.
[[nodiscard]] std::optional<DecisionsFound> find_decisions(const DecisionLogFiles& logs,
                                                           const DecisionsAsked& asked);

// Where following goes on, as text; empty: from the beginning.
struct Followed {
  std::string position;
  bool more = false;  // there was more than `max_bytes`
};
// Calls `line` with every decision that came since.
[[nodiscard]] Followed follow_decisions(const DecisionLogFiles& logs, std::string_view position,
                                        std::uint64_t max_bytes,
                                        const std::function<void(const json::object&)>& line);

}  // namespace gatehouse::dataplane
