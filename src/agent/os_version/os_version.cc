#include "agent/os_version/os_version.h"

#include <algorithm>

#include "base/encoding.h"
#include "platform/file.h"

namespace gatehouse::agent {
namespace {

constexpr std::size_t kMaxOsReleaseBytes = 64 * 1024;

// A shell value: bare, or in one kind of quotes; a backslash takes the next character as it is.
std::string unquote(std::string_view value) {
  value = trim(value);
  const bool is_quoted = value.size() >= 2 && (value.front() == '"' || value.front() == '\'') &&
                         value.front() == value.back();
  const bool is_single = is_quoted && value.front() == '\'';
  if (is_quoted) value = value.substr(1, value.size() - 2);
  std::string plain;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '\\' && !is_single && i + 1 < value.size()) ++i;
    plain += value[i];
  }
  return is_valid_utf8(plain) ? plain : std::string{};
}

}  // namespace

OsRelease parse_os_release(std::string_view text) {
  OsRelease release;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = trim(line.substr(0, equals));
    if (name == "ID") release.id = unquote(line.substr(equals + 1));
    if (name == "VERSION_ID") release.version_id = unquote(line.substr(equals + 1));
  }
  return release;
}

void collect_os_version(json::object& device) {
  device["os"] = "linux";
  const auto text = read_file("/etc/os-release", kMaxOsReleaseBytes);
  if (!text) return;
  const OsRelease release = parse_os_release(*text);
  if (!release.id.empty()) device["os_distribution"] = release.id;
  if (!release.version_id.empty()) device["os_version"] = release.version_id;
}

}  // namespace gatehouse::agent
