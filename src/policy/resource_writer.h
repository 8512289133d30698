// Writes the sections that the authored form and the snapshot document have in common, complete:
// ids, `aud` and defaults included. Pure.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "model/resources.h"

namespace gatehouse::policy {

// The authored form names reusable policies, which stand in a section of their own; the snapshot
// has them expanded.
enum class ReusablePolicies : std::uint8_t { ById, Expanded };

// id, name and type only.
[[nodiscard]] json::object write_provider(const model::IdentityProvider& provider);
[[nodiscard]] json::array write_posture_rules(const std::vector<model::PostureRule>& rules);
[[nodiscard]] json::array write_lists(const std::vector<model::List>& lists);
[[nodiscard]] json::array write_groups(const std::vector<model::Group>& groups);
[[nodiscard]] json::array write_service_tokens(const std::vector<model::ServiceToken>& tokens);
[[nodiscard]] json::array write_policies(const std::vector<model::Policy>& policies);
[[nodiscard]] json::array write_mtls_certificates(
    const std::vector<model::MtlsCertificate>& certificates);
[[nodiscard]] json::array write_custom_pages(const std::vector<model::CustomPage>& pages);
// organization.custom_pages
[[nodiscard]] json::object write_page_choice(const model::Organization& organization);
[[nodiscard]] json::array write_applications(const std::vector<model::Application>& applications,
                                             ReusablePolicies reusable);

}  // namespace gatehouse::policy
