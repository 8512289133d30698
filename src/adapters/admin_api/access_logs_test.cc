#include <gtest/gtest.h>

#include "adapters/admin_api/api_fixture.h"
#include "base/encoding.h"

namespace gatehouse::adapters::admin_api::test {
namespace {

using controlplane::test::kStart;
using std::chrono::hours;
using storage::Role;

constexpr std::string_view kPath = "access/logs/access_requests";

class AccessLogsTest : public ApiTest {
 protected:
  // Ada gets into the wiki, an hour later Bob, who is then refused payroll.
  AccessLogsTest() {
    enter(sign_in("ada@example.com"), "Wiki");
    gateway_.now += hours{1};
    const auto bob = sign_in("bob@example.com");
    enter(bob, "Wiki");
    gateway_.now += hours{1};
    refuse(bob, "Payroll", decision::Reason::PostureNotManaged);
  }
  // `a+`, `b+`, `b-`: who, and whether it was allowed.
  std::vector<std::string> ask(const std::string& query) {
    const auto answer = get(std::string(kPath) + query);
    EXPECT_EQ(answer.status, 200) << query << answer.text;
    std::vector<std::string> found;
    if (answer.status != 200) return found;
    for (const auto& entry : answer.result().as_array())
      found.push_back(std::string(entry.at("user_email").as_string()).substr(0, 1) +
                      (entry.at("allowed").as_bool() ? "+" : "-"));
    return found;
  }
};

TEST_F(AccessLogsTest, Entries) {
  const auto entries = get(kPath).result().as_array();
  ASSERT_EQ(entries.size(), 3U);
  const auto& payroll = gateway_.application("Payroll");
  EXPECT_EQ(entries[0], (json::value{{"action", "login"},
                                     {"allowed", false},
                                     {"app_domain", "payroll.example.com"},
                                     {"app_uid", payroll.id},
                                     {"connection", "onetimepin"},
                                     {"country", ""},
                                     {"created_at", "2027-01-15T10:00:00Z"},
                                     {"ip_address", "198.51.100.7"},
                                     {"ray_id", "0123456789abcdef"},
                                     {"reason", "posture_not_managed"},
                                     {"user_email", "bob@example.com"}}));
  EXPECT_EQ(entries[1].at("allowed"), true);
}

TEST_F(AccessLogsTest, Filters) {
  const auto& wiki = gateway_.application("Wiki").id;
  using Found = std::vector<std::string>;
  const std::pair<std::string, Found> cases[] = {
      {"", {"b-", "b+", "a+"}},
      {"?direction=asc", {"a+", "b+", "b-"}},
      {"?limit=1", {"b-"}},
      {"?limit=0&page=0&per_page=0", {"b-", "b+", "a+"}},
      {"?per_page=2&page=2", {"a+"}},
      {"?per_page=2&page=3", {}},
      {"?limit=1&page=2", {"b+"}},
      {"?since=2027-01-15T09:00:00Z", {"b-", "b+"}},
      {"?since=2027-01-15T09:00:01Z", {"b-"}},
      {"?until=2027-01-15T09:00:00Z", {"b+", "a+"}},
      {"?until=2027-01-15T08:59:59Z", {"a+"}},
      {"?email=bob%40example.com", {"b-", "b+"}},
      {"?email=EXAMPLE.com", {"b-", "b+", "a+"}},
      {"?email=example.com&email_exact=true", {}},
      {"?email=BOB@example.com&email_exact=true", {"b-", "b+"}},
      {"?email=bob@example.com&emailOp=eq", {"b-", "b+"}},
      {"?email=bob@example.com&emailOp=neq", {"a+"}},
      {"?email=ob@&emailOp=contains", {"b-", "b+"}},
      {"?email=ob@&emailOp=contains&email_exact=true", {}},
      {"?allowed=true", {"b+", "a+"}},
      {"?allowed=true&allowedOp=neq", {"b-"}},
      {"?allowed=false&allowedOp=eq", {"b-"}},
      {"?app_uid=" + wiki, {"b+", "a+"}},
      {"?app_uid=" + wiki + "&app_uidOp=neq", {"b-"}},
      {"?ray_id=0123456789abcdef", {"b-", "b+", "a+"}},
      {"?ray_id=0123456789abcdef0123456789abcdef&limit=2", {"b-", "b+"}},
      {"?ray_id=0123456789abcdef&ray_idOp=neq", {}},
      {"?ray_id=0123456789abcdef&limit=2&page=2", {"a+"}},
      {"?country_code=DE", {}},
      {"?country_code=DE&country_codeOp=neq", {"b-", "b+", "a+"}},
      {"?idp=onetimepin", {"b-", "b+", "a+"}},
      {"?idp=onetimepin&idpOp=neq", {}},
      {"?app_type=self_hosted", {"b-", "b+", "a+"}},
      {"?app_type=saas", {}},
      {"?app_type=saas&app_typeOp=neq", {"b-", "b+", "a+"}},
      {"?non_identity=true", {}},
      {"?non_identity=true&non_identityOp=neq", {"b-", "b+", "a+"}},
      {"?user_id=f757c5c3-c1b2-50f7-9126-150a099b6f7e&user_idOp=neq", {"b-", "b+", "a+"}},
  };
  for (const auto& [query, expected] : cases) EXPECT_EQ(ask(query), expected) << query;
}

TEST_F(AccessLogsTest, FieldsAreChosen) {
  const auto entries = get(std::string(kPath) + "?fields=allowed,%20user_email&limit=1");
  EXPECT_EQ(entries.result(),
            (json::value{json::object{{"allowed", false}, {"user_email", "bob@example.com"}}}));
}

TEST_F(AccessLogsTest, WrongQueriesNameTheParameter) {
  for (const auto* name :
       {"limit=x", "limit=1001", "per_page=-1", "page=x", "direction=up", "since=yesterday",
        "until=7", "emailOp=is", "email_exact=1", "allowed=yes", "allowedOp=contains",
        "user_idOp=x", "fields=allowed,x", "idpOp=x", "non_identity=x"}) {
    const auto answer = get(std::string(kPath) + "?" + name);
    EXPECT_EQ(answer.status, 400) << name;
    EXPECT_EQ(answer.code(), 12130) << name;
    const std::string_view text(name);
    EXPECT_NE(answer.message().find("`" + std::string(text.substr(0, text.find('='))) + "`"),
              std::string::npos)
        << answer.text;
  }
}

TEST_F(AccessLogsTest, OfWhatNeverHappensNothing) {
  for (const auto* path : {"access/logs/jit_requests", "access/logs/scim/updates?idp_id=x"}) {
    const auto answer = get(path);
    EXPECT_EQ(answer.status, 200) << path;
    EXPECT_TRUE(answer.result().as_array().empty());
  }
  EXPECT_EQ(get("access/logs/jit_requests/1").status, 404);
  EXPECT_EQ(get("access/logs/scim/updates").status, 400);
}

TEST_F(AccessLogsTest, RolesAndScopes) {
  EXPECT_EQ(get(kPath, Role::HelpDesk).status, 200);
  EXPECT_EQ(get(kPath, Role::ReadOnly).status, 200);
  const auto other = issue("other", Role::Administrator, {"access/apps"});
  EXPECT_EQ(send_with(other, "GET", kPath).code(), 10001);
}

}  // namespace
}  // namespace gatehouse::adapters::admin_api::test
