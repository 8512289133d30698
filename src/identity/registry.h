// Every type of login method that leads to a provider, in alphabetical order of their folders.
// Generated from kinds.cmake. A folder `x` has `x/x.h` with `validate_x_config` and `make_x`.
#pragma once

#include <expected>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "identity/provider.h"
#include "model/resources.h"
#include "net/http_client.h"

namespace gatehouse::identity {

struct ProviderKind {
  std::string_view type;  // model::IdentityProvider::type
  // What is wrong with a `config`; its secrets may stand in it or not. Pure.
  std::vector<FieldProblem> (*validate_config)(const json::object& config);
  // Borrows `client` for the provider's life. Errors: ProviderMisbehaved `configuration_invalid`.
  std::expected<std::unique_ptr<IdentityProvider>, IdentityError> (*make)(
      const model::IdentityProvider& provider, const net::HttpClient& client);
};

[[nodiscard]] std::span<const ProviderKind> registry();
// nullptr: people cannot be led to a provider of that type.
[[nodiscard]] const ProviderKind* find_kind(std::string_view type);

}  // namespace gatehouse::identity
