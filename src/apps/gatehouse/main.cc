// gatehouse: the command line. Exit codes: 0 done, 1 it did not work, 2 the command line or the
// configuration is wrong.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>

#include "apps/gatehouse/commands.h"
#include "apps/gatehouse/demo.h"
#include "apps/gatehouse/explain.h"
#include "apps/gatehouse/revoke.h"
#include "apps/gatehouse/serve.h"
#include "apps/gatehouse/sessions.h"

int main(int argc, char** argv) {
  using namespace gatehouse::apps;
  CLI::App app{"Gatehouse: an access gateway for web applications"};
  app.name("gatehouse");
  app.set_version_flag("--version", GATEHOUSE_VERSION);
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 done, 1 it did not work, 2 the command line or the configuration is wrong.");

  std::string file;
  std::string apply_state;
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

  auto* apply_command =
      app.add_subcommand("apply", "Put a configuration file in force in the running gateway");
  apply_command->add_option("file", file, "configuration file")->required();
  apply_command->add_option("--state", apply_state,
                            "state directory of the gateway; default: the file's");
  add_output(apply_command);

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

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  const Output form = output == "json" ? Output::Json : Output::Text;
  if (serve_command->parsed())
    return serve({.configuration_file = file, .pin_delivery = {}, .on_ready = {}});
  if (demo_command->parsed()) {
    demo_options.state_directory =
        std::filesystem::absolute(demo_options.state_directory).lexically_normal().string();
    return stop ? stop_demo(demo_options.state_directory) : run_demo(demo_options);
  }
  if (check_command->parsed()) return check(file, form);
  if (apply_command->parsed()) return apply(file, apply_state, form);
  if (explain_command->parsed()) return explain(question, explain_file, explain_state, form);
  if (sessions_command->parsed()) return sessions(user, status_state, form);
  if (revoke_command->parsed()) return revoke(revocation, status_state, form);
  return status(status_state, form);
}
