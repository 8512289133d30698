#include "controlplane/tally.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace gatehouse::controlplane {
namespace {

using namespace std::chrono_literals;
using Texts = std::vector<std::string>;

constexpr Instant kNow = from_epoch_seconds(1'800'001'234);
constexpr Instant kHour = from_epoch_seconds(1'800'000'000);

Texts texts(const storage::CountersToAdd& counters) {
  Texts all;
  for (const auto& [hour, name, key, count] : counters.counters)
    all.push_back(std::to_string((hour - kHour).count() / 3600) + " " + name +
                  (key.empty() ? "" : "/" + key) + " " + std::to_string(count));
  std::ranges::sort(all);
  return all;
}

TEST(Tally, ByHourNameAndKeyUntilTaken) {
  Tally tally;
  tally.add(kHour, "deny");
  tally.add(kHour + 3599s, "deny");
  tally.add(kHour + 3600s, "deny");
  tally.add(kHour, "refusal", "a", 5);
  tally.saw_service_token("t", kHour + 2s);
  tally.saw_service_token("t", kHour + 1s);
  const auto taken = tally.take();
  EXPECT_EQ(texts(taken), (Texts{"0 deny 2", "0 refusal/a 5", "1 deny 1"}));
  EXPECT_EQ(taken.service_tokens.at("t"), kHour + 2s);
  EXPECT_TRUE(tally.take().counters.empty());
  tally.add(kHour, "deny");
  tally.put_back(taken);
  EXPECT_EQ(texts(tally.take()), (Texts{"0 deny 3", "0 refusal/a 5", "1 deny 1"}));
}

TEST(Tally, DecisionsByEffect) {
  const auto line = [](std::string_view effect, std::string_view reason, Instant at) {
    return json::object{{"at", format_rfc3339(at)},
                        {"effect", effect},
                        {"reason", reason},
                        {"application", "app"},
                        {"evidence", {{"service_token", "robot"}}}};
  };
  Tally tally;
  count_decision(tally, line("deny", "no_policy_matched", kNow), kNow);
  count_decision(tally, line("allow", "", kNow), kNow);
  count_decision(tally, line("bypass", "", kNow), kNow);
  count_decision(tally, line("ended", "session_revoked", kNow), kNow);
  count_decision(tally, line("deny", "x", kNow - std::chrono::days{90} - 1s), kNow);
  count_decision(tally, line("deny", "x", kNow + 3601s), kNow);
  count_decision(tally, line("other", "x", kNow), kNow);
  count_decision(tally, {{"effect", "deny"}}, kNow);
  count_decision(tally, {}, kNow);
  const auto taken = tally.take();
  EXPECT_EQ(texts(taken), (Texts{"0 allow 1", "0 bypass 1", "0 deny 1", "0 ended 1",
                                 "0 refusal/no_policy_matched 1", "0 refused_application/app 1"}));
  EXPECT_EQ(taken.service_tokens.at("robot"), kNow);
}

TEST(Tally, SignInsFromTheAuditTrail) {
  Tally tally;
  for (const auto* event : {"sign_in", "sign_in_failed", "refusal", "admission"})
    count_event(tally, {kNow, event, "ada@example.com", "", "app", "why", {}});
  EXPECT_EQ(texts(tally.take()),
            (Texts{"0 refusal/why 1", "0 refused_application/app 1", "0 sign_in 1",
                   "0 sign_in_failed 1", "0 sign_in_refused 1"}));
}

}  // namespace
}  // namespace gatehouse::controlplane
