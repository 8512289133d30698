// Where the cookies of applications stand on a host: at `/`, or, with path_cookie_attribute, below
// the application's own path. Pure, thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/resources.h"

namespace gatehouse::controlplane {

// Path-scoped cookies stand here as well, so that log-out and get-identity see them.
inline constexpr std::string_view kEndpointCookiePath = "/cdn-cgi/access/";

// The Path of the cookies for somebody who goes to `redirect` (path and query) on `host`: as much
// of the redirect as the application's own path covers, in the redirect's spelling, since that is
// what the browser compares; of a pattern what stands before its first segment with `*`. `/`
// without path_cookie_attribute, or when no path of the application leads there.
[[nodiscard]] std::string cookie_path(const model::Application& application, std::string_view host,
                                      std::string_view redirect);

// The applications on `host`, of which path-scoped ones share a log-out.
[[nodiscard]] std::vector<const model::Application*> applications_on(
    const model::Resources& resources, std::string_view host);
// Every path at which a cookie of theirs may stand, `/` first.
[[nodiscard]] std::vector<std::string> cookie_paths_on(const model::Resources& resources,
                                                       std::string_view host);

}  // namespace gatehouse::controlplane
