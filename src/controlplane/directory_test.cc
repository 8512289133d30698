#include "controlplane/directory.h"

#include <gtest/gtest.h>

#include "controlplane/test_support.h"
#include "platform/random.h"

namespace gatehouse::controlplane {
namespace {

using std::chrono::hours;
using test::kStart;
using test::TestGateway;

const Actor kAdmin{"admin", "192.0.2.9", "reference"};

model::Session session_of(const storage::User& user, Instant created_at) {
  model::Session session;
  session.nonce = random_base64url(32);
  session.identity.user_id = user.id;
  session.identity.email = user.email;
  session.identity.login_method = "corp";
  session.identity.groups = {"staff"};
  session.identity.groups_known = true;
  session.created_at = created_at;
  session.expires_at = created_at + hours{1};
  return session;
}

TEST(Directory, WhatWasSeenLastIsKeptWithoutNonceAndEvidence) {
  storage::User user;
  user.id = "u";
  user.email = "ada@example.com";
  auto session = session_of(user, kStart);
  session.posture.push_back({});
  const auto text = write_last_seen({{"email", "ada@example.com"}}, session);
  EXPECT_EQ(text.find(session.nonce), std::string::npos);
  const auto seen = read_last_seen(text);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->document.at("email"), "ada@example.com");
  EXPECT_EQ(seen->session.identity.groups, session.identity.groups);
  EXPECT_TRUE(seen->session.identity.groups_known);
  EXPECT_TRUE(seen->session.posture.empty());
  for (const auto* broken :
       {"", "x", "[]", "{}", R"({"document": {}})", R"({"document": {}, "session": {}})",
        R"({"document": 1, "session": 1})"})
    EXPECT_FALSE(read_last_seen(broken)) << broken;
}

TEST(Directory, TheFreshestKnowledgeIsJudged) {
  TestGateway gateway;
  gateway.apply(test::sample_document());
  auto& context = gateway.context();
  const auto made = add_user(context, kAdmin, "Ada@example.com", "Ada").value();
  EXPECT_EQ(made.email, "ada@example.com");
  auto judged = session_to_judge(context, made).value();
  EXPECT_EQ(judged.identity.email, "ada@example.com");
  EXPECT_FALSE(judged.identity.groups_known) << "never signed in";

  const auto ended = session_of(made, kStart - hours{1});
  ASSERT_TRUE(gateway.store->put_identity(made.id, write_last_seen({}, ended)));
  judged = session_to_judge(context, find_user(context, made.id).value()).value();
  EXPECT_TRUE(judged.identity.groups_known) << "of the last sign-in";

  for (const auto age : {std::chrono::minutes{0}, std::chrono::minutes{30}}) {
    auto live = session_of(made, kStart - age);
    live.identity.login_method = age.count() == 0 ? "newest" : "older";
    ASSERT_TRUE(context.sessions.create(live));
  }
  judged = session_to_judge(context, made).value();
  EXPECT_EQ(judged.identity.login_method, "newest");
  EXPECT_FALSE(judged.nonce.empty());
}

TEST(Directory, Refusals) {
  TestGateway gateway;
  gateway.apply(test::sample_document());
  auto& context = gateway.context();
  const auto ada = add_user(context, kAdmin, "ada@example.com", "").value();
  const auto bob = add_user(context, kAdmin, "bob@example.com", "").value();
  EXPECT_EQ(add_user(context, kAdmin, "ADA@example.com", "").error(), DirectoryError::AddressTaken);
  EXPECT_EQ(add_user(context, kAdmin, "ada", "").error(), DirectoryError::BadAddress);
  EXPECT_EQ(add_user(context, kAdmin, "c@example.com", "\xff").error(), DirectoryError::BadName);
  EXPECT_EQ(change_user(context, kAdmin, ada.id, "bob@example.com", "").error(),
            DirectoryError::AddressTaken);
  EXPECT_EQ(change_user(context, kAdmin, "nobody", "c@example.com", "").error(),
            DirectoryError::NoSuchUser);
  EXPECT_EQ(remove_user(context, kAdmin, "nobody").error(), DirectoryError::NoSuchUser);
  EXPECT_EQ(find_user(context, "bob@example.com").error(), DirectoryError::NoSuchUser)
      << "by id alone";
  EXPECT_EQ(find_user(context, bob.id)->updated_at, kStart);
  const auto changes = [&] {
    std::size_t count = 0;
    for (const auto& event : gateway.audit("resource_changed"))
      if (event.details.at("kind") == "user") ++count;
    return count;
  };
  EXPECT_EQ(changes(), 2U);
  EXPECT_TRUE(change_user(context, kAdmin, bob.id, "BOB@example.com", ""));
  EXPECT_EQ(changes(), 2U) << "nothing has changed";
}

}  // namespace
}  // namespace gatehouse::controlplane
