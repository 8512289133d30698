#include "apps/gatehouse/init.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <expected>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string_view>
#include <vector>

#include "apps/gatehouse/serve.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/try.h"
#include "configuration/yaml_writer.h"
#include "controlplane/api_token.h"
#include "controlplane/audit.h"
#include "controlplane/vault.h"
#include "platform/clock.h"
#include "platform/file.h"
#include "platform/random.h"
#include "selectors/registry.h"
#include "storage/store.h"

namespace gatehouse::apps {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kActor = "gatehouse init";
constexpr std::string_view kFirstToken = "administrator";

int fail(std::string_view message, int code = kExitFailure) {
  std::cerr << "gatehouse: " << message << "\n";
  return code;
}

struct Needed {
  const char* option;
  const char* question;
  std::string InitArguments::* argument;
};
constexpr std::array kNeeded{
    Needed{"--auth-domain", "Host name of the sign-in pages, such as auth.example.com",
           &InitArguments::auth_domain},
    Needed{"--certificate", "File of the TLS certificate for it (PEM)",
           &InitArguments::certificate},
    Needed{"--key", "File of the certificate's key (PEM)", &InitArguments::key},
};

constexpr std::string_view kNoDashboard = "none";

std::string ask(std::string_view question) {
  std::cerr << question << ": " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return std::string(trim(answer));
}

// Beside the auth domain: dash.example.com for auth.example.com.
std::string usual_dashboard(const std::string& auth_domain) {
  const std::size_t dot = auth_domain.find('.');
  return "dash" + (dot == std::string::npos ? "." + auth_domain : auth_domain.substr(dot));
}

void ask_for_dashboard(InitArguments& arguments) {
  if (arguments.dashboard.empty()) {
    const std::string usual = usual_dashboard(arguments.auth_domain);
    arguments.dashboard =
        ask(fmt::format("Host name of the dashboard, or {} [{}]", kNoDashboard, usual));
    if (arguments.dashboard.empty()) arguments.dashboard = usual;
    if (arguments.dashboard == kNoDashboard) arguments.dashboard.clear();
  }
  if (arguments.dashboard.empty() || !arguments.administrators.empty()) return;
  std::string address = ask("Email address of an administrator");
  if (!address.empty()) arguments.administrators.push_back(std::move(address));
}

// False: the message has been printed.
bool complete(InitArguments& arguments) {
  const bool asks = ::isatty(STDIN_FILENO) != 0;
  std::string missing;
  const auto miss = [&](std::string_view option) {
    missing += fmt::format("{}{}", missing.empty() ? "" : ", ", option);
  };
  for (const auto& [option, question, argument] : kNeeded) {
    std::string& value = arguments.*argument;
    if (value.empty() && asks) value = ask(question);
    if (value.empty()) miss(option);
  }
  if (asks && missing.empty()) ask_for_dashboard(arguments);
  if (!arguments.dashboard.empty() && arguments.administrators.empty()) miss("--administrator");
  if (arguments.dashboard.empty() && !arguments.administrators.empty()) miss("--dashboard");
  if (missing.empty()) return true;
  std::cerr << "gatehouse: `" << arguments.file << "` is not there yet, and to write it takes "
            << missing << "\n";
  return false;
}

std::string absolute(const std::string& path) {
  return fs::absolute(path).lexically_normal().string();
}

// `key: value`, indented; whatever is in the value.
template <typename T>
std::string line(std::string_view key, const T& value, int indent = 0) {
  return std::string(static_cast<std::size_t>(indent), ' ') +
         configuration::write_yaml(json::object{{key, value}});
}

std::string dashboard_text(const InitArguments& arguments) {
  json::array people;
  for (const auto& address : arguments.administrators)
    people.emplace_back(json::object{{"email", json::object{{"email", address}}}});
  const json::object policy{{"name", "Administrators"},
                            {"decision", "allow"},
                            {"dashboard_role", "administrator"},
                            {"include", std::move(people)}};
  const json::object application{{"name", "Dashboard"},
                                 {"type", "dash_sso"},
                                 {"domain", arguments.dashboard},
                                 {"session_duration", "8h"},
                                 {"policies", json::array{policy}}};
  const json::object method{{"name", "One-time PIN"}, {"type", "onetimepin"}};
  return "\n# How people sign in: a code that is mailed to them.\n" +
         configuration::write_yaml(json::object{{"identity_providers", json::array{method}}}) +
         "\n# The dashboard, and who may do what there: docs/guides/dashboard.md.\n" +
         configuration::write_yaml(json::object{{"applications", json::array{application}}});
}

std::expected<std::string, std::string> configuration_text(const InitArguments& arguments) {
  const std::size_t colon = arguments.listen.rfind(':');
  const std::string_view listen = arguments.listen;
  std::uint16_t port = 0;
  const std::string_view digits = colon == std::string::npos ? listen : listen.substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size() || port == 0)
    return std::unexpected("--listen: must be ADDRESS:PORT or PORT, such as `0.0.0.0:443`");
  std::string_view address = colon == std::string::npos ? "0.0.0.0" : listen.substr(0, colon);
  if (address.starts_with('[') && address.ends_with(']'))
    address = address.substr(1, address.size() - 2);
  for (const auto& [option, question, argument] : kNeeded) {
    if (argument == &InitArguments::auth_domain) continue;
    if (const auto read = read_file(arguments.*argument); !read)
      return std::unexpected(fmt::format("{}: {}", option, read.error().message));
  }

  std::string text =
      "# Gatehouse: the settings of this node, and what its files say about the resources. Every\n"
      "# key: docs/reference/configuration.md. `gatehouse check` looks this file through, and\n"
      "# `gatehouse apply` puts it in force.\n\n"
      "# Who you are, and where people sign in.\n"
      "organization:\n";
  text += line("name", arguments.name.empty() ? arguments.auth_domain : arguments.name, 2);
  text += line("auth_domain", arguments.auth_domain, 2);
  text +=
      "\n# TLS, for the auth domain and every host of an application; one entry a certificate.\n"
      "certificates:\n";
  json::array hosts{arguments.auth_domain};
  if (!arguments.dashboard.empty()) hosts.emplace_back(arguments.dashboard);
  text += "  - hosts: " + json::serialize(hosts) + "\n";
  text += line("certificate_file", absolute(arguments.certificate), 4);
  text += line("key_file", absolute(arguments.key), 4);
  text += "\n# http_port only leads to https; 0: none.\nlisten:\n";
  text += line("address", address, 2) + line("https_port", port, 2) +
          line("http_port", arguments.http_port, 2);
  text += "\n# Keys, sockets, logs, and the store unless it is elsewhere.\n" +
          line("state_directory", absolute(arguments.state_directory));
  text += arguments.store.empty() ? "# store: postgresql://gatehouse@db.example.com/gatehouse\n"
                                  : line("store", arguments.store);
  text +=
      "\n# Whose requests the administration API answers, on the auth domain.\n"
      "api:\n"
      "  enabled: true\n"
      "  allow_from: [127.0.0.0/8, \"::1\"]\n"
      "\n# Needed for sign-in by a code that is mailed.\n"
      "# smtp:\n"
      "#   host: smtp.example.com\n"
      "#   from: Example access <access@example.com>\n"
      "#   username: access\n"
      "#   password_file: secrets/smtp\n";
  if (!arguments.dashboard.empty()) text += dashboard_text(arguments);
  text +=
      "\n# Login methods, applications and policies are made through the API, or stand here:\n"
      "# docs/guides/first-application.md.\n";
  return text;
}

// What stands there already, or what has been written now; nullopt: reported, `code` says how.
std::optional<configuration::File> configuration_of(InitArguments& arguments, Output output,
                                                    std::vector<std::string>& created, int& code) {
  code = kExitUsage;
  std::error_code ignored;
  if (!fs::exists(arguments.file, ignored)) {
    if (!complete(arguments)) return std::nullopt;
    const auto text = configuration_text(arguments);
    if (!text) {
      code = fail(text.error(), kExitUsage);
      return std::nullopt;
    }
    // Not written before it is right: the file that is there decides what a second run does.
    const auto parsed = configuration::parse(
        arguments.file, fs::path(absolute(arguments.file)).parent_path().string(), *text,
        selectors::registry(), [](const std::string&) { return std::nullopt; });
    if (!parsed) {
      code = report(parsed.error(), output);
      return std::nullopt;
    }
    const fs::path folder = fs::path(absolute(arguments.file)).parent_path();
    std::error_code error;
    fs::create_directories(folder, error);
    // Not for everybody: the store's URL may hold a password.
    const auto written = write_file_atomically(arguments.file, *text, 0600);
    if (!written) {
      code = fail(written.error().message);
      return std::nullopt;
    }
    created.emplace_back("configuration_file");
  }
  auto file = load_configuration(arguments.file);
  if (!file) {
    code = report(file.error(), output);
    return std::nullopt;
  }
  return std::move(*file);
}

struct Installed {
  std::string account_id;
  std::optional<controlplane::IssuedApiToken> token;
};

// As `gatehouse serve` has them; it may be running.
std::expected<Installed, std::string> install(const configuration::Settings& settings,
                                              bool new_token, std::vector<std::string>& created) {
  const auto said =
      []<typename T, typename E>(std::expected<T, E> result) -> std::expected<T, std::string> {
    if (!result) return std::unexpected(result.error().message);
    if constexpr (std::is_void_v<T>)
      return {};
    else
      return std::move(*result);
  };
  const fs::path state = settings.state_directory;
  GATEHOUSE_TRY_VOID(said(make_directory(state, 0711)));
  GATEHOUSE_TRY_VOID(said(make_directory(state / "keys", 0700)));
  const auto store = GATEHOUSE_TRY(said(storage::open_store(store_url(settings))));
  const Instant now = system_now();
  if (GATEHOUSE_TRY(said(store->signing_keys())).empty()) created.emplace_back("keys");
  GATEHOUSE_TRY(said(controlplane::Vault::open(state / "keys", *store, now)));
  Installed installed;
  installed.account_id = GATEHOUSE_TRY(said(controlplane::account_id(*store)));
  const auto tokens = GATEHOUSE_TRY(said(store->api_tokens()));
  if (!tokens.empty() && !new_token) return installed;
  controlplane::NewApiToken wanted;
  wanted.role = storage::Role::Administrator;
  wanted.name =
      tokens.empty() ? std::string(kFirstToken) : fmt::format("{} {}", kFirstToken, random_hex(4));
  auto issued = controlplane::issue_api_token(*store, wanted, std::string(kActor), now);
  if (!issued) return std::unexpected(std::string(controlplane::to_string(issued.error())));
  created.emplace_back("token");
  storage::AuditEvent event;
  event.at = now;
  event.event = controlplane::audit_event::kApiTokenIssued;
  event.actor = kActor;
  event.details = {{"id", issued->token.id}, {"name", wanted.name}};
  GATEHOUSE_TRY_VOID(said(store->append_audit(event)));
  installed.token = std::move(*issued);
  return installed;
}

// Where the dashboard is, by the file; empty: it has none.
std::string dashboard_url(const configuration::File& file) {
  const auto& listen = file.settings.listen;
  const int port = listen.public_https_port != 0 ? listen.public_https_port : listen.https_port;
  for (const auto& application : file.resources.applications) {
    if (application.type != model::ApplicationType::Dashboard) continue;
    return fmt::format("https://{}{}/", application.domains.front(),
                       port == 443 ? "" : fmt::format(":{}", port));
  }
  return {};
}

}  // namespace

int init(InitArguments arguments, Output output) {
  std::vector<std::string> created;
  int code = kExitOk;
  const auto file = configuration_of(arguments, output, created, code);
  if (!file) return code;
  const auto installed = install(file->settings, arguments.new_token, created);
  if (!installed) return fail(installed.error());
  const auto& token = installed->token;
  const std::string dashboard = dashboard_url(*file);
  if (output == Output::Json) {
    json::array made;
    for (const auto& one : created) made.emplace_back(one);
    json::value issued;
    if (token)
      issued = {{"id", token->token.id}, {"name", token->token.name}, {"secret", token->secret}};
    std::cout << json::serialize(
                     json::object{{"configuration_file", absolute(arguments.file)},
                                  {"state_directory", file->settings.state_directory},
                                  {"account_id", installed->account_id},
                                  {"created", std::move(made)},
                                  {"dashboard", dashboard.empty() ? json::value(nullptr)
                                                                  : json::value(dashboard)},
                                  {"token", std::move(issued)}})
              << "\n";
    return kExitOk;
  }
  const auto state_of = [&](std::string_view what) {
    return std::ranges::find(created, what) == created.end() ? "there already" : "made";
  };
  std::cout << fmt::format("configuration  {}: {}\nkeys           {}/keys: {}\naccount        {}\n",
                           absolute(arguments.file), state_of("configuration_file"),
                           file->settings.state_directory, state_of("keys"), installed->account_id);
  if (token)
    std::cout << fmt::format(
        "\nAPI token of an administrator, `{}`. It is shown this once:\n\n  {}\n",
        token->token.name, token->secret);
  else
    std::cout << "token          there already; --new-token makes another one\n";
  if (!dashboard.empty()) {
    std::cout << fmt::format("\nThe dashboard will be at {}{}\n", dashboard,
                             file->settings.smtp.host.empty()
                                 ? "\nIts one-time codes are mailed: write `smtp` in the "
                                   "configuration first."
                                 : "");
  }
  std::cout << fmt::format("\nNext: gatehouse serve --config {}\n", absolute(arguments.file));
  return kExitOk;
}

}  // namespace gatehouse::apps
