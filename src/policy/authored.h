// The authored form: JSON in the shapes of the Access API -> model::Resources, and back. Pure.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "base/json.h"
#include "decision/matcher.h"
#include "model/resources.h"

namespace gatehouse::policy {

// One thing wrong with the authored form. `pointer` is RFC 6901: /applications/0/policies/1/name.
struct Problem {
  std::string pointer;
  std::string message;  // "must be a duration such as `24h`"
};

// `document` is an object with the keys organization, identity_providers,
// device_posture_integrations, device_posture_rules, lists, groups, service_tokens,
// mtls_certificates, custom_pages, policies, applications, ingress; other top-level keys are left
// to the caller. Names may stand where the API has ids; absent ids
// and `aud` are derived from the name (uuid v5), so that the same file always gives the same
// resources. Returns every problem found, not just the first. Selector values are compiled to check
// them.
[[nodiscard]] std::expected<model::Resources, std::vector<Problem>> read_resources(
    const json::value& document, decision::SelectorRegistry selectors);

// The same document, complete (ids, aud, defaults), with client_secret only when asked for (the
// store encrypts it).
enum class Secrets : std::uint8_t { Omit, Include };
[[nodiscard]] json::object write_resources(const model::Resources& resources, Secrets secrets);

}  // namespace gatehouse::policy
