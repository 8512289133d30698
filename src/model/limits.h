// Every limit on what comes from outside, with its reason. Bytes unless named otherwise.
#pragma once

#include <chrono>
#include <cstddef>

namespace gatehouse::model {

inline constexpr std::size_t kMaxAccessTokenBytes = 8 * 1024;    // ours are about 1 KB
inline constexpr std::size_t kMaxCookieHeaderBytes = 32 * 1024;  // all Cookie lines of a request
inline constexpr std::size_t kMaxUrlBytes = 8 * 1024;            // request target
inline constexpr std::size_t kMaxHostBytes = 255;                // RFC 1035
inline constexpr std::size_t kMaxEmailBytes = 254;               // RFC 5321 4.5.3.1.3
inline constexpr std::size_t kMaxFormBytes = 64 * 1024;
inline constexpr std::size_t kMaxPostureTokenBytes = 16 * 1024;  // facts: LPX/1 3.4
inline constexpr std::size_t kMaxProviderResponseBytes = 1024 * 1024;
inline constexpr std::size_t kMaxConfigurationBytes = 32 * 1024 * 1024;
inline constexpr std::size_t kMaxGroupDepth = 16;
inline constexpr std::chrono::seconds kSignInLifetime{600};  // from login page to callback
inline constexpr std::chrono::seconds kCodeLifetime{60};     // authorized?nonce=
// A browser's permission question may stay open for two minutes before the agent is asked.
inline constexpr std::chrono::seconds kPostureNonceLifetime{180};
inline constexpr std::chrono::seconds kPinLifetime{600};
inline constexpr std::chrono::seconds kMaxEvidenceSkew{30};  // evidence from the future

}  // namespace gatehouse::model
