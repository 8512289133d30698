// Writes resources in the authored form, and in that of the snapshot document, complete: ids, `aud`
// and defaults included. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "model/resources.h"
#include "policy/authored.h"
#include "policy/form.h"

namespace gatehouse::policy {

[[nodiscard]] json::object write(const model::List& list, Form form);
[[nodiscard]] json::object write(const model::Group& group, Form form);
[[nodiscard]] json::object write(const model::PostureRule& rule, Form form);
[[nodiscard]] json::object write(const model::ServiceToken& token, Form form);
[[nodiscard]] json::object write(const model::MtlsCertificate& certificate, Form form);
[[nodiscard]] json::object write(const model::CustomPage& page, Form form);
// The authored form names reusable policies, which stand in a section of their own; the snapshot
// has them expanded.
[[nodiscard]] json::object write(const model::Application& application, Form form);

// In the authored form only.
[[nodiscard]] json::object write(const model::Organization& organization);
[[nodiscard]] json::object write(const model::IdentityProvider& provider, Secrets secrets);
[[nodiscard]] json::object write(const model::PostureIntegration& integration, Secrets secrets);
[[nodiscard]] json::object write(const model::Tag& tag);
[[nodiscard]] json::object write(const model::Bookmark& bookmark);
[[nodiscard]] json::object write_reusable(const model::Policy& policy);
[[nodiscard]] json::object write(const model::IngressRule& rule);

// The whole section of a snapshot document.
enum class ReusablePolicies : std::uint8_t { ById, Expanded };

// id, name and type only.
[[nodiscard]] json::object write_provider(const model::IdentityProvider& provider);
[[nodiscard]] json::array write_providers(const std::vector<model::IdentityProvider>& providers);
[[nodiscard]] json::array write_posture_rules(const std::vector<model::PostureRule>& rules);
[[nodiscard]] json::array write_lists(const std::vector<model::List>& lists);
[[nodiscard]] json::array write_groups(const std::vector<model::Group>& groups);
[[nodiscard]] json::array write_service_tokens(const std::vector<model::ServiceToken>& tokens);
[[nodiscard]] json::array write_mtls_certificates(
    const std::vector<model::MtlsCertificate>& certificates);
[[nodiscard]] json::array write_custom_pages(const std::vector<model::CustomPage>& pages);
// organization.custom_pages
[[nodiscard]] json::object write_page_choice(const model::Organization& organization);
// `login_design`; empty when there is none.
[[nodiscard]] json::object write_login_design(const model::Organization& organization);
[[nodiscard]] json::array write_applications(
    const model::SharedList<model::Application>& applications, ReusablePolicies reusable);

}  // namespace gatehouse::policy
