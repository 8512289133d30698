#include "configuration/file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <set>

#include "base/encoding.h"
#include "base/ip.h"
#include "configuration/yaml.h"
#include "model/identity.h"
#include "policy/authored.h"
#include "policy/object_reader.h"
#include "policy/resource_reader.h"
#include "policy/syntax.h"

namespace gatehouse::configuration {
namespace {

using policy::ObjectReader;
using policy::Path;
using Numbers = policy::ObjectReader::Numbers;

constexpr std::uint64_t kSmallestLog = std::uint64_t{1} << 20;
constexpr std::uint64_t kLargestLog = std::uint64_t{1} << 40;
constexpr std::string_view kNotANetwork =
    "must be an address or a network such as `192.0.2.0/24`, with no bits set beyond its prefix";

// Absolute, `..` kept for the system to follow; the empty path stays empty.
std::string resolve_path(std::string_view directory, std::string_view path) {
  if (path.empty() || path.starts_with('/')) return std::string(path);
  return (std::filesystem::path(directory) / path).string();
}

class FileReader {
 public:
  FileReader(std::string_view directory, YamlDocument& document,
             const ReadSecretFile& read_secret_file)
      : directory_(directory), document_(document), read_secret_file_(read_secret_file) {}

  void read_settings(Settings& settings) {
    const json::object& object = document_.value.get_object();
    const Path root;
    ObjectReader top(object, root, problems_);
    for (const std::string_view key : policy::section_keys(policy::Form::Authored)) {
      top.known({key});
    }
    settings.state_directory = path_or(top, "state_directory", settings.state_directory);
    settings.outbound_ca_file = path_or(top, "outbound_ca_file", "");
    settings.store = top.text_or("store", "");
    const auto is_store = [&](std::string_view scheme) {
      return settings.store.starts_with(scheme) && settings.store.size() > scheme.size();
    };
    if (!settings.store.empty() && !is_store("sqlite:///") && !is_store("postgresql://") &&
        !is_store("postgres://")) {
      top.problem("store",
                  "must be `sqlite:///absolute/path` or `postgresql://user@host:port/database`");
    }
    static constexpr std::array<std::string_view, 5> kLevels{"trace", "debug", "info", "warn",
                                                             "error"};
    settings.log_level = top.one_of("log_level", settings.log_level, kLevels);
    if (const json::object* listen = top.object("listen")) {
      read_listen(*listen, Path(root, "listen"), settings.listen);
    }
    read_certificates(top, settings.certificates);
    if (const json::object* smtp = top.object("smtp")) {
      read_smtp(*smtp, Path(root, "smtp"), settings.smtp);
    }
    if (const json::object* nginx = top.object("nginx")) {
      read_nginx(*nginx, Path(root, "nginx"), settings);
    }
    settings.country_database = path_or(top, "country_database", "");
    if (const json::object* log = top.object("decision_log")) {
      read_decision_log(*log, Path(root, "decision_log"), settings.decision_log);
    }
    if (const json::object* forward_auth = top.object("forward_auth")) {
      read_forward_auth(*forward_auth, Path(root, "forward_auth"), settings);
    }
    if (const json::object* api = top.object("api")) {
      read_api(*api, Path(root, "api"), settings.api);
    }
    if (const json::object* dashboard = top.object("dashboard")) {
      const Path path(root, "dashboard");
      ObjectReader reader(*dashboard, path, problems_);
      settings.dashboard.web_directory = path_or(reader, "web_directory", "");
      reader.finish();
    }
    top.finish();
  }

  // Puts what stands in files, and absolute paths, where the authored form wants them. Members keep
  // their order, so that the lines stay right.
  void resolve_resources() {
    const Path root;
    for (const std::string_view section : {"identity_providers", "device_posture_integrations"}) {
      for_each_nested(section, "config", [&](json::object& config, const Path& path) {
        for (const std::string_view key : policy::kSecretConfigKeys) {
          replace_by_content(config, path, fmt::format("{}_file", key), key);
        }
      });
    }
    for_each_nested(
        "device_posture_integrations", "config", [&](json::object& config, const Path& path) {
          replace_by_content(config, path, "public_certificate_file", "public_certificate");
        });
    for_each_item("mtls_certificates", [&](json::object& certificate, const Path& path) {
      replace_by_content(certificate, path, "certificate_file", "certificate");
      replace_by_content(certificate, path, "crl_file", "crl");
    });
    for_each_item("custom_pages", [&](json::object& page, const Path& path) {
      replace_by_content(page, path, "custom_html_file", "custom_html");
    });
    for_each_nested("ingress", "originRequest", [&](json::object& request, const Path&) {
      const auto file = json::find_string(request, "caPool");
      if (file && !file->empty()) request["caPool"] = resolve_path(directory_, *file);
    });
  }

  [[nodiscard]] std::vector<policy::Problem> take_problems() { return problems_.take(); }
  // What is missing because its file could not be read has been reported as that.
  [[nodiscard]] bool is_reported(const policy::Problem& problem) const {
    return unusable_.contains(problem.pointer);
  }

 private:
  std::string path_or(ObjectReader& reader, std::string_view key, std::string_view fallback) {
    const auto text = reader.text(key);
    if (!text) return std::string(fallback);
    if (text->empty()) reader.problem(key, "must not be empty");
    return resolve_path(directory_, *text);
  }

  static std::uint16_t port(ObjectReader& reader, std::string_view key, std::uint16_t fallback,
                            std::int64_t least = 1) {
    return static_cast<std::uint16_t>(reader.integer(key, fallback, least, 65535));
  }

  void read_listen(const json::object& object, const Path& path, ListenSettings& listen) {
    ObjectReader reader(object, path, problems_);
    listen.address = reader.text_or("address", listen.address);
    if (!IpAddress::parse(listen.address)) {
      reader.problem("address", "must be an IP address such as `0.0.0.0` or `::`");
    }
    listen.https_port = port(reader, "https_port", listen.https_port);
    listen.http_port = port(reader, "http_port", listen.http_port, 0);
    listen.public_https_port = port(reader, "public_https_port", 0, 0);
    if (listen.http_port == listen.https_port) {
      reader.problem("http_port", "must differ from https_port");
    }
    reader.finish();
  }

  void read_certificates(ObjectReader& top, std::vector<CertificateSettings>& certificates) {
    std::set<std::string> seen;
    const Path list_path(top.path(), "certificates");
    policy::for_each_object(
        top.list("certificates"), list_path, problems_,
        [&](std::size_t, const json::object& object, const Path& path) {
          ObjectReader reader(object, path, problems_);
          CertificateSettings certificate;
          const Path hosts_path(path, "hosts");
          for (const auto& [index, text] : reader.texts("hosts")) {
            const std::string host = ascii_lower(text);
            if (auto problem = policy::host_problem(host, policy::Wildcard::Allow)) {
              problems_.add(Path(hosts_path, index), *problem);
            } else if (!seen.insert(host).second) {
              problems_.add(Path(hosts_path, index),
                            fmt::format("`{}` already has a certificate", host));
            } else {
              certificate.hosts.push_back(host);
            }
          }
          const json::value* hosts = reader.value("hosts");
          if (hosts == nullptr || (hosts->is_array() && hosts->get_array().empty())) {
            reader.problem("hosts", "must name at least one host");
          }
          certificate.certificate_file =
              resolve_path(directory_, reader.required_text("certificate_file"));
          certificate.key_file = resolve_path(directory_, reader.required_text("key_file"));
          reader.finish();
          certificates.push_back(std::move(certificate));
        });
  }

  void read_smtp(const json::object& object, const Path& path, SmtpSettings& smtp) {
    ObjectReader reader(object, path, problems_);
    smtp.host = reader.required_text("host");
    if (!smtp.host.empty() &&
        (smtp.host.find(':') != std::string::npos || !policy::is_authority(smtp.host))) {
      reader.problem("host", "must be a host name or an IPv4 address, without a port");
    }
    static constexpr std::array<std::string_view, 3> kSecurity{"none", "starttls", "tls"};
    const std::string security = reader.one_of("security", "starttls", kSecurity);
    smtp.security = security == "none"  ? SmtpSecurity::None
                    : security == "tls" ? SmtpSecurity::Tls
                                        : SmtpSecurity::StartTls;
    const std::uint16_t usual = smtp.security == SmtpSecurity::None  ? 25
                                : smtp.security == SmtpSecurity::Tls ? 465
                                                                     : 587;
    smtp.port = port(reader, "port", usual);
    smtp.from = reader.required_text("from");
    if (!smtp.from.empty() && !is_mailbox(smtp.from)) {
      reader.problem("from",
                     "must be an address such as `gatehouse@example.com` or "
                     "`Gatehouse <gatehouse@example.com>`");
    }
    smtp.username = reader.text("username", Numbers::Accept).value_or("");
    std::string password = reader.text("password", Numbers::Accept).value_or("");
    if (const auto file = reader.text("password_file")) {
      if (reader.value("password") != nullptr) {
        reader.problem("password_file", "must not stand beside `password`");
      } else {
        password = content(reader.path(), "password_file", *file);
      }
    }
    smtp.password = Secret(std::move(password));
    if (smtp.username.empty() != smtp.password.empty() &&
        reader.value("password_file") == nullptr) {
      reader.problem(smtp.username.empty() ? "username" : "password",
                     "is required: `username` and `password` belong together");
    }
    if (!smtp.username.empty() && smtp.security == SmtpSecurity::None) {
      reader.problem("security", "`none` would send the password in the clear");
    }
    reader.finish();
  }

  static bool is_mailbox(std::string_view text) {
    if (text.ends_with('>')) {
      const std::size_t open = text.find('<');
      if (open == std::string_view::npos) return false;
      text = text.substr(open + 1, text.size() - open - 2);
    }
    return model::canonical_email(text).has_value();
  }

  void read_nginx(const json::object& object, const Path& path, Settings& settings) {
    ObjectReader reader(object, path, problems_);
    settings.nginx_binary = path_or(reader, "binary", settings.nginx_binary);
    settings.nginx_module = path_or(reader, "module", "");
    settings.nginx_workers = static_cast<unsigned>(reader.integer("workers", 0, 0, 1024));
    settings.nginx_user = reader.text_or("user", settings.nginx_user);
    const bool is_name =
        !settings.nginx_user.empty() && settings.nginx_user.front() != '-' &&
        std::all_of(settings.nginx_user.begin(), settings.nginx_user.end(), [](char c) {
          return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
        });
    if (!is_name) reader.problem("user", "must be the name of a user such as `www-data`");
    reader.finish();
  }

  void read_decision_log(const json::object& object, const Path& path, DecisionLogSettings& log) {
    ObjectReader reader(object, path, problems_);
    if (const auto size = reader.text("max_size")) {
      const auto bytes = parse_size(*size);
      if (bytes && *bytes >= kSmallestLog && *bytes <= kLargestLog) {
        log.max_bytes = *bytes;
      } else {
        reader.problem("max_size", "must be a size from `1MiB` to `1024GiB`, such as `64MiB`");
      }
    }
    log.files = static_cast<unsigned>(reader.integer("files", log.files, 1, 1000));
    log.allow_sample = static_cast<std::uint32_t>(
        reader.integer("allow_sample", log.allow_sample, 0, 1'000'000'000));
    reader.finish();
  }

  // A whole number of KiB, MiB or GiB.
  static std::optional<std::uint64_t> parse_size(std::string_view text) {
    std::uint64_t number = 0;
    const char* const last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, number);
    if (error != std::errc() || number > kLargestLog) return std::nullopt;
    const std::string_view unit(end, static_cast<std::size_t>(last - end));
    if (unit == "KiB") return number << 10;
    if (unit == "MiB") return number << 20;
    if (unit == "GiB" && number <= kLargestLog >> 30) return number << 30;
    return std::nullopt;
  }

  void read_forward_auth(const json::object& object, const Path& path, Settings& settings) {
    ObjectReader reader(object, path, problems_);
    ForwardAuthSettings& forward_auth = settings.forward_auth;
    if (const json::object* listen = reader.object("listen")) {
      const Path listen_path(path, "listen");
      ObjectReader inner(*listen, listen_path, problems_);
      forward_auth.address = inner.text_or("address", forward_auth.address);
      if (!IpAddress::parse(forward_auth.address)) {
        inner.problem("address", "must be an IP address such as `127.0.0.1` or `::1`");
      }
      forward_auth.port = port(inner, "port", 0, 0);
      if (forward_auth.port != 0 && (forward_auth.port == settings.listen.https_port ||
                                     forward_auth.port == settings.listen.http_port)) {
        inner.problem("port", "must differ from the ports in `listen` of the whole file");
      }
      inner.finish();
    }
    const Path peers_path(path, "trusted_peers");
    for (const auto& [index, text] : reader.texts("trusted_peers")) {
      const auto network = IpNetwork::parse(text);
      if (!network) {
        problems_.add(Path(peers_path, index), std::string(kNotANetwork));
      } else if (is_everybody(*network)) {
        problems_.add(Path(peers_path, index),
                      "would trust everybody: whoever reaches the port could claim any address, "
                      "host and path");
      } else {
        forward_auth.trusted_peers.push_back(*network);
      }
    }
    const json::value* peers = reader.value("trusted_peers");
    if (forward_auth.port != 0 &&
        (peers == nullptr || (peers->is_array() && peers->get_array().empty()))) {
      reader.problem("trusted_peers", "is required: the addresses of the proxies that ask");
    }
    reader.finish();
  }

  void read_api(const json::object& object, const Path& path, ApiSettings& api) {
    ObjectReader reader(object, path, problems_);
    api.enabled = reader.boolean("enabled", api.enabled);
    api.requests_per_5_minutes = static_cast<int>(
        reader.integer("requests_per_5_minutes", api.requests_per_5_minutes, 0, 1'000'000));
    if (reader.list("allow_from") != nullptr) api.allow_from.clear();
    const Path list_path(path, "allow_from");
    const std::size_t problems_before = problems_.size();
    for (const auto& [index, text] : reader.texts("allow_from")) {
      if (const auto network = IpNetwork::parse(text)) {
        api.allow_from.push_back(*network);
      } else {
        problems_.add(Path(list_path, index), std::string(kNotANetwork));
      }
    }
    if (api.allow_from.empty() && problems_.size() == problems_before) {
      reader.problem("allow_from",
                     "must name at least one network; `enabled: false` turns the API off");
    }
    reader.finish();
  }

  // 0.0.0.0/0 or ::/0
  static bool is_everybody(const IpNetwork& network) {
    return network.prefix_length() == (network.address().is_v4() ? 96U : 0U);
  }

  // A file without its final line breaks; empty when it cannot be used, which has been reported.
  std::string content(const Path& path, std::string_view key, std::string_view file) {
    const std::string absolute = resolve_path(directory_, file);
    std::optional<std::string> text = read_secret_file_(absolute);
    if (!text) {
      problems_.add(Path(path, key), fmt::format("cannot read `{}`", absolute));
      return {};
    }
    while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
    if (text->empty()) problems_.add(Path(path, key), fmt::format("`{}` is empty", absolute));
    return std::move(*text);
  }

  template <typename F>
  void for_each_item(std::string_view section, F f) {
    json::value* list = document_.value.get_object().if_contains(section);
    if (list == nullptr || !list->is_array()) return;
    const Path root;
    const Path list_path(root, section);
    for (std::size_t i = 0; i < list->get_array().size(); ++i) {
      json::object* item = list->get_array()[i].if_object();
      if (item != nullptr) f(*item, Path(list_path, i));
    }
  }

  template <typename F>
  void for_each_nested(std::string_view section, std::string_view key, F f) {
    for_each_item(section, [&](json::object& item, const Path& path) {
      json::value* nested = item.if_contains(key);
      if (nested != nullptr && nested->is_object()) f(nested->get_object(), Path(path, key));
    });
  }

  void replace_by_content(json::object& object, const Path& path, std::string_view file_key,
                          std::string_view key) {
    const json::value* file = json::find(object, file_key);
    if (file == nullptr) return;
    unusable_.insert(Path(path, file_key).pointer());
    if (object.contains(key)) {
      return problems_.add(Path(path, file_key), fmt::format("must not stand beside `{}`", key));
    }
    const std::size_t problems_before = problems_.size();
    std::string text;
    if (file->is_string()) {
      text = content(path, file_key, file->get_string());
    } else {
      problems_.add(Path(path, file_key), "must be text");
    }
    if (problems_.size() != problems_before) {
      unusable_.insert(Path(path, key).pointer());
      return;
    }
    json::object replaced;
    for (const auto& member : object) {
      if (member.key() == file_key) {
        replaced.emplace(key, text);
      } else {
        replaced.emplace(member.key(), member.value());
      }
    }
    object = std::move(replaced);
  }

  std::string_view directory_;
  YamlDocument& document_;
  const ReadSecretFile& read_secret_file_;
  policy::Problems problems_;
  // Pointers of what should have come from a file, and of the keys that name the file.
  std::set<std::string> unusable_;
};

}  // namespace

std::string to_string(const Problem& problem) {
  std::string text = problem.file;
  if (problem.line > 0) text += fmt::format(":{}", problem.line);
  if (!problem.field.empty()) text += fmt::format(": {}", problem.field);
  return fmt::format("{}: {}", text, problem.message);
}

std::expected<File, std::vector<Problem>> parse(std::string_view name, std::string_view directory,
                                                std::string_view text,
                                                decision::SelectorRegistry selectors,
                                                const ReadSecretFile& read_secret_file) {
  std::vector<Problem> problems;
  const auto add = [&](int line, std::string field, std::string message) {
    problems.push_back({std::string(name), line, std::move(field), std::move(message)});
  };
  auto document = parse_yaml(text);
  if (!document) {
    for (YamlProblem& problem : document.error()) {
      add(problem.line, std::move(problem.field), std::move(problem.message));
    }
    return std::unexpected(std::move(problems));
  }
  if (!document->value.is_object()) {
    add(document->lines.line, "",
        document->value.is_null() ? "is empty" : "must be a map of settings");
    return std::unexpected(std::move(problems));
  }

  File file;
  const auto sections = policy::section_keys(policy::Form::Authored);
  for (const auto& member : document->value.get_object()) {
    const bool section =
        std::ranges::find(sections, std::string_view(member.key())) != sections.end();
    (section ? file.has_resources : file.has_settings) = true;
  }
  const auto add_at_place = [&](const policy::Problem& problem) {
    Position position = locate(*document, problem.pointer);
    add(position.line, std::move(position.field), problem.message);
  };
  FileReader reader(directory, *document, read_secret_file);
  reader.read_settings(file.settings);
  reader.resolve_resources();
  for (const policy::Problem& problem : reader.take_problems()) add_at_place(problem);
  if (file.has_resources) {
    // Resources alone are put into a gateway, which may have the secrets already.
    auto resources = policy::read_resources(
        document->value, selectors,
        file.has_settings ? policy::Secrets::Include : policy::Secrets::Omit);
    if (resources) {
      file.resources = std::move(*resources);
    } else {
      for (const policy::Problem& problem : resources.error()) {
        if (!reader.is_reported(problem)) add_at_place(problem);
      }
    }
  }
  if (!problems.empty()) {
    std::stable_sort(problems.begin(), problems.end(),
                     [](const Problem& a, const Problem& b) { return a.line < b.line; });
    return std::unexpected(std::move(problems));
  }
  file.place = [file_name = std::string(name),
                parsed = std::make_shared<const YamlDocument>(std::move(*document))](
                   const policy::Problem& problem) {
    Position position = locate(*parsed, problem.pointer);
    return Problem{file_name, position.line, std::move(position.field), problem.message};
  };
  return file;
}

}  // namespace gatehouse::configuration
