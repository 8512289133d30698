// `gatehouse export`: everything in force as a file for `gatehouse check` and `gatehouse apply`.
#pragma once

#include <string>

#include "apps/gatehouse/commands.h"
#include "base/json.h"
#include "controlplane/context.h"
#include "net/http.h"

namespace gatehouse::apps {

class Node;

struct ExportArguments {
  std::string output_file;  // empty: stdout
  std::string state_directory;
  bool with_secrets = false;
};
[[nodiscard]] int export_resources(const ExportArguments& arguments);

// The whole authored form, sections in its order, resources in the order of their making. Empty
// sections are left out.
enum class ExportSecrets : std::uint8_t { Omit, Include };
[[nodiscard]] json::object export_document(const controlplane::Configuration& configuration,
                                           ExportSecrets secrets);
// As YAML for people. Pure; the same text for the same document.
[[nodiscard]] std::string export_text(const json::object& document, ExportSecrets secrets);

// GET /export?secrets=true: {"document"}.
[[nodiscard]] net::HttpResponse answer_export(Node& node, const net::HttpRequest& request);

}  // namespace gatehouse::apps
