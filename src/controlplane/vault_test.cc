#include "controlplane/vault.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "controlplane/test_support.h"

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

TEST_F(VaultTest, KeepsPrivateKeysSealedInTheStore) {
  ASSERT_TRUE(open());
  const auto stored = store_->signing_keys().value();
  for (const auto& key : stored)
    EXPECT_EQ(key.sealed_private_key.find("PRIVATE"), std::string::npos);
}

}  // namespace
}  // namespace gatehouse::controlplane
