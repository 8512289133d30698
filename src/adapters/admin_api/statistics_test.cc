#include <vector>

#include "adapters/admin_api/api_fixture.h"

namespace gatehouse::adapters::admin_api::test {
namespace {

using namespace std::chrono_literals;
using storage::Role;

class StatisticsTest : public ApiTest {
 protected:
  // The fixture's clock begins at a full hour.
  StatisticsTest() { EXPECT_EQ(gateway_.now.time_since_epoch() % 1h, 0s); }
  void add(Instant hour, std::string name, std::string key, std::int64_t count) {
    ASSERT_TRUE(gateway_.store->add_counters(
        {"node", {{hour, std::move(name), std::move(key), count}}, {}, {}}));
  }
};

TEST_F(StatisticsTest, EveryBucketReasonsApplicationsAndNow) {
  const Instant hour = gateway_.now;
  const std::string wiki = gateway_.application("Wiki").id;
  add(hour, "deny", "", 5);
  add(hour + 1h, "deny", "", 2);
  add(hour + 2h, "sign_in", "", 1);
  add(hour, "refusal", "posture_stale", 3);
  add(hour, "refusal", "no_policy_matched", 4);
  add(hour, "refused_application", wiki, 3);
  add(hour, "refused_application", "gone", 4);
  check_device(sign_in("ada@example.com"), "device/1");
  gateway_.now = hour + 2h + 30min;
  const auto answer = get("gatehouse/statistics?since=" + format_rfc3339(hour + 5min) +
                              "&until=" + format_rfc3339(hour + 2h + 1s),
                          Role::HelpDesk);
  ASSERT_EQ(answer.status, 200) << answer.text;
  const auto& result = answer.result();
  EXPECT_EQ(result.at("since"), json::value(format_rfc3339(hour)));
  const auto& buckets = result.at("buckets").as_array();
  ASSERT_EQ(buckets.size(), 3U) << answer.text;
  EXPECT_EQ(buckets[0].at("denied"), 5);
  EXPECT_EQ(buckets[1].at("denied"), 2);
  EXPECT_EQ(buckets[1].at("at"), json::value(format_rfc3339(hour + 1h)));
  EXPECT_EQ(buckets[2].at("sign_ins"), 1);
  EXPECT_EQ(buckets[2].at("denied"), 0);
  EXPECT_EQ(result.at("refusals"), (json::array{{{"reason", "no_policy_matched"}, {"count", 4}},
                                                {{"reason", "posture_stale"}, {"count", 3}}}));
  EXPECT_EQ(result.at("applications"),
            (json::array{{{"id", "gone"}, {"name", ""}, {"denied", 4}},
                         {{"id", wiki}, {"name", "Wiki"}, {"denied", 3}}}));
  const auto& now = result.at("now");
  EXPECT_EQ(now.at("sessions"), 1);
  EXPECT_EQ(now.at("people"), 1);
  EXPECT_EQ(now.at("devices"), 1);
  EXPECT_EQ(now.at("evidence_ages"), (json::array{{{"up_to_seconds", 3600}, {"count", 0}},
                                                  {{"up_to_seconds", 86400}, {"count", 1}},
                                                  {{"up_to_seconds", 604800}, {"count", 0}},
                                                  {{"up_to_seconds", nullptr}, {"count", 0}}}));
}

TEST_F(StatisticsTest, DaysAndTheUsualSpan) {
  add(gateway_.now - 1h, "bypass", "", 1);
  add(gateway_.now - 25h, "bypass", "", 1);
  const auto usual = get("gatehouse/statistics");
  EXPECT_EQ(usual.result().at("interval"), "hour");
  ASSERT_EQ(usual.result().at("buckets").as_array().size(), 24U);
  EXPECT_EQ(usual.result().at("buckets").as_array().back().at("bypassed"), 1);
  const auto days = get("gatehouse/statistics?interval=day&since=" +
                        format_rfc3339(gateway_.now - std::chrono::days{2}));
  std::int64_t sum = 0;
  for (const auto& bucket : days.result().at("buckets").as_array())
    sum += bucket.at("bypassed").as_int64();
  EXPECT_EQ(sum, 2);
  EXPECT_EQ(days.result().at("buckets").as_array().size(), 3U);
}

TEST_F(StatisticsTest, WhatCannotBeAnswered) {
  for (const auto* query :
       {"?interval=minute", "?since=x", "?until=yesterday", "?since=2027-01-15T08:00:01Z",
        "?since=2026-01-01T00:00:00Z", "?since=1970-01-01T00:00:00Z&interval=day"})
    EXPECT_EQ(get(std::string("gatehouse/statistics") + query).status, 400) << query;
}

TEST_F(StatisticsTest, ServiceTokensTellWhenTheyWereSeen) {
  const auto before = get("access/service_tokens").result().as_array().front();
  EXPECT_FALSE(before.as_object().contains("last_seen_at"));
  const std::string id(before.at("id").as_string());
  ASSERT_TRUE(gateway_.store->add_counters({"node", {}, {}, {{id, gateway_.now}}}));
  EXPECT_EQ(get("access/service_tokens/" + id).result().at("last_seen_at"),
            json::value(format_rfc3339(gateway_.now)));
}

}  // namespace
}  // namespace gatehouse::adapters::admin_api::test
