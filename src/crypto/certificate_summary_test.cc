#include "crypto/certificate_summary.h"

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

#include "crypto/digest.h"

namespace gatehouse::crypto {
namespace {

struct Made {
  std::string pem;
  std::string der;
};

Made make_certificate(std::int64_t not_after) {
  const std::shared_ptr<EVP_PKEY> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::shared_ptr<X509> certificate(X509_new(), X509_free);
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()), 1'700'000'000);
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), not_after);
  X509_set_pubkey(certificate.get(), key.get());
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  const auto written = [&](auto write) {
    const std::shared_ptr<BIO> bio(BIO_new(BIO_s_mem()), BIO_free);
    write(bio.get(), certificate.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return std::string(data, static_cast<std::size_t>(size));
  };
  return {written([](BIO* bio, X509* one) { PEM_write_bio_X509(bio, one); }),
          written([](BIO* bio, X509* one) { i2d_X509_bio(bio, one); })};
}

TEST(CertificateSummary, OfTheFirstCertificate) {
  const Made first = make_certificate(1'900'000'000);
  const Made second = make_certificate(1'950'000'000);
  for (const std::string& pem :
       {first.pem, "a comment\n" + first.pem, first.pem + second.pem, first.pem + "rest"}) {
    const auto summary = summarize_certificate(pem);
    ASSERT_TRUE(summary);
    EXPECT_EQ(summary->sha256, sha256(first.der));
    EXPECT_EQ(summary->not_after, from_epoch_seconds(1'900'000'000));
  }
}

TEST(CertificateSummary, OfNone) {
  const Made made = make_certificate(1'900'000'000);
  for (const std::string& text :
       {std::string(), std::string("x"), made.der, made.pem.substr(0, made.pem.size() / 2),
        std::string("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        std::string("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"),
        std::string("\0", 1) + "\n"}) {
    EXPECT_FALSE(summarize_certificate(text)) << text;
  }
}

}  // namespace
}  // namespace gatehouse::crypto
