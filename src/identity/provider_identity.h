// What an identity provider said about the person who signed in.
#pragma once

#include <string>
#include <vector>

#include "model/identity.h"

namespace gatehouse::identity {

struct ProviderIdentity {
  std::string subject;
  std::string email;  // canonical (model::canonical_email)
  std::string name;
  std::vector<std::string> groups;
  bool groups_known = false;               // `groups` is all of them
  std::string groups_problem;              // why they are not known, for the log; may be empty
  std::vector<std::string> amr;            // RFC 8176; empty: unknown
  std::vector<std::string> auth_contexts;  // `acrs`
  std::vector<model::GithubOrganization> organizations;
  bool organizations_known = false;  // `organizations` is all of them
  model::Attributes claims;          // those that the configuration names and the provider has
};

}  // namespace gatehouse::identity
