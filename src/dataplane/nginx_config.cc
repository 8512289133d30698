#include "dataplane/nginx_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

#include "base/check.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/time.h"
#include "crypto/digest.h"
#include "decision/reason.h"

namespace gatehouse::dataplane {
namespace {

using configuration::Settings;
using model::IngressRule;

// Pages of nginx itself, for when the part that makes the others is not there.
std::string plain_page(std::string_view title, std::string_view text) {
  return fmt::format(
      "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport "
      "content='width=device-width,initial-scale=1'><title>{0}</"
      "title><style>:root{{color-scheme:light "
      "dark}}body{{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 "
      "1.25rem}}h1{{font-size:1.4rem}}</style><h1>{0}</h1><p>{1}</p></html>",
      title, text);
}

bool covers(std::string_view pattern, std::string_view host) {
  if (ascii_iequals(pattern, host)) return true;
  if (!pattern.starts_with("*.")) return false;
  const std::size_t dot = host.find('.');
  return dot != std::string_view::npos && ascii_iequals(pattern.substr(2), host.substr(dot + 1));
}

// The authorities by which client certificates of `host` are judged: PEM; empty when it has none.
std::string client_authorities(const model::Resources& resources, const std::string& host) {
  std::string result;
  for (const auto& certificate : resources.certificates) {
    const auto meant = [&](const std::string& name) { return covers(name, host); };
    if (!std::ranges::any_of(certificate.associated_hostnames, meant)) continue;
    result += certificate.certificate;
    if (!result.ends_with('\n')) result += '\n';
  }
  return result;
}

std::string authorities_path(const Paths& paths, std::string_view authorities) {
  return paths.prefix + "/client-authorities-" +
         hex_encode(crypto::sha256(authorities)).substr(0, 32) + ".pem";
}

std::set<std::string> hosts_of(const model::Resources& resources) {
  std::set<std::string> result;
  for (const auto& rule : resources.ingress) {
    if (!rule.hostname.empty()) result.insert(ascii_lower(rule.hostname));
  }
  return result;
}

// Where the dashboard is. They have no ingress rule.
std::set<std::string> dashboards_of(const model::Resources& resources) {
  std::set<std::string> result;
  for (const auto& application : resources.applications) {
    if (application.type != model::ApplicationType::Dashboard) continue;
    result.insert(application.domains.begin(), application.domains.end());
  }
  return result;
}

class Renderer {
 public:
  Renderer(const Settings& settings, const model::Resources& resources, const Paths& paths,
           bool as_root)
      : settings_(settings), resources_(resources), paths_(paths), as_root_(as_root) {}

  std::expected<std::string, ConfigError> render() {
    std::string servers = auth_server();
    for (const auto& host : hosts_of(resources_)) servers += application_server(host);
    for (const auto& host : dashboards_of(resources_)) servers += dashboard_server(host);
    if (error_) return std::unexpected(*error_);
    return main_part() + "http {\n" + http_part() + upstreams_ + servers + "}\n";
  }

 private:
  std::uint16_t public_port() const {
    return settings_.listen.public_https_port != 0 ? settings_.listen.public_https_port
                                                   : settings_.listen.https_port;
  }
  // What follows the host in links and in Host: nothing for the usual port.
  std::string port_suffix() const {
    return public_port() == 443 ? "" : fmt::format(":{}", public_port());
  }

  std::string main_part() const {
    const std::string workers =
        settings_.nginx_workers == 0 ? "auto" : std::to_string(settings_.nginx_workers);
    return fmt::format(
        "# Written by gatehouse; changes are lost at the next reload.\n"
        "daemon off;\nworker_processes {};\n{}pid {};\nlock_file {};\nerror_log {} warn;\n"
        "load_module {};\nworker_shutdown_timeout 1h;\n"
        "events {{\n  worker_connections 16384;\n}}\n",
        workers, as_root_ ? fmt::format("user {};\n", settings_.nginx_user) : "",
        quote(paths_.prefix + "/nginx.pid"), quote(paths_.prefix + "/nginx.lock"),
        quote(paths_.prefix + "/error.log"), quote(paths_.module));
  }

  std::string http_part() const {
    std::string temporary;
    for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
      temporary += fmt::format("  {}_temp_path {};\n", kind,
                               quote(fmt::format("{}/tmp/{}", paths_.prefix, kind)));
    }
    std::string text = fmt::format(
        "  gatehouse_state_directory {};\n"
        "  gatehouse on;\n"
        "  gatehouse_allow_sample {};\n"
        "{}{}"
        "  log_format gatehouse escape=json "
        "'{{\"at\":\"$time_iso8601\",\"reference\":\"$request_id\","
        "\"effect\":\"$gatehouse_effect\",\"reason\":\"$gatehouse_reason\","
        "\"application\":\"$gatehouse_application_id\",\"policy\":\"$gatehouse_policy_id\","
        "\"ip\":\"$remote_addr\",\"host\":\"$host\",\"method\":\"$request_method\",\"status\":$"
        "status,\"evidence\":\"$gatehouse_evidence\",\"transaction\":$gatehouse_transaction}}';\n"
        "  access_log {} gatehouse buffer=32k flush=1s if=$gatehouse_logged;\n"
        "  server_tokens off;\n  default_type application/octet-stream;\n"
        "  ignore_invalid_headers on;\n  underscores_in_headers off;\n"
        // One block for a request with a token and what we add to it.
        "  request_pool_size 12k;\n"
        "  client_header_timeout 15s;\n  client_max_body_size 0;\n"
        "  large_client_header_buffers 4 16k;\n"
        "  keepalive_requests 100000;\n  sendfile on;\n  tcp_nopush on;\n"
        "  server_names_hash_bucket_size 256;\n  server_names_hash_max_size 65536;\n"
        "  ssl_protocols TLSv1.2 TLSv1.3;\n  ssl_session_cache shared:gatehouse:10m;\n"
        "  ssl_session_tickets off;\n"
        // Only WebSocket: any other protocol (h2c) would carry requests that nobody judges.
        "  map $http_upgrade $gatehouse_upgrade {{\n    default '';\n    ~*^websocket$ websocket;\n"
        "  }}\n"
        "  map $gatehouse_upgrade $gatehouse_connection {{\n    default upgrade;\n    '' '';\n  "
        "}}\n"
        // As cloudflared does: what an application sends goes on at once (server-sent events,
        // uploads).
        "  proxy_http_version 1.1;\n  proxy_buffering off;\n  proxy_buffer_size 16k;\n"
        "  proxy_buffers 8 16k;\n"
        "  proxy_request_buffering off;\n  proxy_read_timeout 1h;\n"
        "  proxy_send_timeout 1h;\n  proxy_connect_timeout 30s;\n"
        "  proxy_ignore_headers X-Accel-Redirect X-Accel-Expires X-Accel-Limit-Rate "
        "X-Accel-Charset;\n"
        "  proxy_ssl_server_name on;\n"
        // The same for origins that speak HTTP/2; what gRPC streams is never buffered.
        "  grpc_buffer_size 16k;\n  grpc_read_timeout 1h;\n  grpc_send_timeout 1h;\n"
        "  grpc_connect_timeout 30s;\n"
        "  grpc_ignore_headers X-Accel-Redirect X-Accel-Expires X-Accel-Limit-Rate "
        "X-Accel-Charset;\n"
        "  grpc_ssl_server_name on;\n"
        "  upstream gatehouse_control {{\n    server {};\n    keepalive 16;\n  }}\n"
        "  upstream gatehouse_api {{\n    server {};\n    keepalive 4;\n  }}\n"
        "  upstream gatehouse_dashboard {{\n    server {};\n    keepalive 4;\n  }}\n",
        quote(paths_.node_state), settings_.decision_log.allow_sample,
        settings_.country_database.empty()
            ? ""
            : fmt::format("  gatehouse_country_database {};\n", quote(settings_.country_database)),
        temporary, quote(paths_.decision_log), quote("unix:" + paths_.access_socket),
        quote("unix:" + paths_.api_socket), quote("unix:" + paths_.dashboard_socket));
    // A name that nobody configured: no handshake, no answer.
    text += fmt::format(
        "  server {{\n    listen {} ssl http2 default_server;\n    server_name _;\n"
        "    ssl_reject_handshake on;\n    gatehouse off;\n    return 421;\n  }}\n",
        listen(settings_.listen.https_port));
    if (settings_.listen.http_port != 0) {
      text += fmt::format(
          "  server {{\n    listen {0} default_server;\n    server_name _;\n    gatehouse off;\n"
          "    return 421;\n  }}\n",
          listen(settings_.listen.http_port));
    }
    return text;
  }

  std::string listen(std::uint16_t port) const {
    const std::string& address = settings_.listen.address;
    return address.find(':') == std::string::npos ? fmt::format("{}:{}", address, port)
                                                  : fmt::format("[{}]:{}", address, port);
  }

  // server { ... } with its names and certificate, and its redirect from http.
  std::string server(const std::string& host, const std::string& locations) {
    const auto* certificate = certificate_of(host);
    if (certificate == nullptr) return {};
    std::string text = fmt::format(
        "  server {{\n    listen {} ssl http2;\n    server_name {};\n    ssl_certificate {};\n"
        "    ssl_certificate_key {};\n{}  }}\n",
        listen(settings_.listen.https_port), host, quote(certificate->certificate_file),
        quote(certificate->key_file), locations);
    if (settings_.listen.http_port != 0) {
      text += fmt::format(
          "  server {{\n    listen {};\n    server_name {};\n    gatehouse off;\n"
          "    return 308 https://$host{}$request_uri;\n  }}\n",
          listen(settings_.listen.http_port), host, port_suffix());
    }
    return text;
  }

  const configuration::CertificateSettings* certificate_of(const std::string& host) {
    for (const auto& certificate : settings_.certificates) {
      for (const auto& pattern : certificate.hosts) {
        if (covers(pattern, host)) return &certificate;
      }
    }
    fail("no certificate covers the host `" + host + "`: add it to `certificates`");
    return nullptr;
  }

  // To the control plane. The inbound copies of these headers are gone before any location is
  // chosen.
  // INVARIANT 5: nginx writes the request line of what fails into its error log, and here that line
  // carries one-time codes, states and provider codes. So only what concerns nginx itself is
  // logged; that the control plane is silent shows in its own log and in the answers.
  std::string control_location(std::string_view location, std::string_view upstream,
                               std::string_view more) const {
    return fmt::format("    location {} {{\n      gatehouse off;\n{}{}    }}\n", location,
                       to_control(upstream), more);
  }
  std::string to_control(std::string_view upstream) const {
    return fmt::format(
        "      error_log {} crit;\n      proxy_pass http://{};\n      proxy_set_header Host "
        "$host;\n"
        "      proxy_set_header Connection '';\n"
        "      proxy_set_header Gatehouse-Client-Ip $remote_addr;\n"
        "      proxy_set_header Gatehouse-Request-Id $request_id;\n"
        "      proxy_buffering on;\n      proxy_request_buffering on;\n"
        "      proxy_read_timeout 60s;\n      proxy_connect_timeout 5s;\n"
        "      proxy_buffer_size 32k;\n      proxy_buffers 8 32k;\n",
        quote(paths_.prefix + "/error.log"), upstream);
  }
  std::string access_location(std::string_view location) const {
    return control_location(location, "gatehouse_control",
                            "      client_max_body_size 256k;\n"
                            "      error_page 502 504 = @gatehouse_unavailable;\n");
  }
  // Who may not ask is told so before a body is read. Bodies and answers hold secrets: they are
  // kept in memory, never in nginx's temporary files.
  std::string api_location() const {
    if (!settings_.api.enabled) return {};
    std::string more;
    for (const auto& network : settings_.api.allow_from)
      more += fmt::format("      allow {};\n", network.to_string());
    more += "      deny all;\n";
    more += kApiBodies;
    more +=
        "      error_page 403 = @gatehouse_api_address;\n"
        "      error_page 413 = @gatehouse_api_body;\n"
        "      error_page 502 504 = @gatehouse_api_unavailable;\n";
    return control_location("^~ /client/v4/", "gatehouse_api", more) +
           api_error("@gatehouse_api_address", 403, 9109,
                     "requests from this address are not accepted: `api.allow_from` in the "
                     "gateway's configuration names the networks that may ask") +
           api_errors();
  }
  static std::string api_errors() {
    return api_error("@gatehouse_api_body", 413, 12130, "the body is larger than 4 MiB") +
           api_error("@gatehouse_api_unavailable", 503, 10500,
                     "the control plane does not answer; try again in a moment");
  }
  static constexpr std::string_view kApiBodies =
      "      client_max_body_size 4m;\n      client_body_buffer_size 4m;\n"
      "      proxy_max_temp_file_size 0;\n";
  // In the API's envelope.
  static std::string api_error(std::string_view name, int status, int code,
                               std::string_view message) {
    const json::object body{
        {"success", false},
        {"errors", json::array{json::object{{"code", code}, {"message", message}}}},
        {"messages", json::array{}},
        {"result", nullptr}};
    return fmt::format(
        "    location {} {{\n      gatehouse off;\n      default_type application/json;\n{}"
        "      add_header Cache-Control no-store always;\n      return {} {};\n    }}\n",
        name, status == 503 ? "      add_header Retry-After 10 always;\n" : "", status,
        quote(json::serialize(body)));
  }
  static std::string error_location(std::string_view name, int status, std::string_view page) {
    return fmt::format(
        "    location {} {{\n      gatehouse off;\n      default_type text/html;\n"
        "      add_header Retry-After 10 always;\n      add_header Cache-Control no-store always;\n"
        "      return {} {};\n    }}\n",
        name, status, quote(page));
  }
  static std::string unavailable_location() {
    return error_location(
        "@gatehouse_unavailable", 503,
        plain_page("Sign-in is not available right now",
                   "People who are signed in can go on working. Please try again in "
                   "a minute."));
  }
  static std::string silent_application_location() {
    return error_location("@gatehouse_silent_application", 502,
                          plain_page("The application does not answer",
                                     "You are allowed in, but the application behind this address "
                                     "gives no answer. Please try again in a minute, or tell its "
                                     "owner."));
  }

  // A certificate so bad that nginx ends the request itself, such as one that has expired:
  // everything else about it is the module's to judge. Nothing of nginx's own verification is
  // relied on.
  std::string client_certificates(const std::string& host) const {
    const std::string authorities = client_authorities(resources_, host);
    if (authorities.empty()) return {};
    const auto& reason = decision::info(decision::Reason::CertificateInvalid);
    return fmt::format(
        "    ssl_verify_client optional_no_ca;\n    ssl_client_certificate {};\n"
        "    ssl_verify_depth 5;\n    error_page 495 496 = @gatehouse_certificate;\n"
        "    location @gatehouse_certificate {{\n      gatehouse off;\n"
        "      default_type text/html;\n      add_header Cache-Control no-store always;\n"
        "      return 403 {};\n    }}\n",
        quote(authorities_path(paths_, authorities)),
        quote(plain_page(reason.title, reason.advice)));
  }

  std::string auth_server() {
    return server(resources_.organization.auth_domain,
                  access_location("/") + unavailable_location() + api_location());
  }

  std::string application_server(const std::string& host) {
    std::string locations = client_certificates(host) + access_location("^~ /cdn-cgi/access/") +
                            unavailable_location() + silent_application_location();
    bool complete = false;
    for (const auto& rule : resources_.ingress) {
      if (!rule.hostname.empty() && !covers(rule.hostname, host)) continue;
      const bool everything = rule.path.empty();
      locations += application_location(everything ? "/" : "~ " + quote(rule.path), rule);
      if (everything) {
        complete = true;
        break;
      }
    }
    if (!complete) locations += "    location / {\n      return 404;\n    }\n";
    return server(host, locations);
  }

  // The gateway's own application: the module lets the request through as for any other, and the
  // control plane, which answers it, gets the assertion and judges it once more. The certificate
  // goes along for that.
  std::string dashboard_server(const std::string& host) {
    const auto location = [&](std::string_view place, std::string_view more) {
      return fmt::format("    location {} {{\n{}{}{}    }}\n", place,
                         to_control("gatehouse_dashboard"),
                         client_authorities(resources_, host).empty()
                             ? ""
                             : "      proxy_set_header Gatehouse-Client-Certificate "
                               "$ssl_client_escaped_cert;\n",
                         more);
    };
    return server(host,
                  client_certificates(host) + access_location("^~ /cdn-cgi/access/") +
                      unavailable_location() + silent_application_location() + api_errors() +
                      location("^~ /client/v4/", std::string(kApiBodies) +
                                                     "      error_page 413 = @gatehouse_api_body;\n"
                                                     "      error_page 502 504 = "
                                                     "@gatehouse_api_unavailable;\n") +
                      location("/",
                               "      client_max_body_size 1k;\n"
                               "      error_page 502 504 = @gatehouse_silent_application;\n"));
  }

  std::string application_location(const std::string& location, const IngressRule& rule) {
    if (rule.service.starts_with("http_status:")) {
      return fmt::format("    location {} {{\n      return {};\n    }}\n", location,
                         rule.service.substr(std::string_view("http_status:").size()));
    }
    const bool tls = rule.service.starts_with("https://");
    const bool http2 = json::find_bool(rule.origin_request, "http2Origin").value_or(false);
    const std::string_view module = http2 ? "grpc" : "proxy";
    const std::string_view scheme = http2 ? (tls ? "grpcs" : "grpc") : (tls ? "https" : "http");
    std::string text = fmt::format("    location {} {{\n      {}_pass {}://{};\n", location, module,
                                   scheme, upstream_of(rule, http2));
    const auto header = [&](std::string_view name, std::string_view value) {
      text += fmt::format("      {}_set_header {} {};\n", module, name, value);
    };
    header("Host", host_header(rule.origin_request).value_or("$host" + port_suffix()));
    if (!http2) {
      header("Upgrade", "$gatehouse_upgrade");
      header("Connection", "$gatehouse_connection");
    }
    header("X-Real-IP", "$remote_addr");
    header("X-Forwarded-For", "$remote_addr");
    header("X-Forwarded-Host", "$host");
    header("X-Forwarded-Port", std::to_string(public_port()));
    header("X-Forwarded-Proto", "https");
    header("Forwarded", "''");
    text += "      error_page 502 504 = @gatehouse_silent_application;\n";
    // A client that streams may be silent for as long as its origin may be.
    if (http2) text += "      client_body_timeout 1h;\n";
    if (tls) text += tls_to_origin(rule, module);
    if (const auto timeout = json::find_string(rule.origin_request, "connectTimeout")) {
      if (const auto parsed = parse_duration(*timeout)) {
        text += fmt::format("      {}_connect_timeout {}ms;\n", module, parsed->count());
      }
    }
    return text + "    }\n";
  }

  static std::optional<std::string> host_header(const json::object& options) {
    const auto host = json::find_string(options, "httpHostHeader");
    return host ? std::optional(quote(*host)) : std::nullopt;
  }

  static std::string tls_to_origin(const IngressRule& rule, std::string_view module) {
    std::string text;
    std::string_view name =
        std::string_view(rule.service).substr(std::string_view("https://").size());
    name = name.substr(0, name.rfind(':'));
    if (const auto given = json::find_string(rule.origin_request, "originServerName"))
      name = *given;
    text += fmt::format("      {}_ssl_name {};\n", module, quote(name));
    if (json::find_bool(rule.origin_request, "noTLSVerify").value_or(false)) {
      return text + fmt::format("      {}_ssl_verify off;\n", module);
    }
    const auto bundle = json::find_string(rule.origin_request, "caPool");
    return text + fmt::format(
                      "      {0}_ssl_verify on;\n      {0}_ssl_verify_depth 5;\n"
                      "      {0}_ssl_trusted_certificate {1};\n",
                      module, quote(bundle.value_or("/etc/ssl/certs/ca-certificates.crt")));
  }

  // One upstream an origin, protocol and number of connections kept to it.
  std::string upstream_of(const IngressRule& rule, bool http2) {
    const std::int64_t keep =
        json::find_int(rule.origin_request, "keepAliveConnections").value_or(100);
    const auto [entry, added] =
        upstream_names_.emplace(std::tuple(rule.service, http2, keep),
                                fmt::format("gatehouse_origin_{}", upstream_names_.size()));
    if (added) {
      std::string address = rule.service;
      std::string_view usual_port = ":80";
      if (address.starts_with("http://")) address.erase(0, 7);
      if (address.starts_with("https://")) {
        address.erase(0, 8);
        usual_port = ":443";
      }
      const bool has_port = address.rfind(':') != std::string::npos &&
                            (address.front() != '[' || address.find("]:") != std::string::npos);
      if (!has_port) address += usual_port;
      upstreams_ +=
          fmt::format("  upstream {} {{\n    server {};\n{}  }}\n", entry->second, quote(address),
                      keep > 0 ? fmt::format("    keepalive {};\n", keep) : "");
    }
    return entry->second;
  }

  void fail(std::string message) {
    if (!error_) error_ = ConfigError{std::move(message)};
  }

  const Settings& settings_;
  const model::Resources& resources_;
  const Paths& paths_;
  bool as_root_;
  std::map<std::tuple<std::string, bool, std::int64_t>, std::string> upstream_names_;
  std::string upstreams_;
  std::optional<ConfigError> error_;
};

}  // namespace

std::string quote(std::string_view value) {
  std::string text = "\"";
  for (const char character : value) {
    GATEHOUSE_CHECK(static_cast<unsigned char>(character) >= 0x20, "no control characters here");
    if (character == '"' || character == '\\') text += '\\';
    text += character;
  }
  return text + "\"";
}

std::vector<NamedFile> client_certificate_files(const model::Resources& resources,
                                                const Paths& paths) {
  std::vector<NamedFile> files;
  std::set<std::string> seen;
  std::set<std::string> hosts = hosts_of(resources);
  hosts.merge(dashboards_of(resources));
  for (const auto& host : hosts) {
    std::string authorities = client_authorities(resources, host);
    if (authorities.empty() || !seen.insert(authorities).second) continue;
    std::string path = authorities_path(paths, authorities);
    files.push_back({std::move(path), std::move(authorities)});
  }
  return files;
}

std::expected<std::string, ConfigError> render_nginx_config(const Settings& settings,
                                                            const model::Resources& resources,
                                                            const Paths& paths, bool as_root) {
  return Renderer(settings, resources, paths, as_root).render();
}

}  // namespace gatehouse::dataplane
