#include "adapters/admin_api/resources.h"

namespace gatehouse::adapters::admin_api {

void add_groups(std::vector<Operation>& operations) {
  static constexpr Paths kPaths{"access/groups", "access/groups/{group_id}", "access/groups", true};
  const auto groups =
      std::make_shared<const Collection>(Collection{.kind = policy::Kind::Group, .per_page = 1000});
  add_reads(operations, kPaths, groups);
  add_create(operations, kPaths, groups);
  add_replace(operations, kPaths, groups);
  add_remove(operations, kPaths, groups);
}

}  // namespace gatehouse::adapters::admin_api
