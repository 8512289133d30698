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
#include "model/limits.h"
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

std::vector<std::string> names_in(const json::object& change, std::string_view key) {
  return change.contains(key) ? names(change, key) : std::vector<std::string>{};
}

TEST(SnapshotChange, HoldsGroupsRulesAndWhatNeedsSomethingElseBecauseOfThem) {
  using Names = std::vector<std::string>;
  const model::Resources before = [] {
    model::Resources all = resources();
    all.applications.edit(0).policies[0].include = {{"group", {{"id", all.groups[0].id}}}};
    return all;
  }();
  const struct {
    const char* name;
    std::function<void(model::Resources&)> edit;
    Names providers, posture_rules, groups, applications;
  } cases[] = {
      {"members",
       [](auto& all) { all.groups[2].include.push_back({"everyone", {}}); },
       {},
       {},
       {"Offices"},
       {}},
      {"name", [](auto& all) { all.groups[1].name = "Within"; }, {}, {}, {"Within"}, {}},
      {"nothing that looks at the country any more",
       [](auto& all) { all.groups[1].exclude.clear(); },
       {},
       {},
       {"Outer", "Inner"},
       {"Wiki"}},
      {"the strictest limit",
       [](auto& all) { all.groups[1].require[1].value["expiration"] = "5m"; },
       {},
       {},
       {"Outer", "Inner"},
       {"Wiki"}},
      {"the country now",
       [](auto& all) { all.groups[2].include.push_back({"geo", {{"country_code", "DE"}}}); },
       {},
       {},
       {"Offices"},
       {"Shop"}},
      {"limit of a posture rule",
       [](auto& all) { all.posture_rules[0].expiration += std::chrono::seconds(1); },
       {},
       {"Managed"},
       {},
       {}},
      {"integration of a posture rule",
       [](auto& all) { all.posture_rules[0].input["connection_id"] = "another"; },
       {},
       {"Managed"},
       {"Outer", "Inner"},
       {"Wiki"}},
      {"new ones",
       [](auto& all) {
         all.groups.push_back(all.groups[2]);
         all.groups.back().id = uuid_v5("group", "New");
         all.groups.back().name = "New";
         all.identity_providers.push_back({});
         all.identity_providers.back().id = uuid_v5("identity_provider", "Other");
         all.identity_providers.back().name = "Other";
         all.identity_providers.back().type = "oidc";
       },
       {"Other"},
       {},
       {"New"},
       {}},
  };
  for (const auto& test : cases) {
    model::Resources after = before;
    test.edit(after);
    const json::object change = change_to(before, after);
    EXPECT_EQ(names_in(change, "identity_providers"), test.providers) << test.name;
    EXPECT_EQ(names_in(change, "device_posture_rules"), test.posture_rules) << test.name;
    EXPECT_EQ(names_in(change, "groups"), test.groups) << test.name;
    EXPECT_EQ(names_in(change, "applications"), test.applications) << test.name;
    const Snapshot changed = apply(*whole(before), change);
    const Snapshot compiled = whole(after, kSequence + 1);
    for (const auto& group : after.groups) {
      const auto& followed = changed->group(*changed->group_index(group.id));
      EXPECT_EQ(followed.name, group.name);
      EXPECT_EQ(followed.needs, compiled->group(*compiled->group_index(group.id)).needs);
    }
    // And back again.
    apply(*whole(after), change_to(after, before));
  }
}

TEST(SnapshotChange, HoldsWhatTheSnapshotHasOfTheOrganization) {
  const model::Resources before = resources();
  model::Resources after = before;
  after.organization.session_duration += std::chrono::seconds(1);
  EXPECT_FALSE(change_to(before, after).contains("organization"));
  after.organization.name = "Renamed";
  after.organization.node_state_max_age = std::chrono::seconds(99);
  const Snapshot changed = apply(*whole(before), change_to(before, after));
  EXPECT_EQ(changed->organization_name(), "Renamed");
  EXPECT_EQ(changed->node_state_max_age(), std::chrono::seconds(99));
  EXPECT_EQ(changed->auth_domain(), "auth.example.com");
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
      {"auth domain", [](auto& all) { all.organization.auth_domain = "login.example.com"; }},
      {"chosen page", [](auto& all) { all.organization.forbidden_page = all.custom_pages[0].id; }},
      {"page", [](auto& all) { all.custom_pages[0].custom_html += "!"; }},
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
  // Many that name a group: only when decisions need something else because of it.
  model::Resources many = before;
  for (std::size_t i = 0; i <= kMaxChangedElements; ++i) {
    many.applications.push_back(many.applications[3]);
    many.applications.edit(many.applications.size() - 1).id = fmt::format("{}", i);
  }
  model::Resources edited = many;
  edited.groups[2].include.push_back({"everyone", {}});
  EXPECT_TRUE(make_snapshot_change(many, edited, kSequence, context(kSequence + 1)));
  edited.groups[2].include.push_back({"geo", {{"country_code", "DE"}}});
  EXPECT_FALSE(make_snapshot_change(many, edited, kSequence, context(kSequence + 1)));
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

  after.groups[2].name = "Renamed";
  after.groups.erase(after.groups.begin());
  const Snapshot again = apply(*before, change_to(configured, after));
  EXPECT_EQ(again->group(2).name, "Renamed");
  EXPECT_EQ(before->group(2).name, "Offices");
  EXPECT_EQ(&again->group(1), &before->group(1));
  EXPECT_EQ(again->group_index(configured.groups[0].id), std::nullopt);
  EXPECT_EQ(before->group(*before->group_index(configured.groups[0].id)).name, "Outer");
  EXPECT_EQ(again->find_application("shop.example.com", "/"),
            before->find_application("shop.example.com", "/"));
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
  after.groups[2].include.push_back({"everyone", {}});
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
      {"unknown member", set("/mtls_certificates", json::array()),
       "/mtls_certificates: is not a known key"},
      {"removed group", set("/removed_groups", json::array{nobody}),
       fmt::format("/removed_groups/0: there is no group `{}`", nobody)},
      {"removed posture rule", set("/removed_device_posture_rules", json::array{nobody}),
       fmt::format("/removed_device_posture_rules/0: there is no device posture rule `{}`",
                   nobody)},
      {"removed login method", set("/removed_identity_providers", json::array{nobody}),
       fmt::format("/removed_identity_providers/0: there is no identity provider `{}`", nobody)},
      {"group removed and brought", set("/removed_groups", json::array{configured.groups[2].id}),
       "/groups/0: must have an id, and must not be removed as well"},
      {"group without an id",
       [](auto& change) {
         take_away(change, "/groups/0/id");
         put(change, "/groups/0/name", json::value("Unheard of"));
       },
       "/groups/0: must have an id, and must not be removed as well"},
      {"login method removed and brought",
       [&](auto& change) {
         put(change, "/removed_identity_providers",
             json::array{configured.identity_providers[0].id});
         put(change, "/identity_providers",
             json::array{{{"id", configured.identity_providers[0].id},
                          {"name", "PIN"},
                          {"type", "onetimepin"}}});
       },
       "/identity_providers/0: must have an id, and must not be removed as well"},
      {"group that another names", set("/removed_groups", json::array{configured.groups[1].id}),
       fmt::format("/groups: `Outer` has groups more than {} deep, or one that is not there",
                   model::kMaxGroupDepth)},
      {"group that names itself through another",
       [&](auto& change) {
         put(change, "/groups/0/id", json::value(configured.groups[1].id));
         put(change, "/groups/0/include/0", {{"group", {{"id", configured.groups[0].id}}}});
       },
       fmt::format("/groups: `Outer` has groups more than {} deep, or one that is not there",
                   model::kMaxGroupDepth)},
      {"organization without a name", set("/organization", json::object{}),
       "/organization/name: is required\n/organization/node_state_max_age: is required"},
      {"organization with more",
       [](auto& change) {
         put(change, "/organization",
             {{"name", "Example"},
              {"node_state_max_age", "60s"},
              {"auth_domain", "elsewhere.example.com"}});
       },
       "/organization/auth_domain: is not a known key"},
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
  for (const char* seed :
       {"snapshot_change_fuzz/complete.json", "snapshot_change_fuzz/groups.json"}) {
    EXPECT_EQ(problems_of(**before, json::parse(text(seed)).value()), "") << seed;
  }
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
    if (pick(3) == 0) return edit_what_they_name();
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
  // Groups, posture rules, login methods, the organization.
  void edit_what_they_name() {
    auto& groups = current_.groups;
    auto& rules = current_.posture_rules;
    auto& providers = current_.identity_providers;
    const std::size_t at = pick(groups.size());
    switch (pick(9)) {
      case 0: {
        model::Group group;
        group.name = fmt::format("Group {}", ++made_);
        group.id = uuid_v5("group", group.name);
        group.include = {selector()};
        if (pick(2) == 0) group.exclude = {leaf()};
        if (groups.size() < 8)
          groups.insert(groups.begin() + static_cast<std::ptrdiff_t>(at), group);
        return;
      }
      case 1:
        if (groups.size() > 1 && !is_named(groups[at].id)) {
          groups.erase(groups.begin() + static_cast<std::ptrdiff_t>(at));
        }
        return;
      case 2:
        groups[at].require =
            pick(2) == 0 ? std::vector<model::Selector>{} : std::vector<model::Selector>{leaf()};
        return;
      case 3:
        groups[at].include = {leaf(), leaf()};
        return;
      case 4: {
        model::PostureRule rule = rules[pick(rules.size())];
        rule.name = fmt::format("Rule {}", ++made_);
        rule.id = uuid_v5("device_posture_rule", rule.name);
        rule.input["connection_id"] = uuid_v5("integration", fmt::format("{}", pick(3)));
        if (rules.size() < 4) rules.push_back(rule);
        return;
      }
      case 5: {
        const std::size_t rule = pick(rules.size());
        if (rules.size() > 1 && !is_named(rules[rule].id)) {
          rules.erase(rules.begin() + static_cast<std::ptrdiff_t>(rule));
        } else {
          rules[rule].input["connection_id"] = uuid_v5("integration", fmt::format("{}", pick(3)));
        }
        return;
      }
      case 6: {
        model::IdentityProvider provider;
        provider.name = fmt::format("Provider {}", ++made_);
        provider.id = uuid_v5("identity_provider", provider.name);
        provider.type = "oidc";
        if (providers.size() < 4) providers.push_back(provider);
        return;
      }
      case 7:
        if (providers.size() > 1 && !is_named(providers.back().id)) providers.pop_back();
        return;
      default:
        current_.organization.name = fmt::format("Example {}", ++made_);
        current_.organization.node_state_max_age = std::chrono::seconds(60 + pick(3));
    }
  }

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

  // One that names no group.
  model::Selector leaf() {
    for (;;) {
      model::Selector made = selector();
      if (made.kind != "group") return made;
    }
  }

  model::Selector selector() {
    const auto& all = current_;
    switch (pick(9)) {
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
        return {"device_posture",
                {{"integration_uid", all.posture_rules[pick(all.posture_rules.size())].id}}};
      case 6:
        return {"geo", {{"country_code", "DE"}}};
      case 7:
        return {"external_evaluation",
                {{"evaluate_url", fmt::format("https://eval.example/{}", pick(2))},
                 {"keys_url", "https://eval.example/k"},
                 {"expiration", fmt::format("{}m", pick(3) + 1)}}};
      default:
        return {"login_method",
                {{"id", all.identity_providers[pick(all.identity_providers.size())].id}}};
    }
  }

  [[nodiscard]] bool is_named(const std::string& id) const {
    const auto names = [&](const auto& owner) {
      for (const auto* list : {&owner.include, &owner.exclude, &owner.require}) {
        for (const auto& entry : *list) {
          for (const char* key : {"token_id", "id", "integration_uid"}) {
            if (json::find_string(entry.value, key) == id) return true;
          }
        }
      }
      return false;
    };
    return std::any_of(current_.groups.begin(), current_.groups.end(), names) ||
           std::any_of(current_.applications.begin(), current_.applications.end(),
                       [&](const model::Application& application) {
                         return std::any_of(application.policies.begin(),
                                            application.policies.end(), names);
                       });
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
      EXPECT_EQ(followed->evaluators, compiled->evaluators);
      EXPECT_EQ(followed->uses_country, compiled->uses_country);
    }
    for (const auto& group : configured_.groups) {
      const auto& followed = followed_->group(*followed_->group_index(group.id));
      const auto& compiled = compiled_->group(*compiled_->group_index(group.id));
      EXPECT_EQ(followed.name, compiled.name);
      EXPECT_EQ(followed.needs, compiled.needs) << group.name;
    }
    for (const auto& provider : configured_.identity_providers) {
      EXPECT_TRUE(followed_->has_login_method(provider.id));
    }
    EXPECT_EQ(followed_->organization_name(), compiled_->organization_name());
    EXPECT_EQ(followed_->node_state_max_age(), compiled_->node_state_max_age());
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
    const auto& providers = configured_.identity_providers;
    session.identity.login_method = providers[editor.pick(providers.size())].id;
    model::PostureEvidence device;
    device.integration_id = uuid_v5("integration", fmt::format("{}", editor.pick(3)));
    device.established_at = from_epoch_seconds(1700000000);
    device.managed = editor.pick(4) != 0;
    device.last_checkin = device.established_at;
    session.posture = {device};
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
  for (std::uint32_t seed = 1; seed <= 12; ++seed) {
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
