#include "dataplane/decision_logs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/time.h"

namespace gatehouse::dataplane {
namespace {

constexpr std::uint64_t kMaxBytesLooked = std::uint64_t{64} << 20;
constexpr std::array<std::string_view, 2> kSources{"nginx", "forward_auth"};
using Positions = std::array<LogPosition, kSources.size()>;

// `FILE.OFFSET-FILE.OFFSET`
std::string to_text(const Positions& positions) {
  return fmt::format("{}.{}-{}.{}", positions[0].file, positions[0].offset, positions[1].file,
                     positions[1].offset);
}

std::optional<LogPosition> read_position(std::string_view text) {
  const auto dot = text.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  LogPosition position{std::string(text.substr(0, dot)), 0};
  const auto digits = text.substr(dot + 1);
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), position.offset);
  if (error != std::errc() || end != digits.data() + digits.size() ||
      position.file.find_first_not_of("0123456789abcdef") != std::string::npos)
    return std::nullopt;
  return position;
}

std::optional<Positions> read_positions(std::string_view text) {
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  auto first = read_position(text.substr(0, dash));
  auto second = read_position(text.substr(dash + 1));
  if (!first || !second) return std::nullopt;
  return Positions{std::move(*first), std::move(*second)};
}

std::optional<json::object> read_line(std::string_view line, std::size_t source) {
  auto parsed = json::parse(line);
  if (!parsed || !parsed->is_object()) return std::nullopt;
  auto decision = std::move(parsed->get_object());
  decision["source"] = kSources[source];
  // nginx writes it as text.
  if (const auto text = json::find_string(decision, "evidence")) {
    auto evidence = json::parse(*text);
    decision["evidence"] =
        evidence && evidence->is_object() ? std::move(*evidence) : json::value(json::object{});
  }
  return decision;
}

Instant time_of(const json::object& line) {
  return parse_rfc3339(json::find_string(line, "at").value_or("")).value_or(Instant{});
}

using Logs = std::array<LogFiles, kSources.size()>;

std::optional<DecisionsFound> find_newer(const Logs& logs, const DecisionsAsked& asked) {
  auto positions = read_positions(asked.newer_than);
  if (!positions) return std::nullopt;
  DecisionsFound found;
  for (std::size_t source = 0; source < logs.size(); ++source) {
    const std::size_t most = asked.limit;
    (*positions)[source] = logs[source].read_after((*positions)[source], kMaxBytesLooked / 2,
                                                   [&](std::string_view text) {
                                                     if (found.lines.size() >= most) return false;
                                                     auto line = read_line(text, source);
                                                     if (line && asked.take(*line) == Take::Yes)
                                                       found.lines.push_back(std::move(*line));
                                                     return true;
                                                   });
  }
  std::ranges::stable_sort(found.lines, std::ranges::greater{}, time_of);
  found.newer = to_text(*positions);
  return found;
}

DecisionsFound find_older(const Logs& logs, const DecisionsAsked& asked,
                          const std::optional<Positions>& before) {
  DecisionsFound found;
  Positions ends;
  struct Reader {
    LogFiles::Backward lines;
    std::optional<json::object> next{};
    Instant at{};
  };
  std::vector<Reader> readers;
  Positions reached;
  for (std::size_t source = 0; source < logs.size(); ++source) {
    ends[source] = logs[source].end();
    reached[source] = before ? (*before)[source] : ends[source];
    readers.push_back({LogFiles::Backward(
        logs[source], before ? std::optional((*before)[source]) : std::nullopt)});
  }
  found.newer = to_text(ends);
  const auto advance = [&](std::size_t source) {
    Reader& reader = readers[source];
    reader.next.reset();
    while (const auto text = reader.lines.next()) {
      if ((reader.next = read_line(*text, source))) break;
    }
    if (reader.next) reader.at = time_of(*reader.next);
  };
  for (std::size_t source = 0; source < readers.size(); ++source) advance(source);
  for (;;) {
    Reader* newest = nullptr;
    std::uint64_t bytes = 0;
    for (auto& reader : readers) {
      bytes += reader.lines.bytes_read();
      if (reader.next && (newest == nullptr || reader.at > newest->at)) newest = &reader;
    }
    if (newest == nullptr) return found;
    if (found.lines.size() >= asked.limit || bytes > kMaxBytesLooked) break;
    const auto take = asked.take(*newest->next);
    if (take == Take::Stop) return found;
    const auto source = static_cast<std::size_t>(newest - readers.data());
    reached[source] = newest->lines.position();
    if (take == Take::Yes) found.lines.push_back(std::move(*newest->next));
    advance(source);
  }
  found.older = to_text(reached);
  return found;
}

Logs open_logs(const DecisionLogFiles& logs) {
  return {LogFiles(logs.nginx, logs.files), LogFiles(logs.forward_auth, logs.files)};
}

}  // namespace

std::optional<DecisionsFound> find_decisions(const DecisionLogFiles& logs,
                                             const DecisionsAsked& asked) {
  const auto opened = open_logs(logs);
  if (!asked.newer_than.empty()) return find_newer(opened, asked);
  std::optional<Positions> before;
  if (!asked.older_than.empty()) {
    before = read_positions(asked.older_than);
    if (!before) return std::nullopt;
  }
  return find_older(opened, asked, before);
}

Followed follow_decisions(const DecisionLogFiles& logs, std::string_view position,
                          std::uint64_t max_bytes,
                          const std::function<void(const json::object&)>& line) {
  const auto opened = open_logs(logs);
  auto positions = read_positions(position).value_or(Positions{});
  Followed followed;
  for (std::size_t source = 0; source < opened.size(); ++source) {
    positions[source] =
        opened[source].read_after(positions[source], max_bytes, [&](std::string_view text) {
          if (const auto decision = read_line(text, source)) line(*decision);
          return true;
        });
    if (positions[source] != opened[source].end() && !opened[source].end().file.empty())
      followed.more = true;
  }
  followed.position = to_text(positions);
  return followed;
}

}  // namespace gatehouse::dataplane
