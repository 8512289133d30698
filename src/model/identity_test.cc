#include "model/identity.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "model/limits.h"

namespace gatehouse::model {
namespace {

std::string_view domain_of(const std::optional<std::string>& address) {
  return address ? std::string_view(*address).substr(address->find('@') + 1) : "";
}

// Which of the rules `alice@corp.example` and `corp.example` may match.
enum class Matches { None, Domain, Both };

Matches matches(std::string_view address) {
  const auto canonical = canonical_email(address);
  if (canonical == "alice@corp.example") return Matches::Both;
  return domain_of(canonical) == "corp.example" ? Matches::Domain : Matches::None;
}

struct EmailCase {
  std::string_view name;
  std::string_view address;
  Matches expected;
};

using namespace std::string_view_literals;

constexpr EmailCase kEmails[] = {
    {"plain", "alice@corp.example", Matches::Both},
    {"upper case local part", "ALICE@corp.example", Matches::Both},
    {"upper case domain", "alice@CORP.Example", Matches::Both},
    {"final dot", "alice@corp.example.", Matches::None},
    {"longer domain", "alice@corp.example.evil.example", Matches::None},
    {"domain with the same end", "alice@evilcorp.example", Matches::None},
    {"subdomain", "alice@sub.corp.example", Matches::None},
    {"two at signs, ours first", "alice@corp.example@evil.example", Matches::None},
    {"two at signs, ours last", "alice@evil.example@corp.example", Matches::None},
    {"quoted local part", "\"alice@evil.example\"@corp.example", Matches::None},
    {"quotes without need", "\"alice\"@corp.example", Matches::None},
    {"quoted pair", "al\\ice@corp.example", Matches::None},
    {"NUL at the end", "alice@corp.example\0"sv, Matches::None},
    {"NUL inside", "alice\0@corp.example"sv, Matches::None},
    {"header injection", "alice@corp.example\r\nX: y", Matches::None},
    {"space before", " alice@corp.example", Matches::None},
    {"space after", "alice@corp.example ", Matches::None},
    {"space inside", "al ice@corp.example", Matches::None},
    {"tab inside", "al\tice@corp.example", Matches::None},
    {"DEL inside", "al\x7fice@corp.example", Matches::None},
    {"sub-address", "alice+x@corp.example", Matches::Domain},
    {"dot in the local part", "al.ice@corp.example", Matches::Domain},
    {"Cyrillic a", "\u0430lice@corp.example", Matches::Domain},
    {"Cyrillic o in the domain", "alice@c\u043erp.example", Matches::None},
    {"punycode neighbour", "alice@xn--crp-qlc.example", Matches::None},
    {"ideographic full stop", "alice@corp\u3002example", Matches::None},
    {"fullwidth at", "alice\uff20corp.example", Matches::None},
    {"combining accent", "ali\u0301ce@corp.example", Matches::Domain},
    {"empty", "", Matches::None},
    {"no local part", "@corp.example", Matches::None},
    {"no domain", "alice@", Matches::None},
    {"no at sign", "alice", Matches::None},
    {"address literal", "alice@[127.0.0.1]", Matches::None},
    {"dotless i", "\u0131@corp.example", Matches::Domain},
    {"zero width space at the end", "alice@corp.example\u200b", Matches::None},
    {"zero width space inside", "ali\u200bce@corp.example", Matches::None},
    {"no-break space inside", "ali\u00a0ce@corp.example", Matches::None},
    {"soft hyphen inside", "ali\u00adce@corp.example", Matches::None},
    {"right-to-left override", "ali\u202ece@corp.example", Matches::None},
    {"word joiner", "ali\u2060ce@corp.example", Matches::None},
    {"ideographic space", "ali\u3000ce@corp.example", Matches::None},
    {"byte order mark", "\ufeff@corp.example", Matches::None},
    {"SQL-like", "alice'--@corp.example", Matches::Domain},
    {"list of two", "alice@corp.example,mallory@evil.example", Matches::None},
    {"display name", "Alice <alice@corp.example>", Matches::None},
    {"mailto", "mailto:alice@corp.example", Matches::None},
    {"comment", "alice(x)@corp.example", Matches::None},
    {"invalid UTF-8", "al\xff\xfeice@corp.example", Matches::None},
    {"overlong UTF-8", "\xc0\xa1@corp.example", Matches::None},
    {"empty label", "alice@corp..example", Matches::None},
    {"leading dot in the domain", "alice@.corp.example", Matches::None},
    {"hyphen at a label's edge", "alice@-corp.example", Matches::None},
    {"underscore in the domain", "alice@corp_x.example", Matches::None},
};

TEST(CanonicalEmail, DecidesEveryCase) {
  for (const auto& test : kEmails) EXPECT_EQ(matches(test.address), test.expected) << test.name;
}

TEST(CanonicalEmail, HasALengthLimit) {
  const std::string domain = "@corp.example";
  const std::string longest = std::string(kMaxEmailBytes - domain.size(), 'a') + domain;
  EXPECT_EQ(canonical_email(longest), longest);
  EXPECT_EQ(canonical_email("a" + longest), std::nullopt);
}

TEST(CanonicalEmail, DecidesTheSharedHostileAddresses) {
  std::ifstream in(GATEHOUSE_SHARED_TESTKIT "/hostile/identities.json");
  if (!in) GTEST_SKIP() << "shared test kit is absent";
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const auto rows = json::parse(text);
  ASSERT_TRUE(rows && rows->is_array());
  std::size_t decided = 0;
  for (const auto& row : rows->get_array()) {
    std::string_view address;
    std::string_view expected;
    for (const auto& [key, value] : row.as_object())
      (key == "email" ? address : expected) = std::string_view(value.as_string());
    const Matches found = matches(address);
    if (expected.starts_with("email,domain")) {
      EXPECT_EQ(found, Matches::Both) << address;
    } else if (expected.starts_with("none")) {
      EXPECT_EQ(found, Matches::None) << address;
    } else {
      ASSERT_TRUE(expected.starts_with("domain")) << expected;
      EXPECT_NE(found, Matches::Both) << address;
      if (expected == "domain") {
        EXPECT_EQ(found, Matches::Domain) << address;
      }
    }
    ++decided;
  }
  EXPECT_GE(decided, 36U);
}

TEST(LdhDomain, DecidesEveryCase) {
  const std::string label(63, 'a');
  const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'a');
  for (const auto& domain : {std::string("example"), std::string("a-b.example"),
                             std::string("1.example"), label + ".x", longest})
    EXPECT_TRUE(is_ldh_domain(domain)) << domain;
  for (const auto& domain :
       {std::string(), std::string("."), std::string("a."), std::string(".a"), std::string("a..b"),
        std::string("-a.b"), std::string("a-.b"), std::string("a_b"), std::string("*.a"),
        std::string("a b"), "a" + label, "a" + longest})
    EXPECT_FALSE(is_ldh_domain(domain)) << domain;
}

Session full_session() {
  Session session;
  session.nonce = "n1";
  session.identity = {.user_id = "u1",
                      .email = "Alice@corp.example",
                      .name = "Alice",
                      .login_method = "idp",
                      .subject = "s1",
                      .groups = {"staff", "admins"},
                      .groups_known = true,
                      .amr = {"pwd"},
                      .auth_contexts = {"c1"},
                      .claims = {{"department", {"it", "7"}}},
                      .saml_attributes = {{"role", {}}},
                      .organizations = {{"corp", {"core", "web"}}},
                      .organizations_known = true,
                      .authenticated_at = from_epoch_seconds(1700000000)};
  session.created_at = from_epoch_seconds(1700000001);
  session.expires_at = from_epoch_seconds(1700086401);
  session.posture.push_back({.integration_id = "i1",
                             .device_id = "d1",
                             .established_at = from_epoch_seconds(1700000002),
                             .managed = true,
                             .last_checkin = from_epoch_seconds(1699999999),
                             .patch_compliant = false,
                             .vulnerability_score = 7.5,
                             .hostname = "laptop",
                             .serial_number = "C02"});
  session.posture.push_back({.integration_id = "i2",
                             .device_id = "d1",
                             .established_at = from_epoch_seconds(1700000003),
                             .managed = std::nullopt,
                             .last_checkin = std::nullopt,
                             .patch_compliant = std::nullopt,
                             .vulnerability_score = std::nullopt,
                             .hostname = "",
                             .serial_number = ""});
  session.revocations.push_back({"aud", from_epoch_seconds(1700000004)});
  session.evaluations.push_back({"k1", true, from_epoch_seconds(1700000005)});
  session.purposes.push_back({"aud", "on call", from_epoch_seconds(1700000006)});
  return session;
}

TEST(SessionJson, ComesBackAsItWent) {
  const json::object written = to_json(full_session());
  const auto text = json::serialize(written);
  const auto read = session_from_json(json::parse(text).value());
  ASSERT_TRUE(read);
  EXPECT_EQ(json::serialize(to_json(*read)), text);
  EXPECT_EQ(read->identity.email, "Alice@corp.example");
  EXPECT_EQ(read->identity.groups, (std::vector<std::string>{"staff", "admins"}));
  EXPECT_EQ(read->identity.claims.at("department"), (std::vector<std::string>{"it", "7"}));
  EXPECT_TRUE(read->identity.saml_attributes.at("role").empty());
  EXPECT_EQ(read->identity.organizations.at(0).teams, (std::vector<std::string>{"core", "web"}));
  EXPECT_TRUE(read->evaluations.at(0).success);
  EXPECT_EQ(read->purposes.at(0).text, "on call");
  EXPECT_EQ(read->posture.at(0).managed, true);
  EXPECT_EQ(read->posture.at(0).last_checkin, from_epoch_seconds(1699999999));
  EXPECT_EQ(read->posture.at(0).vulnerability_score, 7.5);
  EXPECT_EQ(read->posture.at(1).managed, std::nullopt);
  EXPECT_EQ(read->posture.at(1).last_checkin, std::nullopt);
  EXPECT_EQ(read->revocations.at(0).issued_before, from_epoch_seconds(1700000004));
  EXPECT_EQ(read->expires_at, from_epoch_seconds(1700086401));
}

TEST(RevocationsJson, ComeBackAsTheyWent) {
  Revocations revocations;
  revocations.applications.push_back({"aud", from_epoch_seconds(1700000004)});
  revocations.tokens = {"t1", "t2"};
  const json::object written = to_json(revocations);
  const auto read = revocations_from_json(json::value(written));
  ASSERT_TRUE(read);
  EXPECT_EQ(to_json(*read), written);
  for (const std::string_view key : {"applications", "tokens"}) {
    json::object without = written;
    without.erase(key);
    EXPECT_FALSE(revocations_from_json(json::value(without))) << key;
    for (const json::value& wrong : {json::value(nullptr), json::value(json::object{}),
                                     json::value(7), json::value(json::array{1})}) {
      json::object bad = written;
      bad[key] = wrong;
      EXPECT_FALSE(revocations_from_json(json::value(bad))) << key;
    }
  }
}

TEST(SessionJson, InstantsAreWholeSeconds) {
  EXPECT_EQ(to_json(full_session()).at("created_at"), json::value(std::int64_t{1700000001}));
}

// Every member, at every level, taken away or replaced by another type.
TEST(SessionJson, RefusesAbsentAndWrongMembers) {
  const json::object good = to_json(full_session());
  const std::string_view optional[] = {
      "managed", "last_checkin", "patch_compliant", "vulnerability_score",
      // What sessions of an earlier version lack.
      "groups_known", "auth_contexts", "claims", "saml_attributes", "organizations",
      "organizations_known", "evaluations", "purposes", "success",
      // Names that people choose.
      "department", "role"};
  const auto check = [&](auto&& select) {
    json::object copy = good;
    std::vector<std::string> keys;
    for (const auto& member : select(copy)) keys.emplace_back(member.key());
    for (const auto& key : keys) {
      json::object without = good;
      select(without).erase(key);
      const bool may_be_absent = std::ranges::find(optional, key) != std::end(optional);
      EXPECT_EQ(session_from_json(without).has_value(), may_be_absent) << "without " << key;
      for (const json::value& wrong :
           {json::value(nullptr), json::value(json::object{}), json::value(-1),
            json::value(json::array{1}), json::value(1e300)}) {
        if (key == "vulnerability_score" && wrong.is_number()) continue;
        if ((key == "claims" || key == "saml_attributes") && wrong.is_object()) continue;
        json::object changed = good;
        select(changed)[key] = wrong;
        EXPECT_FALSE(session_from_json(changed)) << key << " = " << json::serialize(wrong);
      }
    }
  };
  check([](json::object& session) -> json::object& { return session; });
  check([](json::object& session) -> json::object& { return session["identity"].as_object(); });
  check([](json::object& session) -> json::object& {
    return session["posture"].as_array()[0].as_object();
  });
  check([](json::object& session) -> json::object& {
    return session["revocations"].as_array()[0].as_object();
  });
  for (const json::value& wrong :
       {json::value(nullptr), json::value("x"), json::value(json::array{})})
    EXPECT_FALSE(session_from_json(wrong));
}

TEST(SessionJson, RefusesInstantsThatOverflow) {
  json::object session = to_json(full_session());
  session["expires_at"] = std::int64_t{253402300799};
  EXPECT_TRUE(session_from_json(session));
  session["expires_at"] = std::int64_t{253402300800};
  EXPECT_FALSE(session_from_json(session));
  session["expires_at"] = std::numeric_limits<std::int64_t>::min();
  EXPECT_FALSE(session_from_json(session));
}

TEST(SessionJson, RefusesTwoStatementsOfOneIntegration) {
  Session session = full_session();
  session.posture.at(1).integration_id = session.posture.at(0).integration_id;
  EXPECT_FALSE(session_from_json(to_json(session)));
}

}  // namespace
}  // namespace gatehouse::model
