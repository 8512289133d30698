// For tests of locate(): applications that understand a request path each in its own way, written
// down naively and apart from readings.cc. Whatever the gateway says, it must suit all of them.
#pragma once

#include <array>
#include <cctype>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::decision::testing {

inline std::string decode(const std::string& path) {
  std::string out;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '%' && i + 2 < path.size() &&
        std::isxdigit(static_cast<unsigned char>(path[i + 1])) != 0 &&
        std::isxdigit(static_cast<unsigned char>(path[i + 2])) != 0) {
      out += static_cast<char>(std::stoi(path.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      out += path[i];
    }
  }
  return out;
}

inline std::string replace(std::string text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

inline std::string merge_slashes(std::string path) {
  while (path.find("//") != std::string::npos) path = replace(path, "//", "/");
  return path;
}

inline std::vector<std::string> split(const std::string& path) {
  std::vector<std::string> segments;
  std::string segment;
  for (const char c : path.substr(path.starts_with('/') ? 1 : 0)) {
    if (c == '/') {
      segments.push_back(segment);
      segment.clear();
    } else {
      segment += c;
    }
  }
  segments.push_back(segment);
  return segments;
}

inline std::string join(const std::vector<std::string>& segments) {
  std::string path;
  for (const auto& segment : segments) path += "/" + segment;
  return path;
}

inline std::string resolve(const std::string& path) {
  std::vector<std::string> out;
  for (const auto& segment : split(path)) {
    if (segment == "..") {
      if (!out.empty()) out.pop_back();
    } else if (segment != ".") {
      out.push_back(segment);
    }
  }
  return join(out);
}

inline std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

inline std::string without_parameters(const std::string& path) {
  auto segments = split(path);
  for (auto& segment : segments) segment = segment.substr(0, segment.find(';'));
  return join(segments);
}

struct Origin {
  std::string_view name;
  std::string (*path)(const std::string&);
};

inline constexpr auto kOrigins = std::to_array<Origin>({
    {"takes it as it is", [](const std::string& raw) { return raw; }},
    {"decodes", [](const std::string& raw) { return decode(raw); }},
    {"nginx",
     [](const std::string& raw) {
       const std::string path = raw.substr(0, raw.find('#'));
       return resolve(merge_slashes(decode(path)));
     }},
    {"resolves before it decodes", [](const std::string& raw) { return decode(resolve(raw)); }},
    {"URL parser",
     [](const std::string& raw) {
       std::string path = replace(raw.substr(0, raw.find_first_of("?#")), "\\", "/");
       if (path.starts_with("//")) {
         const auto host = path.find_first_not_of('/');
         const auto end = host == std::string::npos ? host : path.find('/', host);
         path = end == std::string::npos ? "/" : path.substr(end);
       }
       auto segments = split(path);
       for (auto& segment : segments)
         if (const auto plain = replace(lower(segment), "%2e", "."); plain == "." || plain == "..")
           segment = plain;
       return resolve(join(segments));
     }},
    {"servlet", [](const std::string& raw) { return resolve(decode(without_parameters(raw))); }},
    {"old servlet",
     [](const std::string& raw) { return resolve(decode(raw.substr(0, raw.find(';')))); }},
    {"decodes twice",
     [](const std::string& raw) { return resolve(merge_slashes(decode(decode(raw)))); }},
    {"Windows",
     [](const std::string& raw) {
       auto segments = split(resolve(replace(decode(raw), "\\", "/")));
       for (auto& segment : segments)
         while (segment.ends_with('.') || segment.ends_with(' ')) segment.pop_back();
       return lower(merge_slashes(join(segments)));
     }},
    {"C strings", [](const std::string& raw) { return resolve(std::string(decode(raw).c_str())); }},
    {"decodes before it looks for the query",
     [](const std::string& raw) {
       const std::string path = decode(raw);
       return resolve(path.substr(0, path.find('?')));
     }},
    {"format by extension",
     [](const std::string& raw) {
       const std::string path = decode(raw);
       const auto dot = path.rfind('.');
       const auto slash = path.rfind('/');
       return dot != std::string::npos && slash != std::string::npos && dot > slash + 1
                  ? path.substr(0, dot)
                  : path;
     }},
    {"careless UTF-8",
     [](const std::string& raw) {
       std::string path = decode(raw);
       path = replace(path, "\xc0\xae", ".");
       path = replace(path, "\xe0\x80\xae", ".");
       path = replace(path, "\xc0\xaf", "/");
       path = replace(path, "\xef\xbc\x8f", "/");
       return resolve(path);
     }},
});

// Which of the plain patterns an application that sees `path` serves it under; empty for none.
inline std::string owner(const std::string& path, const std::set<std::string>& patterns) {
  for (std::string prefix = path;; prefix.resize(prefix.rfind('/'))) {
    if (prefix.empty()) return patterns.contains("/") ? "/" : "";
    if (prefix != "/" && patterns.contains(prefix)) return prefix;
    if (!prefix.contains('/')) return patterns.contains("/") ? "/" : "";
  }
}

}  // namespace gatehouse::decision::testing
