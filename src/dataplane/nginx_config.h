// nginx's configuration, written from the settings and the ingress rules. Pure text in, text out.
// Source of the ingress semantics: cloudflared (DESIGN 5.1): the first rule that matches host and
// path counts, `path` is a regular expression, `service` is an origin or `http_status:NNN`.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "configuration/file.h"
#include "model/resources.h"

namespace gatehouse::dataplane {

// Where this installation keeps things. Absolute paths.
struct Paths {
  std::string prefix;  // nginx's own folder: pid, temp files, error log
  std::string node_state;
  std::string access_socket;  // of the control plane
  std::string decision_log;
  std::string module;      // ngx_http_gatehouse_module.so
  std::string api_socket;  // of the administration API
  std::string dashboard_socket{};
};

struct ConfigError {
  std::string message;  // "no certificate covers the host `a.example`"
};

// `as_root`: the master runs as root, so its workers get settings.nginx_user.
[[nodiscard]] std::expected<std::string, ConfigError> render_nginx_config(
    const configuration::Settings& settings, const model::Resources& resources, const Paths& paths,
    bool as_root);

// Files that the configuration names: their names change with their content, so that nginx notices.
struct NamedFile {
  std::string path;
  std::string content;
};
// The client certificate authorities of every host that has some. nginx only uses them to ask for a
// certificate; what one is worth is judged by the module, host by host.
[[nodiscard]] std::vector<NamedFile> client_certificate_files(const model::Resources& resources,
                                                              const Paths& paths);

// A value as nginx reads it back to the byte. Control characters are an invariant violation:
// configuration has refused them.
[[nodiscard]] std::string quote(std::string_view value);

}  // namespace gatehouse::dataplane
