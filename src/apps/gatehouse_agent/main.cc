// gatehouse-agent: the device agent's command line. docs/reference/agent.md
#include <fmt/format.h>
#include <pthread.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>

#include "agent/collector.h"
#include "agent/service.h"
#include "agent/state.h"
#include "base/json.h"
#include "platform/clock.h"
#include "platform/random.h"

namespace {

using namespace gatehouse;

enum ExitCode : int { kOk = 0, kFailure = 1, kUsage = 2 };

constexpr std::string_view kFooter =
    "Exit codes: 0 success, 1 failure (the message says why), 2 wrong usage.";

struct Options {
  std::string state;
  std::vector<std::string> origins;
  std::uint16_t port = agent::kDefaultPort;
  std::string managed;
  std::string last_checkin;
  std::string output = "text";
};

int fail(ExitCode code, std::string_view message) {
  fmt::print(stderr, "gatehouse-agent: {}\n", message);
  return code;
}

int init(const Options& options) {
  std::vector<std::string> origins;
  for (const std::string& given : options.origins) {
    auto origin = agent::canonical_origin(given);
    if (!origin) {
      return fail(kUsage, fmt::format("--origin `{}` must be an origin such as "
                                      "`https://auth.example.com` or "
                                      "`https://auth.example.com:8443`",
                                      given));
    }
    if (std::find(origins.begin(), origins.end(), *origin) == origins.end()) {
      origins.push_back(std::move(*origin));
    }
  }
  if (origins.size() > agent::kMaxOrigins) {
    return fail(kUsage, fmt::format("at most {} origins", agent::kMaxOrigins));
  }
  const auto state = agent::initialize(options.state, origins);
  if (!state) return fail(kFailure, state.error().message);
  fmt::print("device {}\n", state->device_id);
  return kOk;
}

int public_key(const Options& options) {
  const auto key = agent::load_device_key(options.state);
  if (!key) return fail(kFailure, key.error().message);
  fmt::print("{}", key->public_key().to_spki_pem());
  return kOk;
}

int set(const Options& options) {
  auto state = agent::load_state(options.state);
  if (!state) return fail(kFailure, state.error().message);
  if (!options.managed.empty()) state->managed = options.managed == "true";
  if (!options.last_checkin.empty()) {
    const auto last_checkin = agent::parse_last_checkin(options.last_checkin, system_now());
    if (!last_checkin) {
      return fail(kUsage, fmt::format("--last-checkin `{}` must be `now`, an instant such as "
                                      "`2026-01-02T03:04:05Z`, or an age such as `8d-ago`",
                                      options.last_checkin));
    }
    state->last_checkin = *last_checkin;
  }
  const auto saved = agent::save_state(options.state, *state);
  return saved ? kOk : fail(kFailure, saved.error().message);
}

int status(const Options& options) {
  const auto state = agent::load_state(options.state);
  if (!state) return fail(kFailure, state.error().message);
  const auto key = agent::load_device_key(options.state);
  if (!key) return fail(kFailure, key.error().message);
  const std::string last_checkin =
      state->last_checkin ? format_rfc3339(*state->last_checkin) : "now";
  if (options.output == "json") {
    json::array origins;
    for (const std::string& origin : state->allowed_origins) origins.emplace_back(origin);
    fmt::print("{}\n", json::serialize(json::object{{"device_id", state->device_id},
                                                    {"issuer", state->issuer},
                                                    {"key_id", key->public_key().thumbprint()},
                                                    {"allowed_origins", std::move(origins)},
                                                    {"managed", state->managed},
                                                    {"last_checkin", last_checkin}}));
    return kOk;
  }
  fmt::print("device          {}\nkey             {}\nmanaged         {}\nlast check-in   {}\n",
             state->device_id, key->public_key().thumbprint(), state->managed ? "yes" : "no",
             last_checkin);
  for (const std::string& origin : state->allowed_origins) {
    fmt::print("allowed origin  {}\n", origin);
  }
  return kOk;
}

int run(const Options& options) {
  // Before any thread exists, so that all inherit it and only sigwait below sees the signals.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  auto key = agent::load_device_key(options.state);
  if (!key) return fail(kFailure, key.error().message);
  if (const auto state = agent::load_state(options.state); !state) {
    return fail(kFailure, state.error().message);
  }
  agent::Attester attester{{std::move(*key), [&] { return agent::load_state(options.state); },
                            agent::collect_device, random_uuid,
                            [](const agent::AgentError& error) {
                              fmt::print(stderr, "gatehouse-agent: {}\n", error.message);
                            }}};
  const auto service = agent::Service::start({.port = options.port}, attester, system_now);
  if (!service) return fail(kFailure, service.error().message);
  if (!(*service)->has_ipv6()) {
    fmt::print(stderr, "gatehouse-agent: not listening on `[::1]:{}`, only on 127.0.0.1\n",
               (*service)->port());
  }
  fmt::print("ready http://127.0.0.1:{}\n", (*service)->port());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&signals, &signal);
  return kOk;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"Answers the sign-in page of your gateway about this device's posture.",
               "gatehouse-agent"};
  app.footer(std::string(kFooter));
  app.require_subcommand(1);
  const auto command = [&](const char* name, const char* description) {
    CLI::App* made = app.add_subcommand(name, description);
    made->footer(std::string(kFooter));
    made->add_option("--state", options.state, "directory with agent.json and device-key.pem")
        ->required()
        ->type_name("DIR");
    return made;
  };

  CLI::App* init_command =
      command("init", "Make the device key and agent.json; again: replace the allowed origins");
  init_command
      ->add_option("--origin", options.origins,
                   "origin of a gateway's sign-in pages, https; may be repeated")
      ->required()
      ->type_name("URL");
  CLI::App* run_command = command("run", "Answer on 127.0.0.1 and ::1 until SIGTERM or SIGINT");
  run_command->add_option("--port", options.port, "port; 0: any free one")->capture_default_str();
  CLI::App* set_command =
      command("set", "Change what is reported; a running agent follows at once");
  CLI::Option* managed =
      set_command->add_option("--managed", options.managed, "whether the device is managed")
          ->check(CLI::IsMember({"true", "false"}));
  CLI::Option* last_checkin = set_command->add_option(
      "--last-checkin", options.last_checkin, "now, an RFC 3339 instant, or an age: 8d-ago");
  CLI::App* status_command = command("status", "Show what would be reported, and to whom");
  status_command->add_option("--output", options.output, "format")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  CLI::App* public_key_command =
      command("public-key", "Print the key for the gateway's integration (public_certificate)");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kOk : kUsage;
  }
  if (init_command->parsed()) return init(options);
  if (run_command->parsed()) return run(options);
  if (status_command->parsed()) return status(options);
  if (public_key_command->parsed()) return public_key(options);
  if (managed->count() + last_checkin->count() == 0) {
    return fail(kUsage, "set needs --managed or --last-checkin");
  }
  return set(options);
}
