#include "apps/gatehouse/demo_certificates.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>

#include "platform/file.h"
#include "platform/random.h"

namespace gatehouse::apps {
namespace {

namespace fs = std::filesystem;

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using Buffer = std::unique_ptr<BIO, Freer<BIO_free_all>>;

std::string text_of(BIO* buffer) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(buffer, &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string pem_of(X509* certificate) {
  const Buffer buffer(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(buffer.get(), certificate);
  return text_of(buffer.get());
}

std::string pem_of(EVP_PKEY* key) {
  const Buffer buffer(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(buffer.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return text_of(buffer.get());
}

bool extend(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (extension == nullptr) return false;
  const bool added = X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

// A certificate for `key` with this name and lifetime; neither extended nor signed yet.
Certificate blank(EVP_PKEY* key, const std::string& common_name, X509* issuer) {
  Certificate certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  const std::string serial = random_bytes(15);
  BIGNUM* number = BN_bin2bn(reinterpret_cast<const unsigned char*>(serial.data()),
                             static_cast<int>(serial.size()), nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate.get()));
  BN_free(number);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 730L * 24 * 3600);
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                             0);
  X509_set_issuer_name(certificate.get(), issuer == nullptr ? name : X509_get_subject_name(issuer));
  X509_set_pubkey(certificate.get(), key);
  return certificate;
}

}  // namespace

std::expected<DemoCertificates, std::string> make_demo_certificates(
    const fs::path& directory, const std::string& host_pattern) {
  DemoCertificates files{directory / "ca.crt", directory / "server.crt", directory / "server.key"};
  if (fs::exists(files.authority) && fs::exists(files.certificate) && fs::exists(files.key)) {
    return files;
  }
  const Key authority_key(EVP_EC_gen("P-256"));
  const Key server_key(EVP_EC_gen("P-256"));
  if (!authority_key || !server_key) return std::unexpected("cannot make the demo's keys");
  const Certificate authority = blank(authority_key.get(), "Gatehouse demo authority", nullptr);
  const Certificate server = blank(server_key.get(), host_pattern, authority.get());
  const bool made =
      extend(authority.get(), authority.get(), NID_basic_constraints, "critical,CA:TRUE") &&
      extend(authority.get(), authority.get(), NID_key_usage, "critical,keyCertSign") &&
      extend(authority.get(), authority.get(), NID_subject_key_identifier, "hash") &&
      X509_sign(authority.get(), authority_key.get(), EVP_sha256()) > 0 &&
      extend(server.get(), authority.get(), NID_subject_alt_name, "DNS:" + host_pattern) &&
      extend(server.get(), authority.get(), NID_ext_key_usage, "serverAuth") &&
      extend(server.get(), authority.get(), NID_authority_key_identifier, "keyid") &&
      X509_sign(server.get(), authority_key.get(), EVP_sha256()) > 0;
  if (!made) return std::unexpected("cannot make the demo's certificates");
  const auto write = [](const fs::path& path, const std::string& text, mode_t mode) {
    return write_file_atomically(path, text, mode);
  };
  for (const auto& written : {write(files.authority, pem_of(authority.get()), 0644),
                              write(files.certificate, pem_of(server.get()), 0644),
                              write(files.key, pem_of(server_key.get()), 0600)}) {
    if (!written) return std::unexpected(written.error().message);
  }
  return files;
}

}  // namespace gatehouse::apps
