#include "policy/resource_writer.h"

#include "base/time.h"
#include "policy/type_names.h"

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

json::object write_policy(const model::Policy& policy) {
  json::object object{
      {"id", policy.id}, {"name", policy.name}, {"decision", model::to_string(policy.action)}};
  write_rules(policy, object);
  if (policy.session_duration) {
    object["session_duration"] = format_duration(*policy.session_duration);
  }
  if (policy.purpose_justification_required) object["purpose_justification_required"] = true;
  if (!policy.purpose_justification_prompt.empty()) {
    object["purpose_justification_prompt"] = policy.purpose_justification_prompt;
  }
  return object;
}

json::object write_cors(const model::CorsHeaders& cors) {
  json::object object{{"allow_all_headers", cors.allow_all_headers},
                      {"allow_all_methods", cors.allow_all_methods},
                      {"allow_all_origins", cors.allow_all_origins},
                      {"allow_credentials", cors.allow_credentials},
                      {"allowed_headers", write_texts(cors.allowed_headers)},
                      {"allowed_methods", write_texts(cors.allowed_methods)},
                      {"allowed_origins", write_texts(cors.allowed_origins)}};
  if (cors.max_age) object["max_age"] = *cors.max_age;
  return object;
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

json::array write_policies(const std::vector<model::Policy>& policies) {
  json::array list;
  for (const model::Policy& policy : policies) list.push_back(write_policy(policy));
  return list;
}

json::array write_lists(const std::vector<model::List>& lists) {
  json::array written;
  for (const model::List& list : lists) {
    json::array items;
    items.reserve(list.items.size());
    for (const std::string& item : list.items) items.push_back(json::object{{"value", item}});
    written.push_back({{"id", list.id},
                       {"name", list.name},
                       {"type", name_of(kListTypes, list.type)},
                       {"items", std::move(items)}});
  }
  return written;
}

json::array write_mtls_certificates(const std::vector<model::MtlsCertificate>& certificates) {
  json::array list;
  for (const model::MtlsCertificate& certificate : certificates) {
    json::object object{{"id", certificate.id},
                        {"name", certificate.name},
                        {"certificate", certificate.certificate},
                        {"associated_hostnames", write_texts(certificate.associated_hostnames)}};
    if (!certificate.crl.empty()) object["crl"] = certificate.crl;
    if (!certificate.revoked_serials.empty()) {
      object["revoked_serial_numbers"] = write_texts(certificate.revoked_serials);
    }
    list.push_back(std::move(object));
  }
  return list;
}

json::array write_custom_pages(const std::vector<model::CustomPage>& pages) {
  json::array list;
  for (const model::CustomPage& page : pages) {
    list.push_back({{"id", page.id},
                    {"name", page.name},
                    {"type", name_of(kCustomPageTypes, page.type)},
                    {"custom_html", page.custom_html}});
  }
  return list;
}

json::object write_page_choice(const model::Organization& organization) {
  json::object object;
  if (!organization.forbidden_page.empty()) object["forbidden"] = organization.forbidden_page;
  if (!organization.identity_denied_page.empty()) {
    object["identity_denied"] = organization.identity_denied_page;
  }
  return object;
}

json::array write_applications(const std::vector<model::Application>& applications,
                               ReusablePolicies reusable) {
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
        {"path_cookie_attribute", application.path_cookie_attribute},
        {"enable_binding_cookie", application.enable_binding_cookie},
        {"options_preflight_bypass", application.options_preflight_bypass},
        {"service_auth_401_redirect", application.service_auth_401_redirect},
        {"skip_interstitial", application.skip_interstitial},
        {"decision_headers", application.decision_headers}};
    if (application.cors_headers) object["cors_headers"] = write_cors(*application.cors_headers);
    const auto write_if = [&object](std::string_view key, const std::string& text) {
      if (!text.empty()) object[key] = text;
    };
    write_if("custom_deny_message", application.custom_deny_message);
    write_if("custom_deny_url", application.custom_deny_url);
    write_if("custom_non_identity_deny_url", application.custom_non_identity_deny_url);
    write_if("read_service_tokens_from_header", application.read_service_tokens_from_header);
    if (!application.custom_pages.empty()) {
      object["custom_pages"] = write_texts(application.custom_pages);
    }
    json::array policies;
    policies.reserve(application.policies.size());
    for (const model::Policy& policy : application.policies) {
      if (policy.reusable && reusable == ReusablePolicies::ById) {
        policies.emplace_back(policy.id);
      } else {
        policies.push_back(write_policy(policy));
      }
    }
    object["policies"] = std::move(policies);
    list.push_back(std::move(object));
  }
  return list;
}

}  // namespace gatehouse::policy
