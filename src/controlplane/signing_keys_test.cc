#include "controlplane/signing_keys.h"

#include <gtest/gtest.h>

#include <array>

#include "controlplane/test_support.h"
#include "controlplane/token.h"
#include "policy/snapshot_document.h"
#include "selectors/registry.h"

namespace gatehouse::controlplane {
namespace {

using std::chrono::days;
using std::chrono::seconds;
using test::kStart;

const Actor kAdmin{"admin", "192.0.2.7", "reference"};

class SigningKeysTest : public testing::Test {
 protected:
  SigningKeysTest() { gateway_.apply(test::sample_document()); }

  Context& context() { return gateway_.context(); }
  Republish republish() {
    return [this] {
      ++published_;
      gateway_.gateway->republish();
    };
  }
  std::string sign() const {
    return gateway_.vault->sign(token_claims("https://auth.example.com", "aud",
                                             kApplicationTokenType, gateway_.now,
                                             gateway_.now + days{30}));
  }
  // Whether workers, who know what stands in the node state, take the signature.
  bool workers_take(const std::string& token) const {
    const auto document = gateway_.reader()->snapshot().value().value();
    const auto snapshot = policy::compile_snapshot(document, selectors::registry()).value();
    return is_signed(token, snapshot->keys());
  }
  bool control_plane_takes(const std::string& token) const {
    return is_signed(token, gateway_.vault->verification_keys());
  }
  static bool is_signed(const std::string& token, const jose::JwkSet& keys) {
    return jose::verify_jws(jose::CompactJws::parse(token).value(), keys, {jose::Algorithm::RS256})
        .has_value();
  }

  test::TestGateway gateway_;
  int published_ = 0;
};

TEST_F(SigningKeysTest, WhatWasSignedBeforeIsGoodUntilTheSecondBeforeTheOverlapEnds) {
  const auto before = sign();
  gateway_.now += days{1};
  const auto rotated_at = gateway_.now;
  ASSERT_TRUE(rotate_keys(context(), kAdmin, republish()));
  EXPECT_EQ(published_, 1);
  const auto after = sign();
  EXPECT_NE(jose::CompactJws::parse(before)->kid(), jose::CompactJws::parse(after)->kid());
  EXPECT_TRUE(workers_take(before));
  EXPECT_TRUE(workers_take(after));

  gateway_.now = rotated_at + kSigningKeyOverlap - seconds{1};
  EXPECT_FALSE(rotate_if_due(context(), republish()));
  EXPECT_TRUE(workers_take(before));
  EXPECT_TRUE(control_plane_takes(before));

  gateway_.now += seconds{1};
  EXPECT_TRUE(rotate_if_due(context(), republish()));
  EXPECT_FALSE(workers_take(before));
  EXPECT_FALSE(control_plane_takes(before));
  EXPECT_TRUE(workers_take(after));
  EXPECT_FALSE(rotate_if_due(context(), republish())) << "once";
  EXPECT_EQ(published_, 2);

  // A start finds the same.
  gateway_.restart();
  EXPECT_TRUE(gateway_.gateway->restore().value());
  EXPECT_FALSE(workers_take(before));
  EXPECT_TRUE(workers_take(after));
}

TEST_F(SigningKeysTest, ASuccessorIsPublishedLongBeforeItSigns) {
  const auto ahead = gateway_.vault->jwks();
  ASSERT_EQ(ahead.size(), 2U);
  ASSERT_TRUE(rotate_keys(context(), kAdmin, republish()));
  const auto jwks = gateway_.vault->jwks();
  ASSERT_EQ(jwks.size(), 3U) << "current, successor, and the one that signed until now";
  EXPECT_EQ(jwks[0], ahead[1]);
  EXPECT_EQ(jwks[2], ahead[0]);
  const auto certs = gateway_.vault->certs_document();
  EXPECT_EQ(certs.at("keys"), jwks);
  EXPECT_EQ(certs.at("public_cert").at("kid"), jwks[0].at("kid"));
  EXPECT_EQ(certs.at("public_certs").as_array().size(), 3U);
  // In the same second, and after the clock was set back.
  ASSERT_TRUE(rotate_keys(context(), kAdmin, republish()));
  EXPECT_EQ(gateway_.vault->jwks()[0], jwks[1]);
  gateway_.now -= days{1};
  const auto newest = gateway_.vault->jwks()[1];
  ASSERT_TRUE(rotate_keys(context(), kAdmin, republish()));
  EXPECT_EQ(gateway_.vault->jwks()[0], newest);
}

TEST_F(SigningKeysTest, RotateWhenTheIntervalIsOver) {
  ASSERT_TRUE(set_key_rotation_interval(context(), kAdmin, 21));
  const auto current = gateway_.vault->jwks()[0];
  gateway_.now = kStart + days{21} - seconds{1};
  EXPECT_FALSE(rotate_if_due(context(), republish()));
  EXPECT_EQ(gateway_.vault->jwks()[0], current);
  EXPECT_EQ(key_configuration(context())->days_until_next_rotation, 1);
  gateway_.now += seconds{1};
  EXPECT_EQ(key_configuration(context())->days_until_next_rotation, 0);
  EXPECT_TRUE(rotate_if_due(context(), republish()));
  EXPECT_NE(gateway_.vault->jwks()[0], current);
  const auto configuration = key_configuration(context()).value();
  EXPECT_EQ(configuration.days_until_next_rotation, 21);
  EXPECT_EQ(configuration.last_key_rotation_at, gateway_.now);
  EXPECT_FALSE(rotate_if_due(context(), republish()));
  const auto audit = gateway_.audit("signing_keys_rotated");
  ASSERT_EQ(audit.size(), 1U);
  EXPECT_EQ(audit[0].actor, "system");
}

TEST_F(SigningKeysTest, TheIntervalHasLimits) {
  struct Case {
    int days;
    bool taken;
  };
  for (const auto& c : std::array{Case{20, false}, Case{21, true}, Case{365, true},
                                  Case{366, false}, Case{0, false}, Case{-21, false}}) {
    const auto set = set_key_rotation_interval(context(), kAdmin, c.days);
    EXPECT_EQ(set.has_value(), c.taken) << c.days;
    if (set)
      EXPECT_EQ(set->key_rotation_interval_days, c.days);
    else
      EXPECT_EQ(set.error().kind, KeysErrorKind::BadInterval);
  }
  EXPECT_EQ(key_configuration(context())->key_rotation_interval_days, 365);
  EXPECT_EQ(gateway_.audit("key_rotation_interval_set").size(), 2U);
}

TEST_F(SigningKeysTest, AreDescribedFromTheStart) {
  const auto configuration = key_configuration(context()).value();
  EXPECT_EQ(configuration.key_rotation_interval_days, kDefaultRotationIntervalDays);
  EXPECT_EQ(configuration.days_until_next_rotation, kDefaultRotationIntervalDays);
  EXPECT_EQ(configuration.last_key_rotation_at, kStart);
}

TEST_F(SigningKeysTest, RotationsAreAudited) {
  ASSERT_TRUE(rotate_keys(context(), kAdmin, republish()));
  ASSERT_TRUE(
      rotate_master_key(context(), kAdmin, [&] { EXPECT_TRUE(gateway_.gateway->follow()); }));
  for (const auto event : {"signing_keys_rotated", "master_key_rotated"}) {
    const auto audit = gateway_.audit(event);
    ASSERT_EQ(audit.size(), 1U) << event;
    EXPECT_EQ(audit[0].actor, "admin");
    EXPECT_EQ(audit[0].ip, "192.0.2.7");
    EXPECT_EQ(audit[0].details.at("reference"), "reference");
  }
}

// The secrets of what is configured stay readable, and can be changed, after the master key was
// replaced; also when somebody commits what was sealed before.
TEST_F(SigningKeysTest, SecretsSurviveANewMasterKey) {
  const auto secret_of_corp = [&] {
    const auto resources = gateway_.gateway->resources();
    for (const auto& provider : resources->identity_providers)
      if (provider.name == "Corp")
        return std::string(model::secret_of(provider.secrets, "client_secret").reveal());
    return std::string();
  };
  ASSERT_EQ(secret_of_corp(), test::kClientSecret);
  const auto token = sign();
  // Nothing is read again: the next change finds out by itself.
  ASSERT_TRUE(rotate_master_key(context(), kAdmin, [] {}));
  auto document = test::sample_document();
  document["organization"].as_object()["name"] = "Renamed";
  EXPECT_TRUE(gateway_.apply(document).changed);
  gateway_.restart();
  ASSERT_TRUE(gateway_.gateway->restore().value());
  EXPECT_EQ(secret_of_corp(), test::kClientSecret);
  EXPECT_EQ(gateway_.gateway->resources()->organization.name, "Renamed");
  EXPECT_TRUE(workers_take(token));
  EXPECT_FALSE(gateway_.apply(document).changed) << "the same file is the same file";
}

}  // namespace
}  // namespace gatehouse::controlplane
