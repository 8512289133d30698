#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "base/encoding.h"
#include "controlplane/assertions.h"
#include "controlplane/gateway.h"
#include "controlplane/test_support.h"
#include "crypto/digest.h"
#include "jose/jwt.h"
#include "policy/authored.h"

namespace gatehouse::controlplane {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using test::kClientSecret;
using test::kStart;
using test::sample_document;
using test::TestGateway;

std::string pointers(const std::vector<policy::Problem>& problems) {
  std::string text;
  for (const auto& problem : problems) text += problem.pointer + ": " + problem.message + "\n";
  return text;
}

json::object& config_of(json::object& document, std::string_view section, std::size_t index) {
  return document[section].as_array()[index].as_object()["config"].as_object();
}

const Actor kAdmin{.name = "admin@example.com", .ip = "192.0.2.7", .reference = "r1"};

std::uint64_t published_sequence(const TestGateway& gateway) {
  return gateway.reader()->snapshot_sequence().value().value_or(0);
}

model::Session session_of(std::string nonce, Instant expires_at) {
  model::Session session;
  session.nonce = std::move(nonce);
  session.identity.user_id = "2f8f0b1e-0000-4000-8000-000000000001";
  session.identity.email = "ada@example.com";
  session.identity.authenticated_at = kStart;
  session.created_at = kStart;
  session.expires_at = expires_at;
  return session;
}

TEST(Publication, PublishesWhatIsApplied) {
  TestGateway gateway;
  EXPECT_EQ(gateway.gateway->snapshot(), nullptr);
  const auto outcome = gateway.apply(sample_document());
  EXPECT_TRUE(outcome.changed);
  EXPECT_TRUE(outcome.hosts_changed);
  EXPECT_EQ(gateway.gateway->snapshot()->sequence(), outcome.sequence);
  EXPECT_EQ(gateway.gateway->snapshot()->issuer(), "https://auth.example.com");
  EXPECT_EQ(published_sequence(gateway), outcome.sequence);
  const auto events = gateway.audit("resource_changed");
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.front().actor, "admin@example.com");
  EXPECT_EQ(events.size(), policy::documents_of(*gateway.gateway->resources()).size());
}

TEST(Publication, TheSameAgainChangesNothing) {
  TestGateway gateway;
  const auto first = gateway.apply(sample_document());
  const auto records = gateway.audit("resource_changed").size();
  const auto again = gateway.apply(sample_document());
  EXPECT_EQ(again.sequence, first.sequence);
  EXPECT_FALSE(again.changed);
  EXPECT_FALSE(again.hosts_changed);
  EXPECT_EQ(gateway.audit("resource_changed").size(), records);
}

TEST(Publication, SaysWhetherHostsChanged) {
  TestGateway gateway;
  gateway.apply(sample_document());
  auto document = sample_document();
  document["applications"].as_array()[0].as_object()["session_duration"] = "1h";
  auto outcome = gateway.apply(document);
  EXPECT_TRUE(outcome.changed);
  EXPECT_FALSE(outcome.hosts_changed);
  document["applications"].as_array()[0].as_object()["domain"] = "wiki2.example.com";
  EXPECT_TRUE(gateway.apply(document).hosts_changed);
  document["ingress"].as_array()[0].as_object()["service"] = "http://127.0.0.1:9999";
  EXPECT_TRUE(gateway.apply(document).hosts_changed);
}

TEST(Publication, ProblemsLeaveEverythingAsItWas) {
  TestGateway gateway;
  const auto before = gateway.apply(sample_document());
  struct Case {
    std::string_view name;
    std::function<void(json::object&)> spoil;
    std::string_view pointer;
  };
  const std::array cases{
      Case{"posture profile",
           [](json::object& document) {
             config_of(document, "device_posture_integrations", 1)["exchange"] =
                 json::object{{"method", "DELETE"}};
           },
           "/device_posture_integrations/1/config/exchange/method"},
      Case{"unknown key in a posture profile",
           [](json::object& document) {
             config_of(document, "device_posture_integrations", 0)["nonsense"] = 1;
           },
           "/device_posture_integrations/0/config/nonsense"},
      Case{"identity provider",
           [](json::object& document) {
             config_of(document, "identity_providers", 1)["token_auth_method"] = "private_key_jwt";
           },
           "/identity_providers/1/config/token_auth_method"},
  };
  for (const auto& c : cases) {
    auto document = sample_document();
    c.spoil(document);
    const auto resources = TestGateway::read(document);
    const auto outcome = gateway.gateway->apply(resources, kAdmin);
    ASSERT_FALSE(outcome) << c.name;
    EXPECT_TRUE(std::any_of(outcome.error().begin(), outcome.error().end(),
                            [&](const auto& problem) { return problem.pointer == c.pointer; }))
        << pointers(outcome.error());
    EXPECT_EQ(pointers(gateway.gateway->check(resources)), pointers(outcome.error())) << c.name;
    EXPECT_EQ(gateway.gateway->snapshot()->sequence(), before.sequence) << c.name;
    EXPECT_EQ(gateway.store->load_resources()->sequence, before.sequence) << c.name;
    EXPECT_EQ(published_sequence(gateway), before.sequence) << c.name;
  }
  // What could not have been read from a file is refused all the same.
  auto resources = TestGateway::read(sample_document());
  resources.applications.edit(0).name.clear();
  EXPECT_FALSE(gateway.gateway->apply(resources, kAdmin));
}

TEST(Publication, RestoresAfterARestart) {
  TestGateway gateway;
  EXPECT_FALSE(gateway.gateway->restore().value()) << "nothing there yet";
  const auto applied = gateway.apply(sample_document());
  ASSERT_TRUE(gateway.context().sessions.create(session_of("s1", kStart + hours{1})));
  std::filesystem::remove_all(gateway.directory.path() / "node");
  gateway.restart();
  ASSERT_TRUE(gateway.gateway->restore().value());
  EXPECT_EQ(gateway.gateway->snapshot()->sequence(), applied.sequence);
  EXPECT_EQ(
      model::secret_of(gateway.gateway->resources()->identity_providers[1].secrets, "client_secret")
          .reveal(),
      kClientSecret);
  EXPECT_FALSE(gateway.apply(sample_document()).changed);
  const auto reader = gateway.reader();
  EXPECT_TRUE(reader->snapshot().value());
  EXPECT_TRUE(reader->session("s1").value());
  EXPECT_EQ(reader->heartbeat(), kStart);
}

TEST(Publication, SecretsStandSealedBesideTheDocument) {
  TestGateway gateway;
  gateway.apply(sample_document());
  const auto stored = gateway.store->load_resources().value();
  for (const auto& row : stored.resources) {
    EXPECT_EQ(row.document.find(kClientSecret), std::string::npos);
    EXPECT_EQ(row.sealed_secrets.find(kClientSecret), std::string::npos);
  }
  EXPECT_EQ(json::serialize(*gateway.reader()->snapshot().value()).find(kClientSecret),
            std::string::npos);
  auto document = sample_document();
  config_of(document, "identity_providers", 1)["client_secret"] = "another";
  EXPECT_TRUE(gateway.apply(document).changed) << "a new secret is a change";
}

// --- Changes, one resource at a time ---

json::object group_body(std::string_view name, std::string_view email) {
  return {{"name", name}, {"include", json::array{json::object{{"email", {{"email", email}}}}}}};
}

MakeEdits put(policy::Kind kind, std::string id, json::object body) {
  body["id"] = id;
  return [kind, id, body](const policy::Documents&) { return std::vector<Edit>{{kind, id, body}}; };
}
MakeEdits remove(policy::Kind kind, std::string id) {
  return
      [kind, id](const policy::Documents&) { return std::vector<Edit>{{kind, id, std::nullopt}}; };
}
constexpr std::string_view kGroup = "7d3f1c1a-0000-4000-8000-000000000001";
constexpr std::string_view kApplication = "7d3f1c1a-0000-4000-8000-000000000002";

json::object application_body(std::string_view domain) {
  return {{"name", "Extra"},
          {"domain", domain},
          {"session_duration", "90m"},
          {"aud", std::string(64, 'a')},
          {"policies", json::array{json::object{
                           {"name", "p"},
                           {"id", "7d3f1c1a-0000-4000-8000-000000000003"},
                           {"decision", "allow"},
                           {"include", json::array{json::object{{"group", {{"id", kGroup}}}}}}}}}};
}

class ChangeTest : public testing::Test {
 protected:
  ChangeTest() { gateway_.apply(sample_document()); }
  auto change(const MakeEdits& make) { return gateway_.gateway->change(kAdmin, make); }
  const policy::Document* document(policy::Kind kind, std::string_view id) {
    return gateway_.context().configuration()->documents->find(kind, id);
  }
  TestGateway gateway_;
};

TEST_F(ChangeTest, IsStoredPublishedAndAudited) {
  ASSERT_TRUE(
      change(put(policy::Kind::Group, std::string(kGroup), group_body("G", "a@b.example"))));
  const auto outcome = change(put(policy::Kind::Application, std::string(kApplication),
                                  application_body("wiki.example.com/extra")));
  ASSERT_TRUE(outcome) << outcome.error().problems.front().message;
  EXPECT_TRUE(outcome->changed);
  EXPECT_FALSE(outcome->hosts_changed);
  EXPECT_EQ(published_sequence(gateway_), outcome->sequence);
  const auto* application =
      gateway_.gateway->snapshot()->find_application("wiki.example.com", "/extra/x");
  ASSERT_NE(application, nullptr);
  EXPECT_EQ(application->name, "Extra");
  // As it was written, and complete.
  const auto* stored = document(policy::Kind::Application, kApplication);
  ASSERT_NE(stored, nullptr);
  EXPECT_EQ(stored->body.at("session_duration"), "90m");
  EXPECT_TRUE(stored->body.contains("http_only_cookie_attribute"));
  const auto events = gateway_.audit("resource_changed");
  const auto& event = json::find_string(events.front().details, "id") == kApplication
                          ? events.front()
                          : events.back();
  EXPECT_EQ(event.details.at("what"), "added");
  EXPECT_EQ(event.ip, "192.0.2.7");
  EXPECT_EQ(event.details.at("after").at("name"), "Extra");
}

TEST_F(ChangeTest, TheAuditHasNoHashes) {
  const auto& token = gateway_.gateway->resources()->service_tokens.at(0);
  for (const auto& event : gateway_.audit("resource_changed"))
    EXPECT_EQ(json::serialize(event.details).find(token.client_secret_hash), std::string::npos);
}

TEST_F(ChangeTest, SurvivesARestart) {
  ASSERT_TRUE(
      change(put(policy::Kind::Group, std::string(kGroup), group_body("G", "a@b.example"))));
  ASSERT_TRUE(change(put(policy::Kind::Application, std::string(kApplication),
                         application_body("wiki.example.com/extra"))));
  const auto before = *document(policy::Kind::Application, kApplication);
  gateway_.restart();
  ASSERT_TRUE(gateway_.gateway->restore().value());
  const auto* after = document(policy::Kind::Application, kApplication);
  ASSERT_NE(after, nullptr);
  EXPECT_EQ(after->body, before.body);
  EXPECT_EQ(after->created_at, before.created_at);
  EXPECT_NE(gateway_.gateway->snapshot()->find_application("wiki.example.com", "/extra"), nullptr);
}

TEST_F(ChangeTest, WhatIsNeededCannotBeRemoved) {
  ASSERT_TRUE(
      change(put(policy::Kind::Group, std::string(kGroup), group_body("G", "a@b.example"))));
  ASSERT_TRUE(change(put(policy::Kind::Application, std::string(kApplication),
                         application_body("wiki.example.com/extra"))));
  const auto refused = change(remove(policy::Kind::Group, std::string(kGroup)));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ChangeErrorKind::InUse);
  EXPECT_NE(refused.error().problems.front().message.find("Extra"), std::string::npos);
  EXPECT_NE(document(policy::Kind::Group, kGroup), nullptr);
  EXPECT_TRUE(change(remove(policy::Kind::Application, std::string(kApplication))));
  EXPECT_TRUE(change(remove(policy::Kind::Group, std::string(kGroup))));
  EXPECT_EQ(gateway_.gateway->snapshot()->find_application("wiki.example.com", "/extra")->name,
            "Wiki");
}

TEST_F(ChangeTest, AProblemNamesItsFieldAndChangesNothing) {
  const auto before = gateway_.store->load_resources()->sequence;
  auto body = group_body("G", "a@b.example");
  body["include"] = json::array{json::object{{"email", {{"email", 7}}}}};
  auto refused = change(put(policy::Kind::Group, std::string(kGroup), body));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ChangeErrorKind::Invalid);
  EXPECT_EQ(refused.error().problems.front().pointer, "/include/0/email/email");
  // Of what only the providers themselves know, too.
  const auto& provider = gateway_.gateway->resources()->identity_providers[1];
  auto edited = document(policy::Kind::IdentityProvider, provider.id)->body;
  edited["config"].as_object()["token_auth_method"] = "private_key_jwt";
  refused = change(put(policy::Kind::IdentityProvider, provider.id, edited));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().problems.front().pointer, "/config/token_auth_method");
  EXPECT_EQ(gateway_.store->load_resources()->sequence, before);
}

TEST_F(ChangeTest, ASecretThatIsLeftOutOrMaskedIsKept) {
  const auto id = gateway_.gateway->resources()->identity_providers[1].id;
  const auto secret = [&] {
    return policy::secrets_of(*gateway_.gateway->resources(), policy::Kind::IdentityProvider, id);
  };
  for (const auto& given : {json::value(nullptr), json::value("**********")}) {
    auto body = document(policy::Kind::IdentityProvider, id)->body;
    body["name"] = given.is_null() ? "Renamed" : "Again";
    if (!given.is_null()) body["config"].as_object()["client_secret"] = given;
    const auto changed = change(put(policy::Kind::IdentityProvider, id, body));
    ASSERT_TRUE(changed) << changed.error().problems.front().message;
    EXPECT_EQ(json::find_string(secret(), "client_secret"), kClientSecret);
    EXPECT_FALSE(document(policy::Kind::IdentityProvider, id)
                     ->body.at("config")
                     .as_object()
                     .contains("client_secret"));
  }
}

TEST_F(ChangeTest, HostsAreRoutedBeforeThePolicyAndNothingChangesWhenTheyCannotBe) {
  // Made anew with a router.
  std::vector<std::string> log;
  bool works = true;
  auto dependencies = gateway_.context().dependencies;
  dependencies.apply_routing =
      [&](const model::Resources& resources) -> std::expected<void, std::string> {
    log.push_back(std::to_string(resources.applications.size()));
    if (!works) return std::unexpected("nginx says no");
    return {};
  };
  gateway_.gateway = Gateway::make(dependencies);
  ASSERT_TRUE(gateway_.gateway->restore().value());
  log.clear();
  ASSERT_TRUE(
      change(put(policy::Kind::Group, std::string(kGroup), group_body("G", "a@b.example"))));
  EXPECT_TRUE(log.empty()) << "a group moves no host";
  auto document = sample_document();
  auto host = std::string("wiki.example.com/extra");
  ASSERT_TRUE(
      change(put(policy::Kind::Application, std::string(kApplication), application_body(host))));
  EXPECT_TRUE(log.empty()) << "the host is there already";
  works = false;
  const auto before = gateway_.store->load_resources()->sequence;
  auto moved =
      json::object{{"rules", json::array{json::object{{"service", "http://127.0.0.1:9"}}}}};
  const auto refused = gateway_.gateway->change(kAdmin, [&](const policy::Documents&) {
    return std::vector<Edit>{{policy::Kind::Ingress, "ingress", moved}};
  });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ChangeErrorKind::NotEnforceable);
  EXPECT_EQ(gateway_.store->load_resources()->sequence, before);
}

// --- A file beside the API ---

TEST_F(ChangeTest, AFileOwnsWhatItWroteAndNothingElse) {
  ASSERT_TRUE(
      change(put(policy::Kind::Group, std::string(kGroup), group_body("G", "a@b.example"))));
  auto document = sample_document();
  document["applications"].as_array().pop_back();
  const auto file = TestGateway::read(document);
  auto planned = gateway_.gateway->plan(file);
  ASSERT_TRUE(planned);
  ASSERT_EQ(planned->size(), 1U);
  EXPECT_EQ(planned->front().what, PlannedChange::What::Remove);
  EXPECT_EQ(planned->front().name, "Robots");
  planned = gateway_.gateway->plan(file, {.prune = true});
  ASSERT_TRUE(planned);
  EXPECT_EQ(planned->size(), 2U);
  ASSERT_TRUE(gateway_.gateway->apply(file, kAdmin));
  EXPECT_NE(this->document(policy::Kind::Group, kGroup), nullptr);
  ASSERT_TRUE(gateway_.gateway->apply(file, kAdmin, {.prune = true}));
  EXPECT_EQ(this->document(policy::Kind::Group, kGroup), nullptr);
}

TEST_F(ChangeTest, ARestartDoesNotUndoWhatWasChangedSince) {
  const auto& wiki = gateway_.application("Wiki");
  auto body = document(policy::Kind::Application, wiki.id)->body;
  body["session_duration"] = "3h";
  const std::string id = wiki.id;
  ASSERT_TRUE(change(put(policy::Kind::Application, id, body)));
  const auto file = TestGateway::read(sample_document());
  gateway_.restart();
  ASSERT_TRUE(gateway_.gateway->restore().value());
  auto outcome = gateway_.gateway->apply(file, kAdmin, {.only_if_new = true});
  ASSERT_TRUE(outcome);
  EXPECT_FALSE(outcome->changed);
  EXPECT_EQ(document(policy::Kind::Application, id)->body.at("session_duration"), "3h");
  // Said again on purpose, the file counts.
  outcome = gateway_.gateway->apply(file, kAdmin);
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->changed);
  EXPECT_EQ(document(policy::Kind::Application, id)->body.at("session_duration"), "24h");
}

// --- Two nodes on one store ---

// Another node on the store of the first, with a node state of its own.
struct SecondNode {
  explicit SecondNode(const TestGateway& first)
      : store(storage::open_store("sqlite://" + (first.directory.path() / "gatehouse.db").string())
                  .value()),
        vault(Vault::open(first.directory.path(), *store, kStart).value()),
        gateway(Gateway::make({.store = *store,
                               .vault = *vault,
                               .node_state = *machine.node_state,
                               .http_client = machine.provider,
                               .selectors = machine.context().dependencies.selectors,
                               .clock = machine.context().dependencies.clock,
                               .pin_delivery = {}})) {}
  TestGateway machine;
  std::unique_ptr<storage::Store> store;
  std::unique_ptr<Vault> vault;
  std::unique_ptr<Gateway> gateway;
};

TEST_F(ChangeTest, AnotherNodeFollows) {
  SecondNode other(gateway_);
  ASSERT_TRUE(other.gateway->restore().value());
  EXPECT_TRUE(other.gateway->follow());
  ASSERT_TRUE(
      change(put(policy::Kind::Group, std::string(kGroup), group_body("G", "a@b.example"))));
  ASSERT_TRUE(gateway_.context().sessions.create(session_of("s1", kStart + hours{1})));
  EXPECT_EQ(other.gateway->context().configuration()->documents->find(policy::Kind::Group, kGroup),
            nullptr);
  EXPECT_TRUE(other.gateway->follow());
  EXPECT_NE(other.gateway->context().configuration()->documents->find(policy::Kind::Group, kGroup),
            nullptr);
  EXPECT_TRUE(other.machine.reader()->session("s1").value());
  // A change on the one that is behind first takes over what it has missed.
  ASSERT_TRUE(
      change(put(policy::Kind::Group, std::string(kGroup), group_body("G2", "a@b.example"))));
  int asked = 0;
  const auto outcome = other.gateway->change(kAdmin, [&](const policy::Documents& documents) {
    ++asked;
    auto body = documents.find(policy::Kind::Group, kGroup)->body;
    body["include"].as_array().emplace_back(json::object{{"email", {{"email", "c@d.example"}}}});
    return std::vector<Edit>{{policy::Kind::Group, std::string(kGroup), body}};
  });
  ASSERT_TRUE(outcome) << outcome.error().problems.front().message;
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(
      other.gateway->context().configuration()->documents->find(policy::Kind::Group, kGroup)->name,
      "G2");
  EXPECT_TRUE(gateway_.gateway->follow());
  EXPECT_EQ(document(policy::Kind::Group, kGroup)->body.at("include").as_array().size(), 2U);
  // The end of a session, too.
  ASSERT_TRUE(gateway_.context().sessions.end("s1"));
  EXPECT_TRUE(other.gateway->follow());
  EXPECT_FALSE(other.machine.reader()->session("s1").value());
}

// INVARIANT 3: what ends a right waits for nothing.
TEST_F(ChangeTest, ASessionEndsWhereTheResourcesCannotBeRead) {
  SecondNode other(gateway_);
  ASSERT_TRUE(gateway_.context().sessions.create(session_of("s1", kStart + hours{1})));
  ASSERT_TRUE(other.gateway->restore().value());
  ASSERT_TRUE(other.machine.reader()->session("s1").value());
  const storage::ResourceChange broken{.kind = "applications",
                                       .id = std::string(kApplication),
                                       .document = "{",
                                       .sealed_secrets = "",
                                       .origin = "api"};
  ASSERT_TRUE(gateway_.store->commit_resources(gateway_.store->load_resources()->sequence,
                                               {&broken, 1}, std::nullopt, {}, kStart));
  ASSERT_TRUE(gateway_.context().sessions.end("s1"));
  EXPECT_FALSE(other.gateway->follow()) << "the resources";
  EXPECT_FALSE(other.machine.reader()->session("s1").value());
}

TEST_F(ChangeTest, AfterAGapNothingIsTakenForTheNodesOwn) {
  SecondNode other(gateway_);
  ASSERT_TRUE(other.gateway->restore().value());
  ASSERT_TRUE(other.gateway->context().sessions.create(session_of("s1", kStart + hours{1})));
  std::stringstream dump;
  ASSERT_TRUE(gateway_.store->dump(dump));
  ASSERT_TRUE(gateway_.store->load(dump));
  EXPECT_TRUE(other.gateway->follow());
  ASSERT_TRUE(other.machine.reader()->session("s1").value());
  ASSERT_TRUE(gateway_.context().sessions.end("s1"));
  EXPECT_TRUE(other.gateway->follow());
  EXPECT_FALSE(other.machine.reader()->session("s1").value());
}

TEST(Publication, TickRebuildsADeletedNodeState) {
  TestGateway gateway;
  const auto applied = gateway.apply(sample_document());
  ASSERT_TRUE(gateway.context().sessions.create(session_of("s1", kStart + hours{1})));
  gateway.gateway->tick();
  std::filesystem::remove_all(gateway.directory.path() / "node");
  gateway.now += seconds{2};
  gateway.gateway->tick();
  EXPECT_EQ(published_sequence(gateway), applied.sequence);
  const auto reader = gateway.reader();
  EXPECT_TRUE(reader->session("s1").value());
  EXPECT_EQ(reader->heartbeat(), gateway.now);
  EXPECT_TRUE(reader
                  ->assertion(gateway.gateway->resources()->service_tokens[0].id,
                              gateway.application("Robots").audience)
                  .value());
}

TEST(Publication, TickTakesExpiredSessionsOut) {
  TestGateway gateway;
  gateway.apply(sample_document());
  gateway.gateway->tick();
  ASSERT_TRUE(gateway.context().sessions.create(session_of("short", kStart + seconds{10})));
  ASSERT_TRUE(gateway.context().sessions.create(session_of("long", kStart + hours{9})));
  gateway.now += hours{1};
  gateway.gateway->tick();
  EXPECT_FALSE(gateway.reader()->session("short").value());
  EXPECT_TRUE(gateway.reader()->session("long").value());
}

class AssertionTest : public testing::Test {
 protected:
  AssertionTest() { gateway_.apply(sample_document()); }
  std::optional<std::string> assertion(std::string_view token, std::string_view application) {
    for (const auto& known : gateway_.gateway->resources()->service_tokens)
      if (known.name == token)
        return gateway_.reader()
            ->assertion(known.id, gateway_.application(application).audience)
            .value();
    return std::nullopt;
  }
  json::object claims(const std::string& token) {
    return jose::verify_jws(jose::CompactJws::parse(token).value(),
                            gateway_.vault->verification_keys(), {jose::Algorithm::RS256})
        .value()
        .claims;
  }
  TestGateway gateway_;
};

TEST_F(AssertionTest, IsMadeForTokensThatServiceAuthNames) {
  const auto token = assertion("backup", "Robots");
  ASSERT_TRUE(token) << "named through a group";
  EXPECT_FALSE(assertion("unused", "Robots"));
  EXPECT_FALSE(assertion("backup", "Wiki"));
  const auto got = claims(*token);
  EXPECT_EQ(got.at("type"), "app");
  EXPECT_EQ(got.at("iss"), "https://auth.example.com");
  EXPECT_EQ(got.at("aud"), (json::array{json::value(gateway_.application("Robots").audience)}));
  EXPECT_EQ(got.at("sub"), "");
  EXPECT_EQ(got.at("common_name").as_string(),
            gateway_.gateway->resources()->service_tokens[0].client_id);
  EXPECT_FALSE(got.contains("email"));
  EXPECT_FALSE(got.contains("identity_nonce"));
  EXPECT_EQ(got.at("exp").as_int64(), to_epoch_seconds(kStart + hours{24}));
}

TEST_F(AssertionTest, IsRenewedAtHalfItsLife) {
  const auto first = assertion("backup", "Robots");
  gateway_.now = kStart + hours{12} - seconds{1};
  gateway_.gateway->tick();
  EXPECT_EQ(assertion("backup", "Robots"), first);
  gateway_.now = kStart + hours{12};
  gateway_.gateway->tick();
  const auto second = assertion("backup", "Robots");
  EXPECT_NE(second, first);
  EXPECT_EQ(claims(*second).at("exp").as_int64(), to_epoch_seconds(kStart + hours{36}));
}

TEST_F(AssertionTest, EndsWithItsToken) {
  auto document = sample_document();
  document["service_tokens"].as_array()[0].as_object()["expires_at"] =
      format_rfc3339(kStart + hours{1});
  gateway_.apply(document);
  EXPECT_EQ(claims(*assertion("backup", "Robots")).at("exp").as_int64(),
            to_epoch_seconds(kStart + hours{1}));
}

TEST(AdmissibleServiceTokens, FollowsTheIncludesOfServiceAuth) {
  struct Case {
    std::string_view name;
    std::string_view action;
    std::string_view include;
    std::vector<std::string> expected;
  };
  const std::array cases{
      Case{"itself", "non_identity", R"([{"service_token":{"token_id":"backup"}}])", {"backup"}},
      Case{"through a group", "non_identity", R"([{"group":{"id":"machines"}}])", {"backup"}},
      Case{"a network", "non_identity", R"([{"ip":{"ip":"192.0.2.0/24"}}])", {"backup", "unused"}},
      Case{"everyone", "non_identity", R"([{"everyone":{}}])", {"backup", "unused"}},
      Case{"people", "non_identity", R"([{"email":{"email":"a@example.com"}}])", {}},
      Case{"people who signed in so",
           "non_identity",
           R"([{"auth_method":{"auth_method":"mfa"}}])",
           {}},
      Case{"a country", "non_identity", R"([{"geo":{"country_code":"DE"}}])", {"backup", "unused"}},
      Case{
          "any token", "non_identity", R"([{"any_valid_service_token":{}}])", {"backup", "unused"}},
      Case{"not Service Auth", "allow", R"([{"service_token":{"token_id":"backup"}}])", {}},
  };
  for (const auto& c : cases) {
    auto document = sample_document();
    auto& policy =
        document["applications"].as_array()[4].as_object()["policies"].as_array()[0].as_object();
    policy["decision"] = c.action;
    policy["include"] = json::parse(c.include).value();
    const auto resources = TestGateway::read(document);
    std::vector<std::string> names;
    for (const auto* token : admissible_service_tokens(resources, resources.applications[4]))
      names.push_back(token->name);
    EXPECT_EQ(names, c.expected) << c.name;
  }
}

}  // namespace
}  // namespace gatehouse::controlplane
