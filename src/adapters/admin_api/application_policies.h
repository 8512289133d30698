// The policies of applications, as their documents hold them: links to reusable policies and
// policies of their own, each with its precedence. Pure.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "controlplane/gateway.h"
#include "policy/documents.h"

namespace gatehouse::adapters::admin_api {

// One policy of an application: `{"id", "precedence"}` for a reusable one.
struct ApplicationPolicy {
  std::string id;
  std::int64_t precedence = 0;
  bool is_link = false;
  json::object body;  // as it stands in the document, id and precedence included
};

// In the order of precedence.
[[nodiscard]] std::vector<ApplicationPolicy> policies_of(const json::object& application,
                                                         const policy::Documents& documents);
[[nodiscard]] json::array policies_value(std::vector<ApplicationPolicy> policies);

// What a client wrote as `policies`: ids, links and policies of the application's own. Those get an
// id where they have none; each gets a precedence, the next free one where it is left out.
// `before`: the application as it was, nullptr: it is new.
[[nodiscard]] std::expected<std::vector<ApplicationPolicy>, controlplane::ChangeError>
read_policies(const json::value& written, const json::object* before,
              const policy::Documents& documents);

// The first key by which what a client wrote for a link says something else than the reusable
// policy; nullopt: it says the same. Such a policy is not changed through its applications.
[[nodiscard]] std::optional<std::string> changed_key(const json::object& written,
                                                     const policy::Document& reusable);
inline constexpr std::string_view kChangedElsewhere =
    "the policy is reusable: change it at `access/policies`";

// As the API shows it: complete, links expanded.
[[nodiscard]] json::object show_policy(const ApplicationPolicy& policy,
                                       const policy::Document& application,
                                       const policy::Documents& documents);

// How many applications have each reusable policy, tag or custom page, by id.
using Counts = std::map<std::string, std::size_t, std::less<>>;
[[nodiscard]] Counts count_in_applications(const policy::Documents& documents,
                                           std::string_view field);

// Keys of a policy that are only shown.
void take_out_shown(json::object& policy);

}  // namespace gatehouse::adapters::admin_api
