// What an identity provider said about the person who signed in.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace gatehouse::identity {

struct ProviderIdentity {
  std::string subject;
  std::string email;               // canonical (model::canonical_email)
  std::string name;
  std::vector<std::string> groups;
  std::vector<std::string> amr;
};

}  // namespace gatehouse::identity
