// The pure half of `azureAD`: configuration, claims, Graph's pages and error numbers in, checked
// values out. Opens nothing, reads no clock. Thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "decision/reason.h"
#include "identity/oidc/protocol.h"
#include "identity/provider.h"
#include "model/resources.h"
#include "net/http.h"

namespace gatehouse::identity {

inline constexpr std::size_t kMaxGroupPages = 20;
inline constexpr std::size_t kMaxGroups = 5000;  // of one person; they become part of the session

struct AzureAdConfig {
  OidcConfig oidc;
  std::string directory_id;               // lower case
  std::string graph_url;                  // no slash at its end
  std::vector<std::string> email_claims;  // the first that is there counts
  bool support_groups = false;
};
// Errors: ProviderMisbehaved `configuration_invalid`.
[[nodiscard]] std::expected<AzureAdConfig, IdentityError> read_azure_ad_config(
    const model::IdentityProvider& provider);

// `wish` as Entra ID understands it: contexts become the claims request for `acrs`, beside what a
// challenge demands.
// Source: Microsoft identity platform, "Developer guide to Conditional Access authentication
// context".
[[nodiscard]] SignInWish entra_wish(SignInWish wish, const AzureAdConfig& config);

// The person of a verified ID token. Demands `tid` of the configured tenant; the subject is `oid`,
// which stays when addresses change and is the same for every integration of the tenant.
[[nodiscard]] std::expected<ProviderIdentity, IdentityError> identity_from_entra(
    const json::object& claims, const AzureAdConfig& config);

struct GroupPage {
  std::vector<std::string> ids;
  std::string next;  // URL of the next page; empty: this was the last
};
// One page of transitiveMemberOf. Objects that are no groups are left out. `next` stays on Graph.
[[nodiscard]] std::expected<GroupPage, IdentityError> parse_group_page(std::string_view body,
                                                                       std::string_view graph_url);
// `Retry-After` in seconds; nullopt: absent or not a number.
[[nodiscard]] std::optional<std::chrono::seconds> retry_after(const net::HttpResponse& response);

// What a person is told for a number such as AADSTS53000; None: nothing particular.
// Source: Microsoft Entra authentication and authorization error codes.
[[nodiscard]] decision::Reason reason_for_entra_code(std::string_view code);
// The same error with its hint.
[[nodiscard]] IdentityError explained(IdentityError error);

}  // namespace gatehouse::identity
