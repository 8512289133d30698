#include "adapters/admin_api/api_fixture.h"

namespace gatehouse::adapters::admin_api::test {
namespace {

using storage::Role;

class DecisionsTest : public ApiTest {
 protected:
  void add(std::string_view reason, std::string_view at, json::object evidence = {}) {
    decisions_.push_back({{"at", at},
                          {"source", "nginx"},
                          {"reference", reason},
                          {"effect", "deny"},
                          {"reason", reason},
                          {"application", gateway_.application("Wiki").id},
                          {"policy", gateway_.application("Wiki").policies.front().id},
                          {"ip", "192.0.2.7"},
                          {"host", "wiki.example.com"},
                          {"method", "GET"},
                          {"status", 403},
                          {"evidence", std::move(evidence)},
                          {"transaction", 7}});
  }
  std::size_t count(const std::string& query) {
    const auto answer = get("gatehouse/decisions" + query, Role::HelpDesk);
    EXPECT_EQ(answer.status, 200) << query << answer.text;
    return answer.status == 200 ? answer.result().as_array().size() : 999;
  }
};

TEST_F(DecisionsTest, ShowWhoWithWhatAndNames) {
  sign_in("ada@example.com");
  const auto user = user_id("ada@example.com");
  const auto integration = context().configuration()->resources->posture_integrations.front().id;
  add("posture_stale", "2027-01-15T08:00:00+00:00",
      {{"user", user},
       {"session", "nonce"},
       {"identity", 60},
       {"posture/" + integration, 7},
       {"evaluation/abc", 9},
       {"service_token", "robot"},
       {"signals", {{integration, {{"managed", true}}}}}});
  const auto answer = get("gatehouse/decisions");
  ASSERT_EQ(answer.status, 200) << answer.text;
  const auto& shown = answer.result().as_array().front();
  EXPECT_EQ(shown.at("at"), "2027-01-15T08:00:00Z");
  EXPECT_EQ(shown.at("application_name"), "Wiki");
  EXPECT_NE(shown.at("policy_name"), "");
  EXPECT_EQ(shown.at("user"), (json::value{{"id", user}, {"email", "ada@example.com"}}));
  EXPECT_EQ(shown.at("session"), "nonce");
  EXPECT_EQ(shown.at("identity_age_seconds"), 60);
  EXPECT_EQ(shown.at("posture").as_array().front().at("age_seconds"), 7);
  EXPECT_EQ(shown.at("posture").as_array().front().at("integration_name"), "Tanium");
  EXPECT_EQ(shown.at("posture").as_array().front().at("signals").at("managed"), true);
  EXPECT_EQ(shown.at("evaluations"), (json::array{{{"key", "abc"}, {"age_seconds", 9}}}));
  EXPECT_EQ(shown.at("service_token"), (json::value{{"id", "robot"}, {"name", ""}}));
  const auto& cursors = answer.document.at("result_info").at("cursors");
  EXPECT_EQ(cursors, (json::value{{"older", nullptr}, {"newer", "newer"}}));
}

TEST_F(DecisionsTest, AreFiltered) {
  sign_in("ada@example.com");
  add("posture_stale", "2027-01-15T08:00:00+00:00", {{"user", user_id("ada@example.com")}});
  add("identity_not_permitted", "2027-01-15T08:00:00+00:00", {{"user", "somebody"}});
  add("posture_stale", "2027-01-15T07:59:59+00:00", {{"service_token", "robot"}});
  const std::string application = gateway_.application("Wiki").id;
  const struct {
    std::string query;
    std::size_t count;
  } cases[] = {
      {"", 3},
      {"?limit=2", 2},
      {"?reason=posture_stale", 2},
      {"?reason=posture_stale&since=2027-01-15T08:00:00Z", 1},
      {"?until=2027-01-15T08:00:00Z", 1},
      {"?effect=bypass", 0},
      {"?application_id=" + application + "&effect=deny", 3},
      {"?application=other", 0},
      {"?email=Ada@Example.com", 1},
      {"?email=nobody@example.com", 0},
      {"?email=nonsense", 0},
      {"?user_id=somebody", 1},
      {"?service_token_id=robot", 1},
      {"?ip=192.0.2.7&host=wiki.example.com&reference=identity_not_permitted", 1},
      {"?cursor=older", 3},
      {"?after=newer", 3},
  };
  for (const auto& test : cases) EXPECT_EQ(count(test.query), test.count) << test.query;
  for (const auto* query :
       {"?limit=1001", "?since=x", "?effect=x", "?cursor=bad", "?after=bad", "?cursor=a&after=b"})
    EXPECT_EQ(get(std::string("gatehouse/decisions") + query).status, 400) << query;
}

TEST_F(DecisionsTest, OneWithItsTrace) {
  add("posture_stale", "2027-01-15T08:00:00+00:00");
  const auto answer = get("gatehouse/decisions/posture_stale", Role::HelpDesk);
  ASSERT_EQ(answer.status, 200) << answer.text;
  EXPECT_EQ(answer.result().at("decision").at("reference"), "posture_stale");
  EXPECT_EQ(answer.result().at("note"), "none");
  EXPECT_EQ(answer.result().at("exact"), false);
  EXPECT_EQ(get("gatehouse/decisions/unknown").status, 404);
}

}  // namespace
}  // namespace gatehouse::adapters::admin_api::test
