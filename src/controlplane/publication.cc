#include "controlplane/publication.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/check.h"
#include "base/try.h"
#include "controlplane/audit.h"
#include "controlplane/journey.h"
#include "controlplane/profile_check.h"
#include "policy/snapshot_document.h"

namespace gatehouse::controlplane {
namespace {

constexpr std::string_view kSecretsPurpose = "resource secrets";

using Problems = std::vector<policy::Problem>;

// Client secrets by identity provider id: what is stored sealed, beside the document.
json::object secrets_of(const model::Resources& resources) {
  json::object secrets;
  for (const auto& provider : resources.identity_providers)
    if (!provider.client_secret.empty()) secrets[provider.id] = provider.client_secret.reveal();
  return secrets;
}

// What nginx is configured from: hosts, and where they lead.
json::object routing_of(const model::Resources& resources) {
  std::set<std::string> hosts{resources.organization.auth_domain};
  for (const auto& application : resources.applications)
    for (const auto& domain : application.domains) hosts.insert(domain.substr(0, domain.find('/')));
  json::array names;
  for (const auto& host : hosts) names.emplace_back(host);
  const auto document = policy::write_resources(resources, policy::Secrets::Omit);
  const auto* ingress = json::find(document, "ingress");
  return {{"hosts", std::move(names)}, {"ingress", ingress == nullptr ? json::value() : *ingress}};
}

std::shared_ptr<identity::OidcRelyingParty> relying_party_in_force(
    const Context& context, const model::IdentityProvider& wanted) {
  const auto configuration = context.configuration();
  if (!configuration) return nullptr;
  for (const auto& provider : configuration->resources->identity_providers) {
    if (provider.id != wanted.id || provider.config != wanted.config ||
        provider.client_secret.reveal() != wanted.client_secret.reveal())
      continue;
    const auto known = configuration->relying_parties.find(provider.id);
    if (known != configuration->relying_parties.end()) return known->second;
  }
  return nullptr;
}

}  // namespace

std::expected<Publication::Candidate, Problems> Publication::prepare(
    const model::Resources& resources, std::uint64_t sequence) const {
  auto& dependencies = context_.dependencies;
  const json::value document = policy::write_resources(resources, policy::Secrets::Include);
  auto configuration = std::make_shared<Configuration>();
  configuration->resources = std::make_shared<const model::Resources>(
      GATEHOUSE_TRY(policy::read_resources(document, dependencies.selectors)));
  const auto& complete = *configuration->resources;

  auto problems = check_profiles(complete);
  if (!problems.empty()) return std::unexpected(std::move(problems));
  for (const auto& integration : complete.posture_integrations) {
    auto profile = posture::read_tanium_profile(integration);
    GATEHOUSE_CHECK(profile, "check_profiles() has read it");
    configuration->posture_profiles.emplace(integration.id, std::move(*profile));
  }
  for (std::size_t i = 0; i < complete.identity_providers.size(); ++i) {
    const auto& provider = complete.identity_providers[i];
    if (provider.type != "oidc") continue;
    // One that stays as it is keeps what it knows of its provider.
    auto party = relying_party_in_force(context_, provider);
    if (!party) {
      auto made = identity::OidcRelyingParty::make(provider, dependencies.http_client);
      if (!made)
        return std::unexpected(
            Problems{{fmt::format("/identity_providers/{}/config", i), made.error().message}});
      party = std::move(*made);
    }
    configuration->relying_parties.emplace(provider.id, std::move(party));
  }

  policy::PublicationContext publication;
  publication.sequence = sequence;
  publication.published_at = context_.now();
  publication.issuer = origin_of(context_, complete.organization.auth_domain);
  publication.jwks = dependencies.vault.jwks();
  Candidate candidate;
  candidate.snapshot_document = policy::make_snapshot_document(complete, publication);
  configuration->snapshot =
      GATEHOUSE_TRY(policy::compile_snapshot(candidate.snapshot_document, dependencies.selectors));
  candidate.configuration = std::move(configuration);
  return candidate;
}

std::vector<policy::Problem> Publication::check(const model::Resources& resources) const {
  const auto candidate = prepare(resources, 0);
  return candidate ? Problems{} : candidate.error();
}

std::expected<ApplyOutcome, Problems> Publication::apply(const model::Resources& resources,
                                                         const std::string& actor) {
  const std::lock_guard lock(mutex_);
  auto& dependencies = context_.dependencies;
  const auto in_force = context_.configuration();
  const auto trouble = [](const storage::StoreError& error) {
    spdlog::error("apply_failed message=\"{}\"", error.message);
    return std::unexpected(Problems{{"", error.message}});
  };
  const auto stored = dependencies.store.load_resources();
  if (!stored) return trouble(stored.error());
  const auto previous = *stored ? (*stored)->sequence : 0;
  auto candidate = GATEHOUSE_TRY(prepare(resources, previous + 1));
  const auto& complete = *candidate.configuration->resources;

  const auto document = json::serialize(policy::write_resources(complete, policy::Secrets::Omit));
  const auto secrets = json::serialize(secrets_of(complete));
  std::string sealed;
  if (*stored) {
    const auto opened = dependencies.vault.open(kSecretsPurpose, (*stored)->sealed_secrets);
    // Sealing twice gives two texts: the stored one stays where it says the same.
    if (opened && *opened == secrets) sealed = (*stored)->sealed_secrets;
  }
  if (sealed.empty()) sealed = dependencies.vault.seal(kSecretsPurpose, secrets);
  const auto sequence = dependencies.store.replace_resources(document, sealed, context_.now());
  if (!sequence) return trouble(sequence.error());

  ApplyOutcome outcome;
  outcome.sequence = *sequence;
  outcome.changed = *sequence != previous;
  if (in_force && !outcome.changed && in_force->snapshot->sequence() == *sequence) return outcome;
  outcome.hosts_changed = !in_force || routing_of(*in_force->resources) != routing_of(complete);
  if (candidate.configuration->snapshot->sequence() != *sequence)
    candidate = GATEHOUSE_TRY(prepare(resources, *sequence));
  snapshot_document_ = std::move(candidate.snapshot_document);
  context_.set_configuration(std::move(candidate.configuration));
  if (in_force && !behind_ && !context_.sessions.is_behind())
    publish_snapshot();
  else
    publish_everything();
  if (outcome.changed) {
    spdlog::info("resources_applied sequence={}", *sequence);
    audit(context_,
          {audit_event::kResourcesApplied, actor, "", "", json::object{{"sequence", *sequence}}});
  }
  return outcome;
}

// Assertions first: a worker that sees a new policy finds what it needs for it.
void Publication::publish_snapshot() {
  auto& dependencies = context_.dependencies;
  const auto configuration = context_.configuration();
  if (!assertions_.publish(*configuration->resources, configuration->snapshot->issuer(),
                           dependencies.vault, dependencies.node_state, context_.now(),
                           AssertionIssuer::Extent::Due))
    behind_ = true;
  if (const auto put = dependencies.node_state.put_snapshot(snapshot_document_); !put) {
    spdlog::error("snapshot_write_failed message=\"{}\"", put.error().message);
    behind_ = true;
  }
}

void Publication::publish_everything() {
  auto& dependencies = context_.dependencies;
  const auto configuration = context_.configuration();
  const auto now = context_.now();
  behind_ = false;
  if (const auto sessions = context_.sessions.republish(now); !sessions) {
    spdlog::error("republish_failed message=\"{}\"", sessions.error().message);
    behind_ = true;
  }
  // INVARIANT: a node state that is new gets no policies before it has the revocations.
  if (behind_ || context_.sessions.is_behind()) return;
  if (!assertions_.publish(*configuration->resources, configuration->snapshot->issuer(),
                           dependencies.vault, dependencies.node_state, now,
                           AssertionIssuer::Extent::All))
    behind_ = true;
  publish_snapshot();
  if (const auto beat = dependencies.node_state.put_heartbeat(now); !beat) {
    spdlog::error("heartbeat_failed message=\"{}\"", beat.error().message);
    behind_ = true;
  }
}

std::expected<bool, std::string> Publication::restore() {
  const std::lock_guard lock(mutex_);
  auto& dependencies = context_.dependencies;
  const auto stored = dependencies.store.load_resources();
  if (!stored) return std::unexpected(stored.error().message);
  if (!*stored) return false;
  const auto secrets_text = dependencies.vault.open(kSecretsPurpose, (*stored)->sealed_secrets);
  const auto secrets = secrets_text ? json::parse(*secrets_text) : json::value(nullptr);
  if (!secrets || !secrets->is_object())
    return std::unexpected("the secrets in the store were sealed with another master key");
  const auto document = json::parse((*stored)->document, {(*stored)->document.size(), 64});
  if (!document) return std::unexpected("the resources in the store are not JSON");
  auto resources = policy::read_resources(*document, dependencies.selectors);
  if (!resources)
    return std::unexpected(fmt::format("the resources in the store cannot be read: {}: {}",
                                       resources.error().front().pointer,
                                       resources.error().front().message));
  for (auto& provider : resources->identity_providers)
    if (const auto secret = json::find_string(secrets->get_object(), provider.id))
      provider.client_secret = Secret(std::string(*secret));
  auto candidate = prepare(*resources, (*stored)->sequence);
  if (!candidate)
    return std::unexpected(fmt::format("the resources in the store cannot be used: {}: {}",
                                       candidate.error().front().pointer,
                                       candidate.error().front().message));
  snapshot_document_ = std::move(candidate->snapshot_document);
  context_.set_configuration(std::move(candidate->configuration));
  publish_everything();
  spdlog::info("resources_restored sequence={}", (*stored)->sequence);
  return true;
}

void Publication::tick() {
  const std::lock_guard lock(mutex_);
  auto& dependencies = context_.dependencies;
  const auto now = context_.now();
  const bool configured = context_.configuration() != nullptr;
  const auto beat = dependencies.node_state.put_heartbeat(now);
  if (!beat) spdlog::error("heartbeat_failed message=\"{}\"", beat.error().message);
  dependencies.node_state.check_readers();
  // With what has expired gone from the store, the node state is written anew as well.
  const bool purge = now - purged_at_ >= kPurgeInterval;
  if (purge) {
    purged_at_ = now;
    if (const auto purged = dependencies.store.purge(now); !purged)
      spdlog::error("purge_failed message=\"{}\"", purged.error().message);
  }
  if (!configured) return;
  if (!beat || behind_ || context_.sessions.is_behind()) {
    spdlog::warn("node_state_republished");
    publish_everything();
    return;
  }
  if (purge) {
    if (const auto sessions = context_.sessions.republish(now); !sessions)
      spdlog::error("republish_failed message=\"{}\"", sessions.error().message);
  }
  if (assertions_.renew_at() <= now) {
    const auto configuration = context_.configuration();
    if (!assertions_.publish(*configuration->resources, configuration->snapshot->issuer(),
                             dependencies.vault, dependencies.node_state, now,
                             AssertionIssuer::Extent::Due))
      behind_ = true;
  }
}

}  // namespace gatehouse::controlplane
