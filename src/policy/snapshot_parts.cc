#include "policy/snapshot_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/encoding.h"
#include "base/ip.h"
#include "base/ip_ranges.h"
#include "base/time.h"
#include "model/identity.h"
#include "policy/resource_writer.h"
#include "policy/snapshot_document.h"
#include "policy/syntax.h"

namespace gatehouse::policy {
namespace {

// INVARIANT: the selector's compiler has checked the value.
decision::Evaluator evaluator_of(const json::object& value) {
  decision::Evaluator evaluator;
  evaluator.evaluate_url = json::find_string(value, "evaluate_url").value_or("");
  evaluator.keys_url = json::find_string(value, "keys_url").value_or("");
  evaluator.key = decision::evaluation_key(evaluator.evaluate_url, evaluator.keys_url);
  const auto expiration = json::find_string(value, "expiration");
  if (const auto age = expiration ? parse_duration(*expiration) : std::nullopt) {
    evaluator.max_age = std::chrono::duration_cast<std::chrono::seconds>(*age);
  }
  return evaluator;
}

// Finds what decisions need in the rules of policies and groups.
class NeedsFinder {
 public:
  // Of what has that id; nullptr: there is none.
  struct Known {
    std::function<const decision::Needs*(std::string_view id)> group;
    std::function<const std::string*(std::string_view id)> integration_of_rule;
  };
  explicit NeedsFinder(const Known& known) : known_(known) {}

  template <typename Owner>
  void add(const Owner& owner) {
    for (const auto* list : {&owner.include, &owner.exclude, &owner.require}) {
      for (const model::Selector& selector : *list) add_one(selector);
    }
  }
  [[nodiscard]] decision::Needs found() const {
    decision::Needs needs;
    needs.posture_integrations.assign(integrations_.begin(), integrations_.end());
    for (const auto& [key, evaluator] : evaluators_) needs.evaluators.push_back(evaluator);
    needs.uses_country = uses_country_;
    return needs;
  }

 private:
  void add_one(const model::Selector& selector) {
    if (selector.kind == "device_posture") {
      const auto id = json::find_string(selector.value, "integration_uid");
      const std::string* integration = id ? known_.integration_of_rule(*id) : nullptr;
      // Where nothing brings evidence there is nobody to ask for it.
      if (integration != nullptr && !integration->empty()) integrations_.insert(*integration);
    } else if (selector.kind == "group") {
      const auto id = json::find_string(selector.value, "id");
      const decision::Needs* needs = id ? known_.group(*id) : nullptr;
      if (needs == nullptr) return;
      integrations_.insert(needs->posture_integrations.begin(), needs->posture_integrations.end());
      for (const decision::Evaluator& evaluator : needs->evaluators) add(evaluator);
      uses_country_ = uses_country_ || needs->uses_country;
    } else if (selector.kind == "external_evaluation") {
      add(evaluator_of(selector.value));
    } else if (selector.kind == "geo") {
      uses_country_ = true;
    }
  }
  // The strictest limit counts where several selectors ask the same evaluator.
  void add(const decision::Evaluator& evaluator) {
    const auto [known, is_new] = evaluators_.emplace(evaluator.key, evaluator);
    if (!is_new) known->second.max_age = std::min(known->second.max_age, evaluator.max_age);
  }

  const Known& known_;
  std::set<std::string> integrations_;
  std::map<std::string, decision::Evaluator> evaluators_;  // by key
  bool uses_country_ = false;
};

// In the order of `groups`. `known` answers for groups that are not among them.
std::vector<decision::Needs> find_needs(const std::vector<model::Group>& groups,
                                        const NeedsFinder::Known& known) {
  std::unordered_map<std::string_view, std::size_t> positions;
  for (std::size_t i = 0; i < groups.size(); ++i) positions.emplace(groups[i].id, i);
  std::vector<decision::Needs> needs(groups.size());
  std::vector<bool> done(groups.size());
  // INVARIANT: cycles have been refused, so this ends; each group is looked at once.
  NeedsFinder::Known here = known;
  here.group = [&](std::string_view id) -> const decision::Needs* {
    const auto position = positions.find(id);
    if (position == positions.end()) return known.group(id);
    const std::size_t i = position->second;
    if (!done[i]) {
      NeedsFinder finder(here);
      finder.add(groups[i]);
      needs[i] = finder.found();
      done[i] = true;
    }
    return &needs[i];
  };
  for (const model::Group& group : groups) here.group(group.id);
  return needs;
}

NeedsFinder::Known known_in(const decision::Snapshot& snapshot) {
  return {[&snapshot](std::string_view id) -> const decision::Needs* {
            const auto index = snapshot.group_index(id);
            return index ? &snapshot.group(*index).needs : nullptr;
          },
          [&snapshot](std::string_view id) -> const std::string* {
            const auto index = snapshot.posture_rule_index(id);
            return index ? &snapshot.posture_rule(*index).integration_id : nullptr;
          }};
}

decision::CompiledPostureRule compile_posture_rule(const model::PostureRule& rule) {
  decision::CompiledPostureRule compiled;
  compiled.id = rule.id;
  compiled.name = rule.name;
  compiled.type = rule.type;
  compiled.max_evidence_age = rule.expiration;
  if (!model::can_be_checked(rule)) return compiled;
  compiled.integration_id = integration_of(rule);
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

decision::CompiledServiceToken compile_service_token(const model::ServiceToken& token) {
  decision::CompiledServiceToken compiled{token.id,
                                          token.name,
                                          token.client_id,
                                          *hex_decode(token.client_secret_hash),
                                          token.expires_at,
                                          token.enabled,
                                          "",
                                          {}};
  if (!token.previous_client_secret_hash.empty()) {
    compiled.previous_secret_sha256 = *hex_decode(token.previous_client_secret_hash);
    compiled.previous_expires_at = *token.previous_client_secret_expires_at;
  }
  return compiled;
}

// `rules` are those of its policies. The groups, posture rules and pages that it names are in
// `known`.
decision::CompiledApplication compile_application(const model::Application& application,
                                                  std::vector<decision::CompiledRules> rules,
                                                  const decision::Snapshot& known) {
  decision::CompiledApplication compiled;
  static_cast<model::ApplicationSettings&>(compiled) = application;
  const NeedsFinder::Known needed = known_in(known);
  NeedsFinder finder(needed);
  for (const model::Policy& policy : application.policies) finder.add(policy);
  static_cast<decision::Needs&>(compiled) = finder.found();
  compiled.forbidden_page = known.forbidden_page().html;
  compiled.identity_denied_page = known.identity_denied_page().html;
  for (const std::string& id : application.custom_pages) {
    const decision::CompiledPage& page = *known.page(id);
    (page.type == model::CustomPageType::Forbidden ? compiled.forbidden_page
                                                   : compiled.identity_denied_page) = page.html;
  }
  compiled.id = application.id;
  compiled.audience = application.audience;
  compiled.name = application.name;
  compiled.hostname = host_of_domain(application.domains.front());
  for (std::size_t i = 0; i < application.policies.size(); ++i) {
    const model::Policy& policy = application.policies[i];
    compiled.policies.push_back({policy.id, policy.name, policy.action, std::move(rules[i]),
                                 policy.session_duration, policy.purpose_justification_required,
                                 policy.purpose_justification_prompt, policy.dashboard_role});
  }
  return compiled;
}

}  // namespace

json::object write_organization(const model::Organization& organization) {
  return {{"name", organization.name},
          {"node_state_max_age", format_duration(organization.node_state_max_age)},
          {"login_design", write_login_design(organization)}};
}

json::object write_foundation(const model::Resources& resources) {
  const model::Organization& organization = resources.organization;
  return {{"organization",
           {{"auth_domain", organization.auth_domain},
            {"custom_pages", write_page_choice(organization)}}},
          {"mtls_certificates", write_mtls_certificates(resources.certificates)},
          {"custom_pages", write_custom_pages(resources.custom_pages)}};
}

void read_format(ObjectReader& reader) {
  const json::value* format = reader.value("format");
  if (format == nullptr) {
    reader.problem("format", "is required");
  } else if (!format->is_int64() || format->get_int64() != kSnapshotFormat) {
    reader.problem("format", fmt::format("must be {}: another version of the gateway wrote this",
                                         kSnapshotFormat));
  }
}

std::uint64_t read_sequence(ObjectReader& reader, std::string_view key) {
  const json::value* sequence = reader.value(key);
  if (sequence != nullptr) {
    if (const auto* number = sequence->if_uint64()) return *number;
    if (const auto* number = sequence->if_int64(); number != nullptr && *number >= 0) {
      return static_cast<std::uint64_t>(*number);
    }
  }
  reader.problem(key, "must be a whole number");
  return 0;
}

void read_published_at(ObjectReader& reader) {
  const std::string published_at = reader.required_text("published_at");
  if (!published_at.empty() && !parse_rfc3339(published_at)) {
    reader.problem("published_at", "must be a time such as `2030-01-31T00:00:00Z`");
  }
}

decision::CompiledList compile_list(const model::List& list) {
  decision::CompiledList compiled;
  compiled.id = list.id;
  compiled.name = list.name;
  compiled.type = list.type;
  if (list.type == model::ListType::Email) {
    for (const std::string& item : list.items) {
      compiled.emails.try_emplace(*model::canonical_email(item));
    }
  } else {
    std::vector<IpNetwork> networks;
    networks.reserve(list.items.size());
    for (const std::string& item : list.items) networks.push_back(*IpNetwork::parse(item));
    compiled.networks = IpRanges(networks);
  }
  return compiled;
}

std::string integration_of(const model::PostureRule& rule) {
  if (!model::can_be_checked(rule)) return {};
  return std::string(json::find_string(rule.input, "connection_id").value_or(""));
}

std::vector<decision::Needs> needs_of_groups(const model::Resources& resources) {
  std::unordered_map<std::string_view, std::string> integrations;
  for (const model::PostureRule& rule : resources.posture_rules) {
    integrations.emplace(rule.id, integration_of(rule));
  }
  const NeedsFinder::Known known{[](std::string_view) -> const decision::Needs* { return nullptr; },
                                 [&](std::string_view id) -> const std::string* {
                                   const auto found = integrations.find(id);
                                   return found == integrations.end() ? nullptr : &found->second;
                                 }};
  return find_needs(resources.groups, known);
}

void add_to_snapshot(ReadSections sections, decision::SnapshotBuilder& builder) {
  const model::Resources& resources = sections.resources;
  for (const model::IdentityProvider& provider : resources.identity_providers) {
    builder.add_login_method(provider.id);
  }
  for (const model::PostureRule& rule : resources.posture_rules) {
    builder.add_posture_rule(compile_posture_rule(rule));
  }
  std::vector<decision::Needs> needs = find_needs(resources.groups, known_in(builder.so_far()));
  for (std::size_t i = 0; i < resources.groups.size(); ++i) {
    builder.add_group({resources.groups[i].id, resources.groups[i].name,
                       std::move(sections.groups[i]), std::move(needs[i])});
  }
  for (const model::ServiceToken& token : resources.service_tokens) {
    builder.add_service_token(compile_service_token(token));
  }
  for (std::size_t i = 0; i < resources.applications.size(); ++i) {
    const model::Application& application = resources.applications[i];
    builder.add_application(
        compile_application(application, std::move(sections.policies[i]), builder.so_far()),
        application.domains);
  }
}

}  // namespace gatehouse::policy
