#include "policy/resource_writer.h"

#include <utility>

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

void write_kept(const json::object& kept, Form form, json::object& object) {
  if (form != Form::Authored) return;
  for (const auto& member : kept) object[member.key()] = member.value();
}

json::object write_policy(const model::Policy& policy, Form form) {
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
  if (policy.dashboard_role) object["dashboard_role"] = model::to_string(*policy.dashboard_role);
  if (policy.precedence && form == Form::Authored) object["precedence"] = *policy.precedence;
  write_kept(policy.kept, form, object);
  return object;
}

// As an application's policies have it.
json::value write_application_policy(const model::Policy& policy, Form form) {
  if (!policy.reusable || form == Form::Snapshot) return write_policy(policy, form);
  if (!policy.precedence) return json::value(policy.id);
  return json::object{{"id", policy.id}, {"precedence", *policy.precedence}};
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

json::object write_config(const json::object& config, const model::ConfigSecrets& values,
                          Secrets secrets) {
  json::object object = config;
  if (secrets == Secrets::Include) {
    for (const auto& [key, secret] : values) object[key] = secret.reveal();
  }
  return object;
}

json::object write_settings(const model::Application& application) {
  json::object object{
      {"type", name_of(kApplicationTypes, application.type)},
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
  return object;
}

template <typename Container, typename F>
json::array write_each(const Container& resources, F f) {
  json::array list;
  list.reserve(resources.size());
  for (const auto& resource : resources) list.push_back(f(resource));
  return list;
}

template <typename Container>
json::array write_section(const Container& resources) {
  return write_each(resources,
                    [](const auto& resource) { return write(resource, Form::Snapshot); });
}

}  // namespace

json::object write(const model::List& list, Form form) {
  json::array items;
  items.reserve(list.items.size());
  for (const std::string& item : list.items) {
    json::object object{{"value", item}};
    if (const json::object* kept = json::find_object(list.kept_items, item)) {
      write_kept(*kept, form, object);
    }
    items.push_back(std::move(object));
  }
  json::object object{{"id", list.id},
                      {"name", list.name},
                      {"type", name_of(kListTypes, list.type)},
                      {"items", std::move(items)}};
  write_kept(list.kept, form, object);
  return object;
}

json::object write(const model::Group& group, Form form) {
  json::object object{{"id", group.id}, {"name", group.name}};
  write_rules(group, object);
  write_kept(group.kept, form, object);
  return object;
}

json::object write(const model::PostureRule& rule, Form form) {
  json::object object{{"id", rule.id}, {"name", rule.name}, {"type", rule.type}};
  if (form == Form::Authored || model::can_be_checked(rule)) object["input"] = rule.input;
  object["expiration"] = format_duration(rule.expiration);
  write_kept(rule.kept, form, object);
  return object;
}

json::object write(const model::ServiceToken& token, Form form) {
  json::object object{{"id", token.id},
                      {"name", token.name},
                      {"client_id", token.client_id},
                      {"client_secret_hash", token.client_secret_hash},
                      {"enabled", token.enabled}};
  if (token.expires_at) object["expires_at"] = format_rfc3339(*token.expires_at);
  if (!token.previous_client_secret_hash.empty()) {
    object["previous_client_secret_hash"] = token.previous_client_secret_hash;
  }
  if (token.previous_client_secret_expires_at) {
    object["previous_client_secret_expires_at"] =
        format_rfc3339(*token.previous_client_secret_expires_at);
  }
  if (!token.duration.empty() && form == Form::Authored) object["duration"] = token.duration;
  write_kept(token.kept, form, object);
  return object;
}

json::object write(const model::MtlsCertificate& certificate, Form form) {
  json::object object{{"id", certificate.id},
                      {"name", certificate.name},
                      {"certificate", certificate.certificate},
                      {"associated_hostnames", write_texts(certificate.associated_hostnames)}};
  if (!certificate.crl.empty()) object["crl"] = certificate.crl;
  if (!certificate.revoked_serials.empty()) {
    object["revoked_serial_numbers"] = write_texts(certificate.revoked_serials);
  }
  write_kept(certificate.kept, form, object);
  return object;
}

json::object write(const model::CustomPage& page, Form form) {
  json::object object{{"id", page.id},
                      {"name", page.name},
                      {"type", name_of(kCustomPageTypes, page.type)},
                      {"custom_html", page.custom_html}};
  write_kept(page.kept, form, object);
  return object;
}

json::object write(const model::Application& application, Form form) {
  json::object object{
      {"id", application.id}, {"aud", application.audience}, {"name", application.name}};
  if (!is_protected(application)) {
    object["type"] = "bookmark";
  } else {
    for (auto& member : write_settings(application)) {
      object.emplace(member.key(), std::move(member.value()));
    }
  }
  if (form == Form::Authored) {
    if (!application.inert_custom_pages.empty()) {
      json::value& pages = object["custom_pages"];
      if (!pages.is_array()) pages.emplace_array();
      for (const std::string& id : application.inert_custom_pages) {
        pages.get_array().emplace_back(id);
      }
    }
    if (!application.tags.empty()) object["tags"] = write_texts(application.tags);
  }
  write_kept(application.kept, form, object);
  object["policies"] = write_each(application.policies, [form](const model::Policy& policy) {
    return write_application_policy(policy, form);
  });
  return object;
}

json::object write(const model::Organization& organization) {
  json::object object{{"name", organization.name},
                      {"auth_domain", organization.auth_domain},
                      {"session_duration", format_duration(organization.session_duration)},
                      {"node_state_max_age", format_duration(organization.node_state_max_age)},
                      {"custom_pages", write_page_choice(organization)}};
  write_kept(organization.kept, Form::Authored, object);
  return object;
}

json::object write(const model::IdentityProvider& provider, Secrets secrets) {
  json::object object = write_provider(provider);
  object["config"] = write_config(provider.config, provider.secrets, secrets);
  write_kept(provider.kept, Form::Authored, object);
  return object;
}

json::object write(const model::PostureIntegration& integration, Secrets secrets) {
  json::object object{{"id", integration.id},
                      {"name", integration.name},
                      {"type", integration.type},
                      {"config", write_config(integration.config, integration.secrets, secrets)}};
  write_kept(integration.kept, Form::Authored, object);
  return object;
}

json::object write(const model::Tag& tag) { return {{"name", tag.name}}; }

json::object write(const model::Bookmark& bookmark) {
  json::object object{{"id", bookmark.id}, {"name", bookmark.name}};
  write_kept(bookmark.kept, Form::Authored, object);
  return object;
}

json::object write_reusable(const model::Policy& policy) {
  json::object object = write_policy(policy, Form::Authored);
  object["reusable"] = true;
  return object;
}

json::object write(const model::IngressRule& rule) {
  json::object object;
  if (!rule.hostname.empty()) object["hostname"] = rule.hostname;
  if (!rule.path.empty()) object["path"] = rule.path;
  object["service"] = rule.service;
  if (!rule.origin_request.empty()) object["originRequest"] = rule.origin_request;
  return object;
}

json::object write_provider(const model::IdentityProvider& provider) {
  return {{"id", provider.id}, {"name", provider.name}, {"type", provider.type}};
}

json::array write_providers(const std::vector<model::IdentityProvider>& providers) {
  json::array section;
  for (const auto& provider : providers) section.emplace_back(write_provider(provider));
  return section;
}

json::array write_posture_rules(const std::vector<model::PostureRule>& rules) {
  return write_section(rules);
}
json::array write_lists(const std::vector<model::List>& lists) { return write_section(lists); }
json::array write_groups(const std::vector<model::Group>& groups) { return write_section(groups); }
json::array write_service_tokens(const std::vector<model::ServiceToken>& tokens) {
  return write_section(tokens);
}
json::array write_mtls_certificates(const std::vector<model::MtlsCertificate>& certificates) {
  return write_section(certificates);
}

json::array write_custom_pages(const std::vector<model::CustomPage>& pages) {
  json::array list;
  for (const model::CustomPage& page : pages) {
    if (is_shown(page.type)) list.push_back(write(page, Form::Snapshot));
  }
  return list;
}

json::object write_login_design(const model::Organization& organization) {
  const json::object* design = json::find_object(organization.kept, "login_design");
  return design == nullptr ? json::object{} : *design;
}

json::object write_page_choice(const model::Organization& organization) {
  json::object object;
  if (!organization.forbidden_page.empty()) object["forbidden"] = organization.forbidden_page;
  if (!organization.identity_denied_page.empty()) {
    object["identity_denied"] = organization.identity_denied_page;
  }
  return object;
}

json::array write_applications(const model::SharedList<model::Application>& applications,
                               ReusablePolicies reusable) {
  const Form form = reusable == ReusablePolicies::ById ? Form::Authored : Form::Snapshot;
  json::array list;
  list.reserve(applications.size());
  for (const model::Application& application : applications) {
    if (form == Form::Authored || is_protected(application)) {
      list.push_back(write(application, form));
    }
  }
  return list;
}

}  // namespace gatehouse::policy
