// Random policy sets and requests: the engine and the naive evaluator must agree in effect, reason,
// challenge and deciding policy. GATEHOUSE_RANDOM_CASES sets how many requests are tried,
// GATEHOUSE_RANDOM_SEED which.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <random>

#include "base/json.h"
#include "decision/engine.h"
#include "evaluator.h"
#include "selectors/registry.h"

namespace {

using namespace gatehouse;
using decision::Combine;
using json::array;
using json::object;

constexpr std::int64_t kNow = 1'700'000'000;
constexpr int kRequestsPerWorld = 20;
const std::vector<std::string> kGroups = {"g0", "g1", "g2"};
const std::vector<std::string> kRules = {"p0", "p1", "p2"};
const std::vector<std::string> kTokens = {"t0", "t1", "t2"};

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : engine_(seed) {}

  object world() {
    object groups;
    // A group asks only those before it: no cycles.
    for (std::size_t i = 0; i < kGroups.size(); ++i) groups[kGroups[i]] = rules(i);
    object posture_rules;
    for (const auto& name : kRules)
      posture_rules[name] = {{"integration_id", one_of({"tanium", "agent"})},
                             {"managed", chance(4, 5)},
                             {"max_evidence_age", number({300, 3600})},
                             {"max_checkin_age", number({3600, 604800})}};
    object tokens;
    for (const auto& name : kTokens) {
      tokens[name] = {{"enabled", chance(4, 5)}, {"expires_at", nullptr}};
      if (chance(1, 2)) tokens[name].as_object()["expires_at"] = kNow + number({-1, 0, 1, 1000});
    }
    array policies;
    for (auto count = below(5); count > 0; --count) {
      object policy = rules(kGroups.size());
      policy["name"] = "policy " + std::to_string(count);
      policy["decision"] = one_of({"allow", "allow", "allow", "deny", "bypass", "non_identity"});
      policies.push_back(std::move(policy));
    }
    array allowed;
    if (chance(1, 3)) allowed = {"okta"};
    return {{"groups", std::move(groups)},
            {"posture_rules", std::move(posture_rules)},
            {"service_tokens", std::move(tokens)},
            {"policies", std::move(policies)},
            {"allowed_idps", std::move(allowed)}};
  }

  object request() {
    object made{{"now", kNow},
                {"ip", one_of({"10.0.0.7", "10.0.1.7", "192.0.2.7", "2001:db8::1"})},
                {"session", nullptr},
                {"service_token", nullptr}};
    if (chance(1, 4)) made["service_token"] = one_of({"t0", "t1", "t2"});
    if (chance(1, 5)) return made;
    array posture;
    for (const auto* integration : {"tanium", "agent"})
      if (chance(3, 4)) posture.push_back(evidence(integration));
    made["session"] = {
        {"email", one_of({"alice@corp.example", "BOB@Corp.example", "carol@else.example",
                          "alice@corp.example@else.example", "\"alice\"@corp.example", ""})},
        {"login_method", one_of({"okta", "pin"})},
        {"posture", std::move(posture)}};
    return made;
  }

 private:
  object evidence(const char* integration) {
    object made{{"integration_id", integration},
                {"established_at", kNow - number({0, 60, 300, 301, 3600, 3601, -30, -31})}};
    if (chance(5, 6)) made["managed"] = chance(3, 4);
    if (chance(5, 6))
      made["last_checkin"] = kNow - number({0, 3600, 3601, 604800, 604801, -30, -31});
    return made;
  }

  object rules(std::size_t groups) {
    return {{"include", list(0, 3, groups)},
            {"require", list(0, chance(1, 2) ? 2 : 0, groups)},
            {"exclude", list(0, chance(1, 2) ? 2 : 0, groups)}};
  }

  array list(std::size_t least, std::size_t most, std::size_t groups) {
    array made;
    for (auto count = least + below(most - least + 1); count > 0; --count)
      made.push_back(selector(groups));
    return made;
  }

  object selector(std::size_t groups) {
    switch (below(groups == 0 ? 9 : 11)) {
      case 0:
      case 1:
        return {{"email",
                 {{"email",
                   one_of({"alice@corp.example", "bob@CORP.example", "carol@else.example"})}}}};
      case 2:
        return {{"email_domain", {{"domain", one_of({"corp.example", "ELSE.example"})}}}};
      case 3:
        return {{"everyone", object()}};
      case 4:
        return {{"ip",
                 {{"ip", one_of({"10.0.0.0/24", "10.0.0.0/16", "192.0.2.7", "2001:db8::/32",
                                 "0.0.0.0/0"})}}}};
      case 5:
        return {{"login_method", {{"id", one_of({"okta", "pin"})}}}};
      case 6:
        return {{"service_token", {{"token_id", one_of({"t0", "t1", "t2"})}}}};
      case 7:
      case 8:
        return {{"device_posture", {{"integration_uid", one_of({"p0", "p1", "p2"})}}}};
      default:
        return {{"group", {{"id", kGroups[below(groups)]}}}};
    }
  }

  std::size_t below(std::size_t limit) { return engine_() % limit; }
  bool chance(std::size_t part, std::size_t whole) { return below(whole) < part; }
  std::string one_of(std::initializer_list<const char*> texts) {
    return texts.begin()[below(texts.size())];
  }
  std::int64_t number(std::initializer_list<std::int64_t> numbers) {
    return numbers.begin()[below(numbers.size())];
  }

  std::mt19937_64 engine_;
};

class Context final : public decision::CompileContext {
 public:
  [[nodiscard]] std::optional<std::uint32_t> find_group(std::string_view id) const override {
    return index(kGroups, id);
  }
  [[nodiscard]] std::optional<std::uint32_t> find_posture_rule(std::string_view id) const override {
    return index(kRules, id);
  }
  [[nodiscard]] std::optional<std::string> find_login_method(std::string_view id) const override {
    return std::string(id);
  }
  [[nodiscard]] std::optional<std::string> find_service_token(std::string_view id) const override {
    return std::string(id);
  }
  std::optional<std::uint32_t> find_list(std::string_view, model::ListType) const override {
    return std::nullopt;
  }

 private:
  static std::optional<std::uint32_t> index(const std::vector<std::string>& names,
                                            std::string_view id) {
    return static_cast<std::uint32_t>(std::ranges::find(names, id) - names.begin());
  }
};

decision::MatcherList compile_list(const array& selectors, Combine combine) {
  std::map<std::string, std::vector<const object*>> by_kind;
  for (const auto& selector : selectors)
    by_kind[selector.as_object().begin()->key()].push_back(
        &selector.as_object().begin()->value().as_object());
  decision::MatcherList list;
  for (const auto& [name, values] : by_kind)
    for (const auto& kind : selectors::registry())
      if (kind.name == name) list.push_back(kind.compile(values, combine, Context()).value());
  return list;
}

decision::CompiledRules compile_rules(const object& rules) {
  return {compile_list(rules.at("include").as_array(), Combine::Any),
          compile_list(rules.at("exclude").as_array(), Combine::Any),
          compile_list(rules.at("require").as_array(), Combine::All)};
}

struct World {
  std::shared_ptr<const decision::Snapshot> snapshot;
  std::map<std::string, decision::CompiledServiceToken, std::less<>> tokens;
};

World compile_world(const object& world) {
  World made;
  decision::SnapshotBuilder builder;
  for (const auto& name : kGroups) {
    decision::CompiledGroup group;
    group.name = name;
    group.rules = compile_rules(world.at("groups").at(name).as_object());
    builder.add_group(std::move(group));
  }
  for (const auto& name : kRules) {
    const object& rule = world.at("posture_rules").at(name).as_object();
    decision::CompiledPostureRule compiled;
    compiled.integration_id = rule.at("integration_id").as_string();
    compiled.require_managed = rule.at("managed").as_bool();
    compiled.max_evidence_age = std::chrono::seconds(rule.at("max_evidence_age").as_int64());
    compiled.max_checkin_age = std::chrono::seconds(rule.at("max_checkin_age").as_int64());
    builder.add_posture_rule(std::move(compiled));
  }
  for (const auto& name : kTokens) {
    const object& token = world.at("service_tokens").at(name).as_object();
    decision::CompiledServiceToken& compiled = made.tokens[name];
    compiled.id = name;
    compiled.enabled = token.at("enabled").as_bool();
    if (token.at("expires_at").is_int64())
      compiled.expires_at = from_epoch_seconds(token.at("expires_at").as_int64());
  }
  decision::CompiledApplication application;
  for (const auto& idp : world.at("allowed_idps").as_array())
    application.allowed_idps.emplace_back(idp.as_string());
  for (const auto& item : world.at("policies").as_array()) {
    const object& policy = item.as_object();
    decision::CompiledPolicy compiled;
    compiled.name = policy.at("name").as_string();
    compiled.action = model::parse_action(policy.at("decision").as_string()).value();
    compiled.rules = compile_rules(policy);
    application.policies.push_back(std::move(compiled));
  }
  builder.add_application(std::move(application), {"app.example"});
  made.snapshot = builder.finish();
  return made;
}

reference::Answer ask_engine(const World& world, const object& request) {
  model::Session session;
  std::string email;
  decision::Evidence evidence;
  evidence.client_ip = IpAddress::parse(request.at("ip").as_string()).value();
  if (const auto* token = request.at("service_token").if_string())
    evidence.service_token = &world.tokens.find(std::string_view(*token))->second;
  if (const auto* person = request.at("session").if_object()) {
    session.identity.email = person->at("email").as_string();
    session.identity.login_method = person->at("login_method").as_string();
    for (const auto& item : person->at("posture").as_array()) {
      const object& held = item.as_object();
      model::PostureEvidence posture;
      posture.integration_id = held.at("integration_id").as_string();
      posture.established_at = from_epoch_seconds(held.at("established_at").as_int64());
      posture.managed = json::find_bool(held, "managed");
      if (const auto checkin = json::find_int(held, "last_checkin"))
        posture.last_checkin = from_epoch_seconds(*checkin);
      session.posture.push_back(std::move(posture));
    }
    email = model::canonical_email(session.identity.email).value_or("");
    evidence.session = &session;
    evidence.canonical_email = email;
  }
  const auto decision = decision::evaluate(*world.snapshot, world.snapshot->applications()[0],
                                           evidence, from_epoch_seconds(kNow));
  return {std::string(to_string(decision.effect)), std::string(info(decision.reason).code),
          std::string(to_string(decision.challenge)),
          decision.policy == nullptr ? "" : decision.policy->name};
}

bool passes(const reference::Answer& answer) {
  return answer.effect == "allow" || answer.effect == "bypass";
}

TEST(Reference, AgreesOnRandomPoliciesAndRequests) {
  const auto cases = from_environment("GATEHOUSE_RANDOM_CASES", 200'000);
  Generator random(from_environment("GATEHOUSE_RANDOM_SEED", 20260102));
  std::map<std::string, std::uint64_t> reasons;
  object world;
  World compiled;
  for (std::uint64_t i = 0; i < cases; ++i) {
    if (i % kRequestsPerWorld == 0) {
      world = random.world();
      compiled = compile_world(world);
    }
    const object request = random.request();
    const auto expected = reference::evaluate(world, request);
    const auto found = ask_engine(compiled, request);
    ++reasons[expected.effect + " " + expected.reason];
    ASSERT_EQ(found, expected) << "case " << i << "\nworld " << json::serialize(world)
                               << "\nrequest " << json::serialize(request);
  }
  // What the generator never produces proves nothing.
  if (cases < 100'000) return;
  for (const auto* outcome :
       {"allow none", "bypass none", "challenge not_signed_in", "challenge posture_missing",
        "challenge posture_stale", "challenge posture_unreadable",
        "challenge login_method_not_allowed", "deny posture_not_managed",
        "deny posture_checkin_too_old", "deny posture_checkin_unknown",
        "deny identity_not_permitted", "deny service_token_not_permitted",
        "deny network_not_permitted", "deny blocked_by_policy", "deny no_policy_matched"})
    EXPECT_GE(reasons[outcome], 100U) << outcome;
}

TEST(Property, TakingPostureOrThePersonAwayNeverAllowsMore) {
  const auto cases = from_environment("GATEHOUSE_RANDOM_CASES", 200'000) / 10;
  Generator random(7);
  World compiled;
  for (std::uint64_t i = 0; i < cases; ++i) {
    if (i % kRequestsPerWorld == 0) compiled = compile_world(random.world());
    object request = random.request();
    const bool before = passes(ask_engine(compiled, request));
    if (request["session"].is_null()) continue;
    object less = request;
    less["session"].as_object()["posture"] = array();
    ASSERT_LE(passes(ask_engine(compiled, less)), before) << json::serialize(request);
    less["session"] = nullptr;
    ASSERT_LE(passes(ask_engine(compiled, less)), before) << json::serialize(request);
  }
}

}  // namespace
