// From the schemas of earlier versions, and from a later one.
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "storage/soci/migrations.h"
#include "storage/test_databases.h"

namespace gatehouse::storage {
namespace {

using namespace std::chrono_literals;

constexpr Instant kNow = from_epoch_seconds(2'500'000'000);

std::string open_error(const std::string& url) {
  const auto opened = open_store(url);
  return opened ? "" : opened.error().message;
}

TEST(Migrations, FromTheFirstTwoSchemas) {
  for (const int version : {1, 2}) {
    auto database = make_database(EngineKind::Sqlite);
    make_old_sqlite_schema(*database, version);
    database->run(R"(
      INSERT INTO resources VALUES (1, 7, '{"organization":{"name":"Example"},
        "groups":[{"id":"g2","name":"b"},{"id":"g1","name":"a"}],"lists":[],
        "applications":[{"id":"app","domain":"wiki.example.com"}],
        "ingress":[{"hostname":"wiki.example.com"},{"service":"http_status:404"}]}',
        'c2VhbGVk', 2400000000);
      INSERT INTO users VALUES ('id-1', 'ann@example.com', 'Ann', 2300000000, 2400000000);
      INSERT INTO signing_keys (kid, sealed_private_key, certificate, created_at)
        VALUES ('kid', 'eA==', 'cert', 2400000000);
      INSERT INTO audit (at, event, actor, ip, application, reason, details)
        VALUES (2400000000, 'sign_in', 'ann@example.com', '', '', '', '{}');
      INSERT INTO consumed VALUES ('used', 2600000000);
    )");
    if (version == 2) database->run("INSERT INTO revocations VALUES ('device', 'd', 1, NULL)");
    const auto store = open_or_abort(database->url());
    const auto loaded = store->load_resources();
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(7U, loaded->sequence);
    std::vector<std::string> rows;
    for (const StoredResource& row : loaded->resources) {
      rows.push_back(row.kind + "/" + row.id + " " + row.document + " " + row.sealed_secrets);
      EXPECT_EQ("file", row.origin);
      EXPECT_EQ(from_epoch_seconds(2'400'000'000), row.created_at);
      EXPECT_EQ(from_epoch_seconds(2'400'000'000), row.updated_at);
    }
    EXPECT_EQ((std::vector<std::string>{
                  R"(organization/organization {"name":"Example"} )",
                  R"(groups/g2 {"id":"g2","name":"b"} )", R"(groups/g1 {"id":"g1","name":"a"} )",
                  R"(applications/app {"id":"app","domain":"wiki.example.com"} )",
                  R"(ingress/ingress {"rules":[{"hostname":"wiki.example.com"},)"
                  R"({"service":"http_status:404"}]} )",
                  "sealed_secrets/legacy {} sealed"}),
              rows);
    const auto user = *store->find_user("ann@example.com");
    ASSERT_TRUE(user);
    EXPECT_EQ(from_epoch_seconds(2'300'000'000), user->created_at);
    EXPECT_EQ(from_epoch_seconds(2'400'000'000), user->last_login_at);
    EXPECT_EQ(from_epoch_seconds(2'400'000'000), user->updated_at);
    EXPECT_EQ("", user->identity);
    EXPECT_EQ("x", store->signing_keys()->at(0).sealed_private_key);
    EXPECT_EQ(std::nullopt, store->signing_keys()->at(0).retires_at);
    EXPECT_EQ(1U, store->find_audit({.actor = "ann@example.com"})->total);
    EXPECT_EQ(false, *store->consume_once("used", kNow + 60s, kNow));
    EXPECT_EQ(version == 2 ? 1U : 0U, store->revocations(kNow)->size());
    EXPECT_TRUE(store->commit_resources(7, {}, "digest", {}, kNow)->applied);
  }
}

TEST(Migrations, WithoutResourcesAndSecrets) {
  auto database = make_database(EngineKind::Sqlite);
  make_old_sqlite_schema(*database, 2);
  const auto store = open_or_abort(database->url());
  EXPECT_EQ(0U, store->load_resources()->sequence);
  EXPECT_TRUE(store->load_resources()->resources.empty());
}

TEST(Migrations, WhatCannotBeTakenApartStaysAsItWas) {
  struct Case {
    const char* document;
    const char* error;
  };
  const Case cases[] = {
      {"[]", "the stored resources are not a JSON object"},
      {"{", "the stored resources are not a JSON object"},
      {R"({"groups":[{"name":"a"}]})", "a member of `groups` in the stored resources has no id"},
      {R"({"groups":"a"})", "`groups` in the stored resources is neither an object nor a list"},
      {R"({"groups":[{"id":"a"},{"id":"a"}]})", "constraint failed"},
  };
  for (const auto& c : cases) {
    auto database = make_database(EngineKind::Sqlite);
    make_old_sqlite_schema(*database, 2);
    database->run("INSERT INTO resources VALUES (1, 7, '" + std::string(c.document) + "', '', 1)");
    EXPECT_EQ("cannot open store `" + database->url() + "`: " + c.error,
              open_error(database->url()));
    EXPECT_EQ("2", database->ask("SELECT version FROM schema_version"));
    EXPECT_EQ(c.document, database->ask("SELECT document FROM resources"));
  }
}

class NewerTest : public ::testing::TestWithParam<EngineKind> {};
INSTANTIATE_TEST_SUITE_P(Engines, NewerTest,
                         ::testing::Values(EngineKind::Sqlite, EngineKind::Postgresql));

TEST_P(NewerTest, NewerSchemaIsRefused) {
  auto database = make_database(GetParam());
  static_cast<void>(open_or_abort(database->url()));
  const int newest = newest_schema();
  database->run("UPDATE schema_version SET version = " + std::to_string(newest + 1));
  EXPECT_EQ("cannot open store `" + database->url() +
                "`: it was written by a newer version of gatehouse (schema " +
                std::to_string(newest + 1) + "; this one knows up to " + std::to_string(newest) +
                "): start that version, or restore a backup that this version made",
            open_error(database->url()));
  database->run("UPDATE schema_version SET version = " + std::to_string(newest));
  EXPECT_EQ("", open_error(database->url())) << "nothing was changed";
}

TEST_P(NewerTest, DatabasesOfOtherProgramsAreNotTouched) {
  auto database = make_database(GetParam());
  database->run("CREATE TABLE theirs (a INT)");
  EXPECT_EQ("cannot open store `" + database->url() + "`: the database belongs to another program",
            open_error(database->url()));
  database->run("INSERT INTO theirs VALUES (1)");
}

TEST_P(NewerTest, SeveralStartAtOnce) {
  auto database = make_database(GetParam());
  std::vector<std::thread> threads;
  std::vector<std::string> errors(4);
  for (std::string& error : errors)
    threads.emplace_back([&] { error = open_error(database->url()); });
  for (auto& thread : threads) thread.join();
  for (const std::string& error : errors) EXPECT_EQ("", error);
  EXPECT_EQ(std::to_string(newest_schema()), database->ask("SELECT version FROM schema_version"));
}

}  // namespace
}  // namespace gatehouse::storage
