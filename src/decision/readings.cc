#include "decision/readings.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

namespace gatehouse::decision {
namespace {

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

// The number that `digits` hexadecimal digits at `at` spell.
std::optional<unsigned> hex_number(std::string_view text, std::size_t at, std::size_t digits) {
  if (at + digits > text.size()) return std::nullopt;
  unsigned number = 0;
  for (std::size_t i = at; i < at + digits; ++i) {
    const auto digit = hex_digit(text[i]);
    if (!digit) return std::nullopt;
    number = number * 16 + *digit;
  }
  return number;
}

void append_utf8(std::string& out, char32_t point) {
  const auto put = [&out](char32_t byte) { out += static_cast<char>(byte); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xc0 | point >> 6);
    put(0x80 | (point & 0x3f));
  } else {
    put(0xe0 | point >> 12);
    put(0x80 | (point >> 6 & 0x3f));
    put(0x80 | (point & 0x3f));
  }
}

enum class Slashes { Decode, Keep };

std::string percent_decoded(std::string_view path, Slashes slashes) {
  std::string out;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const auto byte = path[i] == '%' ? hex_number(path, i + 1, 2) : std::nullopt;
    if (byte && (slashes == Slashes::Decode || (*byte != '/' && *byte != '\\'))) {
      out += static_cast<char>(*byte);
      i += 2;
    } else {
      out += path[i];
    }
  }
  return out;
}

std::string all_decoded(std::string_view path) { return percent_decoded(path, Slashes::Decode); }
std::string slashes_kept(std::string_view path) { return percent_decoded(path, Slashes::Keep); }

// The escapes of old IIS: %u002e.
std::string wide_decoded(std::string_view path) {
  std::string out;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const bool wide = path[i] == '%' && i + 1 < path.size() && (path[i + 1] | 0x20) == 'u';
    if (const auto point = wide ? hex_number(path, i + 2, 4) : std::nullopt) {
      append_utf8(out, *point);
      i += 5;
    } else {
      out += path[i];
    }
  }
  return out;
}

// Decoders that drop an escape that they do not understand, or only its `%`.
std::string without_broken_escapes(std::string_view path, std::size_t dropped) {
  std::string out;
  for (std::size_t i = 0; i < path.size();) {
    if (path[i] == '%' && !hex_number(path, i + 1, 2)) {
      i += 1;
      for (std::size_t n = 0; n < dropped && i < path.size() && path[i] != '/'; ++n) ++i;
    } else {
      out += path[i++];
    }
  }
  return out;
}
std::string broken_escapes_dropped(std::string_view path) {
  return without_broken_escapes(path, 2);
}
std::string broken_percents_dropped(std::string_view path) {
  return without_broken_escapes(path, 0);
}

// What careless decoders and Unicode normalizations make of a code point; nullopt: itself.
std::optional<std::string_view> folded(char32_t point) {
  switch (point) {
    case 0x2024:  // one dot leader
    case 0x3002:  // ideographic full stop
    case 0xfe52:
    case 0xff61:
      return ".";
    case 0x2025:
      return "..";
    case 0x2026:
      return "...";
    case 0x2044:  // fraction slash
    case 0x2215:  // division slash
    case 0x29f8:
      return "/";
    case 0x2216:  // set minus
    case 0x29f5:
    case 0x29f9:
    case 0xfe68:
      return "\\";
    case 0x017f:  // long s
      return "s";
    case 0x212a:  // kelvin sign
      return "k";
    case 0x0130:
    case 0x0131:  // dotless i
      return "i";
    case 0x00a0:
    case 0x1680:
    case 0x202f:
    case 0x205f:
    case 0x3000:
      return " ";
    case 0x00ad:
    case 0x2060:
    case 0xfeff:
      return "";
    default:
      if (point >= 0x200b && point <= 0x200f) return "";
      if ((point >= 0x2000 && point <= 0x200a) || (point >= 0x2028 && point <= 0x2029)) return " ";
      return std::nullopt;
  }
}

struct Decoded {
  char32_t point;
  std::size_t length;
  bool well_formed;
};

// One code point from `text`, whose first byte is not ASCII: continuation bytes are believed
// whatever they are, as careless decoders do.
Decoded decode_carelessly(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  std::size_t length = 0;
  for (unsigned bit = 0x80; bit != 0 && (lead & bit) != 0; bit >>= 1) ++length;
  if (length < 2 || length > 6 || length > text.size()) return {lead, 1, false};
  Decoded decoded{static_cast<char32_t>(lead & ((1U << (7 - length)) - 1)), length, true};
  for (const char c : text.substr(1, length - 1)) {
    const auto byte = static_cast<unsigned char>(c);
    decoded.point = decoded.point << 6 | (byte & 0x3fU);
    decoded.well_formed = decoded.well_formed && (byte & 0xc0U) == 0x80;
  }
  return decoded;
}

std::string unicode_folded(std::string_view path) {
  std::string out;
  for (std::size_t i = 0; i < path.size();) {
    if (static_cast<unsigned char>(path[i]) < 0x80) {
      out += path[i++];
      continue;
    }
    const auto [point, length, well_formed] = decode_carelessly(path.substr(i));
    if (length > 1 && point < 0x80) {
      out += static_cast<char>(point);  // overlong
    } else if (length > 1 && well_formed && point >= 0xff01 && point <= 0xff5e) {
      out += static_cast<char>(point - 0xff01 + '!');  // fullwidth
    } else if (const auto text = length > 1 && well_formed ? folded(point) : std::nullopt) {
      out += *text;
    } else {
      out += path[i++];
      continue;
    }
    i += length;
  }
  return out;
}

std::string backslashes_turned(std::string_view path) {
  std::string out(path);
  std::ranges::replace(out, '\\', '/');
  return out;
}

std::string slashes_merged(std::string_view path) {
  std::string out(path);
  const auto rest = std::ranges::unique(out, [](char a, char b) { return a == '/' && b == '/'; });
  out.erase(rest.begin(), rest.end());
  return out;
}

// `//host/path`, as a URL parser that is given a request target understands it.
std::string authority_dropped(std::string_view path) {
  if (!path.starts_with("//")) return std::string(path);
  const auto host = path.find_first_not_of('/');
  const auto end = host == std::string_view::npos ? host : path.find('/', host);
  return end == std::string_view::npos ? "/" : std::string(path.substr(end));
}

// Calls `each` with every segment of `path` and joins what it returns.
template <typename Each>
std::string each_segment(std::string_view path, Each each) {
  std::string out;
  for (std::size_t begin = 0; begin < path.size();) {
    const auto end = std::min(path.find('/', begin + 1), path.size());
    out += '/';
    out += each(path.substr(begin + 1, end - begin - 1));
    begin = end;
  }
  return out;
}

// RFC 3986 5.2.4; above the root stays at the root.
std::string dots_resolved(std::string_view path) {
  std::string out;
  for (std::size_t begin = 0; begin < path.size();) {
    const auto end = std::min(path.find('/', begin + 1), path.size());
    const std::string_view segment = path.substr(begin + 1, end - begin - 1);
    if (segment == "..") out.erase(std::min(out.rfind('/'), out.size()));
    if (segment != "." && segment != "..") {
      out += '/';
      out += segment;
    } else if (end == path.size()) {
      out += '/';
    }
    begin = end;
  }
  return out;
}

std::string parameters_dropped(std::string_view path) {
  return each_segment(
      path, [](std::string_view segment) { return segment.substr(0, segment.find(';')); });
}

// What file systems and trimming frameworks ignore around a segment.
std::string segments_trimmed(std::string_view path) {
  return each_segment(path, [](std::string_view segment) {
    constexpr std::string_view kBlank(" \t\r\n\v\f", 6);
    if (const auto stream = segment.find(':');
        stream != std::string_view::npos && segment.find(":$", stream) != std::string_view::npos)
      segment = segment.substr(0, stream);
    while (!segment.empty() && kBlank.contains(segment.front())) segment.remove_prefix(1);
    while (!segment.empty() && kBlank.contains(segment.back())) segment.remove_suffix(1);
    if (segment == "." || segment == "..") return segment;
    while (!segment.empty() && (segment.back() == '.' || kBlank.contains(segment.back())))
      segment.remove_suffix(1);
    return segment;
  });
}

std::string controls_dropped(std::string_view path) {
  std::string out(path);
  std::erase_if(out, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
  return out;
}

template <char kEnd, char kOtherEnd = kEnd>
std::string cut_off(std::string_view path) {
  constexpr char kEnds[] = {kEnd, kOtherEnd};
  return std::string(path.substr(0, path.find_first_of(std::string_view(kEnds, 2))));
}

struct Step {
  std::string (*make)(std::string_view path);
  std::string_view needs;  // without one of these bytes it changes nothing; empty: look
};
constexpr Step kSteps[] = {
    {all_decoded, "%"},
    {slashes_kept, "%"},
    {wide_decoded, "%"},
    {broken_escapes_dropped, "%"},
    {broken_percents_dropped, "%"},
    {unicode_folded, ""},
    {backslashes_turned, "\\"},
    {slashes_merged, ""},
    {authority_dropped, ""},
    {dots_resolved, "."},
    {parameters_dropped, ";"},
    {segments_trimmed, ""},
    {controls_dropped, ""},
    {cut_off<'\0'>, std::string_view("\0", 1)},
    {cut_off<'\r', '\n'>, "\r\n"},
    {cut_off<'?'>, "?"},
    {cut_off<'#'>, "#"},
    {cut_off<';'>, ";"},
};

}  // namespace

bool is_plain_path(std::string_view path) {
  char before = 0;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f || c == '%' || c == '\\' || c == ';' || c == '?' || c == '#')
      return false;
    if (before == '/' && (c == '/' || c == '.')) return false;
    if (before == '.' && c == '/') return false;
    if (before == ':' && c == '$') return false;
    before = c;
  }
  return before != '.';
}

bool all_readings(std::string_view path, const std::function<bool(std::string_view)>& visit) {
  if (!visit(path)) return false;
  // INVARIANT: `seen` holds what is in `readings`, each once; elements of a set do not move.
  std::unordered_set<std::string> seen;
  std::vector<const std::string*> readings;
  std::size_t bytes = path.size();
  readings.push_back(&*seen.emplace(path).first);
  for (std::size_t i = 0; i < readings.size(); ++i) {
    for (const Step& step : kSteps) {
      const std::string& from = *readings[i];
      if (!step.needs.empty() && from.find_first_of(step.needs) == std::string::npos) continue;
      std::string reading = step.make(from);
      if (reading == from) continue;
      const auto [made, added] = seen.insert(std::move(reading));
      if (!added) continue;
      bytes += made->size();
      if (readings.size() == kMaxReadings || bytes > kMaxReadingBytes || !visit(*made))
        return false;
      readings.push_back(&*made);
    }
  }
  return true;
}

bool has_compatibility_characters(std::string_view path) {
  struct Range {
    char32_t first;
    char32_t last;
  };
  constexpr Range kRanges[] = {
      {0x00aa, 0x00aa},   {0x00b2, 0x00b3},   {0x00b9, 0x00ba},   {0x02b0, 0x02b8},
      {0x02e0, 0x02e4},   {0x1d2c, 0x1d6a},   {0x1d9c, 0x1dbf},   {0x2070, 0x209f},
      {0x2100, 0x2129},   {0x212b, 0x218f},   {0x2460, 0x24ff},   {0x2c7c, 0x2c7d},
      {0x3200, 0x33ff},   {0xa7f2, 0xa7f9},   {0xfb00, 0xfb06},   {0xfe10, 0xfe1f},
      {0xfe30, 0xfe51},   {0xfe53, 0xfe67},   {0xfe69, 0xfe6f},   {0x10780, 0x107bf},
      {0x1ccd6, 0x1ccf9}, {0x1d400, 0x1d7ff}, {0x1f100, 0x1f2ff}, {0x1fbf0, 0x1fbf9},
      {0xe0000, 0xe007f},
  };
  for (std::size_t i = 0; i < path.size();) {
    if (static_cast<unsigned char>(path[i]) < 0x80) {
      ++i;
      continue;
    }
    const Decoded decoded = decode_carelessly(path.substr(i));
    if (decoded.length > 1 && decoded.well_formed &&
        std::ranges::any_of(kRanges, [&](const Range& range) {
          return range.first <= decoded.point && decoded.point <= range.last;
        }))
      return true;
    i += decoded.well_formed ? decoded.length : 1;
  }
  return false;
}

}  // namespace gatehouse::decision
