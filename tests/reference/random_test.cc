// Random policy sets and requests: the engine and the naive evaluator must agree in effect, reason,
// challenge and deciding policy. GATEHOUSE_RANDOM_CASES sets how many requests are tried in all,
// GATEHOUSE_RANDOM_SEED which; a failure names the seed. In shards, which ctest runs beside each
// other.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>
#include <set>

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
constexpr int kShards = 4;
constexpr int kRequestsPerWorld = 50;
const std::vector<std::string> kGroups = {"g0", "g1", "g2", "g3"};
const std::vector<std::string> kRules = {"p0", "p1", "p2"};
const std::vector<std::string> kTokens = {"t0", "t1", "t2"};
const std::vector<std::string> kLists = {"e0", "e1", "n0", "n1"};  // of addresses, of networks
constexpr const char* kUrls[] = {"https://a.example/evaluate", "https://b.example/evaluate"};
constexpr const char* kKeysUrl = "https://a.example/keys";

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}
std::uint64_t cases() { return from_environment("GATEHOUSE_RANDOM_CASES", 1'000'000); }
std::uint64_t seed() { return from_environment("GATEHOUSE_RANDOM_SEED", 20260102); }

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : engine_(seed) {}

  object world() {
    object groups;
    // A group asks only those before it: no cycles.
    for (std::size_t i = 0; i < kGroups.size(); ++i) groups[kGroups[i]] = rules(i);
    object posture_rules;
    for (const auto& name : kRules) posture_rules[name] = posture_rule();
    object tokens;
    for (const auto& name : kTokens) {
      tokens[name] = {{"enabled", chance(4, 5)}, {"expires_at", nullptr}};
      if (chance(1, 2)) tokens[name].as_object()["expires_at"] = kNow + number({-1, 0, 1, 1000});
    }
    object lists;
    for (const auto& name : kLists) {
      array items;
      for (auto count = 1 + below(2); count > 0; --count)
        items.emplace_back(name.starts_with('e') ? address() : network());
      lists[name] = std::move(items);
    }
    array policies;
    for (auto count = below(5); count > 0; --count) {
      object policy = rules(kGroups.size());
      policy["name"] = "policy " + std::to_string(count);
      policy["decision"] = one_of({"allow", "allow", "allow", "deny", "bypass", "non_identity"});
      policy["purpose"] = chance(1, 4);
      policies.push_back(std::move(policy));
    }
    array allowed;
    if (chance(1, 3)) allowed = {"okta", "azure"};
    return {{"groups", std::move(groups)},         {"posture_rules", std::move(posture_rules)},
            {"service_tokens", std::move(tokens)}, {"lists", std::move(lists)},
            {"policies", std::move(policies)},     {"options_preflight_bypass", chance(1, 5)},
            {"allowed_idps", std::move(allowed)}};
  }

  object request() {
    object made{{"now", kNow},
                {"ip", one_of({"10.0.0.7", "10.0.1.7", "192.0.2.7", "2001:db8::1"})},
                {"country", one_of({"DE", "US", "FR", ""})},
                {"preflight", chance(1, 20)},
                {"certificate", one_of({"none", "invalid", "unknown"})},
                {"session", nullptr},
                {"service_token", nullptr}};
    if (chance(1, 2))
      made["certificate"] = object{{"common_name", one_of({"laptop", "Laptop", "server"})}};
    if (chance(1, 4)) made["service_token"] = one_of({"t0", "t1", "t2"});
    if (!chance(1, 5)) made["session"] = session();
    return made;
  }

 private:
  object posture_rule() {
    object rule{{"integration_id", one_of({"tanium", "agent"})},
                {"managed", chance(4, 5)},
                {"patched", chance(1, 4)},
                {"max_evidence_age", number({300, 3600})},
                {"max_checkin_age", number({3600, 604800})}};
    if (chance(1, 4))
      rule["score"] = {{"operator", one_of({"<", "<=", "==", ">=", ">"})},
                       {"value", number({0, 10, 20})}};
    return rule;
  }

  object session() {
    array posture;
    for (const auto* integration : {"tanium", "agent"})
      if (chance(3, 4)) posture.push_back(evidence(integration));
    array evaluations;
    for (const auto* url : kUrls)
      if (chance(3, 4))
        evaluations.push_back(
            object{{"evaluate_url", url},
                   {"success", chance(2, 3)},
                   {"established_at", kNow - number({0, 600, 601, 3600, 3601, -30, -31})}});
    object organizations;
    for (const auto* name : {"corp", "else"})
      if (chance(1, 3)) organizations[name] = some_of({"dev", "ops"});
    object claims;
    object attributes;
    for (const auto* name : {"role", "team"}) {
      if (chance(2, 3)) claims[name] = some_of({"admin", "user"});
      if (chance(2, 3)) attributes[name] = some_of({"admin", "user"});
    }
    return {{"email", one_of({"alice@corp.example", "BOB@Corp.example", "carol@else.example",
                              "alice@corp.example@else.example", "\"alice\"@corp.example", ""})},
            {"login_method", one_of({"okta", "pin", "azure", "github"})},
            {"groups", some_of({"staff", "admins", "staff@corp.example"})},
            {"groups_known", chance(2, 3)},
            {"amr", some_of({"pwd", "mfa", "hwk"})},
            {"auth_contexts", some_of({"c1", "c2"})},
            {"organizations", std::move(organizations)},
            {"organizations_known", chance(2, 3)},
            {"claims", std::move(claims)},
            {"saml_attributes", std::move(attributes)},
            {"purpose", chance(1, 2)},
            {"evaluations", std::move(evaluations)},
            {"posture", std::move(posture)}};
  }

  object evidence(const char* integration) {
    object made{{"integration_id", integration},
                {"established_at", kNow - number({0, 60, 300, 301, 3600, 3601, -30, -31})}};
    if (chance(5, 6)) made["managed"] = chance(3, 4);
    if (chance(5, 6))
      made["last_checkin"] = kNow - number({0, 3600, 3601, 604800, 604801, -30, -31});
    if (chance(3, 4)) made["patched"] = chance(2, 3);
    if (chance(3, 4)) made["score"] = 0.5 * static_cast<double>(number({0, 19, 20, 21, 40}));
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
    const auto& kinds = selectors::registry();
    for (;;) {
      const std::string kind(kinds[below(kinds.size())].name);
      if (kind == "group" && groups == 0) continue;
      return {{kind, value_of(kind, groups)}};
    }
  }

  // Of a kind that nobody has taught us: fails the test.
  object value_of(const std::string& kind, std::size_t groups) {
    const char* provider = one_of({"okta", "azure", "github"});
    if (kind == "email") return {{"email", address()}};
    if (kind == "email_domain") return {{"domain", one_of({"corp.example", "ELSE.example"})}};
    if (kind == "email_list") return {{"id", one_of({"e0", "e1"})}};
    if (kind == "everyone" || kind == "any_valid_service_token" || kind == "certificate") return {};
    if (kind == "ip") return {{"ip", network()}};
    if (kind == "ip_list") return {{"id", one_of({"n0", "n1"})}};
    if (kind == "geo") return {{"country_code", one_of({"DE", "US"})}};
    if (kind == "login_method") return {{"id", one_of({"okta", "pin"})}};
    if (kind == "service_token") return {{"token_id", one_of({"t0", "t1", "t2"})}};
    if (kind == "common_name") return {{"common_name", one_of({"laptop", "server"})}};
    if (kind == "device_posture") return {{"integration_uid", one_of({"p0", "p1", "p2"})}};
    if (kind == "external_evaluation") {
      object made{{"evaluate_url", kUrls[below(2)]}, {"keys_url", kKeysUrl}};
      if (chance(1, 2)) made["expiration"] = "10m";
      return made;
    }
    if (kind == "auth_method") return {{"auth_method", one_of({"mfa", "hwk"})}};
    if (kind == "auth_context")
      return {{"id", "4d8b1b3e-1b1f-4a5e-9a55-0f0f6d4e8c01"},
              {"ac_id", one_of({"c1", "c2"})},
              {"identity_provider_id", provider}};
    if (kind == "azureAD")
      return {{"id", one_of({"staff", "admins"})}, {"identity_provider_id", provider}};
    if (kind == "okta")
      return {{"name", one_of({"staff", "admins"})}, {"identity_provider_id", provider}};
    if (kind == "gsuite")
      return {{"email", "Staff@corp.example"}, {"identity_provider_id", provider}};
    if (kind == "github-organization") {
      object made{{"name", one_of({"Corp", "else"})}, {"identity_provider_id", provider}};
      if (chance(1, 2)) made["team"] = one_of({"dev", "ops"});
      return made;
    }
    if (kind == "oidc")
      return {{"claim_name", one_of({"role", "team"})},
              {"claim_value", one_of({"admin", "user"})},
              {"identity_provider_id", provider}};
    if (kind == "saml")
      return {{"attribute_name", one_of({"role", "team"})},
              {"attribute_value", one_of({"admin", "user"})},
              {"identity_provider_id", provider}};
    if (kind == "group") return {{"id", kGroups[below(groups)]}};
    ADD_FAILURE() << "the generator and the naive evaluator do not know `" << kind << "`";
    return {};
  }

  const char* address() {
    return one_of({"alice@corp.example", "bob@CORP.example", "carol@else.example"});
  }
  const char* network() {
    return one_of({"10.0.0.0/24", "10.0.0.0/16", "192.0.2.7", "2001:db8::/32", "0.0.0.0/0"});
  }
  array some_of(std::initializer_list<const char*> texts) {
    array made;
    for (const auto* text : texts)
      if (chance(1, 3)) made.emplace_back(text);
    return made;
  }
  std::size_t below(std::size_t limit) { return engine_() % limit; }
  bool chance(std::size_t part, std::size_t whole) { return below(whole) < part; }
  const char* one_of(std::initializer_list<const char*> texts) {
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
  [[nodiscard]] std::optional<std::uint32_t> find_list(std::string_view id,
                                                       model::ListType) const override {
    return index(kLists, id);
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

std::vector<std::string> texts_of(const json::value& from) {
  std::vector<std::string> made;
  for (const auto& text : from.as_array()) made.emplace_back(text.as_string());
  return made;
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
    group.id = name;
    group.rules = compile_rules(world.at("groups").at(name).as_object());
    builder.add_group(std::move(group));
  }
  for (const auto& name : kRules) {
    const object& rule = world.at("posture_rules").at(name).as_object();
    decision::CompiledPostureRule compiled;
    compiled.id = name;
    compiled.integration_id = rule.at("integration_id").as_string();
    compiled.require_managed = rule.at("managed").as_bool();
    compiled.require_patched = rule.at("patched").as_bool();
    compiled.max_evidence_age = std::chrono::seconds(rule.at("max_evidence_age").as_int64());
    compiled.max_checkin_age = std::chrono::seconds(rule.at("max_checkin_age").as_int64());
    if (const auto* limit = rule.if_contains("score"))
      compiled.vulnerability_score = {
          decision::parse_comparison(limit->at("operator").as_string()).value(),
          limit->at("value").to_number<double>()};
    builder.add_posture_rule(std::move(compiled));
  }
  for (const auto& name : kLists) {
    decision::CompiledList list;
    list.name = name;
    list.type = name.starts_with('e') ? model::ListType::Email : model::ListType::Ip;
    std::vector<IpNetwork> networks;
    for (const std::string& item : texts_of(world.at("lists").at(name)))
      if (list.type == model::ListType::Email)
        list.emails.try_emplace(model::canonical_email(item).value());
      else
        networks.push_back(IpNetwork::parse(item).value());
    list.networks = IpRanges(networks);
    builder.add_list(std::move(list));
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
  application.audience = "application";
  application.options_preflight_bypass = world.at("options_preflight_bypass").as_bool();
  application.allowed_idps = texts_of(world.at("allowed_idps"));
  for (const auto& item : world.at("policies").as_array()) {
    const object& policy = item.as_object();
    decision::CompiledPolicy compiled;
    compiled.name = policy.at("name").as_string();
    compiled.action = model::parse_action(policy.at("decision").as_string()).value();
    compiled.rules = compile_rules(policy);
    compiled.purpose_justification_required = policy.at("purpose").as_bool();
    application.policies.push_back(std::move(compiled));
  }
  builder.add_application(std::move(application), {"app.example"});
  made.snapshot = builder.finish();
  return made;
}

model::PostureEvidence posture_of(const object& held) {
  model::PostureEvidence posture;
  posture.integration_id = held.at("integration_id").as_string();
  posture.established_at = from_epoch_seconds(held.at("established_at").as_int64());
  posture.managed = json::find_bool(held, "managed");
  if (const auto checkin = json::find_int(held, "last_checkin"))
    posture.last_checkin = from_epoch_seconds(*checkin);
  posture.patch_compliant = json::find_bool(held, "patched");
  if (const auto* score = held.if_contains("score"))
    posture.vulnerability_score = score->to_number<double>();
  return posture;
}

model::Session session_of(const object& person) {
  model::Session session;
  model::Identity& identity = session.identity;
  identity.email = person.at("email").as_string();
  identity.login_method = person.at("login_method").as_string();
  identity.groups = texts_of(person.at("groups"));
  identity.groups_known = person.at("groups_known").as_bool();
  identity.amr = texts_of(person.at("amr"));
  identity.auth_contexts = texts_of(person.at("auth_contexts"));
  for (const auto& member : person.at("claims").as_object())
    identity.claims[member.key()] = texts_of(member.value());
  for (const auto& member : person.at("saml_attributes").as_object())
    identity.saml_attributes[member.key()] = texts_of(member.value());
  for (const auto& member : person.at("organizations").as_object())
    identity.organizations.push_back({member.key(), texts_of(member.value())});
  identity.organizations_known = person.at("organizations_known").as_bool();
  for (const auto& item : person.at("posture").as_array())
    session.posture.push_back(posture_of(item.as_object()));
  for (const auto& item : person.at("evaluations").as_array())
    session.evaluations.push_back(
        {decision::evaluation_key(std::string_view(item.at("evaluate_url").as_string()), kKeysUrl),
         item.at("success").as_bool(), from_epoch_seconds(item.at("established_at").as_int64())});
  if (person.at("purpose").as_bool())
    session.purposes.push_back({"application", "a reason", from_epoch_seconds(kNow)});
  else
    session.purposes.push_back({"another one", "a reason", from_epoch_seconds(kNow)});
  return session;
}

reference::Answer ask_engine(const World& world, const object& request) {
  using Certificate = decision::CertificateEvidence;
  model::Session session;
  std::string email;
  decision::Evidence evidence;
  evidence.client_ip = IpAddress::parse(request.at("ip").as_string()).value();
  evidence.country = request.at("country").as_string();
  evidence.cors_preflight = request.at("preflight").as_bool();
  if (const auto* valid = request.at("certificate").if_object()) {
    evidence.certificate = {Certificate::State::Valid, valid->at("common_name").as_string(), "01"};
  } else {
    const std::string_view state = request.at("certificate").as_string();
    evidence.certificate.state = state == "none"      ? Certificate::State::None
                                 : state == "invalid" ? Certificate::State::Invalid
                                                      : Certificate::State::Unknown;
  }
  if (const auto* token = request.at("service_token").if_string())
    evidence.service_token = &world.tokens.find(std::string_view(*token))->second;
  if (const auto* person = request.at("session").if_object()) {
    session = session_of(*person);
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

class Reference : public testing::TestWithParam<int> {};

TEST_P(Reference, AgreesOnRandomPoliciesAndRequests) {
  const std::uint64_t count = cases() / kShards;
  const std::uint64_t own_seed = seed() + static_cast<std::uint64_t>(GetParam());
  Generator random(own_seed);
  std::map<std::string, std::uint64_t> outcomes;
  reference::Coverage coverage;
  object world;
  World compiled;
  for (std::uint64_t i = 0; i < count; ++i) {
    const bool fresh = i % kRequestsPerWorld == 0;
    if (fresh) {
      world = random.world();
      compiled = compile_world(world);
    }
    const object request = random.request();
    const auto expected = reference::evaluate(world, request, fresh ? &coverage : nullptr);
    const auto found = ask_engine(compiled, request);
    ++outcomes[expected.effect + " " + expected.reason];
    ASSERT_EQ(found, expected) << "seed " << own_seed << ", case " << i << "\nworld "
                               << json::serialize(world) << "\nrequest "
                               << json::serialize(request);
  }
  // What the generator never produces proves nothing.
  if (count < 100'000) return;
  for (const auto* outcome : {"allow none",
                              "bypass none",
                              "challenge purpose_required",
                              "challenge posture_missing",
                              "challenge posture_stale",
                              "challenge posture_unreadable",
                              "challenge evaluation_missing",
                              "challenge evaluation_stale",
                              "deny posture_not_managed",
                              "deny posture_checkin_too_old",
                              "deny posture_checkin_unknown",
                              "deny posture_not_patched",
                              "deny posture_vulnerable",
                              "deny posture_signal_missing",
                              "challenge not_signed_in",
                              "challenge login_method_not_allowed",
                              "deny auth_method_missing",
                              "challenge auth_context_missing",
                              "deny identity_attribute_missing",
                              "deny certificate_required",
                              "deny certificate_invalid",
                              "deny identity_not_permitted",
                              "deny evaluation_refused",
                              "deny certificate_not_permitted",
                              "deny service_token_not_permitted",
                              "deny country_unknown",
                              "deny country_not_permitted",
                              "deny network_not_permitted",
                              "deny blocked_by_policy",
                              "deny no_policy_matched"})
    EXPECT_GE(outcomes[outcome], 20U) << outcome;
  // Each kind holds now and then, and fails for each of its reasons.
  const std::map<std::string, std::set<std::string>> expected = {
      {"any_valid_service_token", {"", "service_token_not_permitted"}},
      {"auth_context", {"", "not_signed_in", "login_method_not_allowed", "auth_context_missing"}},
      {"auth_method", {"", "not_signed_in", "auth_method_missing"}},
      {"azureAD",
       {"", "not_signed_in", "login_method_not_allowed", "identity_not_permitted",
        "identity_attribute_missing"}},
      {"certificate", {"", "certificate_required", "certificate_invalid"}},
      {"common_name",
       {"", "certificate_required", "certificate_invalid", "certificate_not_permitted"}},
      {"device_posture",
       {"", "not_signed_in", "posture_missing", "posture_stale", "posture_unreadable",
        "posture_not_managed", "posture_checkin_too_old", "posture_checkin_unknown",
        "posture_not_patched", "posture_vulnerable", "posture_signal_missing"}},
      {"email", {"", "not_signed_in", "identity_not_permitted"}},
      {"email_domain", {"", "not_signed_in", "identity_not_permitted"}},
      {"email_list", {"", "not_signed_in", "identity_not_permitted"}},
      {"everyone", {""}},
      {"external_evaluation",
       {"", "not_signed_in", "evaluation_missing", "evaluation_stale", "evaluation_refused"}},
      {"geo", {"", "country_unknown", "country_not_permitted"}},
      {"github-organization",
       {"", "not_signed_in", "login_method_not_allowed", "identity_not_permitted",
        "identity_attribute_missing"}},
      {"group", {""}},
      {"gsuite",
       {"", "not_signed_in", "login_method_not_allowed", "identity_not_permitted",
        "identity_attribute_missing"}},
      {"ip", {"", "network_not_permitted"}},
      {"ip_list", {"", "network_not_permitted"}},
      {"login_method", {"", "not_signed_in", "login_method_not_allowed"}},
      {"oidc",
       {"", "not_signed_in", "login_method_not_allowed", "identity_not_permitted",
        "identity_attribute_missing"}},
      {"okta",
       {"", "not_signed_in", "login_method_not_allowed", "identity_not_permitted",
        "identity_attribute_missing"}},
      {"saml",
       {"", "not_signed_in", "login_method_not_allowed", "identity_not_permitted",
        "identity_attribute_missing"}},
      {"service_token", {"", "service_token_not_permitted"}},
  };
  for (const auto& kind : selectors::registry())
    EXPECT_TRUE(expected.contains(std::string(kind.name))) << kind.name;
  for (const auto& [kind, reasons] : expected)
    for (const auto& reason : reasons) EXPECT_GE(coverage[kind + " " + reason], 5U) << kind;
}

INSTANTIATE_TEST_SUITE_P(Shard, Reference, testing::Range(0, kShards));

// Of people who have said why they come: a policy that asks for it ends the walk, although a later
// one that does not ask might let them in.
TEST(ReferenceProperty, TakingPostureOrThePersonAwayNeverAllowsMore) {
  Generator random(seed() + kShards);
  World compiled;
  for (std::uint64_t i = 0; i < cases() / 20; ++i) {
    if (i % kRequestsPerWorld == 0) compiled = compile_world(random.world());
    object request = random.request();
    if (request["session"].is_null()) continue;
    request["session"].as_object()["purpose"] = true;
    const bool before = passes(ask_engine(compiled, request));
    object less = request;
    for (const auto* evidence : {"posture", "evaluations"}) {
      less["session"].as_object()[evidence] = array();
      ASSERT_LE(passes(ask_engine(compiled, less)), before) << "seed " << seed() + kShards << "\n"
                                                            << json::serialize(request);
    }
    less["session"] = nullptr;
    ASSERT_LE(passes(ask_engine(compiled, less)), before) << "seed " << seed() + kShards << "\n"
                                                          << json::serialize(request);
  }
}

TEST(ReferenceProperty, ABlockNeverAllowsMore) {
  Generator random(seed() + kShards + 1);
  for (std::uint64_t i = 0; i < cases() / 20 / kRequestsPerWorld; ++i) {
    object world = random.world();
    const World before = compile_world(world);
    object block = random.world()["policies"].as_array().empty()
                       ? object{{"include", array{object{{"everyone", object()}}}},
                                {"require", array()},
                                {"exclude", array()}}
                       : world["groups"].as_object()["g1"].as_object();
    block["name"] = "block";
    block["decision"] = "deny";
    block["purpose"] = false;
    array& policies = world["policies"].as_array();
    policies.insert(policies.begin(), json::value(std::move(block)));
    const World after = compile_world(world);
    for (int j = 0; j < kRequestsPerWorld; ++j) {
      const object request = random.request();
      ASSERT_LE(passes(ask_engine(after, request)), passes(ask_engine(before, request)))
          << "seed " << seed() + kShards + 1 << "\nworld " << json::serialize(world) << "\nrequest "
          << json::serialize(request);
    }
  }
}

// An Allow and a Block change places at a price; no others do.
TEST(ReferenceProperty, OrderMattersOnlyBetweenAllowAndBlock) {
  Generator random(seed() + kShards + 2);
  for (std::uint64_t i = 0; i < cases() / 20 / kRequestsPerWorld; ++i) {
    object world = random.world();
    array& policies = world["policies"].as_array();
    for (auto& policy : policies) policy.as_object()["purpose"] = false;
    const World before = compile_world(world);
    const auto is = [](const json::value& policy, std::string_view decision) {
      return std::string_view(policy.at("decision").as_string()) == decision;
    };
    for (std::size_t at = 0; at + 1 < policies.size(); ++at)
      if (!(is(policies[at], "allow") && is(policies[at + 1], "deny")) &&
          !(is(policies[at], "deny") && is(policies[at + 1], "allow")))
        std::swap(policies[at], policies[at + 1]);
    const World after = compile_world(world);
    for (int j = 0; j < kRequestsPerWorld; ++j) {
      const object request = random.request();
      ASSERT_EQ(passes(ask_engine(after, request)), passes(ask_engine(before, request)))
          << "seed " << seed() + kShards + 2 << "\nworld " << json::serialize(world) << "\nrequest "
          << json::serialize(request);
    }
  }
}

}  // namespace
