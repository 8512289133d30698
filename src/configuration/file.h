// The configuration file: YAML with line numbers -> settings of this node + resources. Pure: the
// caller reads the bytes.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "base/secret.h"
#include "decision/matcher.h"
#include "model/resources.h"
#include "policy/authored.h"

namespace gatehouse::configuration {

struct Problem {
  std::string file;
  int line = 0;       // 1-based; 0 when the whole file is meant
  std::string field;  // applications[0].policies[1].include[0].email.email
  std::string message;
};
// "gatehouse.yaml:12: applications[0].name: must not be empty"
[[nodiscard]] std::string to_string(const Problem& problem);

struct ListenSettings {
  std::string address = "0.0.0.0";
  std::uint16_t https_port = 443;
  std::uint16_t http_port = 80;         // 0: none; answers only with redirects to https
  std::uint16_t public_https_port = 0;  // in links, when a load balancer differs; 0: https_port
};
struct CertificateSettings {
  std::vector<std::string> hosts;  // exact or `*.example.com`
  std::string certificate_file;
  std::string key_file;
  bool operator==(const CertificateSettings&) const = default;
};
enum class SmtpSecurity : std::uint8_t { None, StartTls, Tls };
struct SmtpSettings {
  std::string host;  // empty: no mail
  std::uint16_t port = 587;
  SmtpSecurity security = SmtpSecurity::StartTls;
  std::string from;
  std::string username;
  Secret password;
};
struct DecisionLogSettings {
  std::uint64_t max_bytes = 64 * 1024 * 1024;  // of one file; then it is rotated
  unsigned files = 8;                          // kept, the current one included
  std::uint32_t allow_sample = 100;  // one of so many allowed requests is written; 0: none
  bool operator==(const DecisionLogSettings&) const = default;
};
// For other proxies (nginx auth_request, Caddy, Traefik, HAProxy, Apache, Envoy).
struct ForwardAuthSettings {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  // 0: none
  // Whose word about method, host, path and client address counts. Never empty when port is set.
  std::vector<IpNetwork> trusted_peers;
  bool operator==(const ForwardAuthSettings&) const = default;
};
// The administration API, on the auth domain.
struct ApiSettings {
  bool enabled = true;
  // Whose requests count; never empty. Not said: this machine.
  std::vector<IpNetwork> allow_from{*IpNetwork::parse("127.0.0.0/8"), *IpNetwork::parse("::1")};
  int requests_per_5_minutes = 1200;  // a token; 0: no limit
  bool operator==(const ApiSettings&) const = default;
};
// Of the application of type `dash_sso`.
struct DashboardSettings {
  std::string web_directory;  // index.html and what belongs to it; empty: beside the program
  bool operator==(const DashboardSettings&) const = default;
};
struct Settings {
  std::string state_directory = "/var/lib/gatehouse";
  ListenSettings listen;
  std::vector<CertificateSettings> certificates;
  SmtpSettings smtp;
  std::string store;  // empty: sqlite in the state directory
  std::string nginx_binary = "/usr/sbin/nginx";
  std::string nginx_module;             // empty: beside the program
  unsigned nginx_workers = 0;           // 0: one a core
  std::string nginx_user = "www-data";  // used only when started as root
  std::string outbound_ca_file;         // extra CA bundle for providers
  std::string log_level = "info";
  std::string country_database;  // MaxMind file; empty: every country is unknown
  DecisionLogSettings decision_log;
  ForwardAuthSettings forward_auth;
  ApiSettings api;
  DashboardSettings dashboard;
};

struct File {
  Settings settings;
  // False: the file says nothing about a node, as an export: the settings of the node stay, and
  // secrets may be left out that the gateway has.
  bool has_settings = false;
  // False: no section of the authored form is present; what the store has is in force.
  bool has_resources = false;
  model::Resources resources;
  // The place in this file of something wrong that is found later, by RFC 6901 pointer.
  std::function<Problem(const policy::Problem&)> place;
};

// `name` is for messages; relative paths in the file are taken relative to `directory`.
// `read_secret_file` resolves `client_secret_file` and the like; it returns nullopt when
// unreadable. Unknown keys are problems, with the nearest known key in the message.
using ReadSecretFile = std::function<std::optional<std::string>(const std::string& path)>;
[[nodiscard]] std::expected<File, std::vector<Problem>> parse(
    std::string_view name, std::string_view directory, std::string_view text,
    decision::SelectorRegistry selectors, const ReadSecretFile& read_secret_file);

}  // namespace gatehouse::configuration
