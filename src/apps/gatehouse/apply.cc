#include "apps/gatehouse/apply.h"

#include <fmt/format.h>

#include <expected>
#include <filesystem>
#include <iostream>
#include <vector>

#include "apps/gatehouse/node.h"
#include "apps/gatehouse/serve.h"
#include "base/json.h"

namespace gatehouse::apps {
namespace {

using configuration::Problem;
using controlplane::PlannedChange;

// The resource stays as it is; from now on it is the file's.
bool is_taken_over(const PlannedChange& change) {
  return change.what == PlannedChange::What::Change && change.fields.empty();
}

std::string_view what_of(const PlannedChange& change) {
  switch (change.what) {
    case PlannedChange::What::Add:
      return "add";
    case PlannedChange::What::Remove:
      return "remove";
    case PlannedChange::What::Change:
      break;
  }
  return is_taken_over(change) ? "take_over" : "change";
}

net::HttpResponse answer(int status, const json::object& body) {
  return {status, {{"Content-Type", "application/json"}}, json::serialize(body)};
}

json::array texts(const std::vector<std::string>& list) {
  json::array array;
  for (const auto& text : list) array.emplace_back(text);
  return array;
}

json::object to_json(const std::vector<Problem>& problems) {
  json::array list;
  for (const auto& problem : problems) {
    list.push_back(json::object{{"file", problem.file},
                                {"line", problem.line},
                                {"field", problem.field},
                                {"message", problem.message}});
  }
  return {{"problems", std::move(list)}};
}

// What both endpoints are asked for.
struct Asked {
  std::string path;
  controlplane::ApplyOptions options;
  std::optional<std::string> plan;
};
std::expected<Asked, net::HttpResponse> read_request(const net::HttpRequest& request) {
  const auto body = json::parse(request.body);
  const auto* object = body ? body->if_object() : nullptr;
  const auto path = object ? json::find_string(*object, "path") : std::nullopt;
  if (!path || !path->starts_with("/")) {
    return std::unexpected(
        answer(400, {{"error", "`path` must be the absolute path of a configuration file"}}));
  }
  Asked asked{.path = std::string(*path), .options = {}, .plan = {}};
  asked.options.prune = json::find_bool(*object, "prune").value_or(false);
  if (const auto plan = json::find_string(*object, "plan")) asked.plan = std::string(*plan);
  return asked;
}

std::vector<Problem> problems_of(const json::object& body, const std::string& file) {
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
  if (problems.empty()) {
    const auto error = json::find_string(body, "error").value_or("the gateway refused it");
    problems.push_back({file, 0, "", std::string(error)});
  }
  return problems;
}

std::string joined(const json::object& from, std::string_view key) {
  std::string all;
  if (const auto* list = json::find_array(from, key)) {
    for (const auto& text : *list)
      if (text.is_string()) all.append(all.empty() ? "" : ", ").append(text.get_string());
  }
  return all;
}

struct Totals {
  std::size_t added = 0;
  std::size_t changed = 0;
  std::size_t removed = 0;
  std::size_t taken_over = 0;
  bool settings = false;
  [[nodiscard]] bool empty() const {
    return added + changed + removed + taken_over == 0 && !settings;
  }
};

Totals print_plan(const json::object& plan, bool quiet) {
  Totals totals;
  std::string text;
  if (const auto* changes = json::find_array(plan, "changes")) {
    for (const auto& entry : *changes) {
      const auto* change = entry.if_object();
      if (change == nullptr) continue;
      const auto find = [&](std::string_view key) {
        return json::find_string(*change, key).value_or("");
      };
      const std::string_view what = find("what");
      const std::string name =
          fmt::format("{} `{}`", find("kind"), find("name").empty() ? find("id") : find("name"));
      if (what == "add") {
        ++totals.added;
        text += fmt::format("  + {}\n", name);
      } else if (what == "remove") {
        ++totals.removed;
        text += fmt::format("  - {}\n", name);
      } else if (what == "take_over") {
        ++totals.taken_over;
        text += fmt::format("  = {}: stays as it is, and is this file's from now on\n", name);
      } else {
        ++totals.changed;
        text += fmt::format("  ~ {}: {}\n", name, joined(*change, "fields"));
      }
    }
  }
  if (const auto settings = joined(plan, "settings"); !settings.empty()) {
    totals.settings = true;
    text += fmt::format("  ~ settings: {}\n", settings);
  }
  if (quiet) return totals;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    std::cout << printable(text.substr(begin, end - begin)) << "\n";
    begin = end + 1;
  }
  if (!totals.empty()) {
    std::cout << fmt::format("{} to add, {} to change, {} to remove\n", totals.added,
                             totals.changed, totals.removed);
  }
  return totals;
}

void print_waiting(const json::object& body) {
  if (const auto waiting = joined(body, "at_next_start"); !waiting.empty())
    std::cout << "Takes effect at the next start: " << waiting << "\n";
}

}  // namespace

int apply(const ApplyArguments& arguments, Output output) {
  // Checked here first: the messages are the same, and a gateway need not run to see them.
  const auto loaded = load_configuration(arguments.file);
  if (!loaded) return report(loaded.error(), output);
  const std::string state = arguments.state_directory.empty() ? loaded->settings.state_directory
                                                              : arguments.state_directory;
  json::object question{
      {"path", std::filesystem::absolute(arguments.file).lexically_normal().string()},
      {"prune", arguments.prune}};
  const auto post = [&](const char* target) {
    net::OutboundRequest request;
    request.method = "POST";
    request.url = std::string("http://gatehouse") + target;
    request.headers = {{"Content-Type", "application/json"}};
    request.body = json::serialize(question);
    request.max_response_bytes = kMaxAnswerBytes;
    return ask_gateway(state, request);
  };
  const auto planned = post("/plan");
  if (!planned) return kExitFailure;
  const json::object& plan = planned->second;
  if (planned->first != 200) return report(problems_of(plan, arguments.file), output);
  const Totals totals = print_plan(plan, output == Output::Json);
  if (totals.empty()) {
    if (output == Output::Json) {
      json::object said = plan;
      said["applied"] = false;
      std::cout << json::serialize(said) << "\n";
    } else {
      std::cout << "Nothing to change: this is what is in force.\n";
      print_waiting(plan);
    }
    return kExitOk;
  }
  if (!arguments.yes) {
    if (output == Output::Json) {
      json::object said = plan;
      said["applied"] = false;
      std::cout << json::serialize(said) << "\n";
      return unconfirmed();
    }
    if (!confirmed("Apply this?")) return unconfirmed();
    question["plan"] = json::find_string(plan, "plan").value_or("");
  }
  const auto done = post("/apply");
  if (!done) return kExitFailure;
  if (done->first != 200) {
    const auto problems = problems_of(done->second, arguments.file);
    if (done->first != 409) return report(problems, output);
    std::cerr << "gatehouse: " << problems.front().message << "\n";
    return kExitFailure;
  }
  if (output == Output::Json) {
    json::object said = done->second;
    said["changes"] = plan.at("changes");
    said["applied"] = true;
    std::cout << json::serialize(said) << "\n";
  } else {
    std::cout << "Applied. The next request obeys it.\n";
    print_waiting(done->second);
  }
  return kExitOk;
}

net::HttpResponse answer_plan(Node& node, const net::HttpRequest& request) {
  const auto asked = read_request(request);
  if (!asked) return asked.error();
  const Plan plan = node.plan(asked->path, asked->options);
  if (!plan.problems.empty()) return answer(422, to_json(plan.problems));
  json::array changes;
  for (const auto& change : plan.changes) {
    changes.push_back(json::object{{"what", what_of(change)},
                                   {"kind", policy::noun_of(change.kind)},
                                   {"id", change.id},
                                   {"name", change.name},
                                   {"fields", texts(change.fields)}});
  }
  return answer(200, {{"changes", std::move(changes)},
                      {"settings", texts(plan.settings.at_once)},
                      {"at_next_start", texts(plan.settings.at_next_start)},
                      {"plan", plan.digest}});
}

net::HttpResponse answer_apply(Node& node, const net::HttpRequest& request) {
  auto asked = read_request(request);
  if (!asked) return asked.error();
  const ApplyAnswer done = node.apply(asked->path, {.actor = "gatehouse apply",
                                                    .options = asked->options,
                                                    .renew = false,
                                                    .plan = std::move(asked->plan)});
  if (done.plan_is_stale) {
    return answer(409, {{"error",
                         "the file or what is in force has changed since the plan was shown; "
                         "nothing was changed"}});
  }
  if (!done.problems.empty()) return answer(422, to_json(done.problems));
  return answer(200, {{"sequence", done.sequence},
                      {"changed", done.changed},
                      {"nginx_reloaded", done.nginx_reloaded},
                      {"at_next_start", texts(done.at_next_start)}});
}

}  // namespace gatehouse::apps
