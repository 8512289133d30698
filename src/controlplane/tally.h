// What happens, counted by the hour until it is stored. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>

#include "base/json.h"
#include "base/time.h"
#include "storage/store.h"

namespace gatehouse::controlplane {

namespace counter {
inline constexpr std::string_view kSignIn = "sign_in";
inline constexpr std::string_view kSignInFailed = "sign_in_failed";
inline constexpr std::string_view kSignInRefused = "sign_in_refused";
// Requests, by their effect.
inline constexpr std::string_view kAllow = "allow";
inline constexpr std::string_view kBypass = "bypass";
inline constexpr std::string_view kDeny = "deny";
inline constexpr std::string_view kEnded = "ended";
// Of requests and at sign-in together: by reason, by application.
inline constexpr std::string_view kRefusal = "refusal";
inline constexpr std::string_view kRefusedApplication = "refused_application";
}  // namespace counter

class Tally {
 public:
  void add(Instant at, std::string_view name, std::string_view key = {}, std::int64_t count = 1);
  void saw_service_token(std::string_view id, Instant at);
  // All of it, which is empty afterwards; without node and position.
  [[nodiscard]] storage::CountersToAdd take();
  // What could not be stored.
  void put_back(const storage::CountersToAdd& counters);

 private:
  using Key = std::tuple<Instant, std::string, std::string>;  // hour, name, key
  std::mutex mutex_;
  std::map<Key, std::int64_t> counts_;
  std::map<std::string, Instant> service_tokens_;
};

// A record of the audit trail: sign-ins.
void count_event(Tally& tally, const storage::AuditEvent& event);
// A line of a decision log. What is not of the last 90 days is not counted.
void count_decision(Tally& tally, const json::object& line, Instant now);

}  // namespace gatehouse::controlplane
