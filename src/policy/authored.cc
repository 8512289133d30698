#include "policy/authored.h"

#include "base/time.h"
#include "policy/resource_reader.h"
#include "policy/resource_writer.h"

namespace gatehouse::policy {

std::expected<model::Resources, std::vector<Problem>> read_resources(
    const json::value& document, decision::SelectorRegistry selectors) {
  Problems problems;
  const json::object* object = document.if_object();
  if (object == nullptr) {
    problems.add(Path(), "must be an object");
    return std::unexpected(problems.take());
  }
  ReadSections sections = read_sections(*object, Form::Authored, selectors, problems);
  if (!problems.empty()) return std::unexpected(problems.take());
  return std::move(sections.resources);
}

json::object write_resources(const model::Resources& resources, Secrets secrets) {
  const model::Organization& organization = resources.organization;
  json::object document{{"organization",
                         {{"name", organization.name},
                          {"auth_domain", organization.auth_domain},
                          {"session_duration", format_duration(organization.session_duration)},
                          {"node_state_max_age", format_duration(organization.node_state_max_age)},
                          {"custom_pages", write_page_choice(organization)}}}};

  json::array& providers = document["identity_providers"].emplace_array();
  for (const model::IdentityProvider& provider : resources.identity_providers) {
    json::object config = provider.config;
    if (secrets == Secrets::Include && !provider.client_secret.empty()) {
      config["client_secret"] = provider.client_secret.reveal();
    }
    json::object object = write_provider(provider);
    object["config"] = std::move(config);
    providers.push_back(std::move(object));
  }
  json::array& integrations = document["device_posture_integrations"].emplace_array();
  for (const model::PostureIntegration& integration : resources.posture_integrations) {
    integrations.push_back({{"id", integration.id},
                            {"name", integration.name},
                            {"type", integration.type},
                            {"config", integration.config}});
  }
  document["device_posture_rules"] = write_posture_rules(resources.posture_rules);
  document["lists"] = write_lists(resources.lists);
  document["groups"] = write_groups(resources.groups);
  document["service_tokens"] = write_service_tokens(resources.service_tokens);
  document["mtls_certificates"] = write_mtls_certificates(resources.certificates);
  document["custom_pages"] = write_custom_pages(resources.custom_pages);
  json::array& policies = document["policies"].emplace_array();
  for (json::value& policy : write_policies(resources.policies)) {
    policy.get_object()["reusable"] = true;
    policies.push_back(std::move(policy));
  }
  document["applications"] = write_applications(resources.applications, ReusablePolicies::ById);
  json::array& ingress = document["ingress"].emplace_array();
  for (const model::IngressRule& rule : resources.ingress) {
    json::object object;
    if (!rule.hostname.empty()) object["hostname"] = rule.hostname;
    if (!rule.path.empty()) object["path"] = rule.path;
    object["service"] = rule.service;
    if (!rule.origin_request.empty()) object["originRequest"] = rule.origin_request;
    ingress.push_back(std::move(object));
  }
  return document;
}

}  // namespace gatehouse::policy
