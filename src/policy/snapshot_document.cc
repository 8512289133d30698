#include "policy/snapshot_document.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "base/encoding.h"
#include "base/time.h"
#include "policy/resource_reader.h"
#include "policy/resource_writer.h"
#include "policy/syntax.h"

namespace gatehouse::policy {
namespace {

// Which posture integrations a list of rules looks at, through groups as well.
class IntegrationFinder {
 public:
  explicit IntegrationFinder(const model::Resources& resources) {
    for (const model::PostureRule& rule : resources.posture_rules) {
      rules_.emplace(rule.id, *json::find_string(rule.input, "connection_id"));
    }
    for (const model::Group& group : resources.groups) groups_.emplace(group.id, &group);
  }

  std::vector<std::string> of(const model::Application& application) {
    Integrations found;
    for (const model::Policy& policy : application.policies) collect(policy, found);
    return {found.begin(), found.end()};
  }

 private:
  using Integrations = std::set<std::string, std::less<>>;

  template <typename Owner>
  void collect(const Owner& owner, Integrations& found) {
    for (const auto* list : {&owner.include, &owner.exclude, &owner.require}) {
      for (const model::Selector& selector : *list) {
        if (selector.kind == "device_posture") {
          const auto rule = json::find_string(selector.value, "integration_uid");
          const auto known = rule ? rules_.find(*rule) : rules_.end();
          if (known != rules_.end()) found.insert(known->second);
        } else if (selector.kind == "group") {
          const auto id = json::find_string(selector.value, "id");
          if (id) collect_group(*id, found);
        }
      }
    }
  }

  // INVARIANT: read_sections has refused cycles, so this ends; each group is looked at once.
  void collect_group(std::string_view id, Integrations& found) {
    auto known = of_group_.find(id);
    if (known == of_group_.end()) {
      Integrations of_this;
      if (const auto group = groups_.find(id); group != groups_.end()) {
        collect(*group->second, of_this);
      }
      known = of_group_.emplace(id, std::move(of_this)).first;
    }
    found.insert(known->second.begin(), known->second.end());
  }

  std::map<std::string, std::string, std::less<>> rules_;
  std::map<std::string, const model::Group*, std::less<>> groups_;
  std::map<std::string, Integrations, std::less<>> of_group_;
};

// format and sequence; the rest of the envelope is checked where it is used.
std::uint64_t read_envelope(ObjectReader& reader) {
  const json::value* format = reader.value("format");
  if (format == nullptr) {
    reader.problem("format", "is required");
  } else if (!format->is_int64() || format->get_int64() != kSnapshotFormat) {
    reader.problem("format", fmt::format("must be {}: another version of the gateway wrote this",
                                         kSnapshotFormat));
  }
  const json::value* sequence = reader.value("sequence");
  if (sequence != nullptr) {
    if (const auto* number = sequence->if_uint64()) return *number;
    if (const auto* number = sequence->if_int64(); number != nullptr && *number >= 0) {
      return static_cast<std::uint64_t>(*number);
    }
  }
  reader.problem("sequence", "must be a whole number");
  return 0;
}

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
  compiled.integration_id = *json::find_string(rule.input, "connection_id");
  compiled.require_managed = *json::find_bool(rule.input, "managed");
  compiled.max_checkin_age = std::chrono::duration_cast<std::chrono::seconds>(
      *parse_duration(*json::find_string(rule.input, "max_checkin_age")));
  compiled.max_evidence_age = rule.expiration;
  return compiled;
}

}  // namespace

json::object make_snapshot_document(const model::Resources& resources,
                                    const PublicationContext& context) {
  const model::Organization& organization = resources.organization;
  json::array providers;
  for (const model::IdentityProvider& provider : resources.identity_providers) {
    providers.push_back(write_provider(provider));
  }
  return {{"format", kSnapshotFormat},
          {"sequence", context.sequence},
          {"published_at", format_rfc3339(context.published_at)},
          {"organization",
           {{"name", organization.name},
            {"auth_domain", organization.auth_domain},
            {"issuer", context.issuer},
            {"node_state_max_age", format_duration(organization.node_state_max_age)}}},
          {"keys", {{"keys", context.jwks}}},
          {"identity_providers", std::move(providers)},
          {"device_posture_rules", write_posture_rules(resources.posture_rules)},
          {"groups", write_groups(resources.groups)},
          {"service_tokens", write_service_tokens(resources.service_tokens)},
          {"applications", write_applications(resources.applications)}};
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
  const std::uint64_t sequence = read_envelope(reader);
  // Of another format nothing else can be said.
  if (!problems.empty()) return std::unexpected(problems.take());
  const std::string published_at = reader.required_text("published_at");
  if (!published_at.empty() && !parse_rfc3339(published_at)) {
    reader.problem("published_at", "must be a time such as `2030-01-31T00:00:00Z`");
  }
  jose::JwkSet keys = read_keys(reader);
  for (const std::string_view key : section_keys(Form::Snapshot)) reader.known({key});
  reader.finish();
  ReadSections sections = read_sections(*object, Form::Snapshot, selectors, problems);
  if (!problems.empty()) return std::unexpected(problems.take());

  model::Resources& resources = sections.resources;
  IntegrationFinder integrations(resources);
  decision::SnapshotBuilder builder;
  builder.set_organization(resources.organization.name, resources.organization.auth_domain,
                           sections.issuer, resources.organization.node_state_max_age);
  builder.set_keys(std::move(keys));
  builder.set_sequence(sequence);
  // INVARIANT: matchers were compiled against positions in these lists, which the builder keeps.
  for (std::size_t i = 0; i < resources.groups.size(); ++i) {
    builder.add_group(
        {resources.groups[i].id, resources.groups[i].name, std::move(sections.groups[i])});
  }
  for (const model::PostureRule& rule : resources.posture_rules) {
    builder.add_posture_rule(compile_posture_rule(rule));
  }
  for (const model::ServiceToken& token : resources.service_tokens) {
    builder.add_service_token({token.id, token.name, token.client_id,
                               *hex_decode(token.client_secret_hash), token.expires_at,
                               token.enabled});
  }
  for (std::size_t i = 0; i < resources.applications.size(); ++i) {
    model::Application& application = resources.applications[i];
    decision::CompiledApplication compiled;
    static_cast<model::ApplicationSettings&>(compiled) = application;
    compiled.posture_integrations = integrations.of(application);
    compiled.id = std::move(application.id);
    compiled.audience = std::move(application.audience);
    compiled.name = std::move(application.name);
    compiled.hostname = host_of_domain(application.domains.front());
    for (std::size_t j = 0; j < application.policies.size(); ++j) {
      model::Policy& policy = application.policies[j];
      compiled.policies.push_back({std::move(policy.id), std::move(policy.name), policy.action,
                                   std::move(sections.policies[i][j]), policy.session_duration,
                                   policy.purpose_justification_required,
                                   std::move(policy.purpose_justification_prompt)});
    }
    builder.add_application(std::move(compiled), application.domains);
  }
  return builder.finish();
}

}  // namespace gatehouse::policy
