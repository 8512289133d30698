#include "apps/gatehouse/commands.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "apps/gatehouse/serve.h"
#include "base/encoding.h"
#include "base/json.h"
#include "dataplane/nginx_config.h"
#include "net/http_client.h"

namespace gatehouse::apps {

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

std::optional<std::pair<int, json::object>> ask_gateway(const std::string& state_directory,
                                                        net::OutboundRequest request) {
  request.unix_socket = state_directory + "/run/admin.sock";
  request.timeout = std::max<std::chrono::milliseconds>(request.timeout, std::chrono::minutes(1));
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

void print_table(std::vector<std::vector<std::string>> rows) {
  std::vector<std::size_t> widths(rows.empty() ? 0 : rows.front().size());
  for (auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      row[i] = printable(row[i]);
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += fmt::format("{:<{}}  ", row[i], widths[i]);
    std::cout << trim(line) << "\n";
  }
}

bool confirmed(std::string_view question) {
  if (::isatty(STDIN_FILENO) == 0) return false;
  std::cerr << question << " [y/N] " << std::flush;
  std::string said;
  std::getline(std::cin, said);
  return ascii_iequals(trim(said), "y") || ascii_iequals(trim(said), "yes");
}

int unconfirmed() {
  std::cerr << "gatehouse: not confirmed, nothing was changed; --yes does it without asking\n";
  return kExitUnconfirmed;
}

int check(const std::string& file, Output output) {
  const auto loaded = load_configuration(file);
  if (!loaded) return report(loaded.error(), output);
  // A file without settings goes by those of the gateway that it is applied to.
  if (loaded->has_settings && loaded->has_resources) {
    const dataplane::Paths paths{"/p", "/n", "/a", "/d", "/m", "/i"};
    if (const auto rendered =
            dataplane::render_nginx_config(loaded->settings, loaded->resources, paths, false);
        !rendered) {
      return report({{file, 0, "certificates", rendered.error().message}}, output);
    }
  }
  const auto& resources = loaded->resources;
  if (output == Output::Json) {
    std::cout << json::serialize(json::object{{"problems", json::array{}}}) << "\n";
  } else if (!loaded->has_resources) {
    std::cout << file << ": ok (settings only)\n";
  } else {
    std::cout << fmt::format("{}: ok ({} applications, {} login methods, {} posture rules)\n", file,
                             resources.applications.size(), resources.identity_providers.size(),
                             resources.posture_rules.size());
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
