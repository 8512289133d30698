// What an application's policies ask of a sign-in beyond who it is: authentication contexts
// (`acrs`) of one identity provider. Pure, thread-safe.
#pragma once

#include <string>
#include <vector>

#include "model/identity.h"
#include "model/resources.h"

namespace gatehouse::controlplane {

// Those that the application's policies name, themselves or through groups, for the provider that
// signed the person in, and that the session lacks; in the order in which they stand there.
[[nodiscard]] std::vector<std::string> missing_auth_contexts(const model::Resources& resources,
                                                             const model::Application& application,
                                                             const model::Identity& identity);

}  // namespace gatehouse::controlplane
