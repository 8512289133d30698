#include "controlplane/tally.h"

#include <algorithm>
#include <array>

#include "controlplane/audit.h"

namespace gatehouse::controlplane {
namespace {

constexpr std::chrono::days kKept{90};
constexpr std::chrono::seconds kClockSkew{3600};

}  // namespace

void Tally::add(Instant at, std::string_view name, std::string_view key, std::int64_t count) {
  const Instant hour = std::chrono::floor<std::chrono::hours>(at);
  const std::lock_guard lock(mutex_);
  counts_[{hour, std::string(name), std::string(key)}] += count;
}

void Tally::saw_service_token(std::string_view id, Instant at) {
  const std::lock_guard lock(mutex_);
  auto& seen = service_tokens_[std::string(id)];
  seen = std::max(seen, at);
}

storage::CountersToAdd Tally::take() {
  storage::CountersToAdd taken;
  const std::lock_guard lock(mutex_);
  for (auto& [key, count] : counts_)
    taken.counters.push_back({std::get<0>(key), std::get<1>(key), std::get<2>(key), count});
  counts_.clear();
  taken.service_tokens.swap(service_tokens_);
  return taken;
}

void Tally::put_back(const storage::CountersToAdd& counters) {
  for (const auto& counter : counters.counters)
    add(counter.hour, counter.name, counter.key, counter.count);
  for (const auto& [id, at] : counters.service_tokens) saw_service_token(id, at);
}

void count_event(Tally& tally, const storage::AuditEvent& event) {
  if (event.event == audit_event::kSignIn) {
    tally.add(event.at, counter::kSignIn);
  } else if (event.event == audit_event::kSignInFailed) {
    tally.add(event.at, counter::kSignInFailed);
  } else if (event.event == audit_event::kRefusal) {
    tally.add(event.at, counter::kSignInRefused);
    tally.add(event.at, counter::kRefusal, event.reason);
    tally.add(event.at, counter::kRefusedApplication, event.application);
  }
}

void count_decision(Tally& tally, const json::object& line, Instant now) {
  const auto at = parse_rfc3339(json::find_string(line, "at").value_or(""));
  const auto effect = json::find_string(line, "effect").value_or("");
  constexpr std::array kEffects{counter::kAllow, counter::kBypass, counter::kDeny, counter::kEnded};
  if (!at || *at > now + kClockSkew || *at < now - kKept ||
      std::ranges::find(kEffects, effect) == kEffects.end())
    return;
  tally.add(*at, effect);
  if (const auto* evidence = json::find_object(line, "evidence"))
    if (const auto token = json::find_string(*evidence, "service_token"))
      tally.saw_service_token(*token, *at);
  if (effect != counter::kDeny) return;
  if (const auto reason = json::find_string(line, "reason").value_or(""); !reason.empty())
    tally.add(*at, counter::kRefusal, reason);
  if (const auto application = json::find_string(line, "application").value_or("");
      !application.empty())
    tally.add(*at, counter::kRefusedApplication, application);
}

}  // namespace gatehouse::controlplane
