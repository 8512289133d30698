// A verified statement about a device, as administrators see it. Thread-safe.
#pragma once

#include "base/json.h"
#include "base/time.h"
#include "controlplane/context.h"
#include "model/identity.h"

namespace gatehouse::controlplane {

// `DeviceEvidence` of api/openapi.yaml: with the outcome of every device posture rule that looks at
// its integration.
[[nodiscard]] json::object device_evidence(const Context& context,
                                           const Configuration& configuration,
                                           const model::PostureEvidence& evidence, Instant now);
// `DeviceSignals`: null where it was not said.
[[nodiscard]] json::object device_signals(const model::PostureEvidence& evidence);

}  // namespace gatehouse::controlplane
