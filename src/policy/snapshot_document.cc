#include "policy/snapshot_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/encoding.h"
#include "base/ip.h"
#include "base/ip_ranges.h"
#include "base/time.h"
#include "crypto/client_certificates.h"
#include "model/identity.h"
#include "policy/resource_reader.h"
#include "policy/resource_writer.h"
#include "policy/syntax.h"

namespace gatehouse::policy {
namespace {

// What an application's decisions need from outside the request.
struct Needs {
  std::set<std::string, std::less<>> integrations;
  std::map<std::string, decision::Evaluator, std::less<>> evaluators;  // by key
  bool country = false;

  // The strictest limit counts where several selectors ask the same evaluator.
  void add(const decision::Evaluator& evaluator) {
    const auto [known, is_new] = evaluators.emplace(evaluator.key, evaluator);
    if (!is_new) known->second.max_age = std::min(known->second.max_age, evaluator.max_age);
  }
  void add(const Needs& other) {
    integrations.insert(other.integrations.begin(), other.integrations.end());
    for (const auto& [key, evaluator] : other.evaluators) add(evaluator);
    country = country || other.country;
  }
};

// Finds it in the rules of the policies, through groups as well.
class NeedsFinder {
 public:
  explicit NeedsFinder(const model::Resources& resources) {
    for (const model::PostureRule& rule : resources.posture_rules) {
      rules_.emplace(rule.id, *json::find_string(rule.input, "connection_id"));
    }
    for (const model::Group& group : resources.groups) groups_.emplace(group.id, &group);
  }

  Needs of(const model::Application& application) {
    Needs found;
    for (const model::Policy& policy : application.policies) collect(policy, found);
    return found;
  }

 private:
  template <typename Owner>
  void collect(const Owner& owner, Needs& found) {
    for (const auto* list : {&owner.include, &owner.exclude, &owner.require}) {
      for (const model::Selector& selector : *list) collect_one(selector, found);
    }
  }

  void collect_one(const model::Selector& selector, Needs& found) {
    if (selector.kind == "device_posture") {
      const auto rule = json::find_string(selector.value, "integration_uid");
      const auto known = rule ? rules_.find(*rule) : rules_.end();
      if (known != rules_.end()) found.integrations.insert(known->second);
    } else if (selector.kind == "group") {
      const auto id = json::find_string(selector.value, "id");
      if (id) collect_group(*id, found);
    } else if (selector.kind == "external_evaluation") {
      found.add(evaluator_of(selector.value));
    } else if (selector.kind == "geo") {
      found.country = true;
    }
  }

  // INVARIANT: the selector's compiler has checked the value.
  static decision::Evaluator evaluator_of(const json::object& value) {
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

  // INVARIANT: read_sections has refused cycles, so this ends; each group is looked at once.
  void collect_group(std::string_view id, Needs& found) {
    auto known = of_group_.find(id);
    if (known == of_group_.end()) {
      Needs of_this;
      if (const auto group = groups_.find(id); group != groups_.end()) {
        collect(*group->second, of_this);
      }
      known = of_group_.emplace(id, std::move(of_this)).first;
    }
    found.add(known->second);
  }

  std::map<std::string, std::string, std::less<>> rules_;
  std::map<std::string, const model::Group*, std::less<>> groups_;
  std::map<std::string, Needs, std::less<>> of_group_;
};

// The administrator's pages by id; applications that have one share its text.
class Pages {
 public:
  explicit Pages(model::Resources& resources) {
    for (model::CustomPage& page : resources.custom_pages) {
      pages_.emplace(
          page.id,
          Page{page.type, std::make_shared<const std::string>(std::move(page.custom_html))});
    }
    forbidden_ = find(resources.organization.forbidden_page);
    identity_denied_ = find(resources.organization.identity_denied_page);
  }

  void choose(decision::CompiledApplication& application) const {
    application.forbidden_page = forbidden_;
    application.identity_denied_page = identity_denied_;
    for (const std::string& id : application.custom_pages) {
      const Page& page = pages_.at(id);
      (page.type == model::CustomPageType::Forbidden ? application.forbidden_page
                                                     : application.identity_denied_page) =
          page.html;
    }
  }

 private:
  using Html = std::shared_ptr<const std::string>;
  struct Page {
    model::CustomPageType type;
    Html html;
  };
  [[nodiscard]] Html find(const std::string& id) const {
    return id.empty() ? nullptr : pages_.at(id).html;
  }

  std::map<std::string, Page> pages_;
  Html forbidden_;  // of the organization
  Html identity_denied_;
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
  compiled.require_patched = json::find_string(rule.input, "patch_status").has_value();
  if (const auto comparison = json::find_string(rule.input, "vulnerability_operator")) {
    compiled.vulnerability_score = {*decision::parse_comparison(*comparison),
                                    rule.input.at("vulnerability_score").to_number<double>()};
  }
  return compiled;
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
            {"node_state_max_age", format_duration(organization.node_state_max_age)},
            {"custom_pages", write_page_choice(organization)}}},
          {"keys", {{"keys", context.jwks}}},
          {"identity_providers", std::move(providers)},
          {"device_posture_rules", write_posture_rules(resources.posture_rules)},
          {"lists", write_lists(resources.lists)},
          {"groups", write_groups(resources.groups)},
          {"service_tokens", write_service_tokens(resources.service_tokens)},
          {"mtls_certificates", write_mtls_certificates(resources.certificates)},
          {"custom_pages", write_custom_pages(resources.custom_pages)},
          {"applications", write_applications(resources.applications, ReusablePolicies::Expanded)}};
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
  NeedsFinder finder(resources);
  const Pages pages(resources);
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
  for (const model::List& list : resources.lists) builder.add_list(compile_list(list));
  add_client_certificates(resources.certificates, builder, problems);
  if (!problems.empty()) return std::unexpected(problems.take());
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
    const Needs needs = finder.of(application);
    decision::CompiledApplication compiled;
    static_cast<model::ApplicationSettings&>(compiled) =
        std::move(static_cast<model::ApplicationSettings&>(application));
    compiled.posture_integrations.assign(needs.integrations.begin(), needs.integrations.end());
    for (const auto& [key, evaluator] : needs.evaluators) compiled.evaluators.push_back(evaluator);
    compiled.uses_country = needs.country;
    pages.choose(compiled);
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
