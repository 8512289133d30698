#include "apps/gatehouse/export.h"

#include <fmt/format.h>

#include <array>
#include <iostream>
#include <string_view>
#include <utility>

#include "apps/gatehouse/node.h"
#include "apps/gatehouse/serve.h"
#include "configuration/yaml_writer.h"
#include "controlplane/audit.h"
#include "platform/file.h"
#include "policy/documents.h"

namespace gatehouse::apps {
namespace {

net::HttpResponse answer(int status, const json::object& body) {
  return {status, {{"Content-Type", "application/json"}}, json::serialize(body)};
}

std::string_view comment_of(policy::Kind kind) {
  switch (kind) {
    case policy::Kind::Organization:
      return "The organization and its sign-in pages";
    case policy::Kind::IdentityProvider:
      return "Where people sign in";
    case policy::Kind::PostureIntegration:
      return "Who knows about devices";
    case policy::Kind::PostureRule:
      return "What a device must be";
    case policy::Kind::List:
      return "Addresses that rules share";
    case policy::Kind::Group:
      return "Conditions that policies share";
    case policy::Kind::ServiceToken:
      return "Credentials of programs; only hashes of their secrets are known";
    case policy::Kind::MtlsCertificate:
      return "Authorities of client certificates";
    case policy::Kind::CustomPage:
      return "Pages in place of the gateway's own";
    case policy::Kind::Tag:
      return "Tags of applications";
    case policy::Kind::Bookmark:
      return "Links beside the applications";
    case policy::Kind::Policy:
      return "Policies that applications share";
    case policy::Kind::Application:
      return "What is protected, and who gets in";
    case policy::Kind::Ingress:
      return "Where requests go once they are allowed";
  }
  return "";
}

}  // namespace

json::object export_document(const controlplane::Configuration& configuration,
                             ExportSecrets secrets) {
  json::object whole;
  for (const policy::Kind kind : policy::all_kinds()) {
    const std::string_view section = policy::section_of(kind);
    for (const auto& document : configuration.documents->of(kind)) {
      json::object body = document->body;
      if (secrets == ExportSecrets::Include)
        policy::keep_secrets(body,
                             policy::secrets_of(*configuration.resources, kind, document->id));
      if (kind == policy::Kind::Ingress) {
        const auto* rules = json::find_array(body, "rules");
        if (rules != nullptr && !rules->empty()) whole[section] = *rules;
      } else if (policy::is_single(kind)) {
        whole[section] = std::move(body);
      } else {
        if (!whole.contains(section)) whole[section] = json::array{};
        whole[section].as_array().emplace_back(std::move(body));
      }
    }
  }
  return whole;
}

std::string export_text(const json::object& document, ExportSecrets secrets) {
  std::string text =
      "# Everything that is in force, but for the settings of the node.\n"
      "# gatehouse check FILE looks at it, gatehouse apply FILE puts it in force.\n";
  text +=
      secrets == ExportSecrets::Include
          ? "# It holds secrets: keep it as you keep passwords.\n"
          : "# Secrets are left out: a gateway that has them keeps them. Another one needs them: "
            "--with-secrets.\n";
  for (const auto& section : document) {
    const auto kind = policy::kind_of_section(section.key());
    text += fmt::format("\n# {}\n", kind ? comment_of(*kind) : "");
    text += configuration::write_yaml(json::object{{section.key(), section.value()}});
  }
  return text;
}

int export_resources(const ExportArguments& arguments) {
  net::OutboundRequest request;
  request.url =
      fmt::format("http://gatehouse/export?secrets={}", arguments.with_secrets ? "true" : "false");
  request.max_response_bytes = kMaxAnswerBytes;
  const auto reply = ask_gateway(arguments.state_directory, request);
  if (!reply) return kExitFailure;
  const auto* document = json::find_object(reply->second, "document");
  if (reply->first != 200 || document == nullptr) {
    std::cerr << "gatehouse: "
              << json::find_string(reply->second, "error").value_or("the gateway refused it")
              << "\n";
    return kExitFailure;
  }
  const std::string text =
      export_text(*document, arguments.with_secrets ? ExportSecrets::Include : ExportSecrets::Omit);
  if (arguments.output_file.empty()) {
    std::cout << text << std::flush;
    return std::cout ? kExitOk : kExitFailure;
  }
  if (const auto written = write_file_atomically(arguments.output_file, text, 0600); !written) {
    std::cerr << "gatehouse: " << written.error().message << "\n";
    return kExitFailure;
  }
  return kExitOk;
}

net::HttpResponse answer_export(Node& node, const net::HttpRequest& request) {
  const auto configuration = node.gateway().context().configuration();
  if (!configuration) return answer(503, {{"error", "nothing has been configured yet"}});
  const bool secrets = request.query_parameter("secrets") == "true";
  if (secrets) {
    controlplane::audit(node.gateway().context(), {.event = "secrets_exported",
                                                   .actor = "gatehouse export",
                                                   .application = "",
                                                   .reason = "",
                                                   .details = {}});
  }
  return answer(
      200, {{"document", export_document(*configuration,
                                         secrets ? ExportSecrets::Include : ExportSecrets::Omit)}});
}

}  // namespace gatehouse::apps
