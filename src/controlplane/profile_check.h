// What policy/ cannot check because it must not know the providers: the profiles of posture
// providers and the configuration of identity providers. Pure; used before anything is stored, and
// by `gatehouse check`.
#pragma once

#include <vector>

#include "model/resources.h"
#include "policy/authored.h"

namespace gatehouse::controlplane {

[[nodiscard]] std::vector<policy::Problem> check_profiles(const model::Resources& resources);

}  // namespace gatehouse::controlplane
