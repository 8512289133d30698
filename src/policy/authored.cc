#include "policy/authored.h"

#include "policy/resource_reader.h"
#include "policy/resource_writer.h"

namespace gatehouse::policy {

std::expected<model::Resources, std::vector<Problem>> read_resources(
    const json::value& document, decision::SelectorRegistry selectors, Secrets secrets) {
  Problems problems;
  const json::object* object = document.if_object();
  if (object == nullptr) {
    problems.add(Path(), "must be an object");
    return std::unexpected(problems.take());
  }
  ReadSections sections = read_sections(*object, Form::Authored, selectors, problems, secrets);
  if (!problems.empty()) return std::unexpected(problems.take());
  return std::move(sections.resources);
}

json::object write_resources(const model::Resources& resources, Secrets secrets) {
  json::object document{{"organization", write(resources.organization)}};
  const auto section = [&](std::string_view key, const auto& from, auto write_one) {
    json::array& list = document[key].emplace_array();
    list.reserve(from.size());
    for (const auto& resource : from) list.push_back(write_one(resource));
  };
  const auto with_secrets = [&](const auto& resource) { return write(resource, secrets); };
  const auto authored = [](const auto& resource) { return write(resource, Form::Authored); };
  const auto plain = [](const auto& resource) { return write(resource); };
  section("identity_providers", resources.identity_providers, with_secrets);
  section("device_posture_integrations", resources.posture_integrations, with_secrets);
  section("device_posture_rules", resources.posture_rules, authored);
  section("lists", resources.lists, authored);
  section("groups", resources.groups, authored);
  section("service_tokens", resources.service_tokens, authored);
  section("mtls_certificates", resources.certificates, authored);
  section("custom_pages", resources.custom_pages, authored);
  section("tags", resources.tags, plain);
  section("bookmarks", resources.bookmarks, plain);
  section("policies", resources.policies, write_reusable);
  section("applications", resources.applications, authored);
  section("ingress", resources.ingress, plain);
  return document;
}

}  // namespace gatehouse::policy
