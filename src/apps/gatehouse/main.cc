// gatehouse: the command line. Exit codes: 0 done, 1 it did not work, 2 the command line or the
// configuration is wrong.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>

#include "apps/gatehouse/commands.h"
#include "apps/gatehouse/demo.h"
#include "apps/gatehouse/serve.h"

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
  return status(status_state, form);
}
