// The authored form: JSON in the shapes of the Access API -> model::Resources, and back. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
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

// The keys of a `config` whose values are secrets, of identity providers and of device posture
// integrations.
inline constexpr std::array<std::string_view, 3> kSecretConfigKeys{"client_secret", "client_key",
                                                                   "access_client_secret"};
// Whether they stand in a document.
enum class Secrets : std::uint8_t { Omit, Include };

// `document` is an object with the sections that documents.h names; other top-level keys are left
// to the caller. Names may stand where the API has ids; absent ids and `aud` are derived from the
// name (uuid v5), so that the same file always gives the same resources. Returns every problem
// found, not just the first. Selector values are compiled to check them. Secrets are read where
// they stand; with Secrets::Include those that a configuration needs must be there.
[[nodiscard]] std::expected<model::Resources, std::vector<Problem>> read_resources(
    const json::value& document, decision::SelectorRegistry selectors,
    Secrets secrets = Secrets::Omit);

// The same document, complete (ids, aud, defaults), with secrets only when asked for (the store
// encrypts them).
[[nodiscard]] json::object write_resources(const model::Resources& resources, Secrets secrets);

}  // namespace gatehouse::policy
