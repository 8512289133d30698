// The keys of the installation as use cases: what the API, `gatehouse keys` and the heartbeat do
// with them. docs/guides/keys.md. Thread-safe; calls block on the store.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <string>

#include "controlplane/context.h"

namespace gatehouse::controlplane {

// What was signed before a rotation stays valid for so long.
inline constexpr std::chrono::seconds kSigningKeyOverlap{7 * 86400};
inline constexpr int kDefaultRotationIntervalDays = 42;
inline constexpr int kMinRotationIntervalDays = 21;
inline constexpr int kMaxRotationIntervalDays = 365;

struct KeyConfiguration {
  int days_until_next_rotation = 0;  // begun ones count
  int key_rotation_interval_days = kDefaultRotationIntervalDays;
  Instant last_key_rotation_at{};
};
enum class KeysErrorKind : std::uint8_t {
  BadInterval,  // outside 21..365 days
  Unavailable,  // the store; nothing changed
  Refused,      // the message says what to do instead
};
struct KeysError {
  KeysErrorKind kind = KeysErrorKind::Unavailable;
  std::string message;
};
// Makes what is published (snapshot, configuration in force, assertions) hold the keys as the vault
// has them now: Gateway::republish().
using Republish = std::function<void()>;

[[nodiscard]] std::expected<KeyConfiguration, KeysError> key_configuration(Context& context);
[[nodiscard]] std::expected<KeyConfiguration, KeysError> set_key_rotation_interval(
    Context& context, const Actor& actor, int days);
// A new signing key becomes the successor, and the successor signs from now on.
[[nodiscard]] std::expected<KeyConfiguration, KeysError> rotate_keys(Context& context,
                                                                     const Actor& actor,
                                                                     const Republish& republish);
// Everything in the store is sealed with a new master key. `republish` reads the store again, since
// what is kept of it was sealed with the former one: Gateway::follow().
[[nodiscard]] std::expected<void, KeysError> rotate_master_key(Context& context, const Actor& actor,
                                                               const Republish& republish);
// At every heartbeat: rotates when the interval is over, and lets go of keys that have had their
// time. A failure is logged, and tried again at the next one. True: something was published.
bool rotate_if_due(Context& context, const Republish& republish);

}  // namespace gatehouse::controlplane
