#include "policy/snapshot_change.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <iterator>
#include <random>
#include <set>

#include "base/encoding.h"
#include "decision/engine.h"
#include "policy/edit_for_test.h"
#include "selectors/registry.h"

namespace gatehouse::policy {
namespace {

using Snapshot = std::shared_ptr<const decision::Snapshot>;

constexpr std::uint64_t kSequence = 7;
constexpr std::string_view kHash =
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

PublicationContext context(std::uint64_t sequence) {
  static const json::object kJwk = [] {
    json::object jwk = jose::PrivateKey::generate_p256().public_key().to_jwk();
    jwk["kid"] = "k1";
    jwk["alg"] = "ES256";
    jwk["use"] = "sig";
    return jwk;
  }();
  PublicationContext made;
  made.sequence = sequence;
  made.published_at = from_epoch_seconds(1700000000);
  made.issuer = "https://auth.example.com";
  made.jwks = {kJwk};
  return made;
}

model::Resources resources() {
  json::value document = json::parse(R"json({
        "organization": {"name": "Example", "auth_domain": "auth.example.com"},
        "identity_providers": [{"name": "PIN", "type": "onetimepin"}],
        "device_posture_integrations": [{"name": "Tanium", "type": "tanium", "config": {}}],
        "device_posture_rules": [
          {"name": "Managed", "type": "tanium", "input": {"connection_id": "Tanium"}}],
        "lists": [
          {"name": "Board", "type": "EMAIL", "items": ["alice@example.com"]},
          {"name": "Offices", "type": "IP", "items": ["192.0.2.0/24"]}],
        "custom_pages": [
          {"name": "Closed", "type": "forbidden", "custom_html": "<h1>Closed</h1>"}],
        "groups": [
          {"name": "Outer", "include": [{"group": {"id": "Inner"}}]},
          {"name": "Inner", "include": [{"email_list": {"id": "Board"}}],
           "exclude": [{"geo": {"country_code": "XX"}}],
           "require": [{"device_posture": {"integration_uid": "Managed"}},
                       {"external_evaluation": {"evaluate_url": "https://eval.example/e",
                                                "keys_url": "https://eval.example/k"}}]},
          {"name": "Offices", "include": [{"ip_list": {"id": "Offices"}}]}],
        "service_tokens": [
          {"name": "Robot"}, {"name": "Crawler"}, {"name": "Idle"}],
        "mtls_certificates": [],
        "applications": [
          {"name": "Wiki", "domain": "wiki.example.com",
           "policies": [{"name": "Board", "decision": "allow",
                         "include": [{"email_list": {"id": "Board"}}]}]},
          {"name": "Health", "domain": "wiki.example.com/health",
           "policies": [{"name": "All", "decision": "bypass", "include": [{"everyone": {}}]}]},
          {"name": "Others", "domain": "*.example.com",
           "policies": [{"name": "Robots", "decision": "non_identity",
                         "include": [{"service_token": {"token_id": "Robot"}}]}]},
          {"name": "Shop", "domain": "shop.example.com",
           "policies": [{"name": "Offices", "decision": "allow",
                         "include": [{"group": {"id": "Offices"}}]}]}],
        "ingress": [{"service": "http://127.0.0.1:8080"}]
      })json")
                             .value();
  static const std::string kPem = jose::PrivateKey::generate_p256().public_key().to_spki_pem();
  put(document, "/device_posture_integrations/0/config/public_certificate", json::value(kPem));
  for (const char* index : {"0", "1", "2"}) {
    put(document, fmt::format("/service_tokens/{}/client_secret_hash", index), json::value(kHash));
  }
  auto read = read_resources(document, selectors::registry());
  if (read) return *read;
  for (const Problem& problem : read.error()) {
    ADD_FAILURE() << problem.pointer << ": " << problem.message;
  }
  return {};
}

Snapshot whole(const model::Resources& from, std::uint64_t sequence = kSequence) {
  return compile_snapshot(make_snapshot_document(from, context(sequence)), selectors::registry())
      .value();
}

json::object change_to(const model::Resources& before, const model::Resources& after) {
  return make_snapshot_change(before, after, kSequence, context(kSequence + 1)).value();
}

std::string problems_of(const decision::Snapshot& before, const json::value& change) {
  const auto applied = apply_snapshot_change(before, change, selectors::registry());
  std::string text;
  if (applied) return text;
  for (const Problem& problem : applied.error()) {
    if (!text.empty()) text += '\n';
    text += problem.pointer + ": " + problem.message;
  }
  return text;
}

// As a worker gets it: through text.
Snapshot apply(const decision::Snapshot& before, const json::object& change) {
  const auto text = json::serialize(change);
  const json::value document = json::parse(text).value();
  EXPECT_EQ(problems_of(before, document), "");
  return apply_snapshot_change(before, document, selectors::registry()).value();
}

std::string owner(const decision::Snapshot& snapshot, std::string_view host,
                  std::string_view path) {
  const auto* found = snapshot.find_application(host, path);
  return found == nullptr ? "" : found->name;
}

std::vector<std::string> names(const json::object& change, std::string_view key) {
  std::vector<std::string> all;
  for (const json::value& item : change.at(key).as_array()) {
    all.emplace_back(item.is_string() ? item.get_string() : item.at("name").as_string());
  }
  return all;
}

TEST(SnapshotChange, HoldsWhatChangedAndNothingElse) {
  const model::Resources before = resources();
  model::Resources after = before;
  after.applications.edit(0).session_duration += std::chrono::seconds(1);
  after.applications.replace(1, model::Application(after.applications[1]));  // the same content
  after.applications.erase(2);
  model::Application added = before.applications[3];
  added.id = uuid_v5("application", "New");
  added.audience = std::string(64, 'e');
  added.name = "New";
  added.domains = {"new.example.com"};
  after.applications.push_back(added);
  after.service_tokens[1].enabled = false;
  after.service_tokens.erase(after.service_tokens.begin() + 2);
  after.lists[0].items.push_back("bob@example.com");

  const json::object change = change_to(before, after);
  EXPECT_EQ(change.at("after").to_number<std::uint64_t>(), kSequence);
  EXPECT_EQ(change.at("sequence").to_number<std::uint64_t>(), kSequence + 1);
  EXPECT_EQ(names(change, "applications"), (std::vector<std::string>{"Wiki", "New"}));
  EXPECT_EQ(names(change, "removed_applications"),
            std::vector<std::string>{before.applications[2].id});
  EXPECT_EQ(names(change, "service_tokens"), std::vector<std::string>{"Crawler"});
  EXPECT_EQ(names(change, "removed_service_tokens"),
            std::vector<std::string>{before.service_tokens[2].id});
  EXPECT_EQ(names(change, "lists"), std::vector<std::string>{"Board"});

  const json::object nothing = change_to(before, before);
  for (const char* key : {"applications", "removed_applications", "service_tokens",
                          "removed_service_tokens", "lists"}) {
    EXPECT_TRUE(nothing.at(key).as_array().empty()) << key;
  }
  EXPECT_EQ(apply(*whole(before), nothing)->sequence(), kSequence + 1);
}

TEST(SnapshotChange, OrderAloneIsNoChange) {
  const model::Resources before = resources();
  model::Resources after = before;
  after.applications = {};
  for (std::size_t i = before.applications.size(); i-- > 0;) {
    after.applications.push_back(before.applications.pointer(i));
  }
  EXPECT_TRUE(change_to(before, after).at("applications").as_array().empty());
  EXPECT_TRUE(change_to(before, after).at("removed_applications").as_array().empty());
}

TEST(SnapshotChange, MoreThanThatIsPublishedWhole) {
  const model::Resources before = resources();
  const std::pair<const char*, std::function<void(model::Resources&)>> cases[] = {
      {"organization", [](auto& all) { all.organization.name += "!"; }},
      {"auth domain", [](auto& all) { all.organization.auth_domain = "login.example.com"; }},
      {"node state age",
       [](auto& all) { all.organization.node_state_max_age += std::chrono::seconds(1); }},
      {"chosen page", [](auto& all) { all.organization.forbidden_page = all.custom_pages[0].id; }},
      {"page", [](auto& all) { all.custom_pages[0].custom_html += "!"; }},
      {"login method", [](auto& all) { all.identity_providers.clear(); }},
      {"posture rule",
       [](auto& all) { all.posture_rules[0].expiration += std::chrono::seconds(1); }},
      {"group", [](auto& all) { all.groups[2].name += "!"; }},
      {"rule of a group", [](auto& all) { all.groups[2].include.push_back({"everyone", {}}); }},
      {"authority",
       [](auto& all) {
         all.certificates.emplace_back();
         all.certificates.back().name = "CA";
       }},
      {"new list", [](auto& all) { all.lists.push_back(all.lists[0]); }},
      {"removed list", [](auto& all) { all.lists.pop_back(); }},
      {"name of a list", [](auto& all) { all.lists[0].name += "!"; }},
      {"type of a list", [](auto& all) { all.lists[0].type = model::ListType::Ip; }},
      {"order of lists", [](auto& all) { std::swap(all.lists[0], all.lists[1]); }},
      {"very many applications",
       [](auto& all) {
         for (std::size_t i = 0; i <= kMaxChangedElements; ++i) {
           all.applications.push_back(all.applications[0]);
           all.applications.edit(all.applications.size() - 1).id = fmt::format("{}", i);
         }
       }},
  };
  for (const auto& [name, edit] : cases) {
    model::Resources after = before;
    edit(after);
    EXPECT_EQ(make_snapshot_change(before, after, kSequence, context(kSequence + 1)), std::nullopt)
        << name;
    EXPECT_EQ(make_snapshot_change(after, before, kSequence, context(kSequence + 1)), std::nullopt)
        << name;
  }
  // What workers do not get is no change.
  model::Resources after = before;
  after.ingress[0].service = "http://127.0.0.1:8081";
  after.posture_integrations.clear();
  EXPECT_TRUE(make_snapshot_change(before, after, kSequence, context(kSequence + 1)));
}

TEST(SnapshotChange, LeavesTheSnapshotBeforeAsItWas) {
  const model::Resources configured = resources();
  const Snapshot before = whole(configured);
  model::Resources after = configured;
  after.applications.edit(0).domains = {"wiki.example.com/new", "*.wiki.example.com"};
  after.applications.erase(1);
  const Snapshot changed = apply(*before, change_to(configured, after));

  EXPECT_EQ(owner(*before, "wiki.example.com", "/"), "Wiki");
  EXPECT_EQ(owner(*before, "wiki.example.com", "/health"), "Health");
  EXPECT_EQ(before->applications().size(), 4u);
  EXPECT_EQ(before->sequence(), kSequence);
  EXPECT_EQ(owner(*changed, "wiki.example.com", "/new/x"), "Wiki");
  EXPECT_EQ(owner(*changed, "wiki.example.com", "/health"), "Others");  // the wildcard's
  EXPECT_EQ(owner(*changed, "de.wiki.example.com", "/"), "Wiki");
  EXPECT_EQ(changed->applications().size(), 3u);
  EXPECT_EQ(changed->sequence(), kSequence + 1);
  // What has not changed is shared.
  EXPECT_EQ(changed->find_application("shop.example.com", "/"),
            before->find_application("shop.example.com", "/"));
  EXPECT_EQ(&changed->group(0), &before->group(0));
  EXPECT_EQ(&changed->list(0), &before->list(0));
}

TEST(SnapshotChange, AListKeepsItsPlaceInEveryRule) {
  const model::Resources configured = resources();
  const Snapshot before = whole(configured);
  model::Resources after = configured;
  after.lists[0].items = {"bob@example.com"};
  const Snapshot changed = apply(*before, change_to(configured, after));
  model::Session session;
  session.identity.email = "bob@example.com";
  session.identity.login_method = configured.identity_providers[0].id;
  decision::Evidence evidence;
  evidence.session = &session;
  evidence.canonical_email = session.identity.email;
  const auto effect_in = [&](const Snapshot& snapshot) {
    return decision::evaluate(*snapshot, *snapshot->find_application("wiki.example.com", "/"),
                              evidence, from_epoch_seconds(1700000000))
        .effect;
  };
  EXPECT_EQ(effect_in(before), decision::Effect::Deny);
  EXPECT_EQ(effect_in(changed), decision::Effect::Allow);
}

TEST(SnapshotChange, WhatDecisionsNeedIsFoundThroughGroupsThatDidNotChange) {
  const model::Resources configured = resources();
  model::Resources after = configured;
  model::Application& wiki = after.applications.edit(0);
  wiki.policies[0].include = {{"group", {{"id", configured.groups[0].id}}}};
  wiki.custom_pages = {configured.custom_pages[0].id};
  wiki.allowed_idps = {configured.identity_providers[0].id};
  const Snapshot changed = apply(*whole(configured), change_to(configured, after));
  const auto* found = changed->find_application("wiki.example.com", "/");
  EXPECT_EQ(found->posture_integrations,
            std::vector<std::string>{configured.posture_integrations[0].id});
  ASSERT_EQ(found->evaluators.size(), 1u);
  EXPECT_EQ(found->evaluators[0].evaluate_url, "https://eval.example/e");
  EXPECT_TRUE(found->uses_country);
  EXPECT_EQ(*found->forbidden_page, "<h1>Closed</h1>");
  EXPECT_EQ(found->allowed_idps, wiki.allowed_idps);
}

TEST(SnapshotChange, WhatOnlyOneMayHaveMayPassToAnother) {
  const model::Resources configured = resources();
  const Snapshot before = whole(configured);
  model::Resources after = configured;
  std::swap(after.applications.edit(0).audience, after.applications.edit(3).audience);
  std::swap(after.applications.edit(0).domains, after.applications.edit(3).domains);
  std::swap(after.service_tokens[0].client_id, after.service_tokens[1].client_id);
  const Snapshot changed = apply(*before, change_to(configured, after));
  EXPECT_EQ(owner(*changed, "shop.example.com", "/"), "Wiki");
  EXPECT_EQ(owner(*changed, "wiki.example.com", "/"), "Shop");
  EXPECT_EQ(changed->application_by_audience(configured.applications[0].audience)->name, "Shop");
  EXPECT_EQ(changed->service_token_by_client_id(configured.service_tokens[0].client_id)->name,
            "Crawler");
}

struct BadChange {
  const char* name;
  std::function<void(json::value&)> edit;
  std::string problem;
};

TEST(SnapshotChange, EverythingUnknownIsAProblem) {
  const model::Resources configured = resources();
  const Snapshot before = whole(configured);
  model::Resources after = configured;
  after.applications.edit(0).name = "Wiki 2";
  after.lists[0].items.push_back("bob@example.com");
  after.service_tokens[1].enabled = false;
  const json::value good = change_to(configured, after);
  ASSERT_EQ(problems_of(*before, good), "");

  const std::string robot = configured.service_tokens[0].id;
  const std::string idle = configured.service_tokens[2].id;
  const std::string nobody = uuid_v5("application", "nobody");
  const auto include = [](json::value selector) {
    return [selector = std::move(selector)](json::value& change) {
      put(change, "/applications/0/policies/0/include/0", selector);
    };
  };
  const auto set = [](std::string pointer, auto to) {
    return [pointer = std::move(pointer), to = json::value(to)](json::value& change) {
      put(change, pointer, to);
    };
  };
  const BadChange cases[] = {
      {"format", set("/format", 999),
       fmt::format("/format: must be {}: another version of the gateway wrote this",
                   kSnapshotFormat)},
      {"no format", [](auto& change) { take_away(change, "/format"); }, "/format: is required"},
      {"after", set("/after", 6),
       "/after: must be 7, the sequence of the snapshot that it changes"},
      {"after a later one", set("/after", 8),
       "/after: must be 7, the sequence of the snapshot that it changes"},
      {"no after", [](auto& change) { take_away(change, "/after"); },
       "/after: must be a whole number\n"
       "/after: must be 7, the sequence of the snapshot that it changes"},
      {"sequence", set("/sequence", 7), "/sequence: must be greater than `after`"},
      {"published_at", set("/published_at", "yesterday"),
       "/published_at: must be a time such as `2030-01-31T00:00:00Z`"},
      {"unknown member", set("/groups", json::array()), "/groups: is not a known key"},
      {"removed application", set("/removed_applications", json::array{nobody}),
       fmt::format("/removed_applications/0: there is no application `{}`", nobody)},
      {"removed twice", set("/removed_service_tokens", json::array{idle, idle}),
       "/removed_service_tokens/1: is removed already"},
      {"removed token", set("/removed_service_tokens", json::array{nobody}),
       fmt::format("/removed_service_tokens/0: there is no service token `{}`", nobody)},
      {"removed and brought",
       set("/removed_applications", json::array{configured.applications[0].id}),
       "/applications/0: must not be removed as well"},
      {"token removed and brought",
       set("/removed_service_tokens", json::array{configured.service_tokens[1].id}),
       "/service_tokens/0: must not be removed as well"},
      {"audience of another", set("/applications/0/aud", configured.applications[3].audience),
       "/applications/0: its `aud` is already the `aud` of another application"},
      {"client id of another",
       set("/service_tokens/0/client_id", configured.service_tokens[0].client_id),
       fmt::format("/service_tokens/0: `{}` is already the client id of another service token",
                   configured.service_tokens[0].client_id)},
      {"auth domain", set("/applications/0/domain", "auth.example.com"),
       "/applications/0/domain: is the auth domain, which cannot also be an application"},
      {"unknown list", set("/lists/0/id", nobody),
       fmt::format("/lists/0: there is no list `{}` of that type", nobody)},
      {"list of the other type", set("/lists/0/id", configured.lists[1].id),
       fmt::format("/lists/0: there is no list `{}` of that type", configured.lists[1].id)},
      {"unknown kind of rule", include({{"mood", json::object()}}),
       "/applications/0/policies/0/include/0/mood: is not a known kind of rule"},
      {"unknown group", include({{"group", {{"id", nobody}}}}),
       fmt::format("/applications/0/policies/0/include/0/group/id: there is no group `{}`",
                   nobody)},
      {"group by name", include({{"group", {{"id", "Outer"}}}}),
       "/applications/0/policies/0/include/0/group/id: there is no group `Outer`"},
      {"list of the wrong type", include({{"ip_list", {{"id", configured.lists[0].id}}}}),
       fmt::format("/applications/0/policies/0/include/0/ip_list/id: there is no list `{}`",
                   configured.lists[0].id)},
      {"unknown posture rule", include({{"device_posture", {{"integration_uid", nobody}}}}),
       fmt::format("/applications/0/policies/0/include/0/device_posture/integration_uid: there is "
                   "no device posture rule `{}`",
                   nobody)},
      {"unknown login method", include({{"login_method", {{"id", nobody}}}}),
       fmt::format("/applications/0/policies/0/include/0/login_method/id: there is no identity "
                   "provider `{}`",
                   nobody)},
      {"allowed login method", set("/applications/0/allowed_idps", json::array{nobody}),
       fmt::format("/applications/0/allowed_idps/0: there is no identity provider `{}`", nobody)},
      {"page", set("/applications/0/custom_pages", json::array{nobody}),
       fmt::format("/applications/0/custom_pages/0: there is no custom page `{}`", nobody)},
      {"token that goes",
       [&](auto& change) {
         put(change, "/removed_service_tokens", json::array{robot});
         put(change, "/applications/0/policies/0/include/0",
             {{"service_token", {{"token_id", robot}}}});
       },
       fmt::format("/applications/0/policies/0/include/0/service_token/token_id: there is no "
                   "service token `{}`",
                   robot)},
  };
  for (const BadChange& test : cases) {
    json::value change = good;
    test.edit(change);
    const std::string found = problems_of(*before, change);
    EXPECT_TRUE(found.starts_with(test.problem)) << test.name << "\n" << found;
  }
  EXPECT_EQ(problems_of(*before, json::array()), ": must be an object");
  // A token that comes with the change may be named in it.
  json::value change = good;
  put(change, "/applications/0/policies/0/include/0",
      {{"service_token", {{"token_id", configured.service_tokens[1].id}}}});
  EXPECT_EQ(problems_of(*before, change), "");
}

TEST(SnapshotChange, SeedApplies) {
  const auto text = [](const char* name) {
    std::ifstream in(std::string(GATEHOUSE_TESTDATA "/") + name, std::ios::binary);
    return std::string{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  };
  const auto before = compile_snapshot(json::parse(text("snapshot_fuzz/complete.json")).value(),
                                       selectors::registry());
  ASSERT_TRUE(before);
  EXPECT_EQ(problems_of(**before, json::parse(text("snapshot_change_fuzz/complete.json")).value()),
            "");
}

// A configuration that is edited at random, as administrators do.
class Editor {
 public:
  explicit Editor(std::uint32_t seed) : random_(seed), current_(resources()) {}

  [[nodiscard]] const model::Resources& current() const { return current_; }
  std::size_t pick(std::size_t below) { return random_() % below; }

  void edit() {
    auto& applications = current_.applications;
    const std::size_t at = applications.empty() ? 0 : pick(applications.size());
    switch (pick(applications.empty() ? 1 : 9)) {
      case 0:
      case 1:
        return add();
      case 2:
        return applications.erase(at);
      case 3:
      case 4: {
        model::Application& application = applications.edit(at);
        application.domains.clear();  // its own are free again
        application.domains = domains();
        return;
      }
      case 5:
        applications.edit(at).policies = policies();
        return;
      case 6:
        current_.lists[0].items = {people()[pick(people().size())]};
        return;
      case 7:
        current_.lists[1].items = {fmt::format("192.0.{}.0/24", pick(4))};
        return;
      default: {
        auto& tokens = current_.service_tokens;
        const std::size_t token = pick(tokens.size());
        if (pick(2) == 0 && tokens.size() > 1 && !is_named(tokens[token].id)) {
          tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(token));
        } else if (pick(2) == 0) {
          tokens[token].enabled = !tokens[token].enabled;
        } else {
          model::ServiceToken added = tokens[token];
          added.name = fmt::format("Token {}", ++made_);
          added.id = uuid_v5("service_token", added.name);
          added.client_id = fmt::format("{}.access", made_);
          tokens.push_back(added);
        }
      }
    }
  }

  static const std::vector<std::string>& people() {
    static const std::vector<std::string> kPeople{"alice@example.com", "bob@example.com"};
    return kPeople;
  }
  static const std::vector<std::string>& hosts() {
    static const std::vector<std::string> kHosts{"a.example.com", "b.example.com",
                                                 "x.a.example.com"};
    return kHosts;
  }
  static const std::vector<std::string>& paths() {
    static const std::vector<std::string> kPaths{"/",      "/p",        "/p/q",     "/P/q",
                                                 "/p.txt", "/p/1/last", "/p%2Fq/x", "/other"};
    return kPaths;
  }

 private:
  void add() {
    model::Application application;
    application.name = fmt::format("Application {}", ++made_);
    application.id = uuid_v5("application", application.name);
    application.audience = fmt::format("{:064x}", made_);
    application.domains = domains();
    application.policies = policies();
    current_.applications.push_back(std::move(application));
  }

  // One to three that nobody has.
  std::vector<std::string> domains() {
    static const std::vector<std::string> kHosts{"a.example.com", "b.example.com", "*.example.com",
                                                 "*.a.example.com"};
    static const std::vector<std::string> kPaths{"", "/p", "/p/q", "/P", "/p/*", "/p/*/last"};
    std::set<std::string> taken;
    for (const auto& application : current_.applications) {
      for (const auto& domain : application.domains) taken.insert(ascii_lower(domain));
    }
    std::vector<std::string> chosen{fmt::format("own-{}.example.com", ++made_)};
    for (std::size_t i = pick(3); i > 0; --i) {
      std::string domain = kHosts[pick(kHosts.size())] + kPaths[pick(kPaths.size())];
      if (taken.insert(ascii_lower(domain)).second) chosen.push_back(std::move(domain));
    }
    if (chosen.size() > 1) chosen.erase(chosen.begin());
    return chosen;
  }

  std::vector<model::Policy> policies() {
    std::vector<model::Policy> made;
    for (std::size_t i = pick(3) + 1; i > 0; --i) {
      model::Policy policy;
      policy.name = fmt::format("Policy {}", ++made_);
      policy.id = uuid_v5("policy", policy.name);
      static constexpr std::array kActions{model::Action::Allow, model::Action::Block,
                                           model::Action::Bypass, model::Action::ServiceAuth};
      policy.action = kActions[pick(kActions.size())];
      policy.include = {selector()};
      if (pick(2) == 0) policy.require = {selector()};
      if (pick(3) == 0) policy.exclude = {selector()};
      made.push_back(std::move(policy));
    }
    return made;
  }

  model::Selector selector() {
    const auto& all = current_;
    switch (pick(7)) {
      case 0:
        return {"everyone", {}};
      case 1:
        return {"email_list", {{"id", all.lists[0].id}}};
      case 2:
        return {"ip_list", {{"id", all.lists[1].id}}};
      case 3:
        return {"group", {{"id", all.groups[pick(all.groups.size())].id}}};
      case 4:
        return {"service_token",
                {{"token_id", all.service_tokens[pick(all.service_tokens.size())].id}}};
      case 5:
        return {"device_posture", {{"integration_uid", all.posture_rules[0].id}}};
      default:
        return {"login_method", {{"id", all.identity_providers[0].id}}};
    }
  }

  [[nodiscard]] bool is_named(const std::string& id) const {
    for (const auto& application : current_.applications) {
      for (const auto& policy : application.policies) {
        for (const auto* list : {&policy.include, &policy.exclude, &policy.require}) {
          for (const auto& entry : *list) {
            if (json::find_string(entry.value, "token_id") == id) return true;
          }
        }
      }
    }
    return false;
  }

  std::mt19937 random_;
  model::Resources current_;
  int made_ = 0;
};

// Everything that a request can ask of the two.
class Comparison {
 public:
  Comparison(const model::Resources& configured, const Snapshot& followed, const Snapshot& compiled)
      : configured_(configured), followed_(followed), compiled_(compiled) {}

  void check(Editor& editor) const {
    EXPECT_EQ(followed_->sequence(), compiled_->sequence());
    EXPECT_EQ(followed_->applications().size(), compiled_->applications().size());
    for (const auto& application : configured_.applications) {
      const auto* followed = followed_->application_by_audience(application.audience);
      const auto* compiled = compiled_->application_by_audience(application.audience);
      ASSERT_NE(followed, nullptr);
      EXPECT_EQ(followed->id, compiled->id);
      EXPECT_EQ(followed->hostname, compiled->hostname);
      EXPECT_EQ(followed->posture_integrations, compiled->posture_integrations);
      EXPECT_EQ(followed->evaluators.size(), compiled->evaluators.size());
      EXPECT_EQ(followed->uses_country, compiled->uses_country);
    }
    std::vector<std::string> hosts = Editor::hosts();
    for (const auto& application : configured_.applications) {
      hosts.push_back(application.domains[0].substr(0, application.domains[0].find('/')));
    }
    for (const std::string& host : hosts) {
      EXPECT_EQ(followed_->knows_host(host), compiled_->knows_host(host)) << host;
      EXPECT_EQ(id_of(followed_->sole_application(host)), id_of(compiled_->sole_application(host)));
      for (const std::string& path : Editor::paths()) check_request(editor, host, path);
    }
  }

 private:
  static std::string id_of(const decision::CompiledApplication* application) {
    return application == nullptr ? "" : application->id;
  }

  void check_request(Editor& editor, const std::string& host, const std::string& path) const {
    const auto* found = followed_->find_application(host, path);
    EXPECT_EQ(id_of(found), id_of(compiled_->find_application(host, path))) << host << path;
    const auto followed = followed_->locate(host, path);
    const auto compiled = compiled_->locate(host, path);
    EXPECT_EQ(followed.ambiguous, compiled.ambiguous) << host << path;
    EXPECT_EQ(id_of(followed.application), id_of(compiled.application)) << host << path;
    if (followed.application == nullptr || compiled.application == nullptr) return;
    model::Session session;
    session.identity.email = Editor::people()[editor.pick(Editor::people().size())];
    session.identity.login_method = configured_.identity_providers[0].id;
    const bool is_person = editor.pick(2) == 0;
    const auto& client_id =
        configured_.service_tokens[editor.pick(configured_.service_tokens.size())].client_id;
    const auto address = IpAddress::parse(fmt::format("192.0.{}.7", editor.pick(4))).value();
    const auto decide = [&](const decision::Snapshot& snapshot,
                            const decision::CompiledApplication& application) {
      decision::Evidence evidence;
      evidence.client_ip = address;
      if (is_person) {
        evidence.session = &session;
        evidence.canonical_email = session.identity.email;
      } else {
        evidence.service_token = snapshot.service_token_by_client_id(client_id);
        EXPECT_NE(evidence.service_token, nullptr);
      }
      return decision::evaluate(snapshot, application, evidence, from_epoch_seconds(1700000000));
    };
    const auto one = decide(*followed_, *followed.application);
    const auto other = decide(*compiled_, *compiled.application);
    EXPECT_EQ(one.effect, other.effect) << host << path;
    EXPECT_EQ(one.reason, other.reason) << host << path;
    EXPECT_EQ(one.challenge, other.challenge) << host << path;
    EXPECT_EQ(one.policy == nullptr ? "" : one.policy->id,
              other.policy == nullptr ? "" : other.policy->id);
  }

  const model::Resources& configured_;
  const Snapshot& followed_;
  const Snapshot& compiled_;
};

TEST(SnapshotChange, ChangesLeadToWhatIsCompiledWhole) {
  for (std::uint32_t seed = 1; seed <= 8; ++seed) {
    Editor editor(seed);
    model::Resources before = editor.current();
    std::uint64_t sequence = 1;
    Snapshot snapshot = whole(before, sequence);
    for (int step = 0; step < 40; ++step) {
      SCOPED_TRACE(fmt::format("seed {} step {}", seed, step));
      for (std::size_t edits = editor.pick(3) + 1; edits > 0; --edits) editor.edit();
      const auto change =
          make_snapshot_change(before, editor.current(), sequence, context(sequence + 1));
      ASSERT_TRUE(change);
      ++sequence;
      before = editor.current();
      snapshot = apply(*snapshot, *change);
      Comparison(before, snapshot, whole(before, sequence)).check(editor);
      if (testing::Test::HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace gatehouse::policy
