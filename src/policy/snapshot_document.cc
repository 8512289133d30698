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

decision::CompiledPostureRule compile_posture_rule(const model::PostureRule& rule) {
  decision::CompiledPostureRule compiled;
  compiled.id = rule.id;
  compiled.name = rule.name;
  compiled.type = rule.type;
  compiled.max_evidence_age = rule.expiration;
  if (!model::can_be_checked(rule)) return compiled;
  compiled.integration_id = *json::find_string(rule.input, "connection_id");
  compiled.require_managed = *json::find_bool(rule.input, "managed");
  compiled.max_checkin_age = std::chrono::duration_cast<std::chrono::seconds>(
      *parse_duration(*json::find_string(rule.input, "max_checkin_age")));
  compiled.require_patched = json::find_string(rule.input, "patch_status").has_value();
  if (const auto comparison = json::find_string(rule.input, "vulnerability_operator")) {
    compiled.vulnerability_score = {*decision::parse_comparison(*comparison),
                                    rule.input.at("vulnerability_score").to_number<double>()};
  }
  return compiled;
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
  document["organization"].as_object()["issuer"] = context.issuer;
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
  builder.set_keys(std::move(keys));
  builder.set_sequence(sequence);
  for (const model::IdentityProvider& provider : resources.identity_providers) {
    builder.add_login_method(provider.id);
  }
  add_pages(resources, builder);
  // INVARIANT: matchers were compiled against positions in these lists, which the builder keeps.
  for (const model::PostureRule& rule : resources.posture_rules) {
    builder.add_posture_rule(compile_posture_rule(rule));
  }
  std::vector<decision::Needs> needs = needs_of_groups(resources.groups, builder.so_far());
  for (std::size_t i = 0; i < resources.groups.size(); ++i) {
    builder.add_group({resources.groups[i].id, resources.groups[i].name,
                       std::move(sections.groups[i]), std::move(needs[i])});
  }
  for (const model::List& list : resources.lists) builder.add_list(compile_list(list));
  add_client_certificates(resources.certificates, builder, problems);
  if (!problems.empty()) return std::unexpected(problems.take());
  for (const model::ServiceToken& token : resources.service_tokens) {
    builder.add_service_token(compile_service_token(token));
  }
  for (std::size_t i = 0; i < resources.applications.size(); ++i) {
    const model::Application& application = resources.applications[i];
    builder.add_application(
        compile_application(application, std::move(sections.policies[i]), builder.so_far()),
        application.domains);
  }
  return builder.finish();
}

}  // namespace gatehouse::policy
