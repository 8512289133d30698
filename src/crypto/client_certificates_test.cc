// Certificates are made here, at run time: authorities, chains, lists.
#include "crypto/client_certificates.h"

#include <gtest/gtest.h>
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <optional>
#include <thread>

namespace gatehouse::crypto {
namespace {

constexpr std::int64_t kNow = 1'800'000'000;
constexpr std::int64_t kDay = 86'400;
Instant at(std::int64_t seconds) { return from_epoch_seconds(seconds); }

using Key = std::shared_ptr<EVP_PKEY>;
using Certificate = std::shared_ptr<X509>;

Key make_key() { return {EVP_EC_gen("P-256"), EVP_PKEY_free}; }
Key make_rsa(unsigned bits) { return {EVP_RSA_gen(bits), EVP_PKEY_free}; }

template <typename Writer>
std::string written(Writer write) {
  const std::shared_ptr<BIO> bio(BIO_new(BIO_s_mem()), BIO_free);
  write(bio.get());
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}
std::string pem(const Certificate& certificate) {
  return written([&](BIO* bio) { PEM_write_bio_X509(bio, certificate.get()); });
}
std::string der(const Certificate& certificate) {
  return written([&](BIO* bio) { i2d_X509_bio(bio, certificate.get()); });
}

void add_extension(X509* certificate, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const std::shared_ptr<X509_EXTENSION> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value), X509_EXTENSION_free);
  ASSERT_NE(extension, nullptr) << value;
  X509_add_ext(certificate, extension.get(), -1);
}

struct Wanted {
  std::vector<std::string> common_names = {"someone"};
  const char* serial = "1f";  // hex
  std::int64_t not_before = kNow - kDay;
  std::int64_t not_after = kNow + kDay;
  const char* constraints = nullptr;  // null: none
  const char* key_usage = nullptr;
  const char* extended_key_usage = "clientAuth";
  const EVP_MD* digest = EVP_sha256();
};

struct Party {
  Certificate certificate;
  Key key;
};

// `issuer` null: signs itself.
Party make(const Wanted& wanted, const Party* issuer, Key key = make_key()) {
  Party made{{X509_new(), X509_free}, std::move(key)};
  X509* certificate = made.certificate.get();
  X509_set_version(certificate, X509_VERSION_3);
  BIGNUM* serial = nullptr;
  BN_hex2bn(&serial, wanted.serial);
  BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate));
  BN_free(serial);
  ASN1_TIME_set(X509_getm_notBefore(certificate), wanted.not_before);
  ASN1_TIME_set(X509_getm_notAfter(certificate), wanted.not_after);
  for (const auto& name : wanted.common_names) {
    X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), NID_commonName, MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name.data()),
                               static_cast<int>(name.size()), -1, 0);
  }
  X509_set_issuer_name(
      certificate,
      X509_get_subject_name(issuer != nullptr ? issuer->certificate.get() : certificate));
  X509_set_pubkey(certificate, made.key.get());
  if (wanted.constraints != nullptr)
    add_extension(certificate, NID_basic_constraints, wanted.constraints);
  if (wanted.key_usage != nullptr) add_extension(certificate, NID_key_usage, wanted.key_usage);
  if (wanted.extended_key_usage != nullptr)
    add_extension(certificate, NID_ext_key_usage, wanted.extended_key_usage);
  X509_sign(certificate, issuer != nullptr ? issuer->key.get() : made.key.get(), wanted.digest);
  return made;
}

Wanted authority_named(const char* name) {
  return {.common_names = {name},
          .serial = "1",
          .not_before = kNow - 100 * kDay,
          .not_after = kNow + 100 * kDay,
          .constraints = "critical,CA:TRUE",
          .key_usage = "critical,keyCertSign,cRLSign",
          .extended_key_usage = nullptr};
}

struct ListWanted {
  std::vector<const char*> serials;
  std::int64_t this_update = kNow - kDay;
  std::optional<std::int64_t> next_update = kNow + kDay;
  bool delta = false;
};
// A list in the name of `issuer`, signed by `key`.
std::string list_of(const Party& issuer, const ListWanted& wanted, const Key& key) {
  const std::shared_ptr<X509_CRL> list(X509_CRL_new(), X509_CRL_free);
  X509_CRL_set_version(list.get(), X509_CRL_VERSION_2);
  X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(issuer.certificate.get()));
  const std::shared_ptr<ASN1_TIME> time(ASN1_TIME_new(), ASN1_TIME_free);
  ASN1_TIME_set(time.get(), wanted.this_update);
  X509_CRL_set1_lastUpdate(list.get(), time.get());
  for (const char* serial : wanted.serials) {
    X509_REVOKED* entry = X509_REVOKED_new();
    BIGNUM* number = nullptr;
    BN_hex2bn(&number, serial);
    const std::shared_ptr<ASN1_INTEGER> value(BN_to_ASN1_INTEGER(number, nullptr),
                                              ASN1_INTEGER_free);
    BN_free(number);
    X509_REVOKED_set_serialNumber(entry, value.get());
    X509_REVOKED_set_revocationDate(entry, time.get());
    X509_CRL_add0_revoked(list.get(), entry);
  }
  if (wanted.next_update) {
    ASN1_TIME_set(time.get(), *wanted.next_update);
    X509_CRL_set1_nextUpdate(list.get(), time.get());
  }
  if (wanted.delta) {
    const std::shared_ptr<ASN1_INTEGER> base(ASN1_INTEGER_new(), ASN1_INTEGER_free);
    ASN1_INTEGER_set(base.get(), 1);
    X509_CRL_add1_ext_i2d(list.get(), NID_delta_crl, base.get(), 1, 0);
  }
  X509_CRL_sign(list.get(), key.get(), EVP_sha256());
  return written([&](BIO* bio) { PEM_write_bio_X509_CRL(bio, list.get()); });
}
std::string list_of(const Party& issuer, const ListWanted& wanted) {
  return list_of(issuer, wanted, issuer.key);
}

std::string outcome(const std::expected<ClientCertificate, CertificateError>& judged) {
  return judged ? "valid" : std::string(to_string(judged.error()));
}

class ClientCertificatesTest : public testing::Test {
 protected:
  static std::shared_ptr<const ClientCertificates> made(
      const std::vector<CertificateAuthority>& authorities) {
    auto result = ClientCertificates::make(authorities);
    EXPECT_TRUE(result) << result.error().field << " " << result.error().message;
    EXPECT_EQ(ERR_peek_error(), 0u);
    return result ? *result : nullptr;
  }
  static std::string judged(const std::vector<CertificateAuthority>& authorities,
                            const Party& client, std::int64_t now = kNow) {
    const auto answer = outcome(made(authorities)->judge(der(client.certificate), at(now)));
    EXPECT_EQ(ERR_peek_error(), 0u);
    return answer;
  }
  CertificateAuthority trusted(const Party& authority) const {
    return {.certificates = pem(authority.certificate), .crl = {}, .revoked_serials = {}};
  }

  Party root = make(authority_named("Root"), nullptr);
  Party intermediate = make(authority_named("Intermediate"), &root);
  Party other = make(authority_named("Other"), nullptr);
  Party impostor = make(authority_named("Root"), nullptr);  // the name without the key
};

TEST_F(ClientCertificatesTest, SaysWhoShowedIt) {
  const auto client = make({.common_names = {"first", "Zoë"}, .serial = "0A00B1"}, &root);
  const auto answer = made({trusted(root)})->judge(der(client.certificate), at(kNow));
  ASSERT_TRUE(answer) << to_string(answer.error());
  EXPECT_EQ(answer->common_name, "Zoë");
  EXPECT_EQ(answer->serial, "a00b1");
  EXPECT_EQ(answer->not_before, at(kNow - kDay));
  EXPECT_EQ(answer->not_after, at(kNow + kDay));
}

TEST_F(ClientCertificatesTest, CommonNames) {
  struct Case {
    const char* name;
    std::vector<std::string> common_names;
    std::string expected;
  };
  const Case cases[] = {
      {"none", {}, ""},
      {"a zero byte", {std::string("alice\0.example", 14)}, ""},
      {"a zero byte in the last", {"alice", std::string("bob\0", 4)}, ""},
      {"a zero byte in an earlier one", {std::string("bob\0", 4), "alice"}, "alice"},
      {"not ASCII", {"日本"}, "日本"},
  };
  for (const Case& test : cases) {
    const auto client = make({.common_names = test.common_names}, &root);
    const auto answer = made({trusted(root)})->judge(der(client.certificate), at(kNow));
    ASSERT_TRUE(answer) << test.name << ": " << to_string(answer.error());
    EXPECT_EQ(answer->common_name, test.expected) << test.name;
  }
}

TEST_F(ClientCertificatesTest, Judges) {
  const auto by_intermediate = make({}, &intermediate);
  const auto weak_issuer = make(authority_named("Weak"), nullptr, make_rsa(1024));
  Wanted long_dead = authority_named("Dead");
  long_dead.not_after = kNow - 1;
  const auto dead = make(long_dead, nullptr);
  const auto client = make({}, &root);
  Wanted own = {};
  own.constraints = "critical,CA:TRUE";

  struct Case {
    const char* name;
    std::string expected;
    std::vector<CertificateAuthority> authorities;
    Party shown;
    std::int64_t now = kNow;
  };
  const Case cases[] = {
      {"of the authority", "valid", {trusted(root)}, client},
      {"of one of several", "valid", {trusted(other), trusted(root)}, client},
      {"of another authority", "not trusted", {trusted(other)}, client},
      {"of one with the same name", "not trusted", {trusted(impostor)}, client},
      {"without any authority", "not trusted", {}, client},
      {"signed by itself", "not trusted", {trusted(root)}, make({}, nullptr)},
      {"through a given intermediate",
       "valid",
       {{.certificates = pem(root.certificate) + pem(intermediate.certificate),
         .crl = {},
         .revoked_serials = {}}},
       by_intermediate},
      {"of an intermediate alone", "valid", {trusted(intermediate)}, by_intermediate},
      {"of an intermediate that is not given", "not trusted", {trusted(root)}, by_intermediate},
      {"an authority itself", "not trusted", {trusted(root)}, root},
      {"an intermediate itself",
       "not trusted",
       {trusted(root), trusted(intermediate)},
       intermediate},
      {"for servers only",
       "not trusted",
       {trusted(root)},
       make({.extended_key_usage = "serverAuth"}, &root)},
      {"for servers and clients",
       "valid",
       {trusted(root)},
       make({.extended_key_usage = "serverAuth,clientAuth"}, &root)},
      {"for any use", "valid", {trusted(root)}, make({.extended_key_usage = nullptr}, &root)},
      {"for signing code",
       "not trusted",
       {trusted(root)},
       make({.extended_key_usage = "codeSigning"}, &root)},
      {"for encryption only",
       "not trusted",
       {trusted(root)},
       make({.key_usage = "critical,dataEncipherment"}, &root)},
      {"weak key", "not trusted", {trusted(root)}, make({}, &root, make_rsa(1024))},
      {"RSA of 2048 bits", "valid", {trusted(root)}, make({}, &root, make_rsa(2048))},
      {"weak key of the authority", "not trusted", {trusted(weak_issuer)}, make({}, &weak_issuer)},
      {"signed with SHA-1", "not trusted", {trusted(root)}, make({.digest = EVP_sha1()}, &root)},
      {"the second before it begins", "not yet valid", {trusted(root)}, client, kNow - kDay - 1},
      {"the second it begins", "valid", {trusted(root)}, client, kNow - kDay},
      {"the second before it ends", "valid", {trusted(root)}, client, kNow + kDay - 1},
      {"the second it ends", "expired", {trusted(root)}, client, kNow + kDay},
      {"authority expired", "not trusted", {trusted(dead)}, make({}, &dead)},
      {"authority the second before", "valid", {trusted(dead)}, make({}, &dead), kNow - 2},
  };
  for (const Case& test : cases)
    EXPECT_EQ(judged(test.authorities, test.shown, test.now), test.expected) << test.name;
}

TEST_F(ClientCertificatesTest, AClientIsNoIssuer) {
  const auto client = make({}, &root);
  const auto by_client = make({}, &client);
  EXPECT_EQ(judged({trusted(root)}, by_client), "not trusted");
}

TEST_F(ClientCertificatesTest, Revocations) {
  const auto client = make({.serial = "0A1B"}, &root);
  const auto by_intermediate = make({.serial = "0A1B"}, &intermediate);
  const auto with = [&](const Party& authority, std::string crl, std::vector<std::string> serials) {
    return CertificateAuthority{pem(authority.certificate), std::move(crl), std::move(serials)};
  };
  auto both = with(root, list_of(root, {.serials = {"0A1B"}}), {});
  both.certificates += pem(intermediate.certificate);
  auto both_by_hand = with(root, "", {"a1b"});
  both_by_hand.certificates += pem(intermediate.certificate);
  const auto stale = list_of(root, {.serials = {}, .next_update = kNow});

  struct Case {
    const char* name;
    std::string expected;
    std::vector<CertificateAuthority> authorities;
    Party shown;
    std::int64_t now = kNow;
  };
  const Case cases[] = {
      {"on the list",
       "revoked",
       {with(root, list_of(root, {.serials = {"7", "0A1B"}}), {})},
       client},
      {"not on the list",
       "valid",
       {with(root, list_of(root, {.serials = {"7", "0A1B00"}}), {})},
       client},
      {"empty list", "valid", {with(root, list_of(root, {}), {})}, client},
      {"by number", "revoked", {with(root, "", {"7", "a1b"})}, client},
      {"by number with zeros in front", "revoked", {with(root, "", {"0A1B"})}, client},
      {"other number", "valid", {with(root, "", {"a1b0", ""})}, client},
      {"the number of another authority",
       "valid",
       {with(root, "", {}), with(other, list_of(other, {.serials = {"0A1B"}}), {"a1b"})},
       client},
      {"the list is of the issuer alone", "valid", {both}, by_intermediate},
      {"the list is of the issuer", "revoked", {both}, client},
      {"numbers are of every certificate of the authority",
       "revoked",
       {both_by_hand},
       by_intermediate},
      {"the second before the next list", "valid", {with(root, stale, {})}, client, kNow - 1},
      {"the next list is due", "revocation list too old", {with(root, stale, {})}, client},
      {"revoked on a list that is too old",
       "revoked",
       {with(root, list_of(root, {.serials = {"0A1B"}, .next_update = kNow - 1}), {})},
       client},
      {"another authority's list is too old",
       "valid",
       {with(root, "", {}),
        with(other, list_of(other, {.serials = {}, .next_update = kNow - 1}), {})},
       client},
      {"of two lists the newer counts",
       "valid",
       {with(
           root,
           list_of(root, {.serials = {"0A1B"}, .this_update = kNow - 9, .next_update = kNow - 5}) +
               list_of(root, {.serials = {}, .this_update = kNow - 5}),
           {})},
       client},
      {"of two lists the newer counts, in any order",
       "revoked",
       {with(root,
             list_of(root, {.serials = {"0A1B"}, .this_update = kNow - 5}) +
                 list_of(root, {.serials = {}, .this_update = kNow - 9}),
             {})},
       client},
      {"the list stands beside the same authority given twice",
       "revoked",
       {with(root, "", {}), with(root, list_of(root, {.serials = {"0A1B"}}), {})},
       client},
  };
  for (const Case& test : cases)
    EXPECT_EQ(judged(test.authorities, test.shown, test.now), test.expected) << test.name;
}

TEST_F(ClientCertificatesTest, ARenewedAuthorityKeepsItsRevocations) {
  Wanted renewed = authority_named("Root");
  renewed.serial = "2";
  const auto again = make(renewed, nullptr, root.key);
  const auto client = make({.serial = "5"}, &root);
  EXPECT_EQ(judged({{pem(root.certificate), list_of(root, {.serials = {"5"}}), {}}, trusted(again)},
                   client),
            "revoked");
}

TEST_F(ClientCertificatesTest, AnIntermediateThatItsRootHasTakenBackIsNoAnchor) {
  Wanted wanted = authority_named("Intermediate");
  wanted.serial = "99";
  const auto taken_back = make(wanted, &root);
  const auto client = make({.serial = "5"}, &taken_back);
  EXPECT_EQ(judged({trusted(root), trusted(taken_back)}, client), "valid");
  EXPECT_EQ(
      judged({{pem(root.certificate), list_of(root, {.serials = {"99"}}), {}}, trusted(taken_back)},
             client),
      "not trusted");
  EXPECT_EQ(judged({{pem(root.certificate), "", {"99"}}, trusted(taken_back)}, client),
            "not trusted");
}

TEST_F(ClientCertificatesTest, GoodUntil) {
  EXPECT_EQ(made({})->good_until(), Instant::max());
  EXPECT_EQ(made({trusted(root)})->good_until(), at(kNow + 100 * kDay));
  EXPECT_EQ(made({trusted(root), {pem(other.certificate), list_of(other, {}), {}}})->good_until(),
            at(kNow + kDay));
}

TEST_F(ClientCertificatesTest, BytesThatAreNoCertificate) {
  const auto authorities = made({trusted(root)});
  const std::string good = der(make({}, &root).certificate);
  ASSERT_EQ(outcome(authorities->judge(good, at(kNow))), "valid");
  const std::string bad[] = {"",
                             "x",
                             std::string(1, '\0'),
                             good.substr(0, good.size() - 1),
                             good + "x",
                             good + good,
                             pem(make({}, &root).certificate),
                             std::string(100'000, '\x30')};
  for (const auto& bytes : bad)
    EXPECT_EQ(outcome(authorities->judge(bytes, at(kNow))), "malformed") << bytes.size();
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string damaged = good;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    EXPECT_NE(outcome(authorities->judge(damaged, at(kNow))), "valid") << i;
  }
  EXPECT_EQ(ERR_peek_error(), 0u);
}

TEST_F(ClientCertificatesTest, SaysWhatIsWrongWithAnAuthority) {
  const auto private_key = written([&](BIO* bio) {
    PEM_write_bio_PrivateKey(bio, root.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
  const std::string good = pem(root.certificate);
  Wanted signs_nothing = authority_named("Signs nothing");
  signs_nothing.key_usage = "critical,keyCertSign";
  const auto no_lists = make(signs_nothing, nullptr);
  Wanted no_constraints = authority_named("Old");
  no_constraints.constraints = nullptr;
  Wanted may_not_sign = authority_named("Old");
  may_not_sign.key_usage = "critical,digitalSignature";
  std::string broken = good;
  broken[40] = '?';
  const std::string not_an_authority =
      "is not a certificate authority (basicConstraints without CA:TRUE)";
  const std::string foreign_list = "block 1 is not signed by a given authority";

  struct Case {
    const char* name;
    CertificateAuthority authority;
    std::string field;
    std::string message;
  };
  const Case cases[] = {
      {"good", {good, "", {}}, "", ""},
      {"with comments", {"Root\n" + good + "the end\n", "", {}}, "", ""},
      {"with carriage returns",
       {[&] {
          std::string text;
          for (const char c : good) text += c == '\n' ? "\r\n" : std::string(1, c);
          return text;
        }(),
        "",
        {}},
       "",
       ""},
      {"with a list", {good, list_of(root, {.serials = {"1"}}), {}}, "", ""},
      {"empty",
       {"", "", {}},
       "certificate",
       "is not PEM: there is no `-----BEGIN CERTIFICATE-----`"},
      {"a path",
       {"/etc/ca.pem", "", {}},
       "certificate",
       "is not PEM: there is no `-----BEGIN CERTIFICATE-----`"},
      {"DER",
       {der(root.certificate), "", {}},
       "certificate",
       "is not PEM: there is no `-----BEGIN CERTIFICATE-----`"},
      {"broken base64", {broken, "", {}}, "certificate", "is not PEM: block 1 is broken"},
      {"cut off",
       {good + good.substr(0, 200), "", {}},
       "certificate",
       "is not PEM: block 2 is broken"},
      {"a private key",
       {private_key, "", {}},
       "certificate",
       "holds a private key: it does not belong here, and should be replaced by a new one"},
      {"a private key behind it",
       {good + private_key, "", {}},
       "certificate",
       "holds a private key: it does not belong here, and should be replaced by a new one"},
      {"a list in its place",
       {list_of(root, {}), "", {}},
       "certificate",
       "block 1 is a `X509 CRL`, not a certificate"},
      {"a client's",
       {good + pem(make({}, &root).certificate), "", {}},
       "certificate",
       "block 2 " + not_an_authority},
      {"CA:FALSE",
       {pem(make({.constraints = "CA:FALSE"}, nullptr).certificate), "", {}},
       "certificate",
       "block 1 " + not_an_authority},
      {"without constraints",
       {pem(make(no_constraints, nullptr).certificate), "", {}},
       "certificate",
       "block 1 " + not_an_authority},
      {"that may not sign",
       {pem(make(may_not_sign, nullptr).certificate), "", {}},
       "certificate",
       "block 1 " + not_an_authority},
      {"garbage inside",
       {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "", {}},
       "certificate",
       "block 1 is not a certificate"},
      {"a list that is none",
       {good, "none", {}},
       "crl",
       "is not PEM: there is no `-----BEGIN X509 CRL-----`"},
      {"a certificate as list",
       {good, good, {}},
       "crl",
       "block 1 is a `CERTIFICATE`, not a revocation list"},
      {"garbage as list",
       {good, "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", {}},
       "crl",
       "block 1 is not a revocation list"},
      {"somebody else's list", {good, list_of(other, {}), {}}, "crl", foreign_list},
      {"a list signed by another key",
       {good, list_of(root, {}, other.key), {}},
       "crl",
       foreign_list},
      {"the list of one with the same name",
       {good, list_of(impostor, {}), {}},
       "crl",
       foreign_list},
      {"of an authority that may not sign lists",
       {pem(no_lists.certificate), list_of(no_lists, {}), {}},
       "crl",
       foreign_list},
      {"a list without an end",
       {good, list_of(root, {.serials = {}, .next_update = {}}), {}},
       "crl",
       "block 1 does not say when its next update is due"},
      {"a delta",
       {good, list_of(root, {.serials = {}, .delta = true}), {}},
       "crl",
       "block 1 is not a complete revocation list"},
      {"the second list",
       {good, list_of(root, {}) + list_of(other, {}), {}},
       "crl",
       "block 2 is not signed by a given authority"},
  };
  for (const Case& test : cases) {
    const auto checked = ClientCertificates::check(test.authority);
    EXPECT_EQ(checked ? "" : checked.error().field, test.field) << test.name;
    EXPECT_EQ(checked ? "" : checked.error().message, test.message) << test.name;
    EXPECT_EQ(ClientCertificates::make({test.authority}).has_value(), checked.has_value());
    EXPECT_EQ(ERR_peek_error(), 0u) << test.name;
  }
}

TEST_F(ClientCertificatesTest, ManyThreadsAskTheSame) {
  const auto authorities = made({{pem(root.certificate), list_of(root, {.serials = {"5"}}), {}}});
  const std::string good = der(make({}, &root).certificate);
  const std::string revoked = der(make({.serial = "5"}, &root).certificate);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 50; ++j) {
        EXPECT_EQ(outcome(authorities->judge(good, at(kNow))), "valid");
        EXPECT_EQ(outcome(authorities->judge(revoked, at(kNow))), "revoked");
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace gatehouse::crypto
