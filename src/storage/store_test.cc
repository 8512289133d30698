#include "storage/store.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <limits>
#include <map>
#include <set>
#include <thread>

#include "base/encoding.h"
#include "storage/test_databases.h"

namespace gatehouse::storage {
namespace {

using namespace std::chrono_literals;

// Beyond 2038, so that no instant passes through 32 bits unseen.
constexpr Instant kNow = from_epoch_seconds(2'500'000'000);

class StoreTest : public ::testing::TestWithParam<EngineKind> {
 protected:
  ~StoreTest() override { store_.reset(); }

  // The store of the test, opened anew.
  Store& open() {
    store_.reset();
    store_ = open_or_abort(database_->url());
    return *store_;
  }
  // How errors name the store.
  [[nodiscard]] std::string prefix() const { return "store `" + database_->url() + "`: "; }

  std::unique_ptr<TestDatabase> database_ = make_database(GetParam());
  std::unique_ptr<Store> store_;
};

INSTANTIATE_TEST_SUITE_P(Engines, StoreTest,
                         ::testing::Values(EngineKind::Sqlite, EngineKind::Postgresql),
                         [](const auto& engine) {
                           return engine.param == EngineKind::Sqlite ? "Sqlite" : "Postgresql";
                         });

model::Session session(const std::string& nonce, Instant expires_at = kNow + 3600s) {
  return test_session(nonce, expires_at);
}

PinRecord pin(const std::string& id, const std::string& code_hash) {
  return {id, "ann@example.com", "browser", code_hash, 0, kNow, kNow + 600s};
}

// --- content ------------------------------------------------------------------------------------

TEST_P(StoreTest, ValuesOfTheInstallation) {
  open();
  EXPECT_EQ(std::nullopt, *store_->find_value("account_id"));
  EXPECT_EQ("a", *store_->put_value_once("account_id", "a"));
  EXPECT_EQ("a", *store_->put_value_once("account_id", "b"));
  EXPECT_EQ("a", *open().find_value("account_id"));
  ASSERT_TRUE(store_->put_value("account_id", "c"));
  ASSERT_TRUE(store_->put_value("other", ""));
  EXPECT_EQ("c", *store_->find_value("account_id"));
  EXPECT_EQ("", *store_->find_value("other"));
}

ResourceChange put(const std::string& kind, const std::string& id, const std::string& document,
                   const std::string& origin = "api", const std::string& sealed = "") {
  return {kind, id, document, sealed, origin};
}
ResourceChange removal(const std::string& kind, const std::string& id) {
  return {kind, id, std::nullopt, "", "api"};
}

TEST_P(StoreTest, Resources) {
  open();
  const auto nothing = store_->load_resources();
  ASSERT_TRUE(nothing) << nothing.error().message;
  EXPECT_EQ(0U, nothing->sequence);
  EXPECT_TRUE(nothing->resources.empty());
  EXPECT_EQ("", nothing->applied_file);

  const std::string sealed("\0\xff raw \n", 8);
  const std::vector<ResourceChange> first{put("groups", "b", "{\"a\":1}", "file", sealed),
                                          put("applications", "a", "{}", "file"),
                                          put("groups", "a", "{}", "file")};
  const auto one = store_->commit_resources(0, first, "digest", {}, kNow);
  ASSERT_TRUE(one) << one.error().message;
  EXPECT_TRUE(one->applied);
  EXPECT_EQ(1U, one->sequence);

  const std::vector<ResourceChange> second{put("groups", "b", "{\"a\":2}"), removal("groups", "a"),
                                           removal("groups", "never")};
  const auto late = store_->commit_resources(0, second, "other", {}, kNow);
  ASSERT_TRUE(late);
  EXPECT_FALSE(late->applied);
  EXPECT_EQ(1U, late->sequence);
  EXPECT_EQ(2U, store_->commit_resources(1, second, std::nullopt, {}, kNow + 5s)->sequence);

  const auto loaded = open().load_resources();
  ASSERT_TRUE(loaded);
  EXPECT_EQ(2U, loaded->sequence);
  EXPECT_EQ("digest", loaded->applied_file);
  ASSERT_EQ(2U, loaded->resources.size());
  const StoredResource& group = loaded->resources[0];
  EXPECT_EQ("groups", group.kind);
  EXPECT_EQ("b", group.id);
  EXPECT_EQ("{\"a\":2}", group.document);
  EXPECT_EQ("", group.sealed_secrets);
  EXPECT_EQ("api", group.origin);
  EXPECT_EQ(kNow, group.created_at);
  EXPECT_EQ(kNow + 5s, group.updated_at);
  EXPECT_EQ("a", loaded->resources[1].id);
  EXPECT_EQ("applications", loaded->resources[1].kind);
  EXPECT_EQ("file", loaded->resources[1].origin);
}

TEST_P(StoreTest, SealedSecretsOfResources) {
  open();
  const std::string sealed("\0\xff raw \n", 8);
  ASSERT_TRUE(store_->commit_resources(
      0, std::array{put("identity_providers", "a", "{}", "api", sealed)}, std::nullopt, {}, kNow));
  EXPECT_EQ(sealed, open().load_resources()->resources.at(0).sealed_secrets);
}

TEST_P(StoreTest, NothingToCommitIsNoNewSequence) {
  open();
  const auto stands = store_->changes_since(0, 1)->position;
  EXPECT_EQ(0U, store_->commit_resources(0, {}, "digest", {}, kNow)->sequence);
  EXPECT_EQ(
      0U,
      store_->commit_resources(0, std::array{removal("groups", "never")}, std::nullopt, {}, kNow)
          ->sequence);
  EXPECT_EQ("digest", store_->load_resources()->applied_file);
  EXPECT_TRUE(store_->changes_since(stands, 10)->entries.empty());
}

TEST_P(StoreTest, ResourcesAndTheirAuditAreOne) {
  open();
  AuditEvent event;
  event.at = kNow;
  event.event = "resource_changed";
  const std::array changes{put("groups", "a", "{}")};
  ASSERT_TRUE(store_->commit_resources(0, changes, std::nullopt, std::array{event, event}, kNow));
  EXPECT_EQ(2U, store_->recent_audit(10)->size());
  ASSERT_FALSE(
      store_->commit_resources(0, changes, std::nullopt, std::array{event}, kNow)->applied);
  EXPECT_EQ(2U, store_->recent_audit(10)->size()) << "a conflict leaves no record";
  const std::array broken{put("groups", "b", "{}"), put("groups", "\xff", "{}")};
  const auto failed = store_->commit_resources(1, broken, "x", std::array{event}, kNow);
  ASSERT_FALSE(failed);
  EXPECT_EQ(prefix() + "cannot store the resources: the text is not valid UTF-8",
            failed.error().message);
  EXPECT_EQ(1U, store_->load_resources()->resources.size()) << "all of it or none";
  EXPECT_EQ("", store_->load_resources()->applied_file);
  EXPECT_EQ(2U, store_->recent_audit(10)->size());
}

TEST_P(StoreTest, LargeResources) {
  open();
  const std::string document(20U << 20U, 'x');
  ASSERT_TRUE(
      store_->commit_resources(0, std::array{put("lists", "a", document)}, std::nullopt, {}, kNow));
  EXPECT_EQ(document, store_->load_resources()->resources.at(0).document);
}

TEST_P(StoreTest, OneOfTwoCommitsWins) {
  open();
  auto other = open_or_abort(database_->url());
  std::atomic<int> applied{0};
  std::atomic<int> failed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      Store& store = t % 2 == 0 ? *store_ : *other;
      for (std::uint64_t i = 0; i < 10; ++i) {
        const auto done = store.commit_resources(
            i, std::array{put("groups", std::to_string(t), "{}")}, std::nullopt, {}, kNow);
        if (!done) ++failed;
        if (done && done->applied) ++applied;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(0, failed);
  EXPECT_EQ(10, applied) << "one for each sequence";
  EXPECT_EQ(10U, store_->load_resources()->sequence);
}

TEST_P(StoreTest, Users) {
  open();
  const auto made = store_->sign_in_user("ann@example.com", "Ann", "id-1", kNow);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ("id-1", made->id);
  EXPECT_EQ("Ann", made->name);
  EXPECT_EQ(kNow, made->created_at);
  const auto again = store_->sign_in_user("ann@example.com", "", "id-2", kNow + 60s);
  ASSERT_TRUE(again);
  EXPECT_EQ("id-1", again->id) << "the user stays the same";
  EXPECT_EQ("Ann", again->name) << "an empty name changes nothing";
  EXPECT_EQ(kNow, again->created_at);
  EXPECT_EQ(kNow + 60s, again->last_login_at);
  const auto other =
      open().sign_in_user("ann@example.net", "'; DROP TABLE users; --", "id-3", kNow);
  EXPECT_EQ("id-3", other->id);
  EXPECT_EQ("'; DROP TABLE users; --", other->name);
}

TEST_P(StoreTest, SessionsComeBackAsTheyWere) {
  open();
  const auto given = session("nonce");
  ASSERT_TRUE(store_->put_session(given));
  const auto loaded = open().load_session("nonce", kNow);
  ASSERT_TRUE(loaded && *loaded);
  EXPECT_EQ(json::serialize(model::to_json(given)), json::serialize(model::to_json(**loaded)));
}

TEST_P(StoreTest, SessionsExpireAtTheSecond) {
  open();
  ASSERT_TRUE(store_->put_session(session("nonce", kNow + 60s)));
  EXPECT_TRUE(*store_->load_session("nonce", kNow + 59s));
  EXPECT_FALSE(*store_->load_session("nonce", kNow + 60s));
  EXPECT_FALSE(*store_->load_session("other", kNow));
  EXPECT_EQ(1U, store_->live_sessions(kNow + 59s)->size());
  EXPECT_EQ(0U, store_->live_sessions(kNow + 60s)->size());
}

TEST_P(StoreTest, RemovedSessionsStayRemoved) {
  open();
  ASSERT_TRUE(store_->put_session(session("a")));
  ASSERT_TRUE(store_->put_session(session("b")));
  ASSERT_TRUE(store_->remove_session("a"));
  ASSERT_TRUE(store_->remove_session("unknown"));
  EXPECT_FALSE(*store_->load_session("a", kNow));
  const auto late = store_->put_session(session("a"));
  ASSERT_FALSE(late) << "a write that began before the log-out";
  EXPECT_EQ("store `" + database_->url() + "`: cannot store the session: it has been ended",
            late.error().message);
  EXPECT_FALSE(*store_->load_session("a", kNow));
  const auto live = store_->live_sessions(kNow);
  ASSERT_EQ(1U, live->size());
  EXPECT_EQ("b", live->front().nonce);
}

TEST_P(StoreTest, RevocationsSurviveConcurrentChanges) {
  open();
  const auto base = session("a");
  ASSERT_TRUE(store_->put_session(base));
  auto revoking = base;
  revoking.revocations = {{"aud-1", kNow + 10s}, {"aud-2", kNow + 10s}};
  ASSERT_TRUE(store_->put_session(revoking));
  auto checking = base;  // loaded before the revocation, stored after it
  checking.posture.front().managed = false;
  checking.revocations = {{"aud-2", kNow + 5s}, {"aud-3", kNow}};
  ASSERT_TRUE(store_->put_session(checking));
  const auto loaded = store_->load_session("a", kNow);
  ASSERT_TRUE(loaded && *loaded);
  EXPECT_EQ(false, (*loaded)->posture.front().managed);
  std::map<std::string, Instant> revoked;
  for (const auto& r : (*loaded)->revocations) revoked[r.audience] = r.issued_before;
  const std::map<std::string, Instant> expected = {
      {"aud-1", kNow + 10s}, {"aud-2", kNow + 10s}, {"aud-3", kNow}};
  EXPECT_EQ(expected, revoked);
}

TEST_P(StoreTest, UsersAreFoundByIdAndAddress) {
  open();
  ASSERT_TRUE(store_->sign_in_user("ann@example.com", "Ann", "id-1", kNow));
  ASSERT_TRUE(store_->sign_in_user("bob@example.com", "Bob", "id-2", kNow));
  for (const char* key : {"ann@example.com", "id-1"}) {
    const auto user = store_->find_user(key);
    ASSERT_TRUE(user && *user) << key;
    EXPECT_EQ("id-1", (*user)->id);
    EXPECT_EQ("ann@example.com", (*user)->email);
    EXPECT_EQ(kNow, (*user)->last_login_at);
  }
  for (const char* key : {"", "Ann", "ann@example", "id-3", "' OR 1=1"})
    EXPECT_EQ(false, store_->find_user(key)->has_value()) << key;
}

TEST_P(StoreTest, UsersOfAnAdministrator) {
  open();
  User made;
  made.id = "id-1";
  made.email = "ann@example.com";
  made.name = "Ann";
  made.created_at = kNow;
  made.updated_at = kNow;
  EXPECT_TRUE(*store_->add_user(made));
  EXPECT_FALSE(*store_->add_user(made));
  made.id = "id-2";
  EXPECT_FALSE(*store_->add_user(made)) << "the address is taken";
  made.email = "bob@example.com";
  EXPECT_TRUE(*store_->add_user(made));
  EXPECT_EQ(std::nullopt, (*store_->find_user("id-1"))->last_login_at);

  EXPECT_FALSE(*store_->change_user("id-1", "bob@example.com", "Ann", kNow + 5s));
  EXPECT_FALSE(*store_->change_user("id-3", "new@example.com", "New", kNow + 5s));
  EXPECT_TRUE(*store_->change_user("id-1", "ann@example.com", "Anna", kNow + 5s));
  EXPECT_TRUE(*store_->change_user("id-1", "anna@example.com", "Anna", kNow + 6s));
  const auto changed = *open().find_user("anna@example.com");
  ASSERT_TRUE(changed);
  EXPECT_EQ("id-1", changed->id);
  EXPECT_EQ("Anna", changed->name);
  EXPECT_EQ(kNow, changed->created_at);
  EXPECT_EQ(kNow + 6s, changed->updated_at);

  ASSERT_TRUE(store_->put_identity("id-1", "{\"email\":\"anna@example.com\"}"));
  ASSERT_TRUE(store_->put_identity("nobody", "{}"));
  const auto signed_in = store_->sign_in_user("anna@example.com", "", "id-9", kNow + 10s);
  EXPECT_EQ("id-1", signed_in->id);
  EXPECT_EQ(kNow + 10s, signed_in->last_login_at);
  EXPECT_EQ("{\"email\":\"anna@example.com\"}", signed_in->identity);

  EXPECT_TRUE(*store_->remove_user("id-1"));
  EXPECT_FALSE(*store_->remove_user("id-1"));
  EXPECT_FALSE(*store_->find_user("id-1"));
}

TEST_P(StoreTest, LongTextOfOutsiders) {
  open();
  const std::string longest(100'000, 'x');
  ASSERT_TRUE(store_->sign_in_user("ann@example.com", longest, "id-1", kNow));
  EXPECT_EQ(longest.substr(0, 1000), (*store_->find_user("id-1"))->name);
  ASSERT_TRUE(store_->put_identity("id-1", "\"" + longest + "\""));
  AuditEvent event;
  event.at = kNow;
  event.actor = longest;
  event.reason = longest;
  ASSERT_TRUE(store_->append_audit(event));
  EXPECT_EQ(longest.substr(0, 1000), store_->recent_audit(1)->at(0).actor);
  EXPECT_EQ(longest, store_->recent_audit(1)->at(0).reason);
}

TEST_P(StoreTest, UsersInPages) {
  open();
  for (const char* name : {"dora", "ann", "Carl_1", "bob%"})
    ASSERT_TRUE(store_->sign_in_user(ascii_lower(name) + "@example.com", name, name, kNow));
  struct Case {
    const char* what;
    UserQuery query;
    std::size_t total;
    std::vector<std::string> names;
  };
  const Case cases[] = {
      {"all", {}, 4, {"ann", "bob%", "Carl_1", "dora"}},
      {"a page", {.offset = 1, .limit = 2}, 4, {"bob%", "Carl_1"}},
      {"past the end", {.offset = 4}, 4, {}},
      {"name", {.name = "ann"}, 1, {"ann"}},
      {"name is exact", {.name = "Ann"}, 0, {}},
      {"address", {.email = "dora@example.com"}, 1, {"dora"}},
      {"part, any case", {.search = "ARL"}, 1, {"Carl_1"}},
      {"part of the address", {.search = "@example"}, 4, {"ann", "bob%", "Carl_1", "dora"}},
      {"a percent sign is itself", {.search = "%"}, 1, {"bob%"}},
      {"so is an underscore", {.search = "l_"}, 1, {"Carl_1"}},
      {"and the sign that escapes", {.search = "!"}, 0, {}},
      {"both", {.email = "ann@example.com", .search = "dora"}, 0, {}},
      {"not UTF-8", {.search = "\xff"}, 0, {}},
  };
  for (const auto& c : cases) {
    const auto page = store_->users(c.query);
    ASSERT_TRUE(page) << c.what << page.error().message;
    EXPECT_EQ(c.total, page->total) << c.what;
    std::vector<std::string> names;
    for (const User& user : page->items) names.push_back(user.name);
    EXPECT_EQ(c.names, names) << c.what;
  }
}

TEST_P(StoreTest, AnyLimit) {
  open();
  constexpr std::size_t kMost = std::numeric_limits<std::size_t>::max();
  ASSERT_TRUE(store_->sign_in_user("ann@example.com", "Ann", "id", kNow));
  ASSERT_TRUE(store_->put_session(session("a")));
  EXPECT_EQ(1U, store_->users({.limit = kMost})->items.size());
  EXPECT_EQ(0U, store_->users({.limit = 0})->items.size());
  EXPECT_EQ(1U, store_->users({.limit = 0})->total);
  EXPECT_EQ(0U, store_->users({.offset = kMost})->items.size());
  EXPECT_EQ(0U, store_->find_audit({.offset = kMost, .limit = kMost})->items.size());
  EXPECT_EQ(1U, store_->changes_since(1, kMost)->entries.size());
}

TEST_P(StoreTest, ApiTokens) {
  open();
  ApiToken token{"id-1",  "ci", "hash-1",   Role::HelpDesk, {"users", "audit"},
                 "ann@x", kNow, kNow + 60s, std::nullopt};
  EXPECT_TRUE(*store_->add_api_token(token));
  EXPECT_FALSE(*store_->add_api_token(token));
  token.id = "id-2";
  token.secret_hash = "hash-2";
  EXPECT_FALSE(*store_->add_api_token(token)) << "the name is taken";
  token.name = "backup";
  token.role = Role::Administrator;
  token.scopes.clear();
  token.expires_at = std::nullopt;
  EXPECT_TRUE(*store_->add_api_token(token));
  ASSERT_TRUE(store_->touch_api_token("id-2", kNow + 5s));

  const auto first = *open().find_api_token("hash-1");
  ASSERT_TRUE(first);
  EXPECT_EQ("id-1", first->id);
  EXPECT_EQ("ci", first->name);
  EXPECT_EQ(Role::HelpDesk, first->role);
  EXPECT_EQ((std::vector<std::string>{"users", "audit"}), first->scopes);
  EXPECT_EQ("ann@x", first->created_by);
  EXPECT_EQ(kNow, first->created_at);
  EXPECT_EQ(kNow + 60s, first->expires_at);
  EXPECT_EQ(std::nullopt, first->last_used_at);
  EXPECT_FALSE(*store_->find_api_token("hash-3"));
  EXPECT_FALSE(*store_->find_api_token(""));
  const auto all = store_->api_tokens();
  ASSERT_EQ(2U, all->size());
  EXPECT_EQ("id-1", (*all)[0].id);
  EXPECT_EQ("id-2", (*all)[1].id);
  EXPECT_EQ(std::nullopt, (*all)[1].expires_at);
  EXPECT_EQ(kNow + 5s, (*all)[1].last_used_at);
  EXPECT_TRUE(*store_->remove_api_token("id-1"));
  EXPECT_FALSE(*store_->remove_api_token("id-1"));
  EXPECT_FALSE(*store_->find_api_token("hash-1"));
}

TEST_P(StoreTest, TokenOfAnUnknownRoleIsAnError) {
  open();
  ASSERT_TRUE(*store_->add_api_token({"id", "n", "hash", Role::ReadOnly, {}, "a", kNow, {}, {}}));
  database_->run("UPDATE api_tokens SET role = 'emperor'");
  EXPECT_FALSE(store_->find_api_token("hash"));
  database_->run("UPDATE api_tokens SET role = 'read_only', scopes = '[1]'");
  EXPECT_FALSE(store_->find_api_token("hash"));
}

TEST(Roles, Names) {
  for (const Role role : {Role::Administrator, Role::ReadOnly, Role::HelpDesk})
    EXPECT_EQ(role, parse_role(to_string(role)));
  EXPECT_EQ("help_desk", to_string(Role::HelpDesk));
  EXPECT_EQ(std::nullopt, parse_role("root"));
  EXPECT_EQ(std::nullopt, parse_role(""));
}

TEST_P(StoreTest, TextThatNoRowHolds) {
  open();
  for (const std::string& odd :
       {std::string("a\0b", 3), std::string("\xff"), std::string("\xc3")}) {
    EXPECT_EQ(std::nullopt, *store_->find_user(odd));
    EXPECT_EQ(std::nullopt, *store_->load_session(odd, kNow));
    EXPECT_EQ(std::nullopt, *store_->find_revocation(RevocationKind::Token, odd, kNow));
    const auto refused = store_->consume_once(odd, kNow + 60s, kNow);
    ASSERT_FALSE(refused);
    EXPECT_EQ(prefix() + "cannot consume an id: the text is not valid UTF-8",
              refused.error().message);
    AuditEvent event;
    event.at = kNow;
    event.event = "refusal";
    event.actor = odd;
    event.details = {{"path", odd}};
    EXPECT_TRUE(store_->append_audit(event)) << "a record is kept";
  }
  const auto events = store_->recent_audit(9);
  ASSERT_TRUE(events) << events.error().message;
  ASSERT_EQ(3U, events->size());
  EXPECT_EQ("\xef\xbf\xbd", (*events)[1].actor);
  EXPECT_EQ(
      "a\xef\xbf\xbd"
      "b",
      (*events)[2].actor);
}

TEST_P(StoreTest, SessionsOfOneUser) {
  open();
  auto other = session("other");
  other.identity.user_id = "somebody-else";
  auto later = session("later", kNow + 7200s);
  for (const auto& one :
       {session("a"), session("ended", kNow + 9000s), session("old", kNow + 1s), later, other})
    ASSERT_TRUE(store_->put_session(one));
  ASSERT_TRUE(store_->remove_session("ended"));
  std::set<std::string> nonces;
  const auto found = store_->live_sessions_of(session("").identity.user_id, kNow + 1s);
  ASSERT_TRUE(found);
  for (const auto& one : *found) nonces.insert(one.nonce);
  EXPECT_EQ((std::set<std::string>{"a", "later"}), nonces);
  EXPECT_EQ(1U, store_->live_sessions_of("somebody-else", kNow)->size());
  EXPECT_EQ(0U, store_->live_sessions_of("nobody", kNow)->size());
  EXPECT_EQ(kNow + 7200s, *store_->last_session_end(kNow));
  EXPECT_EQ(std::nullopt, *store_->last_session_end(kNow + 7200s));
}

TEST_P(StoreTest, RevocationsByKindAndKey) {
  open();
  ASSERT_TRUE(store_->put_revocation({RevocationKind::Token, "x", kNow, kNow + 60s}));
  ASSERT_TRUE(store_->put_revocation({RevocationKind::Device, "x", kNow, std::nullopt}));
  ASSERT_TRUE(store_->put_revocation({RevocationKind::Application, "x", kNow + 5s, kNow + 60s}));
  const auto all = store_->revocations(kNow);
  ASSERT_TRUE(all);
  ASSERT_EQ(3U, all->size());
  EXPECT_EQ(RevocationKind::Application, (*all)[0].kind);
  EXPECT_EQ(kNow + 5s, (*all)[0].issued_before);
  EXPECT_EQ(kNow + 60s, (*all)[0].expires_at);
  EXPECT_EQ(RevocationKind::Device, (*all)[1].kind);
  EXPECT_EQ(std::nullopt, (*all)[1].expires_at);
  EXPECT_EQ(RevocationKind::Token, (*all)[2].kind);
  EXPECT_FALSE(*store_->find_revocation(RevocationKind::Device, "y", kNow));
  EXPECT_FALSE(*store_->find_revocation(RevocationKind::Device, "X", kNow));

  EXPECT_TRUE(*store_->remove_revocation(RevocationKind::Device, "x"));
  EXPECT_FALSE(*store_->remove_revocation(RevocationKind::Device, "x"));
  EXPECT_FALSE(*store_->find_revocation(RevocationKind::Device, "x", kNow));
  EXPECT_TRUE(*store_->find_revocation(RevocationKind::Token, "x", kNow));
}

TEST_P(StoreTest, TheLaterRevocationCounts) {
  open();
  const auto put = [&](Instant issued_before, Instant expires_at) {
    ASSERT_TRUE(
        store_->put_revocation({RevocationKind::Application, "aud", issued_before, expires_at}));
  };
  put(kNow + 10s, kNow + 100s);
  put(kNow + 5s, kNow + 200s);  // a clock that went back
  auto found = store_->find_revocation(RevocationKind::Application, "aud", kNow);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ(kNow + 10s, (*found)->issued_before);
  EXPECT_EQ(kNow + 200s, (*found)->expires_at);
  put(kNow + 20s, kNow + 150s);
  found = store_->find_revocation(RevocationKind::Application, "aud", kNow);
  EXPECT_EQ(kNow + 20s, (*found)->issued_before);
  EXPECT_EQ(1U, store_->revocations(kNow)->size());
}

TEST_P(StoreTest, RevocationsEndAtTheSecond) {
  open();
  ASSERT_TRUE(store_->put_revocation({RevocationKind::Token, "a", kNow, kNow + 60s}));
  ASSERT_TRUE(store_->put_revocation({RevocationKind::Device, "d", kNow, std::nullopt}));
  EXPECT_TRUE(*store_->find_revocation(RevocationKind::Token, "a", kNow + 59s));
  EXPECT_FALSE(*store_->find_revocation(RevocationKind::Token, "a", kNow + 60s));
  EXPECT_EQ(2U, store_->revocations(kNow + 59s)->size());
  EXPECT_EQ(1U, store_->revocations(kNow + 60s)->size());
  ASSERT_TRUE(store_->purge(kNow + 59s));
  EXPECT_EQ(2U, store_->revocations(kNow)->size());
  ASSERT_TRUE(store_->purge(kNow + 60s));
  EXPECT_EQ(1U, store_->revocations(kNow)->size());
  ASSERT_TRUE(store_->purge(kNow + std::chrono::years{50}));
  EXPECT_TRUE(*store_->find_revocation(RevocationKind::Device, "d", kNow)) << "until it is removed";
}

TEST_P(StoreTest, UnreadableSessionsAreAbsent) {
  open();
  ASSERT_TRUE(store_->put_session(session("a")));
  ASSERT_TRUE(store_->put_session(session("b")));
  database_->run(
      "UPDATE sessions SET document = '{\"from\":\"another version\"}' WHERE nonce = 'a'");
  const auto loaded = store_->load_session("a", kNow);
  ASSERT_TRUE(loaded);
  EXPECT_FALSE(*loaded);
  EXPECT_EQ(1U, store_->live_sessions(kNow)->size());
  EXPECT_TRUE(store_->put_session(session("a"))) << "a new sign-in replaces it";
}

TEST_P(StoreTest, ConsumedOnce) {
  open();
  EXPECT_EQ(true, store_->consume_once("a", kNow + 60s, kNow));
  EXPECT_EQ(false, store_->consume_once("a", kNow + 60s, kNow));
  EXPECT_EQ(false, store_->consume_once("a", kNow + 600s, kNow)) << "whatever expiry is given";
  EXPECT_EQ(true, store_->consume_once("b", kNow + 60s, kNow));
  EXPECT_EQ(false, open().consume_once("a", kNow + 60s, kNow + 59s)) << "after a restart";
  EXPECT_EQ(false, store_->consume_once("a", kNow + 120s, kNow + 61s)) << "expired, not purged";
  ASSERT_TRUE(store_->purge(kNow + 60s));
  EXPECT_EQ(false, store_->consume_once("a", kNow + 60s, kNow + 60s)) << "purged, but too late";
  EXPECT_EQ(true, store_->consume_once("c", kNow + 60s, kNow + 59s));
  EXPECT_EQ(false, store_->consume_once("d", kNow + 60s, kNow + 60s));
}

TEST_P(StoreTest, ConsumedOnceAmongThreadsAndStores) {
  open();
  auto second = open_store(database_->url());
  ASSERT_TRUE(second);
  std::atomic<int> won{0};
  std::atomic<int> failed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      Store& store = t % 2 == 0 ? *store_ : **second;
      for (int i = 0; i < 25; ++i) {
        const auto result = store.consume_once("id" + std::to_string(i), kNow + 60s, kNow);
        if (!result) ++failed;
        if (result && *result) ++won;
        if (!store.live_sessions(kNow)) ++failed;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(0, failed);
  EXPECT_EQ(25, won);
}

TEST_P(StoreTest, PinIsAcceptedOnce) {
  open();
  ASSERT_TRUE(store_->put_pin(pin("a", "right")));
  EXPECT_EQ(PinOutcome::Unknown, store_->try_pin("b", "browser", "right", kNow));
  EXPECT_EQ(PinOutcome::Unknown, store_->try_pin("a", "other", "right", kNow));
  EXPECT_EQ(PinOutcome::Wrong, store_->try_pin("a", "browser", "wrong", kNow));
  EXPECT_EQ(PinOutcome::Accepted, open().try_pin("a", "browser", "right", kNow + 599s));
  EXPECT_EQ(PinOutcome::Unknown, store_->try_pin("a", "browser", "right", kNow + 599s));
}

TEST_P(StoreTest, PinExpiresAtTheSecond) {
  open();
  ASSERT_TRUE(store_->put_pin(pin("a", "right")));
  EXPECT_EQ(PinOutcome::Expired, store_->try_pin("a", "browser", "right", kNow + 600s));
  EXPECT_EQ(PinOutcome::Accepted, store_->try_pin("a", "browser", "right", kNow + 599s));
}

TEST_P(StoreTest, PinAllowsFiveFailures) {
  open();
  ASSERT_TRUE(store_->put_pin(pin("a", "right")));
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(PinOutcome::Unknown, store_->try_pin("a", "other", "wrong", kNow)) << "not counted";
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(PinOutcome::Wrong, store_->try_pin("a", "browser", "wrong", kNow)) << i;
  ASSERT_TRUE(store_->put_pin(pin("b", "right")));
  EXPECT_EQ(PinOutcome::TooManyAttempts, store_->try_pin("a", "browser", "wrong", kNow));
  EXPECT_EQ(PinOutcome::TooManyAttempts, store_->try_pin("a", "browser", "right", kNow));
  EXPECT_EQ(PinOutcome::Accepted, store_->try_pin("b", "browser", "right", kNow)) << "another";
}

TEST_P(StoreTest, FourFailuresLeaveOneAttempt) {
  open();
  ASSERT_TRUE(store_->put_pin(pin("a", "right")));
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(PinOutcome::Wrong, store_->try_pin("a", "browser", "wrong", kNow));
  EXPECT_EQ(PinOutcome::Accepted, store_->try_pin("a", "browser", "right", kNow));
}

TEST_P(StoreTest, NewPinReplacesTheOldOneAndBothCount) {
  open();
  ASSERT_TRUE(store_->put_pin(pin("a", "old")));
  auto second = pin("a", "new");
  second.created_at = kNow + 30s;
  ASSERT_TRUE(store_->put_pin(second));
  EXPECT_EQ(PinOutcome::Wrong, store_->try_pin("a", "browser", "old", kNow + 30s));
  EXPECT_EQ(PinOutcome::Accepted, store_->try_pin("a", "browser", "new", kNow + 30s));
  EXPECT_EQ(PinOutcome::Unknown, store_->try_pin("a", "browser", "old", kNow + 30s));
  EXPECT_EQ(2, store_->pins_since("ann@example.com", kNow));
  EXPECT_EQ(1, store_->pins_since("ann@example.com", kNow + 1s));
  EXPECT_EQ(1, store_->pins_since("ann@example.com", kNow + 30s));
  EXPECT_EQ(0, store_->pins_since("ann@example.com", kNow + 31s));
  EXPECT_EQ(0, store_->pins_since("bob@example.com", kNow));
}

TEST_P(StoreTest, PinIsAcceptedOnceAmongThreads) {
  open();
  ASSERT_TRUE(store_->put_pin(pin("a", "right")));
  std::atomic<int> accepted{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      if (store_->try_pin("a", "browser", "right", kNow) == PinOutcome::Accepted) ++accepted;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(1, accepted);
}

TEST_P(StoreTest, SigningKeysNewestFirst) {
  open();
  const std::string sealed("\0\x01\xff", 3);
  ASSERT_TRUE(store_->add_signing_key({"old", "x", "cert", kNow - 60s}));
  ASSERT_TRUE(store_->add_signing_key({"first", sealed, "cert\n", kNow}));
  ASSERT_TRUE(store_->add_signing_key({"second", "y", "cert", kNow}));
  const auto twice = store_->add_signing_key({"old", "hush", "cert", kNow});
  ASSERT_FALSE(twice);
  EXPECT_EQ("store `" + database_->url() + "`: cannot store the signing key: constraint failed",
            twice.error().message);
  const auto keys = open().signing_keys();
  ASSERT_TRUE(keys);
  ASSERT_EQ(3U, keys->size());
  EXPECT_EQ("second", (*keys)[0].kid);
  EXPECT_EQ("first", (*keys)[1].kid);
  EXPECT_EQ(sealed, (*keys)[1].sealed_private_key);
  EXPECT_EQ("cert\n", (*keys)[1].certificate);
  EXPECT_EQ(kNow, (*keys)[1].created_at);
  EXPECT_EQ("old", (*keys)[2].kid);
}

TEST_P(StoreTest, RotationOfSigningKeys) {
  open();
  ASSERT_TRUE(store_->add_signing_key({"current", "x", "cert", kNow, std::nullopt}));
  ASSERT_TRUE(store_->add_signing_key({"successor", "y", "cert", kNow, std::nullopt}));
  const StoredSigningKey next{"next", "z", "cert", kNow + 60s, std::nullopt};
  auto other = open_or_abort(database_->url());
  EXPECT_FALSE(*store_->rotate_signing_keys("current", next, "current", kNow + 90s));
  EXPECT_EQ(2U, store_->signing_keys()->size());
  EXPECT_TRUE(*store_->rotate_signing_keys("successor", next, "current", kNow + 90s));
  EXPECT_FALSE(*other->rotate_signing_keys("successor", {"late", "z", "cert", kNow + 60s, {}},
                                           "current", kNow + 90s))
      << "another node was faster";
  const auto keys = other->signing_keys();
  ASSERT_EQ(3U, keys->size());
  EXPECT_EQ("next", (*keys)[0].kid);
  EXPECT_EQ(std::nullopt, (*keys)[0].retires_at);
  EXPECT_EQ("current", (*keys)[2].kid);
  EXPECT_EQ(kNow + 90s, (*keys)[2].retires_at);
}

TEST_P(StoreTest, ResealingIsAllOrNothing) {
  open();
  ASSERT_TRUE(store_->add_signing_key({"kid", "old-key", "cert", kNow, std::nullopt}));
  ASSERT_TRUE(store_->commit_resources(
      0,
      std::array{put("groups", "plain", "{}"), put("idps", "a", "{}", "api", "old-a"),
                 put("idps", "b", "{}", "api", "old-b")},
      std::nullopt, {}, kNow));
  const auto sealed = [&] {
    std::string all;
    const auto loaded = store_->load_resources();
    for (const auto& resource : loaded->resources) all += resource.sealed_secrets + ",";
    return all + store_->signing_keys()->at(0).sealed_private_key + "," +
           store_->find_value(kHashKeyValue)->value_or("none");
  };
  const auto failed = store_->reseal([](Store::Sealed what, std::string_view) {
    return what == Store::Sealed::ResourceSecrets ? std::optional<std::string>("new")
                                                  : std::nullopt;
  });
  ASSERT_FALSE(failed);
  EXPECT_EQ(",old-a,old-b,old-key,none", sealed());
  ASSERT_TRUE(store_->put_value(kHashKeyValue, "old-hash"));
  ASSERT_FALSE(store_->reseal([](Store::Sealed what, std::string_view) {
    return what == Store::Sealed::HashKey ? std::nullopt : std::optional<std::string>("new");
  }));
  EXPECT_EQ(",old-a,old-b,old-key,old-hash", sealed());
  EXPECT_EQ(1U, store_->load_resources()->sequence);
  const auto position = store_->changes_since(0, 1)->position;
  ASSERT_TRUE(store_->reseal([](Store::Sealed, std::string_view old) {
    return std::optional("new" + std::string(old.substr(3)));
  }));
  EXPECT_EQ(",new-a,new-b,new-key,new-hash", sealed());
  EXPECT_EQ(2U, store_->load_resources()->sequence) << "what was sealed before is not committed";
  EXPECT_EQ((std::vector<FeedEntry>{{position + 1, Topic::SigningKeys, ""}}),
            store_->changes_since(position, 10)->entries);
}

TEST_P(StoreTest, AuditNewestFirst) {
  open();
  for (int i = 0; i < 5; ++i) {
    AuditEvent event;
    event.at = kNow + std::chrono::seconds(i);
    event.event = "sign_in";
    event.actor = "ann@example.com";
    event.ip = "192.0.2.1";
    event.application = "app";
    event.reason = std::to_string(i);
    event.details = {{"n", i}, {"text", "a\"b\n"}};
    ASSERT_TRUE(store_->append_audit(event));
  }
  const auto events = open().recent_audit(3);
  ASSERT_TRUE(events) << events.error().message;
  ASSERT_EQ(3U, events->size());
  EXPECT_EQ("4", (*events)[0].reason);
  EXPECT_EQ("2", (*events)[2].reason);
  EXPECT_EQ(kNow + 4s, (*events)[0].at);
  EXPECT_EQ("192.0.2.1", (*events)[0].ip);
  EXPECT_EQ("app", (*events)[0].application);
  EXPECT_EQ("ann@example.com", (*events)[0].actor);
  EXPECT_EQ(json::value(json::object{{"n", 4}, {"text", "a\"b\n"}}),
            json::value((*events)[0].details));
  EXPECT_EQ(0U, store_->recent_audit(0)->size());
  EXPECT_EQ(0U, store_->recent_audit(-1)->size());
}

TEST_P(StoreTest, AuditByCondition) {
  open();
  const auto add = [&](int at, const char* event, const char* actor, const char* application,
                       const char* ip) {
    AuditEvent record;
    record.at = kNow + std::chrono::seconds(at);
    record.event = event;
    record.actor = actor;
    record.application = application;
    record.ip = ip;
    record.reason = std::to_string(at);
    ASSERT_TRUE(store_->append_audit(record));
  };
  add(0, "sign_in", "ann@example.com", "wiki", "192.0.2.1");
  add(1, "refusal", "bob@example.com", "wiki", "192.0.2.2");
  add(2, "sign_in", "bob@example.com", "mail", "192.0.2.1");
  add(4, "logout", "ann@example.net", "", "2001:db8::1");
  add(3, "sign_in", "system", "mail", "");
  struct Case {
    const char* what;
    AuditQuery query;
    std::size_t total;
    std::string reasons;
  };
  using Match = AuditQuery::Match;
  const Case cases[] = {
      {"all, newest first", {}, 5, "43210"},
      {"oldest first", {.oldest_first = true}, 5, "01234"},
      {"a page", {.offset = 1, .limit = 2}, 5, "32"},
      {"past the end", {.offset = 5}, 5, ""},
      {"of one kind", {.events = {"sign_in"}}, 3, "320"},
      {"of two kinds", {.events = {"logout", "refusal"}}, 2, "41"},
      {"of no such kind", {.events = {"x"}}, 0, ""},
      {"actor", {.actor = "bob@example.com"}, 2, "21"},
      {"not the actor", {.actor = "bob@example.com", .actor_match = Match::NotEqual}, 3, "430"},
      {"part of the actor", {.actor = "ANN@", .actor_match = Match::Contains}, 2, "40"},
      {"application", {.application = "wiki"}, 2, "10"},
      {"not the application",
       {.application = "wiki", .application_match = Match::NotEqual},
       3,
       "432"},
      {"part of it", {.application = "AI", .application_match = Match::Contains}, 2, "32"},
      {"address", {.ip = "192.0.2.1"}, 2, "20"},
      {"since, inclusive", {.since = kNow + 3s}, 2, "43"},
      {"until, exclusive", {.until = kNow + 1s}, 1, "0"},
      {"everything together",
       {.events = {"sign_in"},
        .actor = "bob@example.com",
        .ip = "192.0.2.1",
        .since = kNow + 2s,
        .until = kNow + 3s},
       1,
       "2"},
      {"not UTF-8", {.actor = "\xff"}, 0, ""},
      {"a wildcard is itself", {.actor = "%", .actor_match = Match::Contains}, 0, ""},
  };
  for (const auto& c : cases) {
    const auto page = store_->find_audit(c.query);
    ASSERT_TRUE(page) << c.what << ": " << page.error().message;
    EXPECT_EQ(c.total, page->total) << c.what;
    std::string reasons;
    for (const auto& event : page->items) reasons += event.reason;
    EXPECT_EQ(c.reasons, reasons) << c.what;
  }
}

// --- the feed -----------------------------------------------------------------------------------

// What stands after `position`, as text.
std::vector<std::string> changes(Store& store, std::uint64_t position, std::size_t limit = 100) {
  const auto feed = store.changes_since(position, limit);
  EXPECT_TRUE(feed) << (feed ? "" : feed.error().message);
  if (feed->gap) return {"gap"};
  std::vector<std::string> all;
  for (const auto& entry : feed->entries)
    all.push_back(std::to_string(static_cast<int>(entry.topic)) + " " + entry.key);
  return all;
}

TEST_P(StoreTest, CountersAreSummedOverNodesAndNeverTwice) {
  Store& store = open();
  const Instant hour = from_epoch_seconds(2'500'002'000);
  EXPECT_EQ(store.counted_position("a").value(), std::nullopt);
  const CountersToAdd first{"a",
                            {{hour, "deny", "", 3}, {hour, "refusal", "no_policy", 3}},
                            "position 1",
                            {{"token", kNow}}};
  ASSERT_TRUE(store.add_counters(first));
  ASSERT_TRUE(
      store.add_counters({"b", {{hour, "deny", "", 2}, {hour + 1h, "deny", "", 1}}, {}, {}}));
  ASSERT_TRUE(
      store.add_counters({"a", {{hour, "refusal", "other", 7}}, {}, {{"token", kNow - 1s}}}));
  EXPECT_EQ(store.counters(hour, hour + 2h).value(),
            (std::vector<Counter>{{hour, "deny", "", 5}, {hour + 1h, "deny", "", 1}}));
  EXPECT_EQ(store.counters(hour + 1s, hour + 1h).value(), std::vector<Counter>{});
  EXPECT_EQ(store.counters_by_key("refusal", hour, hour + 1h, 10).value(),
            (std::vector<KeyCount>{{"other", 7}, {"no_policy", 3}}));
  EXPECT_EQ(store.counters_by_key("refusal", hour, hour + 1h, 1).value(),
            (std::vector<KeyCount>{{"other", 7}}));
  EXPECT_EQ(store.counters_by_key("deny", hour, hour + 1h, 1).value(), std::vector<KeyCount>{});
  EXPECT_EQ(store.counted_position("a").value(), "position 1");
  EXPECT_EQ(store.counted_position("b").value(), std::nullopt);
  EXPECT_EQ(store.service_token_uses().value(), (std::map<std::string, Instant>{{"token", kNow}}));
  ASSERT_TRUE(store.purge(hour + std::chrono::days{90}));
  EXPECT_EQ(store.counters(hour, hour + 2h).value().size(), 2U);
  ASSERT_TRUE(store.purge(hour + std::chrono::days{90} + 1s));
  EXPECT_EQ(store.counters(hour, hour + 2h).value(),
            (std::vector<Counter>{{hour + 1h, "deny", "", 1}}));
}

TEST_P(StoreTest, TrialsChangeFromTheStateTheyAreIn) {
  Store& store = open();
  const Trial trial{"t1", "ann", "waiting", kNow, kNow + 900s, "{}"};
  ASSERT_TRUE(store.add_trial(trial, 2).value());
  ASSERT_TRUE(store.add_trial({"t2", "bob", "waiting", kNow, kNow + 1s, "{}"}, 2).value());
  EXPECT_FALSE(store.add_trial({"t3", "bob", "waiting", kNow, kNow + 900s, "{}"}, 2).value());
  EXPECT_TRUE(store.add_trial({"t3", "bob", "waiting", kNow + 1s, kNow + 900s, "{}"}, 2).value());
  EXPECT_TRUE(store.change_trial("t1", "waiting", "running", "{\"a\":1}", kNow).value());
  EXPECT_FALSE(store.change_trial("t1", "waiting", "running", "{}", kNow).value());
  EXPECT_FALSE(store.change_trial("t1", "running", "failed", "{}", kNow + 900s).value());
  const auto found = store.find_trial("t1", kNow + 899s).value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->state, "running");
  EXPECT_EQ(found->owner, "ann");
  EXPECT_EQ(found->document, "{\"a\":1}");
  EXPECT_EQ(found->created_at, kNow);
  EXPECT_EQ(found->expires_at, kNow + 900s);
  EXPECT_FALSE(store.find_trial("t1", kNow + 900s).value());
  EXPECT_FALSE(store.find_trial("t9", kNow).value());
}

TEST_P(StoreTest, SessionsByPageAndByUser) {
  Store& store = open();
  const auto put = [&](const std::string& nonce, const std::string& user, Instant end) {
    auto made = session(nonce, end);
    made.identity.user_id = user;
    ASSERT_TRUE(store.put_session(made));
  };
  ASSERT_TRUE(store.add_user({"u1", "ann@example.com", "Ann Bell", kNow, {}, kNow, ""}).value());
  ASSERT_TRUE(store.add_user({"u2", "bob@example.com", "", kNow, {}, kNow, ""}).value());
  put("n1", "u1", kNow + 10s);
  put("n2", "u2", kNow + 20s);
  put("n3", "u1", kNow + 30s);
  put("n4", "u1", kNow);  // over
  const auto nonces = [&](std::string_view search, std::size_t offset, std::size_t limit) {
    const auto page = store.find_live_sessions(search, offset, limit, kNow).value();
    std::string names = std::to_string(page.total);
    for (const auto& one : page.items) names += " " + one.nonce;
    return names;
  };
  EXPECT_EQ(nonces("", 0, 10), "3 n3 n2 n1");
  EXPECT_EQ(nonces("", 1, 1), "3 n2");
  EXPECT_EQ(nonces("ANN@", 0, 10), "2 n3 n1");
  EXPECT_EQ(nonces("bell", 0, 1), "2 n3");
  EXPECT_EQ(nonces("%", 0, 10), "0");
  const std::vector<std::string> users{"u1", "u2", "u3"};
  EXPECT_EQ(store.count_live_sessions(users, kNow).value(),
            (std::map<std::string, std::size_t>{{"u1", 2}, {"u2", 1}}));
  EXPECT_TRUE(store.count_live_sessions({}, kNow).value().empty());
  std::set<std::string> visited;
  ASSERT_TRUE(store.visit_live_sessions(
      kNow, [&](const model::Session& one) { visited.insert(one.nonce); }));
  EXPECT_EQ(visited, (std::set<std::string>{"n1", "n2", "n3"}));
}

TEST_P(StoreTest, FeedTellsWhatChanged) {
  open();
  auto other = open_or_abort(database_->url());
  const auto start = other->changes_since(0, 10);
  ASSERT_TRUE(start) << start.error().message;
  EXPECT_NE(0U, start->position);
  EXPECT_TRUE(start->entries.empty());
  EXPECT_FALSE(start->gap);
  EXPECT_TRUE(changes(*other, start->position).empty());

  ASSERT_TRUE(store_->put_session(session("nonce")));
  ASSERT_TRUE(store_->commit_resources(
      0, std::array{put("groups", "a", "{}"), removal("groups", "never"), put("lists", "b", "{}")},
      std::nullopt, {}, kNow));
  ASSERT_FALSE(
      store_->commit_resources(0, std::array{put("groups", "z", "{}")}, {}, {}, kNow)->applied);
  ASSERT_TRUE(store_->put_revocation({RevocationKind::Token, "jti", kNow, std::nullopt}));
  ASSERT_TRUE(*store_->remove_revocation(RevocationKind::Token, "jti"));
  ASSERT_FALSE(*store_->remove_revocation(RevocationKind::Token, "jti"));
  ASSERT_TRUE(store_->add_signing_key({"kid", "x", "cert", kNow, std::nullopt}));
  ASSERT_TRUE(*store_->rotate_signing_keys("kid", {"kid2", "x", "cert", kNow, {}}, "kid", kNow));
  ASSERT_TRUE(store_->remove_session("nonce"));
  ASSERT_TRUE(store_->remove_session("nonce"));
  ASSERT_TRUE(store_->remove_session("unknown"));
  // What no node keeps a copy of leaves no entry.
  ASSERT_TRUE(store_->consume_once("x", kNow + 60s, kNow));
  ASSERT_TRUE(store_->sign_in_user("ann@example.com", "", "id", kNow));
  EXPECT_EQ((std::vector<std::string>{"1 nonce", "0 groups/a", "0 lists/b", "2 token/jti",
                                      "2 token/jti", "3 ", "3 ", "1 nonce"}),
            changes(*other, start->position));

  // In pieces.
  std::vector<FeedEntry> pieces;
  auto position = start->position;
  for (;;) {
    const auto piece = other->changes_since(position, 3);
    ASSERT_TRUE(piece);
    position = piece->position;
    if (piece->entries.empty()) break;
    pieces.insert(pieces.end(), piece->entries.begin(), piece->entries.end());
  }
  EXPECT_EQ(other->changes_since(start->position, 100)->entries, pieces);
  EXPECT_EQ(other->changes_since(0, 1)->position, position);
  EXPECT_EQ((std::vector<std::string>{"gap"}), changes(*other, position + 1)) << "another database";
}

TEST_P(StoreTest, FeedIsInTheOrderOfCommits) {
  open();
  auto other = open_or_abort(database_->url());
  constexpr int kEach = 30;
  const auto start = store_->changes_since(0, 1)->position;
  std::atomic<int> running{4};
  std::atomic<int> failed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      Store& store = t % 2 == 0 ? *store_ : *other;
      for (int i = 0; i < kEach; ++i) {
        if (!store.put_session(session(std::to_string(t) + "-" + std::to_string(i)))) ++failed;
      }
      --running;
    });
  }
  // A reader that always goes on from where it stands misses nothing.
  std::set<std::string> seen;
  auto position = start;
  for (bool last = false; !last;) {
    last = running == 0;
    const auto feed = other->changes_since(position, 7);
    if (!feed) break;
    for (const auto& entry : feed->entries) seen.insert(entry.key);
    if (feed->position != position) last = false;
    position = feed->position;
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(0, failed);
  EXPECT_EQ(4U * kEach, seen.size());
}

TEST_P(StoreTest, WaitingForAChange) {
  open();
  EXPECT_FALSE(store_->wait_for_change(0ms));
  EXPECT_FALSE(store_->wait_for_change(10ms));
  ASSERT_TRUE(store_->put_session(session("before")));
  EXPECT_TRUE(store_->wait_for_change(10s)) << "what came before the call is not missed";
  EXPECT_FALSE(store_->wait_for_change(10ms)) << "and told once";
  ASSERT_TRUE(store_->consume_once("x", kNow + 60s, kNow));
  EXPECT_FALSE(store_->wait_for_change(10ms)) << "nobody keeps a copy of that";
  std::thread writer([&] { ASSERT_TRUE(store_->put_session(session("during"))); });
  EXPECT_TRUE(store_->wait_for_change(10s));
  writer.join();
}

TEST_P(StoreTest, FeedIsPurgedAfterAnHour) {
  open();
  const auto start = store_->changes_since(0, 1)->position;
  ASSERT_TRUE(store_->put_session(session("old", kNow + 9h)));
  const auto middle = store_->changes_since(start, 10)->position;
  ASSERT_TRUE(store_->purge(kNow));
  ASSERT_TRUE(store_->put_session(session("new", kNow + 9h)));
  ASSERT_TRUE(store_->purge(kNow + 1h - 1s));
  EXPECT_EQ((std::vector<std::string>{"1 old", "1 new"}), changes(*store_, start));
  ASSERT_TRUE(store_->purge(kNow + 1h));
  EXPECT_EQ((std::vector<std::string>{"gap"}), changes(*store_, start));
  EXPECT_EQ((std::vector<std::string>{"1 new"}), changes(*store_, middle));
  ASSERT_TRUE(store_->purge(kNow + 2h));
  EXPECT_EQ((std::vector<std::string>{"gap"}), changes(*store_, middle));
  const auto end = store_->changes_since(0, 1)->position;
  EXPECT_TRUE(changes(*store_, end).empty());
  EXPECT_GT(end, middle);
}

TEST_P(StoreTest, AuditIsKeptFor400Days) {
  open();
  AuditEvent event;
  event.at = kNow;
  ASSERT_TRUE(store_->append_audit(event));
  ASSERT_TRUE(store_->purge(kNow + std::chrono::days(400)));
  EXPECT_EQ(1U, store_->recent_audit(1)->size());
  ASSERT_TRUE(store_->purge(kNow + std::chrono::days(400) + 1s));
  EXPECT_EQ(0U, store_->recent_audit(1)->size());
}

TEST_P(StoreTest, PurgeTakesWhatHasExpired) {
  open();
  ASSERT_TRUE(store_->put_session(session("gone", kNow + 60s)));
  ASSERT_TRUE(store_->put_session(session("ended", kNow + 61s)));
  ASSERT_TRUE(store_->put_session(session("kept", kNow + 61s)));
  ASSERT_TRUE(store_->remove_session("ended"));
  ASSERT_TRUE(store_->put_pin(pin("a", "right")));
  ASSERT_TRUE(store_->purge(kNow + 60s));
  EXPECT_TRUE(store_->put_session(session("gone"))) << "the row is gone";
  EXPECT_FALSE(store_->put_session(session("ended"))) << "still remembered";
  EXPECT_TRUE(*store_->load_session("kept", kNow + 60s));
  ASSERT_TRUE(store_->purge(kNow + 23h));
  EXPECT_EQ(1, store_->pins_since("ann@example.com", kNow));
  ASSERT_TRUE(store_->purge(kNow + 24h));
  EXPECT_EQ(0, store_->pins_since("ann@example.com", kNow));
}

// --- crashes ------------------------------------------------------------------------------------

// Writes without end and says in the pipe which number has been acknowledged.
[[noreturn]] void write_until_killed(const std::string& url, int first, int pipe) {
  auto opened = open_store(url);
  if (!opened) ::_exit(1);
  Store& store = **opened;
  for (int i = first;; ++i) {
    const std::string id = std::to_string(i);
    AuditEvent event;
    event.at = kNow;
    event.reason = id;
    const auto consumed = store.consume_once(id, kNow + 60s, kNow);
    if (!consumed || !*consumed || !store.put_session(session(id)) || !store.append_audit(event))
      ::_exit(1);
    if (::write(pipe, &i, sizeof i) != sizeof i) ::_exit(1);
  }
}

TEST_P(StoreTest, AcknowledgedWritesSurviveKill) {
  constexpr int kRounds = 20;
  int first = 0;
  for (int round = 0; round < kRounds; ++round) {
    std::array<int, 2> pipe{};
    ASSERT_EQ(0, ::pipe(pipe.data()));
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(pipe[0]);
      write_until_killed(database_->url(), first, pipe[1]);
    }
    ::close(pipe[1]);
    int number = 0;
    // A different moment each round, and what the child had still said by then.
    for (int i = 0; i < 3 + round * 2; ++i)
      ASSERT_EQ(static_cast<ssize_t>(sizeof number), ::read(pipe[0], &number, sizeof number));
    ASSERT_EQ(0, ::kill(child, SIGKILL));
    int acknowledged = number;
    while (::read(pipe[0], &number, sizeof number) == static_cast<ssize_t>(sizeof number))
      acknowledged = number;
    ::close(pipe[0]);
    int status = 0;
    ASSERT_EQ(child, ::waitpid(child, &status, 0));
    ASSERT_TRUE(WIFSIGNALED(status));

    Store& store = open();
    std::set<std::string> audited;
    const auto events = store.recent_audit(1'000'000);
    ASSERT_TRUE(events) << events.error().message;
    for (const auto& event : *events) audited.insert(event.reason);
    for (int i = first; i <= acknowledged; ++i) {
      const std::string id = std::to_string(i);
      EXPECT_EQ(false, store.consume_once(id, kNow + 60s, kNow)) << "round " << round << " " << i;
      EXPECT_TRUE(*store.load_session(id, kNow)) << "round " << round << " " << i;
      EXPECT_TRUE(audited.contains(id)) << "round " << round << " " << i;
    }
    store_.reset();
    // Writes that nobody acknowledged may be there: no number is used twice.
    first = acknowledged + 1000;
  }
}

}  // namespace
}  // namespace gatehouse::storage
