#include "controlplane/evaluation_answer.h"

#include <gtest/gtest.h>

#include "controlplane/evaluation.h"
#include "jose/jwt.h"

namespace gatehouse::controlplane {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr Instant kNow = from_epoch_seconds(1'800'000'000);
constexpr std::string_view kNonce = "the-nonce";

const jose::PrivateKey& own_key() {
  static const jose::PrivateKey key = jose::PrivateKey::generate_rsa();
  return key;
}
const jose::PrivateKey& other_key() {
  static const jose::PrivateKey key = jose::PrivateKey::generate_rsa();
  return key;
}

jose::JwkSet keys() {
  auto jwk = own_key().public_key().to_jwk();
  jwk["kid"] = "1";
  return jose::JwkSet::parse(json::object{{"keys", json::array{jwk}}}).value();
}

struct Case {
  const char* name;
  json::object changes;  // over a good answer; null removes one
  std::expected<bool, EvaluationError> expected;
};

TEST(EvaluationAnswer, CountsWhenEveryClaimIsInOrder) {
  const auto at = [](seconds offset) { return json::value(to_epoch_seconds(kNow + offset)); };
  const auto fail = [](EvaluationError error) { return std::unexpected(error); };
  const std::vector<Case> cases{
      {"yes", {}, true},
      {"no", {{"success", false}}, false},
      {"success as text", {{"success", "true"}}, fail(EvaluationError::ClaimMissing)},
      {"success as number", {{"success", 1}}, fail(EvaluationError::ClaimMissing)},
      {"no success", {{"success", nullptr}}, fail(EvaluationError::ClaimMissing)},
      {"another nonce", {{"nonce", "another"}}, fail(EvaluationError::WrongNonce)},
      {"no nonce", {{"nonce", nullptr}}, fail(EvaluationError::ClaimMissing)},
      {"an empty nonce", {{"nonce", ""}}, fail(EvaluationError::WrongNonce)},
      {"the last second", {{"exp", at(seconds{1})}}, true},
      {"expired", {{"exp", at(seconds{0})}}, fail(EvaluationError::Expired)},
      {"long expired", {{"exp", at(seconds{-60})}}, fail(EvaluationError::Expired)},
      {"no exp", {{"exp", nullptr}}, fail(EvaluationError::ClaimMissing)},
      {"no iat", {{"iat", nullptr}}, fail(EvaluationError::ClaimMissing)},
      {"a clock ahead", {{"iat", at(seconds{30})}}, true},
      {"from the future", {{"iat", at(seconds{31})}}, fail(EvaluationError::WrongTime)},
      {"a clock behind", {{"iat", at(seconds{-90})}}, true},
      {"made long ago", {{"iat", at(seconds{-91})}}, fail(EvaluationError::WrongTime)},
  };
  for (const auto& test : cases) {
    json::object claims{
        {"success", true}, {"nonce", kNonce}, {"iat", at(seconds{0})}, {"exp", at(seconds{60})}};
    for (const auto& [key, value] : test.changes) {
      if (value.is_null())
        claims.erase(key);
      else
        claims[key] = value;
    }
    const json::object body{
        {"token", jose::sign_jwt(claims, own_key(), jose::Algorithm::RS256, "1")}};
    EXPECT_EQ(read_evaluation(json::serialize(body), keys(), kNonce, kNow), test.expected)
        << test.name;
  }
}

TEST(EvaluationAnswer, CountsOnlyFromTheEvaluatorsKey) {
  const json::object claims{{"success", true},
                            {"nonce", kNonce},
                            {"iat", to_epoch_seconds(kNow)},
                            {"exp", to_epoch_seconds(kNow) + 60}};
  const auto read = [&](const std::string& token) {
    return read_evaluation(json::serialize(json::object{{"token", token}}), keys(), kNonce, kNow);
  };
  const auto signed_by = [&](const jose::PrivateKey& key, std::string_view kid,
                             jose::Algorithm algorithm = jose::Algorithm::RS256) {
    return jose::sign_jwt(claims, key, algorithm, kid);
  };
  EXPECT_EQ(read(signed_by(own_key(), "1")), true);
  EXPECT_EQ(read(signed_by(other_key(), "1")), std::unexpected(EvaluationError::BadSignature));
  EXPECT_EQ(read(signed_by(own_key(), "2")), std::unexpected(EvaluationError::UnknownKey));
  EXPECT_EQ(read(signed_by(own_key(), "")), std::unexpected(EvaluationError::KeyMissing));
  EXPECT_EQ(read(signed_by(own_key(), "1", jose::Algorithm::RS512)),
            std::unexpected(EvaluationError::WrongAlgorithm));
}

TEST(EvaluationAnswer, AnythingElseIsMalformed) {
  for (const std::string_view body :
       {"", "{}", "[]", "null", R"({"token":1})", R"({"token":""})", R"({"token":"a.b.c"})",
        R"({"success":true})", R"({"token":"x","token":"y"})", "\xff"})
    EXPECT_EQ(read_evaluation(body, keys(), kNonce, kNow),
              std::unexpected(EvaluationError::Malformed))
        << body;
  EXPECT_EQ(read_evaluation(R"({"token":")" + std::string(kMaxEvaluationAnswerBytes, 'a') + "\"}",
                            keys(), kNonce, kNow),
            std::unexpected(EvaluationError::Malformed));
}

TEST(EvaluationAnswer, TheQuestionLivesAMinute) {
  const auto claims = evaluation_claims({{"email", "a@b.c"}}, kNonce, kNow);
  EXPECT_EQ(claims.at("identity").at("email").as_string(), "a@b.c");
  EXPECT_EQ(claims.at("nonce").as_string(), kNonce);
  EXPECT_EQ(claims.at("exp").as_int64() - claims.at("iat").as_int64(), 60);
}

TEST(EvaluationDue, AtHalfOfItsAgeAndSoonAfterANo) {
  const decision::Evaluator evaluator{"key", "", "", hours{1}};
  model::Session session;
  EXPECT_TRUE(is_due(session, evaluator, kNow));
  session.evaluations = {{"another", true, kNow}};
  EXPECT_TRUE(is_due(session, evaluator, kNow));
  session.evaluations = {{"key", true, kNow}};
  EXPECT_FALSE(is_due(session, evaluator, kNow + seconds{1799}));
  EXPECT_TRUE(is_due(session, evaluator, kNow + seconds{1800}));
  EXPECT_TRUE(is_due(session, evaluator, kNow - seconds{1})) << "from the future";
  session.evaluations = {{"key", false, kNow}};
  EXPECT_FALSE(is_due(session, evaluator, kNow + seconds{4}));
  EXPECT_TRUE(is_due(session, evaluator, kNow + seconds{5}));
}

TEST(EvaluatorKeysTest, AreKeptForAnHourAndFetchedAgainNowAndThen) {
  EvaluatorKeys cache;
  const auto set = std::make_shared<const jose::JwkSet>(keys());
  EXPECT_EQ(cache.find("u", kNow), nullptr);
  cache.keep("u", set, kNow);
  EXPECT_EQ(cache.find("u", kNow + seconds{3599}), set);
  EXPECT_EQ(cache.find("u", kNow + seconds{3600}), nullptr);
  EXPECT_EQ(cache.find("u", kNow - seconds{1}), nullptr);
  EXPECT_TRUE(cache.admit_refetch("u", kNow));
  EXPECT_FALSE(cache.admit_refetch("u", kNow + seconds{9}));
  EXPECT_TRUE(cache.admit_refetch("u", kNow + seconds{10}));
  for (std::size_t i = 0; i < 2 * kMaxEvaluatorKeySets; ++i)
    cache.keep("u" + std::to_string(i), set, kNow);
  EXPECT_EQ(cache.find("u", kNow), nullptr) << "no more than so many";
}

}  // namespace
}  // namespace gatehouse::controlplane
