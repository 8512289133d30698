// What must hold for every kind alike: whatever the evidence says, nothing throws, nothing is
// admitted on nothing, and a decision allocates nothing.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <new>
#include <random>

#include "selectors/registry.h"
#include "selectors/test_support.h"

namespace {

thread_local std::size_t allocations = 0;

void* allocate(std::size_t size) {
  ++allocations;
  return std::malloc(size == 0 ? 1 : size);
}
void* allocate_or_throw(std::size_t size) {
  if (void* memory = allocate(size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) { return allocate_or_throw(size); }
void* operator new[](std::size_t size) { return allocate_or_throw(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }

namespace gatehouse::selectors {
namespace {

using decision::Combine;
using decision::Effect;
using decision::Reason;
using decision::Truth;
using testing::kNow;
using testing::Person;

struct Authored {
  std::string_view kind;
  std::string_view values;
};
constexpr Authored kEveryKind[] = {
    {"any_valid_service_token", R"([{}])"},
    {"auth_context", R"([{"ac_id": "c1", "identity_provider_id": "staff"}])"},
    {"auth_method", R"([{"auth_method": "mfa"}])"},
    {"azureAD", R"([{"id": "g1", "identity_provider_id": "staff"}])"},
    {"certificate", R"([{}])"},
    {"common_name", R"([{"common_name": "laptop"}])"},
    {"device_posture", R"([{"integration_uid": "staff"}])"},
    {"email", R"([{"email": "alice@corp.example"}])"},
    {"email_domain", R"([{"domain": "corp.example"}])"},
    {"email_list", R"([{"id": "staff"}])"},
    {"everyone", R"([{}])"},
    {"external_evaluation",
     R"([{"evaluate_url": "https://a.example", "keys_url": "https://a.example"}])"},
    {"geo", R"([{"country_code": "DE"}])"},
    {"github-organization",
     R"([{"name": "corp", "team": "ops", "identity_provider_id": "staff"}])"},
    {"group", R"([{"id": "staff"}])"},
    {"gsuite", R"([{"email": "staff@corp.example", "identity_provider_id": "staff"}])"},
    {"ip", R"([{"ip": "192.0.2.0/24"}])"},
    {"ip_list", R"([{"id": "others"}])"},
    {"login_method", R"([{"id": "staff"}])"},
    {"oidc",
     R"([{"claim_name": "role", "claim_value": "admin", "identity_provider_id": "staff"}])"},
    {"okta", R"([{"name": "g1", "identity_provider_id": "staff"}])"},
    {"saml",
     R"([{"attribute_name": "role", "attribute_value": "a", "identity_provider_id": "staff"}])"},
    {"service_token", R"([{"token_id": "staff"}])"},
};

std::unique_ptr<const decision::Matcher> make(const Authored& authored,
                                              Combine combine = Combine::Any) {
  const auto kind = std::ranges::find(registry(), authored.kind, &decision::SelectorKind::name);
  return testing::compile(kind->compile, authored.values, combine).value();
}

// What the selectors above refer to, and one Allow policy that asks all of them in each list.
std::shared_ptr<const decision::Snapshot> world() {
  decision::SnapshotBuilder builder;
  decision::CompiledGroup group;
  group.rules.include.push_back(make({"email_domain", R"([{"domain": "corp.example"}])"}));
  builder.add_group(std::move(group));
  decision::CompiledPostureRule rule;
  rule.integration_id = "tanium";
  rule.require_patched = true;
  rule.vulnerability_score = {decision::Comparison::LessOrEqual, 5};
  builder.add_posture_rule(rule);
  decision::CompiledList list;
  list.emails.try_emplace("alice@corp.example");
  builder.add_list(std::move(list));
  list = {};
  list.type = model::ListType::Ip;
  list.networks = IpRanges({*IpNetwork::parse("192.0.2.0/24")});
  builder.add_list(std::move(list));
  decision::CompiledApplication application;
  decision::CompiledPolicy policy;
  policy.action = model::Action::Allow;
  for (const Authored& authored : kEveryKind) {
    policy.rules.include.push_back(make(authored));
    policy.rules.require.push_back(make(authored, Combine::All));
    policy.rules.exclude.push_back(make(authored));
  }
  application.policies.push_back(std::move(policy));
  builder.add_application(std::move(application), {"app.example"});
  return builder.finish();
}

// Everything that the selectors above ask for.
struct Everything {
  Everything() : person("alice@corp.example") {
    using namespace std::chrono_literals;
    token.id = "id-staff";
    model::Identity& identity = person.session.identity;
    identity.groups = {"a", "b", "g1", "staff@corp.example"};
    identity.groups_known = true;
    identity.amr = {"pwd", "mfa"};
    identity.auth_contexts = {"c1"};
    identity.claims["role"] = {"admin"};
    identity.saml_attributes["role"] = {"a"};
    identity.organizations = {{"corp", {"ops"}}};
    identity.organizations_known = true;
    person.session.posture.push_back(
        {"tanium", "device", kNow - 60s, true, kNow - 3600s, true, 1.0, "host", "serial"});
    person.session.evaluations.push_back(
        {decision::evaluation_key("https://a.example", "https://a.example"), true, kNow});
    evidence = person.evidence();
    evidence.client_ip = IpAddress::parse("192.0.2.7").value();
    evidence.country = "DE";
    evidence.service_token = &token;
    evidence.certificate = {decision::CertificateEvidence::State::Valid, "laptop", "0a"};
  }
  Everything(const Everything&) = delete;
  Everything& operator=(const Everything&) = delete;

  Person person;
  decision::CompiledServiceToken token;
  decision::Evidence evidence;
};

TEST(EveryKind, IsHere) {
  std::vector<std::string_view> here;
  for (const Authored& authored : kEveryKind) here.push_back(authored.kind);
  std::vector<std::string_view> registered;
  for (const auto& kind : registry()) registered.push_back(kind.name);
  EXPECT_EQ(here, registered);
}

TEST(EveryKind, HoldsWithEverythingAndNotWithNothing) {
  const auto snapshot = world();
  const Everything everything;
  const Person stranger("eve@else.example", "id-others");
  for (const Authored& authored : kEveryKind) {
    const auto matcher = make(authored);
    testing::expect_match(matcher->match(*snapshot, everything.evidence, kNow), Truth::True,
                          Reason::None, authored.kind);
    EXPECT_FALSE(matcher->describe().empty()) << authored.kind;
    if (authored.kind == "everyone") continue;
    for (const auto& evidence : {decision::Evidence(), stranger.evidence()}) {
      const auto match = matcher->match(*snapshot, evidence, kNow);
      EXPECT_NE(match.truth, Truth::True) << authored.kind;
      EXPECT_NE(match.reason, Reason::None) << authored.kind;
    }
    if (authored.kind == "group") continue;
    EXPECT_FALSE(matcher->observe(*snapshot, everything.evidence).value.empty()) << authored.kind;
    EXPECT_FALSE(matcher->observe(*snapshot, {}).value.empty()) << authored.kind;
  }
}

TEST(EveryKind, IsUnknownOrOfThePersonWhenOnlyTheIdentityIsKnown) {
  const auto snapshot = world();
  const Everything everything;
  decision::Evidence evidence = everything.evidence;
  evidence.identity_only = true;
  constexpr std::string_view kOfTheRequest[] = {"any_valid_service_token",
                                                "certificate",
                                                "common_name",
                                                "device_posture",
                                                "external_evaluation",
                                                "geo",
                                                "ip",
                                                "ip_list",
                                                "service_token"};
  for (const Authored& authored : kEveryKind) {
    const bool of_the_request =
        std::ranges::find(kOfTheRequest, authored.kind) != std::end(kOfTheRequest);
    EXPECT_EQ(make(authored)->match(*snapshot, evidence, kNow).truth,
              of_the_request ? Truth::Indeterminate : Truth::True)
        << authored.kind;
  }
}

TEST(EveryKind, AllocatesNothing) {
  const auto snapshot = world();
  const Everything everything;
  const Person stranger("eve@else.example", "id-others");
  for (const auto& evidence : {everything.evidence, stranger.evidence(), decision::Evidence()}) {
    const std::size_t before = allocations;
    const auto decision =
        decision::evaluate(*snapshot, snapshot->applications()[0], evidence, kNow);
    EXPECT_EQ(allocations, before);
    EXPECT_EQ(decision.policy, nullptr);
  }
  // An OR ends at its first True: each one alone as well.
  for (const Authored& authored : kEveryKind) {
    const auto matcher = make(authored);
    const std::size_t before = allocations;
    const auto match = matcher->match(*snapshot, everything.evidence, kNow);
    EXPECT_EQ(allocations, before) << authored.kind;
    EXPECT_EQ(match.truth, Truth::True) << authored.kind;
  }
}

class Garbage {
 public:
  std::size_t below(std::size_t limit) { return engine_() % limit; }
  bool flip() { return below(2) == 0; }
  std::string text() {
    constexpr std::string_view kKnown[] = {"",     "g1",   "GROUP", "mfa", "c1",
                                           "corp", "role", "admin", "ops", "staff@corp.example"};
    if (flip()) return std::string(kKnown[below(std::size(kKnown))]);
    std::string made(below(40), '\0');
    for (char& c : made) c = static_cast<char>(engine_());
    return made;
  }
  std::vector<std::string> texts() {
    std::vector<std::string> made(below(4));
    for (auto& one : made) one = text();
    return made;
  }
  Instant instant() {
    const Instant all[] = {Instant::min(), Instant::max(), Instant{}, kNow,
                           from_epoch_seconds(static_cast<std::int64_t>(engine_()))};
    return all[below(std::size(all))];
  }
  double number() {
    using Limits = std::numeric_limits<double>;
    const double all[] = {Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity(),
                          Limits::lowest(),    Limits::max(),      -0.0};
    return all[below(std::size(all))];
  }
  model::Session session() {
    model::Session made;
    model::Identity& identity = made.identity;
    identity.email = text();
    identity.login_method = flip() ? "id-staff" : text();
    identity.groups = texts();
    identity.groups_known = flip();
    identity.amr = texts();
    identity.auth_contexts = texts();
    identity.claims[text()] = texts();
    identity.saml_attributes[text()] = texts();
    if (flip()) identity.organizations.push_back({text(), texts()});
    identity.organizations_known = flip();
    identity.authenticated_at = instant();
    for (auto count = below(3); count > 0; --count) {
      model::PostureEvidence posture;
      posture.integration_id = flip() ? "tanium" : text();
      posture.established_at = instant();
      if (flip()) posture.managed = flip();
      if (flip()) posture.last_checkin = instant();
      if (flip()) posture.patch_compliant = flip();
      if (flip()) posture.vulnerability_score = number();
      made.posture.push_back(std::move(posture));
    }
    if (flip())
      made.evaluations.push_back(
          {flip() ? decision::evaluation_key("https://a.example", "https://a.example") : text(),
           flip(), instant()});
    return made;
  }

 private:
  std::mt19937_64 engine_{20260102};
};

TEST(EveryKind, GarbageNeverThrows) {
  const auto snapshot = world();
  Garbage garbage;
  for (int round = 0; round < 2'000; ++round) {
    const model::Session session = garbage.session();
    const std::string country = garbage.text();
    const std::string name = garbage.text();
    const std::string email = garbage.flip() ? garbage.text() : "";
    decision::CompiledServiceToken token;
    token.id = garbage.text();
    token.enabled = garbage.flip();
    if (garbage.flip()) token.expires_at = garbage.instant();
    decision::Evidence evidence;
    if (garbage.below(8) != 0) evidence.session = &session;
    evidence.canonical_email = email;
    evidence.country = country;
    if (garbage.flip()) evidence.service_token = &token;
    evidence.certificate = {static_cast<decision::CertificateEvidence::State>(garbage.below(4)),
                            name, name};
    evidence.identity_only = garbage.flip();
    decision::Trace trace;
    for (decision::Trace* traced : {static_cast<decision::Trace*>(nullptr), &trace}) {
      const auto decision =
          decision::evaluate(*snapshot, snapshot->applications()[0], evidence, kNow, traced);
      ASSERT_NE(decision.reason, Reason::InternalError) << round;
      ASSERT_NE(decision.effect, Effect::Allow) << round;  // `everyone` is excluded
    }
  }
}

}  // namespace
}  // namespace gatehouse::selectors
