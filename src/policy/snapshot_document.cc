#include "policy/snapshot_document.h"

#include <fmt/format.h>

#include <map>

#include "base/time.h"
#include "crypto/client_certificates.h"
#include "policy/resource_reader.h"
#include "policy/resource_writer.h"
#include "policy/snapshot_parts.h"

namespace gatehouse::policy {
namespace {

jose::JwkSet read_keys(ObjectReader& reader) {
  const json::value* keys = reader.value("keys");
  auto parsed = jose::JwkSet::parse(keys == nullptr ? json::value() : *keys);
  if (parsed) return std::move(*parsed);
  reader.problem("keys",
                 fmt::format("must be a set of public keys: {}", jose::to_string(parsed.error())));
  return {};
}

// Applications that have the same page share its text.
void add_pages(model::Resources& resources, decision::SnapshotBuilder& builder) {
  for (model::CustomPage& page : resources.custom_pages) {
    builder.add_page(page.id,
                     {page.type, std::make_shared<const std::string>(std::move(page.custom_html))});
  }
  const auto known = [&](const std::string& id) {
    return id.empty() ? decision::CompiledPage{} : *builder.so_far().page(id);
  };
  builder.set_forbidden_page(known(resources.organization.forbidden_page));
  builder.set_identity_denied_page(known(resources.organization.identity_denied_page));
}

// All authorities that count on a host make one judge; hosts with the same ones share it.
void add_client_certificates(const std::vector<model::MtlsCertificate>& certificates,
                             decision::SnapshotBuilder& builder, Problems& problems) {
  std::map<std::string_view, std::vector<std::size_t>> by_host;
  for (std::size_t i = 0; i < certificates.size(); ++i) {
    for (const std::string& host : certificates[i].associated_hostnames) by_host[host].push_back(i);
  }
  std::map<std::vector<std::size_t>, std::shared_ptr<const crypto::ClientCertificates>> made;
  for (const auto& [host, members] : by_host) {
    auto& judge = made[members];
    if (judge == nullptr) {
      std::vector<crypto::CertificateAuthority> authorities;
      for (const std::size_t i : members) {
        authorities.push_back(
            {certificates[i].certificate, certificates[i].crl, certificates[i].revoked_serials});
      }
      auto result = crypto::ClientCertificates::make(authorities);
      if (!result) {
        const Path root;
        problems.add(
            Path(root, "mtls_certificates"),
            fmt::format("of host `{}`: {} {}", host, result.error().field, result.error().message));
        continue;
      }
      judge = std::move(*result);
    }
    builder.add_client_certificates(host, judge);
  }
}

}  // namespace

json::object make_snapshot_document(const model::Resources& resources,
                                    const PublicationContext& context) {
  json::object document{{"format", kSnapshotFormat},
                        {"sequence", context.sequence},
                        {"published_at", format_rfc3339(context.published_at)},
                        {"keys", {{"keys", context.jwks}}}};
  for (auto& member : write_foundation(resources)) {
    document.emplace(member.key(), std::move(member.value()));
  }
  json::object& organization = document["organization"].as_object();
  organization["issuer"] = context.issuer;
  for (auto& member : write_organization(resources.organization)) {
    organization.emplace(member.key(), std::move(member.value()));
  }
  document["identity_providers"] = write_providers(resources.identity_providers);
  document["device_posture_rules"] = write_posture_rules(resources.posture_rules);
  document["groups"] = write_groups(resources.groups);
  document["lists"] = write_lists(resources.lists);
  document["service_tokens"] = write_service_tokens(resources.service_tokens);
  document["applications"] = write_applications(resources.applications, ReusablePolicies::Expanded);
  return document;
}

std::expected<std::shared_ptr<const decision::Snapshot>, std::vector<Problem>> compile_snapshot(
    const json::value& document, decision::SelectorRegistry selectors) {
  Problems problems;
  const Path root;
  const json::object* object = document.if_object();
  if (object == nullptr) {
    problems.add(root, "must be an object");
    return std::unexpected(problems.take());
  }
  ObjectReader reader(*object, root, problems);
  read_format(reader);
  if (!problems.empty()) return std::unexpected(problems.take());
  const std::uint64_t sequence = read_sequence(reader, "sequence");
  read_published_at(reader);
  jose::JwkSet keys = read_keys(reader);
  for (const std::string_view key : section_keys(Form::Snapshot)) reader.known({key});
  reader.finish();
  ReadSections sections = read_sections(*object, Form::Snapshot, selectors, problems);
  if (!problems.empty()) return std::unexpected(problems.take());

  model::Resources& resources = sections.resources;
  decision::SnapshotBuilder builder;
  builder.set_organization(resources.organization.name, resources.organization.auth_domain,
                           sections.issuer, resources.organization.node_state_max_age);
  builder.set_login_design(
      model::login_design_from_json(write_login_design(resources.organization)));
  builder.set_keys(std::move(keys));
  builder.set_sequence(sequence);
  add_pages(resources, builder);
  for (const model::List& list : resources.lists) builder.add_list(compile_list(list));
  add_client_certificates(resources.certificates, builder, problems);
  if (!problems.empty()) return std::unexpected(problems.take());
  add_to_snapshot(std::move(sections), builder);
  return builder.finish();
}

}  // namespace gatehouse::policy
