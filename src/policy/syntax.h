// The syntax of host names, application domains, ingress services and URLs in the authored form.
// Pure. A returned text says what is wrong: "must not have a port".
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace gatehouse::policy {

enum class Wildcard : std::uint8_t { Refuse, Allow };

// RFC 1123 2.1: letters, digits, hyphens; at most 253 bytes. With Wildcard::Allow the whole first
// label may be `*`. IP addresses are no host names.
[[nodiscard]] std::optional<std::string> host_problem(std::string_view host, Wildcard wildcard);

// host[/path] of an application in its one spelling: the host in lower case, no final slash. `*`
// may be the host's first label, and stand once in each segment of the path.
[[nodiscard]] std::expected<std::string, std::string> canonical_domain(std::string_view text);
[[nodiscard]] std::string_view host_of_domain(std::string_view domain);

// Whether requests to `host` (which may be a wildcard) can reach a rule for `pattern`: equal, or
// one lies within the other's wildcard.
[[nodiscard]] bool hosts_meet(std::string_view pattern, std::string_view host);

// http://host[:port], https://host[:port], unix:/path, http_status:NNN.
[[nodiscard]] std::optional<std::string> service_problem(std::string_view service);

// host[:port] with a name, an IPv4 address or an IPv6 address in brackets.
[[nodiscard]] bool is_authority(std::string_view text);

// scheme://host[:port] in the spelling that browsers send as `Origin` (RFC 6454 6.2): lower case,
// without the scheme's own port.
[[nodiscard]] std::expected<std::string, std::string> canonical_origin(std::string_view text);

// A name of a header field or method: RFC 9110 5.6.2.
[[nodiscard]] bool is_token(std::string_view text);

// An absolute http or https URL without user information or fragment.
[[nodiscard]] std::optional<std::string> url_problem(std::string_view url);

}  // namespace gatehouse::policy
