#include "adapters/admin_api/application_policies.h"
#include "adapters/admin_api/resources.h"

namespace gatehouse::adapters::admin_api {
namespace {

Show show_policies(const Call&, const policy::Documents& documents) {
  return [counts = count_in_applications(documents, "policies")](const policy::Document& document) {
    json::object shown = document.body;
    const auto count = counts.find(document.id);
    shown["app_count"] = count == counts.end() ? 0 : count->second;
    shown["reusable"] = true;
    return shown;
  };
}

}  // namespace

void add_policies(std::vector<Operation>& operations) {
  static constexpr Paths kPaths{"access/policies", "access/policies/{policy_id}",
                                "access/policies"};
  const auto policies = std::make_shared<const Collection>(
      Collection{.kind = policy::Kind::Policy, .per_page = 100, .make_show = show_policies});
  const Prepare prepare = [](json::object& body) -> std::expected<void, net::HttpResponse> {
    take_out_shown(body);
    return {};
  };
  add_reads(operations, kPaths, policies);
  add_create(operations, kPaths, policies, prepare);
  add_replace(operations, kPaths, policies, prepare);
  add_remove(operations, kPaths, policies);
}

}  // namespace gatehouse::adapters::admin_api
