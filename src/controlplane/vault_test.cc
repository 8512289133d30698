#include "controlplane/vault.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "controlplane/test_support.h"
#include "platform/file.h"

namespace gatehouse::controlplane {
namespace {

namespace fs = std::filesystem;
using test::kStart;
using test::TemporaryDirectory;

class VaultTest : public testing::Test {
 protected:
  VaultTest() : store_(open_new_store("one.db")) {}
  std::unique_ptr<storage::Store> open_new_store(const std::string& name) {
    return storage::open_store("sqlite://" + (directory_.path() / name).string()).value();
  }
  std::expected<std::unique_ptr<Vault>, VaultError> open() {
    return Vault::open(directory_.path(), *store_, kStart);
  }
  [[nodiscard]] fs::path key_path() const { return directory_.path() / "master.key"; }
  void write_key(std::string_view bytes, mode_t mode) {
    fs::remove(key_path());
    std::ofstream(key_path()) << bytes;
    ASSERT_EQ(::chmod(key_path().c_str(), mode), 0);
  }

  TemporaryDirectory directory_;
  std::unique_ptr<storage::Store> store_;
};

TEST_F(VaultTest, MakesTheMasterKeyForItsOwnerAlone) {
  ASSERT_TRUE(open());
  struct stat status{};
  ASSERT_EQ(::stat(key_path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
  EXPECT_EQ(status.st_size, 32);
  // Nothing else is left beside it and the store.
  for (const auto& entry : fs::directory_iterator(directory_.path()))
    EXPECT_TRUE(entry.path().filename().string().starts_with("one.db") ||
                entry.path() == key_path())
        << entry.path();
}

TEST_F(VaultTest, RefusesAMasterKeyThatCannotBeTrusted) {
  struct Case {
    std::string_view name;
    std::string bytes;
    mode_t mode;
    std::string_view message;
  };
  const std::array cases{
      Case{"group may read", std::string(32, 'k'), 0640, "can be read by others"},
      Case{"others may read", std::string(32, 'k'), 0604, "can be read by others"},
      Case{"group may write", std::string(32, 'k'), 0620, "can be read by others"},
      Case{"too short", std::string(31, 'k'), 0600, "must hold exactly 32 bytes and holds 31"},
      Case{"too long", std::string(33, 'k'), 0600, "must hold exactly 32 bytes and holds 33"},
      Case{"empty", "", 0600, "must hold exactly 32 bytes and holds 0"},
  };
  for (const auto& c : cases) {
    write_key(c.bytes, c.mode);
    const auto vault = open();
    ASSERT_FALSE(vault) << c.name;
    EXPECT_NE(vault.error().message.find(c.message), std::string::npos) << vault.error().message;
    EXPECT_NE(vault.error().message.find(key_path().string()), std::string::npos) << c.name;
  }
  fs::remove(key_path());
  fs::create_directory(key_path());
  EXPECT_FALSE(open());
}

TEST_F(VaultTest, DoesNotMakeAKeyInPlaceOfALostOne) {
  ASSERT_TRUE(open());
  fs::remove(key_path());
  const auto vault = open();
  ASSERT_FALSE(vault);
  EXPECT_NE(vault.error().message.find("is missing"), std::string::npos);
  EXPECT_FALSE(fs::exists(key_path()));
  write_key(std::string(32, 'x'), 0600);
  const auto other = open();
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().message.find("another master key"), std::string::npos);
}

TEST_F(VaultTest, HasACurrentKeyAndItsSuccessorFromTheStart) {
  const auto vault = open().value();
  const auto stored = store_->signing_keys().value();
  ASSERT_EQ(stored.size(), 2U);
  const auto jwks = vault->jwks();
  ASSERT_EQ(jwks.size(), 2U);
  EXPECT_NE(jwks[0].at("kid"), jwks[1].at("kid"));
  EXPECT_EQ(jwks[1].at("kid").as_string(), stored.front().kid) << "the newest is the successor";
  for (const auto& jwk : jwks) {
    EXPECT_EQ(jwk.at("alg"), "RS256");
    EXPECT_EQ(jwk.at("use"), "sig");
    EXPECT_EQ(jwk.as_object().size(), 6U) << "kid kty alg use n e, nothing private";
  }
  const auto jws = jose::CompactJws::parse(vault->sign({{"a", 1}})).value();
  EXPECT_EQ(jws.kid(), jwks[0].at("kid").as_string());
  EXPECT_TRUE(jose::verify_jws(jws, vault->verification_keys(), {jose::Algorithm::RS256}));

  const auto certs = vault->certs_document();
  EXPECT_EQ(certs.at("keys"), jwks);
  EXPECT_EQ(certs.at("public_cert").at("kid"), jwks[0].at("kid"));
  ASSERT_EQ(certs.at("public_certs").as_array().size(), 2U);
  for (const auto& entry : certs.at("public_certs").as_array()) {
    const auto key = jose::PublicKey::from_pem(entry.at("cert").as_string());
    ASSERT_TRUE(key);
    EXPECT_EQ(key->thumbprint(), entry.at("kid").as_string());
  }
  EXPECT_EQ(json::serialize(certs).find("PRIVATE"), std::string::npos);
}

TEST_F(VaultTest, StaysTheSameAcrossStarts) {
  const auto first = open().value();
  const auto sealed = first->seal("purpose", "text");
  const auto second = open().value();
  EXPECT_EQ(second->jwks(), first->jwks());
  EXPECT_EQ(second->open("purpose", sealed), "text");
  EXPECT_EQ(second->keyed_hash("p", "v"), first->keyed_hash("p", "v"));
  const auto jws = jose::CompactJws::parse(first->sign({{"a", 1}})).value();
  EXPECT_TRUE(jose::verify_jws(jws, second->verification_keys(), {jose::Algorithm::RS256}));
}

TEST_F(VaultTest, SealsForOnePurpose) {
  const auto vault = open().value();
  const auto sealed = vault->seal("one", "secret text");
  EXPECT_NE(sealed, vault->seal("one", "secret text")) << "a fresh nonce each time";
  EXPECT_EQ(sealed.find("secret"), std::string::npos);
  EXPECT_EQ(vault->open("one", sealed), "secret text");
  EXPECT_FALSE(vault->open("two", sealed));
  EXPECT_FALSE(vault->open("one", ""));
  EXPECT_FALSE(vault->open("one", "not base64url!"));
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    auto changed = sealed;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(vault->open("one", changed)) << i;
  }
  EXPECT_NE(vault->keyed_hash("one", "v"), vault->keyed_hash("two", "v"));
  EXPECT_NE(vault->keyed_hash("one", "v"), vault->keyed_hash("one", "w"));
}

// The store's sealed values and a sealed text that only this installation's vault opens.
class MasterKeyTest : public VaultTest {
 protected:
  MasterKeyTest() : vault_(open().value()) {
    pending_ = vault_->seal("purpose", "text");
    hash_ = vault_->keyed_hash("purpose", "value");
    kids_ = vault_->jwks();
    const storage::ResourceChange resource{"identity_providers", "one", "{}",
                                           vault_->seal(kResourceSecretsPurpose, "the secret"),
                                           "api"};
    EXPECT_TRUE(store_->commit_resources(0, {&resource, 1}, std::nullopt, {}, kStart)->applied);
  }
  ~MasterKeyTest() override { ::unsetenv("CREDENTIALS_DIRECTORY"); }

  [[nodiscard]] fs::path next_path() const { return directory_.path() / "master.key.new"; }
  [[nodiscard]] std::string key() const { return read_file(key_path()).value(); }
  void write(const fs::path& path, std::string_view bytes) {
    ASSERT_TRUE(write_file_atomically(path, bytes, 0600));
  }
  // Everything that was sealed opens with what this vault has.
  void expect_whole(const Vault& vault) {
    EXPECT_EQ(vault.jwks(), kids_);
    EXPECT_EQ(vault.keyed_hash("purpose", "value"), hash_);
    const auto stored = store_->load_resources().value();
    ASSERT_EQ(stored.resources.size(), 1U);
    EXPECT_EQ(vault.open(kResourceSecretsPurpose, stored.resources[0].sealed_secrets),
              "the secret");
  }

  std::unique_ptr<Vault> vault_;
  std::string pending_;
  std::string hash_;
  json::array kids_;
};

TEST_F(MasterKeyTest, IsReplacedWithEverythingThatWasSealed) {
  const auto before = key();
  const auto sequence = store_->load_resources()->sequence;
  ASSERT_TRUE(vault_->rotate_master_key(*store_, kStart));
  EXPECT_NE(key(), before);
  EXPECT_FALSE(fs::exists(next_path()));
  expect_whole(*vault_);
  expect_whole(*open().value());
  EXPECT_GT(store_->load_resources()->sequence, sequence)
      << "who sealed with the former key commits nothing";
  // With the former key nothing opens any more.
  write(key_path(), before);
  ASSERT_FALSE(open());
}

TEST_F(MasterKeyTest, WhatIsOnItsWayIsOpenedForAnHour) {
  ASSERT_TRUE(vault_->rotate_master_key(*store_, kStart));
  EXPECT_EQ(vault_->open("purpose", pending_), "text");
  EXPECT_EQ(vault_->open("purpose", vault_->seal("purpose", "new")), "new");
  EXPECT_FALSE(vault_->expire(kStart + kFormerMasterKeyLifetime - std::chrono::seconds{1}));
  EXPECT_EQ(vault_->open("purpose", pending_), "text");
  ASSERT_TRUE(vault_->reload(*store_, kStart + kFormerMasterKeyLifetime - std::chrono::seconds{1}));
  EXPECT_EQ(vault_->open("purpose", pending_), "text");
  EXPECT_FALSE(vault_->expire(kStart + kFormerMasterKeyLifetime)) << "the signing keys stay";
  EXPECT_FALSE(vault_->open("purpose", pending_));
}

// Stopped after each step: the state that it leaves, and the next start.
TEST_F(MasterKeyTest, ARotationThatWasCutShortIsFinishedOrUndone) {
  const auto before = key();
  // The new key is written, the store as it was.
  write(next_path(), std::string(32, 'n'));
  auto vault = open().value();
  EXPECT_EQ(key(), before);
  EXPECT_FALSE(fs::exists(next_path()));
  expect_whole(*vault);

  // The store is sealed anew, the file not yet renamed.
  ASSERT_TRUE(vault->rotate_master_key(*store_, kStart));
  const auto after = key();
  write(next_path(), after);
  write(key_path(), before);
  vault = open().value();
  EXPECT_EQ(key(), after);
  EXPECT_FALSE(fs::exists(next_path()));
  expect_whole(*vault);

  // Neither opens it: nothing is touched.
  write(next_path(), std::string(32, 'n'));
  write(key_path(), std::string(32, 'o'));
  const auto neither = open();
  ASSERT_FALSE(neither);
  EXPECT_NE(neither.error().message.find("another master key"), std::string::npos);
  EXPECT_EQ(read_file(next_path()).value(), std::string(32, 'n'));
  EXPECT_EQ(key(), std::string(32, 'o'));
  // One of another length is no key; one that was half written has another name, and goes.
  write(next_path(), "half");
  write(key_path(), after);
  ASSERT_FALSE(open());
  fs::remove(next_path());
  write(next_path().string() + ".0123456789abcdef.tmp", "half");
  write(key_path().string() + ".copy", "an administrator's");
  expect_whole(*open().value());
  EXPECT_FALSE(fs::exists(next_path().string() + ".0123456789abcdef.tmp"));
  EXPECT_TRUE(fs::exists(key_path().string() + ".copy"));
}

TEST_F(MasterKeyTest, AFailedRotationChangesNothing) {
  const auto before = key();
  // Sealed by nobody: the transaction is given up half way.
  const storage::ResourceChange broken{"identity_providers", "two", "{}", "not sealed", "api"};
  const auto sequence = store_->load_resources()->sequence;
  ASSERT_TRUE(store_->commit_resources(sequence, {&broken, 1}, std::nullopt, {}, kStart)->applied);
  ASSERT_FALSE(vault_->rotate_master_key(*store_, kStart));
  EXPECT_EQ(key(), before);
  EXPECT_FALSE(fs::exists(next_path()));
  const storage::ResourceChange removed{"identity_providers", "two", std::nullopt, "", "api"};
  ASSERT_TRUE(
      store_->commit_resources(sequence + 1, {&removed, 1}, std::nullopt, {}, kStart)->applied);
  expect_whole(*vault_);
  expect_whole(*open().value());
  // The new key cannot be written.
  fs::create_directory(next_path());
  ASSERT_FALSE(vault_->rotate_master_key(*store_, kStart));
  expect_whole(*vault_);
  fs::remove(next_path());
  ASSERT_TRUE(vault_->rotate_master_key(*store_, kStart));
  expect_whole(*vault_);
}

TEST_F(MasterKeyTest, AnotherNodeGoesOnWithTheKeyThatItsFileGets) {
  // Its own folder, the same store.
  const auto other_directory = directory_.path() / "other";
  fs::create_directory(other_directory);
  write(other_directory / "master.key", key());
  const auto other = Vault::open(other_directory, *store_, kStart).value();
  ASSERT_TRUE(vault_->rotate_master_key(*store_, kStart));
  const auto failed = other->reload(*store_, kStart);
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message.find("another master key"), std::string::npos);
  EXPECT_EQ(other->open("purpose", pending_), "text") << "it goes on with what it has";
  EXPECT_FALSE(other->rotate_master_key(*store_, kStart));
  EXPECT_FALSE(other->rotate_signing_keys(*store_, std::chrono::hours{1}, kStart));
  write(other_directory / "master.key", key());
  ASSERT_TRUE(other->reload(*store_, kStart));
  expect_whole(*other);
  EXPECT_EQ(other->open("purpose", pending_), "text");
}

TEST_F(MasterKeyTest, MayBeACredentialOfSystemd) {
  const auto credentials = directory_.path() / "credentials";
  fs::create_directory(credentials);
  ::setenv("CREDENTIALS_DIRECTORY", credentials.c_str(), 1);
  expect_whole(*open().value());  // there is none: the file
  const auto file = key();
  write(credentials / "master_key", file);
  fs::remove(key_path());
  ASSERT_EQ(::chmod((credentials / "master_key").c_str(), 0440), 0);
  const auto vault = open().value();
  expect_whole(*vault);
  EXPECT_EQ(vault->master_key_file(), credentials / "master_key");
  EXPECT_FALSE(fs::exists(key_path())) << "no file is made beside it";
  const auto refused = vault->rotate_master_key(*store_, kStart);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("`master_key_old`"), std::string::npos);
  // As it says: a new one, the former one beside it, and a start.
  write(credentials / "master_key", std::string(32, 'n'));
  ASSERT_FALSE(open());
  write(credentials / "master_key_old", std::string(32, 'x'));
  ASSERT_FALSE(open());
  write(credentials / "master_key_old", file);
  expect_whole(*open().value());
  fs::remove(credentials / "master_key_old");
  expect_whole(*open().value());
  write(credentials / "master_key", "short");
  const auto short_one = open();
  ASSERT_FALSE(short_one);
  EXPECT_NE(short_one.error().message.find("must hold exactly 32 bytes"), std::string::npos);
}

TEST_F(VaultTest, ARotationOfAnotherNodeIsTakenOver) {
  const auto one = open().value();
  const auto two = open().value();
  ASSERT_TRUE(one->rotate_signing_keys(*store_, std::chrono::hours{1}, kStart).value());
  EXPECT_NE(two->jwks(), one->jwks());
  ASSERT_TRUE(two->reload(*store_, kStart));
  EXPECT_EQ(two->jwks(), one->jwks());
  EXPECT_EQ(two->last_rotation(), one->last_rotation());
}

TEST_F(VaultTest, RetiredKeysAreLeftOut) {
  const auto vault = open().value();
  const auto before = jose::CompactJws::parse(vault->sign({{"a", 1}})).value();
  const auto rotated = kStart + std::chrono::hours{1};
  ASSERT_TRUE(vault->rotate_signing_keys(*store_, std::chrono::hours{1}, rotated).value());
  EXPECT_EQ(vault->last_rotation(), rotated);
  const auto end = rotated + std::chrono::hours{1};
  const auto takes = [&](const Vault& of) {
    return jose::verify_jws(before, of.verification_keys(), {jose::Algorithm::RS256}).has_value();
  };
  EXPECT_FALSE(vault->expire(end - std::chrono::seconds{1}));
  EXPECT_TRUE(takes(*vault));
  EXPECT_TRUE(
      takes(*Vault::open(directory_.path(), *store_, end - std::chrono::seconds{1}).value()));
  EXPECT_FALSE(takes(*Vault::open(directory_.path(), *store_, end).value()));
  EXPECT_TRUE(vault->expire(end));
  EXPECT_FALSE(takes(*vault));
  EXPECT_EQ(vault->jwks().size(), 2U);
  EXPECT_EQ(vault->certs_document().at("public_certs").as_array().size(), 2U);
}

TEST_F(VaultTest, KeepsPrivateKeysSealedInTheStore) {
  ASSERT_TRUE(open());
  const auto stored = store_->signing_keys().value();
  for (const auto& key : stored)
    EXPECT_EQ(key.sealed_private_key.find("PRIVATE"), std::string::npos);
}

}  // namespace
}  // namespace gatehouse::controlplane
