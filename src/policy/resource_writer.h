// Writes the sections that the authored form and the snapshot document have in common, complete:
// ids, `aud` and defaults included. Pure.
#pragma once

#include <vector>

#include "base/json.h"
#include "model/resources.h"

namespace gatehouse::policy {

// id, name and type only.
[[nodiscard]] json::object write_provider(const model::IdentityProvider& provider);
[[nodiscard]] json::array write_posture_rules(const std::vector<model::PostureRule>& rules);
[[nodiscard]] json::array write_groups(const std::vector<model::Group>& groups);
[[nodiscard]] json::array write_service_tokens(const std::vector<model::ServiceToken>& tokens);
[[nodiscard]] json::array write_applications(const std::vector<model::Application>& applications);

}  // namespace gatehouse::policy
