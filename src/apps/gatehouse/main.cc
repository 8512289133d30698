// gatehouse: the command line. Exit codes: 0 done, 1 it did not work, 2 the command line or the
// configuration is wrong, 3 not confirmed or not signed in.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <iostream>

#include "apps/gatehouse/access_cli.h"
#include "apps/gatehouse/apply.h"
#include "apps/gatehouse/backup.h"
#include "apps/gatehouse/commands.h"
#include "apps/gatehouse/demo.h"
#include "apps/gatehouse/explain.h"
#include "apps/gatehouse/export.h"
#include "apps/gatehouse/init.h"
#include "apps/gatehouse/keys.h"
#include "apps/gatehouse/revoke.h"
#include "apps/gatehouse/serve.h"
#include "apps/gatehouse/sessions.h"
#include "apps/gatehouse/tokens.h"

int main(int argc, char** argv) {
  using namespace gatehouse::apps;
  CLI::App app{"Gatehouse: an access gateway for web applications"};
  app.name("gatehouse");
  app.set_version_flag("--version", GATEHOUSE_VERSION);
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 done, 1 it did not work, 2 the command line or the configuration is wrong, "
      "3 not confirmed or not signed in.");

  std::string file;
  std::string status_state = "/var/lib/gatehouse";
  std::string output = "text";
  DemoOptions demo_options;
  demo_options.state_directory = default_demo_directory();
  bool stop = false;

  const auto add_output = [&](CLI::App* command) {
    command->add_option("--output", output, "text, or json for programs")
        ->check(CLI::IsMember({"text", "json"}))
        ->capture_default_str();
  };
  InitArguments installing;
  auto* init_command = app.add_subcommand(
      "init", "Make what a first installation needs: configuration, store, keys, an API token");
  init_command->add_option("file", installing.file, "configuration file")->capture_default_str();
  init_command->add_option("--auth-domain", installing.auth_domain,
                           "host name of the sign-in pages");
  init_command->add_option("--name", installing.name,
                           "name of the organization; default: the auth domain");
  init_command->add_option("--certificate", installing.certificate,
                           "TLS certificate of the auth domain, PEM");
  init_command->add_option("--key", installing.key, "its key, PEM");
  init_command
      ->add_option("--state-directory", installing.state_directory,
                   "where the gateway keeps its files")
      ->capture_default_str();
  init_command->add_option("--store", installing.store,
                           "URL of the store; default: SQLite in the state directory");
  init_command->add_option("--listen", installing.listen, "address and https port")
      ->capture_default_str();
  init_command->add_option("--http-port", installing.http_port, "port that leads to https; 0: none")
      ->capture_default_str();
  init_command->add_option("--dashboard", installing.dashboard, "host name of the dashboard");
  init_command
      ->add_option("--administrator", installing.administrators,
                   "email address of somebody who may do everything there")
      ->expected(1)
      ->take_all();
  init_command->add_flag("--new-token", installing.new_token,
                         "make another API token of an administrator");
  add_output(init_command);

  auto* serve_command = app.add_subcommand(
      "serve",
      "Run the gateway: nginx, sign-in, device checks. SIGHUP reads the configuration again");
  serve_command->add_option("--config", file, "configuration file")->required();

  auto* demo_command = app.add_subcommand(
      "demo", "Run a complete gateway on this machine, with an application and a device agent");
  demo_command
      ->add_option("--state", demo_options.state_directory, "where the demo keeps its files")
      ->capture_default_str();
  demo_command->add_option("--port", demo_options.https_port, "https port")->capture_default_str();
  demo_command->add_option("--agent-port", demo_options.agent_port, "port of the device agent")
      ->capture_default_str();
  demo_command->add_flag("--detach", demo_options.detach, "leave it running in the background");
  demo_command->add_flag("--stop", stop, "end the demo that runs in the background");

  auto* check_command = app.add_subcommand("check", "Validate a configuration file");
  check_command->add_option("file", file, "configuration file")->required();
  add_output(check_command);

  ApplyArguments applying;
  auto* apply_command = app.add_subcommand(
      "apply",
      "Show what a configuration file changes in the running gateway, and put it in force");
  apply_command->add_option("file", applying.file, "configuration file")->required();
  apply_command->add_option("--state", applying.state_directory,
                            "state directory of the gateway; default: the file's");
  apply_command->add_flag("--yes", applying.yes, "do not ask");
  apply_command->add_flag("--prune", applying.prune,
                          "also remove what was made through the API and is not in the file");
  add_output(apply_command);

  ExportArguments exporting;
  auto* export_command =
      app.add_subcommand("export", "Write everything in force as a configuration file");
  export_command->add_option("--output-file", exporting.output_file, "file; default: stdout");
  export_command->add_flag("--with-secrets", exporting.with_secrets,
                           "write the secrets of login methods and device checks too");
  exporting.state_directory = status_state;
  export_command->add_option("--state", exporting.state_directory, "state directory of the gateway")
      ->capture_default_str();

  BackupArguments backing_up;
  const auto add_backup_options = [&](CLI::App* command) {
    command->add_option("file", backing_up.file, "backup file")->required();
    command->add_option("--state", backing_up.state_directory,
                        "state directory of the gateway; default: that of --config, else "
                        "/var/lib/gatehouse");
    command->add_option("--config", backing_up.configuration_file,
                        "configuration file, whose store is used when no gateway runs");
  };
  auto* backup_command = app.add_subcommand(
      "backup", "Write all that the gateway has stored to a file, while it runs or not");
  add_backup_options(backup_command);
  backup_command->add_flag("--with-master-key", backing_up.with_master_key,
                           "write the key that opens the stored secrets too");
  add_output(backup_command);
  auto* restore_command =
      app.add_subcommand("restore", "Replace all that the gateway has stored by a backup");
  add_backup_options(restore_command);
  restore_command->add_flag("--yes", backing_up.yes, "do not ask");
  add_output(restore_command);

  auto* status_command = app.add_subcommand("status", "Show what the running gateway does");
  status_command->add_option("--state", status_state, "state directory of the gateway")
      ->capture_default_str();
  add_output(status_command);

  Question question;
  std::string explain_file;
  std::string explain_state;
  auto* explain_command =
      app.add_subcommand("explain", "Say which decision somebody would get, and why");
  const auto add_text = [&](const char* name, std::string& into, const char* about) {
    return explain_command->add_option(name, into, about);
  };
  const auto add_texts = [&](const char* name, std::vector<std::string>& into, const char* about) {
    explain_command->add_option(name, into, about)->expected(1)->take_all();
  };
  add_text("--app", question.application, "name, id or domain[/path] of an application")
      ->required();
  add_text("--config", explain_file, "configuration file to ask");
  add_text("--state", explain_state, "instead: state directory of a running gateway to ask");
  add_text("--user", question.user, "address of who is signed in; without: nobody is");
  add_text("--login-method", question.login_method, "how; default: the first that is allowed");
  add_texts("--group", question.groups, "group of the user; of GitHub: organization[/team]");
  add_texts("--claim", question.claims, "claim or SAML attribute, NAME=VALUE");
  add_texts("--auth-method", question.auth_methods, "authentication method such as mfa");
  add_texts("--auth-context", question.auth_contexts, "authentication context such as c1");
  add_texts("--posture", question.posture,
            "RULE or INTEGRATION, then =managed,checkin=2h,age=5m,patched,score=12");
  add_text("--evaluation", question.evaluation, "what external evaluators say: success or refused");
  explain_command->add_flag("--purpose", question.purpose, "a purpose was stated");
  add_text("--session", question.session,
           "with --state: nonce of a live session, instead of all that");
  add_text("--ip", question.address, "address of the client");
  add_text("--country", question.country,
           "its country, such as DE; default: what country_database says");
  add_text("--service-token", question.service_token, "name, id or client id");
  add_text("--certificate", question.certificate, "common name of a valid client certificate");
  explain_command->add_flag("--preflight", question.preflight, "the request is a CORS preflight");
  add_text("--at", question.at, "when, RFC 3339; default: now");
  add_output(explain_command);
  explain_command->footer(app.get_footer() + R"(

Examples:
  gatehouse explain --app Wiki --config gatehouse.yaml --user alice@example.com
  gatehouse explain --app wiki.example.com/admin --state /var/lib/gatehouse \
    --user alice@example.com --ip 192.0.2.7 --posture "Managed laptop=managed,checkin=2h"
  gatehouse explain --app Wiki --state /var/lib/gatehouse --session NONCE --output json)");

  std::string user;
  auto* sessions_command = app.add_subcommand("sessions", "List who is signed in");
  sessions_command->add_option("--user", user, "only those of this e-mail address or user id");
  sessions_command->add_option("--state", status_state, "state directory of the gateway")
      ->capture_default_str();
  add_output(sessions_command);

  RevokeArguments revocation;
  auto* revoke_command = app.add_subcommand(
      "revoke", "End a session, a user's sessions, a device, an application's tokens or one token");
  revoke_command->add_option("--session", revocation.session, "nonce of a session");
  revoke_command->add_option("--user", revocation.user, "e-mail address or user id");
  revoke_command->add_option("--device", revocation.device, "device id; it stays barred");
  revoke_command->add_option("--application", revocation.application, "id, aud, name or domain");
  revoke_command->add_option("--token", revocation.token,
                             "application token or its jti; - reads it from stdin");
  revoke_command->add_flag("--restore", revocation.restore, "accept the device again");
  revoke_command->add_option("--state", status_state, "state directory of the gateway")
      ->capture_default_str();
  add_output(revoke_command);

  std::string keys_action = "list";
  auto* keys_command =
      app.add_subcommand("keys", "List the signing keys, rotate them, or replace the master key");
  keys_command->add_option("action", keys_action, "list, rotate or rotate-master")
      ->check(CLI::IsMember({"list", "rotate", "rotate-master"}))
      ->capture_default_str();
  keys_command->add_option("--state", status_state, "state directory of the gateway")
      ->capture_default_str();
  add_output(keys_command);

  TokenArguments token;
  token.role = "administrator";
  auto* tokens_command = app.add_subcommand("tokens", "List, create or revoke API tokens");
  tokens_command->add_option("action", token.action, "list, create or revoke")
      ->check(CLI::IsMember({"list", "create", "revoke"}))
      ->capture_default_str();
  tokens_command->add_option("--name", token.name, "name of the token; of revoke also its id");
  tokens_command->add_option("--role", token.role, "administrator, read_only or help_desk")
      ->check(CLI::IsMember({"administrator", "read_only", "help_desk"}))
      ->capture_default_str();
  tokens_command
      ->add_option("--scope", token.scopes, "family such as access/apps; default: all of the role")
      ->expected(1)
      ->take_all();
  tokens_command->add_option("--lifetime", token.lifetime,
                             "duration such as 720h; default: until it is revoked");
  tokens_command->add_option("--state", status_state, "state directory of the gateway")
      ->capture_default_str();
  add_output(tokens_command);

  AccessArguments accessing;
  auto* access_command = app.add_subcommand(
      "access", "Open applications behind a gateway from the command line, after a sign-in");
  access_command->add_option("action", accessing.action, "login, token or curl")
      ->required()
      ->check(CLI::IsMember({"login", "token", "curl"}));
  access_command->add_option("url", accessing.url, "https address of the application")->required();
  access_command->add_option("--ca-file", accessing.ca_file,
                             "certificates to trust besides the system's, PEM");
  access_command->add_option("--resolve", accessing.resolve,
                             "HOST:PORT:ADDRESS: where that host is");
  add_output(access_command);

  std::vector<std::string> arguments(argv + 1, argv + argc);
  accessing.curl_arguments = take_curl_arguments(arguments);
  std::ranges::reverse(arguments);  // as the parser takes them
  try {
    app.parse(arguments);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  const Output form = output == "json" ? Output::Json : Output::Text;
  if (init_command->parsed()) return init(installing, form);
  if (access_command->parsed()) return access(accessing, form);
  if (keys_command->parsed()) return keys(keys_action, status_state, form);
  if (tokens_command->parsed()) return tokens(token, status_state, form);
  if (serve_command->parsed())
    return serve({.configuration_file = file, .pin_delivery = {}, .on_ready = {}});
  if (demo_command->parsed()) {
    demo_options.state_directory =
        std::filesystem::absolute(demo_options.state_directory).lexically_normal().string();
    return stop ? stop_demo(demo_options.state_directory) : run_demo(demo_options);
  }
  if (check_command->parsed()) return check(file, form);
  if (apply_command->parsed()) return apply(applying, form);
  if (export_command->parsed()) return export_resources(exporting);
  if (backup_command->parsed()) return backup(backing_up, form);
  if (restore_command->parsed()) return restore(backing_up, form);
  if (explain_command->parsed()) return explain(question, explain_file, explain_state, form);
  if (sessions_command->parsed()) return sessions(user, status_state, form);
  if (revoke_command->parsed()) return revoke(revocation, status_state, form);
  return status(status_state, form);
}
