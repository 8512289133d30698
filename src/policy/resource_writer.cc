#include "policy/resource_writer.h"

#include "base/time.h"

namespace gatehouse::policy {
namespace {

json::array write_list(const std::vector<model::Selector>& selectors) {
  json::array list;
  list.reserve(selectors.size());
  for (const model::Selector& selector : selectors) {
    list.push_back(json::object{{selector.kind, selector.value}});
  }
  return list;
}

template <typename Owner>
void write_rules(const Owner& owner, json::object& object) {
  object["include"] = write_list(owner.include);
  object["exclude"] = write_list(owner.exclude);
  object["require"] = write_list(owner.require);
}

json::array write_texts(const std::vector<std::string>& texts) {
  return json::array(texts.begin(), texts.end());
}

}  // namespace

json::object write_provider(const model::IdentityProvider& provider) {
  return {{"id", provider.id}, {"name", provider.name}, {"type", provider.type}};
}

json::array write_posture_rules(const std::vector<model::PostureRule>& rules) {
  json::array list;
  for (const model::PostureRule& rule : rules) {
    list.push_back({{"id", rule.id},
                    {"name", rule.name},
                    {"type", rule.type},
                    {"input", rule.input},
                    {"expiration", format_duration(rule.expiration)}});
  }
  return list;
}

json::array write_groups(const std::vector<model::Group>& groups) {
  json::array list;
  for (const model::Group& group : groups) {
    json::object object{{"id", group.id}, {"name", group.name}};
    write_rules(group, object);
    list.push_back(std::move(object));
  }
  return list;
}

json::array write_service_tokens(const std::vector<model::ServiceToken>& tokens) {
  json::array list;
  for (const model::ServiceToken& token : tokens) {
    json::object object{{"id", token.id},
                        {"name", token.name},
                        {"client_id", token.client_id},
                        {"client_secret_hash", token.client_secret_hash},
                        {"enabled", token.enabled}};
    if (token.expires_at) object["expires_at"] = format_rfc3339(*token.expires_at);
    list.push_back(std::move(object));
  }
  return list;
}

json::array write_applications(const std::vector<model::Application>& applications) {
  json::array list;
  list.reserve(applications.size());
  for (const model::Application& application : applications) {
    json::object object{
        {"id", application.id},
        {"aud", application.audience},
        {"name", application.name},
        {"type", "self_hosted"},
        {"domain", application.domains.empty() ? std::string() : application.domains.front()},
        {"self_hosted_domains", write_texts(application.domains)},
        {"session_duration", format_duration(application.session_duration)},
        {"allowed_idps", write_texts(application.allowed_idps)},
        {"auto_redirect_to_identity", application.auto_redirect_to_identity},
        {"same_site_cookie_attribute", application.same_site_cookie_attribute},
        {"http_only_cookie_attribute", application.http_only_cookie_attribute},
        {"decision_headers", application.decision_headers}};
    json::array policies;
    for (const model::Policy& policy : application.policies) {
      json::object entry{
          {"id", policy.id}, {"name", policy.name}, {"decision", model::to_string(policy.action)}};
      write_rules(policy, entry);
      if (policy.session_duration) {
        entry["session_duration"] = format_duration(*policy.session_duration);
      }
      policies.push_back(std::move(entry));
    }
    object["policies"] = std::move(policies);
    list.push_back(std::move(object));
  }
  return list;
}

}  // namespace gatehouse::policy
