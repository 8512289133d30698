#include "controlplane/candidate.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/check.h"
#include "base/try.h"
#include "controlplane/journey.h"
#include "controlplane/profile_check.h"
#include "identity/registry.h"
#include "policy/snapshot_change.h"
#include "policy/snapshot_document.h"

namespace gatehouse::controlplane {
namespace {

using Problems = std::vector<policy::Problem>;

std::shared_ptr<identity::IdentityProvider> provider_in_force(
    const Configuration* in_force, const model::IdentityProvider& wanted) {
  if (in_force == nullptr) return nullptr;
  for (const auto& provider : in_force->resources->identity_providers) {
    if (provider.id != wanted.id || provider.type != wanted.type ||
        provider.config != wanted.config ||
        !std::ranges::equal(provider.secrets, wanted.secrets, [](const auto& a, const auto& b) {
          return a.first == b.first && a.second.reveal() == b.second.reveal();
        }))
      continue;
    const auto known = in_force->identity_providers.find(provider.id);
    if (known != in_force->identity_providers.end()) return known->second;
  }
  return nullptr;
}

std::expected<void, Problems> add_providers(const Context& context, const Configuration* in_force,
                                            Configuration& configuration) {
  const auto& resources = *configuration.resources;
  auto problems = check_profiles(resources);
  if (!problems.empty()) return std::unexpected(std::move(problems));
  for (const auto& integration : resources.posture_integrations) {
    if (!model::can_check_devices(integration)) continue;
    auto profile = posture::read_tanium_profile(integration);
    GATEHOUSE_CHECK(profile, "check_profiles() has read it");
    configuration.posture_profiles.emplace(integration.id, std::move(*profile));
  }
  for (std::size_t i = 0; i < resources.identity_providers.size(); ++i) {
    const auto& provider = resources.identity_providers[i];
    const auto* kind = identity::find_kind(provider.type);
    if (kind == nullptr) continue;
    // One that stays as it is keeps what it knows of its provider.
    auto kept = provider_in_force(in_force, provider);
    if (!kept) {
      auto made = kind->make(provider, context.dependencies.http_client);
      if (!made)
        return std::unexpected(
            Problems{{fmt::format("/identity_providers/{}/config", i), made.error().message}});
      kept = std::move(*made);
    }
    configuration.identity_providers.emplace(provider.id, std::move(kept));
  }
  return {};
}

policy::PublicationContext publication_context(const Context& context,
                                               const model::Resources& resources,
                                               std::uint64_t sequence) {
  policy::PublicationContext publication;
  publication.sequence = sequence;
  publication.published_at = context.now();
  publication.issuer = origin_of(context, resources.organization.auth_domain);
  publication.jwks = context.dependencies.vault.jwks();
  return publication;
}

std::string host_of(const std::string& domain) { return domain.substr(0, domain.find('/')); }

using Hosts = std::set<std::string, std::less<>>;
void add_hosts(const model::Application& application, Hosts& hosts) {
  for (const auto& domain : application.domains) hosts.insert(host_of(domain));
}

Hosts all_hosts(const model::Resources& resources) {
  Hosts hosts{resources.organization.auth_domain};
  for (const auto& application : resources.applications) add_hosts(application, hosts);
  return hosts;
}

// Of those that only one side has.
Hosts hosts_of_difference(const model::SharedList<model::Application>& of,
                          const model::SharedList<model::Application>& other) {
  std::unordered_set<const model::Application*> shared;
  shared.reserve(other.size());
  for (const auto& application : other) shared.insert(&application);
  Hosts hosts;
  for (const auto& application : of)
    if (!shared.contains(&application)) add_hosts(application, hosts);
  return hosts;
}

bool same_rules(const model::IngressRule& a, const model::IngressRule& b) {
  return a.hostname == b.hostname && a.path == b.path && a.service == b.service &&
         a.origin_request == b.origin_request;
}
bool same_certificate(const model::MtlsCertificate& a, const model::MtlsCertificate& b) {
  return a.certificate == b.certificate && a.associated_hostnames == b.associated_hostnames;
}

}  // namespace

std::expected<Candidate, Problems> make_candidate(
    const Context& context, std::shared_ptr<const model::Resources> resources,
    std::shared_ptr<const policy::Documents> documents, std::uint64_t sequence,
    const std::shared_ptr<const Configuration>& in_force, Extent extent) {
  const auto& dependencies = context.dependencies;
  auto configuration = std::make_shared<Configuration>();
  configuration->resources = std::move(resources);
  configuration->documents = std::move(documents);
  GATEHOUSE_TRY_VOID(add_providers(context, in_force.get(), *configuration));

  Candidate candidate;
  const auto& complete = *configuration->resources;
  const auto publication = publication_context(context, complete, sequence);
  if (in_force && extent == Extent::Changes && in_force->snapshot->issuer() == publication.issuer) {
    candidate.snapshot_change = policy::make_snapshot_change(
        *in_force->resources, complete, in_force->snapshot->sequence(), publication);
  }
  if (candidate.snapshot_change) {
    configuration->snapshot = GATEHOUSE_TRY(policy::apply_snapshot_change(
        *in_force->snapshot, *candidate.snapshot_change, dependencies.selectors));
  } else {
    candidate.snapshot_document = policy::make_snapshot_document(complete, publication);
    configuration->snapshot = GATEHOUSE_TRY(
        policy::compile_snapshot(*candidate.snapshot_document, dependencies.selectors));
  }
  candidate.configuration = std::move(configuration);
  return candidate;
}

json::object snapshot_document_of(const Context& context, const Configuration& configuration) {
  return policy::make_snapshot_document(
      *configuration.resources,
      publication_context(context, *configuration.resources, configuration.snapshot->sequence()));
}

bool routing_differs(const model::Resources& before, const model::Resources& after) {
  if (before.organization.auth_domain != after.organization.auth_domain ||
      !std::ranges::equal(before.ingress, after.ingress, same_rules) ||
      !std::ranges::equal(before.certificates, after.certificates, same_certificate))
    return true;
  // Most edits leave the hosts alone: only what is not shared is looked at.
  if (hosts_of_difference(before.applications, after.applications) ==
      hosts_of_difference(after.applications, before.applications))
    return false;
  return all_hosts(before) != all_hosts(after);
}

namespace {

std::vector<std::string> differing_fields(const json::object& before, const json::object& after) {
  std::vector<std::string> fields;
  for (const auto& [key, value] : after) {
    const json::value* old = before.if_contains(key);
    if (old == nullptr || *old != value) fields.emplace_back(key);
  }
  for (const auto& [key, value] : before)
    if (after.if_contains(key) == nullptr) fields.emplace_back(key);
  return fields;
}

// Whether the file says something else about a secret than what is kept.
bool secrets_differ(const json::object& given, const json::object& kept) {
  return std::ranges::any_of(given, [&](const auto& member) {
    const json::value* known = kept.if_contains(member.key());
    return known == nullptr || *known != member.value();
  });
}

json::value section_value(policy::Kind kind, const json::object& body) {
  if (kind != policy::Kind::Ingress) return body;
  const json::value* rules = json::find(body, "rules");
  return rules == nullptr ? json::value(json::array{}) : *rules;
}

bool is_empty_ingress(const policy::Document& document) {
  const auto* rules = json::find_array(document.body, "rules");
  return document.kind == policy::Kind::Ingress && (rules == nullptr || rules->empty());
}

}  // namespace

FilePlan plan_file(const model::Resources& file, const Configuration* in_force, bool prune) {
  using Key = std::pair<policy::Kind, std::string>;
  FilePlan plan;
  static const model::Resources kNothing;
  const model::Resources& current = in_force == nullptr ? kNothing : *in_force->resources;
  std::map<Key, policy::Document> before;
  std::vector<Key> order;
  if (in_force != nullptr) {
    for (policy::Document& document : policy::documents_of(current)) {
      const auto* stored = in_force->documents->find(document.kind, document.id);
      if (stored == nullptr) continue;
      document.origin = stored->origin;
      Key key{document.kind, document.id};
      order.push_back(key);
      before.emplace(std::move(key), std::move(document));
    }
  }
  const auto put_in_section = [&](policy::Kind kind, json::object body) {
    const std::string_view section = policy::section_of(kind);
    if (policy::is_single(kind)) {
      plan.document[section] = section_value(kind, body);
      return;
    }
    if (!plan.document.contains(section)) plan.document[section] = json::array{};
    plan.document[section].as_array().emplace_back(std::move(body));
  };
  std::set<Key> said;
  for (policy::Document& document : policy::documents_of(file)) {
    const auto old = before.find({document.kind, document.id});
    // A file without ingress rules says nothing about those that were made otherwise.
    if (is_empty_ingress(document) &&
        (old == before.end() || (old->second.origin != "file" && !prune)))
      continue;
    said.emplace(document.kind, document.id);
    const json::object kept = policy::secrets_of(current, document.kind, document.id);
    const json::object given = policy::secrets_of(file, document.kind, document.id);
    json::object body = document.body;
    policy::keep_secrets(body, given);
    if (old != before.end() &&
        json::find_string(old->second.body, "type") == json::find_string(body, "type"))
      policy::keep_secrets(body, kept);
    put_in_section(document.kind, body);
    PlannedChange change{.what = PlannedChange::What::Add,
                         .kind = document.kind,
                         .id = document.id,
                         .name = document.name,
                         .fields = {}};
    if (old != before.end()) {
      change.what = PlannedChange::What::Change;
      change.fields = differing_fields(old->second.body, document.body);
      if (secrets_differ(given, kept)) change.fields.emplace_back("secrets");
      if (change.fields.empty() && old->second.origin == "file") continue;
    }
    plan.edits.push_back({document.kind, document.id, std::move(body)});
    plan.changes.push_back(std::move(change));
  }
  for (const Key& key : order) {
    policy::Document& document = before.at(key);
    if (said.contains(key)) continue;
    if ((document.origin == "file" || prune) && key.first != policy::Kind::Organization) {
      plan.edits.push_back({key.first, key.second, std::nullopt});
      plan.changes.push_back({.what = PlannedChange::What::Remove,
                              .kind = key.first,
                              .id = key.second,
                              .name = document.name,
                              .fields = {}});
      continue;
    }
    policy::keep_secrets(document.body, policy::secrets_of(current, key.first, key.second));
    put_in_section(key.first, std::move(document.body));
  }
  return plan;
}

}  // namespace gatehouse::controlplane
