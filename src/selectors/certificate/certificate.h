// Selector `certificate`: see README.md.
#pragma once

#include "selectors/values.h"

namespace gatehouse::selectors {

// Why the connection's certificate says nothing; nullopt: it is valid.
[[nodiscard]] std::optional<decision::Match> certificate_obstacle(
    const decision::Evidence& evidence);
[[nodiscard]] decision::Observation observe_certificate(const decision::Evidence& evidence);

[[nodiscard]] Compiled compile_certificate(Values values, decision::Combine combine,
                                           const decision::CompileContext& context);

}  // namespace gatehouse::selectors
