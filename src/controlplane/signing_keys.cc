#include "controlplane/signing_keys.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/try.h"
#include "controlplane/audit.h"

namespace gatehouse::controlplane {
namespace {

constexpr std::string_view kIntervalValue = "key_rotation_interval_days";

bool is_interval(int interval) {
  return interval >= kMinRotationIntervalDays && interval <= kMaxRotationIntervalDays;
}

std::unexpected<KeysError> unavailable(std::string message) {
  spdlog::error("keys_failed message=\"{}\"", message);
  return std::unexpected(KeysError{KeysErrorKind::Unavailable, std::move(message)});
}

std::expected<int, KeysError> interval_of(Context& context) {
  const auto stored = context.dependencies.store.find_value(kIntervalValue);
  if (!stored) return unavailable(stored.error().message);
  if (!*stored) return kDefaultRotationIntervalDays;
  const std::string& text = **stored;
  int interval = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), interval);
  if (error != std::errc() || end != text.data() + text.size() || !is_interval(interval))
    return unavailable(fmt::format("`{}` in the store is not a number of days", kIntervalValue));
  return interval;
}

json::array kids_of(const Vault& vault) {
  json::array kids;
  for (const auto& key : vault.jwks()) kids.push_back(key.at("kid"));
  return kids;
}

}  // namespace

std::expected<KeyConfiguration, KeysError> key_configuration(Context& context) {
  const int interval = GATEHOUSE_TRY(interval_of(context));
  const Instant last = context.dependencies.vault.last_rotation();
  const auto left =
      std::chrono::ceil<std::chrono::days>(last + std::chrono::days(interval) - context.now());
  return KeyConfiguration{std::max(0, static_cast<int>(left.count())), interval, last};
}

std::expected<KeyConfiguration, KeysError> set_key_rotation_interval(Context& context,
                                                                     const Actor& actor, int days) {
  if (!is_interval(days))
    return std::unexpected(
        KeysError{KeysErrorKind::BadInterval,
                  fmt::format("must be a number of days from {} to {}", kMinRotationIntervalDays,
                              kMaxRotationIntervalDays)});
  if (const auto put = context.dependencies.store.put_value(kIntervalValue, std::to_string(days));
      !put)
    return unavailable(put.error().message);
  audit(context, actor,
        {audit_event::kKeyRotationIntervalSet, "", "", "", {{kIntervalValue, days}}});
  return key_configuration(context);
}

std::expected<KeyConfiguration, KeysError> rotate_keys(Context& context, const Actor& actor,
                                                       const Republish& republish) {
  auto& vault = context.dependencies.vault;
  const auto rotated =
      vault.rotate_signing_keys(context.dependencies.store, kSigningKeyOverlap, context.now());
  if (!rotated) return unavailable(rotated.error().message);
  republish();
  if (*rotated) {
    spdlog::info("signing_keys_rotated");
    audit(context, actor,
          {audit_event::kSigningKeysRotated, "", "", "", {{"keys", kids_of(vault)}}});
  }
  return key_configuration(context);
}

std::expected<void, KeysError> rotate_master_key(Context& context, const Actor& actor,
                                                 const Republish& republish) {
  const auto rotated =
      context.dependencies.vault.rotate_master_key(context.dependencies.store, context.now());
  // Also after a failure: the store may be sealed anew, and only the file be missing.
  republish();
  if (!rotated) {
    spdlog::error("keys_failed message=\"{}\"", rotated.error().message);
    return std::unexpected(KeysError{KeysErrorKind::Refused, rotated.error().message});
  }
  spdlog::info("master_key_rotated");
  audit(context, actor, {audit_event::kMasterKeyRotated, "", "", "", {}});
  return {};
}

bool rotate_if_due(Context& context, const Republish& republish) {
  auto& vault = context.dependencies.vault;
  const bool expired = vault.expire(context.now());
  const auto interval = interval_of(context);
  const auto is_due = [&] {
    return interval && context.now() >= vault.last_rotation() + std::chrono::days(*interval);
  };
  if (is_due()) {
    // Another node may have been faster.
    if (const auto loaded = vault.reload(context.dependencies.store, context.now()); !loaded)
      spdlog::error("keys_failed message=\"{}\"", loaded.error().message);
    else if (is_due() &&
             rotate_keys(context, {.name = "system", .ip = "", .reference = ""}, republish))
      return true;
  }
  if (expired) republish();
  return expired;
}

}  // namespace gatehouse::controlplane
