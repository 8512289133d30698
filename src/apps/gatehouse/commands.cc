#include "apps/gatehouse/commands.h"

#include <fmt/format.h>

#include <filesystem>
#include <iostream>
#include <vector>

#include "apps/gatehouse/serve.h"
#include "base/json.h"
#include "configuration/file.h"
#include "dataplane/nginx_config.h"
#include "net/http_client.h"

namespace gatehouse::apps {
namespace {

using configuration::Problem;

int report(const std::vector<Problem>& problems, Output output) {
  if (output == Output::Json) {
    json::array list;
    for (const auto& problem : problems) {
      list.push_back(json::object{{"file", problem.file},
                                  {"line", problem.line},
                                  {"field", problem.field},
                                  {"message", problem.message}});
    }
    std::cout << json::serialize(json::object{{"problems", list}}) << "\n";
  } else {
    for (const auto& problem : problems) std::cerr << configuration::to_string(problem) << "\n";
  }
  return kExitUsage;
}

}  // namespace

std::optional<std::pair<int, json::object>> ask_gateway(const std::string& state_directory,
                                                        net::OutboundRequest request) {
  request.unix_socket = state_directory + "/run/admin.sock";
  request.timeout = std::chrono::seconds(60);
  const auto client = net::make_http_client("");
  const auto response = client->send(request);
  if (!response) {
    std::cerr << "gatehouse: no gateway answers at `" << request.unix_socket
              << "` (is it running, and are you its user?)\n";
    return std::nullopt;
  }
  auto body = json::parse(response->body, {.max_bytes = response->body.size()});
  if (!body || !body->is_object()) {
    std::cerr << "gatehouse: the gateway's answer is not readable\n";
    return std::nullopt;
  }
  return std::pair{response->status, body->get_object()};
}

std::string printable(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return text;
}

int check(const std::string& file, Output output) {
  const auto loaded = load_configuration(file);
  if (!loaded) return report(loaded.error(), output);
  std::vector<Problem> problems;
  const dataplane::Paths paths{"/p", "/n", "/a", "/d", "/m"};
  if (const auto rendered =
          dataplane::render_nginx_config(loaded->settings, loaded->resources, paths, false);
      !rendered) {
    problems.push_back({file, 0, "certificates", rendered.error().message});
  }
  if (!problems.empty()) return report(problems, output);
  const auto& resources = loaded->resources;
  if (output == Output::Json) {
    std::cout << json::serialize(json::object{{"problems", json::array{}}}) << "\n";
  } else {
    std::cout << fmt::format("{}: ok ({} applications, {} login methods, {} posture rules)\n", file,
                             resources.applications.size(), resources.identity_providers.size(),
                             resources.posture_rules.size());
  }
  return kExitOk;
}

int apply(const std::string& file, const std::string& state_directory, Output output) {
  // Checked here first: the messages are the same, and a gateway need not run to see them.
  const auto loaded = load_configuration(file);
  if (!loaded) return report(loaded.error(), output);
  net::OutboundRequest request;
  request.method = "POST";
  request.url = "http://gatehouse/apply";
  request.headers = {{"Content-Type", "application/json"}};
  request.body = json::serialize(
      json::object{{"path", std::filesystem::absolute(file).lexically_normal().string()}});
  const auto answer = ask_gateway(
      state_directory.empty() ? loaded->settings.state_directory : state_directory, request);
  if (!answer) return kExitFailure;
  const auto& [status_code, body] = *answer;
  if (status_code != 200) {
    std::vector<Problem> problems;
    if (const auto* list = json::find_array(body, "problems")) {
      for (const auto& entry : *list) {
        if (!entry.is_object()) continue;
        const auto& problem = entry.get_object();
        const auto text = [&](std::string_view key) {
          return std::string(json::find_string(problem, key).value_or(""));
        };
        problems.push_back({text("file"),
                            static_cast<int>(json::find_int(problem, "line").value_or(0)),
                            text("field"), text("message")});
      }
    }
    if (problems.empty()) problems.push_back({file, 0, "", "the gateway refused it"});
    return report(problems, output);
  }
  if (output == Output::Json) {
    std::cout << json::serialize(body) << "\n";
  } else {
    const bool changed = json::find_bool(body, "changed").value_or(false);
    std::cout << (changed ? "Applied. The next request obeys it.\n"
                          : "Nothing to change: this is what is in force.\n");
    if (const auto* waiting = json::find_array(body, "at_next_start")) {
      for (const auto& setting : *waiting) {
        if (!setting.is_string()) continue;
        std::cout << "Takes effect at the next start: " << std::string_view(setting.get_string())
                  << "\n";
      }
    }
  }
  return kExitOk;
}

int status(const std::string& state_directory, Output output) {
  net::OutboundRequest request;
  request.url = "http://gatehouse/status";
  const auto answer = ask_gateway(state_directory, request);
  if (!answer || answer->first != 200) return kExitFailure;
  const json::object& body = answer->second;
  if (output == Output::Json) {
    std::cout << json::serialize(body) << "\n";
    return kExitOk;
  }
  const auto number = [&](std::string_view key) { return json::find_int(body, key).value_or(0); };
  std::cout << fmt::format(
      "auth domain    {}\napplications   {}\nsessions       {}\nconfiguration  sequence {}\n"
      "nginx          process {}, started again {} time(s)\n",
      json::find_string(body, "issuer").value_or("-"), number("applications"), number("sessions"),
      number("sequence"), number("nginx_pid"), number("nginx_restarts"));
  return kExitOk;
}

}  // namespace gatehouse::apps
