#include "decision/explanation.h"

#include <gtest/gtest.h>

#include "decision/test_support.h"

namespace gatehouse::decision {
namespace {

constexpr Instant kNow = from_epoch_seconds(1'700'000'000);

// One that says which evidence it saw.
class Saw final : public Matcher {
 public:
  Saw(Match match, std::string value, std::optional<Instant> established_at)
      : match_(match), seen_{std::move(value), established_at} {}
  [[nodiscard]] Match match(const Snapshot&, const Evidence&, Instant) const override {
    return match_;
  }
  [[nodiscard]] std::string describe() const override { return "device posture is `Managed`"; }
  [[nodiscard]] Observation observe(const Snapshot&, const Evidence&) const override {
    return seen_;
  }

 private:
  Match match_;
  Observation seen_;
};

class InGroup final : public Matcher {
 public:
  [[nodiscard]] Match match(const Snapshot&, const Evidence&, Instant) const override {
    return kTrue;
  }
  [[nodiscard]] std::string describe() const override { return "group is `Staff`"; }
  [[nodiscard]] std::span<const std::uint32_t> groups() const override { return kGroups; }

 private:
  static constexpr std::uint32_t kGroups[] = {0};
};

template <typename M, typename... Arguments>
MatcherList one(Arguments... arguments) {
  MatcherList list;
  list.push_back(std::make_unique<M>(arguments...));
  return list;
}

CompiledPolicy named(std::string name, model::Action action, CompiledRules rules) {
  CompiledPolicy policy;
  policy.id = "id of " + name;
  policy.name = std::move(name);
  policy.action = action;
  policy.rules = std::move(rules);
  return policy;
}

// Staff on managed devices; Contractors by invitation; nobody else is asked.
std::shared_ptr<const Snapshot> wiki(Match managed, std::optional<Instant> checked_at,
                                     bool purpose = false) {
  SnapshotBuilder builder;
  CompiledGroup staff;
  staff.name = "Staff";
  staff.rules.include = one<testing::Says>(kTrue);
  builder.add_group(std::move(staff));
  CompiledApplication application;
  application.id = "wiki-id";
  application.name = "Wiki";
  application.audience = "wiki-audience";
  application.hostname = "wiki.example.com";
  application.posture_integrations = {"tanium"};
  CompiledRules rules;
  rules.include = one<InGroup>();
  rules.require = one<Saw>(managed, std::string("managed no"), checked_at);
  application.policies.push_back(named("Staff", model::Action::Allow, std::move(rules)));
  application.policies.back().purpose_justification_required = purpose;
  rules = {};
  rules.include = one<testing::Says>(kTrue);
  application.policies.push_back(named("Rest", model::Action::Block, std::move(rules)));
  rules = {};
  rules.include = one<testing::Says>(kTrue);
  application.policies.push_back(named("Never", model::Action::Allow, std::move(rules)));
  builder.add_application(std::move(application), {"wiki.example.com"});
  return builder.finish();
}

Explanation explain_alice(const Snapshot& snapshot, const model::Session& session) {
  Evidence evidence;
  evidence.client_ip = IpAddress::parse("192.0.2.7").value();
  evidence.country = "DE";
  evidence.session = &session;
  evidence.canonical_email = session.identity.email;
  return explain(snapshot, snapshot.applications()[0], evidence, kNow);
}

TEST(Explanation, SaysWhatWasAskedSeenAndDecided) {
  const auto snapshot =
      wiki({Truth::False, Reason::PostureNotManaged}, kNow - std::chrono::seconds(3725));
  model::Session session = testing::session("okta");
  model::PostureEvidence posture;
  posture.integration_id = "tanium";
  posture.established_at = kNow - std::chrono::seconds(3725);
  posture.managed = false;
  session.posture.push_back(posture);
  session.identity.authenticated_at = kNow - std::chrono::seconds(90'000);
  EXPECT_EQ(to_text(explain_alice(*snapshot, session)),
            R"(Wiki (wiki.example.com) at 2023-11-14T22:13:20Z
decision: deny, posture_not_managed
decided by: policy `Rest`

asked with
  client address      192.0.2.7
  country             DE
  client certificate  none
  service token       none
  user                alice@corp.example
  login method        okta (1d 1h old)
  posture of tanium   managed no, check-in unknown, patched unknown (1h 2m old)

policies, in order
  allow `Staff`: false, posture_not_managed
    include: true
      group is `Staff`: true
        group Staff: true
          include: true
            says: true
    require: false, posture_not_managed
      device posture is `Managed`: false, posture_not_managed; saw managed no (1h 2m old)
    signed in with an allowed login method: true
  deny `Rest`: true (this one decides)
    include: true
      says: true
  allow `Never`: not asked

the person is told
  This device is not managed by your organization
  Use a device that your organization manages, or ask your IT team to enroll this one.
  remedy: repair_device
)");
}

TEST(Explanation, IsTheSameInJson) {
  const auto snapshot = wiki({Truth::Indeterminate, Reason::PostureStale}, kNow);
  const json::value document = to_json(explain_alice(*snapshot, testing::session()));
  const auto at = [&](std::string_view pointer) {
    const auto* found = json::at_pointer(document, pointer);
    return found == nullptr ? "absent" : json::serialize(*found);
  };
  EXPECT_EQ(at("/effect"), R"("challenge")");
  EXPECT_EQ(at("/reason"), R"("posture_stale")");
  EXPECT_EQ(at("/challenge"), R"("posture")");
  EXPECT_EQ(at("/application"), R"({"id":"wiki-id","name":"Wiki","hostname":"wiki.example.com"})");
  EXPECT_EQ(at("/policy"), R"({"id":"id of Rest","name":"Rest","action":"deny"})");
  EXPECT_EQ(at("/told/remedy"), R"("check_device")");
  EXPECT_EQ(at("/policies/0/outcome"), R"("unknown")");
  EXPECT_EQ(at("/policies/0/decided"), "false");
  EXPECT_EQ(at("/policies/0/parts/1"),
            R"({"kind":"list","name":"require","outcome":"unknown","reason":"posture_stale",)"
            R"("parts":[{"kind":"selector","name":"device posture is `Managed`",)"
            R"("outcome":"unknown","reason":"posture_stale","saw":"managed no",)"
            R"("established_at":"2023-11-14T22:13:20Z","age_seconds":0}]})");
  EXPECT_EQ(at("/policies/0/parts/0/parts/0/parts/0/name"), R"("group Staff")");
  EXPECT_EQ(at("/policies/1/decided"), "true");
  EXPECT_EQ(at("/policies/2"),
            R"({"kind":"policy","id":"id of Never","name":"Never","action":"allow",)"
            R"("asked":false,"decided":false})");
}

TEST(Explanation, OfAnAllowEndsAtThePolicyThatAllows) {
  const auto snapshot = wiki(kTrue, kNow);
  const auto explanation = explain_alice(*snapshot, testing::session());
  EXPECT_EQ(explanation.effect, Effect::Allow);
  EXPECT_EQ(explanation.decided_by->name, "Staff");
  ASSERT_EQ(explanation.not_asked.size(), 2U);
  EXPECT_EQ(explanation.not_asked[0].name, "Rest");
  const std::string text = to_text(explanation);
  EXPECT_NE(text.find("allow `Staff`: true (this one decides)"), std::string::npos) << text;
  EXPECT_NE(text.find("the request goes through"), std::string::npos) << text;
}

TEST(Explanation, ShowsThePurposeThatIsMissing) {
  const auto snapshot = wiki(kTrue, kNow, true);
  model::Session session = testing::session();
  auto explanation = explain_alice(*snapshot, session);
  EXPECT_EQ(explanation.challenge, Challenge::Purpose);
  EXPECT_NE(to_text(explanation)
                .find("    a purpose was stated for this application: false, purpose_required\n"),
            std::string::npos)
      << to_text(explanation);
  session.purposes.push_back({"wiki-audience", "audit", kNow});
  explanation = explain_alice(*snapshot, session);
  EXPECT_EQ(explanation.effect, Effect::Allow);
  EXPECT_NE(to_text(explanation).find("purpose             audit (0s old)"), std::string::npos)
      << to_text(explanation);
}

TEST(Explanation, OfAPreflightThatTheApplicationLetsThroughAsksNoPolicy) {
  SnapshotBuilder builder;
  CompiledApplication application;
  application.options_preflight_bypass = true;
  application.policies.push_back(named("Staff", model::Action::Allow, {}));
  builder.add_application(std::move(application), {"app.example"});
  const auto snapshot = builder.finish();
  Evidence evidence;
  evidence.cors_preflight = true;
  const auto explanation = explain(*snapshot, snapshot->applications()[0], evidence, kNow);
  EXPECT_EQ(explanation.effect, Effect::Bypass);
  EXPECT_EQ(explanation.not_asked.size(), 1U);
  EXPECT_NE(to_text(explanation).find("which lets CORS preflights through"), std::string::npos);
  EXPECT_EQ(to_json(explanation).at("policy"), json::value());
}

// Claims and names come from outside; the text goes to terminals.
TEST(Explanation, TextControlsNoTerminal) {
  const auto snapshot = wiki(kTrue, kNow);
  model::Session session = testing::session();
  session.identity.claims["title"] = {"\x1b]0;owned\x07\n  allow `x`: true",
                                      "\xc2\x9b"
                                      "31m",
                                      "R\xc3\xa9gie"};
  session.identity.groups = {"\xff\xfe"};
  const std::string text = to_text(explain_alice(*snapshot, session));
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find("\xc2\x9b"), std::string::npos);
  EXPECT_EQ(text.find("\n  allow `x`"), std::string::npos);
  EXPECT_NE(text.find("R\xc3\xa9gie"), std::string::npos) << text;
  EXPECT_EQ(text.find('\xff'), std::string::npos);
}

}  // namespace
}  // namespace gatehouse::decision
