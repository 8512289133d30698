#include "policy/syntax.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/encoding.h"
#include "base/ip.h"
#include "model/limits.h"

namespace gatehouse::policy {
namespace {

constexpr std::size_t kMaxHost = 253;        // RFC 1035 2.3.4 in its textual form
constexpr std::size_t kMaxLabel = 63;        // RFC 1035 2.3.4
constexpr std::size_t kMaxSocketPath = 107;  // sockaddr_un::sun_path

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alnum(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::optional<unsigned> parse_number(std::string_view text, unsigned least, unsigned most) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (number < least || number > most) return std::nullopt;
  return number;
}

// Underscores are no host names, but container networks use them.
bool is_upstream_name(std::string_view host) {
  return !host.empty() && host.size() <= kMaxHost && is_alnum(host.front()) &&
         is_alnum(host.back()) && host.find("..") == std::string_view::npos &&
         std::all_of(host.begin(), host.end(),
                     [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; });
}

std::optional<std::string> path_problem(std::string_view path) {
  for (const char c : path) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f) {
      return "must not contain spaces or control characters";
    }
    if (c == '?') return "must not have a query";
    if (c == '#') return "must not have a fragment";
    if (c == '%' || c == '\\' || c == ';') {
      return fmt::format("must not contain `{}`: the path is written decoded and plain", c);
    }
  }
  std::size_t begin = 1;
  while (begin <= path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view segment = path.substr(begin, end - begin);
    if (segment == "." || segment == "..") return "must not have `.` or `..` segments in its path";
    if (segment.empty() && end < path.size()) return "must not have `//` in its path";
    if (std::count(segment.begin(), segment.end(), '*') > 1) {
      return "must not have `*` more than once in one segment of its path";
    }
    begin = end + 1;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> host_problem(std::string_view host, Wildcard wildcard) {
  if (host.empty()) return "must not be empty";
  if (host.find("://") != std::string_view::npos) {
    return "must not have a scheme: write it as `app.example.com`";
  }
  if (IpAddress::parse(host)) return "must be a host name, not an IP address";
  if (host.find(':') != std::string_view::npos) return "must not have a port";
  if (host.size() > kMaxHost) return fmt::format("must have at most {} characters", kMaxHost);
  const bool is_wildcard = host.starts_with("*.");
  if (is_wildcard && wildcard == Wildcard::Refuse) return "must not be a wildcard";
  std::string_view rest = is_wildcard ? host.substr(2) : host;
  std::string_view last;
  for (bool more = true; more;) {
    const std::size_t dot = rest.find('.');
    const std::string_view label = rest.substr(0, dot);
    more = dot != std::string_view::npos;
    if (more) rest.remove_prefix(dot + 1);
    if (label.empty()) return "must not have an empty label or end in a dot";
    if (label.size() > kMaxLabel) {
      return fmt::format("must have labels of at most {} characters", kMaxLabel);
    }
    for (const char c : label) {
      if (static_cast<unsigned char>(c) >= 0x80) return "must be in ASCII: write its `xn--` form";
      if (c == '*') return "may have `*` only as its whole first label, as in `*.example.com`";
      if (!is_alnum(c) && c != '-') return "must be a host name such as `app.example.com`";
    }
    if (label.front() == '-' || label.back() == '-') {
      return "must not have a label that begins or ends with a hyphen";
    }
    last = label;
  }
  if (std::all_of(last.begin(), last.end(), is_digit)) {
    return "must be a host name, not an IP address";
  }
  return std::nullopt;
}

std::expected<std::string, std::string> canonical_domain(std::string_view text) {
  if (text.find("://") != std::string_view::npos) {
    return std::unexpected("must not have a scheme: write it as `app.example.com`");
  }
  const std::size_t end = text.find_first_of("/?#");
  const std::string_view host = text.substr(0, end);
  if (auto problem = host_problem(host, Wildcard::Allow)) return std::unexpected(*problem);
  std::string_view path = end == std::string_view::npos ? std::string_view{} : text.substr(end);
  if (path.size() > model::kMaxUrlBytes) return std::unexpected("is too long");
  if (auto problem = path_problem(path)) return std::unexpected(*problem);
  if (path.ends_with('/')) path.remove_suffix(1);
  return ascii_lower(host) + std::string(path);
}

std::string_view host_of_domain(std::string_view domain) {
  return domain.substr(0, domain.find('/'));
}

bool hosts_meet(std::string_view pattern, std::string_view host) {
  if (pattern == host) return true;
  const auto within = [](std::string_view wildcard, std::string_view name) {
    return wildcard.starts_with("*.") && name.size() > wildcard.size() - 1 &&
           name.ends_with(wildcard.substr(1));
  };
  return within(pattern, host) || within(host, pattern);
}

bool is_authority(std::string_view text) {
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return false;
    const auto address = IpAddress::parse(text.substr(1, close - 1));
    if (!address || address->is_v4()) return false;
    port = text.substr(close + 1);
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    if (!is_upstream_name(text.substr(0, colon))) return false;
    port = text.substr(colon);
  }
  return port.empty() || (port.front() == ':' && parse_number(port.substr(1), 1, 65535));
}

std::optional<std::string> service_problem(std::string_view service) {
  constexpr std::string_view kForms =
      "must be `http://host:port`, `https://host:port`, `unix:/path` or `http_status:404`";
  if (service.starts_with("http_status:")) {
    if (parse_number(service.substr(12), 200, 599)) return std::nullopt;
    return "must have a status from 200 to 599, as in `http_status:404`";
  }
  if (service.starts_with("unix:")) {
    const std::string_view path = service.substr(5);
    // INVARIANT: what stands here goes into nginx's configuration as it is.
    const bool plain = std::all_of(path.begin(), path.end(), [](char c) {
      return is_alnum(c) || std::string_view("/._-+@~").find(c) != std::string_view::npos;
    });
    if (path.starts_with('/') && plain && path.size() <= kMaxSocketPath) return std::nullopt;
    return "must have an absolute path of letters, digits and `/._-+@~`, as in "
           "`unix:/run/app.sock`";
  }
  const std::size_t scheme = service.starts_with("http://")    ? 7
                             : service.starts_with("https://") ? 8
                                                               : 0;
  if (scheme == 0) return std::string(kForms);
  const std::string_view rest = service.substr(scheme);
  const std::size_t end = rest.find_first_of("/?#");
  if (!is_authority(rest.substr(0, end))) return std::string(kForms);
  if (end != std::string_view::npos) {
    return fmt::format("must not have a path: write it as `{}`", service.substr(0, scheme + end));
  }
  return std::nullopt;
}

std::expected<std::string, std::string> canonical_origin(std::string_view text) {
  std::string origin = ascii_lower(text);
  const std::size_t scheme = origin.find("://");
  const std::string_view name = std::string_view(origin).substr(0, scheme);
  const bool has_scheme = scheme != std::string::npos && !name.empty() && !is_digit(name.front()) &&
                          std::all_of(name.begin(), name.end(), [](char c) {
                            return is_alnum(c) || c == '+' || c == '-' || c == '.';
                          });
  if (!has_scheme || !is_authority(std::string_view(origin).substr(scheme + 3))) {
    return std::unexpected("must be an origin such as `https://app.example.com`, without a path");
  }
  for (const auto& [prefix, port] :
       {std::pair<std::string_view, std::string_view>{"https://", ":443"}, {"http://", ":80"}}) {
    if (origin.starts_with(prefix) && origin.ends_with(port)) {
      origin.resize(origin.size() - port.size());
    }
  }
  return origin;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_alnum(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

std::optional<std::string> url_problem(std::string_view url) {
  const std::size_t scheme = url.starts_with("https://") ? 8 : url.starts_with("http://") ? 7 : 0;
  const std::string_view rest = url.substr(scheme);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  const bool plain = std::all_of(url.begin(), url.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7f;
  });
  if (scheme == 0 || !plain || url.size() > model::kMaxUrlBytes || !is_authority(authority)) {
    return "must be a URL such as `https://login.example.com/path`";
  }
  if (rest.find('#') != std::string_view::npos) return "must not have a fragment";
  return std::nullopt;
}

}  // namespace gatehouse::policy
