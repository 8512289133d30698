#include "controlplane/application_cookies.h"

#include <algorithm>

#include "base/encoding.h"

namespace gatehouse::controlplane {
namespace {

bool is_on(std::string_view domain, std::string_view host) {
  const auto pattern = ascii_lower(domain.substr(0, domain.find('/')));
  if (!pattern.starts_with("*.")) return pattern == host;
  const auto dot = host.find('.');  // `*` stands for one label
  return dot != std::string_view::npos && dot > 0 &&
         host.substr(dot) == std::string_view(pattern).substr(1);
}

// The segments of the path before its first one with `*`.
std::vector<std::string_view> literal_segments(std::string_view path) {
  std::vector<std::string_view> segments;
  while (path.starts_with('/')) {
    path.remove_prefix(1);
    const auto segment = path.substr(0, path.find('/'));
    if (segment.contains('*')) break;
    path.remove_prefix(segment.size());
    // Final slashes do not count; inner empty segments do.
    if (segment.empty() && path.find_first_not_of('/') == std::string_view::npos) break;
    segments.push_back(segment);
  }
  return segments;
}

std::string_view path_of(std::string_view domain) {
  return domain.substr(std::min(domain.find('/'), domain.size()));
}

std::string compared(std::string_view segment) {
  return ascii_lower(percent_decode(segment).value_or(std::string(segment)));
}

// The part of `path` that `pattern` covers; empty: none.
std::string_view covered(std::string_view pattern, std::string_view path) {
  std::size_t end = 0;
  for (const auto segment : literal_segments(pattern)) {
    if (end >= path.size() || path[end] != '/') return {};
    const auto next = std::min(path.find('/', end + 1), path.size());
    if (compared(path.substr(end + 1, next - end - 1)) != compared(segment)) return {};
    end = next;
  }
  return path.substr(0, end);
}

}  // namespace

std::string cookie_path(const model::Application& application, std::string_view host,
                        std::string_view redirect) {
  std::string_view longest;
  if (application.path_cookie_attribute) {
    const auto path = redirect.substr(0, redirect.find_first_of("?#"));
    for (const auto& domain : application.domains) {
      if (!is_on(domain, host)) continue;
      const auto part = covered(path_of(domain), path);
      if (part.size() > longest.size()) longest = part;
    }
  }
  // RFC 6265 4.1.1: a `;` would end the attribute.
  return longest.empty() || longest.contains(';') ? "/" : std::string(longest);
}

std::vector<const model::Application*> applications_on(const model::Resources& resources,
                                                       std::string_view host) {
  std::vector<const model::Application*> found;
  for (const auto& application : resources.applications)
    if (std::ranges::any_of(application.domains,
                            [&](const auto& domain) { return is_on(domain, host); }))
      found.push_back(&application);
  return found;
}

std::vector<std::string> cookie_paths_on(const model::Resources& resources, std::string_view host) {
  std::vector<std::string> paths{"/"};
  for (const auto* application : applications_on(resources, host)) {
    if (!application->path_cookie_attribute) continue;
    for (const auto& domain : application->domains) {
      std::string path;
      for (const auto segment : literal_segments(path_of(domain))) path.append("/").append(segment);
      if (!is_on(domain, host) || path.contains(';')) continue;
      if (!path.empty() && std::ranges::find(paths, path) == paths.end()) paths.push_back(path);
    }
  }
  if (paths.size() > 1) paths.emplace_back(kEndpointCookiePath);
  return paths;
}

}  // namespace gatehouse::controlplane
